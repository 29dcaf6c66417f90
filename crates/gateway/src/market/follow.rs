//! Asks the exchange for instruments and prices, for as long as somebody needs them.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use keyward_rules::id::RequestId;
use keyward_rules::key::Environment;
use keyward_rules::limits::PRICE_LIFE_MS;
use keyward_rules::route::Method;
use tracing::{info, warn};

use super::read::{indexes, marks, middles};
use super::{Instruments, PriceList, Prices};
use crate::context::RequestContext;
use crate::forward::{Outgoing, public_head};
use crate::upstream::{Backend, Deadlines, Pool, Sent};

/// How often prices are asked for, and how often waits of answers are looked at.
const PRICES: Duration = Duration::from_millis(1_500);
/// How often instruments are asked for, in rounds of prices.
const INSTRUMENTS_EVERY: u32 = 40;
/// Bytes of one answer at most.
const ANSWER_BYTES: usize = 16 << 20;
/// The underlyings of the options that are followed; OKX lists options by their underlying only.
const UNDERLYINGS: [&str; 2] = ["BTC-USD", "ETH-USD"];

/// Adds the prices of an answer to a list; whether it was one.
type Read = fn(&mut PriceList, &[u8], u64) -> bool;

/// Pairs without a mark price have the middle of bid and offer; those with one are overwritten by it.
const MARKS: [(&str, Read); 4] = [
    ("/api/v5/market/tickers?instType=SPOT", middles),
    ("/api/v5/public/mark-price?instType=MARGIN", marks),
    ("/api/v5/public/mark-price?instType=SWAP", marks),
    ("/api/v5/public/mark-price?instType=FUTURES", marks),
];
const INDEXES: [(&str, Read); 2] = [
    ("/api/v5/market/index-tickers?quoteCcy=USD", indexes),
    ("/api/v5/market/index-tickers?quoteCcy=USDT", indexes),
];

/// Follows the exchange's public routes, on connections of its own.
pub struct MarketFollower {
    context: Arc<RequestContext>,
    pool: Arc<Pool>,
    deadlines: Arc<Deadlines>,
    /// Which environments could not be read in the last round: told once.
    silent: [bool; 2],
}

impl MarketFollower {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(context: Arc<RequestContext>, backend: Backend) -> Self {
        let deadlines = Deadlines::new((context.clock().steady_ms)());
        let pool = Arc::new(Pool::new(backend, *context.limits(), Arc::clone(&deadlines)));
        Self { context, pool, deadlines, silent: [false; 2] }
    }

    /// Follows for ever; `beat` is called each round.
    pub async fn run(mut self, beat: impl Fn()) {
        let mut round: u32 = 0;
        loop {
            beat();
            for (at, environment) in [Environment::Live, Environment::Demo].into_iter().enumerate() {
                if self.context.view.memory.needs_market(environment) {
                    let known = !self.context.view.markets.of(environment).instruments.load().all.is_empty();
                    let due = round.is_multiple_of(INSTRUMENTS_EVERY) || !known;
                    let listed = !due || self.instruments(environment).await;
                    let priced = self.prices(environment).await;
                    self.tell(at, environment, listed && priced);
                }
            }
            round = round.wrapping_add(1);
            tokio::time::sleep(PRICES).await;
        }
    }

    fn tell(&mut self, at: usize, environment: Environment, heard: bool) {
        let Some(silent) = self.silent.get_mut(at) else { return };
        if heard && *silent {
            info!(%environment, "the exchange's instruments and prices are known again");
        } else if !heard && !*silent {
            warn!(%environment, "the exchange's instruments or prices cannot be read: limits that need them refuse");
        }
        *silent = !heard;
    }

    /// Asks for all instruments. Only a whole list takes the place of the one before.
    async fn instruments(&self, environment: Environment) -> bool {
        let mut all = Instruments::default();
        let types = ["SPOT", "SWAP", "FUTURES"]
            .map(|kind| (format!("/api/v5/public/instruments?instType={kind}"), true));
        let options =
            UNDERLYINGS.map(|uly| (format!("/api/v5/public/instruments?instType=OPTION&uly={uly}"), false));
        for (target, required) in types.into_iter().chain(options) {
            let answer = self.ask(environment, &target).await;
            let listed = answer.is_some_and(|body| all.add(&body));
            if !listed && required {
                return false;
            }
        }
        self.context.view.markets.of(environment).instruments.store(Arc::new(all));
        true
    }

    /// Asks for prices. What is not answered keeps its old price, which soon is too old.
    async fn prices(&self, environment: Environment) -> bool {
        let followed = self.context.view.markets.of(environment);
        let known = followed.prices.load();
        let mut next = Prices { marks: known.marks.clone(), indexes: known.indexes.clone() };
        let mut whole = true;
        for (target, read) in MARKS {
            whole &= self.price_list(environment, target, read, &mut next.marks).await;
        }
        for (target, read) in INDEXES {
            whole &= self.price_list(environment, target, read, &mut next.indexes).await;
        }
        let now_ms = (self.context.clock().steady_ms)();
        let is_kept = |asked_ms: u64| now_ms.saturating_sub(asked_ms) <= PRICE_LIFE_MS;
        next.marks.retain(|_, (_, asked_ms)| is_kept(*asked_ms));
        next.indexes.retain(|_, (_, asked_ms)| is_kept(*asked_ms));
        followed.prices.store(Arc::new(next));
        whole
    }

    async fn price_list(
        &self,
        environment: Environment,
        target: &str,
        read: Read,
        to: &mut PriceList,
    ) -> bool {
        // The age counts from the question: an answer that was long under way is no newer than that.
        let asked_ms = (self.context.clock().steady_ms)();
        self.ask(environment, target).await.is_some_and(|body| read(to, &body, asked_ms))
    }

    /// Asks a public route; the body of an answer with status 200.
    async fn ask(&self, environment: Environment, target: &str) -> Option<Bytes> {
        let body = Bytes::new();
        let outgoing = Outgoing {
            id: RequestId(0),
            method: Method::Get,
            target: target.as_bytes(),
            body: &body,
            label: "",
            environment,
            deadline: self.context.clock().now().plus_ms(self.context.limits().permit_ms),
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            caller: None,
        };
        let mut headers = HeaderMap::new();
        if environment == Environment::Demo {
            headers.insert("x-simulated-trading", http::HeaderValue::from_static("1"));
        }
        let head = public_head(&self.context, &self.pool, &outgoing, &headers);
        let answered = async {
            let Sent::Answered(head, mut answer) = self.pool.send(&head, &body, || Ok(())).await else {
                return None;
            };
            let mut gathered = BytesMut::new();
            while let Some(part) = poll_fn(|context| answer.poll_next(context)).await {
                gathered.extend_from_slice(&part.ok()?);
                if gathered.len() > ANSWER_BYTES {
                    return None;
                }
            }
            (head.status == http::StatusCode::OK).then(|| gathered.freeze())
        };
        let ticking = async {
            loop {
                tokio::time::sleep(PRICES / 3).await;
                self.deadlines.tick((self.context.clock().steady_ms)());
            }
        };
        tokio::select! {
            answer = answered => answer,
            () = ticking => None,
        }
    }
}
