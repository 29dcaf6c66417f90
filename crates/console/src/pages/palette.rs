//! The entries of the command palette: pages, actions and the person's own keys, as links. A script filters them by what is
//! typed; without it, the sidebar and the pages lead to the same places.

use askama::Template;
use axum::response::Response;
use keyward_authority::questions::{KeyView, list_keys};
use keyward_rules::key::{Environment, Place};

use super::layout::{page, problem};
use super::person::SignedIn;

/// What is the same for everybody: what it is called, its icon, and where it leads.
type Fixed = (&'static str, &'static str, &'static str);

const ACTIONS: &[Fixed] = &[
    ("Create a key", "plus", "/keys/new"),
    ("Disable all keys", "power", "/keys/disable-all"),
    ("Stop trading with all keys", "power", "/keys/stop-trading"),
    ("Limit the account", "keys", "/limits"),
    ("Delete unused keys", "delete", "/keys/delete-unused"),
    ("Add a passkey", "passkey", "/security/passkeys/new"),
    ("Set up an authenticator", "security", "/security/authenticator"),
    ("Make new recovery codes", "rotate", "/security/recovery-codes"),
    ("Change the password", "security", "/security/password"),
    ("Change the e-mail address", "account", "/security/email"),
    ("Add an alert channel", "channels", "/alerts/channels/new"),
    ("Register an app", "apps", "/apps/new"),
];

const PAGES: &[Fixed] = &[
    ("Overview", "overview", "/overview"),
    ("API keys", "keys", "/keys"),
    ("What an address can do", "keys", "/keys/reach"),
    ("Activity", "activity", "/activity"),
    ("Alerts", "alerts", "/alerts"),
    ("Alert channels", "channels", "/alerts/channels"),
    ("Approvals", "proposals", "/approvals"),
    ("Transfer thresholds", "proposals", "/approvals/thresholds"),
    ("Review", "review", "/review"),
    ("Security", "security", "/security"),
    ("Audit", "audit", "/trail"),
    ("API reference", "reference", "/api"),
];

/// Pages of those who have registered an app.
const BROKERS: &[Fixed] = &[("Your apps", "apps", "/apps")];

/// Pages of operators and auditors.
const STAFF: &[Fixed] = &[
    ("Operations: Work queue", "queue", "/operations"),
    ("Operations: Apps", "apps", "/operations/apps"),
    ("Operations: Accounts", "accounts", "/operations/accounts"),
    ("Operations: Keys", "keys", "/operations/keys"),
    ("Operations: Proposals", "proposals", "/operations/proposals"),
    ("Operations: Reviews", "review", "/operations/reviews"),
    ("Operations: Staff", "staff", "/operations/staff"),
    ("Operations: Settings", "settings", "/operations/settings"),
    ("Operations: Audit", "audit", "/operations/audit"),
];

/// A link of the palette.
struct Entry {
    label: String,
    /// What kind of thing it leads to.
    about: &'static str,
    icon: &'static str,
    href: String,
}

#[derive(Template)]
#[template(path = "palette.html")]
struct Entries {
    entries: Vec<Entry>,
}

fn fixed(list: &[Fixed], about: &'static str) -> impl Iterator<Item = Entry> {
    list.iter().map(move |&(label, icon, href)| Entry {
        label: label.to_owned(),
        about,
        icon,
        href: href.to_owned(),
    })
}

/// A key's page, and what can be done with the key.
fn of_key(key: &KeyView) -> Vec<Entry> {
    let (name, page) = (key.name.to_string(), format!("/keys/{}", key.id));
    let action = |verb: &str, icon: &'static str, step: &str| Entry {
        label: format!("{verb} {name}"),
        about: "Action",
        icon,
        href: format!("{page}/{step}"),
    };
    let mut entries = vec![Entry {
        label: name.clone(),
        about: match key.environment {
            Environment::Live => "API key",
            Environment::Demo => "API key, demo",
        },
        icon: "keys",
        href: page.clone(),
    }];
    if key.state == "disabled" {
        entries.push(action("Enable", "power", "enable"));
    } else {
        entries.push(action("Disable", "power", "disable"));
    }
    if key.place == Place::Own && !key.frozen {
        entries.push(action("Rotate", "rotate", "rotate"));
    }
    entries
}

/// The entries, as a part of a page.
pub async fn show(person: SignedIn) -> Response {
    let keys = match list_keys(&person.context(), person.acts_for()).await {
        Ok((keys, _)) => keys,
        Err(other) => return problem(other),
    };
    let mut entries: Vec<Entry> = fixed(ACTIONS, "Action").chain(fixed(PAGES, "Page")).collect();
    if person.broker {
        entries.extend(fixed(BROKERS, "Page"));
    }
    if person.role.is_some() {
        entries.extend(fixed(STAFF, "Page"));
    }
    entries.extend(keys.iter().filter(|key| key.is_living()).flat_map(of_key));
    page(&Entries { entries })
}

#[cfg(test)]
mod tests {
    use super::{ACTIONS, BROKERS, PAGES, STAFF};

    /// The test of `assets` reads names that stand in templates only.
    #[test]
    fn entries_name_icons_that_exist() {
        let symbols = include_str!("../../assets/icons.svg");
        for (label, icon, _) in [ACTIONS, PAGES, BROKERS, STAFF].concat() {
            assert!(symbols.contains(&format!("<symbol id=\"{icon}\"")), "{label}: {icon}");
        }
    }
}
