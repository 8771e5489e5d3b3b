//! What Prometheus is told.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::http::CallName;
use crate::ticket::HelpdeskName;

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
    store_probes: Counter,
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
        let store_probes = Counter::default();
        registry.register(
            "store_probes",
            "Writes to the store by which readiness was tried",
            store_probes.clone(),
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
            store_probes,
        }))
    }

    /// A delivery was answered.
    pub fn delivered(&self, helpdesk: &HelpdeskName, outcome: &'static str) {
        let labels = DeliveryLabels { helpdesk: helpdesk.to_string(), outcome };
        self.0.deliveries.get_or_create(&labels).inc();
    }

    /// A call to another system ended.
    pub fn called(&self, name: CallName, outcome: &str, took: Duration) {
        let labels = CallLabels { service: name.service, call: name.call, outcome: outcome.to_owned() };
        self.0.calls.get_or_create(&labels).inc();
        let labels = ServiceLabels { service: name.service };
        self.0.call_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Whether the breaker of a system is open.
    pub fn breaker(&self, system: &str, is_open: bool) {
        let labels = SystemLabels { system: system.to_owned() };
        self.0.breaker_open.get_or_create(&labels).set(i64::from(is_open));
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

    /// How many tickets are in a state now.
    pub fn tickets(&self, state: &'static str, count: i64) {
        self.0.tickets.get_or_create(&StateLabels { state }).set(count);
    }

    /// The text that a scrape gets.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.0.registry).is_err() {
            let _ = writeln!(text, "# encoding failed");
        }
        text
    }
}
