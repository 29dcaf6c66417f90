//! One key that is watched: requests come in, what is unusual comes out.

use std::net::IpAddr;

use super::baseline::{Baseline, Peaks};
use super::kind::{Signal, SignalKind, SignalSet};
use crate::address::Network;
use crate::limits::DAY_MS;
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    /// `0` when it was forwarded, or the code of Keyward's refusal.
    pub code: &'static str,
}

/// The first request from a network.
#[derive(Clone, Copy, Debug)]
struct Fresh {
    new: Network,
    beside: Network,
    at: Moment,
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
    /// When it was last used from a network that it was never used from before, while unbound.
    new_network_at: Option<Moment>,
    /// When each was last told.
    told: [Option<Moment>; SignalKind::ALL.len()],
    /// Whether something was learned since it was last kept.
    news: bool,
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
            new_network_at: None,
            told: [None; SignalKind::ALL.len()],
            news: false,
            seen_at: now,
        }
    }

    /// When anything last came in.
    #[must_use]
    pub const fn seen_at(&self) -> Moment {
        self.seen_at
    }

    /// What was learned, if there is news since the last call.
    pub fn to_keep(&mut self) -> Option<&Baseline> {
        std::mem::take(&mut self.news).then_some(&self.baseline)
    }

    /// Takes a request in: what is unusual about it, of each kind once a day. What is unusual once is usual from then on,
    /// and a burst raises what is usual to two and a half times of what it was.
    #[must_use]
    pub fn see(&mut self, request: &SeenRequest, reach: KeyReach) -> Vec<Signal> {
        self.seen_at = self.seen_at.max(request.at);
        let (learned, peaks) = (self.baseline.has_learned(), self.baseline.peaks());
        let mut unusual: [Option<String>; SignalKind::ALL.len()] = Default::default();
        let mut note = |kind: SignalKind, evidence: String| {
            if let Some(place) = unusual.get_mut(kind as usize) {
                *place = Some(evidence);
            }
        };

        let most = unusual_from(peaks.requests, LEAST_REQUESTS);
        let (count, finished) = counted(&mut self.requests, request.at.unix_ms() / SPAN_MS);
        let mut seen = Peaks { requests: finished.min(most), refusals: 0 };
        if learned && count >= most {
            let hour = if self.baseline.has_hour(request.at) {
                ""
            } else {
                " It was never used at this hour before."
            };
            note(
                SignalKind::Burst,
                format!(
                    "{count} requests in three seconds; at most {} in the month before.{hour}",
                    peaks.requests
                ),
            );
        }
        if request.code == "0" {
            self.see_passed(request, reach, learned, &mut note);
        } else {
            let most = unusual_from(peaks.refusals, LEAST_REFUSALS);
            let (count, finished) = counted(&mut self.refusals, request.at.unix_ms() / MINUTE_MS);
            seen.refusals = finished.min(most);
            if count >= most {
                note(
                    SignalKind::Refusals,
                    format!(
                        "{count} refused requests within a minute, the last one with {}; at most {} in the month before.",
                        request.code, peaks.refusals
                    ),
                );
            }
        }
        self.news |= self.baseline.raise(seen, request.at);
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
            }
        }
        self.news |= self.baseline.learn(request.class, network, request.at);
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

    fn tell(&mut self, unusual: [Option<String>; SignalKind::ALL.len()], at: Moment) -> Vec<Signal> {
        if unusual.iter().all(Option::is_none) {
            return Vec::new();
        }
        for (evidence, happened) in unusual.iter().zip(&mut self.happened) {
            if evidence.is_some() {
                *happened = Some(at);
            }
        }
        let recent = |then: Option<Moment>| then.is_some_and(|then| at.ms_since(then) <= TOGETHER_MS);
        let kinds = SignalKind::ALL.into_iter().zip(self.happened);
        let together = SignalSet::of(kinds.filter(|(_, then)| recent(*then)).map(|(kind, _)| kind));
        let new_network = recent(self.new_network_at);
        let mut signals = Vec::new();
        for ((kind, evidence), told) in SignalKind::ALL.into_iter().zip(unusual).zip(&mut self.told) {
            let quiet = told.is_some_and(|then| at.ms_since(then) < QUIET_MS);
            if let Some(evidence) = evidence.filter(|_| !quiet) {
                *told = Some(at);
                signals.push(Signal { kind, evidence, together, new_network });
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

/// Counts one more in the span with this number: how many it has now, and, when it has just begun, how many the one before
/// had. What is usual is raised by whole spans, or a burst would raise it while it grows.
const fn counted(span: &mut (u64, u32), number: u64) -> (u32, u32) {
    // A request that was complete before another, and came in after it, counts with the later span.
    let finished = if number > span.0 { std::mem::replace(span, (number, 0)).1 } else { 0 };
    span.1 = span.1.saturating_add(1);
    (span.1, finished)
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
