//! `[journal] keep_days` and `max_mib`: what they may be; and what is too old or too much goes while the server runs, on
//! both databases.

use std::fs::File;
use std::process::{Command, Stdio};

use keyward_testkit::postgres::Postgres;
use keyward_testkit::process::program;

use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, Signed, Upstream, now_ms, until};

const DAY_MS: u64 = 86_400_000;
/// The duty runs once a minute.
const PATIENCE_MS: u64 = 150_000;

/// How a database makes rows, and bytes.
struct Dialect {
    /// Rows with a number `n` each, as many as stands in the place of `COUNT`.
    numbers: &'static str,
    /// Sixteen bytes.
    bytes: &'static str,
}

const SQLITE: Dialect = Dialect {
    numbers: "(WITH RECURSIVE one (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one WHERE n < COUNT) SELECT n FROM one)",
    bytes: "zeroblob(16)",
};
const POSTGRES: Dialect = Dialect {
    numbers: "generate_series(1, COUNT) AS n",
    bytes: "CAST('\\x000102030405060708090a0b0c0d0e0f' AS BYTEA)",
};

/// Adds what a busy gateway has left: records that are too old, more than a MiB of yesterday's last second, and an intent of long
/// ago.
fn fill(run: &dyn Fn(&str), dialect: &Dialect) {
    let now = now_ms();
    let ages =
        [(500, now - 3 * DAY_MS), (500, now - 2 * DAY_MS - 2_000), (12_000, now / DAY_MS * DAY_MS - 1_000)];
    for (count, at_ms) in ages {
        let (numbers, bytes) = (dialect.numbers.replace("COUNT", &count.to_string()), dialect.bytes);
        run(&format!(
            "INSERT INTO activity (at, request, source, method, route, code, bytes_in, bytes_out, micros) \
             SELECT {at_ms} + n % 1000, {bytes}, {bytes}, 'GET', '/api/v5/account/balance', '0', 0, 9, 1500 FROM {numbers}"
        ));
    }
    run("INSERT INTO intents (request, at, key_id, account, route, source, body_hash, outcome) \
         VALUES ('old', 1000, 'k', 1, '/api/v5/asset/withdrawal', '192.0.2.1', '', 'answered')");
}

/// What the log says when it is over.
fn log_of(folder: &Folder) -> String {
    let log = std::fs::read_to_string(folder.0.join("log")).unwrap();
    assert!(!log.contains("cannot be dropped") && !log.contains("cannot be made"), "{log}");
    log
}

/// Starts a server with the least that the settings take, and its log in a file.
fn start(folder: &Folder, config: &str, address: &str) -> Server {
    let text = std::fs::read_to_string(config).unwrap();
    let text = text.replace("keep_days = 90", "keep_days = 1").replace("max_mib = 10240", "max_mib = 1");
    assert!(text.contains("keep_days = 1\n") && text.contains("max_mib = 1\n"), "{text}");
    std::fs::write(config, text).unwrap();
    let log = Stdio::from(File::create(folder.0.join("log")).unwrap());
    Server::start_with(config, address, (&[], log))
}

/// A number of days or MiB as TOML writes it. The greatest is the greatest that TOML has.
const TAKEN: [&str; 12] =
    ["1", "2", "7", "90", "365", "36500", "10240", "1_000", "+5", "0x10", "0b1", "9223372036854775807"];

/// What is no number of days or MiB, and what is told of it.
const REFUSED: [(&str, &str); 14] = [
    ("0", " must be at least 1"),
    ("-0", " must be at least 1"),
    ("0x0", " must be at least 1"),
    ("-1", "keyward.toml, line "),
    ("-9223372036854775808", "keyward.toml, line "),
    ("9223372036854775808", "keyward.toml"),
    ("1.5", "keyward.toml, line "),
    ("90.0", "keyward.toml, line "),
    ("inf", "keyward.toml, line "),
    ("\"90\"", "keyward.toml, line "),
    ("\"forever\"", "keyward.toml, line "),
    ("true", "keyward.toml, line "),
    ("[90]", "keyward.toml, line "),
    ("", "keyward.toml, line "),
];

#[test]
fn settings_of_the_journal_are_taken_or_refused_in_words() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    let text = std::fs::read_to_string(&config).unwrap();
    for (name, usual) in [("keep_days", "90"), ("max_mib", "10240")] {
        let check = |value: &str| {
            let line = format!("\n{name} = {usual}\n");
            assert!(text.contains(&line), "{text}");
            std::fs::write(&config, text.replace(&line, &format!("\n{name} = {value}\n"))).unwrap();
            let mut check = Command::new(program().unwrap());
            let output = check.args(["config", "check", "--config", &config]).output().unwrap();
            let told = [output.stdout, output.stderr].concat();
            (output.status.code(), String::from_utf8(told).unwrap())
        };
        for value in TAKEN {
            let (code, told) = check(value);
            assert!(code == Some(0) && told.contains("is good"), "{name} = {value}: {code:?} {told}");
        }
        for (value, words) in REFUSED {
            let (code, told) = check(value);
            let words =
                if words.starts_with(' ') { format!("journal.{name}{words}") } else { words.to_owned() };
            assert!(code == Some(3) && told.contains(&words), "{name} = {value}: {code:?} {told}");
        }
    }
}

/// Both at once: each waits for a duty that comes once a minute.
#[test]
fn old_records_go_and_the_rest_stays_within_its_budget() {
    std::thread::scope(|scope| {
        scope.spawn(on_sqlite_old_records_go_and_the_rest_stays_within_its_budget);
        on_postgresql_days_go_whole_and_today_has_a_part_of_its_own();
    });
}

fn on_sqlite_old_records_go_and_the_rest_stays_within_its_budget() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let balance = || Signed::new(&key, "GET", "/api/v5/account/balance", "");
    let open = || rusqlite::Connection::open(folder.data().join("activity.db")).unwrap();
    fill(&|sql| open().execute_batch(sql).unwrap(), &SQLITE);
    let ask = |sql: &str| -> i64 { open().query_row(sql, [], |row| row.get(0)).unwrap() };
    let used = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count(), pragma_freelist_count(), \
                pragma_page_size()";
    assert!(ask(used) > 1 << 20, "{}", ask(used));
    let server = start(&folder, &config, &address);
    assert_eq!(server.code(&balance()), "0");
    until("the oldest are dropped", PATIENCE_MS, || ask(used) <= 1 << 20);
    let old = format!("SELECT COUNT(*) FROM activity WHERE at < {}", now_ms() - DAY_MS - 100_000);
    assert_eq!(ask(&old), 0);
    assert_eq!(ask("SELECT COUNT(*) FROM activity WHERE key_id IS NOT NULL"), 1, "the newest stays");
    assert_eq!(ask("SELECT COUNT(*) FROM intents WHERE request = 'old'"), 1, "what is about money stays");
    until("the log says so", 5_000, || log_of(&folder).contains("the journal was larger than it may be"));
    assert_eq!(server.code(&balance()), "0");
    assert_eq!(server.stop().code(), Some(0));
    log_of(&folder);
}

fn on_postgresql_days_go_whole_and_today_has_a_part_of_its_own() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let postgres = Postgres::shared().unwrap();
    let url = postgres.fresh_database().unwrap();
    let name = url.split(['/', '?']).nth(3).unwrap().to_owned();
    let (config, address) = set_up(&folder, &upstream);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(&format!("\"{}\"", folder.data().display()), &format!("\"{url}\"")))
        .unwrap();
    let key = make_key(&config);
    let balance = || Signed::new(&key, "GET", "/api/v5/account/balance", "");
    let run = |sql: &str| postgres.psql(&name, sql).unwrap();
    let holds = |condition: &str| {
        let question = format!("SELECT 1 / CASE WHEN {condition} THEN 1 ELSE 0 END");
        postgres.psql(&name, &question).is_ok()
    };
    // Three days ago and the day before yesterday have parts, as a server of then would have made them.
    for ago in [3, 2] {
        let from = (now_ms() / DAY_MS - ago) * DAY_MS;
        run(&format!(
            "CREATE TABLE activity_ago_{ago} PARTITION OF activity FOR VALUES FROM ({from}) TO ({})",
            from + DAY_MS
        ));
    }
    fill(&run, &POSTGRES);
    let server = start(&folder, &config, &address);
    assert_eq!(server.code(&balance()), "0");
    let parts = "(SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'activity'::regclass)";
    assert!(holds(&format!("{parts} = 6")), "today, two days ahead, two of before, the rest");
    until("the days are dropped", PATIENCE_MS, || holds(&format!("{parts} = 4")));
    // Yesterday's records have no part, and go row by row until the budget is met.
    let within = "(SELECT COUNT(*) FROM activity) * 250 <= 1048576";
    until("the oldest are dropped", PATIENCE_MS, || holds(within));
    until("the request is on record", 5_000, || {
        holds("(SELECT COUNT(*) FROM activity WHERE key_id IS NOT NULL) = 1")
    });
    let today = now_ms() / DAY_MS * DAY_MS;
    assert!(
        holds(&format!(
            "(SELECT COUNT(*) FROM activity WHERE at >= {today} AND tableoid = 'activity_rest'::regclass AND key_id IS NOT NULL) = 0"
        )),
        "the request of today is in today's part"
    );
    assert!(holds("(SELECT COUNT(*) FROM intents WHERE request = 'old') = 1"), "what is about money stays");
    until("the log says so", 5_000, || log_of(&folder).contains("the journal was larger than it may be"));
    assert_eq!(server.code(&balance()), "0");
    assert_eq!(server.stop().code(), Some(0));
    log_of(&folder);
}
