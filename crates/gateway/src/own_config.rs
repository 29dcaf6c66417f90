//! What a program reads of its own key with `GET /api/v5/account/config` (OKX contract 5.4): the exchange's answer, with the members
//! that Keyward knows and the exchange does not.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use keyward_rules::decision::Permit;
use keyward_rules::id::KeyId;
use keyward_rules::okx::words_of;
use serde_json::Value;

use crate::context::RequestContext;
use crate::reply::ReplyBody;

/// The path.
const CONFIG: &str = "/api/v5/account/config";
/// How long the answer waits for the key's name.
const PATIENCE: Duration = Duration::from_secs(1);

/// The members that are Keyward's.
pub struct OwnConfig {
    key: KeyId,
    members: [(&'static str, String); 4],
}

impl OwnConfig {
    /// Those of a request's key, if it asks for them.
    pub fn asked(permit: &Permit<'_>) -> Option<Self> {
        if permit.route().path != CONFIG {
            return None;
        }
        let facts = permit.facts();
        let members = [
            ("perm", words_of(facts.permissions)),
            ("ip", facts.reach.own_addresses()),
            ("uid", facts.account.to_string()),
            ("mainUid", facts.master.unwrap_or(facts.account).to_string()),
        ];
        Some(Self { key: facts.id, members })
    }

    /// Writes them into the exchange's answer. One that is no plain envelope passes as it is, and without the store the label is
    /// the exchange's.
    pub async fn lay_over(self, context: &RequestContext, reply: Response<ReplyBody>) -> Response<ReplyBody> {
        let body = reply.body().all().filter(|_| reply.status() == StatusCode::OK).cloned();
        let Some(body) = body else { return reply };
        let name = tokio::time::timeout(PATIENCE, context.sub_accounts.name_of(self.key)).await;
        let label = name.ok().flatten().map(|name| ("label", name));
        let Some(laid) = laid_over(&body, label.into_iter().chain(self.members)) else { return reply };
        let (mut parts, _) = reply.into_parts();
        // The old length would cut the new body.
        parts.headers.remove(CONTENT_LENGTH);
        Response::from_parts(parts, ReplyBody::whole(laid))
    }
}

/// The envelope with these members in the one element of its data.
fn laid_over(body: &[u8], members: impl Iterator<Item = (&'static str, String)>) -> Option<Bytes> {
    let mut envelope: Value = serde_json::from_slice(body).ok()?;
    if envelope.get("code")?.as_str() != Some("0") {
        return None;
    }
    let [Value::Object(config)] = envelope.get_mut("data")?.as_array_mut()?.as_mut_slice() else {
        return None;
    };
    for (name, value) in members {
        config.insert(name.to_owned(), Value::from(value));
    }
    Some(Bytes::from(envelope.to_string()))
}

#[cfg(test)]
mod tests {
    use super::laid_over;

    fn laid(body: &str) -> Option<String> {
        let members = [("label", "bot".to_owned()), ("uid", "7".to_owned())];
        laid_over(body.as_bytes(), members.into_iter())
            .map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn members_are_replaced_where_they_stand() {
        let body = r#"{"code":"0","data":[{"acctLv":"2","label":"","uid":"1","autoLoan":true}],"msg":""}"#;
        let expected =
            r#"{"code":"0","data":[{"acctLv":"2","label":"bot","uid":"7","autoLoan":true}],"msg":""}"#;
        assert_eq!(laid(body).as_deref(), Some(expected));
        let without = r#"{"code":"0","data":[{}],"msg":""}"#;
        assert_eq!(
            laid(without).as_deref(),
            Some(r#"{"code":"0","data":[{"label":"bot","uid":"7"}],"msg":""}"#)
        );
    }

    #[test]
    fn what_is_no_plain_envelope_passes() {
        for body in [
            r#"{"code":"50001","data":[],"msg":"x"}"#,
            r#"{"code":"0","data":[{},{}],"msg":""}"#,
            r#"{"code":0,"data":[{}]}"#,
            r#"{"code":"0","data":{}}"#,
            "<html>",
            "",
            "[]",
        ] {
            assert_eq!(laid(body), None, "{body}");
        }
    }
}
