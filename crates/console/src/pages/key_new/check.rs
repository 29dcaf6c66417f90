//! What the form for a new key says while it is filled in.

use askama::Template;
use axum::response::Response;
use keyward_rules::address::{AddressSet, HostBits, Network, Width};
use keyward_rules::key::KeyName;
use keyward_rules::limits::ADDRESSES_PER_KEY;

use super::app_of;
use super::summary::Summary;
use crate::fields::Fields;
use crate::pages::layout::{capital, page};
use crate::pages::person::Posted;
use crate::requests::entries;

#[derive(Template)]
#[template(path = "live.html")]
struct Live {
    good: Vec<String>,
    bad: Vec<String>,
}

/// What is said of a field while it is typed, and of the whole form.
pub async fn check(posted: Posted) -> Response {
    let fields = &posted.fields;
    if fields.get("field") == "summary" {
        let app = app_of(&posted.person, fields).await;
        return page(&Summary::of(fields, app.as_ref()));
    }
    let live = match fields.get("field") {
        "addresses" => judge_addresses(fields),
        "passphrase" => judge_passphrase(fields.get("passphrase")),
        "name" => judge_name(fields.get("name")),
        _ => Live { good: Vec::new(), bad: Vec::new() },
    };
    page(&live)
}

fn judge_name(text: &str) -> Live {
    match KeyName::parse(text.trim()) {
        Ok(_) => Live { good: Vec::new(), bad: Vec::new() },
        Err(problem) => Live { good: Vec::new(), bad: vec![format!("{}.", capital(&problem.to_string()))] },
    }
}

fn judge_addresses(fields: &Fields) -> Live {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let mut networks = Vec::new();
    for entry in entries(fields.get("addresses")).take(4 * ADDRESSES_PER_KEY) {
        match (Network::parse(entry, HostBits::Refuse), Network::parse(entry, HostBits::Clear)) {
            (Ok(network), _) => {
                good.push(network.to_string());
                networks.push(network);
            }
            (Err(_), Ok(network)) => {
                good.push(format!("{network} (bits after the prefix of {entry} are cleared)"));
                networks.push(network);
            }
            (Err(problem), Err(_)) => bad.push(format!("{entry}: {problem}")),
        }
    }
    if let Ok(set) = AddressSet::new(networks.clone()) {
        let merged = set.networks().len();
        if merged < networks.len() {
            good.push(format!("{} entries overlap and become {merged}", networks.len()));
        }
        if set.width() == Width::Wide {
            bad.push(
                "Together they cover more than a /8 (IPv4) or a /32 (IPv6): such a key counts as unbound."
                    .to_owned(),
            );
        }
    } else if networks.len() > ADDRESSES_PER_KEY {
        bad.push(format!("A key has at most {ADDRESSES_PER_KEY} addresses."));
    }
    Live { good, bad }
}

fn judge_passphrase(text: &str) -> Live {
    let has = |rule: fn(&u8) -> bool| text.as_bytes().iter().any(rule);
    let rules = [
        ("8 to 32 characters", (8..=32).contains(&text.len())),
        ("an upper-case letter", has(u8::is_ascii_uppercase)),
        ("a lower-case letter", has(u8::is_ascii_lowercase)),
        ("a digit", has(u8::is_ascii_digit)),
        ("a special character", has(u8::is_ascii_punctuation)),
        ("visible ASCII only", text.bytes().all(|byte| byte.is_ascii_graphic())),
    ];
    let (good, bad): (Vec<_>, Vec<_>) = rules.into_iter().partition(|(_, met)| *met);
    let words = |rules: Vec<(&str, bool)>| rules.into_iter().map(|(rule, _)| rule.to_owned()).collect();
    Live { good: words(good), bad: words(bad) }
}
