//! `keyward serve` in front of an exchange, from an empty folder on: set-up, a key, trading, stopping, a store put back.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use keyward_testkit::process::{KeyEntry, program};

use crate::world::{Folder, ORDER, Signed, Upstream, exchange, keyward, now_ms};

/// A server on a folder; ended when dropped.
pub struct Server {
    child: Child,
    pub address: String,
}

/// Sets a server up as an operator would; gives the configuration's path and the address.
pub fn set_up(folder: &Folder, upstream: &Upstream) -> (String, String) {
    let dir = folder.0.join("etc");
    keyward(&["init", "--dir", &dir.display().to_string()]);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let config = dir.join("keyward.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    for (from, to) in [
        (dir.join("data").display().to_string(), folder.data().display().to_string()),
        ("127.0.0.1:8481".to_owned(), address.clone()),
        ("http://127.0.0.1:9000".to_owned(), upstream.url.clone()),
    ] {
        assert!(text.contains(&from), "{from}");
        text = text.replace(&from, &to);
    }
    std::fs::write(&config, text).unwrap();
    (config.display().to_string(), address)
}

impl Server {
    pub fn start(config: &str, address: &str) -> Self {
        Self::start_with(config, address, (&[], Stdio::null()))
    }

    /// With variables in its environment, and a place for its log.
    pub fn start_with(config: &str, address: &str, (environment, log): (&[(String, String)], Stdio)) -> Self {
        let mut command = Command::new(program().unwrap());
        command.args(["serve", "--config", config]).stdin(Stdio::null()).stderr(log);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let server = Self { child: command.spawn().unwrap(), address: address.to_owned() };
        let deadline = now_ms() + 20_000;
        while TcpStream::connect(address).is_err() {
            assert!(now_ms() < deadline, "the server does not listen");
            std::thread::yield_now();
        }
        server
    }

    pub fn code(&self, request: &Signed) -> String {
        exchange(&self.address, &request.bytes()).expect("an answer").code()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").arg(format!("-{name}")).arg(process).status().unwrap().success());
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn stop(mut self) -> ExitStatus {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn make_key(config: &str) -> KeyEntry {
    make_key_that_may(config, ["read", "trade"])
}

/// A key with these permissions, of an account that is there from now on.
pub fn make_key_that_may(config: &str, permissions: [&str; 2]) -> KeyEntry {
    keyward(&["account", "create", "--config", config, "--email", "trader@keyward.example"]);
    another_key_that_may(config, permissions)
}

/// One more key of the account that [`make_key`] made.
pub fn another_key_that_may(config: &str, permissions: [&str; 2]) -> KeyEntry {
    let [one, other] = permissions;
    let made = keyward(&[
        "key",
        "create",
        "--config",
        config,
        "--account",
        "trader@keyward.example",
        "--name",
        &permissions.join(" and "),
        "--permission",
        one,
        "--permission",
        other,
        "--ip",
        "127.0.0.0/16",
        "--json",
    ]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    KeyEntry {
        api_key: text("api_key"),
        secret: text("secret"),
        passphrase: text("passphrase"),
        expect: "0".to_owned(),
    }
}

fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let stored = all.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("keyward.db"));
    stored.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn a_server_trades_follows_the_command_line_and_refuses_a_store_that_was_put_back() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let balance = || Signed::new(&key, "GET", "/api/v5/account/balance", "");

    let server = Server::start(&config, &address);
    assert_eq!(server.code(&balance()), "0");
    assert_eq!(server.code(&Signed::new(&key, "POST", "/api/v5/trade/order", ORDER)), "0");
    assert_eq!(upstream.requests().len(), 2);
    assert_eq!(server.stop().code(), Some(0));
    let before = files(&folder.data());

    let server = Server::start(&config, &address);
    assert_eq!(server.code(&balance()), "0");
    keyward(&["key", "delete", "--config", &config, &key.api_key, "--yes"]);
    let deadline = now_ms() + 1_000;
    while server.code(&balance()) != "50119" {
        assert!(now_ms() < deadline, "the deletion is not followed within a second");
    }
    assert_eq!(server.stop().code(), Some(0));

    // The database as it was, with the key alive: the node has seen more than that.
    for (path, _) in files(&folder.data()) {
        std::fs::remove_file(path).unwrap();
    }
    for (path, bytes) in before {
        std::fs::write(path, bytes).unwrap();
    }
    let refused = Command::new(program().unwrap()).args(["serve", "--config", &config]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("rolled back or replaced"), "{told}");
}

#[test]
fn a_server_signs_its_log_into_the_folder_that_its_configuration_names() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let out = folder.0.join("elsewhere");
    let text = std::fs::read_to_string(&config).unwrap();
    let audit = format!("origin = \"a.example/log\"\ncheckpoint_dir = \"{}\"", out.display());
    std::fs::write(&config, text.replace("origin = \"keyward/audit\"", &audit)).unwrap();
    make_key(&config);
    let server = Server::start(&config, &address);
    let (latest, deadline) = (out.join("latest"), now_ms() + 20_000);
    while !latest.exists() {
        assert!(now_ms() < deadline, "no checkpoint");
        std::thread::yield_now();
    }
    let note = std::fs::read_to_string(&latest).unwrap();
    assert!(note.starts_with("a.example/log\n2\n"), "{note}");
    let key = keyward(&["audit", "key", "--config", &config]);
    let latest = latest.display().to_string();
    let verify =
        ["audit", "verify", "--config", &config, "--checkpoint", &latest, "--public-key", key.trim_end()];
    let verified = keyward(&verify);
    // Those of the folder are compared too.
    let agree =
        verified.contains("2 records are as they were written; ") && verified.contains(" checkpoints agree");
    assert!(agree, "{verified}");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_certificate_is_replaced_without_a_restart() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let dir = folder.0.join("etc");
    let (chain, private) = (dir.join("tls.pem"), dir.join("tls.key"));
    let make = |name: &str| {
        let subject = format!("/CN={name}");
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        openssl.args(["-days", "2", "-subj", &subject, "-keyout"]).arg(&private).arg("-out").arg(&chain);
        assert!(openssl.output().unwrap().status.success());
    };
    make("first.example");
    let tls = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let text = std::fs::read_to_string(&config).unwrap();
    let listen = format!("listen = \"{address}\"");
    let files = format!(
        "{listen}\ntls_listen = \"{tls}\"\ntls_certificate_file = \"{}\"\ntls_key_file = \"{}\"",
        chain.display(),
        private.display()
    );
    std::fs::write(&config, text.replace(&listen, &files)).unwrap();
    let server = Server::start(&config, &address);
    let shown = || {
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &tls]).stdin(Stdio::null());
        String::from_utf8_lossy(&client.output().unwrap().stdout).into_owned()
    };
    assert!(shown().contains("first.example"), "{}", shown());
    let hang_up = || {
        let process = server.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
    };
    // What cannot be used changes nothing.
    std::fs::write(&chain, "nonsense").unwrap();
    hang_up();
    assert!(shown().contains("first.example"));
    make("second.example");
    hang_up();
    crate::world::until("the new certificate is shown", 5_000, || shown().contains("second.example"));
    assert_eq!(server.stop().code(), Some(0));
}
