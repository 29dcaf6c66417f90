//! A message to a channel as it waits in the store: facts only, so that each kind of receiver gets its own form.

use serde_json::{Value, json};

use crate::alert::Alert;
use crate::letter::{alert_from, alert_value};
use crate::limits::{ALERTS_PER_MESSAGE, MESSAGE_DETAIL_CHARS};
use crate::time::Moment;

/// What a message is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Nothing: the holder tries the channel.
    Test,
    /// One alert, or several that waited for the same moment, oldest first.
    Alerts(Vec<Alert>),
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// When it was begun.
    pub at: Moment,
    /// About what.
    pub subject: Subject,
}

/// The alert with no more detail than a message holds.
fn clipped(alert: &Alert) -> Alert {
    let mut detail: String = alert.detail.chars().take(MESSAGE_DETAIL_CHARS).collect();
    if detail.len() < alert.detail.len() {
        detail.push('…');
    }
    Alert { detail, ..alert.clone() }
}

impl Message {
    /// A message to try a channel.
    #[must_use]
    pub const fn test(at: Moment) -> Self {
        Self { at, subject: Subject::Test }
    }

    /// A message of one alert.
    #[must_use]
    pub fn of(alert: &Alert) -> Self {
        Self { at: alert.at, subject: Subject::Alerts(vec![clipped(alert)]) }
    }

    /// Adds an alert; `None` when there is no room.
    #[must_use]
    pub fn with(self, alert: &Alert) -> Option<Self> {
        match self.subject {
            Subject::Alerts(mut alerts) if alerts.len() < ALERTS_PER_MESSAGE => {
                alerts.push(clipped(alert));
                Some(Self { subject: Subject::Alerts(alerts), ..self })
            }
            Subject::Alerts(_) | Subject::Test => None,
        }
    }

    /// What it is about in a few words, for the log.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.subject {
            Subject::Test => "Test".to_owned(),
            Subject::Alerts(alerts) => match alerts.as_slice() {
                [alert] => alert.kind.title().to_owned(),
                several => format!("{} alerts", several.len()),
            },
        }
    }

    /// The text that is sealed into the store.
    #[must_use]
    pub fn to_json(&self) -> String {
        let alerts = match &self.subject {
            Subject::Test => Value::Null,
            Subject::Alerts(alerts) => alerts.iter().map(alert_value).collect(),
        };
        json!({"at": self.at.unix_ms(), "alerts": alerts}).to_string()
    }

    /// Reads it again; `None` for anything that [`Message::to_json`] did not write.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let at = Moment::from_unix_ms(value.get("at")?.as_u64()?);
        let subject = match value.get("alerts")? {
            Value::Null => Subject::Test,
            Value::Array(alerts) => Subject::Alerts(alerts.iter().map(alert_from).collect::<Option<_>>()?),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => return None,
        };
        Some(Self { at, subject })
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Subject};
    use crate::alert::{Alert, AlertKind};
    use crate::id::AccountId;
    use crate::limits::ALERTS_PER_MESSAGE;
    use crate::time::Moment;

    #[test]
    fn what_goes_in_comes_out_and_stays_small() {
        let at = Moment::from_unix_ms(1_800_000_000_000);
        let account = AccountId::from_u64(7).unwrap();
        let alert = Alert { detail: "ü".repeat(1_000), ..Alert::of(AlertKind::KeyChanged, account, at) };
        let mut message = Message::of(&alert);
        assert_eq!(message.title(), "An API key was changed");
        for _ in 1..ALERTS_PER_MESSAGE {
            message = message.with(&alert).unwrap();
        }
        assert_eq!(message.title(), format!("{ALERTS_PER_MESSAGE} alerts"));
        assert!(message.to_json().len() < 10 * 1024);
        assert_eq!(Message::from_json(&message.to_json()), Some(message.clone()));
        assert_eq!(message.with(&alert), None);
        let test = Message::test(at);
        assert_eq!(Message::from_json(&test.to_json()), Some(test.clone()));
        assert_eq!(test.subject, Subject::Test);
        assert_eq!(Message::from_json("{}"), None);
    }
}
