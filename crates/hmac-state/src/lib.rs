//! hmac-state
