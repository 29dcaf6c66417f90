//! Question: what are the things called that records are about?

use keyward_rules::id::KeyId;
use keyward_rules::trail::{ACCOUNT_FACTS, Entry};
use keyward_store::{Names, NamesWanted};

use super::audit::TrailView;
use crate::{ActionContext, ActionError};

/// The names of what a page of records is about or mentions, as far as the actor's scope reaches: a few statements for all of
/// them. Of very many ids the last ones stay without a name.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn record_names(context: &ActionContext<'_>, views: &[TrailView]) -> Result<Names, ActionError> {
    let mut wanted = NamesWanted::default();
    for view in views {
        parties(&view.entry, &mut wanted);
    }
    for view in views {
        mentioned(&view.entry, &mut wanted);
    }
    Ok(context.authority.access.reader.names(context.actor.scope(), &wanted).await?)
}

/// Who acted, and on what.
fn parties(entry: &Entry, wanted: &mut NamesWanted) {
    for member in [&entry.subject, &entry.actor] {
        let Some((kind, id)) = member.split_once(':') else { continue };
        match kind {
            "account" | "operator" | "auditor" => account(id, wanted),
            "key" | "channel" => random(id, wanted),
            "app" => app(id, wanted),
            _ => {}
        }
    }
}

/// What stands in the facts.
fn mentioned(entry: &Entry, wanted: &mut NamesWanted) {
    for (name, value) in &entry.facts {
        if let Some(id) = value.strip_prefix("app ") {
            app(id, wanted);
        }
        for part in value.split([',', ' ']) {
            if ACCOUNT_FACTS.contains(&name.as_str()) {
                account(part, wanted);
            } else {
                random(part, wanted);
            }
        }
    }
}

fn account(id: &str, wanted: &mut NamesWanted) {
    if let Ok(id) = id.parse() {
        wanted.account(id);
    }
}

fn app(id: &str, wanted: &mut NamesWanted) {
    if let Ok(id) = id.parse() {
        wanted.app(id);
    }
}

/// An id of random bits, whose spelling says of what it is.
fn random(id: &str, wanted: &mut NamesWanted) {
    if let Ok(id) = id.parse::<KeyId>() {
        wanted.key(id);
    } else if let Ok(id) = id.parse() {
        wanted.channel(id);
    }
}
