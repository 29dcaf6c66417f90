//! The vocabulary of change, and what each word asks of a person.

/// Declares the actions with their word in the audit log, what they ask of a holder, and of an operator.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident, $word:literal, $holder:ident, $operator:ident;)+) => {
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
                    $(Self::$name => Ceremony::$holder,)+
                }
            }

            /// What it asks of an operator who acts on the deployment or on somebody's account (product.md 5).
            #[must_use]
            pub const fn operator_ceremony(self) -> Ceremony {
                match self {
                    $(Self::$name => Ceremony::$operator,)+
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
    /// A proposal that as many other operators approved as the deployment asks for.
    Proposal,
    /// Not in this role.
    Never,
}

actions! {
    /// Create an account at the host.
    CreateAccount, "account.create", Never, Never;
    /// Create a sub-account.
    CreateSubAccount, "sub_account.create", Never, Never;
    /// Register an account, its address proven.
    Register, "account.register", MailCode, Never;
    /// Begin a session.
    SignIn, "session.begin", OneFactor, Never;
    /// End one or all sessions.
    EndSession, "session.end", Session, Never;
    /// Set the phrase that marks our mails.
    ChangePhrase, "account.phrase", OneFactor, Never;
    /// Choose another password.
    ChangePassword, "account.password", StepUp, Never;
    /// Choose another password after the old one was lost.
    ResetPassword, "account.reset", StepUp, Never;
    /// Ask for another e-mail address.
    ChangeEmail, "account.email", StepUp, Never;
    /// Take the other address, now that it is proven.
    ConfirmEmail, "account.email.confirm", MailCode, Never;
    /// Turn the authenticator on, or take another one.
    EnrolTotp, "account.totp.on", StepUp, Never;
    /// Turn the authenticator off.
    RemoveTotp, "account.totp.off", StepUp, Never;
    /// Make new recovery codes.
    RenewRecoveryCodes, "account.recovery_codes", StepUp, Never;
    /// Make a key.
    IssueKey, "key.issue", StepUp, Never;
    /// Rename a key or set its tags.
    EditKey, "key.edit", Session, Never;
    /// Let a key work from more addresses.
    WidenKey, "key.widen", StepUp, Never;
    /// Let a key work from fewer addresses.
    NarrowKey, "key.narrow", OneFactor, Never;
    /// Disable a key.
    DisableKey, "key.disable", OneFactor, Never;
    /// Enable a key.
    EnableKey, "key.enable", StepUp, Never;
    /// Make a key's successor.
    RotateKey, "key.rotate", StepUp, Never;
    /// End the overlap of a rotation now.
    EndOverlap, "key.end_overlap", OneFactor, Never;
    /// Delete a key.
    DeleteKey, "key.delete", OneFactor, Never;
    /// Disable a key that leaked.
    ReportLeak, "key.leaked", OneFactor, Never;
    /// Disable all keys of an account.
    DisableAllKeys, "key.disable_all", OneFactor, Never;
    /// Disable all keys of an account by the link of an alert.
    Brake, "key.brake", Link, Never;
    /// Freeze a key.
    FreezeKey, "key.freeze", Never, OneFactor;
    /// End idle and dated keys.
    SweepKeys, "key.sweep", Never, Never;
    /// Lift the holds whose time is over.
    EndCooling, "key.end_cooling", Never, Never;
    /// End overlaps whose successor has taken over.
    EndOverlaps, "key.end_overlaps", Never, Never;
    /// Tell holders of what will happen.
    Remind, "alert.remind", Never, Never;
    /// Tell a holder of what a gateway saw.
    RaiseAlert, "alert.raise", Never, Never;
    /// Write the sandbox's fixtures for features that have no action yet.
    SeedSandbox, "sandbox.seed", Never, Never;
    /// Offer the first operator's place by a link.
    OfferSetUp, "role.offer", Never, Never;
    /// Take the place that a set-up link offers.
    TakeSetUp, "role.set_up", StepUp, Never;
    /// Offer the second operator's place by a link, while the set-up lasts.
    InviteOperator, "role.invite", Never, StepUp;
    /// Propose a change that other operators must approve.
    Propose, "proposal.make", Never, StepUp;
    /// Approve a proposal.
    Approve, "proposal.approve", Never, StepUp;
    /// Cancel a proposal.
    CancelProposal, "proposal.cancel", Never, OneFactor;
    /// Give somebody a role.
    GrantRole, "role.grant", Never, Proposal;
    /// Take somebody's role away.
    RevokeRole, "role.revoke", Never, OneFactor;
    /// Freeze an account with all its keys.
    FreezeAccount, "account.freeze", Never, OneFactor;
    /// Lift the freeze of an account.
    ThawAccount, "account.thaw", Never, Proposal;
    /// Lift the freeze of a key.
    ThawKey, "key.thaw", Never, Proposal;
    /// Remove the second factor of somebody who lost it.
    ResetFactors, "account.factors.reset", Never, Proposal;
    /// Make a policy stricter.
    TightenPolicy, "policy.tighten", Never, OneFactor;
    /// Make a policy less strict.
    LoosenPolicy, "policy.loosen", Never, Proposal;
    /// Wrap the store's root key under another master key.
    RotateMasterKey, "master_key.rotate", Never, Never;
    /// Add an alert channel: lets data out.
    AddChannel, "channel.add", StepUp, Never;
    /// Rename a channel, or choose what it gets and when.
    ChangeChannel, "channel.change", OneFactor, Never;
    /// Remove a channel.
    RemoveChannel, "channel.remove", OneFactor, Never;
    /// Send a message to try a channel.
    TestChannel, "channel.test", Session, Never;
    /// Send a message again that could not be delivered.
    SendAgain, "channel.send_again", Session, Never;
    /// Pause channels that nothing gets through to.
    PauseChannels, "channel.pause", Never, Never;
    /// Add a passkey.
    EnrolPasskey, "account.passkey.add", StepUp, Never;
    /// Rename a passkey.
    RenamePasskey, "account.passkey.rename", Session, Never;
    /// Remove a passkey.
    RemovePasskey, "account.passkey.remove", StepUp, Never;
    /// Register an app.
    RegisterApp, "app.register", OneFactor, Never;
    /// Change what a broker says of an app.
    EditApp, "app.edit", OneFactor, Never;
    /// Hand an app in for review.
    SubmitApp, "app.submit", Session, Never;
    /// Let holders see an app.
    VerifyApp, "app.verify", Never, Proposal;
    /// Send an app back to its broker.
    RejectApp, "app.reject", Never, OneFactor;
    /// Submit ranges that add something.
    SubmitRanges, "app.ranges.submit", StepUp, Never;
    /// Put ranges in force that only take away.
    NarrowRanges, "app.ranges.narrow", OneFactor, Never;
    /// Take a submission back.
    WithdrawRanges, "app.ranges.withdraw", Session, Never;
    /// Submit ranges on a broker's behalf.
    EnterRanges, "app.ranges.enter", Never, OneFactor;
    /// Read ranges, which are confidential.
    ReadRanges, "app.ranges.read", Never, Session;
    /// Put submitted ranges in force.
    ApproveRanges, "app.ranges.approve", Never, Proposal;
    /// Send a submission back to the broker.
    RejectRanges, "app.ranges.reject", Never, OneFactor;
    /// Note that a broker showed itself from one of its ranges.
    ProveControl, "app.ranges.prove", Never, Never;
    /// End the overlaps of ranges whose time is over.
    RetireRanges, "app.ranges.retire", Never, Never;
    /// Freeze all keys of an app.
    FreezeApp, "app.freeze", OneFactor, OneFactor;
    /// Let all keys of an app work again.
    ThawApp, "app.thaw", StepUp, Proposal;
    /// Demand successors for all keys of an app.
    DemandSuccessors, "app.demand", Never, OneFactor;
    /// Take such a demand back before its deadline.
    WithdrawDemand, "app.demand.withdraw", Never, Proposal;
    /// Hold the keys of an app whose successors were due.
    HoldDemanded, "app.demand.hold", Never, Never;
    /// Tell holders what happened to an app.
    TellAppNews, "app.tell", Never, Never;
    /// Write the key to a file that the exchange verifies identities with.
    ExportIdentityKey, "identity_key.export", Never, Never;
    /// Put a backup of the store back.
    RestoreStore, "store.restore", Never, Never;
}

impl Action {
    /// The action that a word in the store names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.word() == word)
    }
}
