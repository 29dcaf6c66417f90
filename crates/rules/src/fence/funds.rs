//! One transfer or withdrawal as its client asks for it.

use std::borrow::Cow;

use super::body::Element;
use super::decimal::Decimal;
use super::refused::{Fence, Reason};
use super::set::{Destination, TransferFence, WithdrawalFence};
use crate::json::Value;
use crate::time::Moment;

/// How much of which currency, once the destination is allowed.
pub(super) struct Moved {
    /// The currency.
    pub(super) currency: Box<str>,
    /// The amount, with the fee where one is given.
    pub(super) amount: Decimal,
}

/// Judges where a transfer goes. `between` is for the master's transfers between sub-accounts.
pub(super) fn transfer(fence: &TransferFence, element: Value<'_>, between: bool) -> Result<Moved, Reason> {
    let mut members = Element::of(element)?;
    let moved = moved(&mut members)?;
    let from = members.code("from")?.ok_or(Reason::Unreadable("from"))?;
    let to = members.code("to")?.ok_or(Reason::Unreadable("to"))?;
    let place = if between {
        members.text("fromSubAccount")?.ok_or(Reason::Unreadable("fromSubAccount"))?;
        of_sub(members.text("toSubAccount")?.ok_or(Reason::Unreadable("toSubAccount"))?)
    } else {
        let way = members.code("type")?;
        let sub_account = members.text("subAcct")?;
        match (way.as_deref().unwrap_or("0"), sub_account) {
            ("0", None) | ("2", Some(_)) => Cow::Borrowed(own(&to)),
            ("1" | "4", Some(name)) => of_sub(name),
            ("3", None) => Cow::Borrowed("master"),
            (_, _) => return Err(Reason::Unreadable("type")),
        }
    };
    // What is not one of the two own accounts has no name that a list could hold.
    let known = !place.is_empty() && !own(&from).is_empty();
    members.end(&["clientId", "loanTrans", "omitPosRisk"])?;
    let listed = fence.destinations.as_ref().is_none_or(|list| list.iter().any(|one| **one == *place));
    if known && listed { Ok(moved) } else { Err(Reason::NotAllowed(Fence::Transfer)) }
}

fn of_sub(name: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(format!("sub:{name}"))
}

/// An own account by its number (OKX contract 5.5), or nothing.
fn own(number: &str) -> &'static str {
    match number {
        "6" => "funding",
        "18" => "trading",
        _ => "",
    }
}

/// Judges where a withdrawal goes: the same currency, chain and address, letter by letter.
pub(super) fn withdrawal(fence: &WithdrawalFence, element: Value<'_>, now: Moment) -> Result<Moved, Reason> {
    let mut members = Element::of(element)?;
    let mut moved = moved(&mut members)?;
    if let Some(fee) = members.decimal("fee")? {
        moved.amount = moved.amount.plus(fee).ok_or(Reason::Unreadable("fee"))?;
    }
    let on_chain = members.code("dest")?.as_deref() == Some("4");
    // The default is an address of a wallet.
    let to_wallet = members.code("toAddrType")?.is_none_or(|kind| kind == "1");
    let chain = members.text("chain")?;
    let address = members.text("toAddr")?.ok_or(Reason::Unreadable("toAddr"))?;
    // Who receives it is the exchange's business with the same address.
    members.object("rcvrInfo")?;
    members.end(&["clientId"])?;
    if !(on_chain && to_wallet) {
        return Err(Reason::NotAllowed(Fence::Withdrawal));
    }
    // The exchange would choose one.
    let chain = chain.ok_or(Reason::NoChain)?;
    let is_this =
        |to: &&Destination| to.currency == moved.currency && *to.chain == *chain && *to.address == *address;
    match fence.destinations.iter().find(is_this) {
        None => Err(Reason::NotAllowed(Fence::Withdrawal)),
        Some(to) if to.usable_from > now => Err(Reason::NotYet),
        Some(_) => Ok(moved),
    }
}

fn moved(members: &mut Element<'_>) -> Result<Moved, Reason> {
    let currency = members.text("ccy")?.ok_or(Reason::Unreadable("ccy"))?;
    let amount = members.decimal("amt")?.filter(|amount| !amount.is_zero());
    Ok(Moved { currency: currency.into(), amount: amount.ok_or(Reason::Unreadable("amt"))? })
}
