//! Whether an address is the right one: `public_url` from outside in, and http where https is
//! configured.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::call::{CallName, Cause, OTHER};
use crate::config::Config;
use crate::finding::{Finding, Level};
use crate::http::Http;
use crate::reason::codes;

codes! {
    PUBLIC_URL_OTHER = "check.public-url.other-service", Never,
        "What answers at public_url is not ticketroom.",
        "does the proxy in front pass /healthz and /webhooks/ on to the address in `listen`? Is the service running?";
    PUBLIC_URL_HTTP = "check.public-url.not-https", Never,
        "public_url says https, and what answers there speaks http.",
        "put a proxy with a certificate before ticketroom: helpdesks send secrets to this address";
    PUBLIC_URL_UNREACHABLE = "check.public-url.unreachable", Never,
        "public_url can't be reached from this machine. Not every network lets a machine reach its own public address.",
        "helpdesks have to reach it. Is the service running, and the name in DNS?";
    SPEAKS_HTTP = "check.url.not-https", Never,
        "An address of another system says https, and what answers there speaks http.",
        "name the port that speaks https; only within this machine is http good enough";
}

const PROBE: CallName = CallName { system: &OTHER, call: "probe" };
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the address at which helpdesks reach us whether we are there. It may be asked before the
/// service runs, and not every network lets a machine reach its own public address, so nothing that
/// is found is fatal.
pub(super) async fn public_url(config: &Config, http: &Http) -> Vec<Finding> {
    let Some(base) = &config.server.public_url else { return Vec::new() };
    let address = format!("{}/healthz", base.as_str().trim_end_matches('/'));
    let listen = config.server.listen;
    let finding = match http.send(PROBE, TIMEOUT, http.client().get(&address)).await {
        Ok(answer) if is_ours(&answer.body) => Finding::good(format!("{address} reaches ticketroom")),
        Ok(answer) => Finding::Warning(PUBLIC_URL_OTHER.with_help(
            format!("{address} answers {}, and not as ticketroom does", answer.status.as_u16()),
            format!(
                "does the proxy in front pass /healthz and /webhooks/ on to {listen}? Is the service running?"
            ),
        )),
        Err(failure) if speaks_http(http, base).await => Finding::Warning(
            PUBLIC_URL_HTTP.reason(format!("{address}: it speaks http, not https ({failure})")),
        ),
        Err(failure) => Finding::Warning(PUBLIC_URL_UNREACHABLE.with_help(
            format!("{address} can't be reached from here: {}", said(&failure.cause)),
            format!("helpdesks have to reach it. Is the service running on {listen}, and the name in DNS?"),
        )),
    };
    vec![finding]
}

/// Whether an https address that did not work is one of http. Only asked where something is wrong.
pub(super) async fn protocol(http: &Http, url: &Url, findings: &[Finding]) -> Option<Finding> {
    let is_wrong = findings.iter().any(|finding| finding.level() == Level::Bad);
    if !is_wrong || !speaks_http(http, url).await {
        return None;
    }
    let port = url.port_or_known_default().unwrap_or(443);
    let host = url.host_str().unwrap_or_default();
    Some(Finding::Bad(SPEAKS_HTTP.reason(format!("it speaks http, not https, at port {port} of {host}"))))
}

/// Whether a server that is to be reached by https answers http only. Sends no credentials.
async fn speaks_http(http: &Http, url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    if url.scheme() != "https" {
        return false;
    }
    let by_https = http.send(PROBE, TIMEOUT, http.client().get(format!("https://{host}:{port}/"))).await;
    by_https.is_err()
        && http.send(PROBE, TIMEOUT, http.client().get(format!("http://{host}:{port}/"))).await.is_ok()
}

fn is_ours(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body["service"] == "ticketroom")
}

fn said(cause: &Cause) -> String {
    match cause {
        Cause::Unreachable(why) | Cause::NoAnswer(why) => why.clone(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    async fn serve(body: &'static str) -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback(async move || body);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    fn http() -> Http {
        Http::new(Metrics::new()).unwrap()
    }

    async fn found(public_url: &str) -> (Level, String) {
        let text = format!(
            "[server]\npublic_url = \"{public_url}\"\n[docspace]\nurl = \"https://d.example\"\napi_key = \"k\"\n\
             [[helpdesk]]\nname = \"g\"\nkind = \"generic\"\nallow_unsigned = true"
        );
        let config = Config::from_text(&text, "t.toml", &std::collections::HashMap::new()).unwrap();
        let mut findings = super::public_url(&config, &http()).await;
        let finding = findings.remove(0);
        (finding.level(), finding.what().to_owned())
    }

    #[tokio::test]
    async fn the_public_address_is_tried() {
        let ours = serve(r#"{"status":"ok","service":"ticketroom"}"#).await;
        assert_eq!(
            found(&format!("http://{ours}/rooms")).await,
            (Level::Good, format!("http://{ours}/rooms/healthz reaches ticketroom"))
        );
        let other = serve(r#"{"status":"ok"}"#).await;
        let (level, what) = found(&format!("http://{other}")).await;
        assert_eq!(level, Level::Warning);
        assert!(what.ends_with("/healthz answers 200, and not as ticketroom does"), "{what}");
        let (level, what) = found(&format!("https://{other}")).await;
        assert_eq!(level, Level::Warning);
        assert!(what.contains("it speaks http, not https"), "{what}");
        let (level, what) = found("http://127.0.0.1:1").await;
        assert_eq!(level, Level::Warning);
        assert!(what.contains("can't be reached from here"), "{what}");
    }

    #[tokio::test]
    async fn http_where_https_is_configured_is_told() {
        let other = serve("hello").await;
        let url = |scheme: &str| Url::parse(&format!("{scheme}://{other}/x")).unwrap();
        let bad = [Finding::Bad(SPEAKS_HTTP.reason("it fails"))];
        let found = protocol(&http(), &url("https"), &bad).await.unwrap();
        assert!(found.what().starts_with("it speaks http, not https, at port "), "{found}");
        assert_eq!(protocol(&http(), &url("https"), &[Finding::good("it works")]).await, None);
        assert_eq!(protocol(&http(), &url("http"), &bad).await, None);
    }
}
