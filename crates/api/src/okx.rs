//! OKX's envelope (contract section 2): compact JSON, `code` a string, no `data` in refusals of the
//! authentication layer.

use bytes::Bytes;
use keyward_rules::approval::{ApprovalState, Direction, RequestApproval, Wanted};
use keyward_rules::denial::Denial;
use keyward_rules::fence::Refused;
use keyward_rules::id::ApprovalId;
use keyward_rules::orders;
use keyward_rules::time::Moment;
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
    if let Denial::ApprovalWaiting(id) = denial {
        return with_approval(denial, *id, ApprovalState::Waiting);
    }
    if let Denial::ApprovalRefused(id, _) = denial {
        return with_approval(denial, *id, ApprovalState::Refused);
    }
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

/// A refusal that names its approval as data, so that a program need not read the text.
fn with_approval(denial: &Denial, id: ApprovalId, state: ApprovalState) -> Bytes {
    Bytes::from(format!(
        "{{\"code\":\"{}\",\"data\":[{{\"approvalId\":\"{id}\",\"state\":\"{}\"}}],\"msg\":{}}}",
        denial.entry().code,
        state.word(),
        Value::from(&*denial.text())
    ))
}

/// The refusal of a request for several sub-accounts, each of which waits for an approval of its own.
pub(crate) fn waiting_for(approvals: &[(ApprovalId, &str)]) -> Bytes {
    let entry = Denial::ApprovalNeeded.entry();
    let element = |(id, sub_account): &(ApprovalId, &str)| {
        format!("{{\"approvalId\":\"{id}\",\"state\":\"waiting\",\"subAcct\":{}}}", Value::from(*sub_account))
    };
    let data: Vec<String> = approvals.iter().map(element).collect();
    let text = "These changes wait for the approval of the master account. Send the same request again once they are approved.";
    Bytes::from(format!(
        "{{\"code\":\"{}\",\"data\":[{}],\"msg\":{}}}",
        entry.code,
        data.join(","),
        Value::from(text)
    ))
}

/// The state of an approval at `now`, as its own account asks for it. All values are strings, as OKX's are.
#[must_use]
pub fn approval(approval: &RequestApproval, now: Moment) -> Bytes {
    let asked = match &approval.wanted {
        Wanted::Transfer(transfer) => {
            let sub_account = match &transfer.direction {
                Direction::ToSubAccount(name) => name,
                Direction::Within | Direction::ToMaster => "",
            };
            format!(
                "\"ccy\":\"{}\",\"amt\":\"{}\",\"from\":\"{}\",\"to\":\"{}\",\"type\":\"{}\",\"subAcct\":\"{sub_account}\"",
                transfer.currency,
                transfer.amount,
                transfer.from.number(),
                transfer.to.number(),
                transfer.direction.number(),
            )
        }
        Wanted::Change(change) => format!(
            "\"action\":{},\"change\":{},\"subAcct\":{}",
            Value::from(&*change.action),
            Value::from(change.in_words()),
            Value::from(approval.asker.sub_account.as_str())
        ),
    };
    Bytes::from(format!(
        "{{\"code\":\"0\",\"data\":[{{\"approvalId\":\"{}\",\"state\":\"{}\",{asked},\"cTime\":\"{}\",\"expTime\":\"{}\"}}],\
         \"msg\":\"\"}}",
        approval.id,
        approval.state(now).word(),
        approval.made_at.unix_ms(),
        approval.expires_at.unix_ms()
    ))
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

    use keyward_rules::approval::{AskedTransfer, Asker, RequestApproval, Transfer};
    use keyward_rules::id::{AccountId, ApprovalId, KeyId, RequestId};
    use keyward_rules::key::Environment;
    use keyward_rules::time::Moment;

    use super::{approval, refusal, refusal_of};

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
    fn a_transfer_that_waits_names_its_approval_and_its_state_can_be_asked_for() {
        let id = ApprovalId::from_u64(123_456_789_012_345_678).unwrap();
        let said = refusal_of(&Denial::ApprovalWaiting(id), "/api/v5/asset/transfer", b"{}");
        let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
        assert_eq!((&said["code"], &said["data"][0]["state"]), (&"90450".into(), &"waiting".into()));
        assert_eq!(said["data"][0]["approvalId"], "123456789012345678");
        assert!(
            said["msg"]
                .as_str()
                .unwrap()
                .contains("approval 123456789012345678. Send the same request again")
        );
        let asked = AskedTransfer {
            request: RequestId(1),
            key: KeyId::from_entropy([3; 16]),
            account: AccountId::from_u64(2).unwrap(),
            master: AccountId::from_u64(1).unwrap(),
            environment: Environment::Live,
            source: "192.0.2.1".parse().unwrap(),
            transfer: Transfer::parse("USDT 1.5 6 18 4 other01 - -").unwrap(),
            at: Moment::from_unix_ms(5),
        };
        let asker = Asker { sub_account: "probeSub01".into(), key_name: "bot".into(), source: None };
        let state = approval(&RequestApproval::asked(id, &asked, asker), Moment::from_unix_ms(6));
        let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
        let expected = serde_json::json!({
            "approvalId": "123456789012345678", "state": "waiting", "ccy": "USDT", "amt": "1.5", "from": "6", "to": "18",
            "type": "4", "subAcct": "other01", "cTime": "5", "expTime": "86400005"
        });
        assert_eq!((&state["code"], &state["data"][0]), (&"0".into(), &expected));
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
