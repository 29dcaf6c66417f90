//! Who asks: address and device, the session behind a cookie or a bearer token.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use keyward_authority::questions::{Presence, open_session};
use keyward_authority::sign_in;
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::grant::{Actor, Holder, Origin};
use keyward_rules::id::AccountId;
use keyward_rules::key::Environment;
use keyward_rules::person::{Device, Token};

use crate::client::address;
use crate::shell::Shell;

/// The session's cookie: `__Host-` binds it to this host, `Secure` and the path `/`.
pub const SESSION: &str = "__Host-keyward";
/// The cookie by which a browser is known.
pub const DEVICE: &str = "__Host-keyward-device";
/// The cookie that remembers for which sub-account a person acts.
pub const ACTING: &str = "__Host-keyward-account";
/// The header by which a program says for which sub-account it acts: the sub-account's id.
pub const ACTING_HEADER: &str = "keyward-account";
/// The cookie that remembers whether a person looks at live or demo trading.
pub const ENVIRONMENT: &str = "__Host-keyward-environment";
/// A browser is known for so long, and so long it remembers the environment.
const DEVICE_SECONDS: u64 = 400 * 24 * 60 * 60;

/// Where a request came from. The address is the socket's, or what a trusted proxy says.
pub struct From(pub Origin);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(origin(parts)))
    }
}

/// Address and device of a request.
pub fn origin(parts: &Parts) -> Origin {
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Origin { address: address(parts), device: Device::of(agent.unwrap_or_default()) }
}

/// Every answer about an address or a password takes at least this long, so that its time tells nothing about the
/// account.
pub const EVEN_TIME: std::time::Duration = std::time::Duration::from_millis(300);

/// Who a token's full session makes of a request.
pub struct Session {
    /// The session as stored.
    pub record: keyward_authority::SessionRecord,
    /// The person.
    pub holder: Holder,
}

/// The session that `token` opens, whatever its stage.
///
/// # Errors
/// [`ActionError::Store`].
pub async fn session(
    shell: &Shell,
    origin: Origin,
    token: &Token,
    presence: Presence,
) -> Result<Option<Session>, ActionError> {
    let context: ActionContext<'_> = shell.context(Actor::Visitor(origin.clone()));
    let Some(record) = open_session(&context, token, presence).await? else { return Ok(None) };
    let holder = Holder {
        account: record.account,
        acting: None,
        session: record.id,
        device_since: record.device_since,
        origin,
    };
    Ok(Some(Session { record, holder }))
}

/// The value of a cookie; the first one counts, and a second one of the name makes it none.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut found = pairs.flat_map(|value| value.split(';')).filter_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The token of the session's cookie.
pub fn session_cookie(headers: &HeaderMap) -> Option<Token> {
    Token::parse(sign_in::PAGES, cookie(headers, SESSION)?)
}

/// The token by which the browser may be known.
pub fn device_cookie(headers: &HeaderMap) -> Option<Token> {
    Token::parse(sign_in::DEVICE, cookie(headers, DEVICE)?)
}

/// The environment that this account's person chose in this browser. It is live until they choose, and for everybody else who
/// uses the browser.
pub fn environment_cookie(headers: &HeaderMap, account: AccountId) -> Environment {
    let chosen = cookie(headers, ENVIRONMENT).and_then(|value| value.split_once('.'));
    let word = chosen.and_then(|(word, of)| (of == account.to_string()).then_some(word));
    word.and_then(|word| word.parse().ok()).unwrap_or(Environment::Live)
}

/// The sub-account that this account's person chose in this browser, which they may no longer be allowed to act for.
pub fn acting_cookie(headers: &HeaderMap, account: AccountId) -> Option<AccountId> {
    let (chosen, of) = cookie(headers, ACTING)?.split_once('.')?;
    if of == account.to_string() { chosen.parse().ok() } else { None }
}

/// The bearer token of a program.
pub fn bearer(headers: &HeaderMap) -> Option<Token> {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") { Token::parse(sign_in::PROGRAM, token) } else { None }
}

/// `Set-Cookie` for a session; it ends with the browser, and on the server before.
pub fn set_session(token: &Token) -> HeaderValue {
    cookie_value(&format!("{SESSION}={}; Path=/; Secure; HttpOnly; SameSite=Lax", token.expose()))
}

/// `Set-Cookie` that ends a session in the browser.
pub fn clear_session() -> HeaderValue {
    cookie_value(&format!("{SESSION}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"))
}

/// `Set-Cookie` by which the browser is known later.
pub fn set_device(token: &Token) -> HeaderValue {
    cookie_value(&format!(
        "{DEVICE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={DEVICE_SECONDS}",
        token.expose()
    ))
}

/// `Set-Cookie` that remembers the environment for an account. It decides what lists show, and gives no right.
pub fn set_environment(environment: Environment, account: AccountId) -> HeaderValue {
    cookie_value(&format!(
        "{ENVIRONMENT}={environment}.{account}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={DEVICE_SECONDS}"
    ))
}

/// `Set-Cookie` that remembers for which sub-account a person acts, until the browser ends. It gives no right: that is looked up
/// for each request.
pub fn set_acting(acting: Option<AccountId>, account: AccountId) -> HeaderValue {
    match acting {
        Some(chosen) => {
            cookie_value(&format!("{ACTING}={chosen}.{account}; Path=/; Secure; HttpOnly; SameSite=Lax"))
        }
        None => cookie_value(&format!("{ACTING}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")),
    }
}

fn cookie_value(text: &str) -> HeaderValue {
    // Prefixes, Base64 and fixed words are valid header text.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::{bearer, cookie, environment_cookie, session_cookie, set_environment};
    use axum::http::{HeaderMap, HeaderValue, header};
    use keyward_rules::id::AccountId;
    use keyward_rules::key::Environment;
    use keyward_rules::person::Token;

    fn headers(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_repeated_cookie_is_none() {
        let one = headers(header::COOKIE, &["a=1; b=2"]);
        assert_eq!(cookie(&one, "b"), Some("2"));
        assert_eq!(cookie(&headers(header::COOKIE, &["b=1; b=2"]), "b"), None);
        assert_eq!(cookie(&headers(header::COOKIE, &["b=1", "b=2"]), "b"), None);
    }

    #[test]
    fn the_environment_is_remembered_for_one_account() {
        let (ann, ben) = (AccountId::from_u64(7).unwrap(), AccountId::from_u64(77).unwrap());
        let set = set_environment(Environment::Demo, ann);
        let kept = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        let seen = |value: &str, account| environment_cookie(&headers(header::COOKIE, &[value]), account);
        assert_eq!((seen(&kept, ann), seen(&kept, ben)), (Environment::Demo, Environment::Live));
        for value in ["demo", "test.7", ".7", "demo.", "demo.07", "demo.7.7", "DEMO.7"] {
            let value = format!("__Host-keyward-environment={value}");
            assert_eq!(seen(&value, ann), Environment::Live, "{value}");
        }
    }

    #[test]
    fn a_cookie_is_no_bearer_token_and_the_other_way() {
        let (pages, program) = (Token::from_entropy("kwp_", [1; 32]), Token::from_entropy("kwt_", [1; 32]));
        let cookies =
            |token: &Token| headers(header::COOKIE, &[&format!("__Host-keyward={}", token.expose())]);
        let bearers =
            |token: &Token| headers(header::AUTHORIZATION, &[&format!("Bearer {}", token.expose())]);
        assert!(session_cookie(&cookies(&pages)).is_some() && session_cookie(&cookies(&program)).is_none());
        assert!(bearer(&bearers(&program)).is_some() && bearer(&bearers(&pages)).is_none());
    }
}
