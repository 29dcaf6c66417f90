//! `keyward doctor`: each finding that a set-up can be brought to, by its name.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use keyward_testkit::postgres::Postgres;
use keyward_testkit::process::program;

use crate::server::{Server, make_key, set_up};
use crate::terminal;
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

/// What `serve` says when it does not start, because of its set-up.
fn refused(config: &str) -> String {
    refused_with(3, config)
}

fn refused_with(code: i32, config: &str) -> String {
    let output = Command::new(program().unwrap()).args(["serve", "--config", config]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{told}");
    told
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
    /// What the configuration says.
    text: String,
    address: String,
    /// Another program on the port of a listener.
    other: RefCell<Option<TcpListener>>,
    _upstream: Upstream,
}

impl Scene {
    fn new() -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let (config, address) = set_up(&folder, &upstream);
        let at = |name: &str| folder.0.join(name).display().to_string();
        let listen = format!("listen = \"{address}\"");
        let gateway = format!(
            "{listen}\ntls_listen = \"127.0.0.1:0\"\ntls_certificate_file = \"{}\"\ntls_key_file = \"{}\"\n\
             checkpoint_file = \"{}\"",
            at("tls.pem"),
            at("tls.key"),
            at("kept/checkpoint")
        );
        // Listeners are told apart by their addresses.
        let more = format!(
            "[console]\nlisten = \"127.0.0.2:0\"\norigin = \"http://localhost:1\"\ngateway = \"http://{address}\"\n\
             set_up_link_file = \"{}\"\n[metrics]\nlisten = \"127.0.0.3:0\"\n[channels]\nca_file = \"{}\"\n\
             [mail]\nurl = \"smtp+plain://127.0.0.1:{}\"\nfrom = \"keyward@keyward.example\"\nca_file = \"{}\"\n",
            at("kept/link"),
            at("receivers.pem"),
            mail_server("250 ok").0,
            at("mail.pem")
        );
        let text = std::fs::read_to_string(&config).unwrap().replace(&listen, &gateway) + &more;
        let scene = Self { folder, config, text, address, other: RefCell::default(), _upstream: upstream };
        std::fs::create_dir(scene.at("kept")).unwrap();
        scene.certificate(2026, 2126);
        for authority in ["receivers.pem", "mail.pem"] {
            std::fs::copy(scene.at("tls.pem"), scene.at(authority)).unwrap();
        }
        scene.write(&scene.text);
        make_key(&scene.config);
        scene
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.config, text).unwrap();
    }

    /// Puts something aside, until [`Scene::put_back`].
    fn put_aside(&self, name: &str) {
        std::fs::rename(self.at(name), self.at("aside")).unwrap();
    }

    /// Puts it aside, and another text in its place.
    fn spoil(&self, name: &str, text: &str) {
        self.put_aside(name);
        std::fs::write(self.at(name), text).unwrap();
        mode(&self.at(name), 0o600);
    }

    fn put_back(&self, name: &str) {
        std::fs::rename(self.at("aside"), self.at(name)).unwrap();
    }

    /// Has another program listen on `theirs`, and configures a listener on that port of `ours`; gives the setting and
    /// its value.
    fn occupy(&self, setting: &str, ours: &str, theirs: &str) -> String {
        let other = TcpListener::bind(format!("{theirs}:0")).unwrap();
        let address = format!("{ours}:{}", other.local_addr().unwrap().port());
        let usual = match setting {
            "gateway.listen" => self.address.as_str(),
            "gateway.tls_listen" => "127.0.0.1:0",
            "console.listen" => "127.0.0.2:0",
            _ => "127.0.0.3:0",
        };
        let line = |address: &str| format!("listen = \"{address}\"");
        assert_eq!(self.text.matches(&line(usual)).count(), 1, "{}", self.text);
        self.write(&self.text.replace(&line(usual), &line(&address)));
        drop(self.other.replace(Some(other)));
        format!("{setting} {address}")
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
const FAULTS: [(&str, Change, Change); 33] = [
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
        |at| at.spoil("kept/checkpoint", "nonsense"),
        |at| at.put_back("kept/checkpoint"),
    ),
    ("doctor.checkpoint_file.unusable", |at| at.put_aside("kept"), |at| at.put_back("kept")),
    ("doctor.set_up_link_file.unusable", |at| at.put_aside("kept"), |at| at.put_back("kept")),
    (
        "doctor.set_up_link_file.unusable",
        |at| std::fs::create_dir(at.at("kept/link")).unwrap(),
        |at| std::fs::remove_dir(at.at("kept/link")).unwrap(),
    ),
    (
        "doctor.set_up_link_file.unusable",
        |at| std::fs::create_dir(at.at("kept/link.next")).unwrap(),
        |at| std::fs::remove_dir(at.at("kept/link.next")).unwrap(),
    ),
    (
        "doctor.set_up_link_file.unusable",
        |at| replace(&at.config, "/kept/link\"", "/tls.pem/link\""),
        |at| at.write(&at.text),
    ),
    (
        "doctor.set_up_link_file.unusable",
        |at| replace(&at.config, "/kept/link\"", "/none/link\""),
        |at| at.write(&at.text),
    ),
    ("doctor.master_key", |at| at.spoil("etc/master.key", "nonsense"), |at| at.put_back("etc/master.key")),
    ("doctor.master_key", |at| at.spoil("etc/master.key", ""), |at| at.put_back("etc/master.key")),
    (
        "doctor.master_key",
        |at| at.spoil("etc/master.key", &"0".repeat(64)),
        |at| at.put_back("etc/master.key"),
    ),
    (
        "doctor.master_key",
        |at| at.spoil("etc/master.key", &"5".repeat(63)),
        |at| at.put_back("etc/master.key"),
    ),
    ("doctor.master_key", |at| at.put_aside("etc/master.key"), |at| at.put_back("etc/master.key")),
    (
        "doctor.channels.ca_file",
        |at| at.spoil("receivers.pem", "nonsense"),
        |at| at.put_back("receivers.pem"),
    ),
    ("doctor.channels.ca_file", |at| at.spoil("receivers.pem", FORGED), |at| at.put_back("receivers.pem")),
    ("doctor.channels.ca_file", |at| at.put_aside("receivers.pem"), |at| at.put_back("receivers.pem")),
    ("doctor.mail.settings", |at| at.spoil("mail.pem", "nonsense"), |at| at.put_back("mail.pem")),
    ("doctor.mail.settings", |at| at.spoil("mail.pem", FORGED), |at| at.put_back("mail.pem")),
    ("doctor.mail.settings", |at| at.spoil("mail.pem", ""), |at| at.put_back("mail.pem")),
    ("doctor.mail.settings", |at| at.put_aside("mail.pem"), |at| at.put_back("mail.pem")),
    (
        "doctor.mail.settings",
        |at| replace(&at.config, "keyward@keyward.example", "nobody"),
        |at| at.write(&at.text),
    ),
    (
        "doctor.listen.unavailable",
        |at| drop(at.other.replace(Some(TcpListener::bind(&at.address).unwrap()))),
        |at| drop(at.other.take()),
    ),
];

/// What looks like a certificate from outside.
const FORGED: &str = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n";

#[test]
fn serve_and_doctor_refuse_the_same_things() {
    let scene = Scene::new();
    assert_eq!(scene.refused(), Vec::<String>::new(), "a good set-up");
    assert_eq!(scene.check().0, Some(0), "{}", scene.check().1);
    for (number, (name, breaks, mends)) in FAULTS.into_iter().enumerate() {
        breaks(&scene);
        let found = scene.refused();
        assert!(found.iter().any(|one| one == name), "{number}, {name}: {found:?}");
        let told = refused(&scene.config);
        assert!(told.contains(&format!("{name}: ")), "{number}, {name}: {told}");
        let (code, told) = scene.check();
        assert!(code == Some(3) && told.contains(&format!("{name}: ")), "{number}, {name}: {told}");
        mends(&scene);
        let (code, told) = scene.check();
        assert_eq!(code, Some(0), "{number}, {name} is mended: {told}");
    }
    assert_eq!(scene.refused(), Vec::<String>::new(), "all is mended");
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

/// A setting, what it is changed to, and a part of what the three say about it.
const MISTAKES: [(&str, &str, &str); 15] = [
    ("http://localhost:1", "http://localhost:1/console", "console.origin is no origin"),
    ("http://localhost:1", "https://keys.example.com/", "console.origin is no origin"),
    ("http://localhost:1", "http://keys.example.com", "console.origin must be https://"),
    ("gateway = \"http://", "gateway = \"ftp://", "console.gateway is no origin"),
    ("smtp+plain://127.0.0.1", "smtp+plain://mail.example.com", "smtp+plain has no TLS"),
    ("smtp+plain://127.0.0.1", "smtp+plain://10.0.0.5", "smtp+plain has no TLS"),
    ("smtp+plain://127.0.0.1", "http://127.0.0.1", "mail.url must be smtps://host"),
    ("\n[mail]\n", "\n[mail]\nuser = \"keyward\"\n", "mail.user and mail.password_file belong together"),
    ("\n[mail]\n", "\n[mail]\nhello = \"keys\"\n", "mail.hello must be a full domain name"),
    ("url = \"http://", "url = \"ftp://", "upstream.url"),
    ("\n[channels]\n", "\n[channels]\nallow = [\"10.0.0.0/8\"]\n", "channels.allow `10.0.0.0/8`"),
    ("\n[metrics]\n", "\n[proxies]\ntrusted = [\"0.0.0.0/0\"]\n[metrics]\n", "proxies.trusted"),
    ("\n[journal]\n", "\n[journal]\nspool = \"/var/spool\"\n", "journal.spool is for PostgreSQL"),
    ("level = \"info\"", "level = \"inf\"", "log.level cannot be used"),
    ("\n[metrics]\n", "\n[metrics]\nunheard_of = 1\n", "unknown field `unheard_of`"),
];

#[test]
fn all_three_name_the_same_mistakes_of_a_configuration() {
    let scene = Scene::new();
    for (from, to, words) in MISTAKES {
        replace(&scene.config, from, to);
        let (found, code) = examine(&scene.config);
        let told = one(&found, "doctor.config");
        let means = told["means"].as_str().unwrap();
        assert_eq!((told["level"].as_str(), code), (Some("refused"), Some(1)), "{to}: {told}");
        assert!(means.contains(words), "{to}: {means}");
        let told = refused(&scene.config);
        assert!(told.contains(words), "{to}: {told}");
        let (code, told) = scene.check();
        assert!(code == Some(3) && told.contains(words), "{to}: {told}");
        scene.write(&scene.text);
    }
    assert_eq!(scene.check().0, Some(0), "{}", scene.check().1);
}

/// A listener, its address, and where another program has that port.
type Neighbours = (&'static str, &'static str, &'static str);

const TAKEN: [Neighbours; 12] = [
    ("gateway.listen", "127.0.0.1", "127.0.0.1"),
    ("gateway.listen", "127.0.0.1", "0.0.0.0"),
    ("gateway.tls_listen", "127.0.0.1", "127.0.0.1"),
    ("gateway.tls_listen", "0.0.0.0", "127.0.0.1"),
    ("console.listen", "127.0.0.2", "127.0.0.2"),
    ("console.listen", "127.0.0.2", "0.0.0.0"),
    ("metrics.listen", "127.0.0.3", "127.0.0.3"),
    ("metrics.listen", "0.0.0.0", "0.0.0.0"),
    ("gateway.listen", "[::1]", "[::1]"),
    ("console.listen", "[::1]", "[::]"),
    ("gateway.tls_listen", "[::]", "127.0.0.1"),
    ("metrics.listen", "127.0.0.3", "[::]"),
];

/// Another address of the same port is in nobody's way.
const FREE: [Neighbours; 10] = [
    ("gateway.listen", "127.0.0.1", "127.0.0.9"),
    ("gateway.listen", "127.0.0.9", "127.0.0.1"),
    ("gateway.tls_listen", "127.0.0.1", "127.0.0.2"),
    ("console.listen", "127.0.0.2", "127.0.0.1"),
    ("console.listen", "127.0.0.2", "127.0.0.3"),
    ("metrics.listen", "127.0.0.3", "127.0.0.2"),
    ("gateway.listen", "127.0.0.1", "[::1]"),
    ("gateway.tls_listen", "[::1]", "127.0.0.1"),
    ("console.listen", "[::1]", "0.0.0.0"),
    ("metrics.listen", "0.0.0.0", "[::1]"),
];

#[test]
fn a_port_that_another_program_has_stops_a_start() {
    const NAME: &str = "doctor.listen.unavailable";
    let scene = Scene::new();
    // Some machines have no IPv6.
    let ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let possible = |(_, ours, theirs): &Neighbours| ipv6 || !format!("{ours}{theirs}").contains(':');
    for (setting, ours, theirs) in TAKEN.into_iter().filter(possible) {
        let words = format!("{} is in use by another program", scene.occupy(setting, ours, theirs));
        let (found, code) = examine(&scene.config);
        let mut named = found.as_array().unwrap().iter().filter(|one| one["name"] == NAME);
        let named =
            named.any(|one| one["level"] == "refused" && one["means"].as_str().unwrap().contains(&words));
        assert!(named && code == Some(1), "{words}: {found}");
        let told = refused(&scene.config);
        assert!(told.contains(NAME) && told.contains(&words), "{words}: {told}");
        let (code, told) = scene.check();
        assert!(code == Some(3) && told.contains(NAME) && told.contains(&words), "{words}: {told}");
        drop(scene.other.take());
        assert_eq!(scene.check().0, Some(0), "{words}, until it ends: {}", scene.check().1);
    }
    for (setting, ours, theirs) in FREE.into_iter().filter(possible) {
        let address = scene.occupy(setting, ours, theirs);
        let (code, told) = scene.check();
        assert_eq!(code, Some(0), "{address} beside {theirs}: {told}");
    }
    // An address of another machine is nobody's here.
    scene.write(&scene.text.replace("127.0.0.3:0", "203.0.113.1:0"));
    for told in [refused(&scene.config), scene.check().1] {
        assert!(told.contains("metrics.listen 203.0.113.1:0 cannot be listened on"), "{told}");
    }
}

#[test]
fn a_second_server_on_a_folder_is_refused_however_it_is_spelled() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    make_key(&config);
    let text = std::fs::read_to_string(&config).unwrap();
    let (here, data) = (folder.0.display().to_string(), folder.data().display().to_string());
    std::os::unix::fs::symlink(folder.data(), folder.0.join("link")).unwrap();
    let other = Path::new(&config).with_file_name("other.toml").display().to_string();
    let listen = |at: &str| format!("listen = \"{at}\"");
    let point_to = |place: &str, at: &str| {
        let text = text.replace(&format!("\"{data}\""), &format!("\"{place}\""));
        std::fs::write(&other, text.replace(&listen(&address), &listen(at))).unwrap();
    };
    let server = Server::start(&config, &address);
    for place in [
        data.clone(),
        format!("{data}/"),
        format!("{data}//"),
        format!("{data}/."),
        format!("{data}/../data"),
        format!("{here}/./data"),
        format!("{here}//data"),
        format!("{here}/etc/../data"),
        format!("{here}/link"),
        format!("{here}/link/"),
        format!("{here}/link/../data"),
    ] {
        for at in ["127.0.0.1:0", &address] {
            point_to(&place, at);
            let told = refused_with(1, &other);
            assert!(told.contains("another keyward gateway runs on"), "{place}: {told}");
        }
        assert_eq!(level(&other, "doctor.node"), "note", "{place}: doctor looks beside it");
    }
    assert_eq!(server.stop().code(), Some(0));
    // The folder is free again, by either name; another folder always was.
    for place in [format!("{here}/link"), format!("{here}/data2")] {
        point_to(&place, &address);
        assert_eq!(level(&other, "doctor.node"), "ok", "{place}");
        assert_eq!(Server::start(&other, &address).stop().code(), Some(0), "{place}");
    }
}

#[test]
fn doctor_looks_at_postgresql_beside_a_gateway() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let url = Postgres::shared().unwrap().fresh_database().unwrap();
    replace(&config, &folder.data().display().to_string(), &url);
    make_key(&config);
    let node = |expected: &str| {
        let (found, code) = examine(&config);
        assert_eq!(
            (one(&found, "doctor.node")["level"].as_str(), code),
            (Some(expected), Some(0)),
            "{found}"
        );
        one(&found, "doctor.listen.unavailable")["level"].as_str().unwrap().to_owned()
    };
    assert_eq!(node("ok"), "ok", "nobody serves");
    let server = Server::start(&config, &address);
    assert_eq!(node("note"), "note", "its address is its own");
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(node("ok"), "ok", "it has stopped");
    Server::start(&config, &address).kill();
    assert_eq!(node("ok"), "ok", "it was killed");
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
    let (master, terminal) = terminal::open(columns);
    let mut command = Command::new(program().unwrap());
    command.args(["doctor", "--config", config]).env("NO_COLOR", no_color).stdin(Stdio::null());
    let mut child = command.stdout(terminal).stderr(Stdio::null()).spawn().unwrap();
    // Nobody else holds the terminal once the program ends, and reading ends with it.
    drop(command);
    let all = terminal::read(master);
    child.wait().unwrap();
    all
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
