//! Whether mail can be set up; whether the mail server takes us in, and, if somebody asks, whether it takes a mail.

use keyward_notify::test_mail;
use keyward_rules::account::Email;

use super::Finding;
use crate::ambient;
use crate::config::Config;

const SETTINGS: &str = "doctor.mail.settings";
const MAIL: &str = "doctor.mail";
const TEST: &str = "doctor.mail.test";

/// Characters of a server's answer that are shown.
const ANSWER_CHARS: usize = 300;

/// Whether the settings and their files can be used; nothing is connected to. Nothing without `[mail]`.
pub fn usable(config: &Config) -> Option<Finding> {
    Some(match config.mail.as_ref()?.sender() {
        Ok(_) => Finding::good(SETTINGS, "The settings of [mail] can be used."),
        Err(problem) => Finding::refused(
            SETTINGS,
            format!("The settings of [mail] cannot be used: {}.", shown(&in_words(&problem))),
            "Look at [mail]: mail.url, mail.from, and the files in mail.password_file and mail.ca_file.",
        ),
    })
}

/// Connects and signs in; no mail is sent. Nothing without `[mail]`, or where [`usable`] refuses it.
pub async fn examine(config: &Config) -> Option<Finding> {
    let sender = config.mail.as_ref()?.sender().ok()?;
    Some(match sender.try_out().await {
        Ok(()) => Finding::good(MAIL, "The mail server accepts the connection."),
        Err(problem) => Finding::refused(
            MAIL,
            format!("Mail cannot be sent: {}.", shown(&in_words(&problem.into()))),
            "Look at [mail]: address, certificate, user and password. Codes and alerts wait until it works.",
        ),
    })
}

/// Sends one mail to `to`, and tells what the server said to it.
pub async fn send_test(config: &Config, to: &Email) -> Finding {
    let Some(settings) = &config.mail else {
        return Finding::refused(
            TEST,
            "No mail was sent: the configuration has no [mail].",
            "Add a [mail] part; `keyward config example` shows one.",
        );
    };
    let mail = test_mail(to, ambient::now());
    let sent = match settings.sender() {
        Ok(sender) => sender.send_once(&mail, ambient::random_u64()).await.map_err(anyhow::Error::from),
        Err(problem) => Err(problem),
    };
    judge(to, sent.map_err(|problem| in_words(&problem)))
}

/// No mail is sent without a configuration.
pub fn untested() -> Finding {
    Finding::refused(
        TEST,
        "No mail was sent: the configuration cannot be used.",
        "Correct the configuration first.",
    )
}

/// The problem and its causes; some repeat theirs, and say it once here.
fn in_words(problem: &anyhow::Error) -> String {
    problem.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        told if told.contains(&cause) => told.to_owned(),
        told => format!("{told}: {cause}"),
    })
}

fn judge(to: &Email, sent: Result<String, String>) -> Finding {
    match sent {
        Ok(answer) => Finding::good(
            TEST,
            format!("A mail to {to} was sent from here. The server's answer: {}", shown(&answer)),
        ),
        Err(problem) => Finding::refused(
            TEST,
            format!("A mail to {to} was not sent: {}.", shown(&problem)),
            "A server that refuses names the reason: look at mail.from, at the login, and whether it relays for you.",
        ),
    }
}

/// What a server says, fit for a terminal.
fn shown(answer: &str) -> String {
    let plain = |symbol: char| if symbol.is_control() { ' ' } else { symbol };
    answer.chars().take(ANSWER_CHARS).map(plain).collect::<String>().trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Email, judge, shown};
    use crate::doctor::Level;

    #[test]
    fn the_servers_answer_is_told_either_way() {
        let to = Email::parse("ops@keyward.example").unwrap();
        let sent = judge(&to, Ok("250 2.0.0 Ok: queued as 4D5".to_owned()));
        assert_eq!(sent.level, Level::Ok);
        assert!(
            sent.means.contains("ops@keyward.example") && sent.means.ends_with("250 2.0.0 Ok: queued as 4D5")
        );
        let not = judge(&to, Err("permanent error (550): relaying denied".to_owned()));
        assert!(not.level == Level::Refused && not.means.contains("relaying denied"), "{}", not.means);
    }

    #[test]
    fn a_cause_is_told_once() {
        let problem = anyhow::anyhow!("refused").context("no connection: refused").context("no mail");
        assert_eq!(super::in_words(&problem), "no mail: no connection: refused");
    }

    #[test]
    fn an_answer_moves_no_cursor_and_is_bounded() {
        assert_eq!(shown("250 ok\u{1b}[2J\r\nmore."), "250 ok [2J  more");
        assert_eq!(shown(&"a".repeat(10_000)).len(), 300);
    }
}
