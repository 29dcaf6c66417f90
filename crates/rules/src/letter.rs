//! A mail to be written, as it waits in the outbox: facts only, so that text and HTML say the same.

use serde_json::{Value, json};

use crate::account::Email;
use crate::alert::{Alert, AlertKind};
use crate::id::AccountId;
use crate::time::Moment;

/// A mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailMessage {
    /// To whom.
    pub to: Email,
    /// The account's own phrase, by which its holder knows our mails; empty before there is an account.
    pub phrase: String,
    /// The last part of the link that can only brake; empty where there is nothing to brake.
    pub brake: String,
    /// About what.
    pub body: Body,
}

/// What a mail says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// A code, and what exactly it approves.
    Code(CodeMail),
    /// Something that happened.
    Alert(Alert),
}

/// A mail with a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeMail {
    /// The code.
    pub code: String,
    /// What it approves, in words: a lead, then one line per fact.
    pub approves: Vec<String>,
    /// When it was asked for.
    pub at: Moment,
    /// From which address.
    pub from: String,
    /// From which device.
    pub device: String,
}

impl MailMessage {
    /// The text that is sealed into the outbox.
    #[must_use]
    pub fn to_json(&self) -> String {
        let body = match &self.body {
            Body::Code(code) => json!({
                "code": code.code, "approves": code.approves, "at": code.at.unix_ms(), "from": code.from,
                "device": code.device,
            }),
            Body::Alert(alert) => alert_value(alert),
        };
        let letter =
            json!({"to": self.to.as_str(), "phrase": self.phrase, "brake": self.brake, "body": body});
        letter.to_string()
    }

    /// Reads it again; `None` for anything that [`MailMessage::to_json`] did not write.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let body = value.get("body")?;
        let body = match body.get("code") {
            Some(_) => Body::Code(code_letter(body)?),
            None => Body::Alert(alert_from(body)?),
        };
        Some(Self {
            to: Email::parse(value.get("to")?.as_str()?).ok()?,
            phrase: text_of(&value, "phrase")?,
            brake: text_of(&value, "brake")?,
            body,
        })
    }
}

fn text_of(value: &Value, member: &str) -> Option<String> {
    value.get(member)?.as_str().map(str::to_owned)
}

fn moment(value: &Value) -> Option<Moment> {
    value.get("at")?.as_u64().map(Moment::from_unix_ms)
}

fn code_letter(body: &Value) -> Option<CodeMail> {
    let lines = body.get("approves")?.as_array()?;
    Some(CodeMail {
        code: text_of(body, "code")?,
        approves: lines.iter().map(|line| line.as_str().map(str::to_owned)).collect::<Option<_>>()?,
        at: moment(body)?,
        from: text_of(body, "from")?,
        device: text_of(body, "device")?,
    })
}

/// An alert as a member of what is sealed.
pub(crate) fn alert_value(alert: &Alert) -> Value {
    json!({
        "alert": alert.kind.word(), "account": alert.account.to_string(), "at": alert.at.unix_ms(),
        "key": alert.key.as_ref().map(|(id, name)| json!([id.to_string(), name])),
        "from": alert.from.map(|address| address.to_string()), "device": alert.device,
        "detail": alert.detail,
    })
}

/// Reads it again.
pub(crate) fn alert_from(body: &Value) -> Option<Alert> {
    let account: AccountId = body.get("account")?.as_str()?.parse().ok()?;
    let key = match body.get("key")?.as_array() {
        None => None,
        Some(pair) => {
            let text = |at: usize| pair.get(at).and_then(Value::as_str);
            Some((text(0)?.parse().ok()?, text(1)?.to_owned()))
        }
    };
    let from = match body.get("from")?.as_str() {
        None => None,
        Some(address) => Some(address.parse().ok()?),
    };
    Some(Alert {
        key,
        from,
        device: text_of(body, "device"),
        detail: text_of(body, "detail")?,
        ..Alert::of(AlertKind::from_word(body.get("alert")?.as_str()?)?, account, moment(body)?)
    })
}

#[cfg(test)]
mod tests {
    use super::{Body, CodeMail, MailMessage};
    use crate::account::Email;
    use crate::alert::{Alert, AlertKind};
    use crate::id::{AccountId, KeyId};
    use crate::time::Moment;

    #[test]
    fn what_goes_in_comes_out() {
        let at = Moment::from_unix_ms(1_800_000_000_000);
        let account = AccountId::from_u64(7).unwrap();
        let letter = |body| MailMessage {
            to: Email::parse("a@keyward.example").unwrap(),
            phrase: "amber \"kite\"".into(),
            brake: "7.1.ab".into(),
            body,
        };
        let code = Body::Code(CodeMail {
            code: "01234567".into(),
            approves: vec!["Create the API key “bot”".into(), "from 203.0.113.1".into()],
            at,
            from: "203.0.113.9".into(),
            device: "Chrome on Linux".into(),
        });
        let alert = Body::Alert(Alert {
            key: Some((KeyId::from_entropy([1; 16]), "bot".into())),
            from: Some("2001:db8::1".parse().unwrap()),
            detail: "x".into(),
            ..Alert::of(AlertKind::KeyCreated, account, at)
        });
        let bare = Body::Alert(Alert::of(AlertKind::NewDevice, account, at));
        for body in [code, alert, bare] {
            let letter = letter(body);
            assert_eq!(MailMessage::from_json(&letter.to_json()), Some(letter));
        }
        assert_eq!(MailMessage::from_json("{}"), None);
    }
}
