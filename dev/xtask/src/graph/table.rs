//! What is allowed: arrows between our crates, and third-party crates that stay behind a fence.

use super::manifest::Manifest;

/// A crate of ours and those it may use. Nobody may use `app`, `xtask`, `bench` or `fuzz`.
const ARROWS: &[(&str, &[&str])] = &[
    ("hmac-state", &[]),
    ("rules", &["hmac-state"]),
    ("api", &["rules"]),
    ("edge", &["rules"]),
    ("store", &["rules"]),
    ("authority", &["rules", "store", "api"]),
    ("gateway", &["rules", "store", "api", "edge"]),
    ("console", &["rules", "api", "edge", "authority"]),
    ("notify", &["rules", "store"]),
    ("sandbox", &["rules", "api"]),
    (
        "app",
        &[
            "hmac-state",
            "rules",
            "api",
            "edge",
            "store",
            "authority",
            "gateway",
            "console",
            "notify",
            "sandbox",
        ],
    ),
    ("testkit", &["rules", "api", "store", "authority", "gateway", "sandbox"]),
    ("xtask", &[]),
    ("fuzz", &["rules", "api", "edge"]),
    ("bench", &["hmac-state", "rules", "api", "store", "authority", "gateway", "sandbox", "testkit"]),
];

/// A crate of others that only these of ours may use, because what it does is theirs alone.
const FENCES: &[(&str, &[&str])] = &[
    ("mimalloc", &["app"]),
    ("rusqlite", &["store"]),
    ("tokio-postgres", &["store"]),
    ("tokio-postgres-rustls", &["store"]),
    ("deadpool", &["store"]),
    ("aws-lc-sys", &["hmac-state"]),
    ("clap", &["app"]),
    ("prometheus-client", &["app"]),
    ("toml", &["app"]),
    ("ppp", &["edge"]),
    ("hyper", &["app", "gateway", "console", "notify", "sandbox", "testkit", "bench"]),
    ("hyper-util", &["app", "gateway", "console", "notify", "sandbox", "testkit", "bench"]),
    ("tokio-tungstenite", &["gateway", "sandbox", "testkit", "bench"]),
    ("axum", &["console"]),
    ("utoipa", &["console"]),
    ("qrcode", &["console"]),
    ("scrypt", &["api"]),
    ("lettre", &["notify"]),
    ("webpki-roots", &["store", "notify"]),
    ("argon2", &["authority"]),
    ("totp-rs", &["authority"]),
    ("zxcvbn", &["authority"]),
    ("webauthn-rs", &["authority"]),
    ("png", &["authority"]),
    ("zune-jpeg", &["authority"]),
    ("unicode-security", &["rules"]),
    ("rcgen", &["app", "testkit"]),
    ("x509-parser", &["app"]),
    ("rustix", &["app", "store", "testkit"]),
    ("socket2", &["gateway", "app"]),
    ("libfuzzer-sys", &["fuzz"]),
];

/// What the pure crate must not have: no runtime, driver, web crate, clock or randomness.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "hyper-util",
    "http",
    "rusqlite",
    "tokio-postgres",
    "getrandom",
    "rand",
    "jiff",
    "chrono",
    "time",
    "tracing",
];

/// The short name of a package of ours, `None` for others'.
pub fn short(package: &str) -> Option<&str> {
    match package {
        "keyward" => Some("app"),
        "xtask" => Some("xtask"),
        other => other.strip_prefix("keyward-"),
    }
}

/// Everything that one crate may not have, in words.
pub fn violations(manifest: &Manifest) -> Vec<String> {
    let found = short(&manifest.package).and_then(|name| ARROWS.iter().find(|(from, _)| *from == name));
    let Some((name, allowed)) = found else {
        return vec![format!("{} is not in the table of crates", manifest.package)];
    };
    manifest.dependencies.iter().filter_map(|package| refusal(name, allowed, package)).collect()
}

fn refusal(name: &str, allowed: &[&str], package: &str) -> Option<String> {
    if let Some(ours) = short(package) {
        return (!allowed.contains(&ours)).then(|| format!("{name} may not use {ours}"));
    }
    if name == "xtask" {
        return Some(format!("xtask may not use {package}: it has no dependencies"));
    }
    if name == "rules" && IMPURE.contains(&package) {
        return Some(format!("rules may not use {package}: it is pure"));
    }
    let (_, homes) = FENCES.iter().find(|(fenced, _)| *fenced == package)?;
    (!homes.contains(&name)).then(|| format!("{name} may not use {package}: only {} may", homes.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{ARROWS, FENCES, violations};
    use crate::graph::manifest::Manifest;

    fn verdict(package: &str, dependencies: &[&str]) -> Vec<String> {
        let dependencies = dependencies.iter().map(|&name| name.to_owned()).collect();
        violations(&Manifest { package: package.to_owned(), dependencies })
    }

    #[test]
    fn allowed_arrows_pass() {
        assert_eq!(verdict("keyward-gateway", &["keyward-rules", "keyward-store", "hyper"]), [""; 0]);
        assert_eq!(verdict("keyward", &["keyward-authority", "keyward-gateway", "clap"]), [""; 0]);
    }

    #[test]
    fn a_wrong_arrow_is_named() {
        assert_eq!(verdict("keyward-gateway", &["keyward-authority"]), ["gateway may not use authority"]);
        assert_eq!(verdict("keyward-store", &["keyward-api"]), ["store may not use api"]);
        assert_eq!(verdict("keyward-gateway", &["keyward"]), ["gateway may not use app"]);
        assert_eq!(verdict("keyward-gateway", &["keyward-new"]), ["gateway may not use new"]);
    }

    #[test]
    fn fences_hold() {
        let driver = verdict("keyward-authority", &["tokio-postgres"]);
        assert_eq!(driver, ["authority may not use tokio-postgres: only store may"]);
        assert_eq!(verdict("keyward-rules", &["getrandom"]), ["rules may not use getrandom: it is pure"]);
        assert_eq!(verdict("xtask", &["libc"]), ["xtask may not use libc: it has no dependencies"]);
    }

    #[test]
    fn an_unknown_crate_of_ours_is_refused() {
        assert_eq!(verdict("keyward-extra", &[]), ["keyward-extra is not in the table of crates"]);
    }

    #[test]
    fn the_table_has_no_circle_and_no_stranger() {
        for (at, (name, allowed)) in ARROWS.iter().enumerate() {
            for to in *allowed {
                let place = ARROWS.iter().position(|(from, _)| from == to);
                assert!(place.is_some_and(|place| place < at), "{name} → {to}");
            }
        }
        for (_, homes) in FENCES {
            assert!(homes.iter().all(|home| ARROWS.iter().any(|(name, _)| name == home)), "{homes:?}");
        }
    }
}
