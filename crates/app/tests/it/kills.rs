//! `kill -9` in every phase: while a gateway starts, serves, passes money on and records it, and while commands change keys.

use std::collections::HashSet;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use keyward_testkit::disk::{Condition, FaultyDisk};
use keyward_testkit::postgres::Postgres;
use keyward_testkit::process::{KeyEntry, program};

use crate::server::{Server, another_key_that_may, make_key, set_up};
use crate::world::{Folder, Signed, Upstream, exchange, keyward, now_ms, until};

/// Milliseconds from the start of a gateway to its end: before it reads its store, while it settles, while it serves.
const LIVES_MS: [u64; 16] = [0, 5, 10, 20, 40, 80, 160, 240, 320, 400, 480, 600, 800, 1_000, 1_200, 1_500];

/// A gateway that is killed again and again, and what was sent to it.
struct Killed {
    folder: Folder,
    upstream: Upstream,
    database: Option<String>,
    config: String,
    address: String,
    trader: KeyEntry,
    payer: KeyEntry,
    /// Flushes take a while, so that many a life ends during one.
    disk: FaultyDisk,
    amounts: AtomicU32,
    /// Withdrawals that were answered with 0.
    acknowledged: Mutex<Vec<Signed>>,
}

impl Killed {
    fn new(beside_postgres: bool) -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start());
        let (config, address) = set_up(&folder, &upstream);
        let database = beside_postgres.then(|| Postgres::shared().unwrap().fresh_database().unwrap());
        if let Some(url) = &database {
            let text = std::fs::read_to_string(&config).unwrap();
            let text = text.replace(&format!("\"{}\"", folder.data().display()), &format!("\"{url}\""));
            let spool = format!("[journal]\nspool = \"{}\"", folder.0.join("spool").display());
            std::fs::write(&config, text.replace("[journal]", &spool)).unwrap();
        }
        let trader = make_key(&config);
        let payer = another_key_that_may(&config, ["read", "withdraw"]);
        let disk = FaultyDisk::of(&folder.0.display().to_string()).unwrap();
        disk.turn(Condition::Slow(40)).unwrap();
        let (amounts, acknowledged) = (AtomicU32::new(0), Mutex::default());
        Self { folder, upstream, database, config, address, trader, payer, disk, amounts, acknowledged }
    }

    fn spawn(&self) -> Child {
        let mut command = Command::new(program().unwrap());
        command.args(["serve", "--config", &self.config]).stdin(Stdio::null()).stderr(Stdio::null());
        command.envs(self.disk.environment());
        command.spawn().unwrap()
    }

    /// Withdraws another amount each time, whether anybody answers or not.
    fn withdraw(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let amount = self.amounts.fetch_add(1, Ordering::Relaxed);
            let body = format!(r#"{{"ccy":"BTC","amt":"{amount}"}}"#);
            // Ahead of what the horizon of the one that was killed before covers, or most would be refused.
            let at_ms = now_ms() + 12_000;
            let withdrawal = Signed::at(&self.payer, "POST", "/api/v5/asset/withdrawal", &body, at_ms);
            if self.sends(&withdrawal).as_deref() == Some("0") {
                self.acknowledged.lock().unwrap().push(withdrawal);
            }
            // The route takes six a second.
            std::thread::sleep(Duration::from_millis(60));
        }
    }

    /// The code of the answer, if one comes.
    fn sends(&self, request: &Signed) -> Option<String> {
        std::net::TcpStream::connect(&self.address).ok()?;
        std::panic::catch_unwind(|| exchange(&self.address, &request.bytes()).map(|reply| reply.code()))
            .ok()?
    }

    /// Disables and enables a key by commands that are killed themselves after some milliseconds.
    fn change(&self, stop: &AtomicBool) {
        for number in 0_u64.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let change = if number.is_multiple_of(2) { "disable" } else { "enable" };
            let mut command = Command::new(program().unwrap());
            command.args(["key", change, "--config", &self.config, &self.trader.api_key]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // Each time at another point of the command: that is what the test is about.
            std::thread::sleep(Duration::from_millis(number * 7 % 45));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The amounts that reached the exchange.
    fn paid(&self) -> Vec<String> {
        let requests = self.upstream.requests();
        let all = requests.iter().map(|request| String::from_utf8_lossy(request).into_owned());
        let paid = all.filter(|request| request.starts_with("POST /api/v5/asset/withdrawal "));
        paid.map(|request| request.split_once("\"amt\":\"").unwrap().1.split('"').next().unwrap().to_owned())
            .collect()
    }

    /// Whether `condition` holds of the journal.
    fn holds(&self, condition: &str) -> bool {
        let question = format!("SELECT 1 / CASE WHEN {condition} THEN 1 ELSE 0 END");
        match &self.database {
            Some(url) => {
                let name = url.split(['/', '?']).nth(3).unwrap();
                Postgres::shared().unwrap().psql(name, &question).is_ok()
            }
            None => {
                let file = rusqlite::Connection::open(self.folder.data().join("activity.db")).unwrap();
                // Without an error SQLite gives NULL.
                let found: Option<i64> = file.query_row(&question, [], |row| row.get(0)).unwrap();
                found.is_some()
            }
        }
    }
}

fn survives(killed: &Killed) {
    // Beside a database the start takes longer.
    let more_ms = if killed.database.is_some() { [0, 600].as_slice() } else { &[0] };
    for life_ms in more_ms.iter().flat_map(|more_ms| LIVES_MS.map(|life_ms| life_ms + more_ms)) {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| killed.withdraw(&stop));
            scope.spawn(|| killed.change(&stop));
            let mut server = killed.spawn();
            // How long it lives is what the test is about.
            std::thread::sleep(Duration::from_millis(life_ms));
            server.kill().unwrap();
            server.wait().unwrap();
            stop.store(true, Ordering::Relaxed);
        });
    }
    let server = Server::start(&killed.config, &killed.address);
    let read = Signed::new(&killed.payer, "GET", "/api/v5/account/balance", "");
    assert_eq!(server.code(&read), "0");
    let acknowledged = killed.acknowledged.lock().unwrap();
    assert!(acknowledged.len() > 3, "hardly anything was under way: {}", acknowledged.len());
    // What was acknowledged is on record, nothing was passed on that is not, and nothing twice.
    let paid = killed.paid();
    assert_eq!(paid.iter().collect::<HashSet<_>>().len(), paid.len(), "twice: {paid:?}");
    assert!(paid.len() >= acknowledged.len());
    until("intents are on record", 10_000, || {
        killed.holds(&format!("(SELECT COUNT(*) FROM intents) >= {}", paid.len()))
    });
    // The outcome of what was under way when it was killed may be unknown: one or two a life, for the exchange answers at once.
    let settled = format!(
        "(SELECT COUNT(*) FROM intents WHERE outcome IS NULL) = 0 AND \
         (SELECT COUNT(*) FROM intents WHERE outcome = 'unknown') <= {}",
        2 * more_ms.len() * LIVES_MS.len()
    );
    until("outcomes are on record", 10_000, || killed.holds(&settled));
    // What was acknowledged is never accepted again.
    for again in acknowledged.iter() {
        let code = server.code(again);
        assert_ne!(code, "0");
    }
    assert_eq!(killed.paid().len(), paid.len());
    // No change without its record, and no record without its change.
    let verified = keyward(&["audit", "verify", "--state", "--config", &killed.config]);
    assert!(verified.contains("rows match the newest records about them"), "{verified}");
    for (change, expected) in [("disable", "50114"), ("enable", "0")] {
        keyward(&["key", change, "--config", &killed.config, &killed.payer.api_key]);
        let read = || server.code(&Signed::new(&killed.payer, "GET", "/api/v5/account/balance", ""));
        until(change, 5_000, || read() == expected);
    }
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_gateway_that_is_killed_in_any_phase_loses_and_repeats_nothing() {
    survives(&Killed::new(false));
}

#[test]
fn so_does_one_beside_postgres() {
    survives(&Killed::new(true));
}
