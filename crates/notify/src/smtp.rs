//! Mail over SMTP (RFC 5321): TLS from the start, STARTTLS that must succeed, or plain to loopback only.

use std::time::Duration;

use keyward_rules::secret::Secret;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
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
}

/// What is wrong with the settings, or with a delivery.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender is no address.
    #[error("mail.from is no e-mail address")]
    From,
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
}

impl Smtp {
    /// Takes the settings; connects on first use.
    ///
    /// # Errors
    /// [`MailError`] for settings that cannot be used.
    pub fn new(settings: SmtpSettings) -> Result<Self, MailError> {
        let from = settings.from.parse().map_err(|_| MailError::From)?;
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
            .timeout(Some(PATIENCE));
        if let Some((user, password)) = settings.login {
            builder = builder.credentials(Credentials::new(user, password.expose().clone()));
        }
        Ok(Self { transport: builder.build(), from })
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
