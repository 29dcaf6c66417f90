//! What Prometheus reads, gathered when it asks. No label names a key, an account or an address.

use std::sync::atomic::{AtomicU64, Ordering};

use keyward_api::health::Service;
use keyward_gateway::{RequestContext, health};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use crate::ambient;
use crate::exchange::ExchangeLag;
use crate::tasks::Heartbeat;

/// The type of [`text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Of {
    service: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Named {
    task: &'static str,
}

/// All metrics in the OpenMetrics text format.
pub fn text(
    request_context: &RequestContext,
    pulses: &[Heartbeat],
    exchange: Option<&ExchangeLag>,
) -> String {
    let mut all = Registry::with_prefix("keyward");
    let ready = Family::<Of, Gauge>::default();
    for (service, name) in [(Service::Basic, "basic"), (Service::Trade, "trade"), (Service::Funds, "funds")] {
        let is_ready = i64::from(health::health(request_context, service).ready);
        ready.get_or_create(&Of { service: name }).set(is_ready);
    }
    all.register("ready", "Whether requests of a service would be served rightly now", ready);
    let age_ms = request_context.view.lease.age_ms((request_context.clock().steady_ms)());
    let store_age = "Time since the gateway last read all changes from the store";
    all.register_with_unit("store_age", store_age, Unit::Seconds, ConstGauge::new(seconds(age_ms)));
    let lag = Family::<Named, Gauge<f64, AtomicU64>>::default();
    for pulse in pulses {
        lag.get_or_create(&Named { task: pulse.name() }).set(pulse.age().as_secs_f64());
    }
    all.register_with_unit("task_age", "Time since a task was last done", Unit::Seconds, lag);
    let dropped = ConstCounter::new(request_context.reports.recorder.dropped());
    all.register("journal_dropped", "Journal records dropped because there was no room", dropped);
    let without_orders = ConstCounter::new(request_context.reports.recorder.without_orders());
    let kept_without = "Journal records kept without their orders because there was no room for these";
    all.register("journal_without_orders", kept_without, without_orders);
    let unwatched = request_context.reports.unwatched.load(Ordering::Relaxed);
    let not_watched =
        "Requests that were not looked at for what is unusual about their keys, because there was no room";
    all.register("requests_unwatched", not_watched, ConstCounter::new(unwatched));
    let unrecorded = ConstCounter::new(request_context.counters.sources.unrecorded());
    all.register("journal_unrecorded", "Refusals before the signature that were counted only", unrecorded);
    let (open, logged_in) = request_context.sockets.count();
    let gauge = |count: usize| ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
    all.register("sockets_open", "Open sockets", gauge(open));
    all.register("sockets_logged_in", "Open sockets whose login held", gauge(logged_in));
    let (received, sent) = request_context.sockets.frames();
    all.register("socket_frames_received", "Frames that came from clients", ConstCounter::new(received));
    all.register("socket_frames_sent", "Frames that went to clients", ConstCounter::new(sent));
    if let Some(lag) = exchange {
        let waiting = ConstGauge::new(i64::try_from(lag.count()).unwrap_or(i64::MAX));
        all.register(
            "exchange_notices_waiting",
            "Notices about sub-accounts that the exchange has not taken",
            waiting,
        );
        let oldest = "Time since the oldest notice that the exchange has not taken was written";
        let age = ConstGauge::new(seconds(lag.age_ms(ambient::now())));
        all.register_with_unit("exchange_notices_age", oldest, Unit::Seconds, age);
    }
    let mut text = String::new();
    // Writing into memory does not fail.
    let _ = encode(&mut text, &all);
    text
}

#[expect(clippy::cast_precision_loss, reason = "a float is what the format has, and no age is that long")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
