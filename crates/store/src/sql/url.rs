//! The store's URL, read as libpq reads it: hosts, ports, sockets, credentials, parameters.
//!
//! Owns: the parts of the URL, and what TLS is asked for. Leaves to the driver: the values of the parameters that it
//! knows. No error repeats a part of the URL but the name of a parameter: any other may be half a password.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode};

use super::tls::{self, ClientFiles, TlsFiles, Verify};
use super::url_error::UrlError;

/// How long an attempt to connect may take over all hosts, unless the URL says how long for each: people who wait learn within
/// five seconds why.
const CONNECT: Duration = Duration::from_secs(3);
/// How long it takes at least for one of them.
const CONNECT_ONE: Duration = Duration::from_secs(1);
/// PostgreSQL's port.
const PORT: &str = "5432";
/// Where distributions put the server's socket.
const SOCKET_FOLDERS: [&str; 3] = ["/run/postgresql", "/var/run/postgresql", "/tmp"];

/// Parameters whose values the driver reads.
const DRIVER: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];
/// Parameters whose values are read here.
const TLS: &[&str] = &["sslcert", "sslkey", "sslmode", "sslrootcert"];
/// What holds unless the URL says otherwise. A connection that went dead without a word is noticed within a minute.
const DEFAULTS: &[(&str, &str)] = &[
    ("application_name", "keyward"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("keepalives_retries", "3"),
];
/// Other spellings that stores were opened with.
const ALIASES: &[(&str, &str)] = &[
    ("ssl-mode", "sslmode"),
    ("ssl-root-cert", "sslrootcert"),
    ("ssl-ca", "sslrootcert"),
    ("ssl-cert", "sslcert"),
    ("ssl-key", "sslkey"),
];
/// Statements are not cached, so it has no effect; URLs for PgBouncer carry it.
const WITHOUT_EFFECT: &str = "statement-cache-capacity";

/// How to connect.
pub(super) struct Settings {
    /// For all hosts.
    config: Config,
    /// For each host alone, in the order in which they are tried.
    hosts: Vec<Config>,
    pub(super) tls: tokio_postgres_rustls::MakeRustlsConnect,
    /// How long an attempt to connect to one host may take.
    pub(super) connect_within: Duration,
}

type Parameters = BTreeMap<String, String>;

impl Settings {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`UrlError`].
    pub(super) fn parse(url: &str) -> Result<Self, UrlError> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let rest = rest.ok_or(UrlError::Scheme)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let mut parameters = Parameters::new();
        // A stray `@` belongs to the password: no host has one.
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        if login.is_empty() && database.contains('@') {
            // The `/` before it belonged to a password.
            return Err(UrlError::Port);
        }
        read_login(login, &mut parameters)?;
        read_hosts(hosts, &mut parameters)?;
        set(&mut parameters, "dbname", decode(database, "database name")?);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            read_parameter(parameter, &mut parameters)?;
        }
        build(parameters)
    }

    /// The hosts, in the order in which they are to be tried now.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Config> {
        let random = self.config.get_load_balance_hosts() == LoadBalanceHosts::Random;
        let number = usize::try_from(RandomState::new().hash_one(()) >> 33).unwrap_or(0);
        let start = if random { number % self.hosts.len().max(1) } else { 0 };
        let (before, from) = self.hosts.split_at(start);
        from.iter().chain(before)
    }

    /// Hosts and ports, for errors.
    pub(super) fn server(&self) -> String {
        places(&self.config)
    }
}

/// Hosts and ports as people write them.
pub(super) fn places(config: &Config) -> String {
    let (hosts, ports) = (config.get_hosts(), config.get_ports());
    let place = |(at, host): (usize, &Host)| {
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => format!("{}/.s.PGSQL.{port}", folder.display()),
        }
    };
    hosts.iter().enumerate().map(place).collect::<Vec<_>>().join(", ")
}

fn read_login(login: &str, parameters: &mut Parameters) -> Result<(), UrlError> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    set(parameters, "user", decode(user, "user name")?);
    set(parameters, "password", decode(password, "password")?);
    Ok(())
}

fn read_hosts(hosts: &str, parameters: &mut Parameters) -> Result<(), UrlError> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(v6) => v6.split_once(']').ok_or(UrlError::Part("host"))?,
            None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
        };
        let port = port.strip_prefix(':').filter(|port| !port.is_empty());
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(UrlError::Port);
        }
        names.push(decode(name, "host")?);
        ports.push(port.unwrap_or(PORT));
    }
    let named = names.iter().any(|name| !name.is_empty());
    set(parameters, "host", if named { names.join(",") } else { String::new() });
    let numbered = named || hosts.contains(':');
    set(parameters, "port", if numbered { ports.join(",") } else { String::new() });
    Ok(())
}

fn read_parameter(parameter: &str, parameters: &mut Parameters) -> Result<(), UrlError> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let name = decode(name, "parameter")?;
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, name)| name);
    let value = decode(value, "parameter")?;
    if let Some(setting) = name.strip_prefix("options[").and_then(|name| name.strip_suffix(']')) {
        add_option(parameters, &format!("-c {setting}={}", value.replace('\\', "\\\\").replace(' ', "\\ ")));
    } else if name == "options" {
        add_option(parameters, &value);
    } else if TLS.contains(&name) || DRIVER.contains(&name) {
        set(parameters, name, value);
    } else if name != WITHOUT_EFFECT {
        let plain = name.len() <= 40 && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'-'));
        return Err(UrlError::UnknownParameter(if plain { name.to_owned() } else { "…".to_owned() }));
    }
    Ok(())
}

fn add_option(parameters: &mut Parameters, option: &str) {
    let options = parameters.entry("options".to_owned()).or_default();
    *options = format!("{options} {option}").trim_start().to_owned();
}

/// Later ones win; an empty one is none.
fn set(parameters: &mut Parameters, name: &str, value: String) {
    if !value.is_empty() {
        parameters.insert(name.to_owned(), value);
    }
}

fn build(mut parameters: Parameters) -> Result<Settings, UrlError> {
    let (mode, verify, files) = read_tls(&mut parameters)?;
    fill_in(&mut parameters);
    let config = one_config(&parameters, mode)?;
    let hosts =
        each_host(&parameters).iter().map(|one| one_config(one, mode)).collect::<Result<Vec<_>, _>>()?;
    let count = u32::try_from(hosts.len().max(1)).unwrap_or(1);
    let connect_within = config.get_connect_timeout().copied().unwrap_or((CONNECT / count).max(CONNECT_ONE));
    Ok(Settings { config, hosts, tls: tls::connector(verify, &files)?, connect_within })
}

/// The same parameters for each host alone.
fn each_host(parameters: &Parameters) -> Vec<Parameters> {
    let list = |name: &str| -> Vec<&str> {
        parameters.get(name).map(|text| text.split(',').collect()).unwrap_or_default()
    };
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let one = |at: usize| {
        let mut one = parameters.clone();
        // One port is that of all hosts.
        let port = ports.get(at).or(ports.first());
        for (name, value) in [("host", names.get(at)), ("hostaddr", addresses.get(at)), ("port", port)] {
            match value {
                Some(value) => one.insert(name.to_owned(), (*value).to_owned()),
                None => one.remove(name),
            };
        }
        one
    };
    (0..names.len().max(addresses.len())).map(one).collect()
}

fn one_config(parameters: &Parameters, mode: SslMode) -> Result<Config, UrlError> {
    let mut config = driver_config(parameters)?;
    if config.get_hosts().is_empty() {
        // Certificates are checked against the host's name, and this is the only one.
        let names: Vec<String> = config.get_hostaddrs().iter().map(ToString::to_string).collect();
        for name in names {
            config.host(name);
        }
    }
    let sockets = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
    // As in libpq: there is no TLS on a socket.
    config.ssl_mode(if sockets { SslMode::Disable } else { mode });
    Ok(config)
}

/// Takes out what is about TLS.
fn read_tls(parameters: &mut Parameters) -> Result<(SslMode, Verify, TlsFiles), UrlError> {
    let (mode, verify) = tls_mode(parameters.remove("sslmode").as_deref())?;
    let mut file = |name| parameters.remove(name).map(PathBuf::from);
    let (roots, certificate, key) = (file("sslrootcert"), file("sslcert"), file("sslkey"));
    let client = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(ClientFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => return Err(UrlError::Value { name: "sslkey", wanted: "there beside `sslcert`" }),
        (None, Some(_)) => return Err(UrlError::Value { name: "sslcert", wanted: "there beside `sslkey`" }),
    };
    // As in libpq: who names roots wants them to be used.
    let chain = verify == Verify::Nothing && mode == SslMode::Require && roots.is_some();
    Ok((mode, if chain { Verify::Chain } else { verify }, TlsFiles { roots, client }))
}

/// What the URL leaves open, and what the driver calls otherwise.
fn fill_in(parameters: &mut Parameters) {
    if !parameters.contains_key("host") && !parameters.contains_key("hostaddr") {
        let host = default_host(parameters.get("port").map_or(PORT, String::as_str));
        set(parameters, "host", host);
    }
    for (name, value) in DEFAULTS {
        parameters.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
    }
    // Of several hosts the one that takes writes is meant, unless the URL says otherwise.
    let several =
        ["host", "hostaddr"].iter().any(|name| parameters.get(*name).is_some_and(|text| text.contains(',')));
    if several {
        parameters.entry("target_session_attrs".to_owned()).or_insert_with(|| "read-write".to_owned());
    }
    if let Some("primary") = parameters.get("target_session_attrs").map(String::as_str) {
        set(parameters, "target_session_attrs", "read-write".to_owned());
    }
}

fn tls_mode(mode: Option<&str>) -> Result<(SslMode, Verify), UrlError> {
    Ok(match mode {
        None | Some("prefer" | "allow") => (SslMode::Prefer, Verify::Nothing),
        Some("disable") => (SslMode::Disable, Verify::Nothing),
        Some("require") => (SslMode::Require, Verify::Nothing),
        Some("verify-ca") => (SslMode::Require, Verify::Chain),
        Some("verify-full") => (SslMode::Require, Verify::ChainAndName),
        Some(_) => {
            let wanted = "disable, prefer, require, verify-ca or verify-full";
            return Err(UrlError::Value { name: "sslmode", wanted });
        }
    })
}

/// Through the driver's other notation, so that it reads the values.
fn driver_config(parameters: &Parameters) -> Result<Config, UrlError> {
    let mut text = String::new();
    for (name, value) in parameters {
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        text.push_str(&format!("{name}='{value}' "));
    }
    text.parse().map_err(|error| UrlError::Driver(super::error::reason(&error)))
}

/// A server's socket on this machine if there is one, as psql does.
fn default_host(port: &str) -> String {
    let socket = format!(".s.PGSQL.{port}");
    let found = SOCKET_FOLDERS.iter().find(|folder| Path::new(folder).join(&socket).exists());
    found.map_or("localhost", |folder| folder).to_owned()
}

/// Undoes percent-encoding; a `%` without two digits stands for itself.
fn decode(text: &str, part: &'static str) -> Result<String, UrlError> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.split_at_checked(2).filter(|_| *first == b'%');
        let byte = digits.and_then(|(digits, _)| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(byte.unwrap_or(*first));
        rest = digits.filter(|_| byte.is_some()).map_or(after, |(_, rest)| rest);
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Part(part))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

    use super::Settings;

    fn parse(url: &str) -> Settings {
        Settings::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn refused(url: &str) -> String {
        Settings::parse(url).err().unwrap_or_else(|| panic!("{url} was taken")).to_string()
    }

    fn encoded(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    #[test]
    fn every_usual_form_is_read() {
        let plain = parse("postgres://kw:secret@db.example:6000/keyward");
        assert_eq!(plain.server(), "db.example:6000");
        let config = &plain.config;
        assert_eq!((config.get_user(), config.get_password()), (Some("kw"), Some(b"secret".as_slice())));
        assert_eq!((config.get_dbname(), config.get_application_name()), (Some("keyward"), Some("keyward")));
        assert_eq!(plain.connect_within, Duration::from_secs(3));
        for (url, server) in [
            ("postgresql://kw@localhost/db", "localhost:5432"),
            ("postgres://kw@[::1]:6000/db", "[::1]:6000"),
            ("postgres://kw@one:1,two,[::1]:3/db", "one:1, two:5432, [::1]:3"),
            ("postgres:///db?host=/run/pg&port=6000", "/run/pg/.s.PGSQL.6000"),
            ("postgres://kw@%2Frun%2Fpg/db", "/run/pg/.s.PGSQL.5432"),
            ("postgres://kw@localhost/db?host=/run/pg", "/run/pg/.s.PGSQL.5432"),
            ("postgres://kw@localhost:6000/db?host=other", "other:6000"),
            ("postgres://kw@/db?host=one,two&port=1,2", "one:1, two:2"),
            ("postgres://kw@/db?hostaddr=192.0.2.1", "192.0.2.1:5432"),
        ] {
            assert_eq!(parse(url).server(), server, "{url}");
        }
        let unnamed = parse("postgres:///keyward");
        assert!(matches!(unnamed.config.get_hosts(), [Host::Tcp(_) | Host::Unix(_)]));
    }

    #[test]
    fn parameters_reach_the_driver() {
        let settings = parse(
            "postgres://one/db?user=kw&password=a%26b&dbname=other&application_name=node%201&connect_timeout=9\
             &options=-c%20a%3Db&options[c]=d%20e&target_session_attrs=read-write&statement-cache-capacity=0",
        );
        let config = &settings.config;
        assert_eq!((config.get_user(), config.get_password()), (Some("kw"), Some(b"a&b".as_slice())));
        assert_eq!((config.get_dbname(), config.get_application_name()), (Some("other"), Some("node 1")));
        assert_eq!(config.get_options(), Some("-c a=b -c c=d\\ e"));
        assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(settings.connect_within, Duration::from_secs(9));
        let two = parse("postgres://kw@one,two/db?connect_timeout=3&target_session_attrs=primary");
        assert_eq!(two.connect_within, Duration::from_secs(3));
        assert_eq!(two.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    }

    #[test]
    fn several_hosts_are_tried_one_by_one_for_the_one_that_takes_writes() {
        for (url, tried, within_ms) in [
            ("postgres://kw@one/db", &["one:5432"][..], 3_000),
            ("postgres://kw@one,two/db", &["one:5432", "two:5432"], 1_500),
            ("postgres://kw@one:1,two:2,three:3/db", &["one:1", "two:2", "three:3"], 1_000),
            (
                "postgres://kw@one,two,three,four,five/db?port=6000",
                &["one:6000", "two:6000", "three:6000", "four:6000", "five:6000"],
                1_000,
            ),
            ("postgres://kw@/db?host=one,two&port=1,2", &["one:1", "two:2"], 1_500),
            (
                "postgres://kw@/db?hostaddr=192.0.2.1,2001:db8::1",
                &["192.0.2.1:5432", "[2001:db8::1]:5432"],
                1_500,
            ),
            ("postgres://kw@/db?host=one,two&hostaddr=192.0.2.1,192.0.2.2", &["one:5432", "two:5432"], 1_500),
            ("postgres://kw@/db?host=/run/pg,two", &["/run/pg/.s.PGSQL.5432", "two:5432"], 1_500),
            ("postgres://kw@one,two/db?connect_timeout=7", &["one:5432", "two:5432"], 7_000),
            ("postgres://kw@one,two/db?target_session_attrs=any", &["one:5432", "two:5432"], 1_500),
        ] {
            let settings = parse(url);
            let places: Vec<String> = settings.in_turn().map(super::places).collect();
            assert_eq!(places, tried, "{url}");
            assert_eq!(settings.connect_within, Duration::from_millis(within_ms), "{url}");
            let wanted = match url {
                any if any.contains("=any") || tried.len() == 1 => TargetSessionAttrs::Any,
                _ => TargetSessionAttrs::ReadWrite,
            };
            assert!(settings.in_turn().all(|one| one.get_target_session_attrs() == wanted), "{url}");
        }
        let balanced = parse("postgres://kw@one,two,three/db?load_balance_hosts=random");
        let mut first = std::collections::BTreeSet::new();
        while first.len() < 3 {
            first.extend(balanced.in_turn().next().map(super::places));
            assert_eq!(balanced.in_turn().count(), 3);
        }
    }

    #[test]
    fn passwords_hold_any_character() {
        for password in
            ["p@:/?#%", "x&y=z+1", "ünï sp", "$Pa'\"\\", "[a]{b}^`|<>,;", "%41", "  ", "' user='root"]
        {
            let url = format!("postgres://kw:{}@db/keyward", encoded(password));
            let settings = parse(&url);
            assert_eq!(settings.config.get_password(), Some(password.as_bytes()), "{url}");
            assert_eq!((settings.config.get_user(), settings.server().as_str()), (Some("kw"), "db:5432"));
            let as_parameter = parse(&format!("postgres://kw@db/keyward?password={}", encoded(password)));
            assert_eq!(as_parameter.config.get_password(), Some(password.as_bytes()));
        }
        // What needs no encoding, and what people forget to encode.
        for password in ["a+b", "p:q", "p@q", "50%", "%zz", "p'q"] {
            let settings = parse(&format!("postgres://kw:{password}@db/keyward"));
            assert_eq!(settings.config.get_password(), Some(password.as_bytes()), "{password}");
        }
    }

    #[test]
    fn errors_name_the_parameter_and_nothing_else() {
        let unknown = refused("postgres://kw:hunter2@db/keyward?sslmod=require");
        assert_eq!(unknown, "the parameter `sslmod` is not known");
        assert_eq!(refused("postgres://kw@db/k?hunter2%20x=1"), "the parameter `…` is not known");
        let mode =
            "the value of the parameter `sslmode` is not disable, prefer, require, verify-ca or verify-full";
        assert_eq!(refused("postgres://kw:hunter2@db/k?sslmode=maybe"), mode);
        assert!(refused("postgres://kw:hunter2@db/k?port=x").contains("`port`"));
        assert!(refused("postgres://kw:hunter2@db/k?connect_timeout=soon").contains("`connect_timeout`"));
        for url in [
            "postgres://kw:hunter2/x?y@db/keyward",
            "postgres://kw:hunter2#x/y@db/keyward",
            "postgres://kw:1/hunter2@db/keyward",
            "postgres://kw:hunter2@db:5x/keyward",
            "postgres://kw:hunter2@[::1/keyward",
            "postgres://kw:hunter2%FF@db/keyward",
            "postgres://kw:hunter2@db/k?hostaddr=hunter2",
            "postgres://kw:hunter2@db/k?target_session_attrs=hunter2",
            "postgres://kw:hunter2@db/k?sslcert=a.pem",
            "http://kw:hunter2@db/",
        ] {
            let text = refused(url);
            assert!(!text.contains("hunter2"), "{url}: {text}");
        }
        let file = refused("postgres://kw:hunter2@db/k?sslmode=verify-ca&sslrootcert=/nowhere/ca.pem");
        assert!(
            file.starts_with("the file /nowhere/ca.pem of the parameter `sslrootcert` cannot be used: "),
            "{file}"
        );
    }

    #[test]
    fn tls_is_asked_for_as_psql_does() {
        let mode = |url: &str| parse(url).config.get_ssl_mode();
        assert_eq!(mode("postgres://kw@db/k"), SslMode::Prefer);
        assert_eq!(mode("postgres://kw@db/k?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://kw@db/k?ssl-mode=require"), SslMode::Require);
        assert_eq!(mode("postgres://kw@db/k?sslmode=verify-ca"), SslMode::Require);
        assert_eq!(mode("postgres://kw@db/k?sslmode=verify-full"), SslMode::Require);
        assert_eq!(mode("postgres://kw@/k?host=/run/pg&sslmode=require"), SslMode::Disable, "a socket");
    }
}
