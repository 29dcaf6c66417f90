//! Signs the log as it stands, if it is a continuation of what was signed before, and sees that the note gets out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keyward_notify::Post;
use keyward_rules::log::{Checkpoint, SigningKey};
use keyward_rules::time::Moment;
use keyward_store::Log;
use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use super::Folder;
use crate::ambient;
use crate::checkpoint::{Checkpoint as NodeFile, Signed};
use crate::tasks::Heartbeat;

/// How often the log is looked at.
const EVERY: Duration = Duration::from_secs(60);

/// Who signs.
pub struct Notary {
    log: Log,
    key: SigningKey,
    folder: Option<Folder>,
    post: Option<Post>,
    /// Where signed checkpoints are counted, outside the store.
    node: Option<Arc<NodeFile>>,
    /// Whether it is known what lies in the folder.
    folder_is_read: bool,
    /// The last checkpoint that is known to be signed, here or by what lies in the folder.
    last: Option<Checkpoint>,
    /// Not yet in the folder.
    unkept: Option<(u64, String)>,
    /// Not yet sent.
    unsent: Option<String>,
    /// What was said already, so that an outage is one line and not one a minute.
    said: Said,
}

#[derive(Default)]
struct Said {
    unsigned: bool,
    unkept: bool,
    unsent: bool,
}

impl Notary {
    /// Signs `log` with `key`; notes go into `folder` and to `post`.
    pub fn new(log: Log, key: SigningKey, folder: Option<Folder>, post: Option<Post>) -> Self {
        Self {
            log,
            key,
            folder,
            post,
            node: None,
            folder_is_read: false,
            last: None,
            unkept: None,
            unsent: None,
            said: Said::default(),
        }
    }

    /// Counts signed checkpoints in the node's file.
    pub fn counted_in(self, node: Option<Arc<NodeFile>>) -> Self {
        Self { node, ..self }
    }

    /// Signs what came since the last time, and lets out what is not out yet.
    pub async fn look(&mut self, now: Moment) {
        match self.sign(now).await {
            Ok(made) => {
                if let Some((size, note)) = made {
                    self.unkept = Some((size, note.clone()));
                    self.unsent = Some(note);
                }
                self.said.unsigned = false;
                self.keep();
            }
            Err(problem) if !self.said.unsigned => {
                self.said.unsigned = true;
                error!("no checkpoint of the audit log is signed: {problem:#}");
            }
            Err(_) => {}
        }
        self.send().await;
    }

    /// Takes up where the folder's newest checkpoint ends, before anything is written over it. A folder that is out of
    /// reach is read once it is back.
    fn read_folder(&mut self) -> Result<()> {
        let Some(folder) = self.folder.as_ref().filter(|_| !self.folder_is_read) else { return Ok(()) };
        let Ok(note) = folder.latest() else { return Ok(()) };
        if let Some(note) = note {
            let found = Checkpoint::open_any_name(&note, self.key.verifier()).context(
                "the newest file in audit.checkpoint_dir is no checkpoint of this log; choose another folder",
            )?;
            self.last = self.last.take().filter(|last| last.size >= found.size).or(Some(found));
        }
        self.folder_is_read = true;
        Ok(())
    }

    /// A new checkpoint, if the log grew. Whoever signs a log that is no continuation makes a rewrite official.
    async fn sign(&mut self, now: Moment) -> Result<Option<(u64, String)>> {
        self.read_folder()?;
        let stored = self.log.newest_checkpoint().await?.map(|(_, note)| note);
        let stored = stored.map(|note| Checkpoint::open_any_name(&note, self.key.verifier())).transpose();
        let stored =
            stored.context("the newest stored checkpoint does not count; run `keyward audit verify`")?;
        let size = self.log.size().await?;
        for before in [stored.as_ref(), self.last.as_ref()].into_iter().flatten() {
            if before.size > size {
                bail!(
                    "it has {size} records, but {} were signed already: it was cut off, or a backup was restored; run \
                     `keyward audit verify`",
                    before.size
                );
            }
            if self.log.root(before.size).await? != before.root {
                bail!(
                    "its first {} records are not those that were signed: run `keyward audit verify`",
                    before.size
                );
            }
        }
        let known = stored.as_ref().map_or(0, |before| before.size);
        if size == known {
            // Another node may have signed it; the places of this one get it all the same.
            let fresh = self.last.as_ref().is_none_or(|last| last.size < size);
            self.last = self.last.take().filter(|_| !fresh).or(stored);
            let note = if fresh { self.log.newest_checkpoint().await? } else { None };
            if fresh {
                self.count(0).await;
            }
            return Ok(note);
        }
        let root = self.log.root(size).await?;
        let checkpoint = Checkpoint { origin: self.key.verifier().origin().clone(), size, root };
        let note = checkpoint.sign(&self.key);
        let made = self.log.keep_checkpoint(size, &note, now).await?;
        self.last = Some(checkpoint);
        self.count(u64::from(made)).await;
        Ok(Some((size, note)))
    }

    /// Has the node's file count the checkpoints, `made` of which were signed just now. The file comes last: who compares the
    /// two reads the file first, and must find in the store what it says.
    async fn count(&self, made: u64) {
        let Some(node) = self.node.clone() else { return };
        let found = match self.log.checkpoint_count().await {
            Ok((count, newest)) => Signed { count, newest },
            Err(problem) => {
                warn!(%problem, "the signed checkpoints of the audit log cannot be counted; the next one counts them");
                return;
            }
        };
        // A panic there is no reason to call a signed checkpoint unsigned.
        let _ = tokio::task::spawn_blocking(move || node.count_signed(found, made)).await;
    }

    fn keep(&mut self) {
        let (Some(folder), Some((size, note))) = (&self.folder, &self.unkept) else { return };
        let kept = match folder.latest() {
            Ok(_) if !self.folder_is_read => return,
            Ok(_) => folder.keep(*size, note),
            Err(problem) => Err(problem),
        };
        match kept {
            Ok(()) => {
                if std::mem::take(&mut self.said.unkept) {
                    info!("checkpoints of the audit log are written again");
                }
                self.unkept = None;
            }
            Err(problem) if !self.said.unkept => {
                self.said.unkept = true;
                error!(
                    "checkpoints of the audit log cannot be written, and are tried every minute: {problem:#}"
                );
            }
            Err(_) => {}
        }
    }

    async fn send(&mut self) {
        let (Some(post), Some(note)) = (&self.post, &self.unsent) else { return };
        match post.send(note).await {
            Ok(()) => {
                if std::mem::take(&mut self.said.unsent) {
                    info!("checkpoints of the audit log are sent again");
                }
                self.unsent = None;
            }
            Err(problem) if !self.said.unsent => {
                self.said.unsent = true;
                let problem = anyhow::Error::from(problem);
                warn!("checkpoints of the audit log are not sent, and are tried every minute: {problem:#}");
            }
            Err(_) => {}
        }
    }
}

/// Looks once a minute until aborted.
pub async fn run(notary: Arc<Mutex<Notary>>, pulse: Heartbeat) {
    let mut notary = notary.lock().await;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        notary.look(ambient::now()).await;
        pulse.beat();
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use keyward_authority::accounts::CreateAccount;
    use keyward_authority::{Action as _, Settings};
    use keyward_notify::Post;
    use keyward_rules::account::Email;
    use keyward_rules::grant::{Actor, Proof};
    use keyward_rules::log::{Checkpoint, Origin, SigningKey};
    use keyward_rules::time::Moment;
    use keyward_store::{Location, MasterKey, Store};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::{Arc, Folder, NodeFile, Notary};
    use crate::{ambient, checkpoint, node};

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

    struct World {
        store: Store,
        path: PathBuf,
        made: u32,
    }

    impl World {
        async fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("keyward-notary-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            let location = Location::Folder(path.clone());
            let master = MasterKey::new([9; 32]);
            let store = Store::open(&location, &master, ambient::entropy(), NOW).await.unwrap();
            let mut world = Self { store, path, made: 0 };
            world.change().await;
            world
        }

        /// One change, with its record.
        async fn change(&mut self) {
            self.made += 1;
            let authority = node::authority(&self.store, Settings::default());
            let email = Email::parse(&format!("a{}@keyward.example", self.made)).unwrap();
            let context = authority.context(Actor::Host("ops".into()), NOW);
            CreateAccount(email).perform(&context, Proof::None).await.unwrap();
        }

        fn notary(&self, post: Option<&str>) -> Notary {
            let folder = Folder::new(&self.path.join("out"));
            let post = post.map(|url| Post::new(url).unwrap());
            Notary::new(self.store.log(), key(), Some(folder), post)
        }

        /// How many records the newest file covers.
        fn latest(&self) -> u64 {
            let note = std::fs::read_to_string(self.path.join("out/latest")).unwrap();
            Checkpoint::open(&note, key().verifier()).unwrap().size
        }

        async fn stored(&self) -> u64 {
            self.store.log().newest_checkpoint().await.unwrap().map_or(0, |(size, _)| size)
        }

        fn edit(&self, sql: &str) {
            rusqlite::Connection::open(self.path.join("keyward.db")).unwrap().execute_batch(sql).unwrap();
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }

    fn key() -> SigningKey {
        SigningKey::from_seed(Origin::parse("keyward/audit").unwrap(), &[5; 32]).unwrap()
    }

    #[tokio::test]
    async fn a_log_that_grew_is_signed_once() {
        let mut world = World::new("grew").await;
        let mut notary = world.notary(None);
        notary.look(NOW).await;
        notary.look(NOW).await;
        assert_eq!((world.latest(), world.stored().await), (1, 1));
        world.change().await;
        world.change().await;
        notary.look(NOW).await;
        assert_eq!((world.latest(), world.stored().await), (3, 3));
        let files = std::fs::read_dir(world.path.join("out")).unwrap().count();
        assert_eq!(files, 3, "one for each and the latest");
    }

    /// F73: places that are gone hold nothing up, and get the newest note once they are back.
    #[tokio::test]
    async fn a_place_that_fails_holds_nothing_up() {
        let mut world = World::new("fails").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut notary = world.notary(Some(&format!("http://{address}/")));
        std::fs::write(world.path.join("out"), "no folder any more").unwrap();
        notary.look(NOW).await;
        world.change().await;
        notary.look(NOW).await;
        assert_eq!(world.stored().await, 2, "signed all the same");
        assert!(notary.said.unkept && notary.said.unsent);

        std::fs::remove_file(world.path.join("out")).unwrap();
        std::fs::create_dir(world.path.join("out")).unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let taken = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let count = stream.read(&mut asked).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&asked[..count]).into_owned()
        });
        notary.look(NOW).await;
        assert_eq!(world.latest(), 2);
        assert!(taken.await.unwrap().contains("\r\n\r\nkeyward/audit\n2\n"));
        assert!(notary.unsent.is_none() && notary.unkept.is_none());
    }

    /// A rewrite must not become official in the next minute, nor by a restart, nor by emptying the table.
    #[tokio::test]
    async fn what_is_no_continuation_is_not_signed() {
        let mut world = World::new("rewrite").await;
        world.change().await;
        let mut notary = world.notary(None);
        notary.look(NOW).await;
        assert_eq!(world.latest(), 2);
        world.edit("UPDATE audit_hashes SET hash = zeroblob(32) WHERE i = 2; DELETE FROM audit_checkpoints");
        world.change().await;
        notary.look(NOW).await;
        assert!(notary.said.unsigned);
        let mut anew = world.notary(None);
        anew.look(NOW).await;
        assert!(anew.said.unsigned);
        assert_eq!((world.latest(), world.stored().await), (2, 0));
        world.edit("UPDATE head SET audit = 1");
        notary.look(NOW).await;
        assert_eq!((world.latest(), world.stored().await), (2, 0), "cut off");
    }

    #[tokio::test]
    async fn signed_checkpoints_are_counted_outside_the_store() {
        let mut world = World::new("counted").await;
        let file = world.path.join("node");
        let (node, _) = NodeFile::follow(&file).unwrap();
        let mut notary = world.notary(None).counted_in(Some(Arc::new(node)));
        let counted = || {
            let signed = checkpoint::read(&file).unwrap().unwrap().signed;
            (signed.count, signed.newest)
        };
        notary.look(NOW).await;
        notary.look(NOW).await;
        assert_eq!(counted(), (1, 1));
        world.change().await;
        notary.look(NOW).await;
        assert_eq!(counted(), (2, 2));
        // Another node signs.
        world.change().await;
        world.notary(None).look(NOW).await;
        notary.look(NOW).await;
        assert_eq!(counted(), (3, 3));
        // Somebody deletes the first two.
        world.edit("DELETE FROM audit_checkpoints WHERE size < 3");
        world.change().await;
        notary.look(NOW).await;
        assert_eq!((counted(), world.store.log().checkpoint_count().await.unwrap()), ((4, 4), (2, 4)));
        // Neither a restart nor an empty table lets it be forgotten.
        world.edit("DELETE FROM audit_checkpoints");
        let (node, _) = NodeFile::follow(&file).unwrap();
        let mut anew = world.notary(None).counted_in(Some(Arc::new(node)));
        world.change().await;
        anew.look(NOW).await;
        assert_eq!(counted(), (5, 5));
        // A file that cannot be written holds nothing up.
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        world.change().await;
        anew.look(NOW).await;
        assert_eq!((world.stored().await, world.latest()), (6, 6));
    }

    #[tokio::test]
    async fn another_logs_folder_is_refused() {
        let world = World::new("other").await;
        world.notary(None).look(NOW).await;
        let folder = Folder::new(&world.path.join("out"));
        let other = SigningKey::from_seed(Origin::parse("keyward/audit").unwrap(), &[6; 32]).unwrap();
        world.edit("DELETE FROM audit_checkpoints");
        let mut notary = Notary::new(world.store.log(), other, Some(folder), None);
        notary.look(NOW).await;
        assert!(notary.said.unsigned);
        assert_eq!(world.stored().await, 0);
        assert_eq!(world.latest(), 1);
    }
}
