//! Every action in one table: its words, and what it asks of each role.

use super::acting::ActingAs;

/// Declares the actions: the audit log's word, a title for people, what it asks of each role that may do it, who may do it for a
/// sub-account as well, the duties that do it, and what a page says when it is done. A role that is not named may not do it; `key`
/// is a master account's key that administers sub-accounts over the exchange's API.
macro_rules! actions {
    ($(
        $(#[$doc:meta])* $name:ident $word:literal, $title:literal
        $(, holder $holder:ident)? $(, sub $acting:ident)? $(, key $key:ident)? $(, operator $operator:ident)?
        $(, host $host:ident)? $(, duties $($duty:literal)+)? $(, note $note:literal)?;
    )+) => {
        /// What kind of change an action makes. The audit log has one word for each.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum ActionKind {
            $($(#[$doc])* $name,)+
        }

        impl ActionKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Everything that the table says of it.
            const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        word: $word,
                        title: $title,
                        holder: or_never!($($holder)?),
                        acting: or_nobody!($($acting)?),
                        key: or_never!($($key)?),
                        operator: or_never!($($operator)?),
                        host: or_never!($($host)?),
                        duties: &[$($($duty),+)?],
                        note: concat!($($note)?),
                    },)+
                }
            }
        }
    };
}

/// The ceremony of a column that may be left out.
macro_rules! or_never {
    () => {
        Ceremony::Never
    };
    ($ceremony:ident) => {
        Ceremony::$ceremony
    };
}

/// Who may do it for a sub-account: a column that may be left out.
macro_rules! or_nobody {
    () => {
        None
    };
    (Anyone) => {
        Some(ActingAs::Member)
    };
    (Master) => {
        Some(ActingAs::Master)
    };
}

/// One row of the table.
struct Row {
    word: &'static str,
    title: &'static str,
    holder: Ceremony,
    /// Who, at least, may do it when they act for a sub-account.
    acting: Option<ActingAs>,
    /// For a master account's key that administers sub-accounts.
    key: Ceremony,
    operator: Ceremony,
    host: Ceremony,
    duties: &'static [&'static str],
    note: &'static str,
}

/// What somebody must prove for an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ceremony {
    /// Nothing more: the session is enough, or the access to the host.
    Session,
    /// One fresh factor: for an action that only takes rights away.
    OneFactor,
    /// A fresh second factor and a code by mail, for exactly this action: for an action that gives rights.
    StepUp,
    /// A code by mail, before the user has an account or to a new address.
    MailCode,
    /// The link of an alert.
    Link,
    /// A proposal that as many other operators approved as the deployment asks for.
    Proposal,
    /// The approval of the master account for exactly this request of its key.
    Consent,
    /// This role may not do it.
    Never,
}

actions! {
    /// Create an account at the host.
    CreateAccount "account.create", "Account created", host Session, duties "sandbox";
    /// Create a sub-account.
    CreateSubAccount "sub_account.create", "Sub-account created", holder OneFactor, key Session, host Session,
        duties "sandbox",
        note "The sub-account is created. Choose it above the navigation to create its keys.";
    /// Choose what a sub-account is called.
    LabelSubAccount "sub_account.label", "Sub-account labelled", holder Session, host Session,
        note "Your changes are saved.";
    /// Allow keys of a sub-account less.
    TightenSubAccount "sub_account.tighten", "Sub-account allowed less", holder OneFactor, key Session, host Session,
        note "The sub-account is changed. Gateways follow within a second.";
    /// Allow keys of a sub-account more.
    LoosenSubAccount "sub_account.loosen", "Sub-account allowed more", holder StepUp, key Consent, host Session,
        note "The sub-account is changed. Gateways follow within a second.";
    /// Stop all keys of a sub-account.
    FreezeSubAccount "sub_account.freeze", "Sub-account frozen", holder OneFactor, host Session,
        note "The sub-account is frozen. Gateways refuse all its keys within a second.";
    /// Let the keys of a sub-account work again.
    ThawSubAccount "sub_account.thaw", "Sub-account unfrozen", holder StepUp, host Session,
        note "The sub-account is unfrozen. Its keys work again.";
    /// Close a sub-account for good, once the exchange agrees.
    CloseSubAccount "sub_account.close", "Closing of a sub-account requested", holder StepUp, host Session,
        note "The keys of the sub-account are refused. You are told when it is closed.";
    /// End a sub-account that the exchange has closed.
    FinishClosing "sub_account.closed", "Sub-account closed", duties "exchange";
    /// Let a sub-account go on that the exchange refuses to close.
    RefuseClosing "sub_account.not_closed", "Closing of a sub-account refused by the exchange", duties "exchange";
    /// Tell the exchange of sub-accounts that it was never told of.
    TellExchange "sub_account.tell", "Exchange told of sub-accounts", duties "exchange";
    /// Invite somebody to administer a sub-account.
    InviteMember "member.invite", "Member of a sub-account invited", holder StepUp,
        note "The invitation is sent. It can be accepted for seven days.";
    /// Accept such an invitation.
    AcceptInvitation "member.accept", "Invitation to a sub-account accepted", holder OneFactor,
        note "You are a member now. Choose the sub-account above the navigation.";
    /// Take a member or an invitation away, or leave.
    RemoveMember "member.remove", "Member of a sub-account removed", holder OneFactor,
        note "Removed. All sessions of this user have ended.";
    /// Register an account, its address proven.
    Register "account.register", "Account registered", holder MailCode;
    /// Begin a session.
    SignIn "session.begin", "Signed in", holder OneFactor;
    /// End one or all sessions.
    EndSession "session.end", "Sessions ended", holder Session,
        note "The session has ended.";
    /// Set the phrase that marks our mails.
    ChangePhrase "account.phrase", "Mail phrase changed", holder OneFactor,
        note "Your phrase is changed. The next mail shows it.";
    /// Choose another password.
    ChangePassword "account.password", "Password changed", holder StepUp,
        note "Your password is changed. All other sessions have ended.";
    /// Choose another password after the old one was lost.
    ResetPassword "account.reset", "Password reset", holder StepUp;
    /// Ask for another e-mail address.
    ChangeEmail "account.email", "New e-mail address requested", holder StepUp;
    /// Take the other address, now that it is proven.
    ConfirmEmail "account.email.confirm", "E-mail address changed", holder MailCode,
        note "Your e-mail address is changed. All other sessions have ended.";
    /// Turn the authenticator on, or take another one.
    EnrolTotp "account.totp.on", "Authenticator set up", holder StepUp,
        note "The authenticator is set up.";
    /// Turn the authenticator off.
    RemoveTotp "account.totp.off", "Authenticator turned off", holder StepUp,
        note "The authenticator is off. Your passkeys are now your second factor.";
    /// Make new recovery codes.
    RenewRecoveryCodes "account.recovery_codes", "New recovery codes created", holder StepUp;
    /// Make a key.
    IssueKey "key.issue", "API key created", holder StepUp, sub Anyone, key Session, host Session, duties "sandbox";
    /// Rename a key or set its tags.
    EditKey "key.edit", "API key renamed or tagged", holder Session, sub Anyone, key Session,
        note "Your changes are saved.";
    /// Choose which signals of a key are told.
    ChooseSignals "key.signals", "Signals of an API key chosen", holder OneFactor, sub Anyone,
        note "Your choice is saved.";
    /// Close open sockets of a key.
    CloseSockets "key.close_sockets", "Sockets of an API key closed", holder Session, sub Anyone,
        note "Closed. The program can connect again as long as its key works.";
    /// Let a key work from more addresses.
    WidenKey "key.widen", "API key allowed from more addresses", holder StepUp, sub Anyone, key Consent,
        note "The addresses are changed. If somebody else may know the key, rotate it as well.";
    /// Let a key work from fewer addresses.
    NarrowKey "key.narrow", "API key limited to fewer addresses", holder OneFactor, sub Anyone, key Session,
        note "The addresses are changed. If somebody else may know the key, rotate it as well.";
    /// Stop a key from placing orders and moving funds; it still reads and cancels.
    StopTrading "key.stop_trading", "API key stopped from trading", holder OneFactor, sub Anyone, operator OneFactor,
        host Session,
        note "The key only reads and cancels. Gateways follow within a second.";
    /// Let a key read only.
    MakeReadOnly "key.read_only", "API key limited to reading", holder OneFactor, sub Anyone, host Session,
        note "The key only reads. Gateways follow within a second.";
    /// Stop all keys of an account from trading.
    StopAllTrading "key.stop_all", "All API keys stopped from trading", holder OneFactor, sub Anyone,
        note "All keys only read and cancel. Gateways follow within a second.";
    /// Lift a key's quarantine.
    LiftQuarantine "key.lift_quarantine", "Quarantine of an API key lifted", holder StepUp, sub Master, host Session,
        note "The quarantine is lifted.";
    /// Let a key work at once that was made or loosened on a new device.
    ReleaseKey "key.release", "API key released from the waiting time of a new device", holder StepUp, sub Anyone,
        note "The key works now. Gateways follow within a second.";
    /// Make a key's limits stricter.
    TightenFences "key.tighten", "API key limits made stricter", holder OneFactor, sub Anyone, host Session,
        note "The limits are changed. Gateways follow within a second.";
    /// Make a key's limits less strict.
    LoosenFences "key.loosen", "API key limits made less strict", holder StepUp, sub Anyone, host Session,
        note "The limits are changed. Gateways follow within a second.";
    /// Make the limits of an account stricter.
    TightenAccountLimits "account.tighten", "Account limits made stricter", holder OneFactor, sub Master, host Session,
        note "The limits are changed. Gateways follow within a second.";
    /// Make the limits of an account less strict.
    LoosenAccountLimits "account.loosen", "Account limits made less strict", holder StepUp, sub Master, host Session,
        note "The limits are changed. Gateways follow within a second.";
    /// Have a request wait for the master account's approval.
    AskApproval "transfer.ask", "Approval of a request asked for", key Session, duties "gateway";
    /// Use up the approval of a transfer.
    UseApproval "transfer.use", "Approval of a transfer used", duties "gateway";
    /// Give back an approval whose transfer was not sent.
    ReturnApproval "transfer.return", "Approval of a transfer given back", duties "gateway";
    /// Approve what keys ask for: transfers, and changes of sub-accounts and their keys.
    ApproveRequests "transfer.approve", "Requests of programs approved", holder StepUp, host Session,
        note "Approved. Each request passes once when its program sends it again, within 24 hours.";
    /// Refuse what keys ask for.
    RefuseRequests "transfer.refuse", "Requests of programs refused", holder OneFactor, host Session,
        note "Refused. The programs are told when they send the requests again.";
    /// Have more transfers wait for an approval.
    TightenThresholds "transfer.tighten", "Transfer thresholds lowered", holder OneFactor, host Session,
        note "The thresholds are changed.";
    /// Have fewer transfers wait for an approval.
    LoosenThresholds "transfer.loosen", "Transfer thresholds raised", holder StepUp, host Session,
        note "The thresholds are changed.";
    /// Disable a key.
    DisableKey "key.disable", "API key disabled", holder OneFactor, sub Anyone, host Session, duties "sandbox",
        note "The key is disabled. Gateways refuse it within a second.";
    /// Enable a key.
    EnableKey "key.enable", "API key enabled", holder StepUp, sub Master, host Session,
        note "The key is enabled.";
    /// Make a key's successor.
    RotateKey "key.rotate", "API key rotated", holder StepUp, sub Anyone;
    /// End the overlap of a rotation now.
    EndOverlap "key.end_overlap", "Rotation overlap ended early", holder OneFactor, sub Anyone,
        note "The old key has expired. Only its successor works now.";
    /// Delete a key.
    DeleteKey "key.delete", "API key deleted", holder OneFactor, sub Anyone, key Session, host Session, duties "sandbox",
        note "The key is deleted. Gateways refuse it within a second.";
    /// Delete the keys that were not used since a moment.
    DeleteUnusedKeys "key.delete_unused", "Unused API keys deleted", holder OneFactor, sub Anyone,
        note "The unused keys are deleted. Gateways refuse them within a second.";
    /// Disable keys that the holder selected.
    DisableKeys "key.disable_selected", "Selected API keys disabled", holder OneFactor, sub Anyone,
        note "The selected keys are disabled. Gateways refuse them within a second.";
    /// Enable keys that the holder selected.
    EnableKeys "key.enable_selected", "Selected API keys enabled", holder StepUp, sub Master,
        note "The selected keys are enabled.";
    /// Delete keys that the holder selected.
    DeleteKeys "key.delete_selected", "Selected API keys deleted", holder OneFactor, sub Anyone,
        note "The selected keys are deleted. Gateways refuse them within a second.";
    /// Disable a key that leaked.
    ReportLeak "key.leaked", "API key reported as leaked", holder OneFactor, sub Anyone,
        note "The key is disabled. Continue with the steps below.";
    /// Disable all keys of an account.
    DisableAllKeys "key.disable_all", "All API keys disabled", holder OneFactor, sub Anyone,
        note "All keys are disabled. Gateways refuse them within a second.";
    /// Disable all keys of an account by the link of an alert.
    Brake "key.brake", "All API keys disabled by the link in an alert", holder Link;
    /// Freeze a key.
    FreezeKey "key.freeze", "API key frozen by an operator", operator OneFactor,
        note "The key is frozen. Gateways refuse it within a second.";
    /// Record a review of an account's keys, and do what it answers.
    FinishReview "review.finish", "Review of API keys finished", holder OneFactor, sub Anyone,
        note "The review is recorded. Gateways follow its changes within a second.";
    /// Tell a user that a review is due.
    RemindReview "review.remind", "Reminder about a review sent", duties "sweep";
    /// End idle and dated keys.
    SweepKeys "key.sweep", "API keys expired", duties "sweep";
    /// Lift the holds whose time is over.
    EndCooling "key.end_cooling", "API keys released after the waiting time", duties "sweep";
    /// End overlaps whose successor has taken over.
    EndOverlaps "key.end_overlaps", "Rotation overlaps ended", duties "sweep";
    /// Tell holders of what will happen.
    Remind "alert.remind", "Reminder about an API key sent", duties "sweep";
    /// Tell a holder of what a gateway saw.
    RaiseAlert "alert.raise", "Security alert sent", duties "watch";
    /// Put a key in quarantine that does several unusual things.
    QuarantineKey "key.quarantine", "API key put in quarantine by a rule", duties "watch";
    /// Stop a key whose secret somebody proved to have leaked.
    StopLeaked "key.stop_leaked", "API key stopped: its secret leaked", duties "leaks";
    /// Write the sandbox's fixtures for features that have no action yet.
    SeedSandbox "sandbox.seed", "Sandbox data created", duties "sandbox";
    /// Offer the first operator's place by a link.
    OfferSetUp "role.offer", "Operator set-up link created", host Session, duties "start";
    /// Take the place that a set-up link offers.
    TakeSetUp "role.set_up", "Operator set up by link", holder StepUp,
        note "You are now an operator.";
    /// Offer the second operator's place by a link, while the set-up lasts.
    InviteOperator "role.invite", "Second operator invited", operator StepUp;
    /// Propose a change that other operators must approve.
    Propose "proposal.make", "Change proposed", operator StepUp,
        note "Your change is proposed. The other operators were told by mail.";
    /// Approve a proposal.
    Approve "proposal.approve", "Proposal approved", operator StepUp,
        note "Your approval is recorded.";
    /// Cancel a proposal.
    CancelProposal "proposal.cancel", "Proposal cancelled", operator OneFactor,
        note "The proposal is cancelled.";
    /// Give somebody a role.
    GrantRole "role.grant", "Role granted", operator Proposal;
    /// Take somebody's role away.
    RevokeRole "role.revoke", "Role revoked", operator OneFactor,
        note "The role is revoked.";
    /// Freeze an account with all its keys.
    FreezeAccount "account.freeze", "Account frozen", operator OneFactor,
        note "The account is frozen. Gateways refuse all its keys within a second.";
    /// Lift the freeze of an account.
    ThawAccount "account.thaw", "Account unfrozen", operator Proposal;
    /// Lift the freeze of a key.
    ThawKey "key.thaw", "API key unfrozen", operator Proposal;
    /// Remove the second factor of somebody who lost it.
    ResetFactors "account.factors.reset", "Second factor removed by operators", operator Proposal;
    /// Make a policy stricter.
    TightenPolicy "policy.tighten", "Policy made stricter", operator OneFactor,
        note "The policy is in force.";
    /// Make a policy less strict.
    LoosenPolicy "policy.loosen", "Policy made less strict", operator Proposal;
    /// Wrap the store's root key under another master key.
    RotateMasterKey "master_key.rotate", "Master key rotated", host Proposal;
    /// Add an alert channel: lets data out.
    AddChannel "channel.add", "Alert channel added", holder StepUp,
        note "The channel is added. Send a test to check that it arrives.";
    /// Rename a channel, or choose what it gets and when.
    ChangeChannel "channel.change", "Alert channel changed", holder OneFactor,
        note "Your changes are saved.";
    /// Remove a channel.
    RemoveChannel "channel.remove", "Alert channel removed", holder OneFactor,
        note "The channel is removed.";
    /// Send a message to try a channel.
    TestChannel "channel.test", "Alert channel tested", holder Session,
        note "A test message is on its way. Its result appears below.";
    /// Send a message again that could not be delivered.
    SendAgain "channel.send_again", "Alert message sent again", holder Session,
        note "The message is being sent again, with the same id.";
    /// Pause channels that nothing gets through to.
    PauseChannels "channel.pause", "Alert channels paused", duties "channels";
    /// Add a passkey.
    EnrolPasskey "account.passkey.add", "Passkey added", holder StepUp,
        note "The passkey is added. You can sign in with it, without a password.";
    /// Rename a passkey.
    RenamePasskey "account.passkey.rename", "Passkey renamed", holder Session,
        note "The passkey is renamed.";
    /// Remove a passkey.
    RemovePasskey "account.passkey.remove", "Passkey removed", holder StepUp,
        note "The passkey is removed.";
    /// Register an app.
    RegisterApp "app.register", "App registered", holder OneFactor,
        note "The app is saved as a draft. Add the ranges of its servers, then submit it for review.";
    /// Change what a broker says of an app.
    EditApp "app.edit", "App profile changed", holder OneFactor,
        note "The app is changed.";
    /// Hand an app in for review.
    SubmitApp "app.submit", "App submitted for review", holder Session,
        note "The app is submitted. Operators review it, and you get a mail with the result.";
    /// Let holders see an app.
    VerifyApp "app.verify", "App verified", operator Proposal;
    /// Send an app back to its broker.
    RejectApp "app.reject", "App rejected", operator OneFactor,
        note "The app is rejected. Its broker is told why.";
    /// Submit ranges that add something.
    SubmitRanges "app.ranges.submit", "App ranges submitted", holder StepUp,
        note "The ranges are submitted. Operators review them, and you get a mail with the result.";
    /// Put ranges in force that only take away.
    NarrowRanges "app.ranges.narrow", "App ranges narrowed", holder OneFactor,
        note "The ranges are in force.";
    /// Take a submission back.
    WithdrawRanges "app.ranges.withdraw", "App range submission withdrawn", holder Session,
        note "The submission is withdrawn.";
    /// Submit ranges on a broker's behalf.
    EnterRanges "app.ranges.enter", "App ranges entered by an operator", operator OneFactor,
        note "The ranges are entered, and the broker is told. They still need an approval.";
    /// Read ranges, which are confidential.
    ReadRanges "app.ranges.read", "App ranges read by an operator", operator Session;
    /// Put submitted ranges in force.
    ApproveRanges "app.ranges.approve", "App ranges approved", operator Proposal;
    /// Send a submission back to the broker.
    RejectRanges "app.ranges.reject", "App ranges rejected", operator OneFactor,
        note "The ranges are rejected. Their broker is told why.";
    /// Note that a broker showed itself from one of its ranges.
    ProveControl "app.ranges.prove", "Control of an app range proven", duties "proof";
    /// End the overlaps of ranges whose time is over.
    RetireRanges "app.ranges.retire", "Overlap of app ranges ended", duties "sweep";
    /// Freeze all keys of an app.
    FreezeApp "app.freeze", "All keys of an app frozen", holder OneFactor, operator OneFactor,
        note "All keys of the app are frozen. Gateways refuse them within a second.";
    /// Let all keys of an app work again.
    ThawApp "app.thaw", "App unfrozen", holder StepUp, operator Proposal,
        note "The app is unfrozen. Its keys work again.";
    /// Demand successors for all keys of an app.
    DemandSuccessors "app.demand", "Successors of an app's keys demanded", operator OneFactor,
        note "Successors are demanded. Users and the broker are being told.";
    /// Take such a demand back before its deadline.
    WithdrawDemand "app.demand.withdraw", "Demand for successors withdrawn", operator Proposal;
    /// Hold the keys of an app whose successors were due.
    HoldDemanded "app.demand.hold", "Keys held because their successor is overdue", duties "sweep";
    /// Tell holders what happened to an app.
    TellAppNews "app.tell", "Holders informed about an app", duties "sweep";
    /// Announce maintenance to all users.
    AnnounceMaintenance "maintenance.announce", "Maintenance announced", operator Proposal;
    /// Tell users about maintenance that operators announced.
    TellAnnouncement "announcement.tell", "Users told about maintenance", duties "sweep";
    /// Write the key to a file that the exchange verifies identities with.
    ExportIdentityKey "identity_key.export", "Identity key exported", host Session;
    /// Put a backup of the store back.
    RestoreStore "store.restore", "Backup restored", host Session;
}

impl ActionKind {
    /// The word in the audit log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.row().word
    }

    /// The title of its audit records, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// What it asks of the holder of an account (product.md 2).
    #[must_use]
    pub const fn ceremony(self) -> Ceremony {
        self.row().holder
    }

    /// Whether a user may do it who acts for a sub-account, as its master or as a member.
    #[must_use]
    pub fn is_for_sub_accounts(self, acting: ActingAs) -> bool {
        match (self.row().acting, acting) {
            (Some(ActingAs::Member), _) | (Some(ActingAs::Master), ActingAs::Master) => true,
            (Some(ActingAs::Master), ActingAs::Member) | (None, _) => false,
        }
    }

    /// What it asks of a master account's key that administers sub-accounts (product.md 5).
    #[must_use]
    pub const fn key_ceremony(self) -> Ceremony {
        self.row().key
    }

    /// What it asks of an operator who acts on the deployment or on somebody's account (product.md 5).
    #[must_use]
    pub const fn operator_ceremony(self) -> Ceremony {
        self.row().operator
    }

    /// What it asks of a person at the host who has the master key.
    #[must_use]
    pub const fn host_ceremony(self) -> Ceremony {
        self.row().host
    }

    /// The duties of the system that do it.
    #[must_use]
    pub const fn duties(self) -> &'static [&'static str] {
        self.row().duties
    }

    /// What a page says when it is done; empty where no page does it.
    #[must_use]
    pub const fn note(self) -> &'static str {
        self.row().note
    }

    /// The action that a word in the store names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.word() == word)
    }
}
