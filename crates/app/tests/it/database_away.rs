//! A PostgreSQL that cannot be used: `serve` and `doctor` say in words why, within five seconds, and repeat no password.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use keyward_testkit::postgres::{Postgres, Setup};
use keyward_testkit::process::program;

use crate::server::{Server, set_up};
use crate::world::{Folder, Upstream};

/// Who waits learns by then what is wrong.
const SOON: Duration = Duration::from_secs(5);

/// The password of everybody who has one.
const PASSWORD: &str = "hunter2";

/// Who is asked for a password, who is not, and who needs TLS, which the server does not have. There are no others.
const ACCESS: &str = "local all all trust\n\
    host all guest,ghost 127.0.0.1/32 trust\n\
    hostssl all guarded 127.0.0.1/32 scram-sha-256\n\
    host all kw,late,asleep,limited,unheard 127.0.0.1/32 scram-sha-256\n";

const STATEMENTS: [&str; 9] = [
    "CREATE ROLE kw LOGIN PASSWORD 'hunter2'",
    "CREATE ROLE late LOGIN PASSWORD 'hunter2' VALID UNTIL '2020-01-01'",
    "CREATE ROLE asleep NOLOGIN PASSWORD 'hunter2'",
    "CREATE ROLE limited LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 0",
    "CREATE ROLE guest LOGIN",
    "CREATE DATABASE keyward OWNER kw",
    "CREATE DATABASE shut ALLOW_CONNECTIONS false",
    "CREATE DATABASE closed",
    "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
];

/// Exit code, everything that was said, and how long it took.
fn run(command: &str, config: &str) -> (Option<i32>, String, Duration) {
    let began = Instant::now();
    let output = Command::new(program().unwrap()).args([command, "--config", config]).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code(), said, began.elapsed())
}

#[test]
fn a_database_that_cannot_be_used_is_told_of_in_words() {
    let setup = Setup { access: ACCESS, settings: &[], files: &[], environment: &[] };
    let server = Postgres::start_with(&setup).unwrap();
    for statement in STATEMENTS {
        server.psql("postgres", statement).unwrap();
    }
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let (text, data) =
        (std::fs::read_to_string(&config).unwrap(), format!("\"{}\"", folder.data().display()));
    assert!(text.contains(&data), "{text}");
    let point_to = |url: &str| std::fs::write(&config, text.replace(&data, &format!("\"{url}\""))).unwrap();

    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (place, silence) = (format!("127.0.0.1:{}", server.port()), silent.local_addr().unwrap());
    let at = |login: &str, rest: &str| format!("postgres://{login}@{place}/{rest}");
    let none = "no pg_hba.conf entry for host \"127.0.0.1\"";
    let cases = [
        (format!("postgres://kw:hunter2@{gone}/keyward"), "Connection refused"),
        (format!("postgres://kw:hunter2@{gone},{gone}/keyward"), "Connection refused"),
        (format!("postgres://kw:hunter2@{silence}/keyward"), "no answer within 3 s"),
        ("postgres://kw:hunter2@/keyward?host=/nowhere/at/all".to_owned(), "No such file or directory"),
        (
            "postgres://kw:hunter2@nowhere.invalid/keyward".to_owned(),
            "no connection to PostgreSQL at nowhere.invalid:5432: ",
        ),
        (at("kw:hunter2x", "keyward"), "password authentication failed for user \"kw\""),
        (at("kw", "keyward"), "the server asks for a password and the URL has none"),
        (at("unheard:hunter2", "keyward"), "password authentication failed for user \"unheard\""),
        (at("late:hunter2", "keyward"), "password authentication failed for user \"late\""),
        (at("ghost", "keyward"), "role \"ghost\" does not exist"),
        (at("asleep:hunter2", "keyward"), "role \"asleep\" is not permitted to log in"),
        (at("limited:hunter2", "keyward"), "too many connections for role \"limited\""),
        (at("stranger:hunter2", "keyward"), none),
        (at("guarded:hunter2", "keyward"), none),
        (at("kw:hunter2", "nowhere"), "database \"nowhere\" does not exist"),
        (at("kw:hunter2", "shut"), "database \"shut\" is not currently accepting connections"),
        (at("guest", "closed"), "permission denied for database \"closed\""),
        (at("kw:hunter2", "keyward?sslmode=require"), "server does not support TLS"),
        (at("kw:hunter2", "keyward?sslmode=verify-full"), "server does not support TLS"),
        (
            at("kw:hunter2", "keyward?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"),
            "the file /nowhere/ca.pem of the parameter `sslrootcert`",
        ),
        (at("kw:hunter2", "keyward?colour=blue"), "the parameter `colour` is not known"),
        (at("kw:hunter2/", "keyward"), "its port is not a number"),
    ];
    for (url, why) in cases {
        point_to(&url);
        for command in ["serve", "doctor"] {
            let (code, said, took) = run(command, &config);
            assert!(code == Some(1) && said.contains(why), "{command}, {url}: {code:?} {said}");
            assert!(!said.contains(PASSWORD), "{command}, {url}: {said}");
            assert!(took < SOON, "{command}, {url}: {took:?}");
            let named = said.lines().any(|line| line.starts_with("refused  doctor.store "));
            assert_eq!(named, command == "doctor", "{command}, {url}: {said}");
        }
    }

    let socket = server.folder().display();
    for right in [
        at("kw:hunter2", "keyward"),
        at("kw:%68unter2", "keyward?sslmode=prefer"),
        format!("postgres://kw:hunter2@{gone},{place}/keyward"),
        format!("postgres://kw@/keyward?host={socket}&port={}", server.port()),
    ] {
        point_to(&right);
        assert_eq!(Server::start(&config, &address).stop().code(), Some(0), "{right}");
        let (code, said, _) = run("doctor", &config);
        assert_eq!(code, Some(0), "{right}: {said}");
    }
}
