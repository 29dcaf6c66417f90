//! Output that nobody reads any more, or that cannot be written: commands end quietly or say what was lost, servers serve on.

use std::fs::File;
use std::io::{PipeReader, Read as _, Write as _, pipe};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use keyward_testkit::process::{KeyEntry, program};
use rustix::fs::{OFlags, fcntl_setfl};

use crate::server::{make_key, set_up};
use crate::world::{Folder, ORDER, Signed, Upstream, exchange, keyward, until};

const ACCOUNT: &str = "trader@keyward.example";
const FULL: &str = "the output cannot be written: No space left on device";

/// Where a stream leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// The test reads it.
    Test,
    /// Its reader has gone away.
    Gone,
    /// Its reader is there, and takes nothing.
    Stalled,
    /// The disk is full.
    Full,
    /// The descriptor is closed.
    Closed,
}

use Place::{Closed, Full, Gone, Stalled, Test};

impl Place {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// A stream to that place, and the end of it that stays open meanwhile.
fn stream(place: Place) -> (Stdio, Option<PipeReader>) {
    match place {
        Test => (Stdio::piped(), None),
        Gone => (pipe().unwrap().1.into(), None),
        Stalled => {
            let (reader, mut writer) = pipe().unwrap();
            fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
            while writer.write_all(&[b'x'; 4_096]).is_ok() {}
            fcntl_setfl(&writer, OFlags::empty()).unwrap();
            (writer.into(), Some(reader))
        }
        Full => (File::options().write(true).open("/dev/full").unwrap().into(), None),
        // The shell closes it.
        Closed => (Stdio::null(), None),
    }
}

/// The program with these arguments and streams, and the ends that stay open meanwhile.
fn prepare(line: &str, (stdout, stderr): (Place, Place)) -> (Command, [Option<PipeReader>; 2]) {
    let close = |place: Place, words: &'static str| if place == Closed { words } else { "" };
    let script = format!("exec \"$0\" \"$@\" {} {}", close(stdout, ">&-"), close(stderr, "2>&-"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(program().unwrap()).args(line.split_whitespace());
    let ((stdout, read), (stderr, also)) = (stream(stdout), stream(stderr));
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    (command, [read, also])
}

fn run(line: &str, streams: (Place, Place)) -> Output {
    let (mut command, _open) = prepare(line, streams);
    command.output().unwrap()
}

/// Runs it for a reader that takes one byte and goes away.
fn run_for_one_byte(line: &str) -> Output {
    let (mut command, _open) = prepare(line, (Test, Test));
    let mut child = command.spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    child.wait_with_output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A set-up with an account and a key, and no server on it.
struct SetUp {
    folder: Folder,
    _upstream: Upstream,
    config: String,
    key: KeyEntry,
}

impl SetUp {
    fn new() -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let (config, _) = set_up(&folder, &upstream);
        let key = make_key(&config);
        Self { folder, _upstream: upstream, config, key }
    }

    /// Commands that give data and change nothing.
    fn queries(&self) -> Vec<String> {
        let Self { config, key: KeyEntry { api_key, .. }, .. } = self;
        let of_store = [
            format!("key list --account {ACCOUNT}"),
            format!("key list --account {ACCOUNT} --json"),
            format!("key show {api_key}"),
            format!("key show {api_key} --json"),
            "audit export".to_owned(),
            "audit export --format csv".to_owned(),
            "audit key".to_owned(),
            "audit key --json".to_owned(),
            "audit verify".to_owned(),
            "audit verify --state --json".to_owned(),
            "master-key show".to_owned(),
            "master-key show --json".to_owned(),
            "config check".to_owned(),
            "config show".to_owned(),
            "doctor".to_owned(),
            "doctor --json".to_owned(),
        ];
        let of_program = [
            "config example",
            "explain 50113",
            "explain 50113 --json",
            "version",
            "version --json",
            "--version",
            "--help",
            "help key",
            "key create --help",
        ];
        let of_store = of_store.iter().map(|line| format!("{line} --config {config}"));
        of_store.chain(of_program.map(str::to_owned)).collect()
    }

    /// What is refused, with its exit code.
    fn mistakes(&self) -> Vec<(String, i32)> {
        let Self { folder, config, key: KeyEntry { api_key, .. }, .. } = self;
        let bad = folder.0.join("bad.toml");
        std::fs::write(&bad, "[store]\nurl = \"x\"\nunheard_of = 1\n").unwrap();
        let (bad, dir) = (bad.display(), folder.0.display());
        vec![
            ("explain 12345".to_owned(), 1),
            (format!("key show 12345 --config {config}"), 1),
            (format!("key list --account nobody@keyward.example --config {config}"), 1),
            (format!("key delete {api_key} --config {config}"), 1),
            (format!("backup --to {dir} --config {config}"), 1),
            (format!("init --dir {dir}/etc"), 1),
            (String::new(), 2),
            ("unheard-of".to_owned(), 2),
            ("explain".to_owned(), 2),
            ("key create".to_owned(), 2),
            ("version --unheard-of".to_owned(), 2),
            ("sandbox --gateway nowhere".to_owned(), 2),
            (format!("config check --config {bad}"), 3),
            (format!("config show --config {bad}"), 3),
            (format!("key list --account {ACCOUNT} --config {bad}"), 3),
            (format!("serve --config {bad}"), 3),
        ]
    }

    /// Commands that change something, with what they say when that cannot be shown. Each round of them is another.
    fn changes(&self, round: Place) -> Vec<(String, &'static str)> {
        let Self { folder, config, key: KeyEntry { api_key, .. }, .. } = self;
        let (name, dir) = (round.name(), folder.0.display());
        let doomed = keyward(&words(&self.key_create(&format!("{name}-doomed"))));
        let doomed = doomed.lines().next().unwrap().replace("api_key", "");
        let of_store = [
            (format!("account create --email {name}@keyward.example"), "was made, but not shown: "),
            (format!("account create --email {name}2@keyward.example --json"), "was made, but not shown: "),
            (format!("key disable {api_key}"), "was disabled, but that was not shown: "),
            (format!("key enable {api_key}"), "was enabled, but that was not shown: "),
            (format!("key disable {api_key} --json"), "was disabled, but that was not shown: "),
            (format!("key enable {api_key} --json"), "was enabled, but that was not shown: "),
            (format!("key delete {doomed} --yes"), "was deleted, but that was not shown: "),
            (format!("backup --to {dir}/backup-{name}"), "was made, but not shown: "),
            (format!("backup --to {dir}/backup2-{name} --json"), "was made, but not shown: "),
            (format!("identity-key --to {dir}/identity-{name}"), "was written, but not shown: "),
            ("master-key new".to_owned(), "was written, but not shown: "),
            ("master-key rotate".to_owned(), "is in place, but that was not shown: "),
        ];
        let of_store = of_store.map(|(line, said)| (format!("{line} --config {config}"), said));
        let init = (format!("init --dir {dir}/{name}"), "were written, but not shown: ");
        of_store.into_iter().chain([init]).collect()
    }

    fn key_create(&self, name: &str) -> String {
        let rights = "--permission read --permission trade --ip 127.0.0.1";
        format!("key create --account {ACCOUNT} --name {name} {rights} --config {}", self.config)
    }

    /// Id and state of the key with that name.
    fn named(&self, name: &str) -> (String, String) {
        let keys = keyward(&["key", "list", "--account", ACCOUNT, "--json", "--config", &self.config]);
        let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
        let key = keys.as_array().unwrap().iter().find(|key| key["name"] == name).unwrap();
        let text = |field: &str| key[field].as_str().unwrap().to_owned();
        (text("api_key"), text("state"))
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn ended_with(code: i32, output: &Output, what: &str) {
    let told = told(output);
    assert_eq!(output.status.code(), Some(code), "{what}: {told}");
    assert!(!told.contains("panicked"), "{what}: {told}");
}

#[test]
fn a_command_ends_quietly_without_a_reader_and_fails_on_a_full_disk() {
    let set_up = SetUp::new();
    for number in 0..90 {
        let email = format!("account{number}@keyward.example");
        keyward(&["account", "create", "--email", &email, "--config", &set_up.config]);
    }
    // More than is gathered before the first write.
    assert!(keyward(&["audit", "export", "--config", &set_up.config]).len() > 8_192);
    for line in set_up.queries() {
        let usual = run(&line, (Test, Test));
        ended_with(0, &usual, &line);
        assert!(!usual.stdout.is_empty(), "{line}");
        for quiet in [run(&line, (Gone, Test)), run(&line, (Closed, Test)), run_for_one_byte(&line)] {
            ended_with(0, &quiet, &line);
            assert!(!told(&quiet).contains("cannot be written"), "{line}: {}", told(&quiet));
        }
        let full = run(&line, (Full, Test));
        ended_with(1, &full, &line);
        assert!(told(&full).contains(FULL), "{line}: {}", told(&full));
    }
}

#[test]
fn what_cannot_be_said_changes_no_exit_code() {
    let set_up = SetUp::new();
    for place in [Gone, Full, Closed] {
        for line in set_up.queries() {
            let output = run(&line, (Test, place));
            ended_with(0, &output, &line);
            assert!(!output.stdout.is_empty(), "{line}");
            ended_with(if place == Full { 1 } else { 0 }, &run(&line, (place, place)), &line);
        }
    }
}

#[test]
fn mistakes_keep_their_exit_codes_wherever_output_leads() {
    let set_up = SetUp::new();
    for (line, code) in set_up.mistakes() {
        for stdout in [Test, Gone, Full, Closed] {
            for stderr in [Test, Gone, Full, Closed] {
                let output = run(&line, (stdout, stderr));
                ended_with(code, &output, &format!("{line}, {stdout:?}, {stderr:?}"));
                assert!(
                    !told(&output).contains("the output cannot be written: "),
                    "{line}: {}",
                    told(&output)
                );
                assert_eq!(told(&output).is_empty(), stderr != Test, "{line}: {}", told(&output));
            }
        }
    }
}

#[test]
fn a_change_that_cannot_be_shown_is_made_and_told_of() {
    let set_up = SetUp::new();
    for round in [Full, Gone, Closed] {
        for (line, said) in set_up.changes(round) {
            let output = run(&line, (round, Test));
            ended_with(if round == Full { 1 } else { 0 }, &output, &line);
            let lost = told(&output).contains(&format!("{said}{FULL}"));
            assert_eq!(lost, round == Full, "{line}: {}", told(&output));
        }
        let name = round.name();
        assert_eq!(set_up.named(&format!("{name}-doomed")).1, "deleted");
        let again = format!("account create --email {name}@keyward.example --config {}", set_up.config);
        ended_with(1, &run(&again, (Test, Test)), &again);
        assert!(set_up.folder.0.join(format!("backup-{name}")).is_dir());
        assert!(set_up.folder.0.join(format!("{name}/master.key")).is_file());
    }
}

#[test]
fn a_key_whose_secret_is_lost_is_named() {
    let set_up = SetUp::new();
    for (number, (place, more)) in
        [(Gone, ""), (Full, ""), (Gone, " --json"), (Full, " --json")].into_iter().enumerate()
    {
        let name = format!("lost{number}");
        let output = run(&(set_up.key_create(&name) + more), (place, Test));
        ended_with(1, &output, &name);
        let ((key, _), told) = (set_up.named(&name), told(&output));
        assert!(told.contains(&format!("the API key {key} was made, but its secret is lost")), "{told}");
        assert!(!told.contains("the only time"), "{told}");
        keyward(&["key", "delete", &key, "--yes", "--config", &set_up.config]);
        assert_eq!(set_up.named(&name), (key, "deleted".to_owned()));
    }
    // Where only the note is lost, the key is as good as any.
    for place in [Gone, Full, Closed] {
        let name = format!("shown-{}", place.name());
        let output = run(&set_up.key_create(&name), (Test, place));
        ended_with(0, &output, &name);
        let text = String::from_utf8(output.stdout).unwrap();
        let starts: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(starts, ["api_key", "secret", "passphrase"]);
        let (key, state) = set_up.named(&name);
        assert!(text.contains(&key) && state == "active", "{state}");
    }
    ended_with(0, &run_for_one_byte(&set_up.key_create("read")), "a reader that takes one byte");
}

/// A set-up link is shown once, as the secret of a key is; another one takes its place.
#[test]
fn a_set_up_link_that_is_lost_is_told_of() {
    let set_up = SetUp::new();
    let link = |more: &str| format!("operator link --config {}{more}", set_up.config);
    let offers = || {
        let log = keyward(&words(&format!("audit export --config {}", set_up.config)));
        log.lines().filter(|line| line.contains("role.offer")).count()
    };
    let mut made = offers();
    for (stdout, stderr, more, code) in [
        (Gone, Test, "", 1),
        (Full, Test, "", 1),
        (Gone, Test, " --json", 1),
        (Full, Test, " --json", 1),
        (Gone, Gone, "", 1),
        (Gone, Full, "", 1),
        (Full, Gone, "", 1),
        (Full, Full, " --json", 1),
        (Gone, Closed, " --json", 1),
        (Full, Closed, "", 1),
        (Test, Gone, "", 0),
        (Test, Full, "", 0),
        (Test, Closed, " --json", 0),
        (Test, Test, "", 0),
        (Test, Test, " --json", 0),
    ] {
        let what = format!("{stdout:?}, {stderr:?}{more}");
        let output = run(&link(more), (stdout, stderr));
        ended_with(code, &output, &what);
        made += 1;
        assert_eq!(offers(), made, "{what}: the link is made each time");
        let (shown, told) = (String::from_utf8_lossy(&output.stdout).into_owned(), told(&output));
        assert_eq!(shown.matches("/set-up#kwo_").count(), usize::from(code == 0), "{what}");
        let lost =
            told.contains("the set-up link was made, but not shown, so run `keyward operator link` again");
        assert_eq!(lost, code == 1 && stderr == Test, "{what}: {told}");
        let note = told.contains("The first person who opens it");
        assert_eq!(note, code == 0 && stderr == Test && more.is_empty(), "{what}: {told}");
        assert!(!told.contains("kwo_"), "{what}: {told}");
    }
    ended_with(0, &run_for_one_byte(&link("")), "a reader that takes one byte");
}

/// What a command is asked for is its exit code too: nobody reads the findings, and there are some.
#[test]
fn findings_that_nobody_reads_are_findings() {
    let set_up = SetUp::new();
    let master = Path::new(&set_up.config).with_file_name("master.key");
    std::fs::set_permissions(&master, std::fs::Permissions::from_mode(0o640)).unwrap();
    for number in 0..5 {
        let email = format!("account{number}@keyward.example");
        keyward(&["account", "create", "--email", &email, "--config", &set_up.config]);
    }
    let database = rusqlite::Connection::open(set_up.folder.data().join("keyward.db")).unwrap();
    database.execute_batch("UPDATE audit SET record = '{}' WHERE n = 5").unwrap();
    drop(database);
    for line in ["doctor", "doctor --json", "audit verify", "audit verify --json", "audit verify --state"] {
        let line = format!("{line} --config {}", set_up.config);
        for stdout in [Test, Gone, Full, Closed] {
            for stderr in [Test, Gone, Full, Closed] {
                let output = run(&line, (stdout, stderr));
                ended_with(1, &output, &line);
                let (lost, told) = (stdout == Full && stderr == Test, told(&output));
                assert_eq!(told.contains(FULL), lost, "{line}: {told}");
                if line.starts_with("audit") && stderr == Test {
                    assert!(told.contains("the store is not as it was written"), "{line}: {told}");
                }
            }
        }
    }
}

/// A server whose streams lead somewhere; killed when dropped.
struct Serving {
    child: Child,
    _open: [Option<PipeReader>; 2],
}

impl Serving {
    fn start(line: &str, streams: (Place, Place)) -> Self {
        let (mut command, open) = prepare(line, streams);
        Self { child: command.spawn().unwrap(), _open: open }
    }

    /// Waits until it is ready; fails when it has ended.
    fn wait(&mut self, mut ready: impl FnMut() -> bool) {
        until("the server is ready", 60_000, || {
            assert_eq!(self.child.try_wait().unwrap(), None, "the server has ended");
            ready()
        });
    }

    /// Ends it; gives its exit code, its data and its log, where the test reads them.
    fn stop(mut self) -> (Option<i32>, String, String) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let (mut data, mut log) = (String::new(), String::new());
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut data).unwrap();
        }
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut log).unwrap();
        }
        (code, data, log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Twenty orders are taken, and twenty requests refused with a line in the log.
fn serves(address: &str, key: &KeyEntry) {
    for number in 1..=20 {
        let order = ORDER.replace("0.0001", &format!("0.{number:04}"));
        for (request, code) in [
            (Signed::new(key, "POST", "/api/v5/trade/order", &order), "0"),
            (Signed::new(key, "GET", "/api/v5/no-such-route", ""), "50005"),
        ] {
            let reply = exchange(address, &request.bytes()).expect("an answer");
            assert_eq!(reply.code(), code, "{}", reply.body);
        }
    }
}

/// Starts a sandbox on the folder; gives its address and a key as well.
fn sandbox(folder: &Folder, streams: (Place, Place)) -> (Serving, String, KeyEntry) {
    let (data, file) = (folder.data(), folder.0.join("credentials.json"));
    let listeners =
        ["console", "gateway", "gateway-tls", "metrics"].map(|name| format!("--{name} 127.0.0.1:0"));
    let places = format!("--data {} --credentials {}", data.display(), file.display());
    let mut serving = Serving::start(&format!("sandbox {places} {}", listeners.join(" ")), streams);
    serving.wait(|| file.exists());
    let known: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let trade = &known["keys"]["trade"];
    let key = KeyEntry {
        api_key: text(&trade["api_key"]),
        secret: text(&trade["secret"]),
        passphrase: text(&trade["passphrase"]),
        expect: "0".to_owned(),
    };
    (serving, text(&known["gateway_url"]), key)
}

#[test]
fn a_sandbox_serves_whatever_becomes_of_its_output() {
    for place in [Gone, Stalled, Full, Closed] {
        let folder = Folder::new();
        let (serving, address, key) = sandbox(&folder, (place, place));
        serves(&address, &key);
        assert_eq!(serving.stop().0, Some(0), "{place:?}");
    }
}

#[test]
fn a_sandbox_whose_addresses_cannot_be_printed_says_so_in_its_log() {
    for (place, lost) in [(Test, false), (Gone, true), (Stalled, true), (Full, true), (Closed, false)] {
        let folder = Folder::new();
        let (mut serving, address, key) = sandbox(&folder, (place, Test));
        serves(&address, &key);
        // The credentials are there a moment before the addresses are printed.
        if let Some(stdout) = &mut serving.child.stdout {
            stdout.read_exact(&mut [0]).unwrap();
        }
        let (code, data, log) = serving.stop();
        assert_eq!(code, Some(0), "{place:?}: {log}");
        assert_eq!(data.contains("sandbox"), place == Test, "{data}");
        assert_eq!(log.contains("the sandbox's addresses cannot be printed"), lost, "{place:?}: {log}");
        assert!(!log.contains("panicked"), "{place:?}: {log}");
    }
}

#[test]
fn a_server_serves_whatever_becomes_of_its_output() {
    for streams in [Gone, Stalled, Full, Closed].into_iter().flat_map(|place| [(place, place), (place, Test)])
    {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let (config, address) = set_up(&folder, &upstream);
        let key = make_key(&config);
        let console = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let more = format!(
            "[console]\nlisten = \"{console}\"\norigin = \"http://localhost:1\"\ngateway = \"http://{address}\"\n\
             [mail]\nurl = \"smtp+plain://localhost:9\"\nfrom = \"a@keyward.example\"\n"
        );
        std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + &more).unwrap();
        let mut serving = Serving::start(&format!("serve --config {config}"), streams);
        serving.wait(|| std::net::TcpStream::connect(&address).is_ok());
        serves(&address, &key);
        let (code, _, log) = serving.stop();
        assert_eq!(code, Some(0), "{streams:?}: {log}");
        // What makes an operator is not for the log.
        assert!(!log.contains("panicked") && !log.contains("set-up#"), "{streams:?}: {log}");
    }
}
