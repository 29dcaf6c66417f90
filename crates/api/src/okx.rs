//! OKX's envelope (contract section 2): compact JSON, `code` a string, no `data` in refusals of the
//! authentication layer.

use bytes::Bytes;
use keyward_rules::denial::Denial;

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

#[cfg(test)]
mod tests {
    use keyward_rules::denial::Denial;

    use super::refusal;

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
