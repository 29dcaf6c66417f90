//! Actions on accounts: registering, and what secures one.

mod change_email;
mod change_password;
mod cooling;
mod create;
mod left;
mod limits;
mod phrase;
pub(crate) mod recovery_codes;
mod register;
mod reset;
mod two_factor;

pub use change_email::{ChangeEmail, confirm_email};
pub use change_password::ChangePassword;
pub use create::CreateAccount;
pub use left::Left;
pub use limits::ChangeAccountLimits;
pub(crate) use limits::check_in_step;
pub use phrase::ChangePhrase;
pub use recovery_codes::RenewRecoveryCodes;
pub(crate) use register::address_word;
pub use register::{Registered, ask_to_register, confirm_registration};
pub use reset::{Consent, Reset, ResetForm, ask_to_reset, reset_password};
pub use two_factor::{EnrolTotp, Enrolled, RemoveTotp, open_step, seal_step, try_authenticator};
pub(crate) use two_factor::{let_go, reset_factors};

pub(crate) use cooling::{family_holds, is_cooling, moves_funds, rest};
