//! The command line by itself: set-up, configuration, exit codes, help.

use std::process::{Command, Output};

use keyward_testkit::process::program;

use crate::world::{Folder, keyward};

fn run(arguments: &[&str]) -> Output {
    Command::new(program().unwrap()).args(arguments).output().unwrap()
}

#[test]
fn init_makes_what_check_accepts_and_never_overwrites() {
    let folder = Folder::new();
    let dir = folder.0.join("etc").display().to_string();
    keyward(&["init", "--dir", &dir]);
    let config = format!("{dir}/keyward.toml");
    assert!(keyward(&["config", "check", "--config", &config]).contains("is good"));
    assert!(keyward(&["config", "show", "--config", &config]).contains("master.key"));
    assert_eq!(run(&["init", "--dir", &dir]).status.code(), Some(1));
}

#[test]
fn serve_refuses_a_master_key_inside_the_data_folder() {
    let folder = Folder::new();
    let dir = folder.0.display().to_string();
    keyward(&["init", "--dir", &dir]);
    let config = folder.0.join("keyward.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace("/var/lib/keyward", &dir);
    std::fs::write(&config, text).unwrap();
    let refused = run(&["serve", "--config", &config.display().to_string()]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("inside the data folder"));
}

#[test]
fn mistakes_have_their_exit_codes() {
    let folder = Folder::new();
    let config = folder.0.join("bad.toml");
    std::fs::write(&config, "[store]\nurl = \"x\"\nunheard_of = 1\n").unwrap();
    assert_eq!(run(&["config", "check", "--config", &config.display().to_string()]).status.code(), Some(3));
    assert_eq!(run(&["key", "create"]).status.code(), Some(2));
    assert_eq!(run(&["explain", "12345"]).status.code(), Some(1));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}

#[test]
fn explain_knows_every_code_of_the_registry() {
    for denial in keyward_rules::denial::Denial::examples() {
        let entry = denial.entry();
        assert!(keyward(&["explain", entry.code]).contains(entry.meaning), "{}", entry.code);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(program().unwrap());
    let output = command.args(["config", "example"]).stdout(writer).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
