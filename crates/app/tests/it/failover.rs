//! A database that fails over to a copy which lacks the newest changes.

use keyward_testkit::postgres::Postgres;

use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, Signed, Upstream, exchange, until};

/// Runs the command line; gives whether it was done, and what it said on both ways.
fn keyward(arguments: &[&str]) -> (bool, String) {
    let program = keyward_testkit::process::program().unwrap();
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// F89: nothing is said to be done that running gateways do not follow, and they do not vouch for what they cannot know.
#[test]
fn after_a_lossy_failover_nothing_is_done_and_nothing_vouched_for() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let database = Postgres::shared().unwrap();
    let url = database.fresh_database().unwrap();
    let name = url.split(['/', '?']).nth(3).unwrap();
    let run = |statement: &str| database.psql("postgres", statement);
    let open = |to: bool| run(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {to}")).unwrap();
    // Nobody may be connected to a database that is copied or renamed.
    let alone = |work: &str| {
        open(false);
        run(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
            .unwrap();
        until("the database is left alone", 10_000, || run(work).is_ok());
    };
    let (config, address) = set_up(&folder, &upstream);
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace(&format!("\"{}\"", folder.data().display()), &format!("\"{url}\""));
    let checkpoint = folder.0.join("checkpoint");
    let listen = format!("listen = \"{address}\"");
    let with = format!("{listen}\ncheckpoint_file = \"{}\"", checkpoint.display());
    std::fs::write(&config, text.replace(&listen, &with)).unwrap();
    let (first, second) = (make_key(&config), make_key_called(&config, "other"));
    let server = Server::start(&config, &address);
    let code = |key| server.code(&Signed::new(key, "GET", "/api/v5/account/balance", ""));
    assert_eq!((code(&first).as_str(), code(&second).as_str()), ("0", "0"));

    // The copy lags behind: it never hears of the change that ends the first key.
    alone(&format!("CREATE DATABASE {name}_replica TEMPLATE {name}"));
    open(true);
    let disable = |key: &str| keyward(&["key", "disable", "--config", &config, key]);
    until("the change is made", 20_000, || disable(&first.api_key).0);
    until("the key is refused", 5_000, || code(&first) == "50114");
    alone(&format!("ALTER DATABASE {name} RENAME TO {name}_lost"));
    run(&format!("ALTER DATABASE {name}_replica RENAME TO {name}")).unwrap();

    // The command does not say that it is done, whatever the key.
    let mut said = String::new();
    until("the command reaches the copy", 20_000, || {
        let (done, text) = disable(&second.api_key);
        assert!(!done, "{text}");
        said = text;
        said.contains("put back")
    });
    // The key that had ended stays refused, and soon nothing else is vouched for.
    assert_eq!(code(&first), "50114");
    let ready = |class: &str| {
        exchange(&address, format!("GET /readyz{class} HTTP/1.0\r\n\r\n").as_bytes()).unwrap().status
    };
    until("no money moves", 10_000, || ready("?class=funds") == 503);
    until("no order is placed", 20_000, || {
        let order = Signed::new(&second, "POST", "/api/v5/trade/order", crate::world::ORDER);
        server.code(&order) == "50001"
    });
    assert_ne!(code(&first), "0");
    // What docs/operating/backup.md says to do: a node does not start until the checkpoint is removed, then what had ended is
    // ended again.
    assert_eq!(server.stop().code(), Some(0));
    let (done, said) = keyward(&["serve", "--config", &config]);
    assert!(!done && said.contains("rolled back or replaced"), "{said}");
    std::fs::remove_file(&checkpoint).unwrap();
    assert!(disable(&first.api_key).0);
    let server = Server::start(&config, &address);
    let code = |key| server.code(&Signed::new(key, "GET", "/api/v5/account/balance", ""));
    assert_eq!((code(&first).as_str(), code(&second).as_str()), ("50114", "0"));
}

fn make_key_called(config: &str, name: &str) -> keyward_testkit::process::KeyEntry {
    let account = "trader@keyward.example";
    let words = ["key", "create", "--config", config, "--account", account, "--name", name];
    let (done, made) =
        keyward(&[&words[..], &["--permission", "read", "--permission", "trade", "--json"]].concat());
    assert!(done, "{made}");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    keyward_testkit::process::KeyEntry {
        api_key: text("api_key"),
        secret: text("secret"),
        passphrase: text("passphrase"),
        expect: "0".to_owned(),
    }
}

/// F91: without shared marks each of two would accept the same signed withdrawal.
#[test]
fn a_second_gateway_on_one_store_is_refused() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let url = Postgres::shared().unwrap().fresh_database().unwrap();
    let (config, address) = set_up(&folder, &upstream);
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace(&format!("\"{}\"", folder.data().display()), &format!("\"{url}\""));
    std::fs::write(&config, &text).unwrap();
    let key = make_key(&config);
    let server = Server::start(&config, &address);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let other = folder.0.join("etc/other.toml");
    std::fs::write(&other, text.replace(&address, &free)).unwrap();
    let (done, said) = keyward(&["serve", "--config", &other.display().to_string()]);
    assert!(!done && said.contains("another gateway serves on this store"), "{said}");
    let read = || Signed::new(&key, "GET", "/api/v5/account/balance", "");
    assert_eq!(server.code(&read()), "0", "the first goes on");
    // Commands are fine beside it.
    assert!(keyward(&["key", "list", "--config", &config, "--account", "trader@keyward.example"]).0);
    // After kill -9 this machine serves again at once.
    server.kill();
    let server = Server::start(&config, &address);
    assert_eq!(server.code(&read()), "0");
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(Server::start(&other.display().to_string(), &free).stop().code(), Some(0));
}
