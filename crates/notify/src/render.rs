//! A letter as a mail: subject, text and HTML with the same words.

use askama::Template;
use keyward_rules::account::Email;
use keyward_rules::alert::{Alert, Urgency};
use keyward_rules::letter::{Body, MailMessage};
use keyward_rules::limits::CODE_LIFE_MS;
use keyward_rules::time::Moment;

/// A mail, ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// One line.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

/// One fact of a mail: a label and what it says.
struct Fact {
    label: &'static str,
    value: String,
}

/// What both templates show.
struct Content {
    title: String,
    code: String,
    lines: Vec<String>,
    facts: Vec<Fact>,
    advice: String,
    brake: String,
    phrase: String,
    critical: bool,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct Text<'c> {
    content: &'c Content,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'c> {
    content: &'c Content,
}

/// Writes the mail. `console` is the console's address, for the one link.
#[must_use]
pub fn render(letter: &MailMessage, console: &str) -> Mail {
    let content = match &letter.body {
        Body::Code(code) => Content {
            title: "Your confirmation code".to_owned(),
            code: grouped(&code.code),
            lines: code.approves.clone(),
            facts: vec![
                fact("When", in_words(code.at)),
                fact("From", code.from.clone()),
                fact("Device", code.device.clone()),
            ],
            advice: format!(
                "The code works once, only for this, and expires in {} minutes. We never ask you for it. {}",
                CODE_LIFE_MS / 60_000,
                unasked(letter)
            ),
            brake: String::new(),
            phrase: letter.phrase.clone(),
            critical: false,
        },
        Body::Alert(alert) => of_alert(alert, letter, console),
    };
    let subject = match &letter.body {
        Body::Code(_) => "Keyward: Your confirmation code".to_owned(),
        Body::Alert(alert) => match &alert.key {
            Some((_, name)) => format!("Keyward: {}: {name}", alert.kind.title()),
            None => format!("Keyward: {}", alert.kind.title()),
        },
    };
    written(letter.to.to_string(), subject, &content)
}

/// A mail that shows that mails arrive: it concerns no account, and holds no code and no link.
#[must_use]
pub fn test_mail(to: &Email, at: Moment) -> Mail {
    let content = Content {
        title: "A test mail".to_owned(),
        code: String::new(),
        lines: vec!["An operator of Keyward sent this mail to test whether mails arrive.".to_owned()],
        facts: vec![fact("When", in_words(at))],
        advice: "Check that this mail is not in the spam folder. Codes and alerts must not end there."
            .to_owned(),
        brake: String::new(),
        phrase: String::new(),
        critical: false,
    };
    written(to.to_string(), "Keyward: a test mail".to_owned(), &content)
}

fn written(to: String, subject: String, content: &Content) -> Mail {
    // The templates show texts and loops only, which cannot fail.
    Mail {
        to,
        subject,
        text: Text { content }.render().unwrap_or_default(),
        html: Html { content }.render().unwrap_or_default(),
    }
}

/// What to do with a code that nobody asked for.
const fn unasked(letter: &MailMessage) -> &'static str {
    if letter.phrase.is_empty() {
        "If you did not ask for it, ignore this mail: nothing happens without the code."
    } else {
        "If you did not ask for it, somebody may be signed in as you. Check your sessions and change your \
         password."
    }
}

fn of_alert(alert: &Alert, letter: &MailMessage, console: &str) -> Content {
    let mut facts = vec![fact("When", in_words(alert.at))];
    if let Some((id, name)) = &alert.key {
        facts.push(fact("Key", format!("{name} ({id})")));
    }
    facts.extend(alert.from.map(|address| fact("From", address.to_string())));
    facts.extend(alert.device.clone().map(|device| fact("Device", device)));
    Content {
        title: alert.kind.title().to_owned(),
        code: String::new(),
        lines: Some(alert.detail.clone()).filter(|detail| !detail.is_empty()).into_iter().collect(),
        facts,
        advice: alert.kind.advice().to_owned(),
        brake: if letter.brake.is_empty() {
            String::new()
        } else {
            format!("{console}/brake/{}", letter.brake)
        },
        phrase: letter.phrase.clone(),
        critical: alert.kind.urgency() == Urgency::Critical,
    }
}

const fn fact(label: &'static str, value: String) -> Fact {
    Fact { label, value }
}

/// `2026-11-21 08:15:47 UTC`.
fn in_words(at: Moment) -> String {
    let text = at.to_string();
    format!("{} UTC", text.get(..19).unwrap_or(&text).replace('T', " "))
}

/// Eight digits in two groups, as people read them.
fn grouped(code: &str) -> String {
    match code.split_at_checked(code.len() / 2) {
        Some((left, right)) if code.len() >= 6 => format!("{left} {right}"),
        Some(_) | None => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::render;
    use keyward_rules::account::Email;
    use keyward_rules::alert::{Alert, AlertKind};
    use keyward_rules::id::{AccountId, KeyId};
    use keyward_rules::letter::{Body, CodeMail, MailMessage};
    use keyward_rules::time::Moment;

    fn letter(body: Body, brake: &str) -> MailMessage {
        MailMessage {
            to: Email::parse("trader@keyward.example").unwrap(),
            phrase: "amber kite 427".into(),
            brake: brake.into(),
            body,
        }
    }

    /// Every word of the HTML stands in the text as well: some people read only that.
    fn assert_text_stands_alone(mail: &super::Mail) {
        // The rest of the tag that the body begins with is no text.
        let (mut shown, mut inside) = (String::new(), true);
        let (_, body) = mail.html.split_once("<body").unwrap();
        for symbol in body.chars() {
            match symbol {
                '<' => inside = true,
                '>' => (inside, _) = (false, shown.push(' ')),
                _ if inside => {}
                other => shown.push(other),
            }
        }
        let plain = |text: &str| text.trim_matches(|symbol: char| !symbol.is_alphanumeric()).to_owned();
        let text: Vec<String> = mail.text.split_whitespace().map(plain).collect();
        for word in shown.split_whitespace().filter(|word| !word.contains(['&', '/'])).map(plain) {
            assert!(word.is_empty() || text.contains(&word), "`{word}` is not in: {}", mail.text);
        }
    }

    #[test]
    fn a_code_comes_without_any_link() {
        let mail = render(
            &letter(
                Body::Code(CodeMail {
                    code: "01234567".into(),
                    approves: vec!["Create the API key “<b>bot</b>”".into()],
                    at: Moment::from_unix_ms(1_800_000_000_000),
                    from: "203.0.113.9".into(),
                    device: "Chrome on Linux".into(),
                }),
                "",
            ),
            "https://keys.example",
        );
        assert!(mail.text.contains("0123 4567") && mail.html.contains("0123 4567"));
        assert!(mail.text.contains("amber kite 427") && mail.html.contains("amber kite 427"));
        assert!(mail.text.contains("2027-01-15 08:00:00 UTC"));
        assert!(!mail.text.contains("://") && !mail.html.contains("href"));
        assert!(!mail.html.contains("<b>bot"), "names are escaped");
        assert!(!mail.subject.contains("0123"), "a lock screen shows subjects");
        assert_text_stands_alone(&mail);
    }

    #[test]
    fn a_test_mail_is_nothing_to_act_on() {
        let to = Email::parse("ops@keyward.example").unwrap();
        let mail = super::test_mail(&to, Moment::from_unix_ms(1_800_000_000_000));
        assert_eq!(
            (mail.to.as_str(), mail.subject.as_str()),
            ("ops@keyward.example", "Keyward: a test mail")
        );
        for text in [&mail.text, &mail.html] {
            assert!(
                text.contains("whether mails arrive") && text.contains("2027-01-15 08:00:00 UTC"),
                "{text}"
            );
            assert!(!text.contains("href") && !text.contains("brake"), "{text}");
        }
    }

    #[test]
    fn every_alert_says_what_when_where_and_what_to_do() {
        for kind in AlertKind::ALL {
            let account = AccountId::from_u64(7).unwrap();
            let alert = Alert {
                key: Some((KeyId::from_entropy([1; 16]), "bot".into())),
                from: Some("203.0.113.9".parse().unwrap()),
                device: Some("Chrome on Linux".into()),
                ..Alert::of(*kind, account, Moment::from_unix_ms(1_800_000_000_000))
            };
            let mail = render(&letter(Body::Alert(alert), "7.1.ab"), "https://keys.example");
            assert_text_stands_alone(&mail);
            for part in [
                kind.title(),
                "203.0.113.9",
                "Chrome on Linux",
                "2027-01-15",
                "https://keys.example/brake/7.1.ab",
            ] {
                assert!(mail.text.contains(part), "{kind:?}: {part}\n{}", mail.text);
                assert!(mail.html.contains(part), "{kind:?}: {part}");
            }
            assert_eq!(mail.text.matches("://").count(), 1, "one link: the brake");
        }
    }
}
