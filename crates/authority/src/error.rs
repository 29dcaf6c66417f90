//! Why an action did not happen; texts are for people and say what to do.

use keyward_rules::address::NotASet;
use keyward_rules::approval::{ApprovalError, NotThresholds};
use keyward_rules::channel::{NotATarget, NotQuietHours};
use keyward_rules::grant::{NotAllowed, NotApproved, NotProven};
use keyward_rules::id::MasterKeyId;
use keyward_rules::key::{KeyRefusal, LifecycleError, NotAName, Wider};
use keyward_rules::leak::{NotAReport, NotSigned};
use keyward_rules::limits::{
    APPS_PER_BROKER, CHANNELS_PER_ACCOUNT, CODES_PER_HOUR, MEMBERS_PER_SUB_ACCOUNT, PASSKEYS_PER_ACCOUNT,
    SUB_ACCOUNTS_EVER_PER_ACCOUNT, SUB_ACCOUNTS_PER_ACCOUNT, WHY_CHARS,
};
use keyward_rules::person::NotAPassword;
use keyward_rules::proposal::{NotPassed, ProposalId};
use keyward_rules::review::RemedyRefused;
use keyward_rules::sub_account::SubAccountLifeError;
use keyward_rules::time::Moment;
use keyward_store::StoreError;

use crate::apps::NotALogo;

/// An action that did not happen. Nothing else changed.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The actor may not.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// A rule on new keys.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    /// A rule on names.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// A rule on addresses.
    #[error(transparent)]
    Addresses(#[from] NotASet),
    /// A key that goes beyond the key which creates it.
    #[error(transparent)]
    Wider(#[from] Wider),
    /// A rule of the life cycle.
    #[error(transparent)]
    Life(#[from] LifecycleError),
    /// A rule on passwords.
    #[error(transparent)]
    Password(#[from] NotAPassword),
    /// The password is easy to guess; the text says how.
    #[error("{0}")]
    WeakPassword(String),
    /// A picture that cannot be a logo.
    #[error(transparent)]
    Logo(#[from] NotALogo),
    /// A factor was wrong or missing.
    #[error(transparent)]
    NotProven(#[from] NotProven),
    /// A code by mail was wrong or missing.
    #[error(transparent)]
    NotApproved(#[from] NotApproved),
    /// Sign-in, whatever the reason.
    #[error("the e-mail address or the password is wrong, or there were too many attempts")]
    NotSignedIn,
    /// Sign-in with a passkey, whatever the reason.
    #[error("this passkey cannot sign in here, it took too long, or there were too many attempts")]
    PasskeyRefused,
    /// What was to become a passkey is none.
    #[error("no passkey was created, or it took longer than five minutes; start again")]
    NotAPasskey,
    /// The account has as many as it may.
    #[error("an account has at most {PASSKEYS_PER_ACCOUNT} passkeys; remove one first")]
    TooManyPasskeys,
    /// No such passkey.
    #[error("this passkey is not in your account")]
    NoPasskey,
    /// There can be none.
    #[error("passkeys need a console whose address is a host name")]
    NoPasskeysHere,
    /// Too many codes were asked for.
    #[error(
        "{CODES_PER_HOUR} codes were sent in the last hour; the next one can be sent at {} UTC",
        clock(*.again_at)
    )]
    TooManyCodes {
        /// From when on another one can be sent.
        again_at: Moment,
        /// How long that is from now.
        wait_ms: u64,
    },
    /// Too many questions for passkeys are open.
    #[error("too many passkeys were asked for in the last five minutes; wait five minutes and try again")]
    TooManyQuestions,
    /// Too many people want passwords checked.
    #[error("too many sign-ins at the same time; try again in a moment")]
    Busy,
    /// The person has as many searches under way as may be.
    #[error("another search of yours is still running; wait for it to end, then try again")]
    Searching,
    /// All people together have.
    #[error("too many searches at the same time; try again in a moment")]
    TooManySearches,
    /// Two-factor sign-in is off.
    #[error("set up an authenticator or a passkey first; you need a second factor to create or enable keys")]
    TwoFactorOff,
    /// Keys that move funds rest.
    #[error(
        "the password, a factor or the e-mail address changed in the last 24 hours; wait before you create, enable or loosen a key that may withdraw, move funds or manage"
    )]
    Cooling,
    /// The user was first signed in on this device a short time ago.
    #[error(
        "this device is new for your account; do this on a device that you used before, or wait until {0}"
    )]
    NewDevice(Moment),
    /// The account or key is frozen.
    #[error("an operator froze this; wait until the freeze is lifted")]
    Frozen,
    /// The approval of a request does not go on.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// No such request.
    #[error("no such request waits for you; load the page again")]
    NoApproval,
    /// No thresholds.
    #[error(transparent)]
    Thresholds(#[from] NotThresholds),
    /// A proposal does not go on.
    #[error(transparent)]
    Proposal(#[from] NotPassed),
    /// No such proposal.
    #[error("this proposal does not exist")]
    NoProposal,
    /// There is an open one for the same change.
    #[error("proposal {0} for the same change is open already; approve it or cancel it")]
    ProposedAlready(ProposalId),
    /// Too many of them.
    #[error("100 proposals are open already; carry out or cancel some of them first")]
    TooManyProposals,
    /// The change is stricter than what is in force, or the other way.
    #[error("{0}")]
    OtherWay(&'static str),
    /// Something that takes a secret which no page asks for.
    #[error("a master key is replaced at the host: run `keyward master-key rotate` there")]
    AtTheHost,
    /// No proposal of what the host is about to do.
    #[error("no operator has proposed the master key {0} yet; propose it under Operations, Settings")]
    NotProposed(MasterKeyId),
    /// The set-up link is used, over, or was never ours.
    #[error(
        "this set-up link was used, has expired or is invalid; create another one at the host with `keyward operator link`"
    )]
    NoSetUpLink,
    /// There are enough operators for everything.
    #[error("the set-up is complete; to add an operator, make a proposal")]
    SetUpIsOver,
    /// Too few operators would be left.
    #[error("too few operators would be left to approve changes; add another operator first")]
    TooFewOperators,
    /// The confirmation names another key.
    #[error("the confirmation must be the key's exact name")]
    NotTheName,
    /// The tags are not tags.
    #[error("a key has at most 10 tags of 1 to 20 letters, digits, hyphens or spaces")]
    Tags,
    /// Limits that compare with a price, where there is none.
    #[error(
        "the exchange behind this gateway publishes no instruments and prices, which limits of value, quantity, price and type of \
         instrument need; leave these out (instruments, daily_orders, message_throttle and others work)"
    )]
    NoMarketData,
    /// No key was unused for so long.
    #[error("every key was used since then; there is nothing to delete")]
    NoneUnused,
    /// The phrase is no phrase.
    #[error("the phrase has 4 to 60 letters, spaces and hyphens, and at most 4 digits")]
    Phrase,
    /// The overlap is too long.
    #[error("both keys of a rotation work for at least an hour and at most 7 days")]
    Overlap,
    /// There is a successor already.
    #[error("the key was rotated already; rotate its successor instead")]
    Rotated,
    /// The key is bound to an app.
    #[error("the key works only from the servers of its app; create a new key for other addresses")]
    BoundToApp,
    /// The key is a canary, or would become one.
    #[error("a canary works from nowhere and stays a canary; create a new key for a program")]
    Canary,
    /// Nothing would change.
    #[error("this is already the current state")]
    Unchanged,
    /// The keys are not those that were reviewed.
    #[error(
        "the keys of the account have changed since the review was shown; look at it again and answer for each key"
    )]
    ReviewChanged,
    /// An answer of a review that would take nothing away.
    #[error(transparent)]
    Remedy(#[from] RemedyRefused),
    /// There is no key to review.
    #[error("this account has no API key to review")]
    NothingToReview,
    /// A rule on where alerts go.
    #[error(transparent)]
    Target(#[from] NotATarget),
    /// A rule on when alerts go.
    #[error(transparent)]
    QuietHours(#[from] NotQuietHours),
    /// Another channel of the account has the name.
    #[error("a channel with this name exists already")]
    ChannelNameTaken,
    /// The account has as many channels as it may.
    #[error("an account has at most {CHANNELS_PER_ACCOUNT} alert channels; remove one first")]
    TooManyChannels,
    /// Too many test messages.
    #[error("too many tests were sent in the last hour; wait a while and try again")]
    TooManyTests,
    /// A channel's seal does not open.
    #[error("the stored channel was altered outside the program; remove it and add it again")]
    ChannelAltered,
    /// No such channel.
    #[error("this alert channel is not in your account")]
    NoChannel,
    /// No message to send again.
    #[error("no failed message has this id, or it was just sent again")]
    NoMessage,
    /// A repeated creation with other content.
    #[error("this idempotency key was used for a request with other content")]
    OtherRequest,
    /// No such account.
    #[error("this account does not exist; create it with `keyward account create`")]
    NoAccount,
    /// No such key.
    #[error("this key does not exist; `keyward key list` shows the account's keys")]
    NoKey,
    /// No such sub-account, or not the actor's to act for.
    #[error("this sub-account does not exist, or you may not act for it")]
    NoSubAccount,
    /// Another sub-account of the master has the name.
    #[error("a sub-account with this name exists already")]
    SubAccountNameTaken,
    /// The master has as many as it may.
    #[error("an account has at most {SUB_ACCOUNTS_PER_ACCOUNT} sub-accounts")]
    TooManySubAccounts,
    /// The master has created as many as it ever may.
    #[error(
        "an account has at most {SUB_ACCOUNTS_EVER_PER_ACCOUNT} sub-accounts, closed ones included; their names stay taken"
    )]
    TooManySubAccountsEver,
    /// It is being closed, or closed.
    #[error(transparent)]
    SubAccountLife(#[from] SubAccountLifeError),
    /// The confirmation names another sub-account.
    #[error("the confirmation must be the sub-account's exact name")]
    NotTheSubAccount,
    /// Too much waits for the exchange already.
    #[error(
        "the exchange has not taken earlier changes of your sub-accounts yet; try again later. Until then you can freeze the \
         sub-account"
    )]
    ExchangeBehind,
    /// A closed sub-account is called that.
    #[error("a closed sub-account has this label; choose another label")]
    LabelOfClosed,
    /// Its master froze it.
    #[error("the sub-account is frozen; its master account can unfreeze it")]
    SubAccountFrozen,
    /// The sub-account has as many members as it may.
    #[error(
        "a sub-account has at most {MEMBERS_PER_SUB_ACCOUNT} members, open invitations included; remove one first"
    )]
    TooManyMembers,
    /// The person is one.
    #[error("this user administers the sub-account already")]
    AlreadyMember,
    /// No such member.
    #[error("this user is neither a member nor invited")]
    NoMember,
    /// No such invitation.
    #[error(
        "this invitation does not exist, was withdrawn, or is older than seven days; ask for another one"
    )]
    NoInvitation,
    /// No such session.
    #[error("this session does not exist or has ended")]
    NoSession,
    /// No such open socket of the key.
    #[error("this socket is not open; it may have closed by itself")]
    NoSocket,
    /// No such app.
    #[error("this app does not exist")]
    NoApp,
    /// No such version of an app's ranges.
    #[error("this version of the app's ranges does not exist")]
    NoVersion,
    /// Nothing can be bound to the app now.
    #[error("no key can be bound to this app now; choose another from the list, or ask the app")]
    AppClosed,
    /// The account has as many apps as it may.
    #[error("an account registers at most {APPS_PER_BROKER} apps")]
    TooManyApps,
    /// A reason is asked for.
    #[error("say why, in 1 to {WHY_CHARS} visible characters")]
    NoReason,
    /// No such request of the key.
    #[error("this request is not recorded for this key; records are deleted when they are old")]
    NoRequest,
    /// No such audit record.
    #[error("this record does not exist")]
    NoRecord,
    /// No checkpoint covers the record yet.
    #[error("no checkpoint covers this record yet; try again in a minute")]
    NotYetSigned,
    /// Nobody's reports of leaks are believed here.
    #[error(
        "this deployment takes no reports of scanners; paste a found key on the page /found of the console"
    )]
    NoReporters,
    /// A report of leaks that nobody known has signed.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// A signed report that cannot be read.
    #[error(transparent)]
    Report(#[from] NotAReport),
    /// Too many texts or reports from one source.
    #[error("too many reports came from your network; wait a few minutes, then send it again")]
    TooManyReports,
    /// The store failed or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Hour and minute of a moment in UTC.
fn clock(at: Moment) -> String {
    at.to_string().chars().skip(11).take(5).collect()
}

/// What kind of thing went wrong, for shells that answer by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// There is nothing of that name, for this actor.
    Missing,
    /// It is not in a state for that, or the name is taken.
    Conflict,
    /// The actor may not, or the proof is wrong.
    Forbidden,
    /// Sign-in failed.
    NotSignedIn,
    /// A value is not acceptable.
    Unacceptable,
    /// Too much at once.
    TooMuch,
    /// The store failed: an operator must look.
    Broken,
}

impl ErrorKind {
    /// Whether a rule says no, and the user can do something about it.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        match self {
            Self::Conflict | Self::Forbidden | Self::NotSignedIn | Self::Unacceptable => true,
            Self::Missing | Self::TooMuch | Self::Broken => false,
        }
    }
}

impl ActionError {
    /// The table of errors: the kind of each, and the stable word that programs know it by.
    const fn entry(&self) -> (ErrorKind, &'static str) {
        use ErrorKind as Kind;
        match self {
            Self::NotAllowed(_) => (Kind::Forbidden, "not_allowed"),
            Self::NotProven(NotProven::Wrong) => (Kind::Forbidden, "factor_wrong"),
            Self::NotProven(NotProven::Paused) => (Kind::TooMuch, "factor_paused"),
            Self::NotApproved(NotApproved::Wrong) => (Kind::Forbidden, "code_wrong"),
            Self::NotProven(NotProven::Unreadable) => (Kind::Unacceptable, "factor_unreadable"),
            Self::NotApproved(NotApproved::Unreadable) => (Kind::Unacceptable, "code_unreadable"),
            Self::NotApproved(NotApproved::Over) => (Kind::Forbidden, "challenge_over"),
            Self::NotApproved(NotApproved::OtherIntent) => (Kind::Forbidden, "challenge_for_something_else"),
            Self::NotSignedIn | Self::PasskeyRefused => (Kind::NotSignedIn, "not_signed_in"),
            Self::NotAPasskey => (Kind::Unacceptable, "bad_passkey"),
            Self::TooManyPasskeys => (Kind::Conflict, "too_many_passkeys"),
            Self::NoPasskey => (Kind::Missing, "no_passkey"),
            Self::NoPasskeysHere => (Kind::Conflict, "no_passkeys_here"),
            Self::TooManyCodes { .. } | Self::TooManyQuestions => (Kind::TooMuch, "too_many_codes"),
            Self::Busy => (Kind::TooMuch, "busy"),
            Self::Searching => (Kind::TooMuch, "searching"),
            Self::TooManySearches => (Kind::TooMuch, "too_many_searches"),
            Self::TwoFactorOff => (Kind::Conflict, "two_factor_off"),
            Self::Cooling => (Kind::Conflict, "cooling"),
            Self::NewDevice(_) => (Kind::Conflict, "new_device"),
            Self::NotTheName => (Kind::Unacceptable, "name_mismatch"),
            Self::Key(KeyRefusal::TooMany) => (Kind::Conflict, "too_many_keys"),
            Self::Key(KeyRefusal::NameTaken | KeyRefusal::NameAlike) => (Kind::Conflict, "name_taken"),
            Self::Key(KeyRefusal::PassphraseTaken) => (Kind::Conflict, "passphrase_taken"),
            Self::Key(_) => (Kind::Unacceptable, "key_refused"),
            Self::Wider(_) => (Kind::Forbidden, "wider_than_its_key"),
            Self::Name(_) => (Kind::Unacceptable, "bad_name"),
            Self::Addresses(_) => (Kind::Unacceptable, "bad_addresses"),
            Self::Life(LifecycleError::Ended) => (Kind::Conflict, "key_ended"),
            Self::Life(LifecycleError::Already(_)) | Self::Unchanged => (Kind::Conflict, "unchanged"),
            Self::Password(_) | Self::WeakPassword(_) => (Kind::Unacceptable, "weak_password"),
            Self::Tags => (Kind::Unacceptable, "bad_tags"),
            Self::NoMarketData => (Kind::Unacceptable, "no_market_data"),
            Self::NoneUnused => (Kind::Conflict, "none_unused"),
            Self::Logo(_) => (Kind::Unacceptable, "bad_logo"),
            Self::Phrase => (Kind::Unacceptable, "bad_phrase"),
            Self::Overlap => (Kind::Unacceptable, "bad_overlap"),
            Self::Rotated => (Kind::Conflict, "rotated_already"),
            Self::Canary => (Kind::Conflict, "canary"),
            Self::BoundToApp => (Kind::Conflict, "bound_to_app"),
            Self::OtherRequest => (Kind::Conflict, "idempotency_mismatch"),
            Self::Frozen => (Kind::Conflict, "frozen"),
            Self::Proposal(NotPassed::Settled) => (Kind::Conflict, "settled"),
            Self::Proposal(NotPassed::Over) => (Kind::Conflict, "proposal_over"),
            Self::Proposal(NotPassed::Changed) => (Kind::Conflict, "proposal_changed"),
            Self::Proposal(NotPassed::OwnProposal) => (Kind::Forbidden, "own_proposal"),
            Self::Proposal(NotPassed::NotAnOperator) => (Kind::Forbidden, "not_an_operator"),
            Self::Proposal(NotPassed::Twice) => (Kind::Conflict, "approved_already"),
            Self::Proposal(NotPassed::NotEnough { .. }) => (Kind::Conflict, "approvals_missing"),
            Self::Approval(ApprovalError::NotTheMaster) => (Kind::Forbidden, "not_the_master"),
            Self::Approval(ApprovalError::Decided) => (Kind::Conflict, "decided_already"),
            Self::Approval(ApprovalError::Expired) => (Kind::Conflict, "approval_over"),
            Self::Approval(ApprovalError::OtherRequest) => (Kind::Conflict, "other_request"),
            Self::NoApproval => (Kind::Missing, "no_approval"),
            Self::Thresholds(_) => (Kind::Unacceptable, "bad_thresholds"),
            Self::NoProposal => (Kind::Missing, "no_proposal"),
            Self::ProposedAlready(_) => (Kind::Conflict, "proposed_already"),
            Self::TooManyProposals => (Kind::TooMuch, "too_many_proposals"),
            Self::OtherWay(_) => (Kind::Conflict, "other_way"),
            Self::NoVersion => (Kind::Missing, "no_version"),
            Self::AppClosed => (Kind::Conflict, "app_closed"),
            Self::TooManyApps => (Kind::Conflict, "too_many_apps"),
            Self::NoReason => (Kind::Unacceptable, "bad_reason"),
            Self::AtTheHost => (Kind::Conflict, "at_the_host"),
            Self::NotProposed(_) => (Kind::Conflict, "not_proposed"),
            Self::NoSetUpLink => (Kind::Forbidden, "no_set_up_link"),
            Self::SetUpIsOver => (Kind::Conflict, "set_up_is_over"),
            Self::TooFewOperators => (Kind::Conflict, "too_few_operators"),
            Self::ReviewChanged => (Kind::Conflict, "review_changed"),
            Self::Remedy(_) => (Kind::Unacceptable, "remedy_refused"),
            Self::NothingToReview => (Kind::Conflict, "nothing_to_review"),
            Self::Target(_) => (Kind::Unacceptable, "bad_target"),
            Self::QuietHours(_) => (Kind::Unacceptable, "bad_quiet_hours"),
            Self::ChannelNameTaken => (Kind::Conflict, "name_taken"),
            Self::TooManyChannels => (Kind::Conflict, "too_many_channels"),
            Self::TooManyTests => (Kind::TooMuch, "too_many_tests"),
            Self::ChannelAltered => (Kind::Conflict, "channel_altered"),
            Self::NoChannel => (Kind::Missing, "no_channel"),
            Self::NoMessage => (Kind::Missing, "no_message"),
            Self::NoKey => (Kind::Missing, "no_key"),
            Self::NoAccount => (Kind::Missing, "no_account"),
            Self::NoSubAccount | Self::Store(StoreError::NoLongerActs) => (Kind::Missing, "no_sub_account"),
            Self::SubAccountNameTaken => (Kind::Conflict, "name_taken"),
            Self::TooManySubAccounts => (Kind::Conflict, "too_many_sub_accounts"),
            Self::TooManySubAccountsEver => (Kind::Conflict, "too_many_sub_accounts_ever"),
            Self::SubAccountLife(SubAccountLifeError::Closing) => (Kind::Conflict, "sub_account_closing"),
            Self::SubAccountLife(SubAccountLifeError::Closed) => (Kind::Conflict, "sub_account_closed"),
            Self::SubAccountLife(SubAccountLifeError::NotClosing) => (Kind::Conflict, "unchanged"),
            Self::NotTheSubAccount => (Kind::Unacceptable, "name_mismatch"),
            Self::ExchangeBehind => (Kind::Conflict, "exchange_behind"),
            Self::LabelOfClosed => (Kind::Conflict, "label_of_closed"),
            Self::SubAccountFrozen => (Kind::Conflict, "sub_account_frozen"),
            Self::TooManyMembers => (Kind::Conflict, "too_many_members"),
            Self::AlreadyMember => (Kind::Conflict, "already_member"),
            Self::NoMember => (Kind::Missing, "no_member"),
            Self::NoInvitation => (Kind::Missing, "no_invitation"),
            Self::NoSession => (Kind::Missing, "no_session"),
            Self::NoSocket => (Kind::Missing, "no_socket"),
            Self::NoRequest => (Kind::Missing, "no_request"),
            Self::NoRecord => (Kind::Missing, "no_record"),
            Self::NotYetSigned => (Kind::Conflict, "not_yet_signed"),
            Self::NoApp => (Kind::Missing, "no_app"),
            Self::NoReporters => (Kind::Missing, "no_reporters"),
            Self::NotSigned(_) => (Kind::Forbidden, "not_signed"),
            Self::Report(_) => (Kind::Unacceptable, "bad_report"),
            Self::TooManyReports => (Kind::TooMuch, "too_many_reports"),
            Self::Store(StoreError::Exists { .. } | StoreError::Conflict { .. }) => {
                (Kind::Conflict, "conflict")
            }
            Self::Store(_) => (Kind::Broken, "store"),
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.entry().0
    }

    /// The stable word that programs know it by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.entry().1
    }

    /// Whether who acted for a sub-account, a person or a key, may no longer.
    #[must_use]
    pub const fn is_of_a_lost_right(&self) -> bool {
        matches!(self, Self::Store(StoreError::NoLongerActs))
    }

    /// What a person who is no operator is told: the cause where it helps, nothing of the store's inside.
    #[must_use]
    pub fn for_people(&self) -> String {
        if let Some(why) = self.out_of_reach() {
            return format!("the database cannot be reached at the moment ({why}); try again in a minute");
        }
        if self.kind() == ErrorKind::Broken {
            return "the store reported an error; nothing was changed".to_owned();
        }
        if let Self::NoKey = self {
            // The command line's advice fits neither page nor API.
            return "this key is not in your account".to_owned();
        }
        if let Self::Addresses(cause) = self {
            let why = std::error::Error::source(cause).map(|why| format!(": {why}")).unwrap_or_default();
            return format!("{cause}{why}");
        }
        self.to_string()
    }

    /// Why the database is out of reach, in words without its name and place; `None` when it is not.
    #[must_use]
    pub const fn out_of_reach(&self) -> Option<&'static str> {
        if let Self::Store(problem) = self { problem.out_of_reach() } else { None }
    }

    /// What the log keeps of a broken store.
    #[must_use]
    pub fn for_the_log(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        text
    }
}
