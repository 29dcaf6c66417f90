//! The configuration: one TOML file, unknown names refused, all mistakes at once.

mod error;
mod leaks;
mod proxies;
mod sockets;
mod sources;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use keyward_authority::apps::ProofOfControl;
use keyward_authority::{MarketData, Settings};
use keyward_console::SettingShown;
use keyward_notify::channel::{Client, System};
use keyward_notify::{ExchangeClient, Security, Smtp, SmtpSettings, is_full_name};
use keyward_rules::app::PrivateRanges;
use keyward_rules::channel::{Base, ChannelPolicy, Endpoint, Host, NotAUrl};
use keyward_rules::identity::IdentityKey;
use keyward_rules::key::{KeyPolicy, Need};
use keyward_rules::limits::{
    ACCOUNTS_AT_ONCE, ACCOUNTS_AT_ONCE_BOUNDS, NEW_DEVICE_HOURS, NEW_DEVICE_MOST_HOURS,
};
use keyward_rules::policy::{Policy, ReviewPolicy, Setting};
use keyward_rules::secret::Secret;
use keyward_rules::web_origin::{WebOrigin, is_loopback};
use keyward_store::Location;
use serde::{Deserialize, Serialize};

pub use error::ConfigError;
pub use leaks::LeakSettings;
pub use proxies::ProxySettings;
pub use sockets::SocketSettings;
pub use sources::SourceSettings;

use crate::audit::AuditSettings;
use crate::log::LogSettings;
use crate::master_key_source::MasterKeySource;
use crate::retention::JournalSettings;
use crate::tls::authorities;

/// Every setting with its default and meaning.
pub const EXAMPLE: &str = include_str!("../../../config/default.toml");

/// A server's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The store.
    pub store: StoreSettings,
    /// The gateway.
    pub gateway: GatewaySettings,
    /// The exchange.
    pub upstream: UpstreamSettings,
    /// What the exchange is told.
    #[serde(default)]
    pub exchange: ExchangeSettings,
    /// Sockets.
    #[serde(default)]
    pub sockets: SocketSettings,
    /// What one source may send.
    #[serde(default)]
    pub sources: SourceSettings,
    /// Rules that a deployment chooses.
    #[serde(default)]
    pub policy: PolicySettings,
    /// The audit log.
    #[serde(default)]
    pub audit: AuditSettings,
    /// Metrics and health on a listener of their own, if there is one.
    pub metrics: Option<MetricsSettings>,
    /// The log.
    #[serde(default)]
    pub log: LogSettings,
    /// The journal.
    #[serde(default)]
    pub journal: JournalSettings,
    /// The console, if there is one.
    pub console: Option<ConsoleSettings>,
    /// Mail, which the console needs.
    pub mail: Option<MailSettings>,
    /// The proxies before gateway and console.
    #[serde(default)]
    pub proxies: ProxySettings,
    /// Where alerts may go beside mail.
    #[serde(default)]
    pub channels: ChannelSettings,
    /// Third-party apps.
    #[serde(default)]
    pub apps: AppSettings,
    /// Reports of leaked secrets.
    #[serde(default)]
    pub leaks: LeakSettings,
    /// The names that the file itself gives, dotted: `gateway.listen`.
    #[serde(skip)]
    pub given: Vec<String>,
}

impl Config {
    /// What bears on actions.
    pub fn settings(&self) -> Settings {
        let given = |name: &&'static str| self.given.iter().any(|one| *one == format!("policy.{name}"));
        let named = Setting::NAMES.into_iter().filter(given).collect();
        let policy = self.policy.policy();
        let origin = self.console.as_ref().map(|console| console.origin.clone()).unwrap_or_default();
        let private_ranges = match self.apps.admit_private_ranges {
            true => PrivateRanges::Admit,
            false => PrivateRanges::Refuse,
        };
        let proof_of_control = match self.apps.proof_of_control {
            true => ProofOfControl::Asked,
            false => ProofOfControl::NotAsked,
        };
        let market = if self.upstream.market_data { MarketData::Published } else { MarketData::Missing };
        // A configuration whose reporters cannot be read was refused when it was loaded.
        let reporters = self.leaks.reporters().unwrap_or_default();
        Settings {
            policy,
            named,
            origin,
            private_ranges,
            market,
            proof_of_control,
            reporters,
            ..Settings::default()
        }
    }

    /// Every listener, by the name of its setting.
    pub fn listeners(&self) -> Vec<(&'static str, SocketAddr)> {
        let all = [
            ("gateway.listen", self.gateway.listen),
            ("gateway.tls_listen", self.gateway.tls_listen),
            ("gateway.apps_listen", self.gateway.apps_listen),
            ("gateway.apps_tls_listen", self.gateway.apps_tls_listen),
            ("console.listen", self.console.as_ref().map(|console| console.listen)),
            ("metrics.listen", self.metrics.as_ref().map(|metrics| metrics.listen)),
        ];
        all.into_iter().filter_map(|(name, address)| Some((name, address?))).collect()
    }

    /// Where the newest change seen is kept: as set, or beside SQLite's files.
    pub fn checkpoint_file(&self, location: &Location) -> Option<PathBuf> {
        let beside = match location {
            Location::Folder(folder) => Some(folder.join(crate::node::CHECKPOINT_FILE)),
            Location::Postgres(_) => None,
        };
        self.gateway.checkpoint_file.clone().or(beside)
    }

    /// Where the first operator's set-up link goes: as set, beside SQLite's files, or beside the checkpoint.
    pub fn set_up_link_file(&self, location: &Location) -> Option<PathBuf> {
        let set = self.console.as_ref().and_then(|console| console.set_up_link_file.clone());
        let beside = match location {
            Location::Folder(folder) => Some(folder.join(crate::node::SET_UP_LINK_FILE)),
            Location::Postgres(_) => {
                let checkpoint = self.gateway.checkpoint_file.as_ref();
                checkpoint.map(|file| file.with_file_name(crate::node::SET_UP_LINK_FILE))
            }
        };
        set.or(beside)
    }

    /// Every setting as operators see it; a password in a URL is left out.
    pub fn shown(&self) -> Vec<SettingShown> {
        let Ok(toml::Value::Table(table)) = toml::Value::try_from(self) else { return Vec::new() };
        let mut all = Vec::new();
        flatten("", &table, &mut |name, value| {
            let source = if self.given.contains(&name) { "configuration file" } else { "default" };
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            all.push(SettingShown { value: without_password(&text), name, source });
        });
        all
    }
}

/// Hands every value of a table to `take`, under its dotted name.
fn flatten(prefix: &str, table: &toml::Table, take: &mut impl FnMut(String, &toml::Value)) {
    for (name, value) in table {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value.as_table() {
            Some(inner) => flatten(&name, inner, take),
            None => take(name, value),
        }
    }
}

/// `postgres://user:secret@host` as `postgres://user:…@host`.
pub fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    match authority.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split_once(':').map_or(login, |(user, _)| user);
            format!("{scheme}://{user}:…@{host}/{}", path.split_once('?').map_or(path, |(path, _)| path))
        }
        None => text.split_once('?').map_or(text, |(text, _)| text).to_owned(),
    }
}

/// The store's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Folder or URL.
    pub url: String,
    /// The file of the master key, or else one of the next two.
    pub master_key_file: Option<PathBuf>,
    /// The variable that holds it.
    pub master_key_env: Option<String>,
    /// The credential that systemd hands over.
    pub master_key_credential: Option<String>,
}

impl StoreSettings {
    /// Where the master key comes from; or what is wrong.
    pub fn master_key(&self) -> Result<MasterKeySource, ConfigError> {
        let (file, variable) = (self.master_key_file.as_deref(), self.master_key_env.as_deref());
        MasterKeySource::of(file, variable, self.master_key_credential.as_deref()).map_err(ConfigError::one)
    }
}

/// On third-party apps.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppSettings {
    /// Whether their ranges may be private ones.
    pub admit_private_ranges: bool,
    /// Whether brokers must show that the addresses are theirs.
    pub proof_of_control: bool,
}

/// The gateway's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySettings {
    /// Without TLS.
    pub listen: Option<SocketAddr>,
    /// With TLS.
    pub tls_listen: Option<SocketAddr>,
    /// Without TLS, for keys of third-party apps only.
    pub apps_listen: Option<SocketAddr>,
    /// With TLS, for keys of third-party apps only.
    pub apps_tls_listen: Option<SocketAddr>,
    /// The certificate chain.
    pub tls_certificate_file: Option<PathBuf>,
    /// Its key.
    pub tls_key_file: Option<PathBuf>,
    /// Threads that serve.
    pub threads: Option<usize>,
    /// Where the newest change seen is kept.
    pub checkpoint_file: Option<PathBuf>,
}

/// The exchange's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// Its URL.
    pub url: String,
    /// Headers of clients that are passed on beside those that OKX's clients need.
    #[serde(default)]
    pub pass_headers: Vec<String>,
    /// Whether it answers questions for instruments and prices, which some limits of keys need.
    #[serde(default = "yes")]
    pub market_data: bool,
}

const fn yes() -> bool {
    true
}

/// What the exchange is told beside requests.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExchangeSettings {
    /// Where it is told of sub-accounts.
    pub sub_accounts_url: Option<String>,
    /// Authorities to trust there, beside the public ones.
    pub ca_file: Option<PathBuf>,
}

impl ExchangeSettings {
    /// Who tells it, ready for use; `None` if it is told nothing.
    pub fn client(&self, key: IdentityKey) -> anyhow::Result<Option<ExchangeClient>> {
        let authority = self.ca_file.as_deref().map(authorities).transpose().context("exchange.ca_file")?;
        let Some(url) = &self.sub_accounts_url else { return Ok(None) };
        Ok(Some(ExchangeClient::new(url, key, authority.as_deref()).context("exchange.sub_accounts_url")?))
    }
}

/// Rules that a deployment chooses.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySettings {
    /// Whether keys that may withdraw must be bound.
    pub withdraw_needs_addresses: bool,
    /// Days after which every new key ends.
    pub max_key_age_days: Option<u16>,
    /// Whether pages create keys in desktop browsers only.
    pub desktop_browser_for_keys: bool,
    /// Whether keys that do two unusual things within ten minutes are put in quarantine.
    pub quarantine_on_signals: bool,
    /// What happens when a review is due: `off` or `remind`.
    pub review: String,
    /// Hours for which a device is new: keys that are made or loosened on it only read for so long. 0: no device is.
    pub new_device_hours: u16,
    /// From how many accounts on that begin the same unusual use at once operators are told. 0: never.
    pub accounts_at_once: u16,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            withdraw_needs_addresses: true,
            max_key_age_days: None,
            desktop_browser_for_keys: false,
            quarantine_on_signals: false,
            review: ReviewPolicy::default().word().to_owned(),
            new_device_hours: NEW_DEVICE_HOURS,
            accounts_at_once: ACCOUNTS_AT_ONCE,
        }
    }
}

impl PolicySettings {
    /// The same as the rules take it.
    fn policy(&self) -> Policy {
        let need = |demanded| if demanded { Need::Required } else { Need::Optional };
        let keys = KeyPolicy {
            withdraw_binding: need(self.withdraw_needs_addresses),
            max_age_days: self.max_key_age_days,
            desktop_browser: need(self.desktop_browser_for_keys),
        };
        let quarantine_on_signals = need(self.quarantine_on_signals);
        let review = ReviewPolicy::from_word(&self.review).unwrap_or_default();
        let count = |number: u16| (number > 0).then_some(number);
        let (new_device_hours, accounts_at_once) =
            (count(self.new_device_hours), count(self.accounts_at_once));
        Policy {
            keys,
            quarantine_on_signals,
            review,
            new_device_hours,
            accounts_at_once,
            ..Policy::default()
        }
    }
}

/// The settings of metrics and health.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSettings {
    /// Where they listen.
    pub listen: SocketAddr,
}

/// The console's settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its address as browsers see it.
    pub origin: String,
    /// The gateway's address as clients see it.
    pub gateway: String,
    /// Where the first operator's set-up link goes.
    pub set_up_link_file: Option<PathBuf>,
}

/// Where alerts may go beside mail.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelSettings {
    /// Receivers that are not public, each `host:port`.
    pub allow: Vec<String>,
    /// An authority to trust for these, beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// Where Slack is.
    pub slack: Option<String>,
    /// Where GovSlack is.
    pub slack_gov: Option<String>,
    /// Where Telegram is.
    pub telegram: Option<String>,
    /// Where Discord is.
    pub discord: Option<String>,
}

impl ChannelSettings {
    /// The same as the rules take it; or all that is wrong.
    pub fn policy(&self) -> Result<ChannelPolicy, Vec<String>> {
        let mut wrong = Vec::new();
        let usual = ChannelPolicy::default();
        let mut base = |name: &str, text: &Option<String>, usual: Base| {
            let given: Result<Option<Base>, NotAUrl> = text.as_deref().map(str::parse).transpose();
            given.map(|given| given.unwrap_or(usual.clone())).unwrap_or_else(|_| {
                wrong.push(format!("channels.{name} must be https://host[:port] without a slash at the end"));
                usual
            })
        };
        let slack = base("slack", &self.slack, usual.slack);
        let slack_gov = base("slack_gov", &self.slack_gov, usual.slack_gov);
        let telegram = base("telegram", &self.telegram, usual.telegram);
        let discord = base("discord", &self.discord, usual.discord);
        let mut endpoint = |text: &String| {
            let parsed: Result<Endpoint, _> = text.parse();
            parsed.map_err(|why| wrong.push(format!("channels.allow `{text}`: {why}"))).ok()
        };
        let allow = self.allow.iter().filter_map(&mut endpoint).collect();
        if wrong.is_empty() {
            Ok(ChannelPolicy { allow, slack, slack_gov, telegram, discord })
        } else {
            Err(wrong)
        }
    }

    /// The client that sends, ready for use.
    pub fn client(&self) -> anyhow::Result<Client> {
        let policy = self.policy().map_err(|wrong| anyhow::anyhow!(wrong.join("; ")))?;
        let authority = self.ca_file.as_deref().map(authorities).transpose().context("channels.ca_file")?;
        Client::new(Arc::new(System), policy, authority.as_deref()).context("channels.ca_file")
    }
}

/// How mail is sent.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The server.
    pub url: String,
    /// Who the mails are from.
    pub from: String,
    /// The user, where the server asks.
    pub user: Option<String>,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// An authority to trust beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// The name to greet the server with.
    pub hello: Option<String>,
}

impl MailSettings {
    /// Security, host and port of the URL; `None` when it is none of the three kinds.
    pub fn server(&self) -> Option<(Security, String, u16)> {
        let (security, rest, port) = match self.url.split_once("://")? {
            ("smtps", rest) => (Security::Tls, rest, 465),
            ("smtp", rest) => (Security::StartTls, rest, 587),
            ("smtp+plain", rest) => (Security::Plain, rest, 25),
            (_, _) => return None,
        };
        let authority: http::uri::Authority = rest.parse().ok()?;
        let good = !authority.as_str().contains('@') && !authority.host().is_empty();
        good.then(|| (security, authority.host().to_owned(), authority.port_u16().unwrap_or(port)))
    }

    /// What is wrong with the URL. Without TLS, codes and the password stay on this machine.
    fn mistake(&self) -> Option<String> {
        const FORMS: &str = "mail.url must be smtps://host, smtp://host or smtp+plain://localhost";
        match self.server() {
            None => Some(FORMS.to_owned()),
            Some((Security::Plain, host, _)) if !Host::parse(&host).is_ok_and(|host| is_loopback(&host)) => {
                Some(format!("{FORMS}: smtp+plain has no TLS, so it goes to this machine only"))
            }
            Some((Security::Plain | Security::StartTls | Security::Tls, _, _)) => None,
        }
    }

    /// The sender of mails, ready for use.
    pub fn sender(&self) -> anyhow::Result<Smtp> {
        let (security, host, port) = self.server().context("mail.url names no server")?;
        let login = match (&self.user, &self.password_file) {
            (Some(user), Some(file)) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("mail.password_file: {} cannot be read", file.display()))?;
                Some((user.clone(), Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())))
            }
            (_, _) => None,
        };
        let authority = self.ca_file.as_deref().map(authorities).transpose().context("mail.ca_file")?;
        let settings = SmtpSettings {
            host,
            port,
            security,
            login,
            authority,
            from: self.from.clone(),
            hello: self.hello.clone(),
        };
        Smtp::new(settings).context("mail cannot be set up")
    }
}

/// Reads and checks a file.
pub fn read(file: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|problem| ConfigError::one(format!("{} cannot be read: {problem}", file.display())))?;
    let wrong = |problem: toml::de::Error| ConfigError::one(unread(file, &text, &problem));
    let mut config: Config = toml::from_str(&text).map_err(wrong)?;
    let table: toml::Table = toml::from_str(&text).map_err(wrong)?;
    flatten("", &table, &mut |name, _| config.given.push(name));
    let mistakes = mistakes(&config);
    if mistakes.is_empty() { Ok(config) } else { Err(ConfigError::of(mistakes)) }
}

/// Where and why a file cannot be read as settings. The line itself is not repeated: a URL in it may hold a password.
fn unread(file: &Path, text: &str, problem: &toml::de::Error) -> String {
    let before = problem.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!(", line {}", before.matches('\n').count() + 1));
    format!("{}{}: {}", file.display(), line.unwrap_or_default(), without_password(problem.message()))
}

fn mistakes(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let gateway = &config.gateway;
    if gateway.listen.is_none() && gateway.tls_listen.is_none() {
        found.push("gateway.listen or gateway.tls_listen is needed".to_owned());
    }
    let secure = [("tls_listen", gateway.tls_listen), ("apps_tls_listen", gateway.apps_tls_listen)];
    for (name, _) in secure.into_iter().filter(|(_, address)| address.is_some()) {
        if gateway.tls_certificate_file.is_none() || gateway.tls_key_file.is_none() {
            found.push(format!("gateway.{name} needs tls_certificate_file and tls_key_file"));
        }
    }
    if config.policy.max_key_age_days == Some(0) {
        found.push("policy.max_key_age_days must be at least 1".to_owned());
    }
    if ReviewPolicy::from_word(&config.policy.review).is_none() {
        found.push("policy.review must be \"off\" or \"remind\"".to_owned());
    }
    if config.policy.new_device_hours > NEW_DEVICE_MOST_HOURS {
        found.push(format!(
            "policy.new_device_hours must be at most {NEW_DEVICE_MOST_HOURS}; 0 switches it off"
        ));
    }
    let (fewest, most) = ACCOUNTS_AT_ONCE_BOUNDS;
    if config.policy.accounts_at_once != 0 && !(fewest..=most).contains(&config.policy.accounts_at_once) {
        found.push(format!("policy.accounts_at_once must be {fewest} to {most}, or 0 to switch it off"));
    }
    if gateway.threads == Some(0) {
        found.push("gateway.threads must be at least 1".to_owned());
    }
    if crate::node::backend(&config.upstream.url, &[]).is_err() {
        let url = without_password(&config.upstream.url);
        found.push(format!("upstream.url `{url}` must be http://host[:port]"));
    }
    if let Some(url) = &config.exchange.sub_accounts_url
        && let Err(why) = ExchangeClient::check(url)
    {
        found.push(format!("exchange.sub_accounts_url `{}`: {why}", without_password(url)));
    }
    let pass = crate::node::passed(&config.upstream.pass_headers);
    found.extend(pass.err().map(|problem| format!("upstream.pass_headers: {problem:#}")));
    found.extend(config.store.master_key().err().into_iter().flat_map(|wrong| wrong.mistakes().to_vec()));
    found.extend(config.proxies.proxies().err());
    found.extend(config.audit.mistakes());
    found.extend(config.log.mistakes());
    found.extend(config.journal.mistakes());
    found.extend(config.sockets.mistakes());
    found.extend(config.sources.mistakes());
    found.extend(same_addresses(config));
    found.extend(console_mistakes(config));
    found.extend(config.channels.policy().err().unwrap_or_default());
    found.extend(config.leaks.reporters().err().unwrap_or_default());
    match Location::parse(&config.store.url) {
        Err(_) => found.push("store.url must be a folder or postgres://…".to_owned()),
        Ok(Location::Folder(_)) if config.journal.spool.is_some() => {
            found.push("journal.spool is for PostgreSQL: a data folder needs none".to_owned());
        }
        Ok(_) => {}
    }
    found
}

/// Two listeners on one address: the second cannot listen. Port 0 is another port each time.
fn same_addresses(config: &Config) -> Vec<String> {
    let listeners = config.listeners();
    let pairs = listeners.iter().enumerate().flat_map(|(count, one)| {
        let others = listeners.iter().skip(count + 1);
        others.filter(move |other| overlap(one.1, other.1)).map(move |other| (one, other))
    });
    pairs
        .map(|(one, other)| format!("{} and {} name the same address, {}", one.0, other.0, other.1))
        .collect()
}

/// Whether the second of two listeners finds its address in use. `[::]` takes IPv4 as well.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let takes = |one: IpAddr, other: IpAddr| {
        one == other || (one.is_unspecified() && (one.is_ipv6() || other.is_ipv4()))
    };
    let (first, second) = (one.ip(), other.ip());
    one.port() != 0 && one.port() == other.port() && (takes(first, second) || takes(second, first))
}

fn console_mistakes(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let Some(console) = &config.console else { return found };
    match WebOrigin::parse(&console.origin) {
        Err(why) => found.push(format!("console.origin is no origin: {why}")),
        Ok(origin) if !origin.is_private() => found.push(
            "console.origin must be https://, or browsers send passwords unencrypted and keep no cookie"
                .to_owned(),
        ),
        Ok(_) => {}
    }
    found.extend(
        WebOrigin::parse(&console.gateway).err().map(|why| format!("console.gateway is no origin: {why}")),
    );
    match &config.mail {
        None => found.push("[console] needs [mail]: codes and alerts go out by mail".to_owned()),
        Some(mail) => {
            found.extend(mail.mistake());
            if mail.hello.as_deref().is_some_and(|name| !is_full_name(name)) {
                found.push("mail.hello must be a full domain name, such as keys.example.com".to_owned());
            }
            if mail.user.is_some() != mail.password_file.is_some() {
                found.push("mail.user and mail.password_file belong together".to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    /// Settings of which a configuration has one.
    const INSTEAD: [&str; 2] = ["master_key_env", "master_key_credential"];

    /// The example with every setting that stands there as a comment switched on.
    fn everything_on() -> String {
        everything_but(&INSTEAD)
    }

    fn everything_but(left_out: &[&str]) -> String {
        let line = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if left_out.iter().any(|name| rest.starts_with(name)) => String::new(),
            Some(rest) if rest.starts_with('[') || rest.contains(" = ") => format!("{rest}\n"),
            Some(_) | None => format!("{line}\n"),
        };
        super::EXAMPLE.lines().map(line).collect()
    }

    #[test]
    fn the_master_key_is_named_once() {
        let mistakes = |text: &str| super::mistakes(&toml::from_str(text).unwrap()).join("; ");
        assert!(mistakes(&everything_but(&[])).contains("name the master key once"));
        let example = super::EXAMPLE;
        let file = "master_key_file = \"/etc/keyward/master.key\"";
        assert!(example.contains(file));
        assert!(mistakes(&example.replace(file, "")).contains("name the master key once"));
        for name in INSTEAD {
            let line = example.lines().find(|line| line.contains(&format!("{name} = "))).unwrap();
            let alone = example.replace(file, line.trim_start_matches("# "));
            assert_eq!(mistakes(&alone), "", "{name}");
        }
    }

    #[test]
    fn what_operators_see_of_the_store_holds_no_password() {
        let shown = super::without_password;
        assert_eq!(shown("postgres://kw:hunter2@db/keyward?password=x"), "postgres://kw:…@db/keyward");
        assert_eq!(shown("postgres:///keyward?password=hunter2"), "postgres:///keyward");
        assert_eq!(shown("postgres://a:b@c:d@db/keyward"), "postgres://a:…@db/keyward");
        assert_eq!(shown("/var/lib/keyward"), "/var/lib/keyward");
    }

    #[test]
    fn a_file_that_cannot_be_read_shows_its_line_and_no_password() {
        let told = |text: &str| {
            let problem = toml::from_str::<super::Config>(text).unwrap_err();
            super::unread(std::path::Path::new("a.toml"), text, &problem)
        };
        let unknown = told("[store]\nurl = \"x\"\nunheard_of = 1\n");
        assert!(unknown.starts_with("a.toml, line 3: unknown field `unheard_of`"), "{unknown}");
        for text in [
            "[store]\nurl = \"postgres://kw:hunter2@db/keyward\n",
            "store = \"postgres://kw:hunter2@db/keyward\"\n",
            "[store]\nurl = \"a\" \"postgres://kw:hunter2@db/keyward\"\n",
        ] {
            assert!(!told(text).contains("hunter2"), "{}", told(text));
        }
    }

    #[test]
    fn every_setting_of_the_example_is_known() {
        let config: super::Config = toml::from_str(&everything_on()).unwrap();
        assert_eq!(super::mistakes(&config), ["journal.spool is for PostgreSQL: a data folder needs none"]);
        let beside = everything_on().replace("url = \"/var/lib/keyward\"", "url = \"postgres://db/keyward\"");
        let config: super::Config = toml::from_str(&beside).unwrap();
        assert!(super::mistakes(&config).is_empty(), "{:?}", super::mistakes(&config));
        assert!(
            config.console.is_some() && config.mail.is_some() && config.gateway.checkpoint_file.is_some()
        );
    }

    #[test]
    fn a_console_needs_mail_and_an_address_of_its_own() {
        let mistakes = |from: &str, to: &str| {
            let text = everything_on().replace(from, to);
            super::mistakes(&toml::from_str(&text).unwrap()).join("; ")
        };
        for odd in [
            "http://keys.example.com",
            "http://10.0.0.5",
            "https://keys.example.com/",
            "https://keys.example.com/console",
            "https://keys.example.com?a",
            "https://keys.example.com#a",
            "https://user@keys.example.com",
            "https://Keys.example.com",
            "https://keys.example.com:443",
            "keys.example.com",
            "ftp://keys.example.com",
        ] {
            assert!(mistakes("https://keys.example.com", odd).contains("console.origin"), "{odd}");
            if !odd.starts_with("http://") {
                let odd = odd.replace("keys.example", "api.example");
                assert!(mistakes("https://api.example.com", &odd).contains("console.gateway"), "{odd}");
            }
        }
        for good in [
            "https://keys.example.com:8443",
            "https://keys",
            "https://10.0.0.5",
            "https://[2001:db8::1]:8443",
            "https://xn--bcher-kva.example",
            "http://localhost",
            "http://localhost:8480",
            "http://127.0.0.1:8480",
            "http://[::1]:8480",
            "http://keyward.localhost:8480",
        ] {
            let told = mistakes("https://keys.example.com", good);
            assert!(!told.contains("console.origin"), "{good}: {told}");
        }
        assert!(mistakes("smtps://mail.example.com", "https://mail.example.com").contains("mail.url"));
        assert!(mistakes("user = \"keyward\"", "").contains("belong together"));
        assert!(mistakes("hello = \"keys.example.com\"", "hello = \"keys\"").contains("mail.hello"));
        let text = everything_on();
        let (console, _) = text.split_once("# Mail: the console").unwrap();
        assert!(super::mistakes(&toml::from_str(console).unwrap()).join("").contains("needs [mail]"));
    }

    #[test]
    fn mail_without_tls_stays_on_this_machine() {
        let mistakes = |url: &str| {
            let text = everything_on().replace("smtps://mail.example.com", url);
            super::mistakes(&toml::from_str(&text).unwrap()).join("; ")
        };
        for wrong in [
            "smtp+plain://mail.example.com",
            "smtp+plain://10.0.0.5",
            "smtp+plain://192.168.1.2:2525",
            "smtp+plain://0.0.0.0",
            "smtp+plain://[2001:db8::1]",
            "smtp+plain://localhost.example.com",
            "smtp+plain://127.0.0.1.example.com",
            "smtp+plain://127.1",
            "smtp+plain://mail",
            "smtp+plain://user@localhost",
            "smtp+plain://",
        ] {
            assert!(mistakes(wrong).contains("mail.url"), "{wrong}");
        }
        for good in [
            "smtp+plain://localhost",
            "smtp+plain://localhost:2525",
            "smtp+plain://127.0.0.1",
            "smtp+plain://127.0.0.1:1025",
            "smtp+plain://127.9.9.9",
            "smtp+plain://[::1]",
            "smtp+plain://[::1]:2525",
            "smtp+plain://mail.localhost",
            "smtp://mail.example.com",
            "smtps://10.0.0.5:4650",
        ] {
            assert!(!mistakes(good).contains("mail.url"), "{good}: {}", mistakes(good));
        }
    }

    #[test]
    fn two_listeners_have_two_addresses() {
        let same = |one: &str, other: &str| super::overlap(one.parse().unwrap(), other.parse().unwrap());
        for (one, other) in [
            ("127.0.0.1:8481", "127.0.0.1:8481"),
            ("0.0.0.0:8481", "127.0.0.1:8481"),
            ("127.0.0.1:8481", "0.0.0.0:8481"),
            ("[::]:8481", "127.0.0.1:8481"),
            ("[::]:8481", "0.0.0.0:8481"),
            ("[::]:8481", "[::1]:8481"),
            ("[2001:db8::1]:8481", "[2001:db8::1]:8481"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("127.0.0.1:8481", "127.0.0.1:8482"),
            ("127.0.0.1:8481", "127.0.0.2:8481"),
            ("127.0.0.1:8481", "[::1]:8481"),
            ("0.0.0.0:8481", "[::1]:8481"),
            ("0.0.0.0:8481", "0.0.0.0:8482"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::]:0", "[::]:0"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
        let text = everything_on().replace("127.0.0.1:8483", "127.0.0.1:8481");
        let told = super::mistakes(&toml::from_str(&text).unwrap()).join("; ");
        assert!(told.contains("gateway.listen and metrics.listen name the same address"), "{told}");
    }

    #[test]
    fn the_exchange_is_told_at_an_address_of_its_own() {
        let mistakes = |to: &str| {
            let text = everything_on().replace("http://127.0.0.1:9000/keyward/sub-accounts", to);
            super::mistakes(&toml::from_str(&text).unwrap()).join("; ")
        };
        for wrong in ["ftp://127.0.0.1:9000/k", "127.0.0.1:9000/k", "http://127.0.0.1:9000", ""] {
            assert!(mistakes(wrong).contains("exchange.sub_accounts_url"), "{wrong}");
        }
        let told = mistakes("http://kw:hunter2@127.0.0.1:9000/k");
        assert!(told.contains("exchange.sub_accounts_url") && !told.contains("hunter2"), "{told}");
        for good in ["http://10.0.0.5:9000/k", "https://exchange.internal/k"] {
            assert!(!mistakes(good).contains("sub_accounts_url"), "{good}");
        }
    }

    #[test]
    fn receivers_are_allowed_one_by_one() {
        let mistakes = |from: &str, to: &str| {
            let text = everything_on().replace(from, to);
            super::mistakes(&toml::from_str(&text).unwrap()).join("; ")
        };
        for wrong in ["10.0.0.0/8", "10.0.0.5", "https://10.0.0.5:8443", "*:8443", "127.1:80"] {
            assert!(mistakes("10.0.0.5:8443", wrong).contains("channels.allow"), "{wrong}");
        }
        assert!(mistakes("https://hooks.slack.com", "hooks.slack.com").contains("channels.slack"));
        assert!(mistakes("https://hooks.slack-gov.com", "slack-gov").contains("channels.slack_gov"));
        assert!(mistakes("https://discord.com", "https://discord.com/").contains("channels.discord"));
    }

    #[test]
    fn the_example_is_good() {
        let config: super::Config = toml::from_str(super::EXAMPLE).unwrap();
        assert!(super::mistakes(&config).is_empty());
        assert!(
            toml::from_str::<super::Config>(
                &super::EXAMPLE.replace("[upstream]", "[upstream]\nunheard_of = 1")
            )
            .is_err()
        );
    }
}
