//! Actions on accounts: registering, and what secures one.

mod change_email;
mod change_password;
mod cooling;
mod create;
mod create_sub;
mod phrase;
pub(crate) mod recovery_codes;
mod register;
mod reset;
mod two_factor;

pub use change_email::{ask_for_email, confirm_email, plan_email};
pub use change_password::{change_password, plan_password};
pub use create::create_account;
pub use create_sub::create_sub_account;
pub use phrase::{change_phrase, plan_phrase};
pub use recovery_codes::{plan_recovery, renew_recovery_codes};
pub(crate) use register::address_word;
pub use register::{Registered, ask_to_register, confirm_registration};
pub use reset::{Consent, Reset, ResetForm, ask_to_reset, reset_password};
pub use two_factor::{
    Enrolled, Left, enrol_totp, open_step, plan_enrol, plan_remove, remove_totp, seal_step, try_authenticator,
};
pub(crate) use two_factor::{let_go, reset_factors};

pub(crate) use cooling::{family_holds, is_cooling, moves_funds, rest};
