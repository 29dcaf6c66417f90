//! What a request says.

use super::endpoint::Endpoint;
use super::parameters::Parameters;
use super::refusal::EndpointRefusal;
use crate::account::SubAccountName;
use crate::address::{AddressSet, Binding, HostBits, NotASet};
use crate::id::KeyId;
use crate::key::{KeyName, Passphrase};
use crate::limits::{PAGE_MAX, SUB_ACCOUNTS_PER_REQUEST};
use crate::permission::{Permission, Permissions};
use crate::time::Moment;

/// A request, read and typed.
#[derive(Debug)]
pub enum SubAccountRequest {
    /// Create a sub-account with this name and label.
    CreateSubAccount(SubAccountName, Option<KeyName>),
    /// List sub-accounts.
    ListSubAccounts(SubAccountFilter),
    /// Create a key.
    CreateKey(Box<NewKey>),
    /// List the keys of a sub-account.
    ListKeys(KeyFilter),
    /// Change a key.
    ModifyKey(KeyChange),
    /// Delete this key of this sub-account.
    DeleteKey(SubAccountName, KeyId),
    /// Choose whether these sub-accounts may transfer to others.
    SetTransferOut(Vec<SubAccountName>, bool),
    /// List sub-accounts in custody.
    ListEntrusted,
}

/// Which sub-accounts are listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubAccountFilter {
    /// Only those that are frozen (`false`), or that are not (`true`).
    pub enabled: Option<bool>,
    /// Only this one.
    pub name: Option<SubAccountName>,
    /// Only those created before.
    pub before: Option<Moment>,
    /// Only those created after.
    pub after: Option<Moment>,
    /// At most so many.
    pub limit: usize,
}

/// Which keys are listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyFilter {
    /// Whose.
    pub sub_account: SubAccountName,
    /// Only this one.
    pub key: Option<KeyId>,
}

/// A key to create.
#[derive(Debug)]
pub struct NewKey {
    /// Whose.
    pub sub_account: SubAccountName,
    /// Its name.
    pub label: KeyName,
    /// Its passphrase.
    pub passphrase: Passphrase,
    /// What it may do; reading is always included.
    pub permissions: Permissions,
    /// Where it works from.
    pub binding: Binding,
}

/// A key to change; what is `None` stays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyChange {
    /// Whose.
    pub sub_account: SubAccountName,
    /// Which.
    pub key: KeyId,
    /// Its name from now on.
    pub label: Option<KeyName>,
    /// What it may do. Permissions never change, so this can only be what it may do already.
    pub permissions: Option<Permissions>,
    /// Where it works from, from now on.
    pub binding: Option<Binding>,
}

/// Reads a request from its target and body.
///
/// # Errors
/// The first parameter that is missing or wrong.
pub fn read(endpoint: Endpoint, target: &[u8], body: &[u8]) -> Result<SubAccountRequest, EndpointRefusal> {
    use SubAccountRequest as Request;
    let query = || Parameters::of_query(target);
    let posted = || Parameters::of_body(body);
    match endpoint {
        Endpoint::CreateSubAccount => create(&posted()?),
        Endpoint::ListSubAccounts => Ok(Request::ListSubAccounts(filter(&query()?)?)),
        Endpoint::CreateKey => Ok(Request::CreateKey(Box::new(new_key(&posted()?)?))),
        Endpoint::ListKeys => {
            let asked = query()?;
            let key = asked.text("apiKey")?.map(key_id).transpose()?;
            Ok(Request::ListKeys(KeyFilter { sub_account: sub_account(&asked)?, key }))
        }
        Endpoint::ModifyKey => Ok(Request::ModifyKey(change(&posted()?)?)),
        Endpoint::DeleteKey => {
            let asked = posted()?;
            Ok(Request::DeleteKey(sub_account(&asked)?, key_id(asked.needed("apiKey")?)?))
        }
        Endpoint::SetTransferOut => transfer_out(&posted()?),
        Endpoint::ListEntrusted => query().map(|_| Request::ListEntrusted),
    }
}

fn create(asked: &Parameters<'_>) -> Result<SubAccountRequest, EndpointRefusal> {
    let name = asked.needed("subAcct")?;
    let name =
        SubAccountName::parse(name).map_err(|why| EndpointRefusal::Wrong("subAcct", why.to_string()))?;
    match asked.needed("type")? {
        "1" => {}
        _ => {
            return Err(EndpointRefusal::Wrong(
                "type",
                "only standard sub-accounts (1) are offered".to_owned(),
            ));
        }
    }
    Ok(SubAccountRequest::CreateSubAccount(name, label(asked)?))
}

fn filter(asked: &Parameters<'_>) -> Result<SubAccountFilter, EndpointRefusal> {
    let moment = |name| match asked.text(name)? {
        None => Ok(None),
        Some(text) => {
            let ms = text.parse().map_err(|_| EndpointRefusal::wrong(name))?;
            Ok(Some(Moment::from_unix_ms(ms)))
        }
    };
    let limit = match asked.text("limit")? {
        None => PAGE_MAX,
        Some(text) => {
            let limit: usize = text.parse().map_err(|_| EndpointRefusal::wrong("limit"))?;
            if limit == 0 {
                return Err(EndpointRefusal::wrong("limit"));
            }
            limit.min(PAGE_MAX)
        }
    };
    Ok(SubAccountFilter {
        enabled: asked.flag("enable")?,
        name: asked.text("subAcct")?.map(existing).transpose()?,
        // OKX's `after` is for older ones, and its `before` for newer ones.
        before: moment("after")?,
        after: moment("before")?,
        limit,
    })
}

fn new_key(asked: &Parameters<'_>) -> Result<NewKey, EndpointRefusal> {
    let sub_account = sub_account(asked)?;
    let label = label(asked)?.ok_or(EndpointRefusal::Missing("label"))?;
    let passphrase = asked.needed("passphrase")?;
    let passphrase = Passphrase::parse(passphrase).map_err(|_| EndpointRefusal::BadPassphrase)?;
    let permissions = permissions(asked)?.unwrap_or(Permissions::READ);
    let binding = match asked.text("ip")? {
        None => Binding::Anywhere,
        Some(list) => addresses(list)?,
    };
    Ok(NewKey { sub_account, label, passphrase, permissions, binding })
}

fn change(asked: &Parameters<'_>) -> Result<KeyChange, EndpointRefusal> {
    let (sub_account, key) = (sub_account(asked)?, key_id(asked.needed("apiKey")?)?);
    let binding = match asked.sent("ip")? {
        None => None,
        // The one empty value that means something: it takes the binding away.
        Some("") => Some(Binding::Anywhere),
        Some(list) => Some(addresses(list)?),
    };
    Ok(KeyChange { sub_account, key, label: label(asked)?, permissions: permissions(asked)?, binding })
}

fn transfer_out(asked: &Parameters<'_>) -> Result<SubAccountRequest, EndpointRefusal> {
    let mut names = asked
        .needed("subAcct")?
        .split(',')
        .map(|name| existing(name.trim_matches(' ')))
        .collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable();
    names.dedup();
    if names.len() > SUB_ACCOUNTS_PER_REQUEST {
        let why = format!("at most {SUB_ACCOUNTS_PER_REQUEST} sub-accounts");
        return Err(EndpointRefusal::Wrong("subAcct", why));
    }
    Ok(SubAccountRequest::SetTransferOut(names, asked.flag("canTransOut")?.unwrap_or(true)))
}

fn sub_account(asked: &Parameters<'_>) -> Result<SubAccountName, EndpointRefusal> {
    existing(asked.needed("subAcct")?)
}

/// The name of a sub-account that may be there. A text that is no name is the name of none.
fn existing(name: &str) -> Result<SubAccountName, EndpointRefusal> {
    SubAccountName::parse(name).map_err(|_| EndpointRefusal::NoSubAccount)
}

fn key_id(text: &str) -> Result<KeyId, EndpointRefusal> {
    KeyId::parse(text.as_bytes()).map_err(|_| EndpointRefusal::NoKey)
}

fn label(asked: &Parameters<'_>) -> Result<Option<KeyName>, EndpointRefusal> {
    let parsed = |text| KeyName::parse(text).map_err(|why| EndpointRefusal::Wrong("label", why.to_string()));
    asked.text("label")?.map(parsed).transpose()
}

/// Permissions in OKX's words, reading always included (OKX contract 5.1).
fn permissions(asked: &Parameters<'_>) -> Result<Option<Permissions>, EndpointRefusal> {
    let Some(list) = asked.text("perm")? else { return Ok(None) };
    let right = |word: &str| match word.trim_matches(' ') {
        "read_only" => Ok(Permission::Read),
        "trade" => Ok(Permission::Trade),
        "withdraw" => {
            Err(EndpointRefusal::Wrong("perm", "keys that withdraw are created in the console".to_owned()))
        }
        _ => Err(EndpointRefusal::Wrong("perm", "the words are read_only and trade".to_owned())),
    };
    let rights = list.split(',').map(right).collect::<Result<Vec<_>, _>>()?;
    let all = rights.into_iter().chain([Permission::Read]);
    Permissions::new(all).map(Some).map_err(|_| EndpointRefusal::wrong("perm"))
}

fn addresses(list: &str) -> Result<Binding, EndpointRefusal> {
    match AddressSet::parse(list, HostBits::Refuse) {
        Ok(set) => Ok(Binding::Addresses(set)),
        Err(NotASet::TooMany { .. }) => Err(EndpointRefusal::TooManyAddresses),
        Err(NotASet::Entry { at, why }) => Err(EndpointRefusal::Wrong("ip", format!("entry {at}: {why}"))),
        Err(NotASet::Empty) => Err(EndpointRefusal::wrong("ip")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, EndpointRefusal, SubAccountRequest, read};
    use crate::address::Binding;
    use crate::permission::Permission;

    const KEY: &str = "37c541a1-0a00-4000-8000-000000000001";

    fn posted(endpoint: Endpoint, body: &str) -> Result<SubAccountRequest, EndpointRefusal> {
        read(endpoint, b"/x", body.as_bytes())
    }

    fn created(body: &str) -> Result<(bool, Binding), EndpointRefusal> {
        let request = posted(Endpoint::CreateKey, body)?;
        let SubAccountRequest::CreateKey(new) = request else { panic!("{request:?}") };
        assert!(new.permissions.allows(Permission::Read));
        Ok((new.permissions.allows(Permission::Trade), new.binding))
    }

    #[test]
    fn a_key_reads_always_and_works_from_anywhere_without_addresses() {
        let base = r#"{"subAcct":"probeSub01","label":"bot 1.0","passphrase":"Probe-Pass1!""#;
        assert_eq!(created(&format!("{base}}}")), Ok((false, Binding::Anywhere)));
        assert_eq!(
            created(&format!(r#"{base},"perm":"","ip":"","tag":"x"}}"#)),
            Ok((false, Binding::Anywhere))
        );
        assert_eq!(created(&format!(r#"{base},"perm":"trade"}}"#)), Ok((true, Binding::Anywhere)));
        let bound =
            created(&format!(r#"{base},"perm":"read_only, trade","ip":"192.0.2.1, 2001:db8::/64"}}"#));
        assert!(matches!(bound, Ok((true, Binding::Addresses(_)))), "{bound:?}");
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let body = |name: &str, value: &str| {
            let mut members = vec![
                ("subAcct", r#""probeSub01""#),
                ("label", r#""bot""#),
                ("passphrase", r#""Probe-Pass1!""#),
            ];
            members.retain(|(known, _)| *known != name);
            if !value.is_empty() {
                members.push((name, value));
            }
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        };
        let code = |name: &str, value: &str| created(&body(name, value)).unwrap_err().code();
        for name in ["subAcct", "label", "passphrase"] {
            assert_eq!(code(name, ""), "50014", "{name}");
            assert_eq!(code(name, r#""""#), "50014", "{name}");
            assert_eq!(code(name, "null"), "50014", "{name}");
            assert_eq!(code(name, "[]"), "51000", "{name}");
        }
        assert_eq!(code("subAcct", r#""no such name""#), "59510");
        assert_eq!(code("label", r#""\u202e""#), "51000");
        assert_eq!(code("passphrase", r#""short""#), "59505");
        for perm in ["withdraw", "read", "read_only,,trade", "manage", "trade;read_only"] {
            assert_eq!(code("perm", &format!("\"{perm}\"")), "51000", "{perm}");
        }
        assert_eq!(code("ip", r#""192.0.2.1/24""#), "51000");
        assert_eq!(code("ip", r#""anywhere""#), "51000");
        let many: Vec<String> = (0..21).map(|n| format!("10.{n}.0.1")).collect();
        assert_eq!(code("ip", &format!("\"{}\"", many.join(","))), "59503");
    }

    #[test]
    fn only_a_modification_takes_an_empty_list_of_addresses_for_something() {
        let of = |more: &str| {
            let body = format!(r#"{{"subAcct":"probeSub01","apiKey":"{KEY}"{more}}}"#);
            match posted(Endpoint::ModifyKey, &body) {
                Ok(SubAccountRequest::ModifyKey(change)) => change,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(of("").binding, None);
        assert_eq!(of(r#","ip":null"#).binding, None);
        assert_eq!(of(r#","ip":"""#).binding, Some(Binding::Anywhere));
        assert_eq!(of(r#","label":"","perm":"""#), of(""), "empty ones are absent");
        assert!(of(r#","label":"other""#).label.is_some());
    }

    #[test]
    fn names_for_transfers_out_are_few_and_each_once() {
        let of = |body: &str| match posted(Endpoint::SetTransferOut, body) {
            Ok(SubAccountRequest::SetTransferOut(names, on)) => Ok((names.len(), on)),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.code()),
        };
        assert_eq!(of(r#"{"subAcct":"probeSub01"}"#), Ok((1, true)));
        assert_eq!(of(r#"{"subAcct":"probeSub01, other01,other01","canTransOut":"False"}"#), Ok((2, false)));
        assert_eq!(of(r#"{"subAcct":"probeSub01","canTransOut":"no"}"#), Err("51000"));
        let many: Vec<String> = (10..31).map(|n| format!("probeSub{n}")).collect();
        assert_eq!(of(&format!(r#"{{"subAcct":"{}"}}"#, many.join(","))), Err("51000"));
        assert_eq!(of(r#"{"subAcct":""}"#), Err("50014"));
    }

    #[test]
    fn lists_are_filtered() {
        let list = |query: &str| match read(Endpoint::ListSubAccounts, format!("/x{query}").as_bytes(), b"") {
            Ok(SubAccountRequest::ListSubAccounts(filter)) => Ok(filter),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.code()),
        };
        let all = list("").unwrap();
        assert_eq!((all.limit, all.enabled, all.name), (100, None, None));
        let some = list("?enable=true&subAcct=probeSub01&after=5&before=2&limit=7").unwrap();
        assert_eq!((some.limit, some.enabled), (7, Some(true)));
        assert_eq!(some.before.map(|at| at.unix_ms()), Some(5), "after is for older ones");
        assert_eq!(some.after.map(|at| at.unix_ms()), Some(2));
        assert_eq!(list("?limit=1000").unwrap().limit, 100);
        for odd in ["?limit=0", "?limit=-1", "?limit=x", "?after=x", "?enable=1"] {
            assert_eq!(list(odd), Err("51000"), "{odd}");
        }
    }
}
