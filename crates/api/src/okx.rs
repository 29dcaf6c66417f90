//! OKX's envelope (contract section 2): compact JSON, `code` a string, no `data` in refusals of the
//! authentication layer.

use bytes::Bytes;
use keyward_rules::denial::Denial;
use keyward_rules::fence::Refused;
use keyward_rules::orders;
use serde_json::Value;

/// The body of a refusal: `{"msg":"…","code":"…"}`, members in this order, no white space.
///
/// Clients search the text for `"code":"50113"`, so its spelling is part of the contract.
#[must_use]
pub fn refusal(denial: &Denial) -> Bytes {
    body(denial.entry().code, &denial.text())
}

/// The same for a code and text that a lower layer chose.
#[must_use]
pub fn body(code: &str, text: &str) -> Bytes {
    let text = serde_json::Value::from(text);
    Bytes::from(format!("{{\"msg\":{text},\"code\":\"{code}\"}}"))
}

/// The body of a refusal of the request with this path and body. Limits refuse orders element by element, as the exchange
/// does: clients look for `sCode` there.
#[must_use]
pub fn refusal_of(denial: &Denial, path: &str, asked: &[u8]) -> Bytes {
    let Denial::Fenced(refused) = denial else { return refusal(denial) };
    match refused_elements(refused, path, asked) {
        None => Bytes::from(format!(
            "{{\"code\":\"{}\",\"data\":[],\"msg\":{}}}",
            refused.code(),
            Value::from(refused.to_string())
        )),
        Some(data) => Bytes::from(format!("{{\"code\":\"1\",\"data\":{data},\"msg\":\"{ALL_FAILED}\"}}")),
    }
}

/// What OKX says where no element of a request was done.
pub const ALL_FAILED: &str = "All operations failed";

/// The elements of a request for orders that limits refuse, as its answer has them: the refused one with its reason, the others
/// with the same code, because they were not sent either. `None` for a route whose answers have no such elements.
pub(crate) fn refused_elements(refused: &Refused, path: &str, asked: &[u8]) -> Option<String> {
    let (order, client) = match path {
        "/api/v5/trade/order"
        | "/api/v5/trade/batch-orders"
        | "/api/v5/trade/amend-order"
        | "/api/v5/trade/amend-batch-orders" => ("ordId", "clOrdId"),
        "/api/v5/trade/order-algo" => ("algoId", "algoClOrdId"),
        _ => return None,
    };
    let lines = orders::read(path, asked, b"").map(|orders| orders.lines).unwrap_or_default();
    let at_fault = usize::from(refused.element);
    let element = |at: usize| {
        let line = lines.get(at);
        let text = |id: Option<&String>| Value::from(id.map(String::as_str).unwrap_or_default());
        let reason = if at == at_fault || lines.is_empty() {
            refused.to_string()
        } else {
            format!("not sent: order {} of this request is refused by this key's limits", at_fault + 1)
        };
        format!(
            "{{\"{client}\":{},\"{order}\":{},\"sCode\":\"{}\",\"sMsg\":{},\"tag\":\"\",\"ts\":\"\"}}",
            text(line.and_then(|line| line.client_id.as_ref())),
            text(line.and_then(|line| line.exchange_id.as_ref())),
            refused.code(),
            Value::from(reason)
        )
    };
    let elements: Vec<String> = (0..lines.len().max(1)).map(element).collect();
    Some(format!("[{}]", elements.join(",")))
}

#[cfg(test)]
mod tests {
    use keyward_rules::denial::Denial;
    use keyward_rules::fence::{Fence, Reason, Refused, Whose};

    use super::{refusal, refusal_of};

    #[test]
    fn limits_refuse_orders_element_by_element() {
        let denial = Denial::Fenced(Refused {
            reason: Reason::NotAllowed(Fence::Instruments),
            whose: Whose::Key,
            element: 1,
        });
        let body = br#"[{"instId":"A-B","clOrdId":"x"},{"instId":"C-D","clOrdId":"y"}]"#;
        let said = |path, body: &[u8]| -> serde_json::Value {
            serde_json::from_slice(&refusal_of(&denial, path, body)).unwrap()
        };
        let reply = said("/api/v5/trade/batch-orders", body);
        assert_eq!((&reply["code"], reply["data"].as_array().unwrap().len()), (&"1".into(), 2));
        assert_eq!(
            (&reply["data"][1]["clOrdId"], &reply["data"][1]["sCode"]),
            (&"y".into(), &"51001".into())
        );
        assert!(
            reply["data"][1]["sMsg"].as_str().unwrap().starts_with("refused by this key's limit instruments")
        );
        assert!(reply["data"][0]["sMsg"].as_str().unwrap().starts_with("not sent: order 2"));
        let reply = said("/api/v5/trade/order", b"{");
        assert_eq!(reply["data"][0]["clOrdId"], "");
        let reply = said("/api/v5/asset/withdrawal", b"{}");
        assert_eq!((&reply["code"], &reply["data"]), (&"51001".into(), &serde_json::json!([])));
    }

    #[test]
    fn every_refusal_is_compact_json_in_okx_form() {
        for denial in Denial::examples() {
            let body = refusal(&denial);
            let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(read["code"], denial.entry().code);
            assert_eq!(read.as_object().unwrap().len(), 2);
            assert!(!std::str::from_utf8(&body).unwrap().contains("{ip}"));
        }
        assert_eq!(&refusal(&Denial::SignWrong)[..], br#"{"msg":"Invalid Sign","code":"50113"}"#);
    }
}
