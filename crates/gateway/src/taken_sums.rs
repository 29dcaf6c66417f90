//! Keeps what a request has taken from the sums of a day, and gives it back.

use keyward_rules::decision::Cleared;
use keyward_rules::fence::Sum;
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::orders;
use keyward_rules::time::Moment;
use keyward_store::Released;

use crate::context::RequestContext;

/// What a request has taken from the sums of a day, until it is known what became of it. What is never known stays
/// taken.
pub struct TakenSums {
    request: RequestId,
    /// The key, and its account.
    whose: (KeyId, AccountId),
    at: Moment,
    sums: Vec<Sum>,
}

impl TakenSums {
    /// What a request has taken.
    #[must_use]
    pub fn of(request: &Cleared<'_>) -> Self {
        let parts = request.parts();
        let whose = (request.facts().id, request.facts().account);
        Self { request: parts.id, whose, at: parts.now, sums: request.reserved().to_vec() }
    }

    /// Gives all of it back where the journal does not have it yet.
    pub fn give_back_in_memory(self, context: &RequestContext) {
        context.counters.day_sums.give_back(self.whose, self.sums.iter(), self.at);
    }

    /// Gives all of it back: nothing was sent.
    pub fn give_all_back(self, context: &RequestContext) {
        self.give_back(context, |_| true);
    }

    /// Gives back what the exchange says that it did not take: the elements whose answer is a refusal.
    pub fn settle(self, context: &RequestContext, path: &str, asked: &[u8], answered: &[u8]) {
        if self.sums.is_empty() {
            return;
        }
        let Some(orders) = orders::read(path, asked, answered) else { return };
        let is_refused = |element: u8| {
            let line = orders.lines.get(usize::from(element));
            line.and_then(|line| line.result.as_ref()).is_some_and(|result| result.code != "0")
        };
        self.give_back(context, is_refused);
    }

    fn give_back(self, context: &RequestContext, whose: impl Fn(u8) -> bool) {
        let sums: Vec<Sum> = self.sums.into_iter().filter(|sum| whose(sum.element)).collect();
        if sums.is_empty() {
            return;
        }
        context.counters.day_sums.give_back(self.whose, sums.iter(), self.at);
        let mut elements: Vec<u8> = sums.iter().map(|sum| sum.element).collect();
        elements.dedup();
        let request = self.request;
        let released = elements.into_iter().map(|element| Released { request, element });
        context.reports.recorder.release(released);
    }
}
