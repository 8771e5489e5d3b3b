//! What makes a helpdesk send us its deliveries (a webhook, and what fires it), and how it is made
//! over the helpdesk's API.
//!
//! A [`Survey`] compares what is there with what is needed and changes nothing. What is missing is
//! a list of [`Step`]s in their order; a step that needs the outcome of an earlier one has no call
//! yet, and has one in the survey that is made after the earlier one was done. So setting up is:
//! survey, do the first step, survey again, until no step is left. It converges, may be broken off
//! and run again at any time, and changes nothing where nothing is missing.
//!
//! What a helpdesk does not let its API do is told as instructions, with the values filled in.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;
use url::Url;

use crate::call::Failure;
use crate::clock::Timestamp;
use crate::config::is_loopback;
use crate::finding::Finding;
use crate::reason::{Reason, codes};
use crate::source::SourceName;
use crate::ticket::HelpdeskName;

codes! {
    ADDRESS_MISSING = "check.webhook.address-missing", Never,
        "[server] public_url is not set, so no helpdesk can be told where to send.",
        "set public_url to the https address at which ticketroom can be reached from outside";
    ADDRESS_NOT_HTTPS = "check.webhook.address-not-https", Never,
        "[server] public_url is not https, so tickets and secrets would be sent unencrypted.",
        "put a proxy with a certificate before ticketroom, and write its https address";
    INCOMPLETE = "check.webhook.incomplete", Never,
        "The helpdesk does not send everything that ticketroom needs, or nothing at all.",
        "“ticketroom webhook setup HELPDESK --dry-run” shows what is missing; without --dry-run it does it";
    BY_HAND = "check.webhook.by-hand", Never,
        "Part of what makes the helpdesk send is missing, and its API can't make it.",
        "“ticketroom webhook setup HELPDESK” prints the steps with all values filled in";
    FAILING = "check.webhook.failing", Never,
        "The helpdesk's own record says that deliveries to ticketroom failed.",
        "“ticketroom webhook status HELPDESK” shows them. After 401 the secrets differ; after a timeout see whether the \
         address can be reached from the internet. “ticketroom backfill” takes in the tickets of that time";
}

/// A helpdesk whose webhook can be surveyed.
#[async_trait::async_trait]
pub trait WebhookSetup: Send + Sync {
    /// Whether the helpdesk makes the secret itself. Otherwise it is given ours.
    fn makes_the_secret(&self) -> bool;

    /// Compares what there is with what is wanted.
    ///
    /// # Errors
    /// When the helpdesk can't say now. That our credentials don't suffice is no error:
    /// [`Survey::by_hand`] says what a person can do then.
    async fn survey(&self, wanted: &Wanted<'_>) -> Result<Survey, Failure>;

    /// What has to be done to remove what sends to an endpoint.
    ///
    /// # Errors
    /// As [`survey`](Self::survey).
    async fn removal(&self, endpoint: &Url) -> Result<Survey, Failure>;

    /// Makes the call of a step.
    ///
    /// # Errors
    /// When it may not be done.
    async fn perform(&self, call: &SetupCall) -> Result<(), Failure>;

    /// A delivery as the helpdesk would send it, signed with `secret`, about no ticket.
    fn test_delivery(&self, secret: &SecretString, now: Timestamp) -> TestDelivery;
}

/// What is wanted of a helpdesk.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where it is to send.
    pub endpoint: &'a Url,
    /// What it is to sign with or to send along; `None` where it makes the secret itself.
    pub secret: Option<&'a SecretString>,
    /// The secrets that the configuration takes now.
    pub accepted: &'a [SecretString],
    /// What fires it.
    pub form: Form,
    /// Whether the secret is to be sent again.
    pub renew_secret: bool,
}

/// What fires a webhook, where the helpdesk has both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The helpdesk's events.
    Events,
    /// Rules of the helpdesk, which an administrator can change.
    Triggers,
}

/// What there is, and what is missing.
#[derive(Debug, Default)]
pub struct Survey {
    /// What sends to the endpoint, one line each.
    pub found: Vec<String>,
    /// What can be done over the API.
    pub steps: Vec<Step>,
    /// What only a person can do, one instruction each.
    pub by_hand: Vec<String>,
    /// Whether our credentials don't suffice to look at all of it.
    pub is_hidden: bool,
    /// What is noteworthy, and needs nothing done.
    pub remarks: Vec<String>,
    /// Deliveries that failed, by the helpdesk's own record, the newest first; `None` where it has
    /// none.
    pub failed: Option<Vec<String>>,
    /// The secret that the helpdesk made, where it tells.
    pub secret: Option<SecretString>,
}

impl Survey {
    /// Whether all is as it is needed, as far as can be seen.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.steps.is_empty() && self.by_hand.is_empty()
    }

    /// The same as findings of `check`.
    #[must_use]
    pub fn findings(&self, helpdesk: &HelpdeskName) -> Vec<Finding> {
        let mut findings = Vec::new();
        let help = |command: &str| format!("ticketroom webhook {command} {helpdesk}");
        if let [first, rest @ ..] = &*self.steps {
            let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
            let what = format!("the webhook is incomplete: {}{more}", first.text);
            findings.push(Finding::Warning(INCOMPLETE.with_help(what, help("setup"))));
        }
        if self.is_hidden {
            // Nobody has to let us look.
            findings.push(Finding::good("our user may not look at webhooks, so they were not checked"));
        } else if !self.by_hand.is_empty() {
            let what = "part of the webhook is missing, and has to be made by hand";
            findings.push(Finding::Warning(BY_HAND.with_help(what, help("setup"))));
        }
        if let Some([newest, ..]) = self.failed.as_deref() {
            let what = format!("deliveries to ticketroom failed, the last: {newest}");
            findings.push(Finding::Warning(FAILING.with_help(what, help("status"))));
        }
        if findings.is_empty() && !self.found.is_empty() {
            findings
                .push(Finding::good(format!("the webhook is as it should be: {}", self.found.join("; "))));
        }
        findings
    }
}

/// One thing to be done.
#[derive(Debug)]
pub struct Step {
    /// In words.
    pub text: String,
    /// The call that does it; `None` if that is known only after an earlier step.
    pub call: Option<SetupCall>,
}

impl Step {
    /// A step whose call is known.
    pub(super) fn new(text: impl Into<String>, call: SetupCall) -> Self {
        Self { text: text.into(), call: Some(call) }
    }

    /// A step whose call follows from an earlier one.
    pub(super) fn later(text: impl Into<String>) -> Self {
        Self { text: text.into(), call: None }
    }
}

/// A call that changes the helpdesk's configuration. Its body may hold a secret, so it is not
/// shown.
pub struct SetupCall {
    pub(super) name: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl fmt::Debug for SetupCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetupCall")
            .field("name", &self.name)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A delivery that tests the way to us.
pub struct TestDelivery {
    /// Headers that prove where it comes from.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl fmt::Debug for TestDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestDelivery").field("body", &self.body).finish_non_exhaustive()
    }
}

/// The address of a helpdesk's endpoint, below the address at which others reach us.
///
/// # Errors
/// When no helpdesk can be told to send there.
pub fn endpoint(public_url: Option<&Url>, helpdesk: &HelpdeskName) -> Result<Url, Reason> {
    let Some(base) = public_url else {
        return Err(ADDRESS_MISSING
            .reason(format!("[server] public_url is not set, so {helpdesk} can't be told where to send")));
    };
    let url = SourceName::from(helpdesk.clone()).endpoint(base);
    if url.scheme() == "https" || is_loopback(&url) {
        Ok(url)
    } else {
        Err(ADDRESS_NOT_HTTPS.reason(format!("[server] public_url is {base}, and not https")))
    }
}

/// What there is to say of several webhooks that send to one address.
pub(super) fn several(webhooks: usize) -> String {
    format!(
        "{webhooks} webhooks send to this address, so each event comes more than once: delete all but one"
    )
}

/// Whether a text is this address, however it is written, with whatever query.
pub(super) fn leads_to(text: &str, endpoint: &Url) -> bool {
    Url::parse(text.trim()).is_ok_and(|mut url| {
        url.set_query(None);
        url.set_fragment(None);
        url == *endpoint
    })
}

/// What we call things that we make in a helpdesk.
pub(super) fn title(helpdesk: &HelpdeskName) -> String {
    format!("ticketroom ({helpdesk})")
}

/// Whether the helpdesk's secret is one that the configuration takes.
#[must_use]
pub fn is_accepted(secret: &SecretString, accepted: &[SecretString]) -> bool {
    accepted.iter().any(|one| one.expose_secret() == secret.expose_secret())
}

/// HMAC-SHA256 over several parts; nothing if there is no such key, which no receiver accepts.
pub(super) fn hmac(secret: &SecretString, parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return Vec::new();
    };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_below_the_public_address() {
        let name: HelpdeskName = "desk".parse().unwrap();
        let of = |base: &str| endpoint(Some(&base.parse().unwrap()), &name);
        for base in ["https://r.example/t", "https://r.example/t/"] {
            assert_eq!(of(base).unwrap().as_str(), "https://r.example/t/webhooks/desk");
        }
        assert!(of("http://127.0.0.1:3000").is_ok());
        assert!(of("http://r.example").unwrap_err().is(&ADDRESS_NOT_HTTPS));
        assert!(endpoint(None, &name).unwrap_err().is(&ADDRESS_MISSING));
    }

    #[test]
    fn an_address_is_recognized_however_it_is_written() {
        let endpoint: Url = "https://r.example/webhooks/desk".parse().unwrap();
        for same in [
            "https://R.example:443/webhooks/desk",
            " https://r.example/webhooks/desk?ticket_id={{ticket.id}} ",
        ] {
            assert!(leads_to(same, &endpoint), "{same}");
        }
        for other in ["https://r.example/webhooks/desk2", "http://r.example/webhooks/desk", "", "no address"]
        {
            assert!(!leads_to(other, &endpoint), "{other}");
        }
    }

    #[test]
    fn calls_are_shown_without_their_bodies() {
        let body = Some(serde_json::json!({ "secret": "hush" }));
        let call =
            SetupCall { name: "create_webhook", method: Method::POST, path: "webhooks".to_owned(), body };
        assert!(!format!("{:?}", Step::new("create", call)).contains("hush"));
    }
}
