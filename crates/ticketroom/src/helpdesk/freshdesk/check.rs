//! Tries what the service will need of Freshdesk, without changing anything there.

use super::Freshdesk;
use super::wire::{AgentDto, FieldDto};
use crate::call::{Cause, Failure};
use crate::finding::Finding;

impl Freshdesk {
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings = self.secrets();
        let me = match self.api.me().await {
            Ok(me) => me,
            Err(failure) => {
                findings.push(unusable(&failure));
                return findings;
            }
        };
        findings.push(self.agent(&me));
        if let Some(id) = me.id {
            findings.extend(directory(self.api.agent(id).await.map(drop)));
        }
        findings.push(match &self.room_url_field {
            Some(name) => field(name, self.api.fields().await),
            None => Finding::good("the link goes into a private note"),
        });
        findings
    }

    fn secrets(&self) -> Vec<Finding> {
        if !self.webhook_secrets.is_empty() {
            return Vec::new();
        }
        vec![Finding::bad(
            "no webhook secret, so every delivery will be refused",
            "make one (`openssl rand -hex 32`), configure it as `webhook_secret`, and let the automation rule send it \
             in the custom header X-Ticketroom-Secret",
        )]
    }

    fn agent(&self, me: &AgentDto) -> Finding {
        let host = self.api.host();
        let help =
            "give the agent global access (Admin > Team > Agents > Scope), so that it sees every ticket";
        match (me.id, me.ticket_scope) {
            (None, _) => Finding::bad(
                format!("{host} does not know who we are"),
                "is `url` the account's address, such as https://acme.freshdesk.com?",
            ),
            (Some(id), Some(2)) => {
                Finding::warning(format!("our agent {id} only sees tickets of its groups"), help)
            }
            (Some(id), Some(3)) => {
                Finding::warning(format!("our agent {id} only sees tickets that are assigned to it"), help)
            }
            (Some(id), _) => Finding::good(format!("{host} answers; we are its agent {id}")),
        }
    }
}

/// Why our own agent could not be asked for.
fn unusable(failure: &Failure) -> Finding {
    let help = match failure.cause {
        Cause::Unauthorized => {
            "is `api_key` the key from the agent's profile settings (“View API key”), and is the agent active?"
        }
        Cause::Forbidden => {
            "the key is right, but may not be used: the API is part of the plans from Growth on, and the agent must \
             not be restricted"
        }
        Cause::Unreachable(_) | Cause::NoAnswer(_) | Cause::NotFound | Cause::Unintelligible(_) => {
            "is `url` the account's address, such as https://acme.freshdesk.com, and reachable from here?"
        }
        Cause::Rejected { status: 300..=399, .. } => "configure the address that it redirects to as `url`",
        _ => "try again later",
    };
    Finding::bad(failure.to_string(), help)
}

/// Whether we may know who works on a ticket.
fn directory(answer: Result<(), Failure>) -> Option<Finding> {
    match answer {
        Ok(()) => None,
        Err(failure) => Some(Finding::warning(
            format!("agents can't be looked at, so a ticket's assignee gets into no room: {failure}"),
            "give our agent a role that may read agents and groups",
        )),
    }
}

fn field(name: &str, answer: Result<Vec<FieldDto>, Failure>) -> Finding {
    let help = "make a single-line text field (Admin > Workflows > Ticket fields) and put its API name into \
                `room_url_field`; until then the link is only in the note";
    let fields = match answer {
        Ok(fields) => fields,
        Err(failure) => {
            return Finding::warning(
                format!("whether the field {name} is there can't be looked at: {failure}"),
                "look under Admin > Workflows > Ticket fields",
            );
        }
    };
    match fields.into_iter().find(|field| field.name.as_deref() == Some(name)) {
        None => Finding::warning(format!("there is no ticket field {name}"), help),
        Some(FieldDto { kind: Some(kind), .. }) if kind != "custom_text" => {
            Finding::warning(format!("the field {name} is not a single-line text field but {kind}"), help)
        }
        Some(_) => Finding::good(format!("the link goes into the field {name} and a private note")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FreshdeskConfig;
    use crate::finding::Level;
    use crate::http::Http;
    use crate::metrics::Metrics;

    fn freshdesk(secret: &str) -> Freshdesk {
        let config = FreshdeskConfig {
            url: "https://acme.freshdesk.com".parse().unwrap(),
            webhook_secrets: vec![secret.into()],
            api_key: "hush-hush".into(),
            room_url_field: Some("cf_room".to_owned()),
            groups: Vec::new(),
        };
        Freshdesk::new("freshdesk".parse().unwrap(), &config, Http::new(Metrics::new()).unwrap())
    }

    #[test]
    fn agents_fields_and_secrets_are_judged() {
        for (agent, level) in [
            (r#"{"id":7,"ticket_scope":1}"#, Level::Good),
            (r#"{"id":7}"#, Level::Good),
            (r#"{"id":7,"ticket_scope":2}"#, Level::Warning),
            (r#"{"id":7,"ticket_scope":3}"#, Level::Warning),
            ("{}", Level::Bad),
        ] {
            assert_eq!(freshdesk("s").agent(&serde_json::from_str(agent).unwrap()).level, level, "{agent}");
        }
        for (fields, level) in [
            (r#"[{"name":"cf_room","type":"custom_text"}]"#, Level::Good),
            (r#"[{"name":"cf_room","type":"custom_number"}]"#, Level::Warning),
            (r#"[{"name":"subject","type":"default_subject"}]"#, Level::Warning),
        ] {
            assert_eq!(field("cf_room", Ok(serde_json::from_str(fields).unwrap())).level, level, "{fields}");
        }
        assert_eq!((freshdesk("s").secrets().len(), freshdesk("").secrets().len()), (0, 1));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let printed = format!("{:?}", freshdesk("hush-hush"));
        assert!(!printed.contains("hush") && !printed.contains("Basic"), "{printed}");
    }
}
