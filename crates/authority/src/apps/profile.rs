//! Actions: register an app, change it, hand it in, and what operators decide.

use std::fmt;

use async_trait::async_trait;
use keyward_rules::account::Email;
use keyward_rules::app::{AppName, AppStanding};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{AccountId, AppId};
use keyward_rules::limits::APPS_PER_BROKER;
use keyward_rules::permission::{Permission, Permissions};
use keyward_store::{AccountKind, AppProfile, Tx};

use super::activate::put_in_force;
use super::decision::{reason, told};
use super::{SentPicture, own, refuse_frozen_owner};
use crate::operators::acting;
use crate::{Action, ActionContext, ActionError, PendingAction};

/// Where people read about an app: an `https://` address of a host name, without name or password in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HomePage(String);

/// A text that is no home page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a home page is an address such as https://app.example, of at most 200 characters")]
pub struct NotAHomePage;

impl HomePage {
    /// Reads one.
    ///
    /// # Errors
    /// [`NotAHomePage`].
    pub fn parse(text: &str) -> Result<Self, NotAHomePage> {
        let rest = text.strip_prefix("https://").ok_or(NotAHomePage)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let plain =
            |symbol: char| symbol.is_ascii_graphic() && !matches!(symbol, '"' | '<' | '>' | '\\' | '`');
        let named = host.contains('.')
            && host.chars().all(|symbol| symbol.is_ascii_alphanumeric() || matches!(symbol, '.' | '-'))
            && host.split('.').all(|label| !label.is_empty())
            && host.chars().any(|symbol| symbol.is_ascii_alphabetic());
        if text.len() <= 200 && named && text.chars().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAHomePage)
        }
    }
}

impl fmt::Display for HomePage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a broker says of an app.
#[derive(Clone)]
pub struct AppDescription {
    /// Its name.
    pub name: AppName,
    /// Its home page.
    pub home_page: HomePage,
    /// Operators write to this address.
    pub contact: Email,
    /// The permissions that it needs; never those that administer an account.
    pub permissions: Permissions,
    /// Its logo; without one the old one stays.
    pub logo: Option<SentPicture>,
}

fn pending(kind: ActionKind, verb: &str, id: String, app: &AppDescription) -> PendingAction {
    let logo =
        app.logo.as_ref().map(|logo| blake3::hash(logo.bytes()).to_hex().to_string()).unwrap_or_default();
    PendingAction {
        action: kind,
        facts: vec![
            ("app", id),
            ("name", app.name.to_string()),
            ("home_page", app.home_page.to_string()),
            ("contact", app.contact.to_string()),
            ("permissions", app.permissions.to_string()),
            ("logo", logo),
        ],
        words: vec![format!("{verb} the app “{}”", app.name)],
    }
}

fn refuse_manage(app: &AppDescription) -> Result<(), ActionError> {
    if app.permissions.allows(Permission::Manage) {
        return Err(ActionError::OtherWay("an app cannot ask for `manage`: it administers whole accounts"));
    }
    Ok(())
}

fn facts(profile: &AppProfile) -> [(&'static str, String); 5] {
    [
        ("name", profile.name.to_string()),
        ("home_page", profile.home_page.clone()),
        ("contact", profile.contact.clone()),
        ("permissions", profile.permissions.to_string()),
        ("standing", profile.standing.word().to_owned()),
    ]
}

/// The logo that a picture becomes. Decoded off the threads that serve, a few at a time for each account.
async fn drawn(
    context: &ActionContext<'_>,
    owner: AccountId,
    picture: Option<SentPicture>,
) -> Result<Option<Vec<u8>>, ActionError> {
    let Some(picture) = picture else { return Ok(None) };
    Ok(Some(context.authority.drawing.run(owner, move || picture.to_logo()).await??))
}

async fn keep(
    context: &ActionContext<'_>,
    mut tx: Tx,
    profile: &AppProfile,
    more: &[(&'static str, String)],
) -> Result<(), ActionError> {
    tx.refuse_held_name(&profile.name, profile.id).await?;
    tx.put_app_profile(profile).await?;
    let mut all = facts(profile).to_vec();
    all.extend_from_slice(more);
    let event = Event::of(tx.grant(), context.now, &format!("app:{}", profile.id), &all);
    tx.commit(event).await?;
    Ok(())
}

/// Register an app as a draft: the account is a broker from now on.
#[derive(Clone)]
pub struct RegisterApp {
    /// The account of its broker.
    pub owner: AccountId,
    /// What the broker says of it.
    pub app: AppDescription,
}

#[async_trait]
impl Action for RegisterApp {
    type Reply = AppId;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(pending(ActionKind::RegisterApp, "Register", String::new(), &self.app))
    }

    /// # Errors
    /// [`ActionError::TooManyApps`], [`ActionError::Frozen`]; [`ActionError::Store`] when a verified app's name looks like
    /// it.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { owner, app } = self;
        refuse_manage(&app)?;
        let grant = context.actor.may(ActionKind::RegisterApp, proof)?;
        let logo = drawn(context, owner, app.logo).await?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let account = tx.account(owner).await?.filter(|_| tx.grant().scope().reaches(owner));
        let account = account.ok_or(ActionError::NoAccount)?;
        if !matches!(account.kind, AccountKind::Master(_)) {
            return Err(ActionError::OtherWay("apps belong to master accounts"));
        }
        crate::operators::frozen_now(&mut tx, &account).await?;
        if tx.apps_of(owner).await? >= APPS_PER_BROKER {
            return Err(ActionError::TooManyApps);
        }
        let profile = AppProfile {
            id: AppId::from_entropy(context.random()),
            owner,
            name: app.name,
            home_page: app.home_page.to_string(),
            contact: app.contact.to_string(),
            permissions: app.permissions,
            logo,
            standing: AppStanding::Draft,
            reason: String::new(),
            verified_at: None,
            frozen: None,
            demand: None,
            created_at: context.now,
            changed_at: context.now,
            version: 1,
        };
        keep(context, tx, &profile, &[]).await?;
        Ok(profile.id)
    }
}

/// Change what the broker says of an app. A verified one is looked at again before new keys can be bound to it; its keys
/// go on working.
#[derive(Clone)]
pub struct EditApp {
    /// The app.
    pub app: AppId,
    /// What the broker says of it from now on.
    pub to: AppDescription,
}

#[async_trait]
impl Action for EditApp {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(pending(ActionKind::EditApp, "Change", self.app.to_string(), &self.to))
    }

    /// # Errors
    /// [`ActionError::NoApp`], [`ActionError::Unchanged`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { app: id, to } = self;
        refuse_manage(&to)?;
        let grant = context.actor.may(ActionKind::EditApp, proof)?;
        let known = context.authority.access.reader.app_profile(id).await?.ok_or(ActionError::NoApp)?;
        let logo = drawn(context, known.owner, to.logo).await?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let before = own(&mut tx, id).await?;
        refuse_frozen_owner(&mut tx, &before).await?;
        if before.verified_at.is_some() && before.name != to.name {
            return Err(ActionError::OtherWay(
                "an app keeps the name that it was verified with; register another app",
            ));
        }
        let standing = match before.standing {
            AppStanding::Verified | AppStanding::Submitted => AppStanding::Submitted,
            AppStanding::Draft | AppStanding::Rejected => AppStanding::Draft,
        };
        let after = AppProfile {
            name: to.name,
            home_page: to.home_page.to_string(),
            contact: to.contact.to_string(),
            permissions: to.permissions,
            logo: logo.or_else(|| before.logo.clone()),
            ..before.clone()
        };
        if after == before {
            return Err(ActionError::Unchanged);
        }
        let reason = String::new();
        let after =
            AppProfile { standing, reason, changed_at: context.now, version: before.version + 1, ..after };
        keep(context, tx, &after, &[]).await
    }
}

/// Submit a draft for review.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SubmitApp(pub AppId);

#[async_trait]
impl Action for SubmitApp {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::SubmitApp,
            facts: vec![("app", self.0.to_string())],
            words: vec![format!("Submit app {} for review", self.0)],
        })
    }

    /// # Errors
    /// [`ActionError::NoApp`], [`ActionError::Unchanged`] when it was submitted already.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let grant = context.actor.may(ActionKind::SubmitApp, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let before = own(&mut tx, id).await?;
        refuse_frozen_owner(&mut tx, &before).await?;
        if !matches!(before.standing, AppStanding::Draft | AppStanding::Rejected) {
            return Err(ActionError::Unchanged);
        }
        let (standing, version) = (AppStanding::Submitted, before.version + 1);
        let after =
            AppProfile { standing, reason: String::new(), changed_at: context.now, version, ..before };
        keep(context, tx, &after, &[]).await
    }
}

/// What operators read before they verify an app.
pub(crate) async fn verify_words(context: &ActionContext<'_>, id: AppId) -> Result<Vec<String>, ActionError> {
    let profile = context.authority.access.reader.app_profile(id).await?.ok_or(ActionError::NoApp)?;
    if profile.standing != AppStanding::Submitted {
        return Err(ActionError::Unchanged);
    }
    let owner = crate::operators::name_of(context, profile.owner).await?;
    Ok(vec![
        format!("Verify the app “{}”", profile.name),
        format!("App {id} of {owner}, as it stands in version {}", profile.version),
        format!("Home page {}, contact {}", profile.home_page, profile.contact),
        format!("It asks for: {}", profile.permissions),
        "Once it has approved ranges, every holder sees it and can bind keys to it.".to_owned(),
    ])
}

/// Verifies an app, in a proposal's transaction.
pub(crate) async fn verify_app(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    id: AppId,
) -> Result<(), ActionError> {
    let before = own(tx, id).await?;
    if before.standing != AppStanding::Submitted {
        return Err(ActionError::Unchanged);
    }
    let (standing, version) = (AppStanding::Verified, before.version + 1);
    let (reason, verified_at) = (String::new(), before.verified_at.or(Some(context.now)));
    let after = AppProfile { standing, reason, verified_at, changed_at: context.now, version, ..before };
    tx.put_app_profile(&after).await?;
    put_in_force(tx, &after).await?;
    told(context, tx, &after, format!("“{}” is verified.", after.name)).await
}

/// Send an app back to its broker, who sees why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RejectApp {
    /// The app.
    pub app: AppId,
    /// Why, for the broker and the audit log.
    pub why: String,
}

#[async_trait]
impl Action for RejectApp {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self { app, why } = self;
        Ok(PendingAction {
            action: ActionKind::RejectApp,
            facts: vec![("app", app.to_string()), ("why", why.clone())],
            words: vec![format!("Reject app {app}: {why}")],
        })
    }

    /// # Errors
    /// [`ActionError::NoApp`]; [`ActionError::Unchanged`] unless it waits for review; [`ActionError::NoReason`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { app: id, why } = self;
        let why = reason(&why)?;
        let grant = context.actor.may(ActionKind::RejectApp, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        acting(context, &mut tx).await?;
        let before = own(&mut tx, id).await?;
        if before.standing != AppStanding::Submitted {
            return Err(ActionError::Unchanged);
        }
        let (standing, version) = (AppStanding::Rejected, before.version + 1);
        let after = AppProfile { standing, reason: why.clone(), changed_at: context.now, version, ..before };
        told(context, &mut tx, &after, format!("“{}” was not verified: {why}", after.name)).await?;
        keep(context, tx, &after, &[("why", why)]).await
    }
}

#[cfg(test)]
mod tests {
    use super::HomePage;

    #[test]
    fn a_home_page_has_a_host_name_and_tls() {
        for good in ["https://app.example", "https://app.example/keys?a=b#c", "https://a-b.example/"] {
            assert!(HomePage::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://app.example",
            "https://",
            "https://localhost",
            "https://127.0.0.1",
            "https://a-b.example:/",
            "https://user:pass@app.example",
            "https://app.example/\"onload",
            "https://app..example",
            "https://äpp.example",
            "javascript:alert(1)",
            "https://app.example/ x",
        ] {
            assert!(HomePage::parse(bad).is_err(), "{bad}");
        }
    }
}
