//! What the endpoints answer (OKX contract 5.1, 5.2): all values are strings, but the Booleans.

use keyward_authority::keys::Issued;
use keyward_authority::questions::{ManagedKey, SubAccountView};
use keyward_rules::account::SubAccountName;
use keyward_rules::address::Binding;
use keyward_rules::id::AccountId;
use keyward_rules::key::{KeyName, TransfersOut};
use keyward_rules::okx::words_of;
use keyward_rules::time::Moment;
use serde_json::{Value, json};

/// The array of an envelope.
pub fn array(elements: impl Iterator<Item = Value>) -> String {
    Value::from(elements.collect::<Vec<_>>()).to_string()
}

fn one(element: Value) -> String {
    array(std::iter::once(element))
}

fn label_of(label: Option<&KeyName>) -> &str {
    label.map_or("", KeyName::as_str)
}

fn ms(at: Moment) -> String {
    at.unix_ms().to_string()
}

/// The key's own addresses; empty for none, and for app keys, whose ranges are confidential.
fn addresses(binding: &Binding) -> String {
    match binding {
        Binding::Addresses(set) => set.to_string(),
        Binding::Anywhere | Binding::App(_) | Binding::Canary => String::new(),
    }
}

/// A new sub-account.
pub fn created_sub_account(
    name: &SubAccountName,
    label: Option<&KeyName>,
    id: AccountId,
    at: Moment,
) -> String {
    one(json!({ "subAcct": name.as_str(), "label": label_of(label), "uid": id.to_string(), "ts": ms(at) }))
}

/// An element of the list of sub-accounts. Keyward has standard sub-accounts of one level alone.
pub fn sub_account(sub: &SubAccountView) -> Value {
    json!({
        "type": "1",
        "enable": sub.settings.is_enabled(),
        "subAcct": sub.name.as_str(),
        "uid": sub.id.to_string(),
        "label": label_of(sub.settings.label.as_ref()),
        "mobile": "",
        "gAuth": false,
        "frozenFunc": [],
        "canTransOut": sub.settings.cap.transfers() == TransfersOut::ToSubAccounts,
        "ts": ms(sub.created_at),
        "subAcctLv": "1",
        "firstLvSubAcct": sub.name.as_str(),
        "ifDma": false,
    })
}

/// A new key: the one answer that shows its secret.
pub fn created_key(sub: &SubAccountName, made: &Issued, at: Moment) -> String {
    one(json!({
        "subAcct": sub.as_str(),
        "label": made.spec.name.as_str(),
        "apiKey": made.id.to_string(),
        "secretKey": made.secret.expose(),
        "passphrase": made.passphrase.expose(),
        "perm": words_of(made.spec.permissions),
        "ip": addresses(&made.spec.binding),
        "ts": ms(at),
    }))
}

/// An element of the list of keys.
pub fn key(key: &ManagedKey) -> Value {
    json!({
        "label": key.name.as_str(),
        "apiKey": key.id.to_string(),
        "perm": words_of(key.permissions),
        "ip": addresses(&key.binding),
        "ts": ms(key.created_at),
    })
}

/// A key that was changed.
pub fn changed_key(sub: &SubAccountName, of: &ManagedKey) -> String {
    let mut element = key(of);
    if let Value::Object(members) = &mut element {
        members.insert("subAcct".to_owned(), sub.as_str().into());
    }
    one(element)
}

/// A key that is gone.
pub fn deleted_key(sub: &SubAccountName) -> String {
    one(json!({ "subAcct": sub.as_str() }))
}

/// Whether a sub-account may transfer to others.
pub fn transfer_out(sub: &SubAccountName, on: bool) -> Value {
    json!({ "subAcct": sub.as_str(), "canTransOut": on })
}
