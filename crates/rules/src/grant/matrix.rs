//! Who may do what, tried out role by role and proof by proof, and written down in `docs/RIGHTS.md`.

use std::fmt::Write as _;

use super::{
    Acting, ActingAs, ActionKind, Actor, Answer, Approved, BrakeLink, Challenge, Factor, FactorAnswer,
    FactorKind, FirstSession, Holder, ManagingKey, Origin, Proof, Staff, TwoFactor,
};
use crate::approval::{ApprovalHash, AskedChange, Asker, ChangeConsent, RequestApproval, WantedChange};
use crate::id::{AccountId, AppId, ApprovalId, KeyId, RequestId};
use crate::key::Environment;
use crate::person::{CodeKey, CodeTag, Device, SessionId};
use crate::policy::{Needed, Setting};
use crate::proposal::{Change, ChangeHash, Passed, Present, Proposal, ProposalId, Standing};
use crate::staff::Role;
use crate::time::Moment;

const NOW: Moment = Moment::from_unix_ms(1_000);

fn own() -> AccountId {
    AccountId::from_u64(1).unwrap()
}

fn another() -> AccountId {
    AccountId::from_u64(2).unwrap()
}

fn sub() -> AccountId {
    AccountId::from_u64(3).unwrap()
}

fn session() -> SessionId {
    SessionId::from_entropy([1; 16])
}

fn origin() -> Origin {
    Origin { address: "203.0.113.9".parse().unwrap(), device: Device::of("test") }
}

fn holder() -> Holder {
    Holder { account: own(), acting: None, session: session(), device_since: Moment::EPOCH, origin: origin() }
}

/// A user who acts for the sub-account [`sub`].
fn acting(by: ActingAs) -> Actor {
    Actor::Holder(Holder { acting: Some(Acting { sub_account: sub(), by }), ..holder() })
}

/// A master account's key that changes things of a sub-account, or of the master's list of sub-accounts.
fn managing(sub_account: Option<AccountId>) -> Actor {
    Actor::Key(ManagingKey {
        key: KeyId::from_entropy([7; 16]),
        master: own(),
        sub_account,
        request: RequestId(1),
        origin: origin(),
    })
}

/// The master account's approval of what its key asks for.
fn consent(action: ActionKind) -> ChangeConsent {
    let change = WantedChange {
        action: action.word().into(),
        hash: ApprovalHash::from_bytes([7; 32]),
        words: vec!["Do it".to_owned()],
    };
    let asked = AskedChange {
        request: RequestId(1),
        key: KeyId::from_entropy([7; 16]),
        account: sub(),
        master: own(),
        environment: Environment::Live,
        source: origin().address,
        change,
        at: NOW,
    };
    let asker = Asker { sub_account: "probeSub01".to_owned(), key_name: "bot".to_owned(), source: None };
    let waiting = RequestApproval::of_change(ApprovalId::from_u64(1).unwrap(), &asked, asker);
    waiting.approve(Some(own()), NOW).unwrap().consent(&asked, NOW).unwrap()
}

fn approved(action: ActionKind, session: Option<SessionId>) -> Approved {
    let tag = || CodeTag::from_bytes([7; 32]);
    let challenge = Challenge {
        action,
        account: Some(own()),
        session,
        intent: tag(),
        code: tag(),
        expires_at: NOW.plus_ms(1),
        tries: 1,
    };
    challenge.settle(&Answer { action, session, intent: tag(), code: tag() }, NOW).unwrap()
}

fn factor(kind: FactorKind) -> Factor {
    Factor::settle(own(), kind, TwoFactor::On, FactorAnswer::Right).unwrap()
}

/// The session in which `account` was made.
fn first(account: AccountId, session: SessionId) -> Proof {
    let first = FirstSession::settle((account, NOW), (session, NOW), TwoFactor::Off, NOW);
    Proof::FirstSession(first.unwrap())
}

/// A passed proposal for the action, where there is one.
fn passed(action: ActionKind) -> Option<Passed> {
    let changes = [
        Change::GrantRole(another(), Role::Auditor),
        Change::ThawAccount(another()),
        Change::ThawKey(KeyId::from_entropy([1; 16])),
        Change::ResetFactors(another()),
        Change::Loosen(Setting::MaxKeyAgeDays(None)),
        Change::VerifyApp(AppId::from_u64(1).unwrap()),
        Change::ApproveRanges(AppId::from_u64(1).unwrap(), 1),
        Change::WithdrawDemand(AppId::from_u64(1).unwrap()),
        Change::ThawApp(AppId::from_u64(1).unwrap()),
        Change::RotateMasterKey("0123456789abcdef".parse().unwrap()),
        Change::AnnounceMaintenance(NOW, NOW.plus_ms(1)),
    ];
    let change = changes.into_iter().find(|change| change.action() == action)?;
    let hash = ChangeHash::of(change, &[]);
    let proposal = Proposal {
        id: ProposalId::from_u64(1).unwrap(),
        change,
        hash,
        needed: Needed::Alone,
        requester: own(),
        made_at: NOW,
        expires_at: NOW.plus_ms(1),
        approvals: Vec::new(),
        standing: Standing::Open,
    };
    proposal.pass(&Present { operators: &[own()], hash, needed: Needed::Alone, now: NOW }).ok()
}

/// Every proof there is, weakest first, in words.
fn proofs(action: ActionKind, session: Option<SessionId>) -> Vec<(&'static str, Proof)> {
    let link = || {
        let key = CodeKey::new([1; 32]);
        BrakeLink::parse(&key, &BrakeLink::text(&key, own(), NOW), NOW).unwrap()
    };
    let mut all = vec![
        ("yes", Proof::None),
        ("one factor", Proof::Factor(factor(FactorKind::Password))),
        ("a second factor", Proof::Factor(factor(FactorKind::Totp))),
        ("a code by mail", Proof::Mail(approved(action, session))),
        ("the first session of a new account", first(own(), self::session())),
        (
            "second factor and code by mail",
            Proof::StepUp(approved(action, session), factor(FactorKind::Totp)),
        ),
        ("a link of ours", Proof::Link(link())),
        ("the master account's approval of the request", Proof::Consent(consent(action))),
    ];
    all.extend(passed(action).map(|passed| ("a proposal that others approved", Proof::Passed(passed))));
    all
}

fn roles() -> Vec<(&'static str, Actor)> {
    let staff = |role| Actor::Staff(Staff { holder: holder(), role });
    vec![
        ("nobody signed in", Actor::Visitor(origin())),
        ("holder", Actor::Holder(holder())),
        ("master, acting for a sub-account", acting(ActingAs::Master)),
        ("member, acting for a sub-account", acting(ActingAs::Member)),
        ("key that administers sub-accounts", managing(Some(sub()))),
        ("operator", staff(Role::Operator)),
        ("auditor", staff(Role::Auditor)),
        ("the host", Actor::Host("ops".to_owned())),
        ("duties", Actor::System("sweep")),
    ]
}

/// What a role must show for an action on an account's things: the weakest proof that is enough, or a dash.
fn cell(actor: &Actor, action: ActionKind, target: AccountId) -> &'static str {
    let system = matches!(actor, Actor::System(_));
    let duties = action.duties().iter().copied().map(Actor::System);
    let actors: Vec<Actor> = if system { duties.collect() } else { vec![actor.clone()] };
    let bound = actor.person().map(|_| session());
    for actor in actors {
        for (words, proof) in proofs(action, bound) {
            if actor.may(action, proof).is_ok_and(|grant| grant.scope().reaches(target)) {
                return words;
            }
        }
    }
    "–"
}

fn written_out() -> String {
    let mut text = String::from(
        "# Who may do what\n\nWritten by the test `rights_are_the_ones_written_down` from the code that decides: for every role, action \
         and target it tries every\nproof there is, weakest first, and notes the first that is enough. Remove this file and run the \
         test to write it again.\n\nAn operator's or auditor's own account is a holder's. Registration makes an account that is not \
         there yet, so it reaches\nnobody's things.\n\n| Action | On whose things |",
    );
    for (name, _) in roles() {
        let _ = write!(text, " {name} |");
    }
    text.push_str("\n|---|---|---|---|---|---|---|---|---|---|---|\n");
    for action in ActionKind::ALL {
        for (whose, target) in [("own", own()), ("the sub-account's", sub()), ("another's", another())] {
            let _ = write!(text, "| `{}` | {whose} |", action.word());
            for (_, actor) in roles() {
                let _ = write!(text, " {} |", cell(&actor, *action, target));
            }
            text.push('\n');
        }
    }
    text
}

#[test]
fn rights_are_the_ones_written_down() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/RIGHTS.md");
    let now = written_out();
    if !file.exists() {
        std::fs::write(&file, &now).unwrap();
        panic!("docs/RIGHTS.md was missing and is written anew: look at it, and run the test again");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), now, "docs/RIGHTS.md is not what the code says");
}

#[test]
fn an_auditor_changes_nothing_and_a_holder_nothing_of_others() {
    for action in ActionKind::ALL {
        for target in [own(), another()] {
            let auditor = Actor::Staff(Staff { holder: holder(), role: Role::Auditor });
            assert_eq!(cell(&auditor, *action, target), "–", "{action:?}");
        }
        assert_eq!(cell(&Actor::Holder(holder()), *action, another()), "–", "{action:?}");
    }
}

/// Whoever acts for a sub-account reaches it alone, and a member does nothing that its master may not do.
#[test]
fn who_acts_for_a_sub_account_reaches_it_alone() {
    for action in ActionKind::ALL {
        for by in [ActingAs::Master, ActingAs::Member] {
            for target in [own(), another()] {
                assert_eq!(cell(&acting(by), *action, target), "–", "{action:?}");
            }
        }
        let of = |by| cell(&acting(by), *action, sub());
        assert!(of(ActingAs::Member) == "–" || of(ActingAs::Member) == of(ActingAs::Master), "{action:?}");
        assert_eq!(cell(&Actor::Holder(holder()), *action, sub()), "–", "{action:?}");
    }
}

/// F5: a key does only what tightens, what lies within it, and what a person approved; and reaches one account alone.
#[test]
fn a_key_that_administers_sub_accounts_loosens_nothing_by_itself() {
    for action in ActionKind::ALL {
        let alone = managing(Some(sub())).may(*action, Proof::None);
        let asks = matches!(
            action,
            ActionKind::CreateSubAccount
                | ActionKind::TightenSubAccount
                | ActionKind::IssueKey
                | ActionKind::EditKey
                | ActionKind::NarrowKey
                | ActionKind::DeleteKey
                | ActionKind::AskApproval
        );
        assert_eq!(alone.is_ok(), asks, "{action:?}");
        for target in [own(), another()] {
            assert_eq!(cell(&managing(Some(sub())), *action, target), "–", "{action:?}");
        }
        assert_eq!(cell(&managing(None), *action, sub()), "–", "{action:?}");
        let other = managing(Some(sub())).may(*action, Proof::Consent(consent(ActionKind::CreateAccount)));
        assert!(other.is_err(), "{action:?} by the approval of something else");
        let person = Actor::Holder(holder()).may(*action, Proof::Consent(consent(*action)));
        assert_eq!(person.is_ok(), action.ceremony() == super::Ceremony::Session, "{action:?} by a person");
    }
}

#[test]
fn a_passed_proposal_is_good_for_its_own_action_only() {
    let operator = Actor::Staff(Staff { holder: holder(), role: Role::Operator });
    for action in ActionKind::ALL {
        let passed = passed(ActionKind::GrantRole).unwrap();
        let allowed = operator.may(*action, Proof::Passed(passed)).is_ok();
        let asks_nothing = action.operator_ceremony() == super::Ceremony::Session;
        assert_eq!(allowed, *action == ActionKind::GrantRole || asks_nothing, "{action:?}");
    }
}

#[test]
fn a_first_session_is_good_for_the_first_second_factor_and_nothing_else() {
    let actor = Actor::Holder(holder());
    for action in ActionKind::ALL {
        let good = matches!(action, ActionKind::EnrolTotp | ActionKind::EnrolPasskey);
        let asks_nothing = action.ceremony() == super::Ceremony::Session;
        assert_eq!(actor.may(*action, first(own(), session())).is_ok(), good || asks_nothing, "{action:?}");
        if good {
            let elsewhere = SessionId::from_entropy([2; 16]);
            assert!(actor.may(*action, first(own(), elsewhere)).is_err(), "{action:?}");
            assert!(actor.may(*action, first(another(), session())).is_err(), "{action:?}");
        }
    }
}
