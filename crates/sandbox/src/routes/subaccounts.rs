//! `users/subaccount/list`: the sub-accounts that the gateway has vouched for. It makes and changes them itself.

use serde_json::json;

use super::reply::{Answer, rows};
use super::{AccountRequest, Route, get};
use crate::parameters::wants;

pub(super) const ROUTES: &[Route] = &[get("users/subaccount/list", list)];

fn list(desk: &mut AccountRequest<'_>) -> Answer {
    let owner = &desk.caller.owner;
    let register = desk.ledger.register();
    // A sub-account has none of its own, and is not shown its siblings.
    let all = if owner.sub_account.is_some() { &[] } else { desk.ledger.sub_accounts(owner) };
    let wanted = all.iter().filter(|number| !register.is_closed(&owner.sub(number))).filter(|number| {
        wants(desk.parameters, "subAcct", register.name_of(owner, number))
            && wants(desk.parameters, "enable", "true")
    });
    rows(wanted.map(|number| {
        json!({
            "type": "1", "enable": true, "subAcct": register.name_of(owner, number), "uid": number, "label": "", "mobile": "", "gAuth": false,
            "frozenFunc": [], "canTransOut": true, "ts": "1767225600000", "subAcctLv": "1", "firstLvSubAcct": "",
            "ifDma": false
        })
    }))
}
