//! `--test`: sends a delivery as the helpdesk would, through the public address, and waits until
//! the service that runs here has stored it. That tests name, certificate, proxy and secret.

use std::time::Duration;

use url::Url;

use super::{Ended, Result};
use crate::call::{CallName, OTHER};
use crate::cli::check_running::last_delivery;
use crate::cli::say;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::helpdesk::setup::TestDelivery;
use crate::http::Http;
use crate::ticket::HelpdeskName;

const TEST: CallName = CallName { system: &OTHER, call: "test_delivery" };
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long the service has to show that it stored the delivery.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn test(
    config: &Config,
    http: &Http,
    endpoint: &Url,
    helpdesk: &HelpdeskName,
    delivery: TestDelivery,
    now: Timestamp,
) -> Result {
    // The service tells whole seconds.
    let sent = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let source = helpdesk.clone().into();
    let mut request = http.client().post(endpoint.clone()).header("content-type", "application/json");
    for (name, value) in delivery.headers {
        request = request.header(name, value);
    }
    let answer = http
        .send(TEST, TIMEOUT, request.body(delivery.body))
        .await
        .map_err(|failure| Ended::Failed(format!("the test got no answer from {endpoint}: {failure}")))?;
    match answer.status.as_u16() {
        200..=299 => {}
        401 => {
            return Err(Ended::Failed(format!(
                "{endpoint} answers 401: the service that runs there has another webhook_secret. Reload it: ticketroom reload"
            )));
        }
        404 => {
            return Err(Ended::Failed(format!(
                "{endpoint} answers 404: is public_url right, does the proxy pass /webhooks on, and has the running service this \
                 helpdesk?"
            )));
        }
        other => {
            return Err(Ended::Failed(format!(
                "{endpoint} answers {other}: what answers there is not ticketroom, or it is not well"
            )));
        }
    }
    let arrived = async || {
        loop {
            let last: Option<Timestamp> = last_delivery(config, http, &source).await;
            if last >= Some(sent) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(PATIENCE, arrived()).await {
        Ok(()) => say(format!("the test arrived through {endpoint} and is stored")),
        Err(_) => say(format!(
            "the test was answered with {} through {endpoint}; no service on this machine says that it stored it, so look at the \
             one that answered",
            answer.status.as_u16()
        )),
    }
}
