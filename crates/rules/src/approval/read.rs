//! Reads a transfer from the bytes of its request, so strictly that no other reader can take it otherwise.

use super::transfer::{Direction, Transfer, Wallet, is_name};
use crate::fence::{Asked, Element, Reason, strict_elements};
use crate::route::Route;

/// The one route by which a sub-account's key can move funds (OKX contract 5.5). No operation on sockets has it as its twin.
const TRANSFER: &str = "/api/v5/asset/transfer";

/// Whether a route moves funds in a way that can be approved.
pub(crate) fn is_transfer(route: &Route) -> bool {
    route.path == TRANSFER
}

/// Reads the transfer that a sub-account's key asks for.
///
/// # Errors
/// What cannot be read for sure: a member's name, or what is wrong with the whole.
pub(crate) fn read(asked: &Asked<'_>) -> Result<Transfer, &'static str> {
    match elements(asked) {
        Ok(transfer) => Ok(transfer),
        Err(Reason::Unreadable(what)) => Err(what),
        Err(_) => Err("the body"),
    }
}

fn elements(asked: &Asked<'_>) -> Result<Transfer, Reason> {
    let mut elements = strict_elements(asked)?.into_iter();
    let (Some(element), None) = (elements.next(), elements.next()) else {
        return Err(Reason::Unreadable("the form of the body"));
    };
    let mut members = Element::of(element)?;
    let currency = members.text("ccy")?.filter(|name| is_name(name)).ok_or(Reason::Unreadable("ccy"))?;
    let amount = members.decimal("amt")?.filter(|amount| !amount.is_zero());
    let mut wallet = |name| {
        let number = members.code(name)?;
        number.and_then(|number| Wallet::of_number(&number)).ok_or(Reason::Unreadable(name))
    };
    let (from, to) = (wallet("from")?, wallet("to")?);
    let direction = match (members.code("type")?.as_deref().unwrap_or("0"), members.text("subAcct")?) {
        ("0", None) => Direction::Within,
        ("3", None) => Direction::ToMaster,
        ("4", Some(name)) if is_name(&name) => Direction::ToSubAccount(name.into()),
        ("0" | "3" | "4", _) => return Err(Reason::Unreadable("subAcct")),
        // 1 and 2 are the master's.
        (_, _) => return Err(Reason::Unreadable("type")),
    };
    let (borrowed, ignores_risk) = (members.flag("loanTrans")?, members.flag("omitPosRisk")?);
    members.end(&["clientId"])?;
    let amount = amount.ok_or(Reason::Unreadable("amt"))?;
    Ok(Transfer { currency: currency.into(), amount, from, to, direction, borrowed, ignores_risk })
}

#[cfg(test)]
mod tests {
    use super::{TRANSFER, read};
    use crate::fence::Asked;
    use crate::route::{Found, Method, RouteTable};
    use crate::time::Moment;

    fn of(body: &str, plain: bool) -> Result<String, &'static str> {
        let table = RouteTable::okx_v5(1).unwrap();
        let Found::Route(route) = table.find(Method::Post, TRANSFER.as_bytes()) else { panic!("no route") };
        let asked = Asked { route, body: body.as_bytes(), plain, now: Moment::from_unix_ms(1) };
        read(&asked).map(|transfer| transfer.to_string())
    }

    #[test]
    fn one_meaning_however_it_is_written() {
        let meant = "USDT 1.5 6 18 3 - - -";
        for body in [
            r#"{"ccy":"USDT","amt":"1.5","from":"6","to":"18","type":"3"}"#,
            r#"{"to":18,"from":6,"amt":1.50,"type":3,"ccy":"USDT","clientId":"a"}"#,
            " {\"type\" : \"3\", \"ccy\" : \"USDT\", \"amt\" : \"1.500\", \"from\" : \"6\", \"to\" : \"18\", \"subAcct\" : \"\" } ",
            r#"{"ccy":"USDT","amt":"1.5","from":"6","to":"18","type":"3","loanTrans":false,"omitPosRisk":"false","clientId":"b"}"#,
        ] {
            assert_eq!(of(body, true).as_deref(), Ok(meant), "{body}");
        }
        let other = |body| of(body, true).unwrap();
        assert_eq!(other(r#"{"ccy":"BTC","amt":"1","from":"18","to":"6"}"#), "BTC 1 18 6 0 - - -");
        assert_eq!(
            other(
                r#"{"ccy":"BTC","amt":"1","from":"6","to":"6","type":"4","subAcct":"other01","loanTrans":true,"omitPosRisk":true}"#
            ),
            "BTC 1 6 6 4 other01 loan risk"
        );
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        let good = r#"{"ccy":"USDT","amt":"1.5","from":"6","to":"18","type":"3"}"#;
        assert!(of(good, true).is_ok() && of(good, false).is_err());
        for (change, what) in [
            (("\"1.5\"", "\"0\""), "amt"),
            (("\"1.5\"", "\"0.00\""), "amt"),
            (("\"1.5\"", "\"1e3\""), "amt"),
            (("\"1.5\"", "\"-1\""), "amt"),
            (("\"1.5\"", "\" 1.5\""), "amt"),
            (("\"1.5\"", "[\"1.5\"]"), "amt"),
            (("\"USDT\"", "\"US DT\""), "ccy"),
            (("\"USDT\"", "\"\""), "ccy"),
            (("\"USDT\"", "\"-\""), "ccy"),
            (("\"6\"", "\"06\""), "from"),
            (("\"18\"", "\"1\""), "to"),
            (("\"3\"", "\"1\""), "type"),
            (("\"3\"", "\"2\""), "type"),
            (("\"3\"", "\"4\""), "subAcct"),
            (("\"3\"", "\"3\",\"subAcct\":\"other01\""), "subAcct"),
            (("\"3\"", "\"3\",\"loanTrans\":\"yes\""), "loanTrans"),
            (("\"3\"", "\"3\",\"Amt\":\"2\""), "a member that the limits do not know"),
            (("\"3\"", "\"3\",\"amt\":\"2\""), "the body"),
            (("\"3\"", "\"3\",\"\\u0061mt\":\"2\""), "the body"),
            (("\"3\"}", "\"3\"}{}"), "the body"),
        ] {
            let body = good.replacen(change.0, change.1, 1);
            assert_eq!(of(&body, true), Err(what), "{body}");
        }
        let listed = format!("[{good}]");
        assert!(of(&listed, true).is_err() && of("", true).is_err() && of("[]", true).is_err());
        let long = good.replacen("USDT", &"U".repeat(33), 1);
        assert_eq!(of(&long, true), Err("ccy"));
    }
}
