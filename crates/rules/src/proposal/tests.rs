use super::{Approval, Change, ChangeHash, NotPassed, Passed, Present, Proposal, ProposalId, Standing};
use crate::grant::{Actor, Proof};
use crate::id::AccountId;
use crate::policy::{Needed, Setting};
use crate::staff::Role;
use crate::time::Moment;

fn account(number: u64) -> AccountId {
    AccountId::from_u64(number).unwrap()
}

fn at(ms: u64) -> Moment {
    Moment::from_unix_ms(ms)
}

const WORDS: &str = "Make carol@keyward.example an operator";

fn hash() -> ChangeHash {
    ChangeHash::of(Change::GrantRole(account(3), Role::Operator), &[WORDS.to_owned()])
}

/// By account 1, for account 3.
fn proposal() -> Proposal {
    Proposal {
        id: ProposalId::from_u64(1).unwrap(),
        change: Change::GrantRole(account(3), Role::Operator),
        hash: hash(),
        needed: Needed::TWO,
        requester: account(1),
        made_at: at(0),
        expires_at: at(100),
        approvals: Vec::new(),
        standing: Standing::Open,
    }
}

fn approved_by(people: &[u64]) -> Proposal {
    let approvals = people.iter().map(|by| Approval { by: account(*by), hash: hash(), at: at(1) }).collect();
    Proposal { approvals, ..proposal() }
}

fn present(operators: &[AccountId]) -> Present<'_> {
    Present { operators, hash: hash(), needed: Needed::TWO, now: at(50) }
}

#[test]
fn a_change_has_one_spelling() {
    let key = "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091";
    let changes = [
        "role.grant 3 operator".to_owned(),
        "role.grant 3 auditor".to_owned(),
        "account.thaw 7".to_owned(),
        format!("key.thaw {key}"),
        "account.factors.reset 7".to_owned(),
        "policy.loosen operators_needed 1".to_owned(),
        "policy.loosen max_key_age_days none".to_owned(),
        "master_key.rotate 0123456789abcdef".to_owned(),
        "app.verify 7".to_owned(),
        "app.ranges.approve 7 12".to_owned(),
        "app.thaw 7".to_owned(),
        "app.demand.withdraw 7".to_owned(),
        "maintenance.announce 1000 604801000".to_owned(),
    ];
    for text in &changes {
        assert_eq!(Change::parse(text).map(|change| change.to_string()).as_ref(), Some(text));
    }
    for text in [
        "",
        "role.grant",
        "role.grant 3 Operator",
        "role.grant 03 operator",
        "role.grant 3 operator ",
        "role.grant  3 operator",
        "role.grant * operator",
        "account.thaw 0",
        "account.thaw {{id}}",
        "policy.loosen operators_needed 0",
        "policy.loosen anything 1",
        "key.thaw *",
        "master_key.rotate 0123456789ABCDEF",
        "app.verify 07",
        "app.verify *",
        "app.ranges.approve 7",
        "app.ranges.approve 7 0",
        "app.ranges.approve 7 01",
        "app.thaw",
        "master_key.rotate 0123456789abcde",
        "maintenance.announce 1000",
        "maintenance.announce 1000 1000",
        "maintenance.announce 2000 1000",
        "maintenance.announce 1000 604801001",
        "maintenance.announce 01 2",
        "master_key.rotate +123456789abcdef",
    ] {
        assert_eq!(Change::parse(text), None, "{text:?}");
    }
}

#[test]
fn a_hash_covers_every_word() {
    let change = Change::Loosen(Setting::OperatorsNeeded(Needed::Alone));
    let of = |words: &[&str]| {
        ChangeHash::of(change, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    };
    assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    assert_ne!(of(&["a"]), of(&["a", ""]));
    assert_eq!(ChangeHash::parse(&of(&["a"]).to_string()), Some(of(&["a"])));
    assert_eq!(ChangeHash::parse(&of(&["a"]).to_string().to_uppercase()), None);
}

#[test]
fn one_other_operator_is_enough_and_the_requester_is_none() {
    let operators = [account(1), account(2)];
    let now = present(&operators);
    assert_eq!(proposal().pass(&now).unwrap_err(), NotPassed::NotEnough { have: 0, need: 1 });
    assert_eq!(proposal().approve(account(1), hash(), &now), Err(NotPassed::OwnProposal));
    let approval = proposal().approve(account(2), hash(), &now).unwrap();
    let passed = Proposal { approvals: vec![approval], ..proposal() }.pass(&now).unwrap();
    assert_eq!(passed.change(), Change::GrantRole(account(3), Role::Operator));
    // An approval of the requester that somehow stands in the store counts for nothing.
    assert!(approved_by(&[1]).pass(&now).is_err());
}

#[test]
fn the_same_person_twice_is_one() {
    let operators = [account(1), account(2), account(4)];
    let now = Present { needed: Needed::of_operators(3).unwrap(), ..present(&operators) };
    assert_eq!(approved_by(&[2]).approve(account(2), hash(), &now), Err(NotPassed::Twice));
    assert_eq!(approved_by(&[2, 2]).pass(&now).unwrap_err(), NotPassed::NotEnough { have: 1, need: 2 });
    assert!(approved_by(&[2, 4]).pass(&now).is_ok());
}

#[test]
fn who_is_no_operator_now_counts_for_nothing() {
    let operators = [account(1), account(4)];
    let now = present(&operators);
    assert_eq!(proposal().approve(account(2), hash(), &now), Err(NotPassed::NotAnOperator));
    assert_eq!(approved_by(&[2]).pass(&now).unwrap_err(), NotPassed::NotEnough { have: 0, need: 1 });
    // The requester's own place counts as well.
    let without_requester = [account(2), account(4)];
    let now = present(&without_requester);
    assert_eq!(approved_by(&[2]).pass(&now).unwrap_err(), NotPassed::NotAnOperator);
    assert_eq!(proposal().approve(account(2), hash(), &now), Err(NotPassed::NotAnOperator));
}

#[test]
fn a_changed_settled_or_old_proposal_goes_nowhere() {
    let operators = [account(1), account(2)];
    let now = present(&operators);
    let other = ChangeHash::of(Change::GrantRole(account(3), Role::Operator), &["Nothing much".to_owned()]);
    assert_eq!(proposal().approve(account(2), other, &now), Err(NotPassed::Changed));
    let renamed = Present { hash: other, ..present(&operators) };
    assert_eq!(approved_by(&[2]).pass(&renamed).unwrap_err(), NotPassed::Changed);
    // An approval of other words than those that stand now counts for nothing.
    let stale = Approval { by: account(2), hash: other, at: at(1) };
    assert!(Proposal { approvals: vec![stale], ..proposal() }.pass(&now).is_err());
    for standing in [Standing::Done, Standing::Cancelled] {
        let settled = Proposal { standing, ..approved_by(&[2]) };
        assert_eq!(settled.pass(&now).unwrap_err(), NotPassed::Settled);
        assert_eq!(settled.approve(account(2), hash(), &now), Err(NotPassed::Settled));
    }
    let late = Present { now: at(100), ..present(&operators) };
    assert_eq!(approved_by(&[2]).pass(&late).unwrap_err(), NotPassed::Over);
    assert_eq!(proposal().approve(account(2), hash(), &late), Err(NotPassed::Over));
}

#[test]
fn the_stricter_threshold_counts() {
    let operators = [account(1), account(2)];
    let three = Needed::of_operators(3).unwrap();
    assert!(approved_by(&[2]).pass(&Present { needed: three, ..present(&operators) }).is_err());
    let made_stricter = Proposal { needed: three, ..approved_by(&[2]) };
    assert!(made_stricter.pass(&Present { needed: Needed::Alone, ..present(&operators) }).is_err());
    let alone = Proposal { needed: Needed::Alone, ..proposal() };
    assert!(alone.pass(&Present { needed: Needed::Alone, ..present(&operators) }).is_ok());
    assert!(alone.pass(&present(&operators)).is_err());
}

#[test]
fn without_operators_the_host_replaces_the_master_key_and_nothing_else() {
    let rotate = Change::parse("master_key.rotate 0123456789abcdef").unwrap();
    let passed = |change, operators: &[AccountId]| {
        let passed = Passed::without_operators(change, operators)?;
        Some(Actor::Host("ops".to_owned()).may(change.action(), Proof::Passed(passed)).is_ok())
    };
    assert_eq!(passed(rotate, &[]), Some(true));
    assert_eq!(passed(rotate, &[account(1)]), None);
    assert_eq!(passed(Change::ThawAccount(account(7)), &[]), None);
    assert!(Actor::Host("ops".to_owned()).may(rotate.action(), Proof::None).is_err());
}
