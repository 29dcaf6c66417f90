//! From method and path to the handler.
//!
//! Invariants: a private handler runs only for a caller whose identity was verified; what it changes is told to those
//! who listen.

use parking_lot::Mutex;
use serde_json::Value;

use crate::caller::Caller;
use crate::hub::Hub;
use crate::ledger::Ledger;
use crate::refusal::Refusal;
use crate::routes::reply::Data;
use crate::routes::route::{AccountRequest, Asked, Handler, Route};
use crate::routes::{
    account, asset, bills, market, orders, public, sizes, subaccounts, trade, transfers, withdrawals,
};

const FAMILIES: [&[Route]; 11] = [
    trade::ROUTES,
    orders::ROUTES,
    account::ROUTES,
    sizes::ROUTES,
    bills::ROUTES,
    asset::ROUTES,
    transfers::ROUTES,
    withdrawals::ROUTES,
    subaccounts::ROUTES,
    market::ROUTES,
    public::ROUTES,
];

/// What a verified request asks for.
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) caller: Option<&'a Caller>,
    pub(crate) parameters: Result<Value, Refusal>,
    /// The client's own limit for the request (OKX's `expTime`), as it came.
    pub(crate) expiry: Option<&'a str>,
    pub(crate) now_ms: u64,
}

/// Finds the route and answers.
pub(crate) fn answer(ledger: &Mutex<Ledger>, hub: &Hub, question: Question<'_>) -> Result<Data, Refusal> {
    let handler = find(question.method, question.path)?;
    let parameters = &question.parameters?;
    let (expiry, now_ms) = (question.expiry, question.now_ms);
    match handler {
        Handler::Public(handler) => handler(&Asked { parameters, now_ms }),
        Handler::Private(handler) => {
            // Only the gateway decides which routes are public; one that differs is not believed.
            let caller = question.caller.ok_or(Refusal::NotFromGateway)?;
            let mut ledger = ledger.lock();
            if ledger.register().is_closed(&caller.owner) {
                return Err(Refusal::SubAccountClosed);
            }
            ledger.see(&caller.owner);
            let answer =
                handler(&mut AccountRequest { ledger: &mut ledger, caller, parameters, expiry, now_ms });
            hub.publish(ledger, now_ms);
            answer
        }
    }
}

fn find(method: &str, path: &str) -> Result<Handler, Refusal> {
    let rest = path.strip_prefix("/api/v5/").ok_or(Refusal::NoRoute)?;
    let mut known = false;
    for route in FAMILIES.into_iter().flatten().filter(|route| route.path == rest) {
        if route.method == method {
            return Ok(route.handler);
        }
        known = true;
    }
    Err(if known { Refusal::WrongMethod } else { Refusal::NoRoute })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{FAMILIES, find};
    use crate::refusal::Refusal;

    #[test]
    fn each_route_once() {
        let mut seen = HashSet::new();
        for route in FAMILIES.into_iter().flatten() {
            assert!(seen.insert((route.method, route.path)), "{} {}", route.method, route.path);
        }
        assert!(!seen.is_empty());
    }

    #[test]
    fn exact_paths_and_methods_only() {
        let refusal = |method, path| find(method, path).err();
        assert_eq!(refusal("POST", "/api/v5/trade/order"), None);
        assert_eq!(refusal("PUT", "/api/v5/trade/order"), Some(Refusal::WrongMethod));
        assert_eq!(refusal("GET", "/api/v5/trade/batch-orders"), Some(Refusal::WrongMethod));
        for path in
            ["/api/v5/trade/order/", "/api/v5/Trade/order", "/api/v5//trade/order", "/trade/order", "/", ""]
        {
            assert_eq!(refusal("GET", path), Some(Refusal::NoRoute), "{path}");
        }
    }
}
