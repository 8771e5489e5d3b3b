//! Registered webhooks, what their addresses and secrets have to be, and the log of what was sent.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Host, Url};
use uuid::Uuid;

use super::trigger::{NAMES, Trigger};

/// A webhook without a success for longer than this is disabled at its next failure.
const PATIENCE: SignedDuration = SignedDuration::from_hours(3 * 24);

/// What a webhook's secret has to be, as the portal's passwords. Only printable ASCII is allowed in
/// it.
///
/// A portal as it is installed asks for 8 characters and nothing else; the default here is
/// stricter, so that a client that passes meets stricter portals, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordPolicy {
    /// The fewest characters. The most are always 30, as for passwords.
    pub min_length: usize,
    /// An upper-case letter is needed.
    pub upper_case: bool,
    /// A digit is needed.
    pub digits: bool,
    /// A special character is needed.
    pub special: bool,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: 8, upper_case: true, digits: true, special: true }
    }
}

impl PasswordPolicy {
    pub(crate) fn accepts(self, secret: &str) -> bool {
        let has = |is: fn(&char) -> bool| secret.chars().any(|c| is(&c));
        secret.chars().all(|c| c.is_ascii_graphic())
            && (self.min_length..=30).contains(&secret.len())
            && (!self.upper_case || has(char::is_ascii_uppercase))
            && (!self.digits || has(char::is_ascii_digit))
            && (!self.special || has(char::is_ascii_punctuation))
    }
}

/// Whether an address is one of this machine or of a private network. Names are not resolved.
pub(crate) fn is_private(address: &Url) -> bool {
    match address.host() {
        None => true,
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => {
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
        }
        Some(Host::Ipv6(ip)) => match ip.to_canonical() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => {
                ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
            }
        },
    }
}

/// A registered webhook.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// Its address as it was written.
    pub(crate) uri: String,
    pub(crate) address: Url,
    pub(crate) secret: String,
    pub(crate) enabled: bool,
    pub(crate) ssl: bool,
    /// The bits of its triggers; 0 for all.
    pub(crate) triggers: i64,
    /// The one entry that it is for, if it isn't for all.
    pub(crate) target: Option<String>,
    pub(crate) created_by: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) modified: Option<(Timestamp, Uuid)>,
    pub(crate) last_failure: Option<(Timestamp, String)>,
    pub(crate) last_success: Option<Timestamp>,
    /// The status of the latest attempt; 0 before the first.
    pub(crate) last_status: u16,
}

impl Webhook {
    pub(crate) fn takes(&self, trigger: Trigger, entry: i64) -> bool {
        let is_for = self.target.as_ref().is_none_or(|target| *target == entry.to_string());
        self.enabled && is_for && (self.triggers == 0 || self.triggers & trigger.id() != 0)
    }

    fn has_failed(&mut self, now: Timestamp, why: String) {
        self.last_failure = Some((now, why));
        let since = self.last_success.unwrap_or(self.created);
        self.enabled &= now.duration_since(since) <= PATIENCE;
    }
}

/// One event for one webhook, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    /// The id of the event. It is unique in the portal: another webhook gets the same event with
    /// another id.
    pub(crate) id: i64,
    pub(crate) webhook: i64,
    pub(crate) webhook_name: String,
    pub(crate) uri: String,
    pub(crate) trigger: Trigger,
    pub(crate) entry: i64,
    pub(crate) created: Timestamp,
    pub(crate) created_by: Uuid,
    /// `event` and `payload` of the body, which are the same in each attempt.
    pub(crate) event: Value,
    pub(crate) payload: Value,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) delivered: bool,
    pub(crate) given_up: bool,
}

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) at: Timestamp,
    pub(crate) body: String,
    /// What answered, if anything did.
    pub(crate) status: Option<u16>,
}

/// Everything about webhooks that deliveries under way change.
#[derive(Debug)]
pub(crate) struct Webhooks {
    pub(crate) registered: BTreeMap<i64, Webhook>,
    pub(crate) log: Vec<Logged>,
    pub(crate) allows_private: bool,
    pub(crate) policy: PasswordPolicy,
    pub(crate) last_id: i64,
    pub(crate) last_event: i64,
    /// So many events are lost next: they are logged and never sent.
    pub(crate) loses: usize,
}

impl Webhooks {
    pub(crate) fn new(allows_private: bool, policy: PasswordPolicy) -> Self {
        let (registered, log) = (BTreeMap::new(), Vec::new());
        Self { registered, log, allows_private, policy, last_id: 11, last_event: 980, loses: 0 }
    }

    /// Adds a webhook under a new number.
    pub(crate) fn add(&mut self, webhook: Webhook) -> Webhook {
        self.last_id += 1;
        let webhook = Webhook { id: self.last_id, ..webhook };
        self.registered.insert(webhook.id, webhook.clone());
        webhook
    }

    /// What became of an attempt, for the log and for the webhook. False if there is to be no
    /// further one, since the webhook is gone or disabled, or it was accepted.
    pub(crate) fn record(&mut self, event: i64, attempt: Attempt, failure: Option<String>) -> bool {
        let (now, status) = (attempt.at, attempt.status);
        let Some(logged) = self.log.iter_mut().find(|logged| logged.id == event) else { return false };
        logged.attempts.push(attempt);
        logged.delivered = failure.is_none();
        let id = logged.webhook;
        if status == Some(410) {
            self.registered.remove(&id);
        }
        let Some(webhook) = self.registered.get_mut(&id) else { return false };
        webhook.last_status = status.unwrap_or(500);
        match failure {
            None => {
                webhook.last_success = Some(now);
                false
            }
            Some(why) => {
                webhook.has_failed(now, why);
                webhook.enabled
            }
        }
    }

    /// Whether the next event is lost.
    pub(crate) fn loses_one(&mut self) -> bool {
        let loses = self.loses > 0;
        self.loses -= usize::from(loses);
        loses
    }

    pub(crate) fn give_up(&mut self, event: i64) {
        for logged in self.log.iter_mut().filter(|logged| logged.id == event && !logged.delivered) {
            logged.given_up = true;
        }
    }
}

/// The triggers in a request: only bits that the server has.
pub(crate) fn is_mask(triggers: i64) -> bool {
    triggers >= 0 && triggers >> NAMES.len() == 0
}

/// A webhook that is registered without asking its address, for tests and the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// The address that is posted to.
    pub endpoint: Url,
    /// What deliveries are signed with.
    pub secret: String,
    /// What it is sent; all events if there are none.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
}

/// A webhook's delivery, for tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// `event.id`, the same in each attempt.
    pub event: i64,
    /// The webhook's number.
    pub webhook: i64,
    /// Such as `room.archived`.
    pub trigger: String,
    /// The room, folder or file.
    pub entry: i64,
    /// Who has done it.
    pub created_by: Uuid,
    /// The bodies of the attempts that are over, in order.
    pub bodies: Vec<String>,
    /// What answered each of them, if anything did.
    pub attempts: Vec<Option<u16>>,
    /// It was answered with 2xx.
    pub delivered: bool,
    /// It has failed, and is not tried again.
    pub given_up: bool,
}

impl Logged {
    pub(crate) fn view(&self) -> WebhookDelivery {
        WebhookDelivery {
            event: self.id,
            webhook: self.webhook,
            trigger: self.trigger.name().to_owned(),
            entry: self.entry,
            created_by: self.created_by,
            bodies: self.attempts.iter().map(|attempt| attempt.body.clone()).collect(),
            attempts: self.attempts.iter().map(|attempt| attempt.status).collect(),
            delivered: self.delivered,
            given_up: self.given_up,
        }
    }
}

/// The mask of these triggers; 0, which means all, if there are none.
pub(crate) fn mask(triggers: &[Trigger]) -> i64 {
    triggers.iter().fold(0, |mask, trigger| mask | trigger.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_private_networks_are_known() {
        for (address, private) in [
            ("http://127.0.0.1:3000/", true),
            ("https://localhost/x", true),
            ("https://10.1.2.3/", true),
            ("https://192.168.0.9/", true),
            ("https://169.254.1.1/", true),
            ("https://[::1]/", true),
            ("https://[::ffff:127.0.0.1]/", true),
            ("https://[fd00::1]/", true),
            ("https://8.8.8.8/", false),
            ("https://[2001:4860:4860::8888]/", false),
            ("https://bridge.example.com/docspace", false),
        ] {
            assert_eq!(is_private(&address.parse().unwrap()), private, "{address}");
        }
    }

    #[test]
    fn secrets_have_to_be_like_passwords() {
        let policy = PasswordPolicy::default();
        for (secret, accepted) in [
            ("Secret123!", true),
            ("secret123!", false),
            ("Secret!!!!", false),
            ("Secret1234", false),
            ("S1!", false),
            ("Secret 123!", false),
            ("Sécret123!", false),
            (&format!("S1!{}", "x".repeat(27)), true),
            (&format!("S1!{}", "x".repeat(28)), false),
        ] {
            assert_eq!(policy.accepts(secret), accepted, "{secret}");
        }
        let plain = PasswordPolicy { min_length: 8, upper_case: false, digits: false, special: false };
        assert!(plain.accepts("secretsecret") && !plain.accepts("secret"));
    }
}
