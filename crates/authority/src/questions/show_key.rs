//! Question: what is this key?

use std::sync::Arc;

use keyward_rules::address::Binding;
use keyward_rules::fence::Fences;
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::key::{
    EndCause, Environment, Hold, HolderState, KeyName, LifecycleError, Place, RateCap, idle_deadline,
};
use keyward_rules::limits::DAY_MS;
use keyward_rules::permission::Permissions;
use keyward_rules::time::Moment;
use keyward_store::{KeyMetadata, KeyRecord, Purpose};

use crate::keys::place_of;
use crate::tell::shows_addresses;
use crate::{ActionContext, ActionError};

/// Which rule will end a key, if nothing changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Nobody uses it, and it is unbound.
    Idle(Moment),
    /// Its own date.
    Date(Moment),
    /// The overlap of its rotation.
    Overlap(Moment),
}

impl Ending {
    /// When.
    #[must_use]
    pub const fn at(self) -> Moment {
        match self {
            Self::Idle(at) | Self::Date(at) | Self::Overlap(at) => at,
        }
    }

    /// The rule's word: `idle`, `date`, `overlap`.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Idle(_) => "idle",
            Self::Date(_) => "date",
            Self::Overlap(_) => "overlap",
        }
    }
}

/// Why a key ended, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Somebody deleted it.
    Deleted(Moment),
    /// It was unbound, and nobody used it.
    Idle(Moment),
    /// Its own date passed.
    Date(Moment),
    /// Its successor took over.
    Replaced(Moment),
}

impl Ended {
    /// When.
    #[must_use]
    pub const fn at(self) -> Moment {
        match self {
            Self::Deleted(at) | Self::Idle(at) | Self::Date(at) | Self::Replaced(at) => at,
        }
    }
}

/// A key as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyView {
    /// The public API key.
    pub id: KeyId,
    /// Whose.
    pub account: AccountId,
    /// Its name.
    pub name: KeyName,
    /// The holder's tags.
    pub tags: Vec<String>,
    /// `trading`, `third_party_app` or `canary`.
    pub purpose: &'static str,
    /// The app whose servers it works from, if it is bound to one.
    pub app: Option<AppId>,
    /// Its rights.
    pub permissions: Permissions,
    /// From where, in words.
    pub from: String,
    /// Whether it is bound to addresses or an app.
    pub bound: bool,
    /// Live or demo.
    pub environment: Environment,
    /// Requests a second that it may send at most, if it has a rate of its own.
    pub rate_cap: Option<u16>,
    /// Its limits, if it has any.
    pub fences: Option<Arc<Fences>>,
    /// `active`, `disabled`, `frozen`, `held`, `deleted`, `expired`.
    pub state: &'static str,
    /// What others laid on it, in words.
    pub holds: Vec<&'static str>,
    /// Whether it is held for a change of password, factor or e-mail address, for as long as its account's rest lasts.
    pub rests: bool,
    /// From when it does more than read, where it was made or loosened on a new device.
    pub works_from: Option<Moment>,
    /// Whether it is in quarantine: it reads, and may cancel.
    pub quarantined: bool,
    /// Whether an operator froze the key itself.
    pub frozen: bool,
    /// Whether its holder disabled it, whatever else holds it.
    pub disabled: bool,
    /// Whether its holder reported it as leaked.
    pub leaked: bool,
    /// When it was made.
    pub created_at: Moment,
    /// When it last changed.
    pub changed_at: Moment,
    /// When it was last used.
    pub last_used_at: Option<Moment>,
    /// From where; empty for app keys.
    pub last_used_from: String,
    /// What will end it if nothing changes.
    pub ending: Option<Ending>,
    /// What ended it.
    pub ended: Option<Ended>,
    /// The key that it follows.
    pub predecessor: Option<KeyId>,
    /// The key that follows it; it may have ended.
    pub successor: Option<KeyId>,
    /// Whether its successor lives, so that it ends with the overlap and does not count.
    pub place: Place,
    /// Keys that were made to replace it; only [`show_key`] looks for them.
    pub replaced_by: Vec<KeyId>,
    /// Whether it ended because its successor took over.
    pub replaced: bool,
    /// Counts its changes.
    pub version: u64,
}

/// The words of the hold that a change of password, factor or e-mail address lays on keys.
pub const HELD_FOR_A_CHANGE: &str = "held for 24 hours after a change of password, factor or e-mail address";

/// The words of the hold on keys that were made or loosened on a new device.
pub const READS_FOR_A_NEW_DEVICE: &str =
    "created or changed on a new device: reads only until the device is known for longer";

const fn hold_in_words(hold: Hold) -> &'static str {
    match hold {
        Hold::Frozen => "frozen by an operator",
        Hold::AppFrozen => "operators required a successor and the deadline has passed; rotate it",
        Hold::AccountFrozen => "the account is frozen",
        Hold::TwoFactorOff => "two-factor sign-in is off",
        Hold::Cooling => HELD_FOR_A_CHANGE,
        Hold::CancelOnly => "quarantine: reads and cancels only",
        Hold::ReadOnly => "quarantine: reads only",
        Hold::NewDevice => READS_FOR_A_NEW_DEVICE,
        Hold::BrokenSeal => "its stored record was altered",
        Hold::SubAccount => {
            "the sub-account is frozen, or its master account allows it less than this key may do"
        }
        Hold::Leaked => "quarantine: its secret leaked, so nothing passes",
    }
}

impl KeyView {
    pub(crate) fn of(key: &KeyRecord, notes: Option<&KeyMetadata>, place: Place, now: Moment) -> Self {
        let over = key.expires_at.is_some_and(|end| end <= now);
        let state = match key.life.state {
            HolderState::Deleted { .. } | HolderState::Expired { cause: EndCause::Deleted, .. } => "deleted",
            HolderState::Expired { cause: EndCause::Idle | EndCause::Date, .. } => "expired",
            HolderState::Active | HolderState::Disabled if over => "expired",
            HolderState::Active | HolderState::Disabled if key.life.holds.has(Hold::Frozen) => "frozen",
            HolderState::Active if key.life.holds.stops() => "held",
            HolderState::Active => "active",
            HolderState::Disabled => "disabled",
        };
        let replaced = ended_by_date(key, over) && notes.is_some_and(|notes| notes.successor.is_some());
        let shown = shows_addresses(&key.binding);
        let holds = Hold::ALL.into_iter().filter(|hold| key.life.holds.has(*hold)).map(hold_in_words);
        Self {
            id: key.id,
            account: key.account,
            name: key.name.clone(),
            tags: notes.map(|notes| notes.tags.clone()).unwrap_or_default(),
            purpose: match key.purpose() {
                Purpose::Trading => "trading",
                Purpose::ThirdPartyApp(_) => "third_party_app",
                Purpose::Canary => "canary",
            },
            app: match key.binding {
                Binding::App(app) => Some(app),
                Binding::Anywhere | Binding::Addresses(_) | Binding::Canary => None,
            },
            permissions: key.permissions,
            from: reach_of(&key.binding),
            bound: key.binding.is_bound(),
            environment: key.environment,
            rate_cap: key.rate_cap.map(RateCap::per_second),
            fences: key.fences.as_deref().map(Fences::own).and_then(|own| own.beside(None)),
            state,
            holds: holds.collect(),
            rests: key.life.holds.has(Hold::Cooling),
            works_from: key.new_device_until.filter(|_| key.life.holds.has(Hold::NewDevice)),
            quarantined: [Hold::CancelOnly, Hold::ReadOnly].into_iter().any(|hold| key.life.holds.has(hold)),
            frozen: key.life.holds.has(Hold::Frozen),
            disabled: key.life.state == HolderState::Disabled,
            leaked: notes.is_some_and(KeyMetadata::is_leaked),
            created_at: key.created_at,
            changed_at: key.changed_at,
            last_used_at: key.last_used_at,
            last_used_from: key.last_used_from.clone().filter(|_| shown).unwrap_or_default(),
            ending: if key.lives(now) { ending(key, notes, place) } else { None },
            ended: ended(key, replaced, now),
            predecessor: notes.and_then(|notes| notes.predecessor),
            successor: notes.and_then(|notes| notes.successor),
            place,
            replaced_by: Vec::new(),
            replaced,
            version: key.version,
        }
    }

    /// The state's word for people: a key whose successor took over did not just expire.
    #[must_use]
    pub const fn state_in_words(&self) -> &'static str {
        if self.replaced { "replaced" } else { self.state }
    }

    /// Whether the key is a canary, which nobody is meant to use.
    #[must_use]
    pub fn is_canary(&self) -> bool {
        self.purpose == "canary"
    }

    /// Whether the key lives and was not used for so many days. A key that was never used counts from its creation
    /// (product.md 3.2). A canary is never unused: it does its work by lying there.
    #[must_use]
    pub fn is_unused(&self, days: u64, now: Moment) -> bool {
        let since = self.last_used_at.unwrap_or(self.created_at);
        self.is_living() && !self.is_canary() && now.ms_since(since) >= days.saturating_mul(DAY_MS)
    }

    /// Whether the key is neither deleted nor expired.
    #[must_use]
    pub fn is_living(&self) -> bool {
        !matches!(self.state, "deleted" | "expired")
    }
}

/// Whether the date of a key has ended it, `over` saying that it has passed.
const fn ended_by_date(key: &KeyRecord, over: bool) -> bool {
    match key.life.state {
        HolderState::Active | HolderState::Disabled => over,
        HolderState::Expired { cause, .. } => matches!(cause, EndCause::Date),
        HolderState::Deleted { .. } => false,
    }
}

fn ended(key: &KeyRecord, replaced: bool, now: Moment) -> Option<Ended> {
    let by_date = |at| if replaced { Ended::Replaced(at) } else { Ended::Date(at) };
    match key.life.state {
        HolderState::Deleted { at } | HolderState::Expired { at, cause: EndCause::Deleted } => {
            Some(Ended::Deleted(at))
        }
        HolderState::Expired { at, cause: EndCause::Idle } => Some(Ended::Idle(at)),
        HolderState::Expired { at, cause: EndCause::Date } => Some(by_date(at)),
        HolderState::Active | HolderState::Disabled => key.expires_at.filter(|end| *end <= now).map(by_date),
    }
}

fn ending(key: &KeyRecord, notes: Option<&KeyMetadata>, place: Place) -> Option<Ending> {
    let unbound = notes.and_then(|notes| notes.unbound_at);
    let (created, used) = (key.created_at, key.last_used_at);
    let idle = idle_deadline(&key.binding, key.environment, key.life, created, used, unbound);
    let dated = key.expires_at.map(match place {
        Place::Own => Ending::Date,
        Place::Superseded => Ending::Overlap,
    });
    [idle.map(Ending::Idle), dated].into_iter().flatten().min_by_key(|ending| ending.at())
}

/// `anywhere`, the addresses with `,` between them, `nowhere` for a canary, or `the app's servers`: an app's ranges are confidential. Facts, approvals
/// and the API have this form.
#[must_use]
pub fn reach_of(binding: &Binding) -> String {
    match binding {
        Binding::Anywhere => "anywhere".to_owned(),
        Binding::Addresses(set) => set.to_string(),
        Binding::App(_) => "the app's servers".to_owned(),
        Binding::Canary => "nowhere".to_owned(),
    }
}

/// The same for people, who read it in a sentence.
#[must_use]
pub fn reach_in_words(binding: &Binding) -> String {
    reach_of(binding).replace(',', ", ")
}

/// One key within the actor's scope.
///
/// # Errors
/// [`ActionError::NoKey`]; [`ActionError::Store`] when its row was altered.
#[crate::boxed]
pub async fn show_key(context: &ActionContext<'_>, id: KeyId) -> Result<KeyView, ActionError> {
    let reader = &context.authority.access.reader;
    let key = reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
    let notes = reader.notes_of(key.account).await?;
    let own = notes.iter().find(|notes| notes.key == id);
    let place = match own {
        Some(own) => place_of(context, own).await?,
        None => Place::Own,
    };
    let mut view = KeyView::of(&key, own, place, context.now);
    let after = notes.iter().filter(|notes| notes.predecessor == Some(id)).map(|notes| notes.key);
    view.replaced_by = after.filter(|after| view.successor != Some(*after)).collect();
    Ok(view)
}

/// The key that a form is about to change, by its id as text: one that has ended is refused before any form, mail or try.
///
/// # Errors
/// [`ActionError::NoKey`], also for what is no id; [`LifecycleError::Ended`]; what [`show_key`] fails with.
#[crate::boxed]
pub async fn show_living_key(context: &ActionContext<'_>, id: &str) -> Result<KeyView, ActionError> {
    let key = show_key(context, id.parse().map_err(|_| ActionError::NoKey)?).await?;
    if key.is_living() { Ok(key) } else { Err(LifecycleError::Ended.into()) }
}
