//! The question for a passkey, as answers and problem documents carry it.

use keyward_authority::passkeys::Offer;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A question for a passkey; good for five minutes, for one answer, for nothing but what it came with.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyQuestion {
    /// Its id, which the answer names.
    pub ceremony: String,
    /// What the browser asks the passkey: `PublicKeyCredential.parse…OptionsFromJSON` takes it.
    pub options: Value,
}

impl From<Offer> for PasskeyQuestion {
    fn from(offer: Offer) -> Self {
        Self { ceremony: offer.ceremony.to_string(), options: offer.options }
    }
}
