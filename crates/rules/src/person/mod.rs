//! The person behind an account: password, codes, sessions, and how guessing is slowed (product.md 2).

mod code;
mod delay;
mod passkey;
mod password;
mod session;

pub use code::{CodeKey, CodeTag, MailCode, NotACode, RecoveryCode, TotpCode};
pub use delay::pause_ms;
pub use passkey::{CeremonyId, PasskeyId};
pub use password::{NotAPassword, Password};
pub use session::{Device, SessionId, SessionLife, Token};
