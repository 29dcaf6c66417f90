//! Where a key of the user's own software works from.

use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::key::WideRange;

use super::field_errors::Cause;
use crate::api::Reach;
use crate::fields::Fields;

/// Reads the fields of `addresses.html` as the part of a body that says the same.
pub fn reach_of_form(fields: &Fields) -> Reach {
    if fields.get("reach") == "anywhere" {
        return Reach::Anywhere {};
    }
    let addresses = entries(fields.get("addresses")).map(str::to_owned).collect();
    Reach::Addresses { addresses, acknowledge_wide: fields.has("wide") }
}

/// The entries of a list that a person types: separated by commas, spaces or line ends, as often as they like.
pub fn entries(typed: &str) -> impl Iterator<Item = &str> {
    typed.split([',', '\n', '\r', ' ']).map(str::trim).filter(|entry| !entry.is_empty())
}

/// Judges the addresses. An empty list is an error and never "anywhere".
///
/// Host bits of a form are cleared: the user sees the result while typing, and again before approving it. Those of JSON
/// are refused: nobody reads the result, and the program may mean something else.
pub fn read_binding(reach: &Reach, host_bits: HostBits) -> Result<(Binding, WideRange), Cause> {
    match reach {
        Reach::Anywhere {} => Ok((Binding::Anywhere, WideRange::NotAcknowledged)),
        Reach::Addresses { addresses, acknowledge_wide } => {
            // Only JSON can have such an entry: it would count as two.
            if addresses.iter().any(|entry| entry.contains(',')) {
                return Err(Cause::rule("bad_addresses", "write each address as a separate entry"));
            }
            let set = AddressSet::parse(&addresses.join(","), host_bits)?;
            let wide = if *acknowledge_wide { WideRange::Acknowledged } else { WideRange::NotAcknowledged };
            Ok((Binding::Addresses(set), wide))
        }
    }
}
