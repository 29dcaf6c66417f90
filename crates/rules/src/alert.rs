//! What a holder is told, in words that say what happened and what to do if it was not them (product.md 7).

use std::net::IpAddr;

use crate::fence::Refused;
use crate::id::{AccountId, KeyId};
use crate::time::Moment;

/// How loud an alert is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Urgency {
    /// Somebody must look now.
    Critical,
    /// Good to know at once.
    Notice,
}

/// Declares the kinds with their stored word, urgency, title and advice.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident, $word:literal, $urgency:ident, $title:literal, $advice:literal;)+) => {
        /// What an alert is about.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum AlertKind {
            $($(#[$doc])* $name,)+
        }

        impl AlertKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stored word, stable.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// How loud it is.
            #[must_use]
            pub const fn urgency(self) -> Urgency {
                match self { $(Self::$name => Urgency::$urgency,)+ }
            }

            /// What happened, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What to do, above all if it was not the holder.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)+ }
            }
        }
    };
}

kinds! {
    /// A key was made.
    KeyCreated, "key_created", Notice, "An API key was created",
        "If you did not create it, disable all keys at once, then change your password.";
    /// A key was renamed or its addresses changed.
    KeyChanged, "key_changed", Notice, "An API key was changed",
        "If you did not change it, disable all keys at once, then change your password.";
    /// A key was enabled.
    KeyEnabled, "key_enabled", Notice, "An API key was enabled",
        "If you did not enable it, disable all keys at once, then change your password.";
    /// A key was disabled.
    KeyDisabled, "key_disabled", Notice, "An API key was disabled",
        "Software that uses it is refused from now on. It can be enabled again in the console.";
    /// A key was rotated.
    KeyRotated, "key_rotated", Notice, "An API key was rotated",
        "Both keys work until the overlap ends: move your software to the new one before.";
    /// A key was deleted.
    KeyDeleted, "key_deleted", Notice, "An API key was deleted",
        "Software that uses it is refused from now on. You cannot undo this.";
    /// A key was reported as leaked.
    KeyLeaked, "key_leaked", Critical, "An API key was reported as leaked",
        "It is disabled. Look at its recent activity, make a successor with fewer rights, and update your software.";
    /// All keys were disabled.
    AllKeysDisabled, "all_keys_disabled", Critical, "All your API keys were disabled",
        "Nothing can trade with them. Enable those that you trust in the console, one by one.";
    /// The limits of an account were changed.
    AccountLimits, "account_limits", Notice, "The limits of your account were changed",
        "They hold over all keys of the account. If you did not change them, disable all keys.";
    /// A sub-account was created, allowed more or less, frozen or unfrozen.
    SubAccountChanged, "sub_account", Notice, "A sub-account was changed",
        "If you did not change it, disable all keys at once, then change your password.";
    /// The exchange refuses to close a sub-account.
    SubAccountKept, "sub_account_kept", Notice, "A sub-account was not closed",
        "Transfer all of its funds to the master account, then close it again. Until then it works as before.";
    /// Who administers a sub-account has changed.
    MembersChanged, "members", Critical, "The members of a sub-account changed",
        "Members can create and change its keys. If you did not expect this, remove them on the sub-account's page.";
    /// An invitation: to its reader, about somebody else's sub-account.
    Invited, "invited", Notice, "You are invited to administer a sub-account",
        "Sign in with this address, or register with it, and open Sub-accounts to accept. If you do not know who invites \
         you, do nothing: the invitation ends by itself after seven days.";
    /// What a key asks for waits for the master account.
    TransferWaiting, "transfer_waiting", Notice, "A request waits for your approval",
        "Sign in to the console and open Approvals to approve or refuse it. Nothing happens before you decide. If you do not \
         know it, refuse it and disable the key.";
    /// What keys asked for was approved or refused.
    TransfersDecided, "transfers_decided", Notice, "You decided about requests of your programs",
        "If it was not you, open Approvals in the console, refuse what is not sent yet, and change your password.";
    /// The thresholds of transfers changed.
    TransferThresholds, "transfer_thresholds", Notice, "The thresholds of transfers were changed",
        "Up to these sums of a day, sub-accounts transfer without asking you. If you did not change them, disable all keys.";
    /// What a limit that only watches would have refused.
    LimitWatched, "limit_watched", Notice, "A limit that only watches would have refused a request",
        "Before you let the limit refuse, look at what it would have stopped.";
    /// A sum of a key's limits is nearly used up.
    LimitNear, "limit_near", Notice, "An API key has used 80 % of a limit of the day",
        "Its orders or withdrawals are refused once the limit is reached. Look at its activity; the day ends at 00:00 UTC.";
    /// All keys were stopped from trading.
    AllKeysStopped, "all_keys_stopped", Critical, "All your API keys were stopped from trading",
        "They only read and cancel. Lift the quarantine of those that you trust in the console, one by one.";
    /// An unbound key will end for want of use.
    KeyExpiring, "key_expiring", Notice, "An API key is about to expire",
        "If a program still needs it, use the key once or bind it to addresses. Then it stays.";
    /// A key ended by a rule.
    KeyExpired, "key_expired", Notice, "An API key has ended",
        "Software that uses it is refused. If you still need one, make a new key.";
    /// A key is old.
    RotationDue, "rotation_due", Notice, "An API key is due for rotation",
        "A rotation creates a successor with the same rights. Both keys work for a day, and no software must stop.";
    /// The monthly review of the account's keys is due, or overdue.
    ReviewDue, "review_due", Notice, "A review of your API keys is due",
        "Open Review in the console: it shows what each key was used for, and takes a few minutes.";
    /// Somebody has the credentials and sits elsewhere.
    WrongAddress, "wrong_address", Critical, "Right credentials from a wrong address",
        "Somebody sent a request with this key's secret from an address that the key is not bound to. It was refused. \
         If it was not you, treat the key as leaked: rotate or delete it now.";
    /// An unbound key was used from a network that it was never used from.
    NewNetwork, "new_network", Critical, "An unbound API key was used from a network never seen before",
        "Was this you? Say so on the key's page, or bind the key to its addresses. If it was not you, disable it now.";
    /// Far more requests than ever before.
    RequestBurst, "request_burst", Notice, "An API key sends far more requests than usual",
        "If you did not start or change a program, look at the key's activity, and stop the key from trading.";
    /// A kind of request that the key never sent before.
    NewUse, "new_use", Notice, "An API key does something that it never did before",
        "If you did not start or change a program, look at the key's activity, and stop the key from trading.";
    /// The first withdrawal.
    FirstWithdrawal, "first_withdrawal", Critical, "An API key was used for its first withdrawal",
        "If it was not you, disable all keys at once, and look at the exchange whether the withdrawal can be stopped.";
    /// The first use after a long time.
    DormantUse, "dormant_use", Notice, "An API key is in use again after a long time",
        "If it was not you, disable the key. If you no longer need it, delete it.";
    /// Two networks at once, one of them new.
    TwoNetworks, "two_networks", Critical, "An API key is used from two networks at once",
        "If you did not start a second program, somebody may have a copy of the key: rotate or disable it now.";
    /// Far more refusals than ever before.
    ManyRefusals, "many_refusals", Notice, "Many requests of an API key were refused",
        "Look at the key's activity: the codes say why. If it is not your own software, disable the key.";
    /// Many requests named a key without its secret or passphrase.
    WrongCredentials, "wrong_credentials", Notice, "Many requests with an API key had wrong credentials",
        "They were refused. Often it is a program of yours with an old secret or passphrase. Somebody who knows the key's id \
         alone can do nothing with it.";
    /// One source names many keys without their secrets: for operators.
    KeysTried, "keys_tried", Critical, "Somebody tries out API keys",
        "They were refused, and the address is closed out for a while when it goes on. It can be a broker's server whose users \
         have changed their keys: ask the broker, or block the address at the network.";
    /// Many accounts began the same thing at once: for operators.
    AccountsAtOnce, "accounts_at_once", Critical, "Many accounts began the same thing at once",
        "Somebody may have keys of many users. Look at the requests of these accounts, and freeze the keys or accounts that their \
         users do not control. A new listing, or a broker's new version, can look the same.";
    /// A rule or an operator put a key in quarantine.
    KeyQuarantined, "key_quarantined", Critical, "An API key was put in quarantine",
        "It only reads and cancels until you lift that. If what it did was you, lift the quarantine on the \
         key's page. If not, rotate or delete the key.";
    /// Somebody found the secret of a key.
    SecretLeaked, "secret_leaked", Critical, "The secret of an API key was found outside",
        "The key is stopped, and nothing makes it work again. Look at its recent activity, make a successor with fewer rights, \
         update your software, then delete the key. Remove the secret from the place where it was found.";
    /// Somebody found the id of a key without its secret.
    KeyIdFound, "key_id_found", Notice, "An API key was found outside, without its secret",
        "Nobody can do anything with the API key alone, so the key goes on working. Look at the place where it was found: if \
         the secret is there too, report the key as leaked.";
    /// Somebody used a canary.
    CanaryUsed, "canary_used", Critical, "A canary API key was used",
        "No program of yours uses this key, so somebody has read the place where you put it. Find out what else was there, \
         replace those keys now, and look at their activity.";
    /// Somebody who has a canary's API key tried it without its secret.
    CanaryNamed, "canary_named", Critical, "Somebody tried a canary API key with wrong credentials",
        "No program of yours uses this key, so somebody has read a part of the place where you put it. Find out what else was \
         there, replace those keys now, and look at their activity.";
    /// So many alerts of one kind came that further ones are not told one by one.
    ManyAlerts, "many_alerts", Critical, "Many alerts of one kind within an hour",
        "You get no more single alerts of this kind before the next hour. The key's activity lists every request. If it is \
         not your own software, disable the key now.";
    /// A request that moves funds was under way when the gateway was interrupted.
    OutcomeUnknown, "outcome_unknown", Critical, "A withdrawal or transfer has an unknown outcome",
        "The gateway was interrupted after it had forwarded the request. It never sends the request again. Check at the \
         exchange whether it took effect before you repeat it.";
    /// The stored record of a key was altered.
    KeyAltered, "key_altered", Critical, "The stored record of an API key was altered",
        "The key is held and cannot be used. Tell the operator, and make a new key.";
    /// A session began on a device that was never seen.
    NewDevice, "new_device", Notice, "A sign-in from a new device",
        "If that was not you, disable all keys at once, then change your password, which ends all sessions.";
    /// The password was right, and the second factor did not come.
    PasswordKnown, "password_known", Critical, "Somebody entered your password but no second factor",
        "If it was not you, somebody knows your password: change it now. Nobody was signed in without the second factor.";
    /// The password changed.
    PasswordChanged, "password_changed", Critical, "Your password was changed",
        "All other sessions have ended, and keys that may withdraw, move funds or manage are held for 24 hours. If it was \
         not you, disable all keys at once and tell the operator.";
    /// The e-mail address changed.
    EmailChanged, "email_changed", Critical, "Your e-mail address was changed",
        "All other sessions have ended, and keys that may withdraw, move funds or manage are held for 24 hours. If it was not \
         you, disable all keys at once and tell the operator.";
    /// The authenticator was turned on or replaced.
    TotpEnrolled, "totp_enrolled", Critical, "An authenticator was set up",
        "If it was not you, disable all keys at once and tell the operator.";
    /// The authenticator was turned off.
    TotpRemoved, "totp_removed", Critical, "Two-factor sign-in was turned off",
        "All your keys are held until it is on again.";
    /// New recovery codes.
    RecoveryCodesRenewed, "recovery_codes_renewed", Critical, "New recovery codes were made",
        "The old ones no longer work. If it was not you, disable all keys at once.";
    /// A recovery code was used.
    RecoveryCodeUsed, "recovery_code_used", Critical, "A recovery code was used",
        "It cannot be used again. If it was not you, disable all keys at once, then change your password.";
    /// Many wrong tries.
    RepeatedFailures, "repeated_failures", Notice, "Repeated failed attempts to sign in",
        "Somebody is trying passwords or codes for your account. Keyward slows these attempts down. You can sign in from \
         a device that you have used before.";
    /// Somebody wanted to register with this address.
    AlreadyRegistered, "already_registered", Notice, "Somebody tried to register with your address",
        "You have an account already. If that was you, sign in, or reset the password if you forgot it.";
    /// An app or its ranges were reviewed, or something happened to the app: for its broker.
    AppReviewed, "app_reviewed", Notice, "News about your app",
        "The app's page in the console says more.";
    /// An app that a key is bound to was frozen.
    AppFrozen, "app_frozen", Critical, "An app that your API keys are bound to was frozen",
        "Its keys do not work until the freeze is lifted. If you do not hear from the app soon, delete its keys.";
    /// An app that a key is bound to works again.
    AppThawed, "app_thawed", Notice, "An app that your API keys are bound to works again",
        "Its keys work as before. Delete those that you no longer need.";
    /// The servers of an app that a key is bound to changed.
    AppRangesChanged, "app_ranges_changed", Notice, "An app that your API keys are bound to changed its servers",
        "You do not need to do anything. Its keys work only from the new servers, whose addresses are confidential.";
    /// The keys of an app must be replaced.
    AppDemand, "app_demand", Critical, "The API keys of an app must be replaced",
        "Rotate them in the console and give the app the new ones.";
    /// The service will be maintained.
    MaintenanceAnnounced, "maintenance_announced", Notice, "Maintenance is planned",
        "During this time requests may fail or wait. Your keys and their settings do not change.";
    /// A change waits for this operator's approval.
    ProposalWaiting, "proposal_waiting", Notice, "A change needs your approval",
        "Read it in the console under Operations before you approve it.";
    /// A proposal was carried out or cancelled.
    ProposalSettled, "proposal_settled", Notice, "A proposed change was carried out or cancelled",
        "If you did not expect this, check it in the console under Operations.";
    /// Somebody has a role now.
    RoleGranted, "role_granted", Critical, "You were given a role",
        "Use it in the console under Operations. If you did not expect it, tell the other operators.";
    /// Somebody's role ended.
    RoleRevoked, "role_revoked", Critical, "Your role was taken away",
        "If you did not expect it, tell the other operators.";
    /// The stored record of a role was altered.
    RoleAltered, "role_altered", Critical, "The stored record of a role was altered",
        "The role has no effect until operators grant it again. Somebody can write to the database without the \
         program: tell the person who runs it.";
    /// An operator froze the account.
    AccountFrozen, "account_frozen", Critical, "An operator froze your account",
        "All its keys are held, and you cannot create new ones. Ask the exchange why.";
    /// The freeze was lifted.
    AccountThawed, "account_thawed", Notice, "The freeze of your account was lifted",
        "Its keys are in the same state as before.";
    /// An operator froze a key.
    KeyFrozen, "key_frozen", Critical, "An operator froze an API key",
        "It is refused until the freeze is lifted. Ask the exchange why.";
    /// The freeze was lifted.
    KeyThawed, "key_thawed", Notice, "The freeze of an API key was lifted",
        "The key is in the same state as before.";
    /// Operators removed the second factor.
    FactorsReset, "factors_reset", Critical, "Operators removed your second factor",
        "All keys are held until you set up an authenticator. If you did not ask for it, tell the exchange at once.";
    /// Alerts go somewhere new.
    ChannelAdded, "channel_added", Critical, "An alert channel was added",
        "Alerts go there from now on. If you did not add it, remove it, then change your password.";
    /// A channel was renamed, or gets other alerts.
    ChannelChanged, "channel_changed", Critical, "An alert channel was changed",
        "If you did not change it, check which alerts it gets, then change your password.";
    /// Alerts no longer go somewhere.
    ChannelRemoved, "channel_removed", Critical, "An alert channel was removed",
        "No alerts go there any more. If you did not remove it, change your password.";
    /// Nothing got through for too long.
    ChannelPaused, "channel_paused", Critical, "An alert channel was paused",
        "No message was delivered to it for three days. You still get alerts by mail. Fix its receiver, then send a test \
         from the channel's page. When the test arrives, the channel works again.";
    /// A passkey was added.
    PasskeyAdded, "passkey_added", Critical, "A passkey was added",
        "It allows sign-in without the password. If it was not you, disable all keys at once and tell the operator.";
    /// A passkey was removed.
    PasskeyRemoved, "passkey_removed", Critical, "A passkey was removed",
        "You can no longer sign in with it. Keys that may withdraw, move funds or manage are held for 24 hours. Without any \
         second factor, all keys are held.";
    /// A passkey's counter went back.
    PasskeyCopied, "passkey_copied", Critical, "A passkey was refused: there may be a copy of it",
        "Its counter of uses decreased, which happens when two devices have the same secret. Sign in another way and remove \
         the passkey. If you cannot explain it, disable all keys.";
}

impl AlertKind {
    /// The kind that a stored word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }
}

/// What a gateway saw of a key whose credentials were right.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyObservation {
    /// They came from an address that the key is not bound to.
    WrongAddress(KeyId, IpAddr),
    /// An unbound key was used from here.
    Unbound(KeyId, IpAddr),
    /// Its stored record does not verify.
    Altered(KeyId),
    /// Many requests named it without its secret or passphrase, the last one from here.
    Tried(KeyId, IpAddr),
    /// A sum of its limits has come to 80 % of what the day may come to.
    LimitNear(KeyId),
    /// A limit that only watches would have refused this.
    Watched(KeyId, Refused),
    /// It placed the same order more often than its limits allow.
    Repeated(KeyId),
    /// It is a canary, and somebody used it from here.
    Canary(KeyId, IpAddr, CanaryUse),
}

/// What somebody had of a canary.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CanaryUse {
    /// All of its credentials: the signature was right.
    Signed,
    /// Its API key, without the right secret or passphrase.
    Named,
}

impl CanaryUse {
    /// What its owner is told.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Signed => {
                "The request had the right secret and passphrase. It was refused like that of a key bound to other addresses."
            }
            Self::Named => {
                "The request named the API key, with a wrong secret or passphrase. It was refused."
            }
        }
    }
}

/// One thing that a holder is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    /// About what.
    pub kind: AlertKind,
    /// Whom to tell.
    pub account: AccountId,
    /// When it happened.
    pub at: Moment,
    /// The key and its name, if it is about one.
    pub key: Option<(KeyId, String)>,
    /// From which address; never one of an app's.
    pub from: Option<IpAddr>,
    /// From which device.
    pub device: Option<String>,
    /// A sentence of detail; no secrets, no confidential ranges.
    pub detail: String,
    /// Alerts with the same text are told once; empty for those that always are.
    pub once: String,
    /// Whether the user did it, signed in.
    pub own: bool,
}

impl Alert {
    /// An alert about `account` itself.
    #[must_use]
    pub const fn of(kind: AlertKind, account: AccountId, at: Moment) -> Self {
        Self {
            kind,
            account,
            at,
            key: None,
            from: None,
            device: None,
            detail: String::new(),
            once: String::new(),
            own: false,
        }
    }

    /// Whether its reader knows it already, so that it stands in the list and is not counted as new: what the user did to keys. A
    /// change of who can sign in is always new, because the one who did it may not be the one who reads it.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        let about_keys = matches!(
            self.kind,
            AlertKind::AllKeysDisabled | AlertKind::AllKeysStopped | AlertKind::TransfersDecided
        );
        self.own && (self.key.is_some() || about_keys)
    }
}

#[cfg(test)]
mod tests {
    use super::AlertKind;

    #[test]
    fn words_name_one_kind_each() {
        for kind in AlertKind::ALL {
            assert_eq!(AlertKind::from_word(kind.word()), Some(*kind));
            assert!(!kind.title().is_empty() && kind.advice().ends_with('.'));
        }
    }
}
