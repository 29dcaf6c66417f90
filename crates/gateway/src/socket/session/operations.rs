//! Operations on orders, and the answers of the exchange that complete their records.

use keyward_api::socket as wire;
use keyward_rules::decision::{LoggedIn, Permit};
use keyward_rules::denial::Denial;
use keyward_rules::route::Route;
use keyward_rules::socket::{FoundOperation, OperationRequest};
use keyward_store::Record;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::{Came, LOG_IN_FIRST, PASSED, Session, Turn, Upstream, Waiting};
use crate::admit::{look_up, pay};
use crate::approvals::UsedConsent;
use crate::forward::Outgoing;
use crate::observe;
use crate::recorder::Unread;
use crate::socket::identity_line::framed;
use crate::socket::side::{READ_OF_CLIENT, READ_OF_EXCHANGE};
use crate::taken_sums::TakenSums;

impl<'d> Session<'d> {
    /// Login → operation known → facts, permission, rates → exchange. What the twin owes by REST is owed here.
    pub(super) async fn operate(
        &mut self,
        upstream: &mut Upstream,
        asked: &OperationRequest<'_>,
        came: Came<'_>,
    ) -> Turn {
        let Some(login) = self.login.clone() else {
            return self.error("60011", LOG_IN_FIRST, Some(&asked.id), came);
        };
        let twin = match self.context().channels.operation(self.asked.endpoint, asked.op) {
            FoundOperation::Operation(operation) => self.context().routes.of_number(operation.twin),
            FoundOperation::OtherPath => return self.error("60028", WRONG_URL, Some(&asked.id), came),
            FoundOperation::Unknown => None,
        };
        let Some(twin) = twin else {
            return self.error("60019", &format!("Invalid op: {}", asked.op), Some(&asked.id), came);
        };
        let sent = match self.permit(&login, twin, came).await {
            Ok(permit) => {
                let taken = TakenSums::of(permit.request());
                let consent = UsedConsent::of(permit.request());
                match self.forward(upstream, &permit, came).await {
                    Ok(()) => Ok(taken),
                    Err(denial) => {
                        taken.give_all_back(self.context());
                        consent.give_back(self.context()).await;
                        Err(denial)
                    }
                }
            }
            Err(denial) => Err(denial),
        };
        match sent {
            Ok(taken) => {
                self.wait_for(asked, twin.path, taken, came);
                Turn::default()
            }
            Err(Denial::Fenced(refused)) => self.fenced(asked, refused, twin.path, came),
            Err(denial) => {
                self.refused(&asked.id, asked.op, (denial.entry().code, &denial.text()), twin.path, came)
            }
        }
    }

    async fn permit<'r>(
        &self,
        login: &LoggedIn,
        twin: &'r Route,
        came: Came<'r>,
    ) -> Result<Permit<'r>, Denial>
    where
        'd: 'r,
    {
        if self.waiting.len() >= self.entry.limits().operations {
            return Err(Denial::Busy);
        }
        let facts = look_up(self.context(), login.key()).await.map_err(|rejection| rejection.denial)?;
        let cleared = login.request(facts, self.parts(came, twin.path.as_bytes()), twin)?;
        pay(self.context(), cleared).await
    }

    /// Forwards a permitted operation, once. The permit's deadline and the key's record are looked at once more before the first
    /// byte goes out.
    async fn forward(
        &mut self,
        upstream: &mut Upstream,
        permit: &Permit<'_>,
        came: Came<'_>,
    ) -> Result<(), Denial> {
        let facts = permit.facts();
        self.open_upstream(upstream, Some(facts), came).await?;
        let context = self.context();
        if !context.view.memory.is_current(facts) || context.clock().now() > permit.deadline() {
            return Err(Denial::Busy);
        }
        let outgoing = Outgoing {
            deadline: permit.deadline(),
            ..self.outgoing(came, &permit.route().label, Some(facts))
        };
        let frame = framed(context, &outgoing);
        let upstream = upstream.as_mut().ok_or(Denial::UpstreamDown)?;
        upstream.push(Message::text(frame)).map_err(|_| Denial::UpstreamDown)?;
        observe::used(context, facts, self.asked.source, came.at());
        Ok(())
    }

    /// A frame of the exchange came; the answer to an operation completes its record.
    pub fn heard_upstream(&mut self, message: &Message) {
        self.state().heard_upstream(self.now_ms());
        let Message::Text(text) = message else { return };
        if self.waiting.is_empty() || !text.contains("\"op\"") {
            return;
        }
        let Ok(Answer { id: Some(id), op: Some(_) }) = serde_json::from_str::<Answer<'_>>(text) else {
            return;
        };
        let Some(at) = self.waiting.iter().position(|waiting| *waiting.id == *id) else { return };
        if let Some(Waiting { record, unread, taken, .. }) = self.take_waiting(at) {
            if let Some(unread) = &unread {
                taken.settle(self.context(), unread.path(), unread.body(), text.as_bytes());
            }
            let unread = unread.map(|unread| unread.answered(text.clone().into(), READ_OF_EXCHANGE));
            self.hand_in(Record { upstream_status: Some(ANSWERED), ..record }, unread, text.len());
        }
        self.note_waiting();
    }

    fn wait_for(
        &mut self,
        asked: &OperationRequest<'_>,
        path: &'static str,
        taken: TakenSums,
        came: Came<'_>,
    ) {
        let record = self.draft(came, path, self.whose().unzip(), PASSED);
        let unread = Unread::of(path, came.body, READ_OF_CLIENT);
        let since_ms = self.now_ms().max(1);
        let mut waiting = Waiting { id: (*asked.id).into(), op: asked.op, since_ms, record, unread, taken };
        if self.kept_bytes + waiting.kept_bytes() > self.entry.limits().kept_bytes {
            waiting.unread = None;
            self.context().reports.recorder.count_without_orders();
        }
        self.kept_bytes += waiting.kept_bytes();
        self.waiting.push_back(waiting);
        self.note_waiting();
    }

    fn take_waiting(&mut self, at: usize) -> Option<Waiting> {
        let taken = self.waiting.remove(at)?;
        self.kept_bytes = self.kept_bytes.saturating_sub(taken.kept_bytes());
        Some(taken)
    }

    fn note_waiting(&self) {
        self.state().waits_since(self.waiting.front().map_or(0, |first| first.since_ms));
    }

    /// Answers operations whose answers are late, as REST does: they may have taken effect.
    pub fn late_answers(&mut self) -> Turn {
        let (now_ms, patience) = (self.now_ms(), self.entry.limits().answer_ms);
        let (denial, mut turn) = (Denial::UpstreamTimeout, Turn::default());
        let (code, text) = (denial.entry().code, denial.text());
        let is_late = |waiting: &Waiting| now_ms.saturating_sub(waiting.since_ms) > patience;
        while self.waiting.front().is_some_and(is_late) {
            let Some(late) = self.take_waiting(0) else { break };
            let began_us = late.record.at.unix_ms().saturating_mul(1_000);
            let now_us = self.context().clock().now_us();
            let reply = wire::operation_refused(&late.id, late.op, code, &text, began_us, now_us);
            self.hand_in(Record { code, ..late.record }, late.unread, reply.len());
            turn.replies.push(reply);
        }
        self.note_waiting();
        turn
    }

    /// Records what waits still: nobody knows how it ended.
    pub fn end(&mut self) {
        let code = Denial::UpstreamTimeout.entry().code;
        while let Some(waiting) = self.take_waiting(0) {
            self.hand_in(Record { code, ..waiting.record }, waiting.unread, 0);
        }
    }
}

const WRONG_URL: &str = "The current operation is not supported by this URL. Please use the correct WebSocket URL for the operation.";

/// An answer of the exchange to an operation, as far as its record goes.
#[derive(Deserialize)]
struct Answer<'t> {
    #[serde(borrow)]
    id: Option<std::borrow::Cow<'t, str>>,
    op: Option<serde::de::IgnoredAny>,
}

/// The status that stands for an answer in the journal: a socket has none of its own.
const ANSWERED: u16 = 200;
