//! What the registration of our webhook in DocSpace has to be like, and what is not right about the
//! one that is there.
//!
//! It is found by the address that it sends to. Whatever else somebody set (its name, more
//! triggers) stays as it is. Whether it has our secret can't be read; a delivery that was refused
//! with 401 tells.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use secrecy::SecretString;
use url::Url;

use super::DocSpace;
use super::reasons::{
    WEBHOOK_DISABLED, WEBHOOK_DOUBLE, WEBHOOK_FAILS, WEBHOOK_HIDDEN, WEBHOOK_INCOMPLETE, WEBHOOK_MISSING,
    WEBHOOK_NO_ADDRESS, WEBHOOK_NOT_HTTPS,
};
use super::triggers;
use super::webhooks::{Webhook, WebhookSettings};
use crate::call::{Cause, Failure};
use crate::clock::Timestamp;
use crate::config::is_loopback;
use crate::finding::Finding;
use crate::printable::{DETAIL, printable};
use crate::reason::Reason;
use crate::source::SourceName;

/// What it is called when we make it.
const NAME: &str = "ticketroom";

/// The address of our endpoint for DocSpace's webhooks, below the address at which others reach us.
///
/// # Errors
/// When DocSpace can't be told to send there: there is no address, or it is not https.
pub fn endpoint(public_url: Option<&Url>) -> Result<Url, Reason> {
    let Some(base) = public_url else {
        return Err(WEBHOOK_NO_ADDRESS
            .reason("[server] public_url is not set, so DocSpace can't be told where to send"));
    };
    let url = SourceName::DocSpace.endpoint(base);
    // What is simulated is on this machine. DocSpace itself refuses such an address.
    if url.scheme() == "https" || is_loopback(&url) {
        Ok(url)
    } else {
        Err(WEBHOOK_NOT_HTTPS.reason(format!("[server] public_url is {base}, and not https")))
    }
}

/// The registrations that send to an address, the oldest first.
#[must_use]
pub fn sending_to(mut webhooks: Vec<Webhook>, endpoint: &Url) -> Vec<Webhook> {
    webhooks.retain(|webhook| Url::parse(webhook.uri.trim()).is_ok_and(|uri| uri == *endpoint));
    webhooks.sort_by_key(|webhook| webhook.id);
    webhooks
}

/// What a registration is to be like, given the one that is there.
#[must_use]
pub fn settings(there: Option<&Webhook>, endpoint: &Url, secret: &SecretString) -> WebhookSettings {
    WebhookSettings {
        name: there.map_or(NAME, |there| there.name.as_str()).to_owned(),
        uri: endpoint.to_string(),
        secret_key: secret.clone(),
        enabled: true,
        ssl: true,
        triggers: there.map_or_else(triggers::needed, |there| triggers::with_needed(there.triggers)),
    }
}

/// What is not as it should be about a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It sends nothing.
    Disabled,
    /// It would send to whoever answers at the address.
    AnyCertificate,
    /// It does not tell of everything that is needed: the names of the triggers.
    TriggersMissing(Vec<&'static str>),
    /// It tells of one room, folder or file only.
    OneEntry(String),
}

impl Difference {
    /// What is to be done about it.
    #[must_use]
    pub fn change(&self) -> &'static str {
        match self {
            Self::Disabled => "enable it",
            Self::AnyCertificate => "have certificates checked",
            Self::TriggersMissing(_) => "add them",
            Self::OneEntry(_) => "have it tell of all entries",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("it is disabled"),
            Self::AnyCertificate => f.write_str("it does not check the certificate of the address"),
            Self::TriggersMissing(names) => write!(f, "it lacks the triggers {}", names.join(", ")),
            Self::OneEntry(id) => write!(f, "it tells only of the entry {}", printable(id, DETAIL)),
        }
    }
}

/// What is not as it should be about a registration. Empty if it is good.
#[must_use]
pub fn differences(there: &Webhook) -> Vec<Difference> {
    let missing = triggers::missing_in(there.triggers);
    let target = there.target_id.as_deref().filter(|target| !target.is_empty());
    [
        (!there.enabled).then_some(Difference::Disabled),
        (!there.ssl).then_some(Difference::AnyCertificate),
        (!missing.is_empty()).then_some(Difference::TriggersMissing(missing)),
        target.map(|target| Difference::OneEntry(target.to_owned())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Why its last delivery failed, unless a later one succeeded.
#[must_use]
pub fn last_failure(there: &Webhook) -> Option<String> {
    let failed = there.last_failure_on.as_deref()?;
    let succeeded = there.last_success_on.as_deref();
    let is_over = match (succeeded.and_then(moment), moment(failed)) {
        (Some(succeeded), Some(failed)) => succeeded > failed,
        _ => false,
    };
    if is_over {
        return None;
    }
    let why = there.last_failure_content.as_deref().unwrap_or_default();
    let (failed, why) = (printable(failed, DETAIL), printable(why, DETAIL));
    Some(if why.is_empty() { failed } else { format!("{failed}: {why}") })
}

/// A time as DocSpace writes it. What has no zone is in the portal's; all times of one answer have
/// the same.
fn moment(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let in_utc = text.parse().ok().map(|at: Timestamp| Offset::UTC.to_datetime(at));
    in_utc.or_else(|| text.parse().ok())
}

/// Looks at the registration, for `check`. The service works without it: then it sees what people
/// do in rooms when it next looks at their tickets.
pub async fn check(docspace: &DocSpace, public_url: Option<&Url>) -> Vec<Finding> {
    let endpoint = match endpoint(public_url) {
        Ok(endpoint) => endpoint,
        Err(reason) => return vec![Finding::Warning(reason)],
    };
    match docspace.webhooks().await {
        Ok(webhooks) => findings(&sending_to(webhooks, &endpoint), &endpoint),
        Err(failure) => vec![Finding::Warning(unreadable(&failure))],
    }
}

/// Why the registrations can't be read or changed.
#[must_use]
pub fn unreadable(failure: &Failure) -> Reason {
    match failure.cause {
        Cause::Forbidden => {
            WEBHOOK_HIDDEN.reason("the key may not look at webhooks: it needs full access (scope *)")
        }
        _ => failure.reason().about("DocSpace's webhooks"),
    }
}

/// The registration that counts of those that send to our endpoint: one that is good, if there is
/// one.
#[must_use]
pub fn the_one(ours: &[Webhook]) -> Option<&Webhook> {
    ours.iter().find(|one| differences(one).is_empty()).or(ours.first())
}

/// What is to be said about the registrations that send to our endpoint.
#[must_use]
pub fn findings(ours: &[Webhook], endpoint: &Url) -> Vec<Finding> {
    let Some(there) = the_one(ours) else {
        let text = format!("DocSpace has no webhook for {endpoint}");
        return vec![Finding::Warning(WEBHOOK_MISSING.reason(text))];
    };
    let name = printable(&there.name, DETAIL);
    let warning = |difference: Difference| {
        let code = if difference == Difference::Disabled { &WEBHOOK_DISABLED } else { &WEBHOOK_INCOMPLETE };
        Finding::Warning(code.reason(format!("DocSpace's webhook “{name}”: {difference}")))
    };
    let mut findings: Vec<Finding> = differences(there).into_iter().map(warning).collect();
    let sending = ours.iter().filter(|one| one.enabled).count();
    if sending > 1 {
        let text =
            format!("{sending} webhooks of DocSpace send to {endpoint}, so each event comes more than once");
        findings.push(Finding::Warning(WEBHOOK_DOUBLE.reason(text)));
    }
    if let Some(failure) = last_failure(there) {
        let text = format!("the last delivery of DocSpace's webhook “{name}” failed at {failure}");
        findings.push(Finding::Warning(WEBHOOK_FAILS.reason(text)));
    }
    if findings.is_empty() {
        findings
            .push(Finding::good(format!("DocSpace's webhook “{name}” tells of rooms, files and folders")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Level;

    const ADDRESS: &str = "https://rooms.example/ticketroom/webhooks/docspace";

    fn good() -> Webhook {
        Webhook {
            id: 12,
            name: "by hand".to_owned(),
            uri: ADDRESS.to_owned(),
            enabled: true,
            ssl: true,
            triggers: triggers::needed() | 1,
            target_id: None,
            last_success_on: None,
            last_failure_on: None,
            last_failure_content: None,
        }
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_endpoint_is_below_the_public_address_and_https() {
        for base in ["https://rooms.example/ticketroom", "https://rooms.example/ticketroom/"] {
            assert_eq!(endpoint(Some(&url(base))).unwrap().as_str(), ADDRESS);
        }
        assert!(endpoint(None).unwrap_err().is(&WEBHOOK_NO_ADDRESS));
        assert!(endpoint(Some(&url("http://rooms.example"))).unwrap_err().is(&WEBHOOK_NOT_HTTPS));
        assert!(
            endpoint(Some(&url("http://127.0.0.1:3000"))).is_ok(),
            "only within this machine is http good enough"
        );
    }

    #[test]
    fn a_registration_is_found_by_its_address_whatever_it_is_called() {
        let other = |uri: &str| Webhook { uri: uri.to_owned(), ..good() };
        let all = vec![
            Webhook { id: 13, ..other("https://ROOMS.example:443/ticketroom/webhooks/docspace") },
            other("https://rooms.example/webhooks/docspace"),
            other("no address"),
            good(),
        ];
        let ids: Vec<i64> = sending_to(all, &url(ADDRESS)).iter().map(|one| one.id).collect();
        assert_eq!(ids, [12, 13]);
    }

    #[test]
    fn what_differs_is_told_and_put_right_and_nothing_else_is_touched() {
        assert_eq!(differences(&good()), []);
        assert_eq!(differences(&Webhook { triggers: 0, ..good() }), [], "0 stands for all");
        let bad = Webhook {
            enabled: false,
            ssl: false,
            triggers: triggers::needed() & !(1 << 24) | 1,
            target_id: Some("1421".to_owned()),
            ..good()
        };
        let told: Vec<String> = differences(&bad).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "it is disabled",
                "it does not check the certificate of the address",
                "it lacks the triggers room.archived",
                "it tells only of the entry 1421"
            ]
        );
        let put_right = settings(Some(&bad), &url(ADDRESS), &SecretString::from("Secret123!"));
        assert_eq!(put_right.name, "by hand");
        assert_eq!(put_right.triggers, good().triggers, "what somebody else wants stays");
        assert!(put_right.enabled && put_right.ssl);
        let new = settings(None, &url(ADDRESS), &SecretString::from("Secret123!"));
        assert_eq!((new.name.as_str(), new.triggers), ("ticketroom", triggers::needed()));
    }

    #[test]
    fn a_failure_counts_until_a_later_success() {
        let with = |success: Option<&str>, failure: Option<&str>| Webhook {
            last_success_on: success.map(str::to_owned),
            last_failure_on: failure.map(str::to_owned),
            last_failure_content: Some("401\u{1b}[2J".to_owned()),
            ..good()
        };
        let (early, late) = ("2026-07-01T10:00:00.0000000+02:00", "2026-07-01T09:00:00.0000000Z");
        assert_eq!(last_failure(&with(None, None)), None);
        assert_eq!(last_failure(&with(Some(late), Some(early))), None);
        assert_eq!(last_failure(&with(Some("2026-07-01T10:00:01"), Some("2026-07-01T10:00:00"))), None);
        let told = last_failure(&with(Some(early), Some(late))).unwrap();
        assert_eq!(told, format!("{late}: 401\u{FFFD}[2J"));
        assert!(last_failure(&with(None, Some("yesterday"))).is_some(), "what can't be compared is told");
    }

    #[test]
    fn findings_name_what_is_wrong_by_its_code() {
        let codes = |ours: &[Webhook]| -> Vec<String> {
            let findings = findings(ours, &url(ADDRESS));
            findings.iter().filter_map(|one| Some(one.reason()?.code.to_string())).collect()
        };
        assert_eq!(codes(&[]), [WEBHOOK_MISSING.name]);
        let disabled = Webhook { enabled: false, triggers: 1, ..good() };
        assert_eq!(codes(std::slice::from_ref(&disabled)), [WEBHOOK_DISABLED.name, WEBHOOK_INCOMPLETE.name]);
        assert_eq!(codes(&[disabled, good()]), [""; 0], "one that is good is enough");
        assert_eq!(codes(&[good(), good()]), [WEBHOOK_DOUBLE.name]);
        assert_eq!(findings(&[good()], &url(ADDRESS))[0].level(), Level::Good);
        let fails = Webhook { last_failure_on: Some("2026-07-01T10:00:00Z".to_owned()), ..good() };
        assert_eq!(codes(&[fails]), [WEBHOOK_FAILS.name]);
    }
}
