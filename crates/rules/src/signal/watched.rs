//! One key that is watched: requests come in, what is unusual comes out.

use std::net::IpAddr;
use std::sync::Arc;

use super::at_once::FirstUse;
use super::baseline::{Baseline, Peaks};
use super::kind::{Signal, SignalKind, SignalSet, Sizes};
use crate::address::Network;
use crate::limits::DAY_MS;
use crate::orders::Orders;
use crate::route::Class;
use crate::time::Moment;

/// Requests are counted in spans of so long, refusals in minutes.
const SPAN_MS: u64 = 3_000;
const MINUTE_MS: u64 = 60_000;
/// Two and a half times as much as ever before is unusual.
const FACTOR: (u32, u32) = (5, 2);
/// Fewer requests in three seconds than this are never a burst, and fewer refusals in a minute never unusual.
const LEAST_REQUESTS: u32 = 20;
const LEAST_REFUSALS: u32 = 30;
/// A request that comes in so late was not late: the clock stepped back.
const LATE_MS: u64 = 5 * 60_000;
/// A key that was not used for so long sleeps.
const DORMANT_MS: u64 = 14 * DAY_MS;
/// Two networks are used at once when a request from a new one lies between two of a usual one, each within so long.
const AT_ONCE_MS: u64 = 5 * 60_000;
/// Different things within so long belong together.
const TOGETHER_MS: u64 = 10 * 60_000;
/// Each kind is told once in so long.
const QUIET_MS: u64 = DAY_MS;

/// From where a key works, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyReach {
    /// From anywhere.
    Unbound,
    /// From addresses that its holder wrote down.
    Bound,
    /// From an app's servers, which are confidential and many.
    App,
}

/// A request whose signature was right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenRequest {
    /// When.
    pub at: Moment,
    /// From where.
    pub source: IpAddr,
    /// Its method and the path of its route; for an operation on a socket those of its twin.
    pub method: &'static str,
    /// See `method`.
    pub route: &'static str,
    /// The class of the route.
    pub class: Class,
    /// `0`, or the code with which it ended.
    pub code: &'static str,
    /// What that says of the key.
    pub outcome: RequestOutcome,
    /// What it asked in orders: the text of [`Orders`], as its record has it.
    pub orders: Option<Arc<str>>,
}

/// What became of a request, as far as it says something of the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestOutcome {
    /// It went to the exchange, whatever that answered.
    Passed,
    /// It was refused for what it asked, or from where.
    Refused,
    /// It was refused for what others do: the exchange or the store is away, there is no room, a rate is used up (which a burst
    /// tells already), a transfer waits for its master (who is asked), the client went away.
    Neither,
}

impl RequestOutcome {
    /// By the code with which the request ended, in the journal.
    #[must_use]
    pub fn of_code(code: &str) -> Self {
        match code {
            // The exchange did not answer in time: it may have taken effect.
            "0" | "50004" => Self::Passed,
            "50001" | "50011" | "50061" | "50013" | "90450" | "gone" => Self::Neither,
            _ => Self::Refused,
        }
    }
}

/// The first request from a network.
#[derive(Clone, Copy, Debug)]
struct Fresh {
    new: Network,
    beside: Network,
    at: Moment,
}

/// What the user was told about a kind of signal.
#[derive(Clone, Copy, Debug)]
struct Told {
    at: Moment,
    beside: SignalSet,
    new_network: bool,
    /// From which size on its holder wants to hear of it, where this one was smaller.
    from: Option<u32>,
}

/// A key, what was learned of it, and what it does now.
#[derive(Clone, Debug)]
pub struct Watched {
    baseline: Baseline,
    /// Requests of the current three seconds, and refusals of the current minute: when they began, and how many.
    requests: (u64, u32),
    refusals: (u64, u32),
    /// The usual network that was used last.
    usual: Option<(Network, Moment)>,
    /// A network that was new, and the usual one that was used shortly before.
    fresh: Option<Fresh>,
    /// When each kind last happened, in the order of [`SignalKind::ALL`].
    happened: [Option<Moment>; SignalKind::ALL.len()],
    /// How large those with a number were, within the time in which things belong together.
    sizes: Sizes,
    /// When it was last used from a network that it was never used from before, while unbound.
    new_network_at: Option<Moment>,
    /// When each was last told, together with what, whether there was a new network, and how large it was.
    told: [Option<Told>; SignalKind::ALL.len()],
    /// What the last request did that this key never did before.
    first_uses: Vec<FirstUse>,
    /// Whether something was learned since it was last kept, and whether it was used at all.
    news: bool,
    used: bool,
    /// When anything last came in.
    seen_at: Moment,
}

impl Watched {
    /// A key of which so much is known.
    #[must_use]
    pub const fn new(baseline: Baseline, now: Moment) -> Self {
        Self {
            baseline,
            requests: (0, 0),
            refusals: (0, 0),
            usual: None,
            fresh: None,
            happened: [None; SignalKind::ALL.len()],
            sizes: Sizes { requests: 0, refusals: 0 },
            new_network_at: None,
            told: [None; SignalKind::ALL.len()],
            first_uses: Vec::new(),
            news: false,
            used: false,
            seen_at: now,
        }
    }

    /// When anything last came in.
    #[must_use]
    pub const fn seen_at(&self) -> Moment {
        self.seen_at
    }

    /// What was learned since the last call: what is news, or all of it where the key is about to be forgotten.
    pub fn to_keep(&mut self, all: bool) -> Option<&Baseline> {
        let news = std::mem::take(&mut self.news);
        let used = all && std::mem::take(&mut self.used);
        (news || used).then_some(&self.baseline)
    }

    /// Notes from which size on the holder wants to hear of what was smaller: it is told again when it has that size.
    pub fn was_too_small(&mut self, kind: SignalKind, from: u32) {
        if let Some(Some(told)) = self.told.get_mut(kind as usize) {
            told.from = Some(from);
        }
    }

    /// Whether it did this before, or may have.
    #[must_use]
    pub fn may_have_done(&self, what: &FirstUse, at: Moment) -> bool {
        self.baseline.may_have_done(what, at)
    }

    /// What the request that was last taken in did for the first time, as far as many accounts may begin it at once.
    pub fn take_first_uses(&mut self) -> Vec<FirstUse> {
        std::mem::take(&mut self.first_uses)
    }

    /// Takes a request in: what is unusual about it, of each kind once a day, and again beside another kind. What is unusual once
    /// is usual from then on. A burst is held against the days before, and raises what is usual to two and a half times of that.
    #[must_use]
    pub fn see(&mut self, request: &SeenRequest, reach: KeyReach) -> Vec<Signal> {
        self.seen_at = self.seen_at.max(request.at);
        self.first_uses.clear();
        let (learned, peaks) = (self.baseline.has_learned(), self.baseline.peaks_before(request.at));
        let mut unusual: [Option<String>; SignalKind::ALL.len()] = Default::default();
        let mut note = |kind: SignalKind, evidence: String| {
            if let Some(place) = unusual.get_mut(kind as usize) {
                *place = Some(evidence);
            }
        };

        let most = unusual_from(peaks.requests, LEAST_REQUESTS);
        let (count, finished, began) = counted(&mut self.requests, request.at.unix_ms(), SPAN_MS);
        // What is learned at first is learned as it is.
        let capped = |count: u32, most: u32| if learned { count.min(most) } else { count };
        let seen = Peaks { requests: capped(finished, most), refusals: 0 };
        self.news |= finished > 0 && self.baseline.raise(seen, began);
        if learned && count >= most {
            self.note_size(SignalKind::Burst, count, request.at);
            let hour = if self.baseline.has_hour(request.at) {
                ""
            } else {
                " It was never used at this hour before."
            };
            note(
                SignalKind::Burst,
                format!("{count} requests in three seconds; at most {} before today.{hour}", peaks.requests),
            );
        }
        match request.outcome {
            RequestOutcome::Passed => self.see_passed(request, reach, learned, &mut note),
            RequestOutcome::Refused => {
                let most = unusual_from(peaks.refusals, LEAST_REFUSALS);
                let (count, finished, began) = counted(&mut self.refusals, request.at.unix_ms(), MINUTE_MS);
                let seen = Peaks { requests: 0, refusals: capped(finished, most) };
                self.news |= finished > 0 && self.baseline.raise(seen, began);
                if count >= most {
                    self.note_size(SignalKind::Refusals, count, request.at);
                    note(
                        SignalKind::Refusals,
                        format!(
                            "{count} refused requests within a minute, the last one with {}; at most {} before today.",
                            request.code, peaks.refusals
                        ),
                    );
                }
            }
            RequestOutcome::Neither => {}
        }
        self.tell(unusual, request.at)
    }

    /// What only a request says that was forwarded.
    fn see_passed(
        &mut self,
        request: &SeenRequest,
        reach: KeyReach,
        learned: bool,
        note: &mut impl FnMut(SignalKind, String),
    ) {
        // Only where something is told: this is done for every request.
        let what = || {
            let from = match reach {
                KeyReach::App => String::new(),
                KeyReach::Unbound | KeyReach::Bound => format!(" from {}", request.source),
            };
            format!("{} {}{from}", request.method, request.route)
        };
        if let Some(last) = self.baseline.last_used()
            && request.at.ms_since(last) >= DORMANT_MS
        {
            let days = request.at.ms_since(last) / DAY_MS;
            note(SignalKind::Dormant, format!("{}, after {days} days without any use.", what()));
        }
        if !self.baseline.has_class(request.class) {
            if request.class == Class::Withdraw {
                note(SignalKind::FirstWithdrawal, format!("{}.", what()));
            } else if let Some(words) = noteworthy(request.class)
                && learned
            {
                note(SignalKind::NewUse, format!("{}: it {words} for the first time.", what()));
            }
        }
        self.begin(request);
        let network = (reach != KeyReach::App).then(|| Network::around(request.source));
        if let Some(network) = network {
            let known = self.baseline.has_network(network);
            if let Some((one, new)) = self.alternates(network, known, request.at)
                && learned
            {
                note(
                    SignalKind::TwoNetworks,
                    format!(
                        "Used from {one} and from {new} within five minutes. It was never used from the second before."
                    ),
                );
            }
            if !known && learned && reach == KeyReach::Unbound {
                self.new_network_at = Some(request.at);
                // What was reported alone is reported again, together with the new network.
                for kind in self.recent(request.at).kinds() {
                    note(kind, format!("Then it was used from {network}, for the first time."));
                }
            }
        }
        self.used = true;
        self.news |= self.baseline.learn(request.class, network, request.at);
    }

    /// Notes what this request begins; before it is learned.
    fn begin(&mut self, request: &SeenRequest) {
        if !self.baseline.has_class(request.class) {
            self.first_uses.extend(FirstUse::of_class(request.class));
        }
        let orders = request.orders.as_deref().filter(|_| request.class == Class::Trade);
        let Some(orders) = orders.and_then(Orders::of_text) else { return };
        let tells = self.baseline.tells_instruments(request.at);
        for name in orders.lines.into_iter().filter_map(|line| line.instrument.or(line.instrument_code)) {
            if self.baseline.learn_instrument(&name) {
                self.news = true;
                self.first_uses.extend(tells.then(|| FirstUse::Instrument(name.into())));
            }
        }
    }

    /// The usual network and the new one, when this request comes back to the usual one. A connection that gets another address
    /// does not come back to the old one, so only the way there and back counts.
    fn alternates(&mut self, network: Network, known: bool, at: Moment) -> Option<(Network, Network)> {
        let soon_after = |then: Moment| at.ms_since(then) <= AT_ONCE_MS;
        if !known {
            let beside = self.usual.filter(|(_, then)| soon_after(*then));
            self.fresh = beside.map(|(beside, _)| Fresh { new: network, beside, at }).or(self.fresh);
            return None;
        }
        if self.fresh.is_some_and(|fresh| fresh.new == network) {
            return None;
        }
        self.usual = Some((network, at));
        let fresh = self.fresh.take_if(|fresh| fresh.beside == network)?;
        soon_after(fresh.at).then_some((network, fresh.new))
    }

    /// Notes how large something is, or was a short time ago.
    fn note_size(&mut self, kind: SignalKind, size: u32, at: Moment) {
        let last = self.happened.get(kind as usize).copied().flatten();
        let known = if is_recent(last, at) { self.sizes.of(kind) } else { 0 };
        let noted =
            if kind == SignalKind::Burst { &mut self.sizes.requests } else { &mut self.sizes.refusals };
        *noted = size.max(known);
    }

    /// What happened within the time in which things belong together.
    fn recent(&self, at: Moment) -> SignalSet {
        let kinds = SignalKind::ALL.into_iter().zip(self.happened);
        SignalSet::of(kinds.filter(|(_, then)| is_recent(*then, at)).map(|(kind, _)| kind))
    }

    fn tell(&mut self, unusual: [Option<String>; SignalKind::ALL.len()], at: Moment) -> Vec<Signal> {
        if unusual.iter().all(Option::is_none) {
            return Vec::new();
        }
        for (evidence, happened) in unusual.iter().zip(&mut self.happened) {
            if evidence.is_some() {
                *happened = Some(at);
            }
        }
        let together = self.recent(at);
        let new_network = is_recent(self.new_network_at, at);
        let mut signals = Vec::new();
        for ((kind, evidence), told) in SignalKind::ALL.into_iter().zip(unusual).zip(&mut self.told) {
            // What happened before may be worse beside something else: a rule for quarantine has to hear of it.
            let size = self.sizes.of(kind);
            let quiet = told.is_some_and(|told| {
                let more = new_network && !told.new_network
                    || together.kinds().any(|one| !told.beside.has(one))
                    || told.from.is_some_and(|from| size >= from);
                at.ms_since(told.at) < QUIET_MS && !more
            });
            if let Some(evidence) = evidence.filter(|_| !quiet) {
                *told = Some(Told { at, beside: together, new_network, from: None });
                signals.push(Signal { kind, evidence, together, new_network, sizes: self.sizes });
            }
        }
        signals
    }
}

/// From how many on it is unusual, where so many were the most before.
fn unusual_from(most_before: u32, least: u32) -> u32 {
    let (times, by) = FACTOR;
    (most_before.saturating_mul(times) / by).saturating_add(1).max(least)
}

fn is_recent(then: Option<Moment>, at: Moment) -> bool {
    then.is_some_and(|then| at.ms_since(then) <= TOGETHER_MS)
}

/// Counts one more in the span of `length_ms` at `at_ms`: how many it has now, and, when it has just begun, how many the one
/// before had, and when that began. What is usual is raised by whole spans, or a burst would raise it while it grows.
const fn counted(span: &mut (u64, u32), at_ms: u64, length_ms: u64) -> (u32, u32, Moment) {
    let number = at_ms / length_ms;
    if number < span.0 {
        // It began long before others that came in already: an exchange that answered late must not look like a burst. A clock
        // that stepped back begins anew.
        if (span.0 - number).saturating_mul(length_ms) > LATE_MS {
            *span = (number, 0);
        } else {
            return (0, 0, Moment::from_unix_ms(0));
        }
    }
    let before = *span;
    if number > before.0 {
        *span = (number, 0);
    }
    let finished = if number > before.0 { before.1 } else { 0 };
    span.1 = span.1.saturating_add(1);
    (span.1, finished, Moment::from_unix_ms(before.0.saturating_mul(length_ms)))
}

/// What a class of requests does, in words, where its first use says something: reducing risk does not.
const fn noteworthy(class: Class) -> Option<&'static str> {
    match class {
        Class::Read => Some("reads"),
        Class::Trade => Some("places or changes orders"),
        Class::Funding => Some("moves funds between accounts"),
        Class::Withdraw => Some("withdraws"),
        Class::Manage => Some("administers sub-accounts or keys"),
        Class::Cancel | Class::Public => None,
    }
}
