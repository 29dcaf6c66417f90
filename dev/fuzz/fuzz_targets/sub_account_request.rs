//! Requests that administer sub-accounts: what is read agrees with a reader of plain JSON, and what two readers could take differently
//! is refused.
#![no_main]

use keyward_fuzz::colons;
use keyward_rules::address::Binding;
use keyward_rules::limits::{ADDRESSES_PER_KEY, PAGE_MAX, SUB_ACCOUNTS_PER_REQUEST};
use keyward_rules::okx::sub_accounts::{Endpoint, SubAccountRequest, read};
use keyward_rules::permission::Permission;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const ENDPOINTS: [Endpoint; 8] = [
    Endpoint::CreateSubAccount,
    Endpoint::ListSubAccounts,
    Endpoint::CreateKey,
    Endpoint::ListKeys,
    Endpoint::ModifyKey,
    Endpoint::DeleteKey,
    Endpoint::SetTransferOut,
    Endpoint::ListEntrusted,
];

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let endpoint = ENDPOINTS[usize::from(*first) % ENDPOINTS.len()];
    let posted =
        !matches!(endpoint, Endpoint::ListSubAccounts | Endpoint::ListKeys | Endpoint::ListEntrusted);
    let (target, body): (&[u8], &[u8]) = if posted { (b"/x", rest) } else { (rest, b"") };
    let request = match read(endpoint, target, body) {
        Ok(request) => request,
        Err(refusal) => {
            assert!(refusal.code().len() == 5 && !refusal.text().is_empty());
            return;
        }
    };
    let plain: Value = if posted {
        let plain: Value = serde_json::from_slice(body).unwrap();
        let text = std::str::from_utf8(body).unwrap();
        assert_eq!(colons(text), colons(&plain.to_string()), "no member is there twice");
        plain
    } else {
        Value::Null
    };
    let bounded = |binding: &Binding| match binding {
        Binding::Anywhere => true,
        Binding::Addresses(set) => set.to_string().split(',').count() <= ADDRESSES_PER_KEY,
        Binding::App(_) | Binding::Canary => false,
    };
    match request {
        SubAccountRequest::CreateSubAccount(name, _) => assert_eq!(plain["subAcct"], name.as_str()),
        SubAccountRequest::ListSubAccounts(filter) => assert!((1..=PAGE_MAX).contains(&filter.limit)),
        SubAccountRequest::CreateKey(new) => {
            assert_eq!(plain["passphrase"], new.passphrase.expose());
            assert!(new.permissions.allows(Permission::Read) && bounded(&new.binding));
            let more = [Permission::Withdraw, Permission::Funding, Permission::Manage];
            assert!(more.into_iter().all(|right| !new.permissions.allows(right)));
        }
        SubAccountRequest::ModifyKey(change) => {
            let empty = plain["ip"].as_str() == Some("");
            assert_eq!(change.binding == Some(Binding::Anywhere), empty, "only an empty list unbinds");
            assert!(change.binding.as_ref().is_none_or(bounded));
        }
        SubAccountRequest::SetTransferOut(names, _) => {
            assert!((1..=SUB_ACCOUNTS_PER_REQUEST).contains(&names.len()));
        }
        SubAccountRequest::ListKeys(_)
        | SubAccountRequest::DeleteKey(..)
        | SubAccountRequest::ListEntrusted => {}
    }
});
