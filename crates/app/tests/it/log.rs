//! A log that nobody reads holds nothing up, its level changes while the server runs, and its colours are for terminals.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use keyward_testkit::process::{KeyEntry, program};

use crate::server::{Server, make_key, set_up};
use crate::terminal;
use crate::world::{Folder, Signed, Upstream, exchange, until};

/// F93: a reader that stalls, then one that goes away.
#[test]
fn a_stalled_reader_and_a_closed_one_stop_nothing() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let mut command = Command::new(program().unwrap());
    command.args(["serve", "--config", &config]).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    until("the server listens", 20_000, || std::net::TcpStream::connect(&address).is_ok());
    let refused = Signed::new(&key, "GET", "/api/v5/no-such-route", "");
    let passes = |n: u32| {
        // Each refusal is a line of its own: more than a pipe holds.
        for _ in 0..n {
            assert_eq!(exchange(&address, &refused.bytes()).expect("an answer").code(), "50005");
        }
        let order = Signed::new(&key, "POST", "/api/v5/trade/order", crate::world::ORDER);
        assert_eq!(exchange(&address, &order.bytes()).expect("an answer").code(), "0");
    };
    passes(1_000);
    drop(child.stderr.take());
    passes(200);
    // A change by another process is still followed: no task has died of it.
    crate::world::keyward(&["key", "disable", "--config", &config, &key.api_key]);
    until("the key is refused", 5_000, || {
        let read = Signed::new(&key, "GET", "/api/v5/account/balance", "");
        exchange(&address, &read.bytes()).is_some_and(|reply| reply.code() == "50114")
    });
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The level of the log is read again on SIGHUP, and a mistake in the file changes nothing.
#[test]
fn the_level_changes_while_the_server_runs() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let path = folder.0.join("log");
    let log = || std::fs::read_to_string(&path).unwrap();
    let server = Server::start_with(&config, &address, (&[], std::fs::File::create(&path).unwrap().into()));
    let text = std::fs::read_to_string(&config).unwrap();
    let refused = || {
        let before = log().matches("refused").count();
        assert_eq!(server.code(&Signed::new(&key, "GET", "/api/v5/no-such-route", "")), "50005");
        // The log is written by a thread of its own, in order: a line that is surely written comes after.
        server.signal("HUP");
        before
    };
    let at = |level: &str| {
        assert!(text.contains("level = \"info\""));
        std::fs::write(&config, text.replace("level = \"info\"", &format!("level = \"{level}\""))).unwrap();
        server.signal("HUP");
    };
    let before = refused();
    until("it is told at info", 5_000, || log().matches("refused").count() > before);
    at("warn,keyward::log=info");
    until("the level is told", 5_000, || log().contains("level=\"warn,keyward::log=info\""));
    let told = log().matches("written at this level").count();
    let before = refused();
    until("the next line", 5_000, || log().matches("written at this level").count() > told);
    assert_eq!(log().matches("refused").count(), before, "{}", log());
    at("inf");
    until("a mistake is told", 5_000, || log().contains("the log level was not changed"));
    let told = log().matches("level=\"info\"").count();
    at("info");
    until("the level is told", 5_000, || log().matches("level=\"info\"").count() > told);
    let before = refused();
    until("it is told again", 5_000, || log().matches("refused").count() > before);
    assert_eq!(server.stop().code(), Some(0));
    assert!(!log().contains('\u{1b}'), "colour codes in a file: {}", log());
}

/// Environments that may ask for colours.
type Wish = &'static [(&'static str, &'static str)];

const WISHES: [Wish; 13] = [
    &[],
    &[("NO_COLOR", "1")],
    &[("NO_COLOR", "")],
    &[("TERM", "xterm-256color")],
    &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")],
    &[("TERM", "linux")],
    &[("TERM", "dumb")],
    &[("CLICOLOR", "1")],
    &[("CLICOLOR_FORCE", "1")],
    &[("FORCE_COLOR", "3")],
    &[("CARGO_TERM_COLOR", "always"), ("RUST_LOG_STYLE", "always")],
    &[("KEYWARD_LOG", "trace"), ("CLICOLOR_FORCE", "1")],
    &[("KEYWARD_LOG_JSON", "true"), ("CLICOLOR_FORCE", "1")],
];

/// The program with these words, and nothing of the environment of the tests that is about colours.
fn wishing(words: &[&str], wish: Wish) -> Command {
    let mut command = Command::new(program().unwrap());
    for name in ["NO_COLOR", "TERM", "COLORTERM", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "KEYWARD_LOG"]
    {
        command.env_remove(name);
    }
    command.args(words).envs(wish.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Runs a server until it has refused a request, which is a line of its log. Nobody holds its streams afterwards.
fn refuse_once(mut command: Command, address: &str, key: &KeyEntry) {
    let mut child = command.spawn().unwrap();
    drop(command);
    until("the server listens", 20_000, || std::net::TcpStream::connect(address).is_ok());
    let refused = Signed::new(key, "GET", "/api/v5/no-such-route", "");
    assert_eq!(exchange(address, &refused.bytes()).expect("an answer").code(), "50005");
    end(&mut child);
}

fn end(child: &mut Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_no_terminal_reads_has_no_colour_codes() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let serve = |wish| wishing(&["serve", "--config", &config], wish);
    let plain = |log: &str, what: &str| {
        assert!(log.contains("refused") && !log.contains('\u{1b}'), "{what}: {log}");
    };
    for wish in WISHES {
        let path = folder.0.join("log");
        let mut to_file = serve(wish);
        to_file.stderr(File::create(&path).unwrap());
        refuse_once(to_file, &address, &key);
        plain(&std::fs::read_to_string(&path).unwrap(), &format!("a file, {wish:?}"));

        let (reader, writer) = std::io::pipe().unwrap();
        let reading = std::thread::spawn(move || std::io::read_to_string(reader).unwrap());
        let mut to_pipe = serve(wish);
        to_pipe.stderr(writer);
        refuse_once(to_pipe, &address, &key);
        plain(&reading.join().unwrap(), &format!("a pipe, {wish:?}"));
    }
    // What a sandbox prints has none either. These ask the loudest.
    for (number, wish) in WISHES.into_iter().enumerate().skip(8) {
        let folder = Folder::new();
        let (data, file) = (folder.data().display().to_string(), folder.0.join("credentials.json"));
        let listeners = ["--console", "--gateway", "--gateway-tls", "--metrics"];
        let listeners = listeners.into_iter().flat_map(|name| [name, "127.0.0.1:0"]);
        let places = ["sandbox", "--data", &data, "--credentials", file.to_str().unwrap()];
        let mut sandbox = wishing(&places.into_iter().chain(listeners).collect::<Vec<_>>(), wish);
        let (banner, log) = (folder.0.join("banner"), folder.0.join("log"));
        sandbox.stdout(File::create(&banner).unwrap());
        // By turns: a file, nothing at all.
        sandbox.stderr(if number % 2 == 0 { File::create(&log).unwrap().into() } else { Stdio::null() });
        let mut child = sandbox.spawn().unwrap();
        let banner = || std::fs::read_to_string(&banner).unwrap();
        until("the sandbox is ready", 60_000, || banner().contains("ready"));
        end(&mut child);
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(!banner().contains('\u{1b}') && !log.contains('\u{1b}'), "{wish:?}: {}{log}", banner());
    }
}

#[test]
fn a_terminal_gets_colours_unless_its_people_want_none() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let wishes: [(Wish, bool); 6] = [
        (&[], true),
        (&[("TERM", "xterm-256color")], true),
        (&[("NO_COLOR", "")], true),
        (&[("NO_COLOR", "1")], false),
        (&[("NO_COLOR", "0")], false),
        (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("TERM", "xterm-256color")], false),
    ];
    for (wish, coloured) in wishes {
        let (master, terminal) = terminal::open(120);
        let reading = std::thread::spawn(move || terminal::read(master));
        let mut serve = wishing(&["serve", "--config", &config], wish);
        serve.stderr(terminal);
        refuse_once(serve, &address, &key);
        let log = reading.join().unwrap();
        assert!(log.contains("refused"), "{wish:?}: {log}");
        assert_eq!(log.contains('\u{1b}'), coloured, "{wish:?}: {log}");
    }
}
