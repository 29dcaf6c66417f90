//! Disks that turn read-only, slow or full below a running gateway or its database, and are sound again later.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyward_testkit::disk::{Condition, FaultyDisk};
use keyward_testkit::postgres::{Postgres, Setup};
use keyward_testkit::process::{KeyEntry, program};

use crate::server::{Server, another_key_that_may, make_key, set_up};
use crate::world::{Folder, ORDER, Signed, Upstream, exchange, until};

/// A gateway whose disk, or whose database's disk, fails.
struct Failing {
    folder: Folder,
    upstream: Upstream,
    disk: FaultyDisk,
    config: String,
    address: String,
    trader: KeyEntry,
    payer: KeyEntry,
}

impl Failing {
    /// A data folder on the disk.
    fn folder() -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let disk = FaultyDisk::of(&folder.data().display().to_string()).unwrap();
        let (config, address) = set_up(&folder, &upstream);
        Self::with_keys((folder, upstream, disk), (config, address))
    }

    /// Beside a database whose disk it is.
    fn beside(url: &str, disk: FaultyDisk) -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let (config, address) = set_up(&folder, &upstream);
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace(&format!("\"{}\"", folder.data().display()), &format!("\"{url}\""));
        let spool = format!("[journal]\nspool = \"{}\"", folder.0.join("spool").display());
        std::fs::write(&config, text.replace("[journal]", &spool)).unwrap();
        Self::with_keys((folder, upstream, disk), (config, address))
    }

    fn with_keys(
        (folder, upstream, disk): (Folder, Upstream, FaultyDisk),
        (config, address): (String, String),
    ) -> Self {
        let trader = make_key(&config);
        let payer = another_key_that_may(&config, ["read", "withdraw"]);
        Self { folder, upstream, disk, config, address, trader, payer }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.0.join("log")).unwrap()
    }

    fn start(&self, environment: &[(String, String)]) -> Server {
        let log = Stdio::from(File::create(self.folder.0.join("log")).unwrap());
        Server::start_with(&self.config, &self.address, (environment, log))
    }

    fn order(&self) -> Signed {
        Signed::new(&self.trader, "POST", "/api/v5/trade/order", ORDER)
    }

    fn balance(&self) -> Signed {
        Signed::new(&self.trader, "GET", "/api/v5/account/balance", "")
    }

    fn withdrawal(&self, amount: u32) -> Signed {
        let body = format!(r#"{{"ccy":"BTC","amt":"{amount}"}}"#);
        Signed::new(&self.payer, "POST", "/api/v5/asset/withdrawal", &body)
    }

    /// How many withdrawals reached the exchange.
    fn paid(&self) -> usize {
        let all = self.upstream.requests();
        all.iter().filter(|request| request.starts_with(b"POST /api/v5/asset/withdrawal ")).count()
    }

    /// Keeps within the rates of the routes.
    fn pause() {
        std::thread::sleep(Duration::from_millis(250));
    }

    /// Code and time of a request.
    fn timed(&self, request: &Signed) -> (String, Duration) {
        let began = Instant::now();
        let code = exchange(&self.address, &request.bytes()).unwrap().code();
        (code, began.elapsed())
    }

    /// Runs a command on the same disk; whether it was done, and what it said.
    fn command(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(program().unwrap());
        command.args(arguments).args(["--config", &self.config]);
        command.envs(self.disk.environment());
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }
}

impl Drop for Failing {
    #[expect(clippy::print_stderr, reason = "a test that fails shows the server's log")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(self.folder.0.join("log")).unwrap_or_default());
        }
    }
}

#[test]
fn on_a_disk_that_turned_read_only_what_is_read_goes_on_and_money_stands_still() {
    let failing = Failing::folder();
    let server = failing.start(&failing.disk.environment());
    assert_eq!(server.code(&failing.withdrawal(1)), "0");
    failing.disk.turn(Condition::ReadOnly).unwrap();
    until("the log says it", 10_000, || {
        Failing::pause();
        // Each needs a record on the disk before it may pass.
        let code = server.code(&failing.withdrawal(2));
        assert!(["50001", "50013"].contains(&code.as_str()), "{code}");
        assert_eq!(server.code(&failing.balance()), "0");
        failing.log().contains("the disk of the database failed, or became read-only")
    });
    assert_eq!(failing.paid(), 1, "nothing was passed on without a record");
    let (done, said) = failing.command(&["key", "disable", &failing.trader.api_key]);
    assert!(!done, "{said}");
    assert!(said.to_lowercase().contains("read-only"), "{said}");
    assert_eq!(server.code(&failing.balance()), "0", "what was not done is not done");
    failing.disk.turn(Condition::Sound).unwrap();
    until("money moves again", 20_000, || server.code(&failing.withdrawal(3)) == "0");
    assert_eq!(server.code(&failing.order()), "0");
    let (done, said) = failing.command(&["key", "disable", &failing.trader.api_key]);
    assert!(done, "{said}");
    until("the key is refused", 5_000, || server.code(&failing.balance()) == "50114");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn on_a_slow_disk_only_what_owes_a_record_waits() {
    let failing = Failing::folder();
    let server = failing.start(&failing.disk.environment());
    assert_eq!(
        (server.code(&failing.order()), server.code(&failing.withdrawal(1))),
        ("0".into(), "0".into())
    );
    failing.disk.turn(Condition::Slow(100)).unwrap();
    for amount in 2..6 {
        Failing::pause();
        let (code, took) = failing.timed(&failing.withdrawal(amount));
        assert!(code == "0" && took >= Duration::from_millis(100), "{code} after {took:?}");
        let (code, took) = failing.timed(&failing.balance());
        assert!(code == "0" && took < Duration::from_millis(250), "{code} after {took:?}");
    }
    // One that hangs is not waited for: money is refused, and reads go on.
    failing.disk.turn(Condition::Slow(6_000)).unwrap();
    let paid = failing.paid();
    for amount in 6..14 {
        Failing::pause();
        let (code, took) = failing.timed(&failing.withdrawal(amount));
        let refused = ["50001", "50013"].contains(&code.as_str());
        assert!(refused && took < Duration::from_millis(1_300), "{code} after {took:?}");
        let (code, took) = failing.timed(&failing.balance());
        assert!(code == "0" && took < Duration::from_millis(250), "{code} after {took:?}");
    }
    assert_eq!(failing.paid(), paid, "nothing was passed on without a record");
    failing.disk.turn(Condition::Sound).unwrap();
    until("money moves again", 30_000, || server.code(&failing.withdrawal(8)) == "0");
    let (done, said) = failing.command(&["key", "disable", &failing.trader.api_key]);
    assert!(done, "{said}");
    until("the key is refused", 5_000, || server.code(&failing.balance()) == "50114");
    assert_eq!(server.stop().code(), Some(0));
}

/// A server of PostgreSQL of one's own, whose disk is this.
fn database(disk: &FaultyDisk) -> (Postgres, String) {
    let server = Postgres::start_with(&Setup {
        access: "local all all trust\nhost all all 127.0.0.1/32 trust\n",
        settings: &["fsync=on"],
        files: &[],
        environment: &disk.environment(),
    })
    .unwrap();
    server.fresh_database().unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/test_1?sslmode=disable", server.port());
    (server, url)
}

#[test]
fn beside_a_database_on_a_slow_disk_requests_go_on() {
    let disk = FaultyDisk::of("/data/").unwrap();
    let (_postgres, url) = database(&disk);
    let failing = Failing::beside(&url, disk);
    let server = failing.start(&[]);
    assert_eq!(server.code(&failing.order()), "0");
    failing.disk.turn(Condition::Slow(400)).unwrap();
    for amount in 1..6 {
        Failing::pause();
        for request in [failing.withdrawal(amount), failing.balance()] {
            let (code, took) = failing.timed(&request);
            assert!(code == "0" && took < Duration::from_millis(250), "{code} after {took:?}");
        }
    }
    let (done, said) = failing.command(&["key", "disable", &failing.trader.api_key]);
    assert!(done, "{said}");
    until("the key is refused", 5_000, || server.code(&failing.balance()) == "50114");
    let (done, said) = failing.command(&["key", "enable", &failing.trader.api_key]);
    assert!(done, "{said}");
    until("the key is good again", 5_000, || server.code(&failing.balance()) == "0");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn beside_a_database_whose_tables_cannot_grow_records_wait_in_the_spool() {
    let disk = FaultyDisk::of("/data/base/").unwrap();
    let (postgres, url) = database(&disk);
    let failing = Failing::beside(&url, disk);
    let server = failing.start(&[]);
    assert_eq!(server.code(&failing.balance()), "0");
    failing.disk.turn(Condition::Full).unwrap();
    let mut passed = 1;
    until("the log says it", 60_000, || {
        for _ in 0..7 {
            passed += 1;
            // Two of the same millisecond would be a replay.
            let body = ORDER.replacen('{', &format!(r#"{{"clOrdId":"a{passed}","#), 1);
            let order = Signed::new(&failing.trader, "POST", "/api/v5/trade/order", &body);
            assert_eq!(server.code(&order), "0");
        }
        Failing::pause();
        let log = failing.log();
        log.contains("wait in the spool; this is logged once a minute") && log.contains("is full")
    });
    assert_eq!(server.code(&failing.order()), "0");
    failing.disk.turn(Condition::Sound).unwrap();
    let all = format!("(SELECT COUNT(*) FROM activity WHERE code = '0') = {}", passed + 1);
    until("the database takes them in", 20_000, || holds(&postgres, &all));
    until("the log says so", 5_000, || {
        failing.log().contains("the store takes in records of requests again")
    });
    assert_eq!(server.stop().code(), Some(0));
}

/// Whether `condition` holds of the database.
fn holds(postgres: &Postgres, condition: &str) -> bool {
    postgres.psql("test_1", &format!("SELECT 1 / CASE WHEN {condition} THEN 1 ELSE 0 END")).is_ok()
}

#[test]
fn a_database_that_crashes_and_restarts_loses_nothing_and_stops_no_request() {
    let disk = FaultyDisk::of("/data/").unwrap();
    let (postgres, url) = database(&disk);
    let failing = Failing::beside(&url, disk);
    let server = failing.start(&[]);
    assert_eq!(server.code(&failing.balance()), "0");
    let (mut passed, mut disabled) = (1, false);
    for round in 0..3 {
        // Ends the process that serves this connection as a crash would, and so all of them.
        let _ = postgres.psql("test_1", "COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID'");
        for _ in 0..15 {
            Failing::pause();
            assert_eq!(
                (server.code(&failing.order()), server.code(&failing.balance())),
                ("0".into(), "0".into())
            );
            passed += 2;
        }
        let change = if disabled { "enable" } else { "disable" };
        until("the change is made", 20_000, || failing.command(&["key", change, &failing.payer.api_key]).0);
        disabled = !disabled;
        let expected = if disabled { "50114" } else { "0" };
        until("the change is followed", 5_000, || {
            Failing::pause();
            server.code(&failing.withdrawal(round)) == expected
        });
        passed += u32::from(!disabled);
    }
    let all = format!("(SELECT COUNT(*) FROM activity WHERE code = '0') >= {passed}");
    until("every request is on record", 20_000, || holds(&postgres, &all));
    assert_eq!(server.stop().code(), Some(0));
}
