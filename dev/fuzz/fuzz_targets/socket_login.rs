//! A socket's login: what is read is what plain JSON says, each member once and none of it empty or another's.
#![no_main]

use keyward_rules::okx::Credentials;
use keyward_rules::socket::{LoginArgs, Request, read};
use keyward_rules::time::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    check(text);
    // The same as one account's members, so that near misses of real logins are met at once.
    check(&format!(r#"{{"id":"1","op":"login","args":[{{{text}}}]}}"#));
    check(&format!(
        r#"{{"op":"login","args":[{{"apiKey":"a","passphrase":"b","timestamp":{text},"sign":"c"}}]}}"#
    ));
});

fn check(text: &str) {
    match read(text) {
        Ok(Request::Login(login)) => check_login(text, &login),
        Ok(
            Request::Ping
            | Request::Subscribe(_)
            | Request::Unsubscribe(_)
            | Request::Operation(_)
            | Request::OtherOp { .. },
        ) => {}
        Err(unreadable) => assert!(unreadable.id().is_none_or(|id| text.len() > id.len())),
    }
}

fn check_login(text: &str, login: &LoginArgs<'_>) {
    let plain: Value = serde_json::from_str(text).unwrap();
    let accounts = plain["args"].as_array().unwrap();
    let account = accounts[0].as_object().unwrap();
    assert_eq!((accounts.len(), account.len()), (1, 4));
    assert_eq!(plain.as_object().unwrap().len(), 2 + usize::from(login.id.is_some()));
    assert_eq!(plain.get("id").map(|id| id.as_str().unwrap()), login.id.as_deref());
    assert!(login.members().iter().all(|member| !member.is_empty()));
    assert_eq!(account["apiKey"], login.api_key[..]);
    assert_eq!(account["sign"], login.sign[..]);
    assert_eq!(account["passphrase"], login.passphrase[..]);
    match &account["timestamp"] {
        Value::String(sent) => assert_eq!(*sent, login.timestamp),
        Value::Number(_) => assert!(text.contains(&*login.timestamp)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => panic!("{text}"),
    }
    if let Ok(credentials) = Credentials::of_login(login.members(), None) {
        assert_eq!(credentials.key.to_string(), login.api_key);
        if let Ok(stamp) = credentials.stamp() {
            assert_eq!(stamp.as_bytes(), login.timestamp.as_bytes());
            assert_eq!(Timestamp::parse_unix_seconds(stamp.as_bytes()), Ok(stamp));
        }
    }
}
