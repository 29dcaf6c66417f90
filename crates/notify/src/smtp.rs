//! Mail over SMTP (RFC 5321): TLS from the start, STARTTLS that must succeed, or plain to loopback only.

use std::net::Ipv4Addr;
use std::time::Duration;

use keyward_rules::secret::Secret;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::render::Mail;

/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the connection is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// TLS from the first byte (port 465).
    Tls,
    /// Plain at first, then STARTTLS or nothing (port 587).
    StartTls,
    /// Not at all: only to this machine.
    Plain,
}

/// Where mail goes.
pub struct SmtpSettings {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User and password, where the server asks.
    pub login: Option<(String, Secret<String>)>,
    /// An authority to trust beside the public ones, in PEM.
    pub authority: Option<Vec<u8>>,
    /// Who the mails are from.
    pub from: String,
    /// The name to greet the server with; without one the host's, if that is a full domain name, or the sender's domain.
    pub hello: Option<String>,
}

/// What is wrong with the settings, or with a delivery.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender is no address.
    #[error("mail.from is no e-mail address")]
    From,
    /// The name to greet with is no domain name.
    #[error("mail.hello is no full domain name such as keyward.example.com")]
    Hello,
    /// The recipient is no address for mail.
    #[error("the recipient cannot get mail")]
    To,
    /// Plain to another machine.
    #[error("mail without TLS is sent to this machine only; use smtps:// or smtp:// with STARTTLS")]
    PlainElsewhere,
    /// TLS cannot be set up.
    #[error("TLS to the mail server cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// The server did not take it.
    #[error("the mail server did not take the mail")]
    Refused(#[source] lettre::transport::smtp::Error),
    /// The server said nothing for too long.
    #[error("the mail server did not answer within {} s", PATIENCE.as_secs())]
    Silent,
    /// The mail cannot be put together.
    #[error("the mail cannot be put together")]
    Message(#[source] lettre::error::Error),
}

/// A pool of connections to the server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// `List-Id`, by which people sort mails (RFC 2919).
    list: String,
}

/// The name to greet with (RFC 5321, 4.1.1.1): servers refuse one that is no full domain name, and hosts are called anything.
fn hello_name(setting: Option<&str>, host: &ClientId, from: &str) -> Result<ClientId, MailError> {
    let full = |name: &str| is_full_name(name).then(|| ClientId::Domain(name.to_owned()));
    match (setting, host) {
        (Some(name), _) => full(name).ok_or(MailError::Hello),
        (None, ClientId::Domain(name)) => {
            Ok(full(name).or_else(|| full(from)).unwrap_or(ClientId::Ipv4(Ipv4Addr::LOCALHOST)))
        }
        (None, address) => Ok(full(from).unwrap_or_else(|| address.clone())),
    }
}

/// Whether a text is a full domain name: two labels or more of letters, digits and inner hyphens (RFC 1123, 2.1), the last of
/// which is no number.
#[must_use]
pub fn is_full_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit_once('.').map(|(_, last)| last);
    name.len() <= 253
        && name.split('.').all(label)
        && last.is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A header that the library has no type for.
fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

impl Smtp {
    /// Takes the settings; connects on first use.
    ///
    /// # Errors
    /// [`MailError`] for settings that cannot be used.
    pub fn new(settings: SmtpSettings) -> Result<Self, MailError> {
        let from: Mailbox = settings.from.parse().map_err(|_| MailError::From)?;
        let hello = hello_name(settings.hello.as_deref(), &ClientId::default(), from.email.domain())?;
        let tls = || {
            let mut parameters = TlsParameters::builder(settings.host.clone());
            if let Some(pem) = &settings.authority {
                parameters = parameters.add_root_certificate(Certificate::from_pem(pem)?);
            }
            parameters.build()
        };
        let tls = match settings.security {
            Security::Tls => Tls::Wrapper(tls().map_err(MailError::Tls)?),
            Security::StartTls => Tls::Required(tls().map_err(MailError::Tls)?),
            Security::Plain if matches!(settings.host.as_str(), "localhost" | "127.0.0.1" | "::1") => {
                Tls::None
            }
            Security::Plain => return Err(MailError::PlainElsewhere),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .hello_name(hello)
            .timeout(Some(PATIENCE));
        if let Some((user, password)) = settings.login {
            builder = builder.credentials(Credentials::new(user, password.expose().clone()));
        }
        let list = format!("Keyward <keyward.{}>", from.email.domain());
        Ok(Self { transport: builder.build(), from, list })
    }

    /// Connects, shakes hands, signs in and says NOOP; no mail is sent.
    ///
    /// # Errors
    /// [`MailError::Refused`] and [`MailError::Silent`].
    pub async fn try_out(&self) -> Result<(), MailError> {
        answered(self.transport.test_connection()).await.map(drop)
    }

    /// Delivers one mail under the name that it has in the outbox, so that a repeated delivery bears the same
    /// `Message-ID`.
    ///
    /// # Errors
    /// [`MailError::Refused`], [`MailError::Silent`] and [`MailError::To`].
    pub async fn send(&self, mail: &Mail, name: &str) -> Result<(), MailError> {
        self.deliver(mail, name).await.map(drop)
    }

    /// Delivers one mail that is in no outbox; gives what the server answered. `nonce` makes its `Message-ID`.
    ///
    /// # Errors
    /// [`MailError::Refused`], [`MailError::Silent`] and [`MailError::To`].
    pub async fn send_once(&self, mail: &Mail, nonce: u64) -> Result<String, MailError> {
        let answer = self.deliver(mail, &format!("test-{nonce:016x}")).await?;
        let said: Vec<&str> = answer.message().collect();
        Ok(format!("{} {}", answer.code(), said.join(" ")).trim_end().to_owned())
    }

    async fn deliver(&self, mail: &Mail, name: &str) -> Result<Response, MailError> {
        let domain = self.from.email.domain();
        let message = Message::builder()
            .from(self.from.clone())
            .to(mail.to.parse().map_err(|_| MailError::To)?)
            .subject(&mail.subject)
            .message_id(Some(format!("<{name}@{domain}>")))
            // Nobody's holiday notice answers a program (RFC 3834, 5).
            .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
            .raw_header(header("List-Id", self.list.clone()))
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(MailError::Message)?;
        answered(self.transport.send(message)).await
    }
}

/// Waits for the server, with a limit of our own: lettre's covers the connection and none of the answers, and one server
/// that accepts and then says nothing would hold up every mail.
async fn answered<T>(
    work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, MailError> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(answer) => answer.map_err(MailError::Refused),
        Err(_) => Err(MailError::Silent),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use lettre::transport::smtp::extension::ClientId;

    use super::{MailError, hello_name};

    fn greets_with(setting: Option<&str>, host: &str, from: &str) -> Result<String, MailError> {
        hello_name(setting, &ClientId::Domain(host.to_owned()), from).map(|name| name.to_string())
    }

    #[test]
    fn a_host_may_be_called_anything() {
        for host in [
            "mail.example.com",
            "a.b",
            "MAIL.Example.com",
            "xn--bcher-kva.example",
            "3f2a.example",
            "a-b.c-d.ef",
        ] {
            assert_eq!(greets_with(None, host, "sender.example").unwrap(), host);
        }
        for host in [
            "",
            "vm",
            "localhost",
            "my_host",
            "my_host.example.com",
            "app_keyward_1",
            "-web.example",
            "web-.example",
            "host.",
            "host.example.",
            "host..example",
            ".example",
            "_",
            "(none)",
            "ключ",
            "ключ.example",
            "a b.example",
            "3f2a9c1d7e55",
            "10.0.0.5",
            "a.example\r\nQUIT",
            &format!("{}.example", "x".repeat(64)),
        ] {
            assert_eq!(greets_with(None, host, "sender.example").unwrap(), "sender.example", "{host}");
            assert_eq!(greets_with(None, host, "localhost").unwrap(), "[127.0.0.1]", "{host}");
        }
        let unnamed = hello_name(None, &ClientId::Ipv4(Ipv4Addr::LOCALHOST), "sender.example").unwrap();
        assert_eq!(unnamed.to_string(), "sender.example");
    }

    #[test]
    fn the_setting_is_a_full_name_and_goes_first() {
        assert_eq!(
            greets_with(Some("keys.example.com"), "mail.example.com", "x.example").unwrap(),
            "keys.example.com"
        );
        for odd in [
            "",
            "keys",
            "keys.",
            "[127.0.0.1]",
            "127.0.0.1",
            "a_b.example",
            "a b.example",
            " a.example",
            "a.example\n",
            "b\u{fc}cher.example",
            "a.example\r\nMAIL FROM:<x>",
        ] {
            assert!(
                matches!(greets_with(Some(odd), "mail.example.com", "x.example"), Err(MailError::Hello)),
                "{odd}"
            );
        }
    }
}
