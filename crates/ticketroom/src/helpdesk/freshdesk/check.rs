//! Tries what the service will need of Freshdesk, without changing anything there.

use super::Freshdesk;
use super::api::PAGE;
use super::ticket::is_same_group;
use super::wire::{AgentDto, FieldDto};
use crate::call::{Cause, Failure};
use crate::finding::Finding;
use crate::reason::codes;

codes! {
    SECRET_MISSING = "check.freshdesk.secret-missing", Never,
        "The helpdesk has no webhook secret, so every delivery is refused.",
        "configure a long random text as `webhook_secret`, and let the automation rule's webhook send it in the header \
         X-Ticketroom-Secret";
    AGENT_LIMITED = "check.freshdesk.agent-no-support-agent", Never,
        "The agent of the API key is no support agent, so it may be unable to change tickets.",
        "make it a support agent under Admin > Team > Agents";
    SCOPE_TOO_SMALL = "check.freshdesk.scope-too-small", Never,
        "The agent of the API key does not see all tickets; those that it does not see get no rooms.",
        "give it the ticket scope “Global access” under Admin > Team > Agents";
    FIELD_UNUSABLE = "check.freshdesk.field-unusable", Never,
        "The custom field for the link does not exist, or is not a single-line text.",
        "make one under Admin > Workflows > Ticket fields, a single-line text, and put its API name into `room_url_field`; \
         until then the link is only in the note";
    GROUP_UNKNOWN = "check.freshdesk.group-unknown", Never,
        "A group that is named in `groups` is not in Freshdesk.",
        "correct the name in `groups`, or make the group under Admin > Team > Groups";
}

/// How many pages of groups are read; an account has no more than a few hundred.
const GROUP_PAGES: usize = 10;

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
        findings.extend(agent(self.api.host(), &me));
        findings.push(match &self.room_url_field {
            Some(field) => room_url_field(field, self.api.fields().await),
            None => Finding::good("the link goes into a private note"),
        });
        if let Some(id) = me.id {
            findings.push(agents(self.api.agent(id).await));
        }
        let groups = self.all_groups().await;
        findings.extend(judged_groups(&self.groups, groups));
        findings
    }

    fn secrets(&self) -> Vec<Finding> {
        if !self.webhook_secrets.is_empty() {
            return Vec::new();
        }
        vec![Finding::Bad(SECRET_MISSING.reason("no webhook secret, so every delivery will be refused"))]
    }

    /// The names of all groups.
    async fn all_groups(&self) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        for page in 1..=GROUP_PAGES {
            let groups = self.api.groups(page).await?;
            let is_last = groups.len() < PAGE;
            names.extend(groups.into_iter().filter_map(|group| group.name));
            if is_last {
                break;
            }
        }
        Ok(names)
    }
}

/// Why our own agent could not be asked for.
fn unusable(failure: &Failure) -> Finding {
    let help = match failure.cause {
        Cause::Unreachable(_) | Cause::NoAnswer(_) | Cause::NotFound | Cause::Unintelligible(_) => {
            "is `url` the address of the account, such as https://acme.freshdesk.com, and reachable from here?"
        }
        Cause::Unauthorized => "is `api_key` right? An agent finds it under profile settings > View API key",
        Cause::Forbidden => {
            "the key is right, but may not do this: its agent has to be active, and the account's plan has to include \
             the API (the free one does not)"
        }
        Cause::Rejected { status: 300..=399, .. } => "configure the address that it redirects to as `url`",
        _ => "try again later",
    };
    Finding::Bad(failure.code().with_help(failure.to_string(), help))
}

/// What our own agent may see and do.
fn agent(host: &str, me: &AgentDto) -> Vec<Finding> {
    let who = me.id.map_or_else(|| "our agent".to_owned(), |id| format!("our agent {id}"));
    let mut odd = Vec::new();
    match me.kind.as_deref() {
        None | Some("support_agent") => {}
        Some(_) => {
            let text = format!("{who} is no support agent, so it may be unable to change tickets");
            odd.push(Finding::Warning(AGENT_LIMITED.reason(text)));
        }
    }
    let sees = match me.ticket_scope {
        Some(2) => Some("only sees the tickets of its groups"),
        Some(3) => Some("only sees the tickets that are assigned to it"),
        _ => None,
    };
    if let Some(sees) = sees {
        odd.push(Finding::Warning(SCOPE_TOO_SMALL.reason(format!("{who} {sees}; the others get no rooms"))));
    }
    if odd.is_empty() {
        odd.push(Finding::good(format!("{host} answers; {who} sees all tickets")));
    }
    odd
}

fn room_url_field(field: &str, answer: Result<Vec<FieldDto>, Failure>) -> Finding {
    let fields = match answer {
        Ok(fields) => fields,
        Err(failure) => {
            let help = "see that it exists and is a single-line text; whether it takes links shows with the first ticket";
            let reason = failure.code().with_help(failure.to_string(), help);
            return Finding::Warning(reason.about(format!("the custom field {field} can't be looked at")));
        }
    };
    match fields.iter().find(|found| found.name.as_deref() == Some(field)) {
        None => Finding::Warning(FIELD_UNUSABLE.reason(format!("there is no custom field {field}"))),
        Some(found) if found.kind.as_deref() == Some("custom_text") => {
            Finding::good(format!("the link goes into a private note and the custom field {field}"))
        }
        Some(_) => {
            let text = format!("the custom field {field} is not a single-line text");
            Finding::Warning(FIELD_UNUSABLE.reason(text))
        }
    }
}

/// Whether agents can be looked up: ourselves will do.
fn agents(answer: Result<AgentDto, Failure>) -> Finding {
    match answer {
        Ok(_) => Finding::good("agents can be looked up"),
        Err(failure) => {
            let help = "give our agent a role that may see agents, such as Administrator, under Admin > Team > Agents";
            let reason = failure.code().with_help(failure.to_string(), help);
            Finding::Warning(reason.about("agents can't be looked up, so no assignee gets access"))
        }
    }
}

/// Whether groups can be looked up, and the configured ones are there.
fn judged_groups(configured: &[String], answer: Result<Vec<String>, Failure>) -> Vec<Finding> {
    let help =
        "give our agent a role that may see groups, such as Administrator, under Admin > Team > Agents";
    let names = match answer {
        Ok(names) => names,
        Err(failure) => {
            let reason = failure.code().with_help(failure.to_string(), help);
            return vec![if configured.is_empty() {
                Finding::Warning(reason.about("groups can't be looked up, so rules can't tell them apart"))
            } else {
                Finding::Bad(reason.about("groups can't be looked up, so every ticket in one is blocked"))
            }];
        }
    };
    let is_there = |group: &str| names.iter().any(|name| is_same_group(name, group));
    let finding = |group: &String| {
        if is_there(group) {
            Finding::good(format!("group “{group}” exists"))
        } else {
            Finding::Bad(GROUP_UNKNOWN.reason(format!("Freshdesk has no group “{group}”")))
        }
    };
    configured.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::pace::Paces;
    use super::*;
    use crate::call::CallName;
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
            companies: false,
            groups: Vec::new(),
        };
        Freshdesk::new(
            "freshdesk".parse().unwrap(),
            &config,
            Http::new(Metrics::new()).unwrap(),
            &Paces::default(),
        )
    }

    fn failed<T>(cause: Cause) -> Result<T, Failure> {
        Err(CallName { system: &super::super::reasons::FRESHDESK, call: "me" }.failed(cause))
    }

    #[test]
    fn the_empty_secret_is_none() {
        assert_eq!(freshdesk("s").secrets(), []);
        let findings = freshdesk("").secrets();
        assert_eq!(findings.iter().map(Finding::level).collect::<Vec<_>>(), [Level::Bad]);
    }

    #[test]
    fn agents_are_judged() {
        let agents = [
            (r#"{"id":7,"ticket_scope":1,"type":"support_agent"}"#, vec![Level::Good]),
            (r#"{"id":7}"#, vec![Level::Good]),
            (r#"{"id":7,"ticket_scope":2}"#, vec![Level::Warning]),
            (r#"{"id":7,"ticket_scope":3,"type":"collaborator"}"#, vec![Level::Warning, Level::Warning]),
        ];
        for (json, levels) in agents {
            let found = agent("acme.freshdesk.com", &serde_json::from_str(json).unwrap());
            assert_eq!(found.iter().map(Finding::level).collect::<Vec<_>>(), levels, "{json}");
        }
        assert_eq!(super::agents(Ok(AgentDto::default())).level(), Level::Good);
        assert_eq!(super::agents(failed(Cause::Forbidden)).level(), Level::Warning);
    }

    #[test]
    fn fields_are_judged() {
        let fields = r#"[{"name":"subject","type":"default_subject"},{"name":"cf_room","type":"custom_text"},
                         {"name":"cf_number","type":"custom_number"},{}]"#;
        for (field, level) in
            [("cf_room", Level::Good), ("cf_number", Level::Warning), ("cf_other", Level::Warning)]
        {
            assert_eq!(
                room_url_field(field, Ok(serde_json::from_str(fields).unwrap())).level(),
                level,
                "{field}"
            );
        }
        assert_eq!(room_url_field("cf_room", failed(Cause::Forbidden)).level(), Level::Warning);
    }

    #[test]
    fn groups_are_judged() {
        let levels = |configured: &[&str], answer| {
            let configured: Vec<String> = configured.iter().map(|group| (*group).to_owned()).collect();
            judged_groups(&configured, answer).iter().map(Finding::level).collect::<Vec<_>>()
        };
        let names = || Ok(vec!["Support".to_owned(), "Billing ".to_owned()]);
        assert_eq!(levels(&[], names()), []);
        assert_eq!(levels(&["support", "Billing", "Sales"], names()), [Level::Good, Level::Good, Level::Bad]);
        assert_eq!(levels(&[], failed(Cause::Forbidden)), [Level::Warning]);
        assert_eq!(levels(&["Support"], failed(Cause::Forbidden)), [Level::Bad]);
    }

    #[test]
    fn whoever_can_not_be_asked_is_told_what_to_do() {
        for (cause, help) in [
            (Cause::Unauthorized, "`api_key`"),
            (Cause::Forbidden, "plan"),
            (Cause::NotFound, "`url`"),
            (Cause::ServerError { status: 503, retry_after: None }, "later"),
        ] {
            let finding = unusable(&failed::<()>(cause).unwrap_err());
            assert_eq!(finding.level(), Level::Bad);
            assert!(
                finding.reason().unwrap().help.as_ref().is_some_and(|said| said.contains(help)),
                "{help}"
            );
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let printed = format!("{:?}", freshdesk("hush-hush"));
        assert!(!printed.contains("hush") && !printed.contains("Basic"), "{printed}");
    }
}
