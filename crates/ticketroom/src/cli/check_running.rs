//! What the running service says in its metrics: which systems it does not call for now, and which
//! helpdesks send more than tickets. `check` calls the systems itself and knows of no breaker, so
//! both may differ: a system that answers now may have been silent a moment ago.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::call::{CallName, OTHER};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::docspace::client::SYSTEM;
use crate::finding::Finding;
use crate::http::Http;
use crate::reason::codes;
use crate::source::SourceName;

codes! {
    SYSTEM_SILENT = "check.service.system-silent", Never,
        "The running service does not call a system for now, since it did not answer; its tickets wait.",
        "it tries again by itself, at least once a minute. What the check says of that system itself is whether it answers \
         now";
    OTHER_EVENTS = "check.service.other-events", Never,
        "A helpdesk sends deliveries that are not about tickets.",
        "nothing follows from them, but each costs a request: leave such events out where its webhook is set up. The log \
         names each kind of event once";
}

const METRICS: CallName = CallName { system: &OTHER, call: "metrics" };
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the service that the configuration is for, on this machine. Nothing is found where none
/// runs, or where it does not show its metrics to us.
pub(super) async fn running(config: &Config, http: &Http) -> Vec<Finding> {
    let Some(token) = &config.admin.token else { return Vec::new() };
    let address = format!("http://{}/metrics", here(config.server.listen));
    let request = http.client().get(address).bearer_auth(token.expose_secret());
    match http.send(METRICS, TIMEOUT, request).await {
        Ok(answer) if answer.status.is_success() => findings(&String::from_utf8_lossy(&answer.body)),
        _ => Vec::new(),
    }
}

/// When the service that runs on this machine stored a delivery of a source last, since its start;
/// `None` if it does not tell.
pub(super) async fn last_delivery(config: &Config, http: &Http, source: &SourceName) -> Option<Timestamp> {
    let address = format!("http://{}/metrics", here(config.server.listen));
    let request = http.client().get(address).bearer_auth(config.admin_token().expose_secret());
    let answer = http.send(METRICS, TIMEOUT, request).await.ok()?;
    last_delivery_in(&String::from_utf8_lossy(&answer.body), source)
}

fn last_delivery_in(metrics: &str, source: &SourceName) -> Option<Timestamp> {
    let name = format!("ticketroom_last_delivery_timestamp_seconds{{helpdesk=\"{source}\"}} ");
    let seconds = metrics.lines().find_map(|line| line.strip_prefix(&name))?;
    Timestamp::from_second(seconds.trim().parse().ok()?).ok()
}

/// The address by which this machine reaches what it listens on.
pub(super) fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn findings(metrics: &str) -> Vec<Finding> {
    let breakers = || metrics.lines().filter_map(breaker);
    let mut found: Vec<_> =
        breakers().filter(|(_, is_open)| *is_open).map(|(system, _)| silent(system)).collect();
    if found.is_empty() && breakers().next().is_some() {
        found.push(Finding::good("the service runs, and calls DocSpace and every helpdesk"));
    }
    found.extend(metrics.lines().filter_map(about_something_else));
    found
}

/// The system of a line about a breaker, and whether it is open.
fn breaker(line: &str) -> Option<(&str, bool)> {
    let (system, value) = line.strip_prefix("ticketroom_breaker_open{system=\"")?.split_once("\"} ")?;
    is_name(system).then(|| (system, value.trim() == "1"))
}

/// Something else than the service may answer there.
fn is_name(system: &str) -> bool {
    system.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

/// What a line says of deliveries that were not about tickets, if there were any.
fn about_something_else(line: &str) -> Option<Finding> {
    let line = line.strip_prefix("ticketroom_deliveries_total{helpdesk=\"")?;
    let (helpdesk, count) = line.split_once("\",outcome=\"about_something_else\"} ")?;
    // A portal has many rooms that are no ticket's.
    let is_helpdesk = is_name(helpdesk) && helpdesk != SYSTEM;
    let count = count.trim().parse::<u64>().ok().filter(|count| *count > 0 && is_helpdesk)?;
    Some(Finding::Warning(OTHER_EVENTS.reason(format!(
        "helpdesk “{helpdesk}” has sent {count} deliveries since the start that are not about tickets"
    ))))
}

fn silent(system: &str) -> Finding {
    let what = if system == SYSTEM { "DocSpace".to_owned() } else { format!("helpdesk “{system}”") };
    Finding::Warning(SYSTEM_SILENT.with_help(
        format!(
            "the service runs, and does not call {what} for now, since it did not answer; its tickets wait"
        ),
        "it tries again by itself, at least once a minute. Below is whether this check gets an answer",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Level;
    use crate::metrics::{Format, Metrics};

    #[test]
    fn what_the_metrics_say_is_read() {
        let metrics = Metrics::new();
        assert_eq!(findings(&metrics.text(Format::Prometheus)), [], "an older version says nothing");
        metrics.breaker("docspace", false);
        metrics.breaker("zendesk-eu", false);
        let levels = |findings: &[Finding]| findings.iter().map(Finding::level).collect::<Vec<_>>();
        assert_eq!(levels(&findings(&metrics.text(Format::Prometheus))), [Level::Good]);
        metrics.breaker("zendesk-eu", true);
        let found = findings(&metrics.text(Format::Prometheus));
        assert_eq!(levels(&found), [Level::Warning]);
        assert!(found[0].what().contains("helpdesk “zendesk-eu”"), "{}", found[0]);
        metrics.breaker("docspace", true);
        assert_eq!(findings(&metrics.text(Format::Prometheus)).len(), 2);
        assert_eq!(findings("ticketroom_breaker_open{system=\"\u{1b}[2J\"} 1"), []);
    }

    #[test]
    fn helpdesks_that_send_more_than_tickets_are_named() {
        let metrics = Metrics::new();
        let helpdesk = "jira-eu".parse().unwrap();
        metrics.delivered(&helpdesk, "accepted");
        assert_eq!(findings(&metrics.text(Format::Prometheus)), []);
        metrics.delivered(&helpdesk, "about_something_else");
        metrics.delivered(&helpdesk, "about_something_else");
        let found = findings(&metrics.text(Format::Prometheus));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what().contains("“jira-eu” has sent 2 deliveries"), "{}", found[0]);
        metrics.delivered(&SourceName::DocSpace, "about_something_else");
        assert_eq!(findings(&metrics.text(Format::Prometheus)).len(), 1, "DocSpace is no helpdesk");
    }

    #[test]
    fn the_last_delivery_of_a_source_is_read() {
        let metrics = Metrics::new();
        let last =
            |metrics: &Metrics| last_delivery_in(&metrics.text(Format::Prometheus), &SourceName::DocSpace);
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        metrics.delivery_stored(&"zendesk".parse().unwrap(), at);
        assert_eq!(last(&metrics), None);
        metrics.delivery_stored(&SourceName::DocSpace, at);
        assert_eq!(last(&metrics), Some(at));
    }

    #[test]
    fn what_listens_everywhere_is_asked_here() {
        for (listen, expected) in [
            ("0.0.0.0:3000", "127.0.0.1:3000"),
            ("[::]:3000", "[::1]:3000"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(here(listen.parse().unwrap()).to_string(), expected);
        }
    }
}
