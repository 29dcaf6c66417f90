//! A socket's subscription: what is read is what plain JSON says, and written again it asks for the same channels.
#![no_main]

use std::sync::LazyLock;

use keyward_rules::route::RouteTable;
use keyward_rules::socket::{ChannelArg, Endpoint, FoundChannel, Request, SocketTable, Subscription, read};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

static TABLE: LazyLock<SocketTable> = LazyLock::new(|| {
    let routes = RouteTable::okx_v5(1).unwrap();
    SocketTable::okx_v5(&routes).unwrap()
});

fuzz_target!(|text: &str| {
    check(text);
    // The same as one channel's members, so that near misses of real subscriptions are met at once.
    check(&format!(r#"{{"op":"subscribe","args":[{{{text}}}]}}"#));
    check(&format!(r#"{{"id":"1","op":"unsubscribe","args":{text}}}"#));
});

fn check(text: &str) {
    match read(text) {
        Ok(Request::Subscribe(asked)) => check_subscription(text, "subscribe", &asked),
        Ok(Request::Unsubscribe(asked)) => check_subscription(text, "unsubscribe", &asked),
        Ok(Request::Ping | Request::Login(_) | Request::Operation(_) | Request::OtherOp { .. }) | Err(_) => {}
    }
}

fn check_subscription(text: &str, op: &str, asked: &Subscription<'_>) {
    let plain: Value = serde_json::from_str(text).unwrap();
    assert_eq!(plain["op"], op);
    let args = plain["args"].as_array().unwrap();
    assert!(args.len() == asked.args.len() && (1..=1_000).contains(&args.len()));
    for (arg, plain) in asked.args.iter().zip(args) {
        assert_eq!(written(arg), *plain);
        look_up(arg);
    }
    let mut again = json!({ "op": op, "args": asked.args.iter().map(written).collect::<Vec<_>>() });
    if let Some(id) = &asked.id {
        again["id"] = Value::from(&id[..]);
    }
    assert_eq!(again, plain);
    let again = again.to_string();
    match read(&again) {
        Ok(Request::Subscribe(same) | Request::Unsubscribe(same)) => assert_eq!(same, *asked),
        Ok(Request::Ping | Request::Login(_) | Request::Operation(_) | Request::OtherOp { .. }) | Err(_) => {
            panic!("{again}")
        }
    }
}

/// A channel as a client would write it.
fn written(arg: &ChannelArg<'_>) -> Value {
    let parameters = arg.parameters.iter().map(|(name, value)| (name.to_string(), Value::from(&value[..])));
    let channel = ("channel".to_owned(), Value::from(&arg.channel[..]));
    std::iter::once(channel).chain(parameters).collect()
}

/// A channel is found at no path but its own, and only by its exact name.
fn look_up(arg: &ChannelArg<'_>) {
    let mut places = 0;
    for endpoint in Endpoint::ALL {
        if let FoundChannel::Channel(channel) = TABLE.channel(endpoint, &arg.channel) {
            assert!(channel.name == arg.channel && channel.endpoint == endpoint);
            places += 1;
        }
    }
    assert!(places <= 1 && arg.label().starts_with(&*arg.channel) && arg.spelled().contains(&*arg.channel));
}
