//! A key as the maker of others.

use keyward_rules::fence::Fences;
use keyward_rules::key::Maker;
use keyward_store::KeyRecord;

/// Judges a key as the maker of others. Limits of the whole account are not handed on: each account has its own.
pub(crate) fn as_maker<R>(key: &KeyRecord, judge: impl FnOnce(&Maker<'_>) -> R) -> R {
    let own = key.fences.as_deref().map(Fences::own);
    judge(&Maker {
        permissions: key.permissions,
        binding: &key.binding,
        environment: key.environment,
        expires_at: key.expires_at,
        rate_cap: key.rate_cap,
        fences: own.as_ref(),
    })
}
