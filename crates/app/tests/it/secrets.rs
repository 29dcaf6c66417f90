//! F48: no secret in the log at its most talkative, nor in anything that is stored.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use keyward_testkit::process::{KeyEntry, program};

use crate::world::{Folder, ORDER, Signed, exchange};

#[test]
fn no_secret_is_logged_or_stored() {
    let folder = Folder::new();
    let (data, file, log) = (folder.data(), folder.0.join("credentials.json"), folder.0.join("log"));
    let mut child = Command::new(program().unwrap())
        .args(["sandbox", "--gateway", "127.0.0.1:0", "--gateway-tls", "127.0.0.1:0", "--data"])
        .arg(&data)
        .arg("--credentials")
        .arg(&file)
        .env("KEYWARD_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("ready")));
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let trade = &document["keys"]["trade"];
    let key = KeyEntry {
        api_key: text(&trade["api_key"]),
        secret: text(&trade["secret"]),
        passphrase: text(&trade["passphrase"]),
        expect: "0".into(),
    };
    let address = text(&document["gateway_url"]);
    let good = Signed::new(&key, "POST", "/api/v5/trade/order", ORDER);
    assert_eq!(exchange(&address, &good.bytes()).unwrap().code(), "0");
    let wrong = Signed { target: "/api/v5/trade/order?x=1".into(), ..good.clone() };
    let mut answers = String::new();
    for bytes in [
        wrong.bytes(),
        Signed { passphrase: format!("{}x", key.passphrase), ..good }.bytes(),
        b"nonsense\r\n\r\n".to_vec(),
    ] {
        answers.push_str(&exchange(&address, &bytes).unwrap().body);
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    std::fs::remove_file(data.join("credentials.json")).unwrap();
    let mut searched = 0;
    for (name, bytes) in files(&data).into_iter().chain([
        ("log".to_owned(), std::fs::read(&log).unwrap()),
        ("answers".to_owned(), answers.into_bytes()),
    ]) {
        for secret in [&key.secret, &key.passphrase] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret of the key is in {name}");
        }
        searched += bytes.len();
    }
    assert!(searched > 10_000, "only {searched} bytes were searched");
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect()
}
