//! OKX's V5 way of signing a request (contract section 1), over the bytes as they arrived.

mod credentials;
mod sign;

pub use credentials::{
    Credentials, HEADER_KEY, HEADER_PASSPHRASE, HEADER_SIGN, HEADER_SIMULATED, HEADER_TIMESTAMP,
    RawCredentials, TimestampForm,
};
pub use sign::{Signature, sign};
