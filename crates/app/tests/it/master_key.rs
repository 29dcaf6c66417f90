//! `keyward master-key`: another key takes over while a server runs, a run that broke off is finished, and a backup from
//! before comes back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use keyward_testkit::process::program;

use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, Signed, Upstream, keyward, until};

fn run(arguments: &[&str]) -> Output {
    Command::new(program().unwrap()).args(arguments).output().unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn another_master_key_takes_over_while_a_server_runs() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let balance = Signed::new(&key, "GET", "/api/v5/account/balance", "");
    let with = |verb: &str| keyward(&["master-key", verb, "--config", &config]).trim().to_owned();
    let server = Server::start(&config, &address);
    assert_eq!(server.code(&balance), "0");
    let before = folder.0.join("before");
    keyward(&["backup", "--config", &config, "--to", &before.display().to_string()]);
    let old = with("show");
    assert!(refused(&["master-key", "rotate", "--config", &config]).contains("master-key new"));
    let new = with("new");
    assert_ne!(old, new);
    let file = PathBuf::from(
        std::fs::read_to_string(&config)
            .unwrap()
            .lines()
            .find_map(|line| {
                line.trim().strip_prefix("master_key_file = ").map(|path| path.trim_matches('"').to_owned())
            })
            .unwrap(),
    );
    let next = PathBuf::from(format!("{}.next", file.display()));
    assert_eq!(std::fs::metadata(&next).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(refused(&["master-key", "new", "--config", &config]).contains("is there already"));
    let kept = PathBuf::from(format!("{}.until-{old}", file.display()));
    let doctor = || String::from_utf8(run(&["doctor", "--config", &config]).stdout).unwrap();
    assert!(doctor().contains("doctor.master_key.next"));

    assert_eq!(with("rotate"), new);
    assert_eq!(with("show"), new);
    assert!(!next.exists() && kept.exists());
    // The server goes on with what it opened, sees changes, and starts again with the new key.
    assert_eq!(server.code(&balance), "0");
    keyward(&["key", "disable", "--config", &config, &key.api_key]);
    until("the server sees changes still", 5_000, || server.code(&balance) == "50114");
    keyward(&["key", "enable", "--config", &config, &key.api_key]);
    assert!(server.stop().success());
    let server = Server::start(&config, &address);
    assert_eq!(server.code(&Signed::new(&key, "GET", "/api/v5/account/balance", "")), "0");
    assert!(server.stop().success());
    keyward(&["audit", "verify", "--config", &config]);

    // Broken off after the store had it: the files still have their old names.
    std::fs::rename(&file, &next).unwrap();
    std::fs::copy(&kept, &file).unwrap();
    assert!(
        refused(&["key", "list", "--config", &config, "--account", "trader@keyward.example"])
            .contains("does not open this store")
    );
    assert!(doctor().contains("a rotation was interrupted"));
    assert_eq!(with("rotate"), new);
    assert_eq!(with("show"), new);

    // A backup from before the rotation, under today's key.
    std::fs::remove_dir_all(folder.data()).unwrap();
    let from = before.display().to_string();
    let plain = ["restore", "--config", &config, "--from", &from, "--accept-rollback"];
    assert!(refused(&plain).contains("--taken-under"));
    let kept = kept.display().to_string();
    keyward(&[&plain[..], &["--taken-under", &kept]].concat());
    keyward(&["key", "enable", "--config", &config, &key.api_key]);
    let server = Server::start(&config, &address);
    assert_eq!(server.code(&Signed::new(&key, "GET", "/api/v5/account/balance", "")), "0");
    assert!(server.stop().success());
}

#[test]
fn the_identity_key_goes_to_a_file_of_its_owner() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, _) = set_up(&folder, &upstream);
    make_key(&config);
    let to = folder.0.join("identity.key");
    let shown = to.display().to_string();
    assert_eq!(keyward(&["identity-key", "--config", &config, "--to", &shown]).trim(), shown);
    let text = std::fs::read_to_string(&to).unwrap();
    assert!(text.len() == 65 && text.trim().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(refused(&["identity-key", "--config", &config, "--to", &shown]).contains("is there already"));
}

/// A configuration whose master key is not in a file of its own.
struct Elsewhere<'c> {
    config: &'c str,
    variable: (String, String),
}

impl Elsewhere<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program().unwrap());
        command.args(arguments).args(["--config", self.config]).env_remove(&self.variable.0);
        command
    }

    /// Exit code and standard error, with the variable or without it.
    fn told(&self, arguments: &[&str], variable: Option<&str>) -> (Option<i32>, String) {
        let mut command = self.command(arguments);
        if let Some(value) = variable {
            command.env(&self.variable.0, value);
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn the_master_key_comes_from_a_variable_or_a_credential() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let key = make_key(&config);
    let balance = Signed::new(&key, "GET", "/api/v5/account/balance", "");
    let (file, handed) = (folder.0.join("etc/master.key"), folder.0.join("handed"));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::create_dir(&handed).unwrap();
    std::fs::write(handed.join("keyward.master-key"), &text).unwrap();
    std::fs::rename(&file, folder.0.join("kept elsewhere")).unwrap();
    let settings = std::fs::read_to_string(&config).unwrap();
    let line = format!("master_key_file = \"{}\"", file.display());
    assert!(settings.contains(&line), "{settings}");
    let credentials = handed.display().to_string();
    for (setting, name, good, wrong) in [
        ("master_key_env = \"KEYWARD_TEST_MASTER_KEY\"", "KEYWARD_TEST_MASTER_KEY", text.trim(), "none"),
        (
            "master_key_credential = \"keyward.master-key\"",
            "CREDENTIALS_DIRECTORY",
            credentials.as_str(),
            "/nowhere",
        ),
    ] {
        std::fs::write(&config, settings.replace(&line, setting)).unwrap();
        let elsewhere = Elsewhere { config: &config, variable: (name.to_owned(), good.to_owned()) };
        let server =
            Server::start_with(&config, &address, (std::slice::from_ref(&elsewhere.variable), Stdio::null()));
        assert_eq!(server.code(&balance), "0", "{setting}");
        assert_eq!(server.stop().code(), Some(0));
        assert_eq!(elsewhere.told(&["config", "check"], Some(good)).0, Some(0), "{setting}");
        assert_eq!(elsewhere.told(&["master-key", "show"], Some(good)).0, Some(0), "{setting}");
        for value in [None, Some(""), Some(wrong)] {
            for command in [&["serve"][..], &["config", "check"]] {
                let (code, told) = elsewhere.told(command, value);
                assert!(
                    code == Some(3) && told.contains("doctor.master_key.missing"),
                    "{setting} {value:?}: {told}"
                );
                assert!(!told.contains(text.trim()), "{told}");
            }
        }
        // Commands need it as well.
        assert_eq!(
            elsewhere.told(&["key", "list", "--account", "a@keyward.example"], Some(wrong)).0,
            Some(1)
        );
        for command in ["new", "rotate"] {
            let (code, told) = elsewhere.told(&["master-key", command], Some(good));
            assert!(code == Some(1) && told.contains("cannot replace"), "{setting} {command}: {told}");
        }
        // Two places at once are a mistake, as is none.
        std::fs::write(&config, settings.replace(&line, &format!("{line}\n{setting}"))).unwrap();
        let (code, told) = elsewhere.told(&["serve"], Some(good));
        assert!(code == Some(3) && told.contains("name the master key once"), "{told}");
    }
    std::fs::write(&config, settings.replace(&line, "")).unwrap();
    assert!(refused(&["serve", "--config", &config]).contains("name the master key once"));
}
