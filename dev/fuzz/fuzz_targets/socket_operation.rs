//! A socket's operation: what is read is what plain JSON says, and no object in it has a name twice.
#![no_main]

use keyward_fuzz::colons;
use keyward_rules::socket::{OperationRequest, Request, read};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    check(text);
    // The same as one order's members, so that near misses of real orders are met at once.
    check(&format!(r#"{{"id":"1","op":"order","args":[{{{text}}}]}}"#));
    check(&format!(r#"{{"id":"1","op":"batch-orders","args":{text}}}"#));
});

fn check(text: &str) {
    match read(text) {
        Ok(Request::Operation(asked)) => check_operation(text, &asked),
        Ok(
            Request::Ping
            | Request::Login(_)
            | Request::Subscribe(_)
            | Request::Unsubscribe(_)
            | Request::OtherOp { .. },
        )
        | Err(_) => {}
    }
}

fn check_operation(text: &str, asked: &OperationRequest<'_>) {
    let plain: Value = serde_json::from_str(text).unwrap();
    assert_eq!(plain["id"], asked.id[..]);
    assert_eq!(plain["op"], asked.op);
    assert!((1..=32).contains(&asked.id.len()) && asked.id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(plain.as_object().unwrap().len(), 3 + usize::from(asked.exp_time.is_some()));
    let orders = plain["args"].as_array().unwrap();
    assert!(orders.len() == asked.count && (1..=20).contains(&asked.count));
    assert!(orders.iter().all(Value::is_object));
    assert!(asked.count == 1 || asked.op.starts_with("batch-"));
    // A repeated name would be lost on the way through a reader of plain JSON, and its colon with it.
    assert_eq!(colons(text), colons(&plain.to_string()));
    let again = plain.to_string();
    assert!(matches!(read(&again), Ok(Request::Operation(same)) if same == *asked));
}
