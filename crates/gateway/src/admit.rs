//! The path of a signed request, top to bottom. The order is product.md 6.1.
//!
//! Two functions, because a body that trickles in would otherwise carry a verdict from before a revocation:
//! [`screen`] looks at the head and can only refuse, [`admit`] judges the complete request on fresh facts and
//! a fresh clock.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use keyward_rules::decision::{
    self, Claim, Cleared, Door, Intent, IntentAnswer, Permit, Received, ReplayAnswer, Reservation, Whole,
};
use keyward_rules::denial::Denial;
use keyward_rules::fence::{Market, NoMarket, SumOwner};
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::key::KeyFacts;
use keyward_rules::okx::Credentials;
use keyward_rules::route::{Access, Class, Found, Route};
use keyward_rules::time::Moment;
use keyward_store as store;

use crate::approvals::{self, HeldConsent};
use crate::context::RequestContext;
use crate::counts::Counts;
use crate::day_sums::day_of;
use crate::framing::Head;
use crate::lease::lease_limit_ms;
use crate::memory::Lookup;
use crate::price::Price;
use crate::rates::RateAnswer;
use crate::recorder::Recorder;
use crate::replay_cache::Setting;
use crate::strangers::{Bait, WrongCredentials};
use crate::taken_sums::TakenSums;

/// How long a request waits for a record that is being written, and how often.
const TORN_PAUSE: Duration = Duration::from_millis(1);
const TORN_TRIES: usize = 20;

/// Which way a screened request goes on.
#[derive(Clone, Copy)]
pub enum ScreenedRequest<'r> {
    /// To the exchange without a key; credentials are stripped.
    Public(&'r Route),
    /// To [`admit`], once complete.
    Private(Credentials<'r>, Found<'r>),
}

/// A refusal, and what is known of whom it hit.
#[derive(Debug)]
pub struct Rejection {
    /// The refusal.
    pub denial: Denial,
    /// The key that was named.
    pub key: Option<KeyId>,
    /// The account, once the signature held.
    pub account: Option<AccountId>,
    /// The path of the route, or `-` for a request that has none or never got so far.
    pub route: &'static str,
}

/// Stands for no route in the journal.
pub const NO_ROUTE: &str = "-";

impl From<Denial> for Rejection {
    fn from(denial: Denial) -> Self {
        Self { denial, key: None, account: None, route: NO_ROUTE }
    }
}

/// The path that is recorded of a request.
#[must_use]
pub fn path_of(found: Found<'_>) -> &'static str {
    match found {
        Found::Route(route) => route.path,
        Found::WrongMethod | Found::Unknown => NO_ROUTE,
    }
}

/// Source rate → route → headers, and, while the body is still `awaited`, key known → timestamp → passphrase.
/// Can only refuse; reads no body. Where there is none to wait for, [`admit`] is next and asks the rest at once.
///
/// # Errors
/// The refusal.
pub async fn screen<'r>(
    context: &'r RequestContext,
    head: &Head<'r>,
    source: IpAddr,
    awaited: bool,
) -> Result<ScreenedRequest<'r>, Rejection> {
    let now_us = context.clock().now_us();
    settle_rate(context.counters.sources.arrive(source, now_us))?;
    let found = context.routes.find(head.method, head.path);
    if let Found::Route(route) = found {
        let public = match route.access {
            Access::Public => true,
            Access::Optional => !head.credentials.any(),
            Access::Private(_) => false,
        };
        if public {
            take_public(context, source, route, now_us)
                .map_err(|denial| Rejection { route: route.path, ..denial.into() })?;
            return Ok(ScreenedRequest::Public(route));
        }
    }
    let route = path_of(found);
    let credentials =
        Credentials::read(head.credentials).map_err(|denial| Rejection { route, ..denial.into() })?;
    if awaited {
        let facts = look_up(context, credentials.key).await?;
        let now = Moment::from_unix_ms(now_us / 1_000);
        decision::screen(&credentials, facts.as_ref(), &context.keys.passphrases, now).map_err(|denial| {
            let named = (credentials.key, Bait::of(facts.as_ref()), route);
            reject_stranger(context, denial, named, source, now_us)
        })?;
    }
    Ok(ScreenedRequest::Private(credentials, found))
}

/// The same facts on a fresh copy → signature → state, address, environment, permission → lease → rates → limits →
/// the master's approval → sums of the day → replay mark → durable record → permit.
///
/// # Errors
/// The refusal; nothing was forwarded.
pub async fn admit<'r>(context: &'r RequestContext, whole: Whole<'r>) -> Result<Permit<'r>, Rejection> {
    let (key, source, now) = (whole.credentials.key, whole.source, whole.now);
    let (route, now_us) = (path_of(whole.routed), now.unix_ms().saturating_mul(1_000));

    let facts = look_up(context, key).await?;
    let bait = Bait::of(facts.as_ref());
    let verified = Received::new(whole)
        .verify(facts, &context.keys.passphrases)
        .map_err(|denial| reject_stranger(context, denial, (key, bait, route), source, now_us))?;
    context.counters.sources.refund(source);

    let account = verified.facts().account;
    let rejection = |denial| Rejection { denial, key: Some(key), account: Some(account), route };
    let cleared = verified.clear().map_err(rejection)?;
    pay(context, cleared).await.map_err(rejection)
}

/// What a cleared request still owes, whichever way it came: lease → rates → limits → the master's
/// approval → sums of the day → replay mark → durable record → permit.
///
/// # Errors
/// The refusal; nothing was forwarded.
pub async fn pay<'r>(context: &'r RequestContext, cleared: Cleared<'r>) -> Result<Permit<'r>, Denial> {
    let now = cleared.parts().now;
    check_lease(context, cleared.class())?;
    let charge = cleared.charge();
    let market = |environment| context.view.markets.at(environment, (context.clock().steady_ms)());
    let price = Price::of(&charge, context.routes.account_orders(), market);
    let rate = price.take(&context.counters.rates, now.unix_ms().saturating_mul(1_000));
    let spent = charge.settle(rate)?;
    let market = spent.needs_market().map(market);
    let approval = spent.fence(market.as_ref().map_or(&NoMarket, |market| market as &dyn Market))?;
    let answer = approvals::ask(context, &approval).await;
    let reservation = approval.settle(answer)?;
    let consent = HeldConsent::of(context, reservation.request());
    match reserve(context, reservation, &price).await {
        Ok(permit) => {
            consent.hand_over();
            Ok(permit)
        }
        Err(denial) => {
            consent.give_back().await;
            Err(denial)
        }
    }
}

/// What is owed once the master has nothing to say any more: sums of the day → replay mark → durable record → permit.
async fn reserve<'r>(
    context: &'r RequestContext,
    reservation: Reservation<'r>,
    price: &Price,
) -> Result<Permit<'r>, Denial> {
    let now = reservation.request().parts().now;
    let mut counts = Counts::of(&reservation);
    let answer = counts.take(context);
    let fenced = reservation.settle(answer)?;
    let mut held = HeldSums { context, taken: Some(TakenSums::of(fenced.request())), handed_in: false };
    let claim = fenced.claim();
    let mark = set_mark(context, &claim).await;
    let fresh = claim.settle(mark).inspect_err(|denial| {
        // A copied request must not use up its owner's rate.
        if *denial == Denial::Repeated {
            price.give_back(&context.counters.rates);
            counts.give_back_seconds(context);
        }
    });
    let fresh = fresh?;
    counts.note_orders(context).map_err(Denial::Fenced)?;
    let intent = fresh.intent();
    held.handed_in = true;
    let record = write_intent(context, &intent).await;
    let recorded = intent.settle(record)?;
    held.taken = None;
    Ok(recorded.permit(now.plus_ms(context.limits().permit_ms)))
}

/// One consistent copy of the key's facts. A writer that was interrupted in the middle gets time to finish.
///
/// # Errors
/// 50001 when the writer does not finish.
pub async fn look_up(context: &RequestContext, key: KeyId) -> Result<Option<KeyFacts>, Rejection> {
    for _ in 0..TORN_TRIES {
        match context.view.memory.facts(key) {
            Lookup::Facts(facts) => return Ok(Some(facts)),
            Lookup::Unknown => return Ok(None),
            Lookup::Torn => tokio::time::sleep(TORN_PAUSE).await,
        }
    }
    Err(Denial::Unavailable.into())
}

/// The refusal of somebody whose signature does not hold. Wrong secrets count against the source. An unknown key does not:
/// ended keys look unknown, and thousands of clients with expired keys must not close the address that they share with others.
pub fn reject_stranger(
    context: &RequestContext,
    denial: Denial,
    (key, bait, route): (KeyId, Bait, &'static str),
    source: IpAddr,
    now_us: u64,
) -> Rejection {
    if matches!(denial, Denial::PassphraseWrong | Denial::SignWrong) {
        context.counters.sources.failed(source, now_us);
        let at = Moment::from_unix_ms(now_us / 1_000);
        // Without room it is not counted; the source is, above.
        let _ = context.reports.strangers.try_send(WrongCredentials { key, source, at, bait });
    }
    Rejection { denial, key: Some(key), account: None, route }
}

/// A node that has not heard from the store refuses class by class, money first.
///
/// # Errors
/// 50001 when the lease is too old for the class.
pub fn check_lease(context: &RequestContext, class: Class) -> Result<(), Denial> {
    let age_ms = context.view.lease.age_ms((context.clock().steady_ms)());
    if age_ms > lease_limit_ms(class) { Err(Denial::Unavailable) } else { Ok(()) }
}

/// What a rate's answer means.
///
/// # Errors
/// 50011 when it is used up, 50013 when it cannot be counted.
pub fn settle_rate(answer: RateAnswer) -> Result<(), Denial> {
    match answer {
        RateAnswer::Taken => Ok(()),
        RateAnswer::Exhausted(_) => Err(Denial::RateExceeded),
        RateAnswer::NoRoom => Err(Denial::Busy),
    }
}

fn take_public(context: &RequestContext, source: IpAddr, route: &Route, now_us: u64) -> Result<(), Denial> {
    match route.rate {
        Some(rate) => settle_rate(context.counters.sources.take_public(source, route.number, rate, now_us)),
        None => Ok(()),
    }
}

/// Sets the replay mark, having what must be durable first written.
async fn set_mark(context: &RequestContext, claim: &Claim<'_>) -> ReplayAnswer {
    let Some(mark) = claim.owed() else { return ReplayAnswer::NotOwed };
    let (replay_cache, recorder) = (&context.counters.replay_cache, &context.reports.recorder);
    let patience = Duration::from_millis(context.limits().record_ms.saturating_mul(4));
    let now = context.clock().now();
    if replay_cache.runs_out(now) {
        recorder.extend_horizon();
    }
    match replay_cache.set(&mark, now) {
        Setting::Done(answer) => return answer,
        Setting::Ahead(mark) => return keep(recorder, mark, patience).await,
        Setting::PastHorizon => replay_cache.want(mark.signed_at),
    }
    if !tokio::time::timeout(patience, recorder.move_horizon()).await.unwrap_or(false) {
        return ReplayAnswer::CannotTell;
    }
    match replay_cache.set(&mark, context.clock().now()) {
        Setting::Done(answer) => answer,
        Setting::Ahead(_) | Setting::PastHorizon => ReplayAnswer::CannotTell,
    }
}

/// Has a mark that lies past the horizon kept by itself.
async fn keep(recorder: &Recorder, mark: store::SavedReplayEntry, patience: Duration) -> ReplayAnswer {
    match tokio::time::timeout(patience, recorder.keep_mark(mark)).await {
        Ok(true) => ReplayAnswer::New,
        Ok(false) | Err(_) => ReplayAnswer::CannotTell,
    }
}

/// What was taken from the sums of the day: given back unless the request gets its permit, even when nobody waits for it any more.
struct HeldSums<'d> {
    context: &'d RequestContext,
    taken: Option<TakenSums>,
    /// Whether the journal may have it: nothing is to be given back there before.
    handed_in: bool,
}

impl Drop for HeldSums<'_> {
    fn drop(&mut self) {
        match self.taken.take() {
            Some(taken) if self.handed_in => taken.give_all_back(self.context),
            Some(taken) => taken.give_back_in_memory(self.context),
            None => {}
        }
    }
}

/// Has the record of a withdrawal or transfer, and what a request takes from the sums of the day, on disk before anything else
/// happens.
async fn write_intent(context: &RequestContext, intent: &Intent<'_>) -> IntentAnswer {
    if !intent.is_owed() {
        return IntentAnswer::NotOwed;
    }
    let request = intent.request();
    let key = request.facts().id;
    // What is only watched is counted in memory: a limit that refuses nothing must not let an order wait for the disk.
    let kept = request.reserved().iter().filter(|sum| sum.limit.is_some());
    let reserved = kept.map(|sum| store::Reserved {
        request: request.parts().id,
        element: sum.element,
        owner: SumOwner::of(sum.whose, key, request.facts().account),
        day: day_of(request.parts().now),
        of: sum.of.clone(),
        amount: sum.amount,
    });
    let reserved: Vec<store::Reserved> = reserved.collect();
    let record = request.class().owes_record().then(|| store::Intent {
        at: request.parts().now,
        request: request.parts().id,
        key,
        account: request.facts().account,
        route: request.route().path,
        source: request.parts().source,
        body_hash: *blake3::hash(request.parts().body).as_bytes(),
    });
    let patience = Duration::from_millis(context.limits().record_ms);
    match tokio::time::timeout(patience, context.reports.recorder.intend(record, reserved)).await {
        Ok(true) => IntentAnswer::Durable,
        Ok(false) | Err(_) => IntentAnswer::Failed,
    }
}

/// Everything about a request that [`Whole`] wants beside its parts.
#[must_use]
pub fn whole<'r>(
    id: RequestId,
    head: &Head<'r>,
    body: &'r Bytes,
    (credentials, routed): (Credentials<'r>, Found<'r>),
    (source, door): (IpAddr, Door),
    now: Moment,
) -> Whole<'r> {
    let (method, target, plain) = (head.method, head.target, head.plain);
    Whole { id, method, target, body, plain, credentials, routed, source, door, now }
}
