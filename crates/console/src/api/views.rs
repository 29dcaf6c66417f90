//! What the API says of things.

use keyward_authority::keys::Issued;
use keyward_authority::questions::{AccountView, AlertView, KeyView, SessionView, app_of_key};
use keyward_authority::{ActionContext, ActionError, SessionKind};
use keyward_rules::alert::Urgency;
use keyward_rules::grant::TwoFactor;
use keyward_rules::id::KeyId;
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;
use serde::Serialize;
use utoipa::ToSchema;

fn ms(at: Moment) -> u64 {
    at.unix_ms()
}

/// A key; times are Unix milliseconds.
#[derive(Serialize, ToSchema)]
pub struct Key {
    /// The public API key.
    pub api_key: String,
    /// Its name.
    pub name: String,
    /// The holder's tags.
    pub tags: Vec<String>,
    /// `trading`, `third_party_app` or `canary`.
    pub purpose: &'static str,
    /// Its permissions; they never change.
    pub permissions: Vec<&'static str>,
    /// The app that it is bound to.
    pub app: Option<KeyApp>,
    /// `anywhere`, the addresses, `the app's servers`, or `nowhere` for a canary.
    pub from: String,
    /// Whether it is bound to addresses or an app.
    pub bound: bool,
    /// `live` or `demo`.
    pub environment: &'static str,
    /// Requests a second that it may send at most, if it has a rate of its own.
    pub rate_cap: Option<u16>,
    /// Its limits, as they were given; absent for none.
    #[schema(value_type = Option<Object>)]
    pub limits: Option<serde_json::Value>,
    /// `active`, `disabled`, `frozen`, `held`, `deleted` or `expired`.
    pub state: &'static str,
    /// What others laid on it.
    pub holds: Vec<&'static str>,
    /// From when it does more than read: it was created or changed on a device that was new for its user. Absent otherwise.
    pub works_from_ms: Option<u64>,
    /// When it was made.
    pub created_at_ms: u64,
    /// When it last changed.
    pub changed_at_ms: u64,
    /// When it was last used.
    pub last_used_at_ms: Option<u64>,
    /// From where; empty for an app's key.
    pub last_used_from: String,
    /// When it ends if nothing changes.
    pub ends_at_ms: Option<u64>,
    /// By which rule: `idle`, `date` or `overlap`.
    pub ends_by: Option<&'static str>,
    /// The key that it follows.
    pub predecessor: Option<String>,
    /// The key that follows it.
    pub successor: Option<String>,
    /// Counts its changes.
    pub version: u64,
}

/// The app of a key, as its holder sees it: never from where it works.
#[derive(Serialize, ToSchema)]
pub struct KeyApp {
    /// Its id.
    pub id: String,
    /// Its name, as operators verified it.
    pub name: String,
    /// `open`; `closed` when no new keys can be bound to it; `frozen` when none of its keys works.
    pub state: &'static str,
    /// How often within the last day the key was refused because the request did not come from the app's servers.
    pub refused_from_elsewhere: u64,
    /// By when this key must be rotated; from then on it is held.
    pub successor_due_ms: Option<u64>,
}

impl Key {
    /// A key with what its holder sees of its app.
    ///
    /// # Errors
    /// [`ActionError::Store`].
    pub async fn of(context: &ActionContext<'_>, key: KeyView) -> Result<Self, ActionError> {
        let app = match key.app {
            Some(_) => app_of_key(context, key.id).await?,
            None => None,
        };
        let app = app.map(|(card, refused)| KeyApp {
            id: card.id.to_string(),
            name: card.name,
            state: card.state,
            refused_from_elsewhere: refused,
            successor_due_ms: card.successors_due.map(ms),
        });
        Ok(Self::with(key, app))
    }

    /// The same for several.
    ///
    /// # Errors
    /// As [`Key::of`].
    pub async fn all_of(context: &ActionContext<'_>, keys: Vec<KeyView>) -> Result<Vec<Self>, ActionError> {
        let mut shown = Vec::with_capacity(keys.len());
        for key in keys {
            shown.push(Self::of(context, key).await?);
        }
        Ok(shown)
    }

    fn with(key: KeyView, app: Option<KeyApp>) -> Self {
        Self {
            app,
            api_key: key.id.to_string(),
            name: key.name.to_string(),
            tags: key.tags,
            purpose: key.purpose,
            permissions: key.permissions.iter().map(Permission::word).collect(),
            from: key.from,
            bound: key.bound,
            environment: key.environment.word(),
            rate_cap: key.rate_cap,
            limits: key.fences.map(|fences| fences.to_json()),
            state: key.state,
            holds: key.holds,
            works_from_ms: key.works_from.map(ms),
            created_at_ms: ms(key.created_at),
            changed_at_ms: ms(key.changed_at),
            last_used_at_ms: key.last_used_at.map(ms),
            last_used_from: key.last_used_from,
            ends_at_ms: key.ending.map(|ending| ms(ending.at())),
            ends_by: key.ending.map(keyward_authority::questions::Ending::rule),
            predecessor: key.predecessor.map(|id| id.to_string()),
            successor: key.successor.map(|id| id.to_string()),
            version: key.version,
        }
    }
}

/// A new key with its credentials: this answer alone holds them.
#[derive(Serialize, ToSchema)]
pub struct NewKey {
    /// The public API key.
    pub api_key: String,
    /// The secret key; absent when an earlier request with the same idempotency key made this one.
    pub secret: Option<String>,
    /// The passphrase, as chosen; absent likewise.
    pub passphrase: Option<String>,
    /// Its name; absent likewise.
    pub name: Option<String>,
    /// Its permissions; empty likewise.
    pub permissions: Vec<&'static str>,
    /// From when it does more than read, because it was created on a device that is new for its user. Absent otherwise.
    pub works_from_ms: Option<u64>,
}

impl NewKey {
    /// A key whose credentials were shown before.
    pub fn made_before(id: KeyId) -> Self {
        Self {
            api_key: id.to_string(),
            secret: None,
            passphrase: None,
            name: None,
            permissions: Vec::new(),
            works_from_ms: None,
        }
    }
}

impl From<&Issued> for NewKey {
    fn from(issued: &Issued) -> Self {
        Self {
            api_key: issued.id.to_string(),
            secret: Some(issued.secret.expose().to_owned()),
            passphrase: Some(issued.passphrase.expose().to_owned()),
            name: Some(issued.spec.name.to_string()),
            permissions: issued.spec.permissions.iter().map(Permission::word).collect(),
            works_from_ms: issued.works_from.map(ms),
        }
    }
}

/// An account.
#[derive(Serialize, ToSchema)]
pub struct Account {
    /// Its id; OKX's `uid`.
    pub id: String,
    /// Its address.
    pub email: String,
    /// The phrase that marks our mails.
    pub phrase: String,
    /// Whether there is a second factor: an authenticator or a passkey.
    pub two_factor: bool,
    /// Whether one of them is an authenticator.
    pub authenticator: bool,
    /// How many passkeys there are.
    pub passkeys: usize,
    /// Recovery codes that are left.
    pub recovery_codes_left: i64,
    /// Until when keys that move funds rest.
    pub cooling_until_ms: Option<u64>,
    /// When its holder registered.
    pub registered_at_ms: u64,
}

impl From<AccountView> for Account {
    fn from(account: AccountView) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.email.to_string(),
            phrase: account.phrase,
            two_factor: account.two_factor == TwoFactor::On,
            authenticator: account.authenticator,
            passkeys: account.passkeys,
            recovery_codes_left: account.recovery_codes_left,
            cooling_until_ms: account.cooling_until.map(ms),
            registered_at_ms: ms(account.registered_at),
        }
    }
}

/// An open session.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// Its name, by which it can be ended.
    pub id: String,
    /// `pages` or `program`.
    pub kind: &'static str,
    /// From which device.
    pub device: String,
    /// From which address.
    pub from: String,
    /// When it began.
    pub began_at_ms: u64,
    /// When it was last used.
    pub seen_at_ms: u64,
    /// When it ends if nobody uses it.
    pub ends_at_ms: u64,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl From<SessionView> for Session {
    fn from(session: SessionView) -> Self {
        Self {
            id: session.id.to_string(),
            kind: match session.kind {
                SessionKind::Pages => "pages",
                SessionKind::Program => "program",
            },
            device: session.device,
            from: session.from,
            began_at_ms: ms(session.began_at),
            seen_at_ms: ms(session.seen_at),
            ends_at_ms: ms(session.ends_at),
            current: session.current,
        }
    }
}

/// An alert.
#[derive(Serialize, ToSchema)]
pub struct Alert {
    /// Its number; later ones are greater.
    pub id: i64,
    /// A stable word.
    pub kind: &'static str,
    /// Whether somebody must look now.
    pub critical: bool,
    /// What happened.
    pub title: &'static str,
    /// In detail.
    pub detail: String,
    /// What to do.
    pub advice: &'static str,
    /// When.
    pub at_ms: u64,
    /// The key that it is about.
    pub api_key: Option<String>,
    /// From which address.
    pub from: Option<String>,
    /// From which device.
    pub device: Option<String>,
    /// Whether its holder looked at it.
    pub seen: bool,
}

impl From<AlertView> for Alert {
    fn from(view: AlertView) -> Self {
        let alert = view.alert;
        Self {
            id: view.id,
            kind: alert.kind.word(),
            critical: alert.kind.urgency() == Urgency::Critical,
            title: alert.kind.title(),
            detail: alert.detail,
            advice: alert.kind.advice(),
            at_ms: ms(alert.at),
            api_key: alert.key.map(|(id, _)| id.to_string()),
            from: alert.from.map(|address| address.to_string()),
            device: alert.device,
            seen: view.seen,
        }
    }
}
