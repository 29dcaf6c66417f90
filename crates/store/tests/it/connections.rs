//! How the store reaches PostgreSQL: any password, TLS as far as the URL asks for it, servers that go away, and
//! transactions that nobody ends.

use std::time::Duration;

use keyward_rules::grant::Scope;
use keyward_rules::id::{AppId, KeyId, Revision};
use keyward_rules::time::Moment;
use keyward_store::{DatabaseError, Location, Position, Store, StoreError};
use keyward_testkit::pooler::Pooler;
use keyward_testkit::postgres::{Postgres, Setup};
use keyward_testkit::relay::{Manner, Relay};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_postgres::{Client, NoTls};

use crate::world::{NOW, World, draft, entropy, grant, master, random};

/// Everybody needs a password, but the test itself on the socket.
const PASSWORDS: &str = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

async fn open(url: &str) -> Result<Store, StoreError> {
    Store::open(&Location::parse(url).unwrap(), &master(), entropy(), NOW).await
}

/// Why a store does not open, as logs show it.
async fn refusal(url: &str) -> String {
    let error = open(url).await.err().unwrap_or_else(|| panic!("{url} opens"));
    let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    causes.by_ref().fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The server's owner, past the store.
async fn admin(folder: &str, port: u16, database: &str) -> Client {
    let url = format!("postgres://postgres@/{database}?host={folder}&port={port}");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The owner of the server that worlds share.
async fn admin_of(world: &World) -> Client {
    let Location::Postgres(url) = &world.location else { panic!("not on SQLite") };
    let (client, connection) =
        tokio_postgres::connect(&url.replace("@localhost/", "@/"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Waits for what the server does in its own time.
async fn until(client: &Client, sql: &str, wanted: i64) {
    for _ in 0..500 {
        if number(client, sql).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{sql} does not become {wanted}, but {}", number(client, sql).await);
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[tokio::test]
async fn any_password_opens_the_store_and_none_is_told() {
    let server =
        Postgres::start_with(&Setup { access: PASSWORDS, settings: &[], files: &[], environment: &[] })
            .unwrap();
    let folder = server.folder().display().to_string();
    let owner = admin(&folder, server.port(), "postgres").await;
    let passwords =
        ["at@slash/colon:", "?q=1&r=2#3", "50%25 off", "ключ ñ", "back\\slash'quote\"", "[x]{y}^`|<>$"];
    for (n, password) in passwords.into_iter().enumerate() {
        let role = format!("CREATE ROLE u{n} LOGIN PASSWORD $kw${password}$kw$");
        owner.batch_execute(&role).await.unwrap();
        owner.batch_execute(&format!("CREATE DATABASE d{n} OWNER u{n}")).await.unwrap();
        let place = format!("127.0.0.1:{}/d{n}", server.port());
        let store = open(&format!("postgres://u{n}:{}@{place}", encoded(password))).await;
        assert!(store.is_ok(), "{password}: {:?}", store.err());
        let wrong = refusal(&format!("postgres://u{n}:{}x@{place}", encoded(password))).await;
        let said = format!("password authentication failed for user \"u{n}\"");
        let address = format!("127.0.0.1:{}", server.port());
        assert_eq!(wrong, format!("no connection to PostgreSQL at {address}: {said}"));
    }
    let none = refusal(&format!("postgres://u0@127.0.0.1:{}/d0", server.port())).await;
    assert!(none.ends_with(": the server asks for a password and the URL has none"), "{none}");
    let missing =
        refusal(&format!("postgres://postgres@/nowhere?host={folder}&port={}", server.port())).await;
    assert!(missing.ends_with(": database \"nowhere\" does not exist"), "{missing}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = refusal(&format!("postgres://kw:hunter2@{free}/keyward")).await;
    let wanted = format!("no connection to PostgreSQL at {free}: Connection refused");
    assert!(text.starts_with(&wanted), "{text}");
    let text = refusal("postgres://kw:hunter2@/keyward?host=/nowhere/at/all").await;
    assert!(text.contains("at /nowhere/at/all/.s.PGSQL.5432: No such file or directory"), "{text}");
    let text = refusal("postgres://kw:hunter2@db/keyward?colour=blue").await;
    assert_eq!(text, "the store's URL cannot be used: the parameter `colour` is not known");
}

/// One that takes connections and never says a word.
#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = silent.local_addr().unwrap();
    let text = refusal(&format!("postgres://kw@{place}/keyward?connect_timeout=1")).await;
    assert!(text.ends_with(&format!("{place}: no answer within 1 s")), "{text}");
}

/// Of several hosts the first that lets us in is taken, and each that does not costs its own part of the time.
#[tokio::test]
async fn other_hosts_stand_in_for_one_that_is_away() {
    let server = Postgres::shared().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let relay = Relay::to(server).unwrap();
    let there = relay.url(&server.fresh_database().unwrap());
    let (login, place) = there.split_once('@').unwrap();
    let (good, rest) = place.split_once('/').unwrap();
    let url = |hosts: &[&str]| format!("{login}@{}/{rest}", hosts.join(","));
    let (silent, gone) = (format!("127.0.0.1:{silent}"), format!("127.0.0.1:{gone}"));
    for hosts in [
        &[good, &gone][..],
        &[&gone, good],
        &[&silent, good],
        &[&silent, &gone, good],
        &[&gone, &gone, &gone, good],
        &["nowhere.invalid:1", good],
    ] {
        let began = tokio::time::Instant::now();
        let store = open(&url(hosts)).await.unwrap_or_else(|problem| panic!("{hosts:?}: {problem}"));
        assert!(store.seen().await.is_ok() && began.elapsed() < Duration::from_secs(5), "{hosts:?}");
    }
    for hosts in [&[&*gone, &*silent][..], &[&*silent, &*gone], &[&*silent, &*silent, &*silent]] {
        let began = tokio::time::Instant::now();
        let why = refusal(&url(hosts)).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{why}");
        for host in hosts {
            let said = if *host == gone { "Connection refused" } else { "no answer within" };
            assert!(why.contains(&format!("{host}: {said}")), "{why}");
        }
    }
}

/// A server that stops answering is noticed by those who ask next, within five seconds and by one sign of life for all
/// connections; and it is used again once it answers.
#[tokio::test]
async fn a_server_that_falls_silent_is_told_of_in_time() {
    let server = Postgres::shared().unwrap();
    let relay = Relay::to(server).unwrap();
    let url = relay.url(&server.fresh_database().unwrap());
    let world = World::at(Location::parse(&url).unwrap()).await;
    for round in 0..2 {
        let account = world.with_account().await;
        // Several connections that are idle for longer than they are trusted.
        let busy = in_use(&world, 6).await;
        busy.end().await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        relay.behave(Manner::Clog);
        let began = tokio::time::Instant::now();
        let (reader, writer) = (world.store.reader(), world.store.writer());
        let (read, change) = tokio::join!(reader.account(Scope::All, account), writer.begin(grant(), NOW));
        let change = change.err();
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "{round}: {took:?}");
        let read = read.unwrap_err();
        let why = read.out_of_reach().or_else(|| change.as_ref().and_then(StoreError::out_of_reach));
        assert!(why.is_some(), "{read:?} {change:?}");
        assert!(!why.unwrap().contains("127.0.0.1"));
        relay.behave(Manner::Pass);
        let mut again = world.store.reader().account(Scope::All, account).await;
        for _ in 0..200 {
            if again.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            again = world.store.reader().account(Scope::All, account).await;
        }
        assert!(again.unwrap().is_some());
    }
}

#[tokio::test]
async fn settings_of_the_database_change_nothing() {
    let server = Postgres::shared().unwrap();
    let url = server.fresh_database().unwrap();
    let folder = server.folder().display().to_string();
    let name = url.split(['/', '?']).nth(3).unwrap();
    let owner = admin(&folder, server.port(), "postgres").await;
    for setting in [
        "timezone TO 'Asia/Kathmandu'",
        "datestyle TO 'German, DMY'",
        "bytea_output TO 'escape'",
        "standard_conforming_strings TO off",
        "extra_float_digits TO -5",
        "default_transaction_isolation TO serializable",
        "default_transaction_deferrable TO on",
        "default_transaction_read_only TO on",
        "idle_session_timeout TO '50ms'",
        "client_min_messages TO error",
    ] {
        owner.batch_execute(&format!("ALTER DATABASE {name} SET {setting}")).await.unwrap();
    }
    let world = World::at(Location::parse(&url).unwrap()).await;
    assert_eq!(world.store.refused_statements().await, Vec::<&str>::new());
    let (account, id) = world.with_key("50%_!\\").await;
    assert!(world.store.reader().key(Scope::Account(account), id).await.unwrap().is_some());
    let found =
        async |text: &str| world.store.reader().search_keys(Scope::All, text, None, 9).await.unwrap().len();
    assert_eq!((found("%_!\\").await, found("%_\\").await, found("0!").await), (1, 0, 0));
    let clock = world.store.clock().await.unwrap().unwrap();
    assert!(clock > Moment::from_unix_ms(1_700_000_000_000));
}

/// PgBouncer hands every transaction another of its three connections, and keeps notices to itself.
#[tokio::test]
async fn a_pooler_of_transactions_changes_nothing() {
    let server = Postgres::shared().unwrap();
    let pooler = Pooler::start(server, "transaction").unwrap();
    let url = pooler.url(&server.fresh_database().unwrap());
    let world = World::at(Location::parse(&url).unwrap()).await;
    let mut watch = world.store.feed().watch().await.unwrap();
    let account = world.with_account().await;
    let mut made = Vec::new();
    for number in 0..10 {
        made.push(KeyId::from_entropy(random()));
        let mut tx = world.begin().await;
        tx.insert_key(draft(made[number], account, &format!("bot {number}"))).await.unwrap();
        // Reads beside it go over other connections.
        let reads = (0..8).map(|_| {
            let feed = world.store.feed();
            tokio::spawn(async move { feed.head().await.unwrap().0 })
        });
        for read in reads.collect::<Vec<_>>() {
            assert_eq!(read.await.unwrap(), number as u64);
        }
        tx.commit(keyward_rules::event::Event::of(&grant(), NOW, "test", &[])).await.unwrap();
        assert!(watch.changed().await);
    }
    let seen = world.store.feed().since(&Position::at(Revision(0)), 100).await.unwrap();
    assert_eq!(seen.len(), made.len());
    // A transaction that is given up leaves nothing on the connection that another gets.
    for _ in 0..6 {
        let mut given_up = world.begin().await;
        given_up.insert_key(draft(KeyId::from_entropy(random()), account, "given up")).await.unwrap();
        drop(given_up);
    }
    assert_eq!(world.load().await.0.revision, Revision(10));
    let mut writer = world.store.journal().writer().unwrap();
    writer.save_marks("node", NOW, &[]).await.unwrap();
    // One that hands every statement another connection is refused in words.
    let statements = Pooler::start(server, "statement").unwrap();
    let url = statements.url(&server.fresh_database().unwrap());
    let mut why = refusal(&url).await;
    // PgBouncer closes the connection behind its error, and on a busy machine the end is often read first.
    for _ in 0..40 {
        if why.contains("statement pooling") {
            break;
        }
        assert!(why.contains("connection closed"), "{why}");
        why = refusal(&url).await;
    }
    assert!(why.contains("statement pooling"), "{why}");
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let world = World::postgres().await;
    let account = world.with_account().await;
    let mut watch = world.store.feed().watch().await.unwrap();
    let owner = admin_of(&world).await;
    let end = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 0..3 {
        let mut open = world.begin().await;
        let id = KeyId::from_entropy(random());
        open.insert_key(draft(id, account, "lost")).await.unwrap();
        in_use(&world, 7).await.end().await;
        assert!(number(&owner, end).await >= 8, "the pool and perhaps the watch");
        let reads: Vec<_> = (0..16)
            .map(|_| {
                let feed = world.store.feed();
                tokio::spawn(async move { feed.head().await.unwrap() })
            })
            .collect();
        for read in reads {
            assert_eq!(read.await.unwrap().0, round, "a read is asked again on a fresh connection");
        }
        let lost =
            open.insert_key(draft(KeyId::from_entropy(random()), account, "lost too")).await.unwrap_err();
        assert!(
            matches!(&lost, StoreError::Database(DatabaseError::ConnectionLost { reason })
                if reason == "terminating connection due to administrator command"),
            "{lost:?}"
        );
        let event = keyward_rules::event::Event::of(&grant(), NOW, "test", &[]);
        let over = open.commit(event).await;
        assert!(matches!(over, Err(StoreError::Database(DatabaseError::RolledBack))), "{over:?}");
        assert_eq!(number(&owner, end).await.min(1), 1);
        world.add_key(account, &format!("kept {round}")).await.unwrap();
    }
    until(&owner, "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'", 1).await;
    watch.changed().await;
    assert_eq!(world.store.reader().keys_of(Scope::All, account).await.unwrap().len(), 3);
}

/// The pool is shared: a thread with a runtime of its own must not take connections along when it ends.
#[tokio::test]
async fn a_connection_outlives_the_runtime_that_asked_for_it() {
    let world = World::postgres().await;
    let (writer, feed) = (world.store.writer(), world.store.feed());
    let elsewhere = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            drop(writer.begin(grant(), NOW).await.unwrap());
            let (first, second, third) = tokio::join!(feed.head(), feed.head(), feed.head());
            first.and(second).and(third).unwrap();
        });
    });
    elsewhere.await.unwrap();
    for _ in 0..9 {
        world.with_account().await;
    }
}

#[tokio::test]
async fn dropped_changes_give_their_connections_back() {
    let world = World::postgres().await;
    let account = world.with_account().await;
    for number in 0..50 {
        let mut tx = world.begin().await;
        tx.insert_key(draft(KeyId::from_entropy(random()), account, &format!("bot {number}"))).await.unwrap();
        drop(tx);
    }
    world.add_key(account, "bot").await.unwrap();
    let owner = admin_of(&world).await;
    let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND state LIKE 'idle in transaction%'";
    until(&owner, open, 0).await;
    let connections = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()";
    assert!(number(&owner, connections).await <= 10, "eight of the pool, one of the feed, one of the test");
    assert_eq!(world.store.feed().head().await.unwrap().0, 1);
}

/// Its statement waits for a row, and goes on waiting when nobody waits for it any more.
#[tokio::test]
async fn a_change_that_is_given_up_in_a_statement_is_rolled_back() {
    let world = World::postgres().await;
    let account = world.with_account().await;
    let owner = admin_of(&world).await;
    owner.batch_execute("BEGIN; UPDATE head SET n = n").await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(200), world.add_key(account, "given up")).await;
    assert!(given_up.is_err());
    owner.batch_execute("ROLLBACK").await.unwrap();
    world.add_key(account, "kept").await.unwrap();
    assert_eq!(world.store.reader().keys_of(Scope::All, account).await.unwrap().len(), 1);
    assert_eq!(world.store.feed().head().await.unwrap().0, 1);
}

#[tokio::test]
async fn who_finds_all_connections_in_use_is_told_so() {
    let world = World::postgres().await;
    let in_use = in_use(&world, 8).await;
    world.store.feed().head().await.expect("those who follow have connections of their own");
    let error = world.store.log().size().await.unwrap_err();
    let cause = error.to_string();
    assert_eq!(cause, "no free connection within 5 s");
    in_use.end().await;
    world.store.log().size().await.unwrap();
}

/// Reads that wait for a table, each on a connection of its own.
struct InUse {
    holds: Client,
    reads: Vec<tokio::task::JoinHandle<()>>,
}

impl InUse {
    async fn end(self) {
        self.holds.batch_execute("ROLLBACK").await.unwrap();
        for read in self.reads {
            read.await.unwrap();
        }
    }
}

async fn in_use(world: &World, count: i64) -> InUse {
    let holds = admin_of(world).await;
    holds.batch_execute("BEGIN; LOCK TABLE apps").await.unwrap();
    let read = |_| {
        let reader = world.store.reader();
        tokio::spawn(async move { assert!(reader.app(AppId::from_u64(1).unwrap()).await.unwrap().is_none()) })
    };
    let reads = (0..count).map(read).collect();
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    // A transaction sees the statistics of its beginning.
    until(&admin_of(world).await, waiting, count).await;
    InUse { holds, reads }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a name, and its key.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

#[tokio::test]
async fn tls_goes_as_far_as_the_url_asks() {
    let (known, stranger) = (Authority::new(), Authority::new());
    let (certificate, key) = known.issue("localhost");
    let (own_certificate, own_key) = known.issue("kw");
    let server = Postgres::start_with(&Setup {
        access: "local all all trust\nhostssl all kw 127.0.0.1/32 scram-sha-256\nhostnossl all plain 127.0.0.1/32 trust\n\
            hostssl all certified 127.0.0.1/32 cert map=own\n",
        settings: &["ssl=on", "ssl_ca_file=ca.crt"],
        files: &[("server.crt", &certificate), ("server.key", &key), ("ca.crt", &known.pem), ("pg_ident.conf", "own kw certified\n")],
        environment: &[],
    })
    .unwrap();
    let (folder, port) = (server.folder().display().to_string(), server.port());
    let owner = admin(&folder, port, "postgres").await;
    owner
        .batch_execute(
            "CREATE ROLE kw SUPERUSER LOGIN PASSWORD 'pw'; CREATE ROLE plain SUPERUSER LOGIN; \
        CREATE ROLE certified SUPERUSER LOGIN",
        )
        .await
        .unwrap();
    owner.batch_execute("CREATE DATABASE keyward").await.unwrap();
    let file = |name: &str, text: &str| {
        let path = std::env::temp_dir().join(format!("keyward-tls-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (right, wrong) = (file("right.pem", &known.pem), file("wrong.pem", &stranger.pem));
    let at = |host: &str, parameters: &str| format!("postgres://kw:pw@{host}:{port}/keyward?{parameters}");
    let encrypted = "SELECT COUNT(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND datname = 'keyward'";
    for taken in [
        at("127.0.0.1", ""),
        at("127.0.0.1", "sslmode=prefer&channel_binding=require"),
        at("127.0.0.1", "sslmode=require"),
        at("127.0.0.1", &format!("sslmode=require&sslrootcert={right}")),
        at("127.0.0.1", &format!("sslmode=verify-ca&sslrootcert={right}")),
        at("localhost", &format!("sslmode=verify-full&sslrootcert={right}")),
    ] {
        let store = open(&taken).await.unwrap_or_else(|error| panic!("{taken}: {error:?}"));
        assert!(number(&owner, encrypted).await >= 1, "{taken}");
        store.close().await;
        until(&owner, encrypted, 0).await;
    }
    for (refused, why) in [
        (at("127.0.0.1", "sslmode=disable"), "no pg_hba.conf entry"),
        (at("127.0.0.1", "sslmode=verify-ca"), "invalid peer certificate: UnknownIssuer"),
        (at("127.0.0.1", &format!("sslmode=require&sslrootcert={wrong}")), "invalid peer certificate"),
        (at("localhost", &format!("sslmode=verify-ca&sslrootcert={wrong}")), "invalid peer certificate"),
        (
            at("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={right}")),
            "certificate not valid for name",
        ),
    ] {
        let text = refusal(&refused).await;
        assert!(text.contains(why) && !text.contains("pw"), "{refused}: {text}");
    }
    let (own_certificate, own_key) = (file("own.pem", &own_certificate), file("own.key", &own_key));
    let certified =
        format!("postgres://certified@127.0.0.1:{port}/keyward?sslcert={own_certificate}&sslkey={own_key}");
    let certified = open(&certified).await;
    assert!(certified.is_ok(), "{:?}", certified.err());
    let plain = open(&format!("postgres://plain@127.0.0.1:{port}/keyward?sslmode=disable")).await;
    assert!(plain.is_ok(), "{:?}", plain.err());
    for path in [right, wrong, own_certificate, own_key] {
        std::fs::remove_file(path).unwrap();
    }
}
