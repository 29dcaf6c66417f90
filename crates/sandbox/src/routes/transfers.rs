//! `asset/transfer*`: moving money between pots and within a master's own sub-accounts.

use serde_json::{Value, json};

use super::reply::{Answer, rows};
use super::{AccountRequest, Route, get, post};
use crate::ledger::{Transfer, TransferRequest, Wallet, Way};
use crate::markets::Currency;
use crate::parameters::{amount, required, text};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[post("asset/transfer", transfer), get("asset/transfer-state", state)];

fn transfer(desk: &mut AccountRequest<'_>) -> Answer {
    let wish = wish(desk.parameters)?;
    let made = desk.ledger.transfer(&desk.caller.owner, wish, desk.now_ms)?;
    rows([shape(&made)])
}

fn wish(body: &Value) -> Result<TransferRequest, Refusal> {
    let sub_account = || required(body, "subAcct");
    let way = match text(body, "type").as_deref() {
        None | Some("0") => Way::Within,
        Some("1") => Way::ToSubAccount(sub_account()?),
        Some("2") => Way::FromSubAccount(sub_account()?),
        Some("3") => Way::ToMaster,
        Some("4") => Way::ToSibling(sub_account()?),
        Some(_) => return Err(Refusal::Wrong("type")),
    };
    Ok(TransferRequest {
        way,
        currency: Currency::find(&required(body, "ccy")?).ok_or(Refusal::Wrong("ccy"))?,
        amount: amount(body, "amt")?,
        from: Wallet::parse(&required(body, "from")?).ok_or(Refusal::Wrong("from"))?,
        to: Wallet::parse(&required(body, "to")?).ok_or(Refusal::Wrong("to"))?,
        client_id: text(body, "clientId").unwrap_or_default(),
    })
}

fn state(desk: &mut AccountRequest<'_>) -> Answer {
    let (id, client_id) = (text(desk.parameters, "transId"), text(desk.parameters, "clientId"));
    let is = |one: &&Transfer| match (&id, &client_id) {
        (Some(id), _) => one.id.to_string() == *id,
        (None, Some(client_id)) => one.wish.client_id == *client_id,
        (None, None) => false,
    };
    if id.is_none() && client_id.is_none() {
        return Err(Refusal::Either("transId", "clientId"));
    }
    let found = desk.account().transfers.iter().find(is).ok_or(Refusal::Wrong("transId"))?;
    let mut row = shape(found);
    let more = json!({
        "type": found.wish.way.id(), "subAcct": found.wish.way.sub_account(), "state": "success", "instId": "", "toInstId": ""
    });
    if let (Some(row), Value::Object(more)) = (row.as_object_mut(), more) {
        row.extend(more);
    }
    rows([row])
}

fn shape(made: &Transfer) -> Value {
    json!({
        "transId": made.id.to_string(), "clientId": made.wish.client_id, "ccy": made.wish.currency.id(),
        "amt": made.wish.amount.to_string(), "from": made.wish.from.id(), "to": made.wish.to.id()
    })
}
