//! The key: its name, passphrase and secret, what a new one must satisfy, its life, and the facts that a
//! verdict uses of it.

mod environment;
mod facts;
mod life;
mod maker;
mod name;
mod passphrase;
mod rate_cap;
mod secret_key;
mod spec;
mod sub_account_cap;

pub use environment::{Environment, NotAnEnvironment};
pub use facts::{AppReach, FewV4, KeyFacts, Reach};
pub use life::{EndCause, Hold, HolderState, Holds, Life, LifecycleError};
pub use maker::{Maker, Wider};
pub(crate) use name::is_invisible;
pub use name::{KeyName, NotAName};
pub use passphrase::{NotAPassphrase, Passphrase, PassphraseKey, PassphraseTag};
pub use rate_cap::{NotARateCap, RateCap};
pub use secret_key::{NotASecret, SecretKey};
pub use spec::{
    KeyPolicy, KeyRefusal, KeySpec, Need, Owner, Place, Sibling, WideRange, check_name, check_passphrase,
    idle_deadline,
};
pub use sub_account_cap::{BeyondCap, NotForSubAccounts, SubAccountCap, TransfersOut};

pub use crate::id::KeyId;
pub use keyward_hmac_state::HmacState;
