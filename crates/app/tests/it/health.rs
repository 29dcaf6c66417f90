//! What balancers and Prometheus are told, whatever hangs.

use std::process::Command;
use std::time::{Duration, Instant};

use keyward_testkit::postgres::Postgres;
use keyward_testkit::process::{Running, program};
use keyward_testkit::relay::{Manner, Relay};

use crate::server::{Server, set_up};
use crate::world::{Folder, Reply, Upstream, exchange, until};

/// Asks as HAProxy's check does by itself: HTTP/1.0, without Host. The answer must come within a second.
fn ask(address: &str, path: &str) -> Reply {
    let began = Instant::now();
    let reply = exchange(address, format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).expect("an answer");
    assert!(began.elapsed() < Duration::from_secs(1), "{path}: {:?}", began.elapsed());
    reply
}

#[test]
fn every_class_is_told_on_a_listener_of_its_own() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let address = running.address("metrics_url").unwrap();
    for path in ["/healthz", "/readyz", "/readyz?class=trade", "/readyz?class=funds", "/readyz?class=console"]
    {
        let reply = ask(address, path);
        assert_eq!((reply.status, reply.body.as_str()), (200, "{\"ready\":true,\"stale\":[]}\n"), "{path}");
    }
    assert_eq!(ask(address, "/readyz?class=other").status, 400);
    assert_eq!(ask(address, "/elsewhere").status, 404);
    let metrics = ask(address, "/metrics");
    assert_eq!(metrics.status, 200);
    for line in [
        "keyward_ready{service=\"trade\"} 1",
        "keyward_journal_dropped_total 0",
        "keyward_sockets_open 0",
        "# EOF",
    ] {
        assert!(metrics.body.lines().any(|one| one == line), "{line}: {}", metrics.body);
    }
    for task in ["feed", "sweep", "last uses", "audit"] {
        let line = format!("keyward_task_age_seconds{{task=\"{task}\"}}");
        assert!(metrics.body.lines().any(|one| one.starts_with(&line)), "{line}: {}", metrics.body);
    }
    let (console, gateway) =
        (running.address("console_url").unwrap(), running.address("gateway_url").unwrap());
    for (listener, path, status) in [
        (console, "/readyz", 200),
        (console, "/readyz?class=console", 200),
        (console, "/readyz?class=trade", 400),
        (gateway, "/readyz?class=console", 400),
    ] {
        assert_eq!(ask(listener, path).status, status, "{path}");
    }
}

#[test]
fn a_store_that_hangs_holds_up_no_answer() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let database = Postgres::shared().unwrap();
    let relay = Relay::to(database).unwrap();
    let (config, address) = set_up(&folder, &upstream);
    let text = std::fs::read_to_string(&config).unwrap();
    let free = || {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        probe.local_addr().unwrap().to_string()
    };
    let (metrics, console) = (free(), free());
    let data = format!("\"{}\"", folder.data().display());
    let text = text.replace(&data, &format!("\"{}\"", relay.url(&database.fresh_database().unwrap())));
    let more = format!(
        "[metrics]\nlisten = \"{metrics}\"\n[console]\nlisten = \"{console}\"\norigin = \"http://localhost:1\"\n\
         gateway = \"http://{address}\"\n[mail]\nurl = \"smtp+plain://localhost:9\"\nfrom = \"a@keyward.example\"\n"
    );
    std::fs::write(&config, text + &more).unwrap();
    let server = Server::start(&config, &address);
    until("the server is ready", 10_000, || {
        std::net::TcpStream::connect(&metrics).is_ok() && ask(&metrics, "/readyz?class=console").status == 200
    });
    relay.behave(Manner::Clog);
    until("the console is not ready", 5_000, || ask(&metrics, "/readyz?class=console").status == 503);
    let told = ask(&console, "/readyz");
    assert_eq!((told.status, told.body.contains("does not answer in time")), (503, true), "{}", told.body);
    until("no money moves", 10_000, || ask(&metrics, "/readyz?class=funds").status == 503);
    let told = ask(&address, "/readyz");
    assert_eq!((told.status, told.body.contains("the store was last read")), (200, true), "{}", told.body);
    // Balancers and people are told why within five seconds, whether the database is silent or gone.
    let sign_in = |why: &str| {
        let body = r#"{"email":"a@keyward.example","password":"wrong password 1"}"#;
        let head = format!(
            "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let began = Instant::now();
        let reply = exchange(&console, &[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!((reply.status, reply.body.contains(why)), (503, true), "{}", reply.body);
        assert!(!reply.body.contains("127.0.0.1"), "not where it is: {}", reply.body);
    };
    sign_in("the database cannot be reached at the moment (it does not answer)");
    let told = ask(&address, "/readyz").body;
    assert!(told.contains("the store cannot be read: it does not answer"), "{told}");
    relay.behave(Manner::Cut);
    until("the gateway says what has changed", 5_000, || {
        ask(&address, "/readyz").body.contains("the store cannot be read: it cannot be connected to")
    });
    sign_in("the database cannot be reached at the moment (it cannot be connected to)");
    let began = Instant::now();
    let told = Command::new(program().unwrap()).args(["doctor", "--config", &config]).output().unwrap();
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(!told.status.success() && text.contains("no connection to PostgreSQL"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    relay.behave(Manner::Pass);
    for path in ["/readyz", "/readyz?class=trade", "/readyz?class=funds", "/readyz?class=console"] {
        until("all is well again", 20_000, || ask(&metrics, path).status == 200);
    }
    drop(server);
}
