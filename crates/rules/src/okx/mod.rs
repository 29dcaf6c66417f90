//! OKX's V5 way of signing a request (contract section 1), over the bytes as they arrived, and its requests that administer
//! sub-accounts (section 5).

mod credentials;
mod permissions;
mod sign;
pub mod sub_accounts;

pub use credentials::{
    Credentials, HEADER_KEY, HEADER_PASSPHRASE, HEADER_SIGN, HEADER_SIMULATED, HEADER_TIMESTAMP,
    RawCredentials, TimestampForm,
};
pub use permissions::words_of;
pub use sign::{Signature, sign};
