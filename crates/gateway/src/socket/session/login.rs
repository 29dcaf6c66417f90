//! Whose socket it is: the login, checked as a signed request.

use std::sync::Arc;

use keyward_api::socket::{self as wire, Close};
use keyward_rules::decision::{LoggedIn, Received, Whole};
use keyward_rules::denial::Denial;
use keyward_rules::key::KeyFacts;
use keyward_rules::okx::Credentials;
use keyward_rules::route::{Class, Found, Method};
use keyward_rules::socket::LoginArgs;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::{Came, NOTHING, PASSED, SECOND_LOGIN, Session, TOO_FREQUENT, Turn, Upstream};
use crate::admit::{check_lease, look_up, reject_stranger};
use crate::observe;
use crate::socket::identity_line::{self, framed};
use crate::strangers::Bait;

/// What a login signs in place of a request (contract 3.1).
const LOGIN_TARGET: &[u8] = b"/users/self/verify";
/// In the journal and the identity.
const LOGIN: &str = "WS login";

impl<'d> Session<'d> {
    /// Source rate → key known → timestamp → passphrase → signature → state, address, environment → lease → room.
    pub(super) async fn log_in(
        &mut self,
        upstream: &mut Upstream,
        login: &LoginArgs<'_>,
        came: Came<'_>,
    ) -> Turn {
        let id = login.id.as_deref();
        if !self.take_request() {
            return self.error("60014", TOO_FREQUENT, id, came);
        }
        if self.login.is_some() {
            return self.error("60031", SECOND_LOGIN, id, came);
        }
        let (logged_in, facts) = match self.check_login(login, came).await {
            Ok(checked) => checked,
            Err(denial) => {
                let (code, text) = wire::login_code(&denial);
                let close = end_of_login(&denial);
                return Turn {
                    close: Some(close),
                    ..Turn::reply(wire::error(code, &text, id, &self.conn_id))
                };
            }
        };
        observe::used(self.context(), &facts, self.asked.source, came.at());
        let whose = Some((facts.id, facts.account));
        let told = self.login_frame(upstream.is_some(), &facts, came);
        let logged_in = Arc::new(logged_in);
        if let Err(full) = self.entry.join(Arc::clone(&logged_in), facts, came.at()) {
            self.record(came, LOGIN, whose, Denial::Busy.entry().code);
            let text = format!("Login failed. {} too many open sockets.", full.words());
            let reply = wire::error("60009", &text, id, &self.conn_id);
            return Turn { close: Some(Close::TooManySockets), ..Turn::reply(reply) };
        }
        self.activity.mark_known();
        self.login = Some(logged_in);
        self.record(came, LOGIN, whose, PASSED);
        if let (Some(upstream), Some(frame)) = (upstream, told)
            && upstream.push(Message::text(frame)).is_err()
        {
            return Turn::close(Close::UpstreamLost);
        }
        Turn::reply(wire::login_holds(&self.conn_id))
    }

    async fn check_login(
        &self,
        login: &LoginArgs<'_>,
        came: Came<'_>,
    ) -> Result<(LoggedIn, KeyFacts), Denial> {
        let (context, source) = (self.context(), self.asked.source);
        let asked = self.ledger.or(self.asked.environment);
        if context.is_banned(source) {
            return Err(Denial::RateExceeded);
        }
        let credentials = Credentials::of_login(login.members(), asked)?;
        let facts = look_up(context, credentials.key).await.map_err(|rejection| rejection.denial)?;
        let whole = Whole {
            id: came.id,
            method: Method::Get,
            target: LOGIN_TARGET,
            body: &NOTHING,
            plain: true,
            credentials,
            routed: Found::Unknown,
            source,
            door: self.asked.door,
            now: came.at(),
        };
        let bait = Bait::of(facts.as_ref());
        let verified = match Received::new(whole).verify(facts, &context.keys.passphrases) {
            Ok(verified) => verified,
            Err(denial) => {
                let named = (credentials.key, bait, LOGIN);
                let rejection = reject_stranger(context, denial, named, source, came.at_us);
                if context.counters.sources.may_record(source, came.at_us) {
                    let code = rejection.denial.entry().code;
                    self.hand_in(self.draft(came, LOGIN, (rejection.key, None), code), None, 0);
                }
                return Err(rejection.denial);
            }
        };
        // The key's holder asks: neither this request nor the socket counts against the address that others share.
        context.counters.sources.refund(source);
        context.counters.sources.refund(source);
        context.counters.sources.refund_socket(source);
        let whose = (verified.facts().id, verified.facts().account);
        let opened = verified.open().and_then(|opened| check_lease(context, Class::Read).map(|()| opened));
        opened.inspect_err(|denial| {
            observe::misplaced(context, denial, source, came.at());
            self.record(came, LOGIN, Some(whose), denial.entry().code);
        })
    }

    /// What tells the exchange of the login, if there is a socket to it already.
    fn login_frame(&self, is_open: bool, facts: &KeyFacts, came: Came<'_>) -> Option<String> {
        let came = Came { body: &identity_line::LOGIN, ..came };
        is_open.then(|| framed(self.context(), &self.outgoing(came, LOGIN, Some(facts))))
    }
}

/// How a socket ends whose login is refused. 4001 tells programs not to come back, so it is not said of what passes.
fn end_of_login(denial: &Denial) -> Close {
    if matches!(denial, Denial::Busy | Denial::Unavailable) {
        Close::LeaseOut
    } else if matches!(denial, Denial::RateExceeded) {
        Close::Flood
    } else {
        Close::LoginFailed
    }
}
