//! What Prometheus is told.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, prometheus_text, text as open_metrics,
};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use reqwest::header::{ACCEPT, HeaderMap};

use crate::call::CallName;
use crate::clock::{Timestamp, until};
use crate::source::SourceName;
use crate::store::{Figures, State};

/// The counters of one service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    deliveries: Family<DeliveryLabels, Counter>,
    calls: Family<CallLabels, Counter>,
    call_seconds: Family<ServiceLabels, Histogram, fn() -> Histogram>,
    tickets: Family<StateLabels, Gauge>,
    steps: Family<StepLabels, Counter>,
    breaker_open: Family<SystemLabels, Gauge>,
    connections: Gauge,
    shed: Family<ShedLabels, Counter>,
    bodies: Family<WhyLabels, Counter>,
    admin_refused: Family<WhyLabels, Counter>,
    folders_placed: Family<OutcomeLabels, Counter>,
    store_probes: Counter,
    last_delivery: Family<HelpdeskLabels, Gauge>,
    store_up: Gauge,
    // Families without labels, so that they can be left out.
    oldest_waiting: Family<NoLabels, Gauge<f64, AtomicU64>>,
    writes_left: Family<NoLabels, Gauge>,
}

/// The formats that Prometheus and others read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Prometheus,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The one that a request asks for: OpenMetrics only if it is named in `Accept`, and not as
    /// less wanted than the other.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Self {
        let weight = |wanted: &str| {
            let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
            let ranges = values.flat_map(|value| value.split(','));
            ranges.filter_map(|range| weight_of(range, wanted)).fold(0.0, f64::max)
        };
        let open_metrics = weight("application/openmetrics-text");
        if open_metrics > 0.0 && open_metrics >= weight("text/plain") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// What an answer in this format is labelled with.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// How much a range of `Accept` wants a media type; `None` if it is about another one.
fn weight_of(range: &str, wanted: &str) -> Option<f64> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(wanted) {
        return None;
    }
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some(weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoLabels {}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HelpdeskLabels {
    helpdesk: String,
}

/// Counted where they are dropped, which is in no service.
#[derive(Debug)]
struct DroppedLogLines;

impl Collector for DroppedLogLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counter = ConstCounter::new(crate::telemetry::dropped_lines());
        let help = "Log lines that were dropped because standard error was not read";
        counter.encode(encoder.encode_descriptor("log_lines_dropped", help, None, counter.metric_type())?)
    }
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Metrics);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.0.connections.dec();
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    helpdesk: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    service: &'static str,
    call: &'static str,
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabels {
    service: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SystemLabels {
    system: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    how: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WhyLabels {
    why: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("ticketroom");
        let deliveries = Family::default();
        registry.register("deliveries", "Deliveries by what became of them", deliveries.clone());
        let calls = Family::default();
        registry.register("calls", "Calls to other systems by outcome", calls.clone());
        let make: fn() -> Histogram =
            || Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
        let call_seconds = Family::new_with_constructor(make);
        registry.register_with_unit(
            "call_duration",
            "How long calls to other systems took",
            Unit::Seconds,
            call_seconds.clone(),
        );
        let tickets = Family::default();
        registry.register("tickets", "Tickets by state", tickets.clone());
        let steps = Family::default();
        registry.register("steps", "Steps by outcome", steps.clone());
        let breaker_open = Family::default();
        registry.register(
            "breaker_open",
            "Whether calls to a system are held back because it does not answer",
            breaker_open.clone(),
        );
        registry.register_collector(Box::new(DroppedLogLines));
        let connections = Gauge::default();
        registry.register("connections", "Open connections of callers", connections.clone());
        let shed = Family::default();
        registry.register(
            "connections_shed",
            "Connections that were closed or refused because the cap of connections was reached",
            shed.clone(),
        );
        let bodies = Family::default();
        registry.register(
            "bodies_not_received",
            "Bodies of deliveries that were not read to their end",
            bodies.clone(),
        );
        let admin_refused = Family::default();
        registry.register(
            "admin_refused",
            "Requests to admin endpoints without the admin token",
            admin_refused.clone(),
        );
        let folders_placed = Family::default();
        registry.register(
            "folders_placed",
            "Folders in which something happened, by whose room they were found in",
            folders_placed.clone(),
        );
        let store_probes = Counter::default();
        registry.register(
            "store_probes",
            "Writes to the store by which readiness was tried",
            store_probes.clone(),
        );
        let last_delivery = Family::default();
        registry.register_with_unit(
            "last_delivery_timestamp",
            "When a delivery was stored last since the start, in seconds since 1970",
            Unit::Seconds,
            last_delivery.clone(),
        );
        let store_up = Gauge::default();
        registry.register("store_up", "Whether the store could be read for this scrape", store_up.clone());
        let oldest_waiting = Family::default();
        registry.register_with_unit(
            "oldest_waiting_ticket_age",
            "Age of the oldest ticket that waits and has no link yet; 0 if there is none",
            Unit::Seconds,
            oldest_waiting.clone(),
        );
        let writes_left = Family::default();
        registry.register(
            "docspace_writes_left",
            "DocSpace writes (POST and PUT) that are left of the day's",
            writes_left.clone(),
        );
        Self(Arc::new(Inner {
            registry,
            deliveries,
            calls,
            call_seconds,
            tickets,
            steps,
            breaker_open,
            connections,
            shed,
            bodies,
            admin_refused,
            folders_placed,
            store_probes,
            last_delivery,
            store_up,
            oldest_waiting,
            writes_left,
        }))
    }

    /// A delivery was answered.
    pub fn delivered(&self, source: &SourceName, outcome: &'static str) {
        let labels = DeliveryLabels { helpdesk: source.to_string(), outcome };
        self.0.deliveries.get_or_create(&labels).inc();
    }

    /// A call to another system ended.
    pub fn called(&self, name: CallName, outcome: &str, took: Duration) {
        let labels = CallLabels { service: name.system.name, call: name.call, outcome: outcome.to_owned() };
        self.0.calls.get_or_create(&labels).inc();
        let labels = ServiceLabels { service: name.system.name };
        self.0.call_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Whether the breaker of a system is open.
    pub fn breaker(&self, system: &str, is_open: bool) {
        let labels = SystemLabels { system: system.to_owned() };
        self.0.breaker_open.get_or_create(&labels).set(i64::from(is_open));
    }

    /// A system is not called any more.
    pub fn no_breaker(&self, system: &str) {
        self.0.breaker_open.remove(&SystemLabels { system: system.to_owned() });
    }

    /// A step of a ticket ended.
    pub fn stepped(&self, step: &'static str, outcome: &'static str) {
        self.0.steps.get_or_create(&StepLabels { step, outcome }).inc();
    }

    /// A connection was accepted.
    pub(crate) fn connection(&self) -> OpenConnection {
        self.0.connections.inc();
        OpenConnection(self.clone())
    }

    /// A connection was closed or refused at the cap.
    pub(crate) fn connection_shed(&self, how: &'static str) {
        self.0.shed.get_or_create(&ShedLabels { how }).inc();
    }

    /// The body of a delivery was not read to its end.
    pub(crate) fn body_not_received(&self, why: &'static str) {
        self.0.bodies.get_or_create(&WhyLabels { why }).inc();
    }

    /// A request to an admin endpoint was refused.
    pub(crate) fn admin_refused(&self, why: &'static str) {
        self.0.admin_refused.get_or_create(&WhyLabels { why }).inc();
    }

    /// The store was asked whether it can be written to.
    pub(crate) fn store_probed(&self) {
        self.0.store_probes.inc();
    }

    /// A delivery is in the store.
    pub fn delivery_stored(&self, source: &SourceName, at: Timestamp) {
        let labels = HelpdeskLabels { helpdesk: source.to_string() };
        self.0.last_delivery.get_or_create(&labels).set(at.as_second());
    }

    /// The events of a folder belong to a `ticket` or to `nobody`, or it could not be told and is
    /// asked `later`.
    pub fn folder_placed(&self, outcome: &'static str) {
        self.0.folders_placed.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// A source is not configured any more. Its counters stay: they never go back.
    pub fn no_source(&self, source: &SourceName) {
        self.0.last_delivery.remove(&HelpdeskLabels { helpdesk: source.to_string() });
    }

    /// What the store tells at `now`.
    pub(crate) fn stored(&self, counts: &[(State, u64)], figures: Figures, now: Timestamp) {
        for (state, count) in counts {
            let gauge = self.0.tickets.get_or_create(&StateLabels { state: state.as_str() });
            gauge.set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        let age = figures.oldest_waiting.map_or(Duration::ZERO, |since| until(since, now));
        self.0.oldest_waiting.get_or_create(&NoLabels {}).set(age.as_secs_f64());
        self.0.writes_left.get_or_create(&NoLabels {}).set(figures.writes_left.into());
        self.0.store_up.set(1);
    }

    /// The store tells nothing: what it told before is not shown for what is.
    pub(crate) fn store_unreadable(&self) {
        self.0.tickets.clear();
        self.0.oldest_waiting.clear();
        self.0.writes_left.clear();
        self.0.store_up.set(0);
    }

    /// The text that a scrape gets.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        let mut text = String::new();
        let encoded = match format {
            Format::Prometheus => prometheus_text::encode(&mut text, &self.0.registry),
            Format::OpenMetrics => open_metrics::encode(&mut text, &self.0.registry),
        };
        if encoded.is_err() {
            let _ = writeln!(text, "# encoding failed");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn open_metrics_is_for_those_who_ask_for_it() {
        let format = |accept: &[&'static str]| {
            let values = accept.iter().map(|value| (ACCEPT, value.parse().unwrap()));
            Format::accepted(&values.collect())
        };
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
        for accept in [
            &[prometheus][..],
            &["application/openmetrics-text"],
            &["text/plain;q=0.5", "Application/OpenMetrics-Text; version=0.0.1; q=0.7"],
        ] {
            assert_eq!(format(accept), Format::OpenMetrics, "{accept:?}");
        }
        for accept in [
            &[][..],
            &["*/*"],
            &["text/plain;version=0.0.4"],
            &["text/html, application/json"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;q=much"],
            &["application/openmetrics-text;q=0.2,text/plain;q=0.9"],
        ] {
            assert_eq!(format(accept), Format::Prometheus, "{accept:?}");
        }
    }

    #[test]
    fn what_the_store_tells_is_left_out_while_it_tells_nothing() {
        let metrics = Metrics::new();
        let (since, now) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(90).unwrap());
        let figures = Figures { oldest_waiting: Some(since), writes_left: 70 };
        metrics.stored(&[(State::Waiting, 3)], figures, now);
        let lines = [
            "ticketroom_tickets{state=\"waiting\"} 3\n",
            "ticketroom_oldest_waiting_ticket_age_seconds 90.0\n",
            "ticketroom_docspace_writes_left 70\n",
        ];
        for format in [Format::Prometheus, Format::OpenMetrics] {
            metrics.stored(&[(State::Waiting, 3)], figures, now);
            let text = metrics.text(format);
            for line in lines.iter().chain(&["ticketroom_store_up 1\n"]) {
                assert!(
                    text.contains(line) || text.contains(&line.replace("90.0", "90")),
                    "{line} in {text}"
                );
            }
            metrics.store_unreadable();
            let text = metrics.text(format);
            assert!(!lines.iter().any(|line| text.contains(line)), "{text}");
            assert!(text.contains("ticketroom_store_up 0\n"), "{text}");
        }
    }

    /// A metric that nothing has counted yet is in no text, so the names come from this file.
    #[test]
    fn every_metric_is_documented() {
        let document = include_str!("../../../docs/metrics.md");
        let (source, _) = include_str!("metrics.rs").split_once("#[cfg(test)]").unwrap();
        let registered =
            source.split("registry.register").skip(1).chain(source.split("encode_descriptor(").skip(1));
        let names: BTreeSet<&str> = registered
            .filter(|rest| !rest.starts_with("_collector"))
            .map(|rest| rest.split('"').nth(1).expect("a name in quotes"))
            .collect();
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            let is_there = ["", "_total", "_seconds"].iter().any(|suffix| {
                ["`", "{"].iter().any(|end| document.contains(&format!("`ticketroom_{name}{suffix}{end}")))
            });
            assert!(is_there, "docs/metrics.md has no line for ticketroom_{name}");
        }
    }
}
