//! What the exchange answered: OKX's envelope, whole or with a code for each order (OKX contract 2 and 3.3).

use super::kept::{is_kept, sentence, take};
use super::line::{Answered, OrderLine};
use super::table::Family;
use crate::json::{Object, Value};
use crate::limits::ORDER_MESSAGE_BYTES;

/// OKX's code where some orders of a request were accepted: it says of no order whether it was.
const SOME: &str = "2";

/// An answer in OKX's envelope.
pub(super) struct Answer<'t> {
    /// The `op` of an operation's answer.
    pub(super) op: Option<String>,
    /// What it says of the request as a whole.
    whole: Answered,
    /// What it says of each order, if anything.
    elements: Vec<Object<'t>>,
}

impl<'t> Answer<'t> {
    /// Reads an answer; `None` where there is none, or none that is OKX's.
    pub(super) fn read(answer: &'t [u8]) -> Option<Self> {
        if answer.len() > ORDER_MESSAGE_BYTES {
            return None;
        }
        let mut members = Object::read(std::str::from_utf8(answer).ok()?)?;
        let op = match members.take("op") {
            None => None,
            Some(op) => Some(op.text()?.into_owned()),
        };
        let whole = Answered { code: take(&mut members, "code")?, text: sentence(members.take("msg")) };
        let elements = match members.take("data") {
            None | Some(Value::Null) => Vec::new(),
            Some(data) => data.array()?.into_iter().map(Value::object).collect::<Option<_>>()?,
        };
        Some(Self { op, whole, elements })
    }

    /// Writes into each order what is answered to it. Orders and answers are matched by their places, so there must be as
    /// many, unless the request is answered as a whole.
    pub(super) fn tell(self, family: Family, lines: &mut [OrderLine]) {
        let whole = (self.whole.code != SOME).then_some(self.whole);
        if self.elements.is_empty() {
            for line in lines {
                line.result.clone_from(&whole);
            }
        } else if self.elements.len() == lines.len() {
            for (line, element) in lines.iter_mut().zip(self.elements) {
                tell_one(family, element, whole.as_ref(), line);
            }
        }
    }
}

/// Writes what one element says. Nothing, where it names another order than was asked about.
fn tell_one(family: Family, mut element: Object<'_>, whole: Option<&Answered>, line: &mut OrderLine) {
    let exchange_id = take(&mut element, family.exchange_id());
    let client_id = take(&mut element, family.client_id());
    // Where a request has both, the exchange goes by its own.
    let is_other = match (&line.exchange_id, &exchange_id) {
        (Some(asked), Some(answered)) => asked != answered,
        (_, _) => differ(line.client_id.as_deref(), client_id.as_deref()),
    };
    if is_other {
        return;
    }
    line.exchange_id = line.exchange_id.take().or(exchange_id);
    line.client_id = line.client_id.take().or(client_id);
    // A mass cancellation has no code for its orders.
    let is_failed = matches!(element.take("result"), Some(Value::Flag(false)));
    line.result = match element.take("sCode") {
        None | Some(Value::Null) if is_failed => None,
        None | Some(Value::Null) => whole.cloned(),
        Some(code) => own(code, &mut element, whole),
    };
}

/// What an element's own code says; where it is empty, the element has none.
fn own(code: Value<'_>, element: &mut Object<'_>, whole: Option<&Answered>) -> Option<Answered> {
    let code = code.text_or_number()?;
    if code.is_empty() {
        return whole.cloned();
    }
    is_kept(&code).then(|| Answered { code: code.into_owned(), text: sentence(element.take("sMsg")) })
}

/// Whether two texts are there and are not the same.
fn differ(asked: Option<&str>, answered: Option<&str>) -> bool {
    asked.zip(answered).is_some_and(|(asked, answered)| asked != answered)
}

#[cfg(test)]
mod tests {
    use super::super::line::OrderAction;
    use super::{Answer, Answered, Family, OrderLine};

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn said(code: &str, text: &str) -> Option<Answered> {
        Some(Answered { code: code.to_owned(), text: text.to_owned() })
    }

    /// Orders that only their ids tell apart; an empty one is none.
    fn asked(action: OrderAction, ids: &[(&str, &str)]) -> Vec<OrderLine> {
        let given = |id: &str| (!id.is_empty()).then(|| id.to_owned());
        let line = |(client_id, exchange_id): &(&str, &str)| OrderLine {
            client_id: given(client_id),
            exchange_id: given(exchange_id),
            ..OrderLine::new(action)
        };
        ids.iter().map(line).collect()
    }

    fn told(family: Family, mut lines: Vec<OrderLine>, answer: &str) -> Vec<OrderLine> {
        if let Some(answer) = Answer::read(answer.as_bytes()) {
            answer.tell(family, &mut lines);
        }
        lines
    }

    /// What one new order of the book is answered.
    fn placed(answer: &str) -> OrderLine {
        told(Family::Book, asked(OrderAction::Place, &[("", "")]), answer).remove(0)
    }

    #[test]
    fn one_order_is_accepted_or_refused() {
        let accepted = placed(
            r#"{"code":"0","msg":"","data":[{"clOrdId":"e847","ordId":"2000345622407479296","tag":"","ts":"1695190491421","sCode":"0","sMsg":"","subCode":""}],"inTime":"1695190491421339","outTime":"1695190491423240"}"#,
        );
        assert_eq!((accepted.exchange_id, accepted.client_id), (some("2000345622407479296"), some("e847")));
        assert_eq!(accepted.result, said("0", ""));
        // As the sandbox and OKX refuse: the envelope's code says only that all failed.
        let refused = placed(
            r#"{"code":"1","msg":"All operations failed","data":[{"clOrdId":"","ordId":"","tag":"","sCode":"51008","sMsg":"Order failed. Insufficient USDT balance in account"}],"inTime":"1","outTime":"2"}"#,
        );
        assert_eq!((refused.exchange_id, refused.client_id), (None, None));
        assert_eq!(refused.result, said("51008", "Order failed. Insufficient USDT balance in account"));
    }

    #[test]
    fn an_answer_to_the_whole_request_is_one_to_each_order() {
        for (answer, result) in [
            (r#"{"code":"51000","msg":"Parameter sz error","data":[]}"#, said("51000", "Parameter sz error")),
            (r#"{"msg":"Too Many Requests","code":"50011"}"#, said("50011", "Too Many Requests")),
            (r#"{"code":"58207","data":null,"msg":""}"#, said("58207", "")),
            (
                r#"{"id":"1","op":"batch-orders","code":"60013","msg":"Invalid args","data":[]}"#,
                said("60013", "Invalid args"),
            ),
            (r#"{"code":"1","msg":"Operation failed.","data":[]}"#, said("1", "Operation failed.")),
            // Which of them were accepted, it does not say.
            (r#"{"code":"2","msg":"Bulk operation partially succeeded.","data":[]}"#, None),
        ] {
            let lines = told(Family::Book, asked(OrderAction::Place, &[("a", ""), ("b", "")]), answer);
            assert!(lines.iter().all(|line| line.result == result), "{answer}");
        }
    }

    #[test]
    fn each_order_of_a_batch_has_its_own_answer() {
        let answer = r#"{"code":"2","msg":"Bulk operation partially succeeded.","data":[{"clOrdId":"a","ordId":"12","sCode":"0","sMsg":""},{"clOrdId":"b","ordId":"","sCode":"51020","sMsg":"Order amount should be greater than the min available amount."}]}"#;
        let lines = told(Family::Book, asked(OrderAction::Place, &[("a", ""), ("b", "")]), answer);
        let results: Vec<_> = lines.iter().map(|line| line.result.clone()).collect();
        let too_small = said("51020", "Order amount should be greater than the min available amount.");
        assert_eq!(results, [said("0", ""), too_small]);
        assert_eq!((lines[0].exchange_id.as_deref(), lines[1].exchange_id.as_deref()), (Some("12"), None));
        for count in [1, 3] {
            let ids = vec![("", ""); count];
            let lines = told(Family::Book, asked(OrderAction::Place, &ids), answer);
            assert!(lines.iter().all(|line| line.result.is_none() && line.exchange_id.is_none()));
        }
    }

    #[test]
    fn an_answer_to_another_order_is_none_to_this() {
        let answer = r#"{"code":"0","msg":"","data":[{"clOrdId":"a","ordId":"1","sCode":"0","sMsg":""}]}"#;
        for (action, ids, is_own) in [
            (OrderAction::Place, ("", ""), true),
            (OrderAction::Place, ("a", ""), true),
            (OrderAction::Place, ("b", ""), false),
            (OrderAction::Cancel, ("", "1"), true),
            (OrderAction::Cancel, ("a", "1"), true),
            (OrderAction::Cancel, ("b", "1"), true),
            (OrderAction::Cancel, ("a", "2"), false),
            (OrderAction::Cancel, ("b", ""), false),
        ] {
            let line = told(Family::Book, asked(action, &[ids]), answer).remove(0);
            assert_eq!(line.result, said("0", "").filter(|_| is_own), "{ids:?}");
            let (client_id, exchange_id) = ids;
            if is_own {
                assert_eq!(line.exchange_id.as_deref(), Some("1"));
            } else {
                let kept = (line.client_id.unwrap_or_default(), line.exchange_id.unwrap_or_default());
                assert_eq!((kept.0.as_str(), kept.1.as_str()), (client_id, exchange_id));
            }
        }
    }

    #[test]
    fn elements_without_a_code_go_by_the_whole() {
        let transfer = told(
            Family::Transfer,
            asked(OrderAction::Transfer, &[("", "")]),
            r#"{"code":"0","msg":"","data":[{"transId":"754147","ccy":"USDT","clientId":"","from":"6","amt":"0.1","to":"18"}]}"#,
        );
        assert_eq!(
            (transfer[0].exchange_id.clone(), transfer[0].result.clone()),
            (some("754147"), said("0", ""))
        );
        let withdrawal = told(
            Family::Withdrawal,
            asked(OrderAction::Withdraw, &[("", "")]),
            r#"{"code":"0","msg":"","data":[{"amt":"0.1","wdId":"67485","ccy":"BTC","clientId":"c1","chain":"BTC-Bitcoin"}]}"#,
        );
        assert_eq!(
            (withdrawal[0].exchange_id.clone(), withdrawal[0].client_id.clone()),
            (some("67485"), some("c1"))
        );
        let algo = told(
            Family::Algo,
            asked(OrderAction::PlaceAlgo, &[("", "")]),
            r#"{"code":"0","data":[{"algoClOrdId":"order1234","algoId":"1836487817828872192","clOrdId":"x","sCode":"0","sMsg":"","tag":""}],"msg":""}"#,
        );
        assert_eq!(algo[0].exchange_id, some("1836487817828872192"));
        assert_eq!((algo[0].client_id.clone(), algo[0].result.clone()), (some("order1234"), said("0", "")));
        let closed = r#"{"code":"0","data":[{"clOrdId":"","instId":"BTC-USDT-SWAP","posSide":"long","tag":""}],"msg":""}"#;
        assert_eq!(placed(closed).result, said("0", ""));
        for (empty, result) in
            [("\"\"", said("0", "")), ("null", said("0", "")), ("[]", None), ("true", None)]
        {
            let answer = format!(r#"{{"code":"0","msg":"","data":[{{"sCode":{empty},"sMsg":"x"}}]}}"#);
            assert_eq!(placed(&answer).result, result, "{empty}");
        }
        assert_eq!(placed(r#"{"code":"2","msg":"","data":[{"ordId":"1"}]}"#).result, None);
    }

    #[test]
    fn a_mass_cancellation_that_failed_is_not_accepted() {
        let all = |result: &str| {
            let answer = format!(r#"{{"code":"0","msg":"","data":[{{"result":{result}}}]}}"#);
            told(Family::Options, asked(OrderAction::CancelAll, &[("", "")]), &answer).remove(0).result
        };
        assert_eq!((all("true"), all("false")), (said("0", ""), None));
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        let good = r#"{"code":"0","msg":"","data":[{"ordId":"1","sCode":"0","sMsg":""}]}"#;
        assert!(Answer::read(good.as_bytes()).is_some());
        for answer in [
            "",
            "pong",
            "<html>502 Bad Gateway</html>",
            "[]",
            "{}",
            r#"{"msg":"","data":[]}"#,
            r#"{"code":"","msg":"","data":[]}"#,
            r#"{"code":null,"data":[]}"#,
            r#"{"code":"0","data":{}}"#,
            r#"{"code":"0","data":"x"}"#,
            r#"{"code":"0","data":[1]}"#,
            r#"{"code":"0","data":[null]}"#,
            r#"{"code":"0","op":1,"data":[]}"#,
            r#"{"code":"0","code":"1","data":[]}"#,
            r#"{"code":"0\u0000","data":[]}"#,
            &good.replacen("\"sMsg\"", "\"sCode\"", 1),
            &good.replacen("\"msg\":\"\"", &format!("\"msg\":\"{}\"", "x".repeat(64 * 1024)), 1),
            &format!("{good}{good}"),
        ] {
            assert!(Answer::read(answer.as_bytes()).is_none(), "{answer}");
            assert_eq!(placed(answer), OrderLine::new(OrderAction::Place));
        }
        assert!(Answer::read(b"\x1f\x8b\x08\0").is_none(), "compressed");
        let odd = placed(&good.replacen("\"0\",\"sMsg\"", "\"0\\n\",\"sMsg\"", 1));
        assert_eq!((odd.result, odd.exchange_id), (None, some("1")));
    }
}
