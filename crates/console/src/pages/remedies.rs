//! What can be done about an alert, right beside it.

use keyward_authority::questions::KeyView;
use keyward_rules::alert::AlertKind;

use super::key_head::{KeyAction, Offer, fits};

/// What an alert is about, as far as its remedies go.
enum About {
    /// A key that may be in somebody else's hands.
    Leak,
    /// A key that is in quarantine although that may be wrong.
    Quarantine,
    /// A key, in passing.
    Key,
    /// Who can sign in.
    Account,
    /// Transfers of sub-accounts.
    Transfers,
    /// Many accounts, for operators.
    Accounts,
    /// The review of the keys.
    Review,
    /// Nothing that anything could be done about here.
    News,
}

const fn about(kind: AlertKind) -> About {
    use AlertKind as Kind;
    match kind {
        Kind::WrongAddress
        | Kind::NewNetwork
        | Kind::ManyAlerts
        | Kind::RequestBurst
        | Kind::NewUse
        | Kind::FirstWithdrawal
        | Kind::DormantUse
        | Kind::TwoNetworks
        | Kind::ManyRefusals => About::Leak,
        Kind::KeyQuarantined => About::Quarantine,
        Kind::KeyCreated
        | Kind::KeyChanged
        | Kind::KeyEnabled
        | Kind::KeyDisabled
        | Kind::KeyRotated
        | Kind::KeyLeaked
        | Kind::SecretLeaked
        | Kind::KeyIdFound
        | Kind::LimitNear
        | Kind::LimitWatched
        | Kind::KeyExpiring
        | Kind::RotationDue
        | Kind::OutcomeUnknown
        | Kind::WrongCredentials => About::Key,
        Kind::NewDevice
        | Kind::PasswordKnown
        | Kind::PasswordChanged
        | Kind::EmailChanged
        | Kind::TotpEnrolled
        | Kind::TotpRemoved
        | Kind::RecoveryCodesRenewed
        | Kind::RecoveryCodeUsed
        | Kind::RepeatedFailures
        | Kind::ChannelAdded
        | Kind::ChannelChanged
        | Kind::ChannelRemoved
        | Kind::AccountLimits
        | Kind::SubAccountChanged
        | Kind::SubAccountKept
        | Kind::MembersChanged
        | Kind::TransferThresholds
        | Kind::PasskeyAdded
        | Kind::PasskeyRemoved
        | Kind::PasskeyCopied => About::Account,
        Kind::TransferWaiting | Kind::TransfersDecided => About::Transfers,
        Kind::ReviewDue => About::Review,
        Kind::KeyDeleted
        | Kind::KeyExpired
        | Kind::KeyAltered
        | Kind::CanaryUsed
        | Kind::CanaryNamed
        | Kind::AllKeysDisabled
        | Kind::AllKeysStopped
        | Kind::AlreadyRegistered
        | Kind::AppReviewed
        | Kind::AppFrozen
        | Kind::AppThawed
        | Kind::AppRangesChanged
        | Kind::AppDemand
        | Kind::MaintenanceAnnounced
        | Kind::ProposalWaiting
        | Kind::ProposalSettled
        | Kind::RoleGranted
        | Kind::RoleRevoked
        | Kind::RoleAltered
        | Kind::AccountFrozen
        | Kind::AccountThawed
        | Kind::KeyFrozen
        | Kind::KeyThawed
        | Kind::FactorsReset
        | Kind::ChannelPaused
        | Kind::KeysTried
        | Kind::Invited => About::News,
        Kind::AccountsAtOnce => About::Accounts,
    }
}

fn link(href: &str, label: &'static str, icon: &'static str) -> KeyAction {
    KeyAction { href: href.to_owned(), label, icon }
}

/// The remedies for an alert of this kind about this key, if it lives; the one to think of first comes first.
pub fn remedies(kind: AlertKind, key: Option<&KeyView>) -> Vec<KeyAction> {
    let offers: &[Offer] = match about(kind) {
        About::Leak => &[Offer::StopTrading, Offer::Disable, Offer::Rotate, Offer::Addresses],
        About::Quarantine => &[Offer::LiftQuarantine, Offer::Rotate, Offer::Addresses, Offer::Disable],
        About::Key => &[Offer::Rotate, Offer::Disable],
        About::Account => {
            return vec![
                link("/keys/stop-trading", "Stop all keys from trading", "power"),
                link("/security", "Look at sign-in and sessions", "security"),
            ];
        }
        About::Transfers => return vec![link("/approvals", "Open Approvals", "proposals")],
        About::Accounts => {
            return vec![
                link("/operations/accounts", "Look at the accounts", "accounts"),
                link("/operations/keys", "Look at their keys", "keys"),
            ];
        }
        About::Review => return vec![link("/review", "Review your keys", "review")],
        About::News => &[],
    };
    let Some(key) = key.filter(|key| key.is_living() && !offers.is_empty()) else { return Vec::new() };
    let id = key.id.to_string();
    let fitting = offers.iter().filter(|offer| fits(key, **offer)).map(|offer| offer.action(&id));
    let requests = link(&format!("/keys/{id}/activity"), "See its requests", "activity");
    std::iter::once(requests).chain(fitting).collect()
}

/// Whether it is no more than news once it was looked at.
pub const fn is_routine(kind: AlertKind) -> bool {
    matches!(about(kind), About::Key)
}

/// Whether the alert asks a question that its reader can answer with "It was me".
pub const fn asks(kind: AlertKind) -> bool {
    matches!(about(kind), About::Leak | About::Account)
}
