//! Roles, proposals, policies, freezes and searches on both databases.

use keyward_rules::address::Binding;
use keyward_rules::app::FrozenBy;
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::policy::{Needed, Setting};
use keyward_rules::proposal::{Approval, Change, ChangeHash, Proposal, ProposalId, Standing};
use keyward_rules::secret::Secret;
use keyward_rules::staff::Role;
use keyward_store::{AppProfile, Demand, KeyDraft, StoreError};

use crate::conformance::an_app;
use crate::world::{NOW, World, commit, draft, random};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::sqlite().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    a_role_needs_a_second_factor,
    a_set_up_link_is_good_once,
    a_proposal_is_settled_once,
    policies_and_freezes_come_back,
    accounts_and_keys_are_found,
    open_proposals_wait_with_their_approvals,
    what_is_stopped_is_found
);

async fn person(world: &World, factor: bool) -> AccountId {
    let account = world.with_account().await;
    let mut tx = world.begin().await;
    tx.insert_person(account, &Secret::new("hash".to_owned()), "amber kite").await.unwrap();
    if factor {
        tx.set_totp(account, Some(&Secret::new(vec![7; 20])), 0).await.unwrap();
    }
    commit(tx).await;
    account
}

async fn a_role_needs_a_second_factor(world: World) {
    let (with, without) = (person(&world, true).await, person(&world, false).await);
    let mut tx = world.begin().await;
    tx.set_role(with, Some(Role::Operator)).await.unwrap();
    tx.set_role(without, Some(Role::Operator)).await.unwrap();
    assert_eq!(tx.staff().await.unwrap().iter().map(|one| one.account).collect::<Vec<_>>(), [with]);
    commit(tx).await;
    let reader = world.store.reader();
    assert_eq!(reader.role_of(with).await.unwrap(), Some(Role::Operator));
    assert_eq!(reader.role_of(without).await.unwrap(), None);
    let mut tx = world.begin().await;
    tx.set_role(with, Some(Role::Auditor)).await.unwrap();
    commit(tx).await;
    assert_eq!(reader.staff().await.unwrap()[0].role, Role::Auditor);
    let mut tx = world.begin().await;
    tx.set_role(with, None).await.unwrap();
    commit(tx).await;
    assert_eq!(reader.role_of(with).await.unwrap(), None);
}

async fn a_set_up_link_is_good_once(world: World) {
    let mut tx = world.begin().await;
    assert!(!tx.set_up_was_offered().await.unwrap());
    tx.insert_set_up_link(&[1; 32], NOW.plus_ms(10)).await.unwrap();
    tx.insert_set_up_link(&[2; 32], NOW.plus_ms(10)).await.unwrap();
    commit(tx).await;
    let reader = world.store.reader();
    assert!(!reader.set_up_link_is_good(&[1; 32], NOW).await.unwrap(), "a newer one voids it");
    assert!(reader.set_up_link_is_good(&[2; 32], NOW).await.unwrap());
    assert!(!reader.set_up_link_is_good(&[2; 32], NOW.plus_ms(10)).await.unwrap());
    let mut tx = world.begin().await;
    assert!(tx.use_set_up_link(&[2; 32]).await.unwrap());
    assert!(!tx.use_set_up_link(&[2; 32]).await.unwrap());
    assert!(tx.set_up_was_offered().await.unwrap());
    commit(tx).await;
}

async fn a_proposal_is_settled_once(world: World) {
    let (ann, ben) = (person(&world, true).await, person(&world, true).await);
    let change = Change::GrantRole(ben, Role::Auditor);
    let words = vec!["Make ben an auditor".to_owned(), "50% *of* {{it}}".to_owned()];
    let hash = ChangeHash::of(change, &words);
    let proposal = Proposal {
        id: ProposalId::from_u64(1).unwrap(),
        change,
        hash,
        needed: Needed::TWO,
        requester: ann,
        made_at: NOW,
        expires_at: NOW.plus_ms(5),
        approvals: Vec::new(),
        standing: Standing::Open,
    };
    let mut tx = world.begin().await;
    let first = tx.insert_proposal(proposal.clone(), &words).await.unwrap();
    let second = tx.insert_proposal(proposal.clone(), &words).await.unwrap();
    assert_eq!((first.as_u64(), second.as_u64(), tx.open_proposals().await.unwrap()), (1, 2, 2));
    commit(tx).await;
    let approval = Approval { by: ben, hash, at: NOW };
    let mut tx = world.begin().await;
    tx.insert_approval(first, &approval).await.unwrap();
    commit(tx).await;
    let mut tx = world.begin().await;
    let twice = tx.insert_approval(first, &approval).await;
    assert!(matches!(twice, Err(StoreError::Exists { .. })));
    drop(tx);
    let record = world.store.reader().proposal(first).await.unwrap().unwrap();
    assert_eq!((record.proposal.approvals.as_slice(), &record.words), ([approval].as_slice(), &words));
    assert_eq!(Proposal { approvals: Vec::new(), ..record.proposal.clone() }, proposal);
    let mut tx = world.begin().await;
    tx.settle_proposal(&record, Standing::Done, Some(ben)).await.unwrap();
    commit(tx).await;
    let mut tx = world.begin().await;
    let again = tx.settle_proposal(&record, Standing::Cancelled, Some(ann)).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
    drop(tx);
    let all = world.store.reader().proposals(None, 10).await.unwrap();
    let standings: Vec<Standing> = all.iter().map(|one| one.as_ref().unwrap().proposal.standing).collect();
    assert_eq!(standings, [Standing::Open, Standing::Done]);
    assert_eq!(all[1].as_ref().unwrap().settled, Some((NOW, Some(ben))));
}

async fn policies_and_freezes_come_back(world: World) {
    let ann = person(&world, true).await;
    let mut tx = world.begin().await;
    for value in ["90", "30"] {
        tx.set_policy(Setting::parse("max_key_age_days", value).unwrap(), ann).await.unwrap();
    }
    tx.set_frozen(ann, Some(NOW)).await.unwrap();
    assert_eq!(tx.frozen_since(ann).await.unwrap(), Some(NOW));
    commit(tx).await;
    let policies = world.store.reader().policies().await.unwrap();
    assert_eq!((policies.len(), policies[0].setting.value().as_str(), policies[0].set_by), (1, "30", ann));
    assert_eq!(world.store.reader().frozen_since(ann).await.unwrap(), Some(NOW));
    let mut tx = world.begin().await;
    tx.set_frozen(ann, None).await.unwrap();
    commit(tx).await;
    assert_eq!(world.store.reader().frozen_since(ann).await.unwrap(), None);
}

async fn accounts_and_keys_are_found(world: World) {
    let (account, key) = world.with_key("Bot 50%_\\x").await;
    let ann = person(&world, true).await;
    let (reader, all) = (world.store.reader(), Scope::All);
    let found = reader.search_accounts(all, &account.to_string(), None, 10).await.unwrap();
    assert_eq!((found.len(), found[0].keys, found[0].two_factor), (1, 1, false));
    assert!(reader.oversee(all, ann).await.unwrap().unwrap().two_factor);
    assert!(reader.oversee(Scope::Account(ann), ann).await.unwrap().is_none());
    for (text, count) in [("bot", 1), ("50%", 1), ("%_\\", 1), ("5%%", 0), ("b_t", 0), ("", 1)] {
        assert_eq!(reader.search_keys(all, text, None, 10).await.unwrap().len(), count, "{text}");
    }
    assert!(reader.search_keys(all, &key.to_string(), None, 10).await.unwrap()[0].is_ok());
    assert!(reader.search_keys(Scope::Account(account), "", None, 10).await.unwrap().is_empty());
    let counts = reader.counts(all, NOW).await.unwrap();
    assert_eq!((counts.accounts, counts.keys), (2, vec![("active".to_owned(), 1)]));
}

async fn open_proposals_wait_with_their_approvals(world: World) {
    let (ann, ben) = (person(&world, true).await, person(&world, true).await);
    let words = vec!["Make ben an auditor".to_owned()];
    let change = Change::GrantRole(ben, Role::Auditor);
    let hash = ChangeHash::of(change, &words);
    let proposal = |expires_at| Proposal {
        id: ProposalId::from_u64(1).unwrap(),
        change,
        hash,
        needed: Needed::TWO,
        requester: ann,
        made_at: NOW,
        expires_at,
        approvals: Vec::new(),
        standing: Standing::Open,
    };
    let approval = Approval { by: ben, hash, at: NOW };
    let mut tx = world.begin().await;
    let first = tx.insert_proposal(proposal(NOW.plus_ms(9)), &words).await.unwrap();
    let short = tx.insert_proposal(proposal(NOW.plus_ms(5)), &words).await.unwrap();
    let last = tx.insert_proposal(proposal(NOW.plus_ms(9)), &words).await.unwrap();
    for id in [short, last] {
        tx.insert_approval(id, &approval).await.unwrap();
    }
    commit(tx).await;
    let reader = world.store.reader();
    let waiting = async |ms: u64, limit: usize| {
        let found = reader.waiting_proposals(NOW.plus_ms(ms), limit).await.unwrap();
        let of = |one: Result<keyward_store::ProposalRecord, StoreError>| {
            let record = one.unwrap();
            (record.proposal.id, record.proposal.approvals)
        };
        found.into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(waiting(0, 10).await, [(first, vec![]), (short, vec![approval]), (last, vec![approval])]);
    assert_eq!(waiting(0, 1).await, [(first, vec![])]);
    assert_eq!(waiting(5, 10).await, [(first, vec![]), (last, vec![approval])], "one is over");
    let record = reader.proposal(last).await.unwrap().unwrap();
    let mut tx = world.begin().await;
    tx.settle_proposal(&record, Standing::Cancelled, Some(ann)).await.unwrap();
    commit(tx).await;
    assert_eq!(waiting(5, 10).await, [(first, vec![])], "one is cancelled");
}

async fn what_is_stopped_is_found(world: World) {
    let (ann, ben) = (person(&world, true).await, person(&world, false).await);
    let (owner, _) = world.with_key("bot").await;
    let (profile, version, _) = an_app(owner);
    let demand = Some(Demand { made_at: NOW.plus_ms(1), due: NOW.plus_ms(2) });
    let profile = AppProfile { frozen: Some(FrozenBy::Broker), demand, ..profile };
    let mut tx = world.begin().await;
    tx.put_app_profile(&profile).await.unwrap();
    tx.put_range_version(&version).await.unwrap();
    tx.set_frozen(ben, Some(NOW)).await.unwrap();
    tx.set_frozen(ann, Some(NOW.plus_ms(1))).await.unwrap();
    commit(tx).await;
    let reader = world.store.reader();
    let frozen = reader.frozen_accounts(Scope::All, 10).await.unwrap();
    let frozen: Vec<_> = frozen.iter().map(|one| (one.account.id, one.frozen_at, one.two_factor)).collect();
    assert_eq!(frozen, [(ben, Some(NOW), false), (ann, Some(NOW.plus_ms(1)), true)]);
    assert_eq!(reader.frozen_accounts(Scope::All, 1).await.unwrap().len(), 1);
    assert!(reader.frozen_accounts(Scope::Account(ann), 10).await.unwrap().is_empty());
    let ids = |found: Vec<AppProfile>| found.into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(reader.frozen_app_profiles(10).await.unwrap()), [profile.id]);
    assert_eq!(ids(reader.app_profiles_with_submitted_ranges(10).await.unwrap()), [profile.id]);
    // A demand is overdue while keys that were made before it have not ended.
    let overdue = async |ms: u64| reader.overdue_app_profiles(NOW.plus_ms(ms), 10).await.unwrap().len();
    assert_eq!(overdue(2).await, 0, "no key is bound to the app");
    let mut tx = world.begin().await;
    let bound = KeyId::from_entropy(random());
    let key = KeyDraft { binding: Binding::App(profile.id), ..draft(bound, owner, "app") };
    tx.insert_key(key).await.unwrap();
    commit(tx).await;
    assert_eq!((overdue(1).await, overdue(2).await), (0, 1));
}
