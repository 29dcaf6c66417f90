//! The vocabulary of change, and what each word asks of a person.

/// Declares the actions with their word in the audit log and what they ask of a holder.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident, $word:literal, $ceremony:ident;)+) => {
        /// Everything that changes something, one word each; the audit log's vocabulary.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Action {
            $($(#[$doc])* $name,)+
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word in the audit log.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// What it asks of the holder of an account (product.md 2).
            #[must_use]
            pub const fn ceremony(self) -> Ceremony {
                match self {
                    $(Self::$name => Ceremony::$ceremony,)+
                }
            }
        }
    };
}

/// What a person must prove for an action, beside being signed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ceremony {
    /// Nothing: the session is enough.
    Session,
    /// One fresh factor: tightening.
    OneFactor,
    /// A fresh second factor and a code by mail, for exactly this action: loosening.
    StepUp,
    /// A code by mail, before anybody is signed in or to a new address.
    MailCode,
    /// The link of an alert.
    Link,
    /// No holder may.
    Never,
}

actions! {
    /// Create an account at the host.
    CreateAccount, "account.create", Never;
    /// Create a sub-account.
    CreateSubAccount, "sub_account.create", Never;
    /// Register an account, its address proven.
    Register, "account.register", MailCode;
    /// Begin a session.
    SignIn, "session.begin", OneFactor;
    /// End one or all sessions.
    EndSession, "session.end", Session;
    /// Set the phrase that marks our mails.
    ChangePhrase, "account.phrase", OneFactor;
    /// Choose another password.
    ChangePassword, "account.password", StepUp;
    /// Choose another password after the old one was lost.
    ResetPassword, "account.reset", StepUp;
    /// Ask for another e-mail address.
    ChangeEmail, "account.email", StepUp;
    /// Take the other address, now that it is proven.
    ConfirmEmail, "account.email.confirm", MailCode;
    /// Turn the authenticator on, or take another one.
    EnrolTotp, "account.totp.on", StepUp;
    /// Turn the authenticator off.
    RemoveTotp, "account.totp.off", StepUp;
    /// Make new recovery codes.
    RenewRecoveryCodes, "account.recovery_codes", StepUp;
    /// Make a key.
    IssueKey, "key.issue", StepUp;
    /// Rename a key or set its tags.
    EditKey, "key.edit", Session;
    /// Let a key work from more addresses.
    WidenKey, "key.widen", StepUp;
    /// Let a key work from fewer addresses.
    NarrowKey, "key.narrow", OneFactor;
    /// Disable a key.
    DisableKey, "key.disable", OneFactor;
    /// Enable a key.
    EnableKey, "key.enable", StepUp;
    /// Make a key's successor.
    RotateKey, "key.rotate", StepUp;
    /// End the overlap of a rotation now.
    EndOverlap, "key.end_overlap", OneFactor;
    /// Delete a key.
    DeleteKey, "key.delete", OneFactor;
    /// Disable a key that leaked.
    ReportLeak, "key.leaked", OneFactor;
    /// Disable all keys of an account.
    DisableAllKeys, "key.disable_all", OneFactor;
    /// Disable all keys of an account by the link of an alert.
    Brake, "key.brake", Link;
    /// Freeze a key.
    FreezeKey, "key.freeze", Never;
    /// End idle and dated keys.
    SweepKeys, "key.sweep", Never;
    /// Lift the holds whose time is over.
    EndCooling, "key.end_cooling", Never;
    /// End overlaps whose successor has taken over.
    EndOverlaps, "key.end_overlaps", Never;
    /// Tell holders of what will happen.
    Remind, "alert.remind", Never;
    /// Tell a holder of what a gateway saw.
    RaiseAlert, "alert.raise", Never;
    /// Write the sandbox's fixtures for features that have no action yet.
    SeedSandbox, "sandbox.seed", Never;
    /// Add an alert channel: lets data out.
    AddChannel, "channel.add", StepUp;
    /// Rename a channel, or choose what it gets and when.
    ChangeChannel, "channel.change", OneFactor;
    /// Remove a channel.
    RemoveChannel, "channel.remove", OneFactor;
    /// Send a message to try a channel.
    TestChannel, "channel.test", Session;
    /// Send a message again that could not be delivered.
    SendAgain, "channel.send_again", Session;
    /// Pause channels that nothing gets through to.
    PauseChannels, "channel.pause", Never;
}

impl Action {
    /// The action that a word in the store names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.word() == word)
    }
}
