//! Copies of SQLite's files while a server writes to them.

use keyward_rules::id::Revision;
use keyward_store::copy;

use crate::world::{World, commit, draft, random};

/// A revocation must not wait for a backup, nor a backup for a change that somebody holds open.
#[tokio::test]
async fn a_copy_and_a_change_wait_for_each_other_in_no_way() {
    let world = World::sqlite().await;
    let (account, _) = world.with_key("before").await;
    let mut open = world.begin().await;
    open.insert_key(draft(keyward_rules::id::KeyId::from_entropy(random()), account, "under way"))
        .await
        .unwrap();
    let folder = world.file().parent().unwrap().to_owned();
    let to = folder.join("copy");
    std::fs::create_dir(&to).unwrap();
    let (from, into) = (folder.clone(), to.clone());
    let copied = tokio::task::spawn_blocking(move || copy(&from, &into)).await.unwrap().unwrap();
    assert_eq!(copied.seen.revision, Revision(1), "what was committed is in it, and nothing else");
    commit(open).await;
    // A copy holds what was committed when it began, whatever comes while it is taken.
    let again = folder.join("again");
    std::fs::create_dir(&again).unwrap();
    let (from, into) = (folder.clone(), again.clone());
    let copying = tokio::task::spawn_blocking(move || copy(&from, &into));
    for number in 0..20 {
        world.add_key(account, &format!("meanwhile {number}")).await.unwrap();
    }
    let copied = copying.await.unwrap().unwrap();
    assert!((2..=22).contains(&copied.seen.revision.0), "{:?}", copied.seen);
}
