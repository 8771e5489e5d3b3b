//! How a system of one's own is told to send to us: there is no API, so there are instructions.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::super::setup::{SetupCall, Survey, TestDelivery, Wanted, WebhookSetup};
use super::{CALL, Generic, Inbound, SIGNATURE, TIMESTAMP, signature};
use crate::call::{Cause, Failure};
use crate::clock::Timestamp;

impl Generic {
    fn proof_by_hand(&self) -> &'static str {
        match &self.inbound {
            Inbound::Unsigned => "no proof is wanted, since allow_unsigned is set",
            Inbound::Secrets(_) => {
                "with the header X-Ticketroom-Secret and the value of webhook_secret, or signed as docs/generic.md says"
            }
        }
    }
}

#[async_trait::async_trait]
impl WebhookSetup for Generic {
    fn makes_the_secret(&self) -> bool {
        false
    }

    async fn survey(&self, wanted: &Wanted<'_>) -> Result<Survey, Failure> {
        let by_hand = vec![format!(
            "make your system send POST {} for each new and each changed ticket, {}, with the whole ticket as JSON:\n  \
             {{\"ticketId\":\"4711\",\"subject\":\"…\",\"status\":\"open\",\"updatedAt\":\"2026-11-20T08:14:03Z\"}}",
            wanted.endpoint,
            self.proof_by_hand()
        )];
        Ok(Survey { by_hand, ..Survey::default() })
    }

    async fn removal(&self, endpoint: &Url) -> Result<Survey, Failure> {
        let by_hand = vec![format!("make your system stop sending to {endpoint}")];
        Ok(Survey { by_hand, ..Survey::default() })
    }

    /// A survey of this kind has no step with a call.
    async fn perform(&self, _call: &SetupCall) -> Result<(), Failure> {
        Err(CALL.failed(Cause::Unintelligible("a generic helpdesk has no API for webhooks".to_owned())))
    }

    fn test_delivery(&self, secret: &SecretString, now: Timestamp) -> TestDelivery {
        let body = json!({ "event": "webhook.test", "at": now.to_string() }).to_string();
        let headers = match &self.inbound {
            Inbound::Unsigned => Vec::new(),
            Inbound::Secrets(_) if secret.expose_secret().is_empty() => Vec::new(),
            Inbound::Secrets(_) => {
                let timestamp = now.as_second().to_string();
                let signature = signature(secret, &timestamp, body.as_bytes());
                vec![(TIMESTAMP, timestamp), (SIGNATURE, signature)]
            }
        };
        TestDelivery { headers, body }
    }
}
