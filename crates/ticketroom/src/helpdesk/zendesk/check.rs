//! Tries what the service will need of Zendesk, without changing anything there.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;

use super::Zendesk;
use super::delivery::EVENT;
use super::setup::Webhook;
use super::wire::{FieldDto, MeDto};
use crate::call::{Cause, Failure};
use crate::clock::{Clock, TOLERATED_SKEW, Timestamp, clock_skew, parse_date};
use crate::config::ZENDESK_TEST_SECRET;
use crate::finding::{Finding, Level};
use crate::reason::codes;
use crate::source::salvage::event_name;

codes! {
    SECRET_MISSING = "check.zendesk.secret-missing", Never,
        "The helpdesk has no webhook secret, so every delivery is refused.",
        "in Zendesk open the webhook, choose “Reveal secret” and configure it as `webhook_secret`";
    SECRET_PUBLIC = "check.zendesk.secret-public", Never,
        "The webhook secret is Zendesk's public test secret, which everybody knows.",
        "in Zendesk open the webhook, choose “Reveal secret” and configure that one";
    EVENTS_TOO_MANY = "check.zendesk.other-events", Never,
        "The webhook also sends events that are not about tickets.",
        "they are answered and kept, and nothing follows; untick them in Admin Center > Apps and integrations > Webhooks";
    USER_UNKNOWN = "check.zendesk.user-unknown", Never,
        "Zendesk does not say who we are: it takes our requests for those of an anonymous user.",
        "are `client_id` and `client_secret` (or `email` and `api_token`) right?";
    USER_SUSPENDED = "check.zendesk.user-suspended", Never,
        "The user of the integration is suspended.",
        "unsuspend it in Zendesk";
    USER_NO_AGENT = "check.zendesk.user-no-agent", Never,
        "The user of the integration is not an agent, so it can't write notes.",
        "give the user of the OAuth client (or of the API token) the role agent or admin";
    FIELD_UNUSABLE = "check.zendesk.field-unusable", Never,
        "The custom field for the link does not exist, or is not of type text.",
        "make one in Admin Center > Objects and rules > Tickets > Fields, of type text, and put its id into \
         `room_url_field`; until then the link is only in the note";
    FIELD_OFF = "check.zendesk.field-switched-off", Never,
        "The custom field for the link is switched off.",
        "activate it in Admin Center > Objects and rules > Tickets > Fields";
    CLOCKS_DIFFER = "check.zendesk.clocks-differ", Never,
        "Zendesk's clock and the clock of this machine differ. If they differ by much, deliveries are refused as too old.",
        "set this machine's clock, and keep it right with NTP";
    NO_EXPORT = "check.zendesk.no-export", Never,
        "The user of the integration is no administrator, so changed tickets can't be exported. They are searched for instead, \
         which is slower and finds them some minutes later.",
        "give the user of the OAuth client (or of the API token) the role admin, and the client the scope `read` or \
         `tickets:read`";
    NO_LISTING = "check.zendesk.no-listing", Never,
        "Changed tickets can't be listed, so a ticket whose webhook never came is not found.",
        "give the user of the OAuth client (or of the API token) the role admin, and the client the scope `read` or \
         `tickets:read`";
    API_TOKEN = "check.zendesk.api-token", Never,
        "The integration signs in with an API token, which Zendesk takes until 2027-04-30.",
        "make an OAuth client in Admin Center > Apps and integrations > APIs and configure `client_id` and `client_secret` \
         in place of `email` and `api_token`";
}

/// From this day on (2027-05-01), Zendesk takes no API tokens.
const API_TOKENS_END: i64 = 1_809_129_600;

/// So many kinds of events are named.
const MOST_NAMED: usize = 10;

impl Zendesk {
    pub(super) async fn findings(&self, clock: &dyn Clock) -> Vec<Finding> {
        let mut findings = self.secrets();
        if self.uses_api_token {
            findings.push(api_token(clock.now()));
        }
        let (me, date) = match self.api.me().await {
            Ok(answer) => answer,
            Err(failure) => {
                findings.push(self.unusable(&failure));
                return findings;
            }
        };
        let usable = self.user(&me);
        let is_usable = usable.level() != Level::Bad;
        findings.push(usable);
        findings.extend(date.as_deref().and_then(|date| self.clocks(date, clock.now())));
        if is_usable {
            findings.push(match self.room_url_field {
                Some(field) => self.field(field, self.api.field(field).await),
                None => Finding::good("the link goes into an internal note".to_owned()),
            });
            let now = date.as_deref().and_then(parse_date).unwrap_or_else(|| clock.now());
            findings.push(self.lists(now).await);
            // Listing webhooks may need more than the service does; then nothing is said of them.
            findings.extend(self.webhooks().await.ok().and_then(|webhooks| self.subscriptions(&webhooks)));
        }
        findings
    }

    /// Whether tickets whose deliveries never came can be found.
    async fn lists(&self, now: Timestamp) -> Finding {
        match self.can_list(now).await {
            Ok(true) => Finding::good("changed tickets can be exported".to_owned()),
            Ok(false) => {
                let text = "our user is no administrator, so changed tickets are searched for";
                Finding::Warning(NO_EXPORT.reason(text))
            }
            Err(failure @ Failure { cause: Cause::Forbidden, .. }) => {
                Finding::Warning(NO_LISTING.reason(format!("changed tickets can't be listed: {failure}")))
            }
            Err(failure) => {
                let help = "try again later; webhooks work without it";
                let reason = failure.code().with_help(failure.to_string(), help);
                Finding::Warning(reason.about("changed tickets can't be listed".to_owned()))
            }
        }
    }

    /// What our webhook sends that is not about tickets.
    fn subscriptions(&self, webhooks: &[Webhook]) -> Option<Finding> {
        let path = format!("/webhooks/{}", self.name);
        let is_ours = |webhook: &&Webhook| {
            webhook
                .endpoint
                .split(['?', '#'])
                .next()
                .unwrap_or_default()
                .trim_end_matches('/')
                .ends_with(&path)
        };
        let subscribed = webhooks.iter().filter(is_ours).flat_map(|webhook| &webhook.subscriptions);
        let others: BTreeSet<String> = subscribed
            .filter_map(|event| event.strip_prefix(EVENT).filter(|event| !event.starts_with("ticket.")))
            .map(|event| event_name(Some(event), "other"))
            .take(MOST_NAMED)
            .collect();
        let others: Vec<String> = others.into_iter().collect();
        (!others.is_empty()).then(|| {
            let others = others.join(", ");
            Finding::Warning(
                EVENTS_TOO_MANY
                    .reason(format!("the webhook also sends events that are not about tickets: {others}")),
            )
        })
    }

    fn secrets(&self) -> Vec<Finding> {
        if self.webhook_secrets.is_empty() {
            let text = "no webhook secret, so every delivery will be refused";
            return vec![Finding::Bad(SECRET_MISSING.reason(text))];
        }
        let is_public =
            self.webhook_secrets.iter().any(|secret| secret.expose_secret() == ZENDESK_TEST_SECRET);
        let public = || {
            let text = "the webhook secret is Zendesk's public test secret, which everybody knows";
            Finding::Bad(SECRET_PUBLIC.reason(text))
        };
        is_public.then(public).into_iter().collect()
    }

    /// Why our own user could not be asked for.
    fn unusable(&self, failure: &Failure) -> Finding {
        let help = match failure.cause {
            Cause::Unreachable(_) | Cause::NoAnswer(_) | Cause::NotFound | Cause::Unintelligible(_) => {
                "is `url` the address of the account, such as https://acme.zendesk.com, and reachable from here?"
            }
            Cause::Unauthorized => self.wrong_credentials(),
            Cause::Forbidden => {
                "the credentials are right, but may not do this: give the OAuth client the scopes `read` and \
                 `tickets:write`, and make sure that its user is an agent and not suspended"
            }
            Cause::Rejected { .. } if failure.call == "oauth_token" => {
                "make the OAuth client confidential and allow it the scopes `read` and `tickets:write` \
                 (Admin Center > Apps and integrations > APIs > OAuth clients)"
            }
            Cause::Rejected { status: 300..=399, .. } => {
                "configure the address that it redirects to as `url`"
            }
            _ => "try again later",
        };
        Finding::Bad(failure.code().with_help(failure.to_string(), help))
    }

    fn wrong_credentials(&self) -> &'static str {
        if self.uses_api_token {
            "are `email` and `api_token` right, and is the token active? New ones can't be made any more: \
             better make an OAuth client and configure `client_id` and `client_secret`"
        } else {
            "are `client_id` (the client's identifier) and `client_secret` right? \
             (Admin Center > Apps and integrations > APIs > OAuth clients)"
        }
    }

    /// What our own user may do.
    fn user(&self, me: &MeDto) -> Finding {
        let Some(id) = me.id else {
            // Zendesk answers this call even without credentials.
            let text = "Zendesk does not know who we are";
            return Finding::Bad(USER_UNKNOWN.with_help(text, self.wrong_credentials()));
        };
        if me.suspended {
            return Finding::Bad(USER_SUSPENDED.reason(format!("our user {id} is suspended")));
        }
        match me.role.as_deref() {
            Some(role @ ("agent" | "admin")) => {
                Finding::good(format!("{} answers; our user {id} has the role {role}", self.api.host()))
            }
            _ => {
                let text = format!("our user {id} is no agent, so it can't write notes");
                Finding::Bad(USER_NO_AGENT.reason(text))
            }
        }
    }

    fn field(&self, id: u64, answer: Result<FieldDto, Failure>) -> Finding {
        match answer {
            Ok(FieldDto { kind, .. }) if kind.as_deref() != Some("text") => {
                Finding::Warning(FIELD_UNUSABLE.reason(format!("the custom field {id} is not of type text")))
            }
            Ok(FieldDto { active: Some(false), .. }) => {
                Finding::Warning(FIELD_OFF.reason(format!("the custom field {id} is switched off")))
            }
            Ok(_) => Finding::good(format!("the link goes into the custom field {id} and an internal note")),
            Err(Failure { cause: Cause::NotFound, .. }) => {
                Finding::Warning(FIELD_UNUSABLE.reason(format!("there is no custom field {id}")))
            }
            Err(failure) => Finding::Warning(
                failure
                    .code()
                    .with_help(failure.to_string(), "give the OAuth client the scope `read`")
                    .about(format!("the custom field {id} can't be looked at")),
            ),
        }
    }

    /// Signatures are only good for a while, so the clocks have to agree.
    fn clocks(&self, date: &str, now: Timestamp) -> Option<Finding> {
        let skew = clock_skew(date, now)?;
        let what = format!("our clock and Zendesk's are {} s apart", skew.as_secs());
        Some(if skew > self.signature_window / 2 {
            Finding::Bad(CLOCKS_DIFFER.reason(format!("{what}; deliveries will be refused as too old")))
        } else if skew > TOLERATED_SKEW {
            Finding::Warning(CLOCKS_DIFFER.reason(what))
        } else {
            Finding::good(what)
        })
    }
}

fn api_token(now: Timestamp) -> Finding {
    if now.as_second() >= API_TOKENS_END {
        Finding::Bad(API_TOKEN.reason("Zendesk takes no API tokens since 2027-04-30"))
    } else {
        let text = "Zendesk ends API tokens on 2027-04-30, and earlier ones that are not used";
        Finding::Warning(API_TOKEN.reason(text))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::super::pace::Paces;
    use super::*;
    use crate::clock::ManualClock;
    use crate::config::{ZendeskAuth, ZendeskConfig};
    use crate::http::Http;
    use crate::metrics::Metrics;

    fn zendesk(secret: &str) -> Zendesk {
        let config = ZendeskConfig {
            url: "https://acme.zendesk.com".parse().unwrap(),
            webhook_secrets: vec![secret.into()],
            auth: ZendeskAuth::ApiToken {
                email: "bot@acme.example".to_owned(),
                api_token: "hush-hush".into(),
            },
            room_url_field: Some(5),
            signature_window: Duration::from_secs(900),
        };
        let clock = Arc::new(ManualClock::at(at("2026-11-24T10:00:00Z")));
        Zendesk::new(
            "zendesk".parse().unwrap(),
            &config,
            Http::new(Metrics::new()).unwrap(),
            clock,
            &Paces::default(),
        )
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn clocks_are_compared() {
        let zendesk = zendesk("s");
        for (ours, level) in [
            ("2026-11-24T10:00:30Z", Level::Good),
            ("2026-11-24T09:58:00Z", Level::Warning),
            ("2026-11-24T10:08:00Z", Level::Bad),
        ] {
            let finding = zendesk.clocks("Tue, 24 Nov 2026 10:00:00 GMT", at(ours)).unwrap();
            assert_eq!(finding.level(), level, "{finding}");
        }
        assert_eq!(zendesk.clocks("yesterday", at("2026-11-24T10:00:00Z")), None);
    }

    #[test]
    fn secrets_that_are_none_are_found() {
        assert_eq!(zendesk("s").secrets(), []);
        for secret in ["", ZENDESK_TEST_SECRET] {
            assert!(zendesk(secret).secrets().iter().all(|finding| finding.level() == Level::Bad));
            assert_eq!(zendesk(secret).secrets().len(), 1);
        }
    }

    #[test]
    fn users_and_fields_are_judged() {
        let zendesk = zendesk("s");
        let users = [
            (r#"{"id":7,"role":"agent"}"#, Level::Good),
            (r#"{"id":7,"role":"admin","suspended":null}"#, Level::Good),
            (r#"{"id":7,"role":"admin","suspended":true}"#, Level::Bad),
            (r#"{"id":7,"role":"end-user"}"#, Level::Bad),
            (r#"{"id":null,"role":"end-user","name":"Anonymous user"}"#, Level::Bad),
        ];
        for (user, level) in users {
            assert_eq!(zendesk.user(&serde_json::from_str(user).unwrap()).level(), level, "{user}");
        }
        let fields = [
            (r#"{"type":"text","active":true}"#, Level::Good),
            (r#"{"type":"text"}"#, Level::Good),
            (r#"{"type":"text","active":false}"#, Level::Warning),
            (r#"{"type":"integer","active":true}"#, Level::Warning),
        ];
        for (field, level) in fields {
            assert_eq!(zendesk.field(5, Ok(serde_json::from_str(field).unwrap())).level(), level, "{field}");
        }
    }

    #[test]
    fn api_tokens_end() {
        assert_eq!(api_token(at("2027-04-30T23:59:59Z")).level(), Level::Warning);
        assert_eq!(api_token(at("2027-05-01T00:00:00Z")).level(), Level::Bad);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let printed = format!("{:?}", zendesk("hush-hush"));
        assert!(!printed.contains("hush") && !printed.contains("bot@"), "{printed}");
    }
}
