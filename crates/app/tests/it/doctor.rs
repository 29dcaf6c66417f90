//! `keyward doctor`: each finding that a set-up can be brought to, by its name.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use keyward_testkit::postgres::Postgres;
use keyward_testkit::process::program;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, Manner, Upstream, keyward, now_ms};

/// The level of each finding, by name, and the exit code.
fn examine(config: &str) -> (serde_json::Value, Option<i32>) {
    examine_with(config, &[])
}

fn examine_with(config: &str, more: &[&str]) -> (serde_json::Value, Option<i32>) {
    let mut command = Command::new(program().unwrap());
    let output = command.args(["doctor", "--json", "--config", config]).args(more).output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    (found, output.status.code())
}

fn level(config: &str, name: &str) -> String {
    one(&examine(config).0, name)["level"].as_str().unwrap().to_owned()
}

/// The last finding of that name.
fn one<'f>(found: &'f serde_json::Value, name: &str) -> &'f serde_json::Value {
    let one = found.as_array().unwrap().iter().rfind(|one| one["name"] == name);
    one.unwrap_or_else(|| panic!("{name} is not told of"))
}

/// Puts `to` in the place of `from`, which must be there.
fn replace(config: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(config).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(config, text.replace(from, to)).unwrap();
}

fn edit(file: &Path, sql: &str) {
    rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What `serve` says when it does not start.
fn refused(config: &str) -> String {
    let output = Command::new(program().unwrap()).args(["serve", "--config", config]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_unsafe_has_a_name_and_does_not_serve() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    make_key(&config);
    let (found, code) = examine(&config);
    assert_eq!(code, Some(0), "{found}");
    let key = Path::new(&config).with_file_name("master.key");
    let data = folder.data();
    for (path, open, closed, name) in [
        (&key, 0o604, 0o600, "doctor.master_key.readable_by_others"),
        (&data, 0o755, 0o700, "doctor.data.open_to_others"),
    ] {
        mode(path, open);
        let (found, code) = examine(&config);
        assert_eq!(code, Some(1));
        assert!(found.to_string().contains(name));
        assert!(refused(&config).contains(name), "{name}");
        mode(path, closed);
        assert_eq!(level(&config, name), "ok");
    }
    mode(&data.join("activity.db"), 0o644);
    assert_eq!(level(&config, "doctor.data.file_open_to_others"), "warning");
    assert_eq!(level(&config, "doctor.data.file_open_to_others"), "warning", "looking changes nothing");
    keyward(&["audit", "verify", "--config", &config]);
    assert_eq!(
        level(&config, "doctor.data.file_open_to_others"),
        "ok",
        "opening the store takes the rights away"
    );
    let inside = data.join("master.key");
    std::fs::copy(&key, &inside).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let moved = text.replace(&key.display().to_string(), &inside.display().to_string());
    std::fs::write(&config, moved).unwrap();
    assert_eq!(level(&config, "doctor.master_key.inside_data"), "refused");
    assert!(refused(&config).contains("doctor.master_key.inside_data"));
}

/// A set-up with everything that a start looks at.
struct Scene {
    folder: Folder,
    config: String,
    address: String,
    /// Another program on the gateway's address.
    other: RefCell<Option<TcpListener>>,
    _upstream: Upstream,
}

impl Scene {
    fn new() -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let (config, address) = set_up(&folder, &upstream);
        let scene = Self { folder, config, address, other: RefCell::default(), _upstream: upstream };
        std::fs::create_dir(scene.at("kept")).unwrap();
        scene.certificate(2026, 2126);
        let listen = format!("listen = \"{}\"", scene.address);
        let more = format!(
            "{listen}\ntls_listen = \"127.0.0.1:0\"\ntls_certificate_file = \"{}\"\ntls_key_file = \"{}\"\n\
             checkpoint_file = \"{}\"",
            scene.at("tls.pem").display(),
            scene.at("tls.key").display(),
            scene.at("kept/checkpoint").display()
        );
        replace(&scene.config, &listen, &more);
        make_key(&scene.config);
        scene
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    /// A certificate that is valid from the first year's beginning to the last one's, and its key.
    fn certificate(&self, first: i32, last: i32) {
        let mut asked = rcgen::CertificateParams::new(vec!["keyward.example".to_owned()]).unwrap();
        asked.not_before = rcgen::date_time_ymd(first, 1, 1);
        asked.not_after = rcgen::date_time_ymd(last, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        std::fs::write(self.at("tls.pem"), asked.self_signed(&key).unwrap().pem()).unwrap();
        self.key(&key);
    }

    fn key(&self, key: &rcgen::KeyPair) {
        std::fs::write(self.at("tls.key"), key.serialize_pem()).unwrap();
        mode(&self.at("tls.key"), 0o600);
    }

    /// Moves the master key, in the configuration too.
    fn move_key(&self, from: &str, to: &str) {
        let (from, to) = (self.at(from), self.at(to));
        std::fs::rename(&from, &to).unwrap();
        replace(&self.config, &from.display().to_string(), &to.display().to_string());
    }

    /// What `doctor` refuses, by name.
    fn refused(&self) -> Vec<String> {
        let (found, _) = examine(&self.config);
        let refused = found.as_array().unwrap().iter().filter(|one| one["level"] == "refused");
        refused.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    fn check(&self) -> (Option<i32>, String) {
        let mut command = Command::new(program().unwrap());
        let output = command.args(["config", "check", "--config", &self.config]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

/// Breaks a set-up, or mends it.
type Change = fn(&Scene);

/// Ways to break a set-up: the finding, what breaks it, what mends it.
const FAULTS: [(&str, Change, Change); 15] = [
    (
        "doctor.config.writable_by_others",
        |at| mode(&at.at("etc/keyward.toml"), 0o666),
        |at| mode(&at.at("etc/keyward.toml"), 0o600),
    ),
    ("doctor.config.writable_by_others", |at| mode(&at.at("etc"), 0o777), |at| mode(&at.at("etc"), 0o700)),
    (
        "doctor.master_key.readable_by_others",
        |at| mode(&at.at("etc/master.key"), 0o604),
        |at| mode(&at.at("etc/master.key"), 0o600),
    ),
    (
        "doctor.master_key.inside_data",
        |at| at.move_key("etc/master.key", "data/master.key"),
        |at| at.move_key("data/master.key", "etc/master.key"),
    ),
    ("doctor.data.open_to_others", |at| mode(&at.at("data"), 0o711), |at| mode(&at.at("data"), 0o700)),
    (
        "doctor.data.unwritable",
        |at| replace(&at.config, "/data\"", "/tls.key/data\""),
        |at| replace(&at.config, "/tls.key/data\"", "/data\""),
    ),
    (
        "doctor.secret.readable_by_others",
        |at| mode(&at.at("tls.key"), 0o644),
        |at| mode(&at.at("tls.key"), 0o600),
    ),
    (
        "doctor.tls.certificate",
        |at| at.key(&rcgen::KeyPair::generate().unwrap()),
        |at| at.certificate(2026, 2126),
    ),
    (
        "doctor.tls.certificate",
        |at| std::fs::write(at.at("tls.pem"), "nonsense").unwrap(),
        |at| at.certificate(2026, 2126),
    ),
    (
        "doctor.tls.certificate",
        |at| std::fs::remove_file(at.at("tls.pem")).unwrap(),
        |at| at.certificate(2026, 2126),
    ),
    ("doctor.tls.validity", |at| at.certificate(2020, 2021), |at| at.certificate(2026, 2126)),
    ("doctor.tls.validity", |at| at.certificate(2120, 2126), |at| at.certificate(2026, 2126)),
    (
        "doctor.checkpoint_file.unusable",
        |at| {
            std::fs::rename(at.at("kept/checkpoint"), at.at("aside")).unwrap();
            std::fs::write(at.at("kept/checkpoint"), "nonsense").unwrap();
        },
        |at| std::fs::rename(at.at("aside"), at.at("kept/checkpoint")).unwrap(),
    ),
    (
        "doctor.checkpoint_file.unusable",
        |at| std::fs::rename(at.at("kept"), at.at("unmounted")).unwrap(),
        |at| std::fs::rename(at.at("unmounted"), at.at("kept")).unwrap(),
    ),
    (
        "doctor.listen.unavailable",
        |at| drop(at.other.replace(Some(TcpListener::bind(&at.address).unwrap()))),
        |at| drop(at.other.take()),
    ),
];

#[test]
fn serve_and_doctor_refuse_the_same_things() {
    let scene = Scene::new();
    assert_eq!(scene.refused(), Vec::<String>::new(), "a good set-up");
    assert_eq!(scene.check().0, Some(0), "{}", scene.check().1);
    for (name, breaks, mends) in FAULTS {
        breaks(&scene);
        assert!(scene.refused().iter().any(|one| one == name), "{name}: {:?}", scene.refused());
        let told = refused(&scene.config);
        assert!(told.contains(name), "{name}: {told}");
        let (code, told) = scene.check();
        assert!(code == Some(3) && told.contains(name), "{name}: {told}");
        mends(&scene);
        assert_eq!(scene.refused(), Vec::<String>::new(), "{name} is mended");
    }
    let server = Server::start(&scene.config, &scene.address);
    let (found, code) = examine(&scene.config);
    assert_eq!(code, Some(0), "{found}");
    for name in ["doctor.node", "doctor.listen.unavailable"] {
        let all = found.as_array().unwrap().iter().filter(|one| one["name"] == name);
        let notes = all.filter(|one| one["level"] == "note").count();
        assert_eq!(notes, 1, "{name}: a gateway runs, which is no fault: {found}");
    }
    assert_eq!(scene.check().0, Some(0), "and the configuration stays good beside it");
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(level(&scene.config, "doctor.node"), "ok");
}

#[test]
fn a_server_does_not_start_with_too_few_files() {
    let scene = Scene::new();
    let limited = |files: u32, command: &str| {
        let line = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).arg(program().unwrap()).args(command.split(' ')).arg(&scene.config);
        let output = shell.output().unwrap();
        (
            output.status.code(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    for command in ["serve --config", "config check --config"] {
        let (code, told) = limited(300, command);
        assert!(code == Some(3) && told.contains("doctor.host.open_files"), "{command}: {told}");
    }
    let (code, told) = limited(300, "doctor --config");
    assert!(code == Some(1) && told.contains("refused  doctor.host.open_files"), "{told}");
    let (code, told) = limited(1_024, "config check --config");
    assert!(code == Some(0) && told.contains("doctor.host.open_files"), "few are said, and enough: {told}");
}

#[test]
fn a_database_that_is_away_is_no_fault_of_the_master_key() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    replace(
        &config,
        &folder.data().display().to_string(),
        &format!("postgres://kw:hunter2@{nobody}/keyward"),
    );
    let (found, code) = examine(&config);
    let store = one(&found, "doctor.store");
    assert_eq!((store["level"].as_str(), code), (Some("refused"), Some(1)));
    assert!(store["means"].as_str().unwrap().contains("not reached"), "{store}");
    let advice = store["advice"].as_str().unwrap();
    assert!(advice.contains("Start the database") && !advice.contains("restore"), "{store}");
    assert!(!found.to_string().contains("hunter2"), "{found}");
}

/// Every byte of a folder's files, but for the empty log and the shared memory that SQLite makes for readers.
fn contents(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries
        .map(|entry| (entry.file_name().to_str().unwrap().to_owned(), std::fs::read(entry.path()).unwrap()));
    files
        .filter(|(name, bytes)| !(name.ends_with("-shm") || name.ends_with("-wal") && bytes.is_empty()))
        .collect()
}

#[test]
fn looking_writes_nothing_and_brings_no_schema_up_to_date() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    make_key(&config);
    let file = folder.data().join("keyward.db");
    let steps =
        |steps: &str| edit(&file, &format!("UPDATE schema_steps SET steps = {steps} WHERE part = 'main'"));
    for (of, expected) in [("steps", "ok"), ("steps - 1", "note"), ("99", "refused")] {
        steps(of);
        let before = contents(&folder.data());
        assert_eq!(level(&config, "doctor.store"), expected);
        assert!(before == contents(&folder.data()), "something was written");
    }
}

#[test]
fn what_does_not_work_has_a_name() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    assert_eq!(level(&config, "doctor.store"), "warning", "an empty place");
    assert!(!folder.data().join("keyward.db").exists(), "and it stays empty");
    make_key(&config);
    assert_eq!(level(&config, "doctor.store"), "ok");
    assert_eq!(level(&config, "doctor.audit.checkpoint"), "warning", "nobody has signed yet");
    assert_eq!(level(&config, "doctor.upstream"), "ok");
    assert_eq!(level(&config, "doctor.upstream.answers_unsigned"), "warning", "it answers everything");
    upstream.behave(Manner::Close);
    assert_eq!(level(&config, "doctor.upstream"), "refused");

    let key = Path::new(&config).with_file_name("master.key");
    let text = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, text.trim().chars().rev().collect::<String>()).unwrap();
    assert_eq!(level(&config, "doctor.store"), "refused", "another master key");
    std::fs::write(&key, "none").unwrap();
    assert_eq!(level(&config, "doctor.master_key"), "refused");
    std::fs::write(&key, text).unwrap();

    let text = std::fs::read_to_string(&config).unwrap();
    let password = folder.0.join("password");
    std::fs::write(&password, "secret").unwrap();
    mode(&password, 0o644);
    let more = format!(
        "{text}\n[console]\nlisten = \"0.0.0.0:8480\"\norigin = \"https://keys.example.com\"\n\
         gateway = \"https://api.example.com\"\n[mail]\nurl = \"smtp+plain://localhost:1\"\n\
         from = \"keyward@example.com\"\nuser = \"keyward\"\npassword_file = \"{}\"\n",
        password.display()
    );
    std::fs::write(&config, more).unwrap();
    for (name, expected) in [
        ("doctor.mail", "refused"),
        ("doctor.listen.public_without_tls", "warning"),
        ("doctor.secret.readable_by_others", "refused"),
        ("doctor.clock", "ok"),
    ] {
        assert_eq!(level(&config, name), expected, "{name}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_is_a_finding_like_others() {
    let folder = Folder::new();
    let config = folder.0.join("keyward.toml").display().to_string();
    let mistakes = || {
        let (found, code) = examine(&config);
        assert_eq!(code, Some(1), "{found}");
        assert_eq!(one(&found, "doctor.clock")["level"], "ok", "the machine is looked at all the same");
        let wrong = found.as_array().unwrap().iter().filter(|one| one["name"] == "doctor.config");
        wrong
            .map(|one| {
                assert_eq!(one["level"], "refused");
                assert!(one["advice"].as_str().unwrap().contains("keyward config example"));
                one["means"].as_str().unwrap().to_owned()
            })
            .collect::<Vec<_>>()
    };
    assert!(mistakes()[0].contains("keyward.toml cannot be read"));
    std::fs::write(&config, "[store]\nurl = \"postgres://kw:hunter2@db/keyward\n").unwrap();
    let broken = mistakes();
    assert!(broken[0].contains("line 2") && !broken[0].contains("hunter2"), "{broken:?}");
    let example = keyward(&["config", "example"]);
    let wrong = example.replace("http://127.0.0.1:9000", "ftp://x").replace("/var/lib/keyward\"", "\"");
    std::fs::write(&config, wrong).unwrap();
    let both = mistakes();
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both[0].contains("upstream.url") && both[1].contains("store.url"), "{both:?}");
}

#[test]
fn a_store_from_the_future_is_a_clock_behind() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    make_key(&config);
    let (found, _) = examine(&config);
    assert_eq!(one(&found, "doctor.clock.behind_store")["level"], "ok");
    assert!(one(&found, "doctor.data.space")["means"].as_str().unwrap().contains("iB of "), "{found}");
    let later = now_ms() + 3_600_000;
    edit(&folder.data().join("keyward.db"), &format!("UPDATE audit SET at = {later} WHERE n = 2"));
    let (found, code) = examine(&config);
    let behind = one(&found, "doctor.clock.behind_store");
    assert_eq!((behind["level"].as_str(), code), (Some("refused"), Some(1)));
    assert!(behind["means"].as_str().unwrap().contains(" s later"), "{behind}");
    edit(&folder.data().join("keyward.db"), "UPDATE audit SET at = -1 WHERE n = 2");
    assert_eq!(level(&config, "doctor.clock.behind_store"), "refused", "no date at all");
}

#[test]
fn the_clock_of_postgresql_is_looked_at() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    let url = Postgres::shared().unwrap().fresh_database().unwrap();
    replace(&config, &folder.data().display().to_string(), &url);
    for _ in 0..2 {
        assert_eq!(level(&config, "doctor.store"), "warning", "an empty place stays empty");
    }
    make_key(&config);
    let (found, code) = examine(&config);
    assert_eq!(code, Some(0), "{found}");
    for (name, expected) in
        [("doctor.clock.database", "ok"), ("doctor.clock.behind_store", "ok"), ("doctor.data.space", "note")]
    {
        assert_eq!(one(&found, name)["level"], expected, "{name}");
    }
}

#[test]
fn places_of_checkpoints_are_looked_into() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let (out, witness) = (folder.0.join("elsewhere"), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("http://{}/in?token=hunter2", witness.local_addr().unwrap());
    let origin = "origin = \"keyward/audit\"";
    let more = format!("{origin}\ncheckpoint_dir = \"{}\"\ncheckpoint_url = \"{url}\"", out.display());
    replace(&config, origin, &more);
    make_key(&config);
    let dir = || level(&config, "doctor.audit.checkpoint_dir");
    assert_eq!(dir(), "warning", "nobody has made it yet");
    let (found, _) = examine(&config);
    assert_eq!(one(&found, "doctor.audit.checkpoint_url")["level"], "ok");
    drop(witness);
    let (found, _) = examine(&config);
    assert_eq!(one(&found, "doctor.audit.checkpoint_url")["level"], "refused");
    assert!(!found.to_string().contains("hunter2"), "what the address says is not told");

    let server = Server::start(&config, &address);
    let (latest, deadline) = (out.join("latest"), now_ms() + 20_000);
    while !latest.exists() {
        assert!(now_ms() < deadline, "no checkpoint");
        std::thread::yield_now();
    }
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(dir(), "ok");
    let (found, note) = (examine(&config).0, std::fs::read_to_string(&latest).unwrap());
    assert!(one(&found, "doctor.audit.checkpoint_dir")["means"].as_str().unwrap().contains("covers 2 of 2"));

    std::fs::write(&latest, note.replace("\n2\n", "\n3\n")).unwrap();
    assert_eq!(dir(), "refused", "nobody signed that");
    std::fs::remove_file(&latest).unwrap();
    assert_eq!(dir(), "warning", "empty");
    std::fs::write(&latest, &note).unwrap();
    let store = folder.data().join("keyward.db");
    edit(&store, "UPDATE head SET audit = 1");
    assert_eq!(dir(), "refused", "cut off");
    edit(&store, "UPDATE head SET audit = 2; UPDATE audit_hashes SET hash = zeroblob(32)");
    assert_eq!(dir(), "refused", "rewritten");
    std::fs::remove_dir_all(&out).unwrap();
    std::fs::write(&out, "no folder").unwrap();
    assert_eq!(dir(), "refused", "no folder");
}

/// Takes one mail over plain SMTP, whatever connections only try it out before, and says `answer` to it.
fn mail_server(answer: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = std::thread::spawn(move || {
        loop {
            let mail = converse(listener.accept().unwrap().0, answer);
            if !mail.is_empty() {
                return mail;
            }
        }
    });
    (port, taken)
}

/// One connection; what was sent as a mail.
fn converse(mut stream: TcpStream, answer: &str) -> String {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let mut say = |text: &str| drop(stream.write_all(format!("{text}\r\n").as_bytes()));
    say("220 mail.example");
    let mut mail = String::new();
    while let Some(line) = lines.next() {
        match line.split(' ').next().unwrap() {
            "DATA" => {
                say("354 go on");
                let body: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
                mail = body.join("\n");
                say(answer);
            }
            "QUIT" => {
                say("221 bye");
                break;
            }
            _ => say("250 ok"),
        }
    }
    mail
}

#[test]
fn a_test_mail_is_sent_and_the_servers_answer_told() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    make_key(&config);
    let test = ["--send-test", "ops@keyward.example"];
    let (found, code) = examine_with(&config, &test);
    assert_eq!(
        (one(&found, "doctor.mail.test")["level"].as_str(), code),
        (Some("refused"), Some(1)),
        "no [mail]"
    );

    let plain = std::fs::read_to_string(&config).unwrap();
    for (answer, expected, code) in
        [("250 2.0.0 queued as 4D5", "ok", Some(0)), ("550 5.7.1 relaying\u{7} denied", "refused", Some(1))]
    {
        let (port, taken) = mail_server(answer);
        let mail =
            format!("[mail]\nurl = \"smtp+plain://localhost:{port}\"\nfrom = \"keyward@keyward.example\"\n");
        std::fs::write(&config, format!("{plain}\n{mail}")).unwrap();
        let (found, ended) = examine_with(&config, &test);
        let told = one(&found, "doctor.mail.test");
        assert_eq!((told["level"].as_str(), ended), (Some(expected), code), "{found}");
        let means = told["means"].as_str().unwrap();
        assert!(means.contains(answer.split('\u{7}').next().unwrap().split_once(' ').unwrap().1), "{means}");
        assert!(means.contains("ops@keyward.example") && !means.contains('\u{7}'), "{means}");
        let mail = taken.join().unwrap();
        assert!(
            mail.contains("Subject: Keyward: a test mail") && mail.contains("To: ops@keyward.example"),
            "{mail}"
        );
    }
    std::fs::write(&config, "none").unwrap();
    assert_eq!(
        one(&examine_with(&config, &test).0, "doctor.mail.test")["level"],
        "refused",
        "no configuration"
    );
    let wrong = Command::new(program().unwrap()).args(["doctor", "--send-test", "nobody"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

/// What `doctor` writes to a terminal of so many columns.
fn on_a_terminal(config: &str, columns: u16, no_color: &str) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let name = std::ffi::OsStr::from_bytes(name.as_bytes()).to_owned();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    let mut command = Command::new(program().unwrap());
    command.args(["doctor", "--config", config]).env("NO_COLOR", no_color).stdin(Stdio::null());
    let mut child = command.stdout(terminal).stderr(Stdio::null()).spawn().unwrap();
    // Nobody else holds the terminal once the program ends, and reading ends with it.
    drop(command);
    let (mut master, mut all, mut block) = (File::from(master), Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = master.read(&mut block) {
        all.extend_from_slice(&block[..count]);
    }
    child.wait().unwrap();
    String::from_utf8(all).unwrap().replace("\r\n", "\n")
}

#[test]
fn colours_are_for_terminals_whose_people_want_them() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    make_key(&config);
    let coloured = on_a_terminal(&config, 140, "");
    assert!(coloured.contains("\u{1b}[32mok     \u{1b}[0m  doctor.config "), "{coloured}");
    for columns in [60, 100, 140] {
        let plain = on_a_terminal(&config, columns, "1");
        assert!(plain.contains("ok       doctor.config") && !plain.contains('\u{1b}'), "{plain}");
        let fits = |line: &str| line.chars().count() <= usize::from(columns) || !line.trim().contains(' ');
        assert!(plain.lines().all(fits), "{columns}\n{plain}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut doctor = Command::new(program().unwrap());
    let ended = doctor.args(["doctor", "--config", &config]).stdout(writer).status().unwrap();
    assert_eq!(ended.code(), Some(0), "nobody reads on, which is no failure");
    let piped = Command::new(program().unwrap()).args(["doctor", "--config", &config]).output().unwrap();
    let piped = String::from_utf8(piped.stdout).unwrap();
    assert!(!piped.contains('\u{1b}') && piped.lines().any(|line| line.len() > 140), "{piped}");
    let at = |line: &str| line.find("doctor.");
    assert!(piped.lines().filter_map(at).all(|column| column == 9 || column > 40), "{piped}");
}
