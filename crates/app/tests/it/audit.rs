//! `keyward audit verify` finds everything that somebody can do to the log past the program, and says which record.

use std::path::{Path, PathBuf};
use std::process::Command;

use keyward_rules::log::{Checkpoint, Frontier, Hash, Origin, SigningKey, VerifierKey, stored_count};
use keyward_testkit::process::{Running, program};
use rusqlite::Connection;

use crate::server::{Server, set_up};
use crate::world::{Folder, Signed, Upstream, keyward, now_ms, send, until};

/// A stopped sandbox's store with two checkpoints, and copies of it to spoil.
pub struct Log {
    folder: Folder,
    copies: u32,
    /// How many records there are.
    pub size: u64,
}

impl Log {
    pub fn new() -> Self {
        let folder = Folder::new();
        let data = folder.data();
        // The sandbox's own exchange forgets sub-accounts, and each start would add the record of telling it again.
        let flags = ["--upstream", "http://127.0.0.1:1"];
        let running = Running::start_with(&data, flags).unwrap();
        let first = signed(&data, 0);
        let flag = data.display().to_string();
        for number in 0..3 {
            let email = format!("more{number}@keyward.example");
            keyward(&["account", "create", "--data", &flag, "--email", &email]);
        }
        assert_eq!(running.terminate().unwrap().code(), Some(0));
        let running = Running::start_with(&data, flags).unwrap();
        let size = signed(&data, first + 2);
        // Everybody may look while a gateway runs.
        assert!(keyward(&["audit", "verify", "--data", &flag]).contains("are as they were written"));
        assert_eq!(running.terminate().unwrap().code(), Some(0));
        Self { folder, copies: 0, size }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.data()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    /// A copy of the store to which `change` was done.
    fn spoilt(&mut self, change: impl FnOnce(&Connection)) -> PathBuf {
        self.copies += 1;
        let copy = self.path(&format!("copy-{}", self.copies));
        std::fs::create_dir(&copy).unwrap();
        for entry in std::fs::read_dir(self.data()).unwrap() {
            let file = entry.unwrap().path();
            if file.is_file() {
                std::fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
            }
        }
        change(&Connection::open(copy.join("keyward.db")).unwrap());
        copy
    }
}

/// Waits until a checkpoint covers more than `size` records; gives how many it covers.
fn signed(data: &Path, size: u64) -> u64 {
    let deadline = now_ms() + 30_000;
    loop {
        let connection = Connection::open(data.join("keyward.db")).unwrap();
        let query = "SELECT COALESCE(MAX(size), 0) FROM audit_checkpoints";
        let newest: i64 = connection.query_row(query, [], |row| row.get(0)).unwrap_or_default();
        let newest = u64::try_from(newest).unwrap();
        if newest > size {
            return newest;
        }
        assert!(now_ms() < deadline, "no checkpoint");
        std::thread::yield_now();
    }
}

/// Exit code and standard output of `keyward audit verify`.
fn verify(data: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program().unwrap());
    command.args(["audit", "verify", "--data"]).arg(data).args(more);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text + &String::from_utf8_lossy(&output.stderr))
}

fn run(sql: &str) -> impl FnOnce(&Connection) {
    let sql = sql.to_owned();
    move |connection| connection.execute_batch(&sql).unwrap()
}

/// Makes all hashes anew, as somebody could who knows the scheme and not the key.
fn rehash(connection: &Connection) {
    let mut statement = connection.prepare("SELECT record FROM audit ORDER BY n").unwrap();
    let records: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    connection.execute("DELETE FROM audit_hashes", []).unwrap();
    let (mut tree, mut index) = (Frontier::default(), 0_i64);
    for record in records {
        for hash in tree.push(Hash::of_leaf(record.as_bytes())) {
            connection
                .execute("INSERT INTO audit_hashes (i, hash) VALUES (?1, ?2)", (index, hash.as_bytes()))
                .unwrap();
            index += 1;
        }
    }
}

fn stranger() -> SigningKey {
    SigningKey::from_seed(Origin::parse("keyward/audit").unwrap(), &[9; 32]).unwrap()
}

#[test]
fn every_way_of_spoiling_the_log_is_found() {
    let mut log = Log::new();
    let size = log.size;
    assert!(size > 10, "{size}");
    let (code, text) = verify(&log.data(), &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("{size} records are as they were written; 2 checkpoints agree")),
        "{text}"
    );

    let alter = "UPDATE audit SET record = replace(record, '\"v\":\"1\"', '\"v\":\"1\" ') WHERE n = 5";
    let close_gap = "UPDATE audit SET n = -n WHERE n > 5; UPDATE audit SET n = -n - 1 WHERE n < 0";
    let make_gap = "UPDATE audit SET n = -n WHERE n >= 5; UPDATE audit SET n = 1 - n WHERE n < 0";
    let forged = "INSERT INTO audit SELECT 5, at, replace(record, 'at', 'to') FROM audit WHERE n = 6";
    let swap = "UPDATE audit SET n = -5 WHERE n = 5; UPDATE audit SET n = 5 WHERE n = 8; UPDATE audit SET n = 8 WHERE n = -5";
    let leaf = |n: u64| stored_count(n - 1);
    let cases: Vec<(String, String)> = vec![
        (alter.into(), "record 5 was altered".into()),
        ("UPDATE audit SET record = '{}' WHERE n = 5".into(), "record 5 was altered".into()),
        ("UPDATE audit SET at = at + 1 WHERE n = 5".into(), "the date stored with record 5".into()),
        ("DELETE FROM audit WHERE n = 5".into(), "record 5 was removed".into()),
        (format!("DELETE FROM audit WHERE n = 5; {close_gap}"), "record 5 was removed".into()),
        (
            format!("DELETE FROM audit WHERE n = 5; {close_gap}; UPDATE head SET audit = audit - 1"),
            "record 5 was removed".into(),
        ),
        (format!("{make_gap}; {forged}"), "record 5 was inserted".into()),
        (format!("{make_gap}; {forged}; UPDATE head SET audit = audit + 1"), "record 5 was inserted".into()),
        (
            format!("INSERT INTO audit SELECT {}, at, record FROM audit WHERE n = 5", size + 1),
            format!("records {0} to {0} are after the end", size + 1),
        ),
        (swap.into(), "records 5 and 8 were swapped".into()),
        (
            format!("DELETE FROM audit WHERE n > {}", size - 3),
            format!("records {} to {size} were removed", size - 2),
        ),
        (
            format!("DELETE FROM audit WHERE n > {0}; UPDATE head SET audit = {0}", size - 3),
            format!("cut off behind record {}", size - 3),
        ),
        (
            format!(
                "DELETE FROM audit WHERE n > {0}; UPDATE head SET audit = {0}; DELETE FROM audit_hashes WHERE i >= {1}",
                size - 3,
                stored_count(size - 3)
            ),
            format!("the stored checkpoint {size} covers {size} records"),
        ),
        ("UPDATE head SET audit = audit - 2".into(), "are after the end".into()),
        (
            format!("UPDATE audit_hashes SET hash = zeroblob(32) WHERE i = {}", leaf(8) + 3),
            "the stored hash over records 1 to 8".into(),
        ),
        (
            format!("DELETE FROM audit_hashes WHERE i = {}", leaf(5)),
            "the stored hash over records 5 to 5".into(),
        ),
        ("UPDATE audit_checkpoints SET note = replace(note, 'audit', 'Audit')".into(), "is not valid".into()),
        ("UPDATE audit_checkpoints SET size = size - 1".into(), "is not valid".into()),
    ];
    for (sql, wanted) in cases {
        let copy = log.spoilt(run(&sql));
        let (code, text) = verify(&copy, &[]);
        assert_eq!(code, Some(1), "{sql}: {text}");
        assert!(text.contains(&wanted), "{sql}: {text}");
        assert!(text.contains("as evidence") || text.contains("keyward audit key"), "what to do: {text}");
    }

    // With all hashes made anew only the signatures tell.
    for sql in [
        alter.to_owned(),
        format!("DELETE FROM audit WHERE n = 5; {close_gap}; UPDATE head SET audit = audit - 1"),
        swap.into(),
    ] {
        let copy = log.spoilt(|connection| {
            run(&sql)(connection);
            rehash(connection);
        });
        let (code, text) = verify(&copy, &[]);
        assert_eq!(code, Some(1), "{sql}: {text}");
        assert!(text.contains("a record between 1 and ") && text.contains("root of the"), "{sql}: {text}");
    }
}

#[test]
fn what_was_kept_elsewhere_finds_what_the_store_cannot() {
    let mut log = Log::new();
    let size = log.size;
    let proof = keyward(&["audit", "prove", "--data", &log.data().display().to_string(), "1", "--json"]);
    let proof: serde_json::Value = serde_json::from_str(&proof).unwrap();
    let elsewhere = log.path("kept");
    std::fs::write(&elsewhere, proof["checkpoint"].as_str().unwrap()).unwrap();
    let kept = ["--checkpoint", elsewhere.to_str().unwrap()];
    let (code, text) = verify(&log.data(), &kept);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("3 checkpoints agree"), "{text}");

    let left = size - 3;
    let cut = format!(
        "DELETE FROM audit WHERE n > {left}; UPDATE head SET audit = {left}; DELETE FROM audit_accounts WHERE n > {left};
         DELETE FROM audit_hashes WHERE i >= {}; DELETE FROM audit_checkpoints WHERE size > {left}",
        stored_count(left)
    );
    let copy = log.spoilt(run(&cut));
    let (code, text) = verify(&copy, &[]);
    assert_eq!(code, Some(1), "the node's own file tells");
    assert!(text.contains(&format!("cut off behind record {left}: this node's file")), "{text}");
    std::fs::remove_file(copy.join("checkpoint")).unwrap();
    assert_eq!(verify(&copy, &[]).0, Some(0), "nothing inside the store tells any more");
    let (code, text) = verify(&copy, &kept);
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("cut off behind record {left}: the checkpoint")), "{text}");

    let copy = log.spoilt(|connection| {
        run("UPDATE audit SET record = replace(record, 'host', 'hast'); DELETE FROM audit_checkpoints")(
            connection,
        );
        rehash(connection);
    });
    let (code, text) = verify(&copy, &kept);
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("a record between 1 and {size} was altered")), "{text}");
}

/// The log itself is whole; only rows of signed checkpoints are gone.
#[test]
fn checkpoints_that_were_dropped_are_found_by_what_lies_outside_the_store() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let elsewhere = folder.0.join("elsewhere");
    let text = std::fs::read_to_string(&config).unwrap();
    let line = format!("checkpoint_dir = \"{}\"", elsewhere.display());
    let commented = "# checkpoint_dir = \"/var/lib/keyward-checkpoints\"";
    assert!(text.contains(commented));
    std::fs::write(&config, text.replace(commented, &line)).unwrap();
    let mut sizes = Vec::new();
    for number in 0..4 {
        let email = format!("more{number}@keyward.example");
        keyward(&["account", "create", "--config", &config, "--email", &email]);
        let server = Server::start(&config, &address);
        let size = signed(&folder.data(), sizes.last().copied().unwrap_or(0));
        let file = elsewhere.join(format!("{size:020}.checkpoint"));
        until("the checkpoint is in the folder", 10_000, || file.exists());
        assert_eq!(server.stop().code(), Some(0));
        sizes.push(size);
    }
    let file = folder.data().join("checkpoint");
    let told = std::fs::read_to_string(&file).unwrap();
    assert!(told.ends_with(&format!("\n4\n{}\n", sizes[3])), "{told}");
    let edit =
        |sql: &str| Connection::open(folder.data().join("keyward.db")).unwrap().execute_batch(sql).unwrap();
    edit("CREATE TABLE early AS SELECT * FROM audit_checkpoints");
    let verify = |more: &[&str]| {
        let output = Command::new(program().unwrap())
            .args(["audit", "verify", "--config", &config])
            .args(more)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let away = |path: &Path| std::fs::rename(path, path.with_extension("away")).unwrap();
    let back = |path: &Path| std::fs::rename(path.with_extension("away"), path).unwrap();
    assert_eq!(verify(&[]).0, Some(0));
    let newest = folder.0.join("newest");
    std::fs::copy(elsewhere.join("latest"), &newest).unwrap();
    let newest = ["--checkpoint", newest.to_str().unwrap()];
    for gone in [&sizes[..1], &sizes[1..2], &sizes[2..3], &sizes[3..], &sizes[..]] {
        let list: Vec<String> = gone.iter().map(u64::to_string).collect();
        edit(&format!("DELETE FROM audit_checkpoints WHERE size IN ({})", list.join(",")));
        let named = |size: &u64| format!("the checkpoint over {size} records was dropped from the store");
        let (code, text) = verify(&[]);
        assert_eq!(code, Some(1), "{gone:?}: {text}");
        assert!(gone.iter().all(|size| text.contains(&named(size))), "{gone:?}: {text}");
        assert!(text.contains("counts 4") && text.contains("as evidence"), "{gone:?}: {text}");
        away(&elsewhere);
        let (code, text) = verify(&[]);
        assert_eq!(code, Some(1), "by the node's file alone: {text}");
        assert!(text.contains(&format!("it has {} of them", 4 - gone.len())), "{text}");
        assert!(text.contains("does not exist and is not compared"), "{text}");
        away(&file);
        assert_eq!(verify(&[]).0, Some(0), "nothing inside the store tells");
        let (code, text) = verify(&newest);
        let by_the_newest = gone.contains(&sizes[3]);
        assert_eq!(
            (code == Some(1), text.contains(&named(&sizes[3]))),
            (by_the_newest, by_the_newest),
            "{text}"
        );
        back(&elsewhere);
        let (code, text) = verify(&[]);
        assert_eq!(code, Some(1), "by the folder alone: {text}");
        assert!(gone.iter().all(|size| text.contains(&named(size))), "{gone:?}: {text}");
        back(&file);
        edit(
            "INSERT INTO audit_checkpoints SELECT * FROM early WHERE size NOT IN (SELECT size FROM audit_checkpoints)",
        );
        assert_eq!(verify(&newest).0, Some(0), "put back");
    }
}

/// F73: with whatever room there is on the disk, a change and its record are both there or both not.
#[test]
fn a_full_disk_loses_no_record_of_a_change() {
    let folder = Folder::new();
    let data = folder.data();
    assert_eq!(Running::start(&data).unwrap().terminate().unwrap().code(), Some(0));
    let count = |query: &str| -> i64 {
        Connection::open(data.join("keyward.db")).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
    };
    let (mut failed, mut done) = (0, 0);
    for kib in (0..400).step_by(20) {
        let before = (count("SELECT COUNT(*) FROM accounts"), count("SELECT COUNT(*) FROM audit"));
        // A limit on the size of files, whose signal is not taken, fails writes as a full disk does.
        let script = "trap '' XFSZ; ulimit -f $1; shift; exec \"$@\"";
        let email = format!("full{kib}@keyward.example");
        let status = Command::new("bash")
            .args(["-c", script, "bash", &kib.to_string()])
            .arg(program().unwrap())
            .args(["account", "create", "--email", &email, "--data"])
            .arg(&data)
            .output()
            .unwrap()
            .status;
        let after = (count("SELECT COUNT(*) FROM accounts"), count("SELECT COUNT(*) FROM audit"));
        assert_eq!(after.0 - before.0, after.1 - before.1, "{kib} KiB");
        assert!(!status.success() || after.0 == before.0 + 1, "{kib} KiB: said to be done, and is not there");
        if status.success() { done += 1 } else { failed += 1 }
    }
    assert!(failed > 0 && done > 0, "{failed} failed, {done} done");
    let (code, text) = verify(&data, &[]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn only_the_logs_own_key_counts() {
    let mut log = Log::new();
    let data = log.data().display().to_string();
    let key = keyward(&["audit", "key", "--data", &data]);
    assert!(key.starts_with("keyward/audit+"), "{key}");
    VerifierKey::parse(key.trim_end()).unwrap();
    assert_eq!(verify(&log.data(), &["--public-key", key.trim_end()]).0, Some(0));
    let (code, text) = verify(&log.data(), &["--public-key", &stranger().verifier().to_string()]);
    assert_eq!(code, Some(1));
    assert!(text.contains("signed by another key"), "{text}");
    assert_eq!(verify(&log.data(), &["--public-key", "keyward/audit+00000000+AA=="]).0, Some(1));

    let size = log.size;
    let copy = log.spoilt(|connection| {
        let checkpoint =
            Checkpoint { origin: Origin::parse("keyward/audit").unwrap(), size, root: Hash::of_nothing() };
        let note = checkpoint.sign(&stranger());
        connection
            .execute("UPDATE audit_checkpoints SET note = ?1 WHERE size = ?2", (note, size.cast_signed()))
            .unwrap();
    });
    let (code, text) = verify(&copy, &["--json"]);
    assert_eq!(code, Some(1));
    let verdict: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let what = format!("the stored checkpoint {size} is not valid: it is signed by another key");
    assert_eq!((&verdict["good"], &verdict["findings"][0]["what"]), (&false.into(), &what.into()));
}

/// F90: a deleted key whose old row is put back while nothing runs. Its seal opens, and the log is whole; only what the log says
/// of the row tells.
#[test]
fn a_deleted_key_that_is_put_back_stays_dead() {
    let folder = Folder::new();
    let (data, flag) = (folder.data(), folder.data().display().to_string());
    let running = Running::start_with(&data, ["--raise-rates", "1000"]).unwrap();
    let key = running.key("trade").unwrap();
    let balance = || Signed::new(&key, "GET", "/api/v5/account/balance", "");
    assert_eq!(send(&running, &balance()).code(), "0");
    let edit = |sql: &str| Connection::open(data.join("keyward.db")).unwrap().execute_batch(sql).unwrap();
    edit("CREATE TABLE early AS SELECT * FROM keys");
    keyward(&["key", "delete", "--data", &flag, "--yes", &key.api_key]);
    until("the key is dead", 5_000, || send(&running, &balance()).code() == "50119");
    assert!(verify(&data, &["--state"]).1.contains("rows match the newest records about them"));
    assert_eq!(running.terminate().unwrap().code(), Some(0));
    let id = &key.api_key;
    edit(&format!(
        "DELETE FROM keys WHERE id = '{id}'; INSERT INTO keys SELECT * FROM early WHERE id = '{id}'; DROP TABLE early"
    ));
    assert_eq!(verify(&data, &[]).0, Some(0), "every record is as it was written");
    let (code, text) = verify(&data, &["--state", "--json"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("key:{id} is not as record")), "{text}");
    let running = Running::start_with(&data, ["--raise-rates", "1000"]).unwrap();
    until("the key is held", 10_000, || send(&running, &balance()).code() == "50100");
    assert_eq!(
        send(&running, &Signed::new(&running.key("read").unwrap(), "GET", "/api/v5/account/balance", ""))
            .code(),
        "0"
    );
}
