//! What every action works with.

use keyward_rules::app::PrivateRanges;
use keyward_rules::channel::ChannelPolicy;
use keyward_rules::fence::Fences;
use keyward_rules::grant::Actor;
use keyward_rules::id::AccountId;
use keyward_rules::key::PassphraseKey;
use keyward_rules::leak::Reporters;
use keyward_rules::person::{CodeKey, SessionId};
use keyward_rules::policy::Policy;
use keyward_rules::time::Moment;
use keyward_store::{
    Activity, Door, Entropy, ExchangeNotices, Inbox, Log, Reader, SecretPrints, Store, TransferSums, Writer,
};

use crate::apps::ProofOfControl;
use crate::passkeys::RelyingParty;
use crate::work::{Pool, PoolLimits};
use crate::{ActionError, Hasher, Searches};

/// The capabilities of the store that actions and questions use.
#[derive(Clone)]
pub struct Access {
    /// To change things, with a grant.
    pub writer: Writer,
    /// To read for people.
    pub reader: Reader,
    /// To let people in.
    pub door: Door,
    /// To note which alerts were looked at.
    pub inbox: Inbox,
    /// To read the journal.
    pub activity: Activity,
    /// To read the audit log.
    pub log: Log,
    /// To find keys by their secrets.
    pub secret_prints: SecretPrints,
    /// To count transfers below thresholds.
    pub transfer_sums: TransferSums,
    /// To see whether the exchange is told of sub-accounts, and of which it was not.
    pub exchange_notices: ExchangeNotices,
}

/// The keys under which what people know is hashed.
pub struct Secrets {
    /// Of passphrases.
    pub passphrases: PassphraseKey,
    /// Of codes, intents and links.
    pub codes: CodeKey,
}

/// The settings that bear on actions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The policies of the configuration file; operators' own stand above them.
    pub policy: Policy,
    /// Which of them the file names.
    pub named: Vec<&'static str>,
    /// The name that authenticators show.
    pub issuer: String,
    /// The console's address as browsers see it, which passkeys belong to; empty without a console.
    pub origin: String,
    /// On receivers of alerts.
    pub channels: ChannelPolicy,
    /// Whether apps may have private ranges.
    pub private_ranges: PrivateRanges,
    /// Whether the exchange publishes what some limits need.
    pub market: MarketData,
    /// Whether brokers must show that their ranges are theirs.
    pub proof_of_control: ProofOfControl,
    /// Whose signed reports of leaks are believed.
    pub reporters: Reporters,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            named: Vec::new(),
            issuer: "Keyward".to_owned(),
            origin: String::new(),
            channels: ChannelPolicy::default(),
            private_ranges: PrivateRanges::default(),
            market: MarketData::default(),
            proof_of_control: ProofOfControl::default(),
            reporters: Reporters::default(),
        }
    }
}

/// Whether the exchange behind the gateway answers questions for instruments and prices.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum MarketData {
    /// It does, as OKX does.
    #[default]
    Published,
    /// It does not: limits that compare with a price would refuse everything.
    Missing,
}

impl MarketData {
    /// Refuses limits that could only refuse.
    pub(crate) fn check(self, fences: Option<&Fences>) -> Result<(), ActionError> {
        match self {
            Self::Missing if fences.is_some_and(Fences::needs_market) => Err(ActionError::NoMarketData),
            Self::Missing | Self::Published => Ok(()),
        }
    }
}

/// Each file takes 64 MiB and a core for a tenth of a second.
const SEALING: PoolLimits = PoolLimits { at_a_time: 1, of_all: 32, of_one: 2 };

/// Each picture takes a core for some hundredths of a second.
const DRAWING: PoolLimits = PoolLimits { at_a_time: 1, of_all: 32, of_one: 2 };

/// Everything that actions share.
pub struct Authority {
    /// The store.
    pub access: Access,
    /// The keys.
    pub secrets: Secrets,
    /// The source of randomness.
    pub entropy: Entropy,
    /// Where passwords are hashed.
    pub hasher: Hasher,
    /// Where files are sealed under a passphrase.
    pub sealing: Pool<AccountId>,
    /// Where pictures are decoded.
    pub drawing: Pool<AccountId>,
    /// The searches under way.
    pub searches: Searches,
    /// The settings.
    pub settings: Settings,
    /// Who asks for passkeys; `None` where there can be none.
    pub(crate) relying_party: Option<RelyingParty>,
}

impl Authority {
    /// Takes its capabilities from an open store.
    #[must_use]
    pub fn new(store: &Store, entropy: Entropy, settings: Settings) -> Self {
        let access = Access {
            writer: store.writer(),
            reader: store.reader(),
            door: store.door(),
            inbox: store.inbox(),
            activity: store.activity(),
            log: store.log(),
            secret_prints: store.secret_prints(),
            transfer_sums: store.transfer_sums(),
            exchange_notices: store.exchange_notices(),
        };
        let secrets = Secrets { passphrases: store.root().passphrase_key(), codes: store.root().code_key() };
        let relying_party = RelyingParty::at(&settings.origin, &settings.issuer);
        let (hasher, searches) = (Hasher::default(), Searches::default());
        let (sealing, drawing) = (Pool::new(SEALING), Pool::new(DRAWING));
        Self { access, secrets, entropy, hasher, sealing, drawing, searches, settings, relying_party }
    }

    /// The context of what `actor` does at `now`.
    #[must_use]
    pub const fn context(&self, actor: Actor, now: Moment) -> ActionContext<'_> {
        ActionContext { authority: self, actor, now }
    }
}

/// Who acts, when, and with what.
pub struct ActionContext<'d> {
    /// What actions share.
    pub authority: &'d Authority,
    /// Who acts.
    pub actor: Actor,
    /// When.
    pub now: Moment,
}

impl ActionContext<'_> {
    /// Random bytes.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.authority.entropy)(&mut bytes);
        bytes
    }

    /// The session of the actor, if it has one.
    pub(crate) const fn session(&self) -> Option<SessionId> {
        match self.actor.person() {
            Some(holder) => Some(holder.session),
            None => None,
        }
    }

    /// Where the actor sits, in words for a mail: address and device.
    pub(crate) fn origin_in_words(&self) -> (String, String) {
        self.actor.origin().map_or_else(
            || ("the host".to_owned(), "the command line".to_owned()),
            |origin| (origin.address.to_string(), origin.device.to_string()),
        )
    }
}
