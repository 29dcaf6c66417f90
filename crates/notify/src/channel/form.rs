//! A message in the form of its receiver: signed JSON, or the text of a chat.

use keyward_rules::alert::{Alert, Urgency};
use keyward_rules::channel::{ChannelPolicy, Message, MessageId, Subject, Target};
use keyward_rules::time::Moment;
use serde_json::{Value, json};

use super::client::Post;

/// Characters that the services take: Slack cuts, Telegram and Discord refuse longer ones.
const SLACK_CHARS: usize = 4_000;
const TELEGRAM_CHARS: usize = 4_000;
const DISCORD_CHARS: usize = 1_900;

/// The request that brings a message to its target at `now`.
#[must_use]
pub fn post(
    target: &Target,
    policy: &ChannelPolicy,
    (id, message): (MessageId, &Message),
    now: Moment,
) -> Post {
    let receiver = target.receiver(policy);
    let plain = |body: Value| Post {
        receiver: target.receiver(policy),
        headers: Vec::new(),
        body: body.to_string().into(),
    };
    match target {
        Target::Webhook(_, secret) => {
            let body = event(message).to_string().into_bytes();
            let seconds = now.unix_ms() / 1_000;
            let headers = vec![
                ("webhook-id", id.to_string()),
                ("webhook-timestamp", seconds.to_string()),
                ("webhook-signature", secret.sign(id, seconds, &body)),
            ];
            Post { receiver, headers, body }
        }
        // Without formatting, names are names; the three characters are Slack's own escapes.
        Target::Slack(..) => {
            let text =
                text(message, SLACK_CHARS).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            plain(json!({"text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false}))
        }
        Target::Telegram(_, chat) => plain(json!({
            "chat_id": chat, "text": text(message, TELEGRAM_CHARS), "link_preview_options": {"is_disabled": true}
        })),
        // 4 is SUPPRESS_EMBEDS; nobody is called by a name that looks like a mention.
        Target::Discord(_) => plain(json!({
            "content": unformatted(&text(message, DISCORD_CHARS)), "allowed_mentions": {"parse": []}, "flags": 4
        })),
    }
}

/// The body of a webhook.
fn event(message: &Message) -> Value {
    let (kind, data) = match &message.subject {
        Subject::Test => ("keyward.test", json!({})),
        Subject::Alerts(alerts) => {
            ("keyward.alerts", json!({"alerts": alerts.iter().map(alert_event).collect::<Vec<_>>()}))
        }
    };
    json!({"type": kind, "timestamp": message.at.to_string(), "data": data})
}

fn alert_event(alert: &Alert) -> Value {
    json!({
        "kind": alert.kind.word(),
        "urgency": match alert.kind.urgency() { Urgency::Critical => "critical", Urgency::Notice => "notice" },
        "at": alert.at.to_string(),
        "title": alert.kind.title(),
        "detail": alert.detail,
        "advice": alert.kind.advice(),
        "key": alert.key.as_ref().map(|(id, name)| json!({"api_key": id.to_string(), "name": name})),
        "from": alert.from.map(|address| address.to_string()),
        "device": alert.device,
    })
}

/// The text of a chat, at most `most` characters long.
fn text(message: &Message, most: usize) -> String {
    let whole = match &message.subject {
        Subject::Test => "Keyward: a test. Alerts of your account will look like this.".to_owned(),
        Subject::Alerts(alerts) => match alerts.as_slice() {
            [alert] => one(alert),
            several => {
                let lines: Vec<String> = several.iter().map(short).collect();
                format!("Keyward: {} alerts\n{}", several.len(), lines.join("\n"))
            }
        },
    };
    match whole.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
        None => whole,
    }
}

/// An alert by itself.
fn one(alert: &Alert) -> String {
    let mark = match alert.kind.urgency() {
        Urgency::Critical => "critical: ",
        Urgency::Notice => "",
    };
    let mut lines = vec![format!("Keyward: {mark}{}", alert.kind.title())];
    lines.extend(alert.key.as_ref().map(|(id, name)| format!("Key: {name} ({id})")));
    lines.push(format!("When: {}", minute(alert.at)));
    lines.extend(alert.from.map(|address| format!("From: {address}")));
    lines.extend(alert.device.as_deref().map(|device| format!("Device: {}", without_links(device))));
    lines.extend(Some(alert.detail.clone()).filter(|detail| !detail.is_empty()));
    lines.push(alert.kind.advice().to_owned());
    lines.join("\n")
}

/// An alert among others.
fn short(alert: &Alert) -> String {
    let key = alert.key.as_ref().map(|(_, name)| format!(": {name}")).unwrap_or_default();
    let from = alert.from.map(|address| format!(", from {address}")).unwrap_or_default();
    format!("{} {}{key}{from}", minute(alert.at), alert.kind.title())
}

/// `2026-11-21 08:15 UTC`.
fn minute(at: Moment) -> String {
    let text = at.to_string();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}

/// Chats make links of whatever looks like one, and a stranger who fails to sign in chooses what the device is called.
fn without_links(device: &str) -> String {
    device.replace(['.', ':', '@'], "_")
}

/// With Discord's formatting switched off.
fn unformatted(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for symbol in text.chars() {
        if matches!(symbol, '*' | '_' | '~' | '`' | '|' | '>' | '<' | '[' | ']' | '(' | ')' | '#' | '\\') {
            plain.push('\\');
        }
        plain.push(symbol);
    }
    plain
}

#[cfg(test)]
mod tests {
    use keyward_rules::alert::{Alert, AlertKind};
    use keyward_rules::channel::{ChannelPolicy, Message, MessageId, Subject, Target, TargetInput};
    use keyward_rules::id::{AccountId, KeyId};
    use keyward_rules::time::Moment;
    use serde_json::Value;

    use super::post;

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);
    const TOKEN: &str = "123456789:AAcanaryAAcanaryAAcanaryAAcanaryAAc";

    fn alert(kind: AlertKind, name: &str) -> Alert {
        Alert {
            key: Some((KeyId::from_entropy([1; 16]), name.into())),
            from: Some("203.0.113.9".parse().unwrap()),
            device: Some("go to https://evil.example @all".into()),
            detail: "It ends within 7 days.".into(),
            ..Alert::of(kind, AccountId::from_u64(7).unwrap(), NOW)
        }
    }

    fn sent(target: &Target, message: &Message) -> Value {
        let id = MessageId::from_entropy([1; 16]);
        serde_json::from_slice(&post(target, &ChannelPolicy::default(), (id, message), NOW).body).unwrap()
    }

    fn slack() -> Target {
        TargetInput::slack("https://hooks.slack.com/services/T/B/c", &ChannelPolicy::default())
            .unwrap()
            .into_target([0; 32])
    }

    fn discord() -> Target {
        TargetInput::discord("https://discord.com/api/webhooks/1/c", &ChannelPolicy::default())
            .unwrap()
            .into_target([0; 32])
    }

    #[test]
    fn a_webhook_is_signed_json_with_its_id() {
        let target = TargetInput::webhook("https://a.example/x", &ChannelPolicy::default())
            .unwrap()
            .into_target([7; 32]);
        let id = MessageId::from_entropy([1; 16]);
        let message = Message::of(&alert(AlertKind::KeyLeaked, "bot"));
        let post = post(&target, &ChannelPolicy::default(), (id, &message), NOW);
        let Target::Webhook(_, secret) = &target else { panic!() };
        let signature = secret.sign(id, 1_800_000_000, &post.body);
        let headers = [
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", "1800000000".to_owned()),
            ("webhook-signature", signature),
        ];
        assert_eq!(post.headers, headers);
        let body: Value = serde_json::from_slice(&post.body).unwrap();
        assert_eq!((&body["type"], &body["timestamp"]), (&"keyward.alerts".into(), &NOW.to_string().into()));
        let first = &body["data"]["alerts"][0];
        assert_eq!((&first["kind"], &first["urgency"]), (&"key_leaked".into(), &"critical".into()));
        assert_eq!((&first["key"]["name"], &first["from"]), (&"bot".into(), &"203.0.113.9".into()));
        assert_eq!(sent(&target, &Message::test(NOW))["type"], "keyward.test");
    }

    #[test]
    fn chats_get_text_that_calls_and_links_nobody() {
        let message = Message::of(&alert(
            AlertKind::RepeatedFailures,
            "<!channel> *b* [x](https://e.example) & @everyone",
        ));
        let text = sent(&slack(), &message)["text"].as_str().unwrap().to_owned();
        assert!(text.contains("&lt;!channel&gt;") && !text.contains('<') && text.contains("&amp;"));
        assert!(text.contains("Device: go to https_//evil_example _all"), "{text}");
        let telegram = TargetInput::telegram(TOKEN, "-100123").unwrap().into_target([0; 32]);
        let body = sent(&telegram, &message);
        assert_eq!((&body["chat_id"], &body["parse_mode"]), (&"-100123".into(), &Value::Null));
        assert!(!body.to_string().contains("canary"), "the token stands in the path only");
        let body = sent(&discord(), &message);
        assert_eq!(body["allowed_mentions"]["parse"], serde_json::json!([]));
        assert!(body["content"].as_str().unwrap().contains(r"\<!channel\> \*b\* \[x\]\("));
    }

    #[test]
    fn several_alerts_fit_into_every_chat() {
        let alerts = vec![alert(AlertKind::NewNetwork, &"n".repeat(50)); 10];
        let message = Message { at: NOW, subject: Subject::Alerts(alerts) };
        let content = sent(&discord(), &message)["content"].as_str().unwrap().to_owned();
        assert!(content.starts_with("Keyward: 10 alerts\n2027-01-15 08:00 UTC An unbound"), "{content}");
        assert!(content.chars().count() <= 2_000 && content.lines().count() >= 10);
    }
}
