//! Where alerts are to go: whatever is typed, a receiver is read one way only, and none that is not public is admitted.

#![no_main]

use keyward_rules::channel::{
    Base, ChannelKind, ChannelPolicy, Endpoint, Host, Message, Receiver, Scheme, Target, TargetInput,
    check_address,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let policy = ChannelPolicy::default();
    if let Ok(receiver) = Receiver::parse(text) {
        let whole = receiver.text();
        let again = Receiver::parse(whole.expose()).expect("what is written is read again");
        assert!(again.text().matches(whole.expose().as_bytes()));
        assert!(!receiver.authority().contains(['@', '\\', '#', '/', '?', '%', ' ']));
        if policy.admit(&receiver).is_ok() {
            assert_eq!(receiver.scheme(), Scheme::Https);
            match receiver.host() {
                Host::Address(address) => assert!(check_address(*address).is_ok()),
                Host::Name(name) => assert!(name.contains('.') && !name.ends_with('.')),
            }
        }
    }
    for (aim, hosts, before) in [
        (TargetInput::slack(text, &policy), &["hooks.slack.com", "hooks.slack-gov.com"][..], "/services/"),
        (TargetInput::discord(text, &policy), &["discord.com"][..], "/api/webhooks/"),
    ] {
        let Ok(aim) = aim else { continue };
        let receiver = aim.into_target([0; 32]).receiver(&policy);
        assert_eq!(receiver.scheme(), Scheme::Https);
        assert!(hosts.contains(&receiver.authority().as_str()), "the service's own host");
        let target = receiver.target();
        let parts = target.expose().strip_prefix(before).expect("the service's own path");
        let (path, query) = parts.split_once('?').unwrap_or((parts, ""));
        assert!(text.contains(path) && text.contains(query), "what is pasted is where it goes");
    }
    if let Ok(endpoint) = text.parse::<Endpoint>() {
        let policy = ChannelPolicy { allow: [endpoint].into(), ..ChannelPolicy::default() };
        let receiver = Receiver::parse(&format!("http://{text}/")).expect("an endpoint makes a URL");
        assert!(policy.admit(&receiver).is_ok());
    }
    if let Ok(base) = text.parse::<Base>() {
        assert!(Receiver::parse(&base.to_string()).is_ok());
    }
    for kind in ChannelKind::ALL {
        let _ = Target::from_json(kind, text);
    }
    let _ = Message::from_json(text);
});
