//! Faults of the machine around a running gateway: what clients see, and that it goes on by itself afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyward_testkit::disk::SmallDisk;
use keyward_testkit::postgres::Postgres;
use keyward_testkit::process::{KeyEntry, Running};
use keyward_testkit::relay::{Manner, Relay};

use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, ORDER, Signed, Upstream, Wire, keyward, send, until};

fn order(key: &KeyEntry) -> Signed {
    Signed::new(key, "POST", "/api/v5/trade/order", ORDER)
}

fn balance(key: &KeyEntry) -> Signed {
    Signed::new(key, "GET", "/api/v5/account/balance", "")
}

/// F98: the whole data folder on a disk that is full to the last byte.
#[test]
fn on_a_full_disk_keys_can_be_disabled_and_all_goes_on_once_there_is_room() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let data = folder.data();
    std::fs::create_dir_all(&data).unwrap();
    let disk = SmallDisk::on(&data, 96).unwrap();
    let flag = data.display().to_string();
    let running = Running::start_with(&data, ["--upstream", &upstream.url]).unwrap();
    let (trade, read) = (running.key("trade").unwrap(), running.key("read").unwrap());
    assert_eq!(send(&running, &order(&trade)).code(), "0");
    until("the last of the disk is reserved", 90_000, || data.join("reserve").exists());
    disk.fill().unwrap();
    // What is only read goes on; what owes a record is refused and not passed on.
    assert_eq!(send(&running, &balance(&read)).code(), "0");
    let withdrawal = |amount: u32| {
        let body = format!(r#"{{"ccy":"BTC","amt":"{amount}"}}"#);
        Signed::new(&running.key("withdraw").unwrap(), "POST", "/api/v5/asset/withdrawal", &body)
    };
    let passed_on = || upstream.requests().len();
    let mut refused = 0;
    for amount in 1..200 {
        let before = passed_on();
        let code = send(&running, &withdrawal(amount)).code();
        match code.as_str() {
            "0" => assert_eq!(passed_on(), before + 1),
            // Neither its record nor the horizon for its timestamp can be written.
            "50001" | "50013" => assert_eq!(passed_on(), before),
            other => panic!("{other}"),
        }
        refused += usize::from(code != "0");
        if refused > 2 {
            break;
        }
    }
    assert!(refused > 2, "the disk was never full");
    let make = ["account", "create", "--data", &flag, "--email", "late@keyward.example"];
    let program = keyward_testkit::process::program().unwrap();
    let output = std::process::Command::new(program).args(make).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("disk"), "{words}");
    keyward(&["key", "disable", "--data", &flag, &trade.api_key]);
    until("the key is refused", 5_000, || send(&running, &balance(&trade)).code() == "50114");
    disk.free().unwrap();
    until("money moves again", 20_000, || send(&running, &withdrawal(1_000)).code() == "0");
    until("accounts can be made again", 70_000, || {
        std::process::Command::new(keyward_testkit::process::program().unwrap())
            .args(make)
            .output()
            .unwrap()
            .status
            .success()
    });
    assert_eq!(running.terminate().unwrap().code(), Some(0));
}

/// A process that stood still vouches for no money before it has asked the store, and then goes on.
#[test]
fn after_a_stop_signal_everything_goes_on() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let (key, flag) = (running.key("withdraw").unwrap(), folder.data().display().to_string());
    let withdrawal = |amount: u32| {
        Signed::new(&key, "POST", "/api/v5/asset/withdrawal", &format!(r#"{{"ccy":"BTC","amt":"{amount}"}}"#))
    };
    assert_eq!(send(&running, &withdrawal(1)).code(), "0");
    let program = keyward_testkit::process::program().unwrap();
    // A process that stops inside a write keeps SQLite's lock for as long as it is stopped, and the command line says so.
    // Then it is stopped again at another moment.
    let disabled_beside_it = (0..5).any(|_| {
        running.signal("STOP").unwrap();
        let output = std::process::Command::new(&program)
            .args(["key", "disable", "--data", &flag, &key.api_key])
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || words.contains("has held its write lock for"), "{words}");
        if !output.status.success() {
            running.signal("CONT").unwrap();
            std::thread::sleep(Duration::from_millis(150));
        }
        output.status.success()
    });
    assert!(disabled_beside_it, "it held the write lock each time");
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    wire.write(&withdrawal(2).bytes());
    // Longer than the lease of what moves money: this is what the test is about.
    std::thread::sleep(Duration::from_secs(6));
    running.signal("CONT").unwrap();
    let first = wire.read().unwrap().code();
    assert!(["50001", "50114"].contains(&first.as_str()), "{first}");
    until("it knows", 5_000, || send(&running, &withdrawal(3)).code() == "50114");
    assert_eq!(send(&running, &order(&running.key("trade").unwrap())).code(), "0");
}

/// F92: backups one after the other while money moves: no withdrawal is refused or waits long.
#[test]
fn a_backup_holds_up_no_withdrawal() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let data = folder.data();
    let flags = ["--upstream", &upstream.url, "--raise-rates", "1000", "--extra-keys", "20000"];
    let running = Running::start_with(&data, flags).unwrap();
    let key = running.key("withdraw").unwrap();
    let (done, flag) = (AtomicBool::new(false), data.display().to_string());
    let mut longest = Duration::ZERO;
    let backups = std::thread::scope(|scope| {
        let backups = scope.spawn(|| {
            let mut made = 0;
            while !done.load(Ordering::Relaxed) {
                let to = folder.0.join(format!("backup-{made}")).display().to_string();
                keyward(&["backup", "--data", &flag, "--to", &to]);
                made += 1;
            }
            made
        });
        let mut wire = Wire::open(running.address("gateway_url").unwrap());
        for amount in 0..300 {
            let body = format!(r#"{{"ccy":"BTC","amt":"{amount}"}}"#);
            let began = Instant::now();
            wire.write(&Signed::new(&key, "POST", "/api/v5/asset/withdrawal", &body).bytes());
            assert_eq!(wire.read().unwrap().code(), "0", "withdrawal {amount}");
            longest = longest.max(began.elapsed());
        }
        done.store(true, Ordering::Relaxed);
        backups.join().unwrap()
    });
    assert!(backups > 0);
    println!("{backups} backups; the longest withdrawal took {longest:?}");
}

/// A gateway before PostgreSQL, on a way that can be cut, with or without a spool.
struct Away {
    folder: Folder,
    upstream: Upstream,
    relay: Relay,
    database: String,
    config: String,
    address: String,
}

impl Away {
    fn new(spool: bool) -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let postgres = Postgres::shared().unwrap();
        let relay = Relay::to(postgres).unwrap();
        let url = relay.url(&postgres.fresh_database().unwrap());
        let (config, address) = set_up(&folder, &upstream);
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace(&format!("\"{}\"", folder.data().display()), &format!("\"{url}\""));
        let line = format!("[journal]\nspool = \"{}\"", folder.0.join("spool").display());
        let text = if spool { text.replace("[journal]", &line) } else { text };
        assert_eq!(text.contains(&line), spool);
        std::fs::write(&config, text).unwrap();
        let database = url.split(['/', '?']).nth(3).unwrap().to_owned();
        Self { folder, upstream, relay, database, config, address }
    }

    fn start(&self) -> Server {
        Server::start(&self.config, &self.address)
    }

    /// Whether `condition` holds of the database.
    fn holds(&self, condition: &str) -> bool {
        let question = format!("SELECT 1 / CASE WHEN {condition} THEN 1 ELSE 0 END");
        Postgres::shared().unwrap().psql(&self.database, &question).is_ok()
    }

    /// How many orders reached the exchange.
    fn passed_on(&self) -> usize {
        let orders = self.upstream.requests();
        orders.iter().filter(|request| request.starts_with(b"POST /api/v5/trade/order ")).count()
    }

    /// The codes of orders and reads by the second for so many seconds.
    fn ask(&self, server: &Server, key: &KeyEntry, seconds: u64) -> [Vec<(u64, String)>; 2] {
        let (began, mut orders, mut reads) = (Instant::now(), Vec::new(), Vec::new());
        while began.elapsed() < Duration::from_secs(seconds) {
            let at = began.elapsed().as_secs();
            orders.push((at, server.code(&order(key))));
            reads.push((at, server.code(&balance(key))));
            // A pause between requests, so that the test counts tens of them and not thousands.
            std::thread::sleep(Duration::from_millis(200));
        }
        [orders, reads]
    }
}

fn last_good(codes: &[(u64, String)]) -> Option<u64> {
    codes.iter().filter(|(_, code)| code == "0").map(|(at, _)| *at).max()
}

/// Requests that passed while the database was away are on record afterwards, each once.
#[test]
fn with_a_spool_orders_go_on_without_postgres_and_are_recorded() {
    let away = Away::new(true);
    let key = make_key(&away.config);
    let server = away.start();
    assert_eq!(server.code(&order(&key)), "0");
    until("the first order is in the store", 10_000, || away.holds("(SELECT COUNT(*) FROM activity) = 1"));
    away.relay.behave(Manner::Cut);
    let [orders, reads] = away.ask(&server, &key, 6);
    let all = orders.iter().chain(&reads);
    assert!(all.clone().all(|(_, code)| code == "0"), "{orders:?} {reads:?}");
    let count = 1 + all.count();
    assert!(count > 20, "{count}");
    // Killed before the store has any of it: the disk has.
    server.kill();
    away.relay.behave(Manner::Pass);
    let server = away.start();
    let recorded = format!("(SELECT COUNT(*) FROM activity WHERE code = '0') = {count}");
    until("all are in the store", 10_000, || away.holds(&recorded));
    assert!(away.holds(&format!("(SELECT COUNT(DISTINCT request) FROM activity) = {count}")));
    assert_eq!(away.passed_on(), orders.len() + 1);
    // A kill leaves no marks of timestamps that lie ahead of the horizon's last step, and so a moment is refused.
    until("orders pass again", 10_000, || server.code(&order(&key)) == "0");
    server.stop();
    let count = count + 1;
    assert!(
        away.holds(&format!("(SELECT COUNT(*) FROM activity WHERE code = '0') = {count}")),
        "at the stop"
    );
    let spool = away.folder.0.join("spool");
    let mut command = std::process::Command::new("find");
    let found = command.arg(&spool).args(["-perm", "/077"]).output().unwrap();
    assert!(found.stdout.is_empty(), "open to others: {}", String::from_utf8_lossy(&found.stdout));
    // Without the spool the marks are elsewhere: orders wait until no timestamp of before can be fresh.
    std::fs::rename(&spool, away.folder.0.join("lost")).unwrap();
    let server = away.start();
    assert_eq!(
        (server.code(&order(&key)), server.code(&balance(&key))),
        ("50013".to_owned(), "0".to_owned())
    );
}

/// Three quarters of a minute without PostgreSQL: by class, and back without a restart.
#[test]
#[ignore = "takes more than two minutes: cargo xtask test --soak"]
fn without_postgres_classes_end_one_by_one_and_come_back() {
    for spool in [false, true] {
        let away = Away::new(spool);
        let key = make_key(&away.config);
        let server = away.start();
        assert_eq!(
            (server.code(&order(&key)), server.code(&balance(&key))),
            ("0".to_owned(), "0".to_owned())
        );
        away.relay.behave(Manner::Cut);
        let [orders, reads] = away.ask(&server, &key, 45);
        let (order_at, read_at) = (last_good(&orders), last_good(&reads));
        println!(
            "spool: {spool}; the last order passed after {order_at:?} s, the last read after {read_at:?} s"
        );
        let all = orders.iter().chain(&reads);
        assert!(
            all.clone().all(|(_, code)| ["0", "50001", "50013"].contains(&code.as_str())),
            "{orders:?} {reads:?}"
        );
        assert!(read_at.is_some_and(|at| (28..=33).contains(&at)), "{reads:?}");
        assert!(order_at.is_none_or(|at| at <= 17), "{orders:?}");
        if spool {
            assert!(order_at.is_some_and(|at| at >= 13), "{orders:?}");
        }
        away.relay.behave(Manner::Pass);
        until("everything is back", 30_000, || server.code(&order(&key)) == "0");
        assert_eq!(server.code(&balance(&key)), "0");
        if spool {
            let passed = 4 + all.filter(|(_, code)| code == "0").count();
            let recorded = format!("(SELECT COUNT(*) FROM activity WHERE code = '0') = {passed}");
            until("every request is on record once", 10_000, || away.holds(&recorded));
        }
    }
}
