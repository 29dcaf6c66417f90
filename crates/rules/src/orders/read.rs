//! What was asked and what was answered, read together.

use super::answer::Answer;
use super::line::Orders;
use super::request::Asked;
use super::table::find;

/// Reads the orders of a POST to this path, and what the exchange answered to them. `None` where the path has none, or the
/// body cannot be read for sure.
///
/// `body` is what the client sent: the body, or the whole text of an operation on a socket, whose path is its twin's. `reply`
/// is what the exchange sent, and empty where it was not asked. Both are read up to 64 KiB.
#[must_use]
pub fn read(path: &str, body: &[u8], reply: &[u8]) -> Option<Orders> {
    let route = find(path)?;
    let Asked { mut lines, op } = Asked::read(route, body)?;
    if let Some(answer) = Answer::read(reply) {
        // A body that has the form of an operation does not pass for one, nor the other way round.
        if answer.op.as_deref() != op {
            return None;
        }
        answer.tell(route.family, &mut lines);
    }
    Some(Orders { lines }.fitted())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use serde_json::{Map, Value, json};

    use super::super::kept::is_kept;
    use super::super::table::Form;
    use super::{Orders, find, read};
    use crate::limits::{ORDER_MESSAGE_BYTES, ORDER_TEXT_CHARS, ORDERS_TEXT_BYTES};

    const PATHS: [&str; 9] = [
        "/api/v5/trade/order",
        "/api/v5/trade/batch-orders",
        "/api/v5/trade/amend-batch-orders",
        "/api/v5/trade/cancel-order",
        "/api/v5/trade/order-algo",
        "/api/v5/trade/cancel-algos",
        "/api/v5/sprd/mass-cancel",
        "/api/v5/asset/transfer",
        "/api/v5/asset/withdrawal",
    ];
    const ORDER: &str = r#"{"instId":"BTC-USDT","side":"buy","ordType":"limit","px":"30000","sz":"0.001"}"#;
    const ACCEPTED: &str =
        r#"{"code":"0","msg":"","data":[{"ordId":"1234","clOrdId":"","sCode":"0","sMsg":""}]}"#;

    #[test]
    fn an_order_and_its_answer_are_read_together() {
        let orders = read(PATHS[0], ORDER.as_bytes(), ACCEPTED.as_bytes()).unwrap();
        assert_eq!(
            orders.to_text(),
            r#"[{"do":"place","side":"buy","inst":"BTC-USDT","type":"limit","px":"30000","sz":"0.001","id":"1234","res":"0"}]"#
        );
        for no_answer in ["", "<html>", "{"] {
            let orders = read(PATHS[0], ORDER.as_bytes(), no_answer.as_bytes()).unwrap();
            assert_eq!(orders.lines[0].result, None);
            assert_eq!(orders.lines[0].price.as_deref(), Some("30000"));
        }
        assert_eq!(read("/api/v5/account/balance", b"{}", b""), None);
        assert_eq!(read(PATHS[0], b"", ACCEPTED.as_bytes()), None, "a GET of the same path");
    }

    #[test]
    fn a_body_and_an_operation_do_not_pass_for_each_other() {
        let operation = format!(r#"{{"id":"1","op":"order","args":[{ORDER}]}}"#);
        let answered = ACCEPTED.replacen('{', r#"{"id":"1","op":"order","#, 1);
        let other = answered.replacen("\"order\"", "\"cancel-order\"", 1);
        let of = |body: &str, reply: &str| read(PATHS[0], body.as_bytes(), reply.as_bytes());
        assert_eq!(of(&operation, &answered), of(ORDER, ACCEPTED));
        assert!(of(&operation, "").is_some() && of(ORDER, "").is_some());
        for (body, reply) in [(&*operation, ACCEPTED), (&*operation, &*other), (ORDER, &*answered)] {
            assert_eq!(of(body, reply), None, "{body} {reply}");
        }
    }

    fn is_sound(orders: &Orders) -> bool {
        let text = orders.to_text();
        let sentences = |orders: &Orders| {
            orders.lines.iter().filter_map(|line| line.result.as_ref()).all(|answered| {
                is_kept(&answered.code)
                    && (answered.text.is_empty() || is_kept(&answered.text))
                    && answered.text.chars().count() <= ORDER_TEXT_CHARS
            })
        };
        (1..=20).contains(&orders.lines.len())
            && text.len() <= ORDERS_TEXT_BYTES
            && sentences(orders)
            && Orders::of_text(&text).as_ref() == Some(orders)
    }

    /// A member of an order or of an answer, with a value that somebody may send.
    fn member() -> impl Strategy<Value = (String, Value)> {
        let names = [
            "instId",
            "instIdCode",
            "sprdId",
            "side",
            "ordType",
            "px",
            "newPx",
            "orderPx",
            "sz",
            "newSz",
            "ccy",
            "amt",
            "toAddr",
            "from",
            "to",
            "type",
            "subAcct",
            "clOrdId",
            "algoClOrdId",
            "clientId",
            "ordId",
            "algoId",
            "wdId",
            "transId",
            "sCode",
            "sMsg",
            "result",
            "tag",
        ];
        let value = prop_oneof![
            6 => "[A-Za-z0-9.-]{1,32}".prop_map(Value::from),
            1 => select(vec!["buy", "sell", "0", "6", "18", "1", ""]).prop_map(Value::from),
            1 => "\\PC{0,150}".prop_map(Value::from),
            1 => any::<String>().prop_map(Value::from),
            1 => any::<i64>().prop_map(Value::from),
            1 => any::<bool>().prop_map(Value::from),
            1 => Just(Value::Null),
            1 => Just(json!([{"a": 1}])),
        ];
        (select(names.to_vec()).prop_map(str::to_owned), value)
    }

    fn element() -> impl Strategy<Value = Value> {
        prop::collection::vec(member(), 0..20)
            .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
    }

    fn elements() -> impl Strategy<Value = Vec<Value>> {
        prop_oneof![
            2 => prop::collection::vec(element(), 1..=1),
            1 => prop::collection::vec(element(), 0..24),
        ]
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_soundly_or_not_at_all(
            path in select(PATHS.to_vec()),
            body in prop::collection::vec(any::<u8>(), 0..64),
            reply in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            prop_assert!(read(path, &body, &reply).as_ref().is_none_or(is_sound));
            prop_assert!(read(path, ORDER.as_bytes(), &reply).as_ref().is_none_or(is_sound));
        }

        #[test]
        fn what_is_read_is_read_again_from_its_text(
            path in select(PATHS.to_vec()),
            asked in elements(),
            answered in elements(),
            is_operation in any::<bool>(),
            code in select(vec!["0", "1", "2", "51000", "50011"]),
        ) {
            let route = find(path).unwrap();
            let is_list = route.form == Form::List;
            let is_operation = is_operation && route.op.is_some();
            let whole = json!({"code": code, "msg": "said", "data": answered});
            let (body, reply) = match (is_operation, is_list) {
                (true, _) => {
                    let mut reply = whole;
                    reply["op"] = Value::from(route.op.unwrap());
                    (json!({"id": "1", "op": route.op, "args": asked}), reply)
                }
                (false, true) => (json!(asked), whole),
                (false, false) => (asked.first().cloned().unwrap_or_else(|| json!({})), whole),
            };
            let body = body.to_string();
            let orders = read(path, body.as_bytes(), reply.to_string().as_bytes());
            let count = if is_operation || is_list { asked.len() } else { 1 };
            let most = if is_list { 20 } else { 1 };
            let is_due = (1..=most).contains(&count) && body.len() <= ORDER_MESSAGE_BYTES;
            prop_assert_eq!(orders.as_ref().map(|orders| orders.lines.len()), is_due.then_some(count), "{}", body);
            prop_assert!(orders.as_ref().is_none_or(is_sound), "{}", body);
        }

        #[test]
        fn a_member_that_is_repeated_is_not_read(at in any::<Index>(), escaped in any::<bool>()) {
            let members: Vec<&str> = ORDER.trim_matches(['{', '}']).split(',').collect();
            let name = members[at.index(members.len())].split('"').nth(1).unwrap();
            let name: String = if escaped {
                name.bytes().map(|byte| format!("\\u{byte:04x}")).collect()
            } else {
                name.to_owned()
            };
            let body = ORDER.replacen('{', &format!("{{\"{name}\":\"1\","), 1);
            prop_assert_eq!(read(PATHS[0], body.as_bytes(), b""), None);
        }
    }
}
