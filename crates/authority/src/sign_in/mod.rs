//! Actions of coming and going: password, second factor, sessions.

mod end;
mod lane;
mod note;
mod passkey;
mod password;
mod second_factor;

pub use end::{EndOtherSessions, EndSession};
pub(crate) use lane::{STRANGERS, lane};
pub use note::{leave_note, take_note};
pub use passkey::{present_passkey, present_passkey_second};
pub use password::{Door, Presented, present_password};
pub use second_factor::present_factor;

use keyward_rules::grant::{Actor, Staff};
use keyward_rules::id::AccountId;
use keyward_rules::person::{Device, SessionId, SessionLife, Token};
use keyward_rules::time::Moment;
use keyward_store::{SessionKind, SessionRecord, Stage};

use crate::ActionContext;

/// Prefix of a browser's session token.
pub const PAGES: &str = "kwp_";
/// Prefix of a program's session token.
pub const PROGRAM: &str = "kwt_";
/// Prefix of the token by which a browser is known.
pub const DEVICE: &str = "kwd_";

/// The prefix of a kind's tokens: a cookie never works as a bearer token, nor the other way.
#[must_use]
pub const fn prefix(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Pages => PAGES,
        SessionKind::Program => PROGRAM,
    }
}

/// A fresh session and its token, on a device that is known since then.
pub(crate) fn session(
    context: &ActionContext<'_>,
    account: AccountId,
    kind: SessionKind,
    stage: Stage,
    device_since: Moment,
) -> (SessionRecord, Token) {
    let (source, device) = match &context.actor {
        Actor::Holder(holder) | Actor::Staff(Staff { holder, .. }) => {
            (holder.origin.address.to_string(), holder.origin.device.clone())
        }
        Actor::Visitor(origin) => (origin.address.to_string(), origin.device.clone()),
        // Keys have no sessions.
        Actor::Host(_) | Actor::System(_) | Actor::Key(_) => (String::new(), Device::of("")),
    };
    let record = SessionRecord {
        id: SessionId::from_entropy(context.random()),
        account,
        kind,
        stage,
        life: SessionLife { began_at: context.now, seen_at: context.now },
        source,
        device: device.to_string(),
        device_since,
        note: None,
    };
    (record, Token::from_entropy(prefix(kind), context.random()))
}
