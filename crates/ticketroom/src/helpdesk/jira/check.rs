//! Tries what the service will need of Jira, without changing anything there.

use super::Jira;
use super::wire::UserDto;
use crate::call::{Cause, Failure};
use crate::config::JiraDeployment;
use crate::finding::{Finding, Level};
use crate::reason::codes;

codes! {
    SECRET_MISSING = "check.jira.secret-missing", Never,
        "The helpdesk has no webhook secret, so every delivery is refused.",
        "make one (`openssl rand -hex 32`), give it to the webhook in Jira (System > WebHooks) and configure it as \
         `webhook_secret`";
    PROJECTS_OPEN = "check.jira.all-projects", Never,
        "No projects are named, so issues of every project get rooms.",
        "name the projects that are meant in `projects`, and in the JQL filter of the webhook";
    PROJECT_HIDDEN = "check.jira.project-unknown", Never,
        "A project that is named in `projects` does not exist, or our user can't see it.",
        "is the key right? Otherwise add the user to the project, as an agent (role Service Desk Team)";
    USER_UNKNOWN = "check.jira.user-unknown", Never,
        "Jira does not say who we are: it takes our requests for those of an anonymous user.",
        "are the credentials right? Jira answers some calls without any";
    USER_DEACTIVATED = "check.jira.user-deactivated", Never,
        "The user of the integration is deactivated.",
        "activate it in Jira";
}

impl Jira {
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings = self.secrets();
        let user = match self.api.myself().await {
            Ok(user) => self.user(&user),
            Err(failure) => {
                findings.push(self.unusable(&failure));
                return findings;
            }
        };
        let is_usable = user.level() != Level::Bad;
        findings.push(user);
        if is_usable {
            let projects =
                self.projects.iter().map(|key| async move { project(key, self.api.project(key).await) });
            findings.extend(futures_util::future::join_all(projects).await);
            if self.projects.is_empty() {
                findings.push(Finding::Warning(PROJECTS_OPEN.reason("issues of every project get rooms")));
            }
            findings.push(Finding::good("the link goes into a remote link and an internal comment"));
        }
        findings
    }

    fn secrets(&self) -> Vec<Finding> {
        if !self.webhook_secrets.is_empty() {
            return Vec::new();
        }
        vec![Finding::Bad(SECRET_MISSING.reason("no webhook secret, so every delivery will be refused"))]
    }

    /// Why our own user could not be asked for.
    fn unusable(&self, failure: &Failure) -> Finding {
        let help = match (&failure.cause, self.api.deployment()) {
            (Cause::Unauthorized | Cause::Forbidden, JiraDeployment::Cloud) => {
                "are `email` and `api_token` right, and has the token not expired? A token with scopes, and one of a \
                 service account, only works with url = \"https://api.atlassian.com/ex/jira/\" and the site's cloud id"
            }
            (Cause::Unauthorized | Cause::Forbidden, JiraDeployment::DataCenter) => {
                "is `api_token` a personal access token that has not expired? With Jira Cloud, `email` is needed, too"
            }
            (Cause::NotFound, JiraDeployment::Cloud) => {
                "is `url` the site's address, such as https://acme.atlassian.net? For Jira Data Center set \
                 deployment = \"data-center\""
            }
            (Cause::Unreachable(_) | Cause::NoAnswer(_) | Cause::NotFound | Cause::Unintelligible(_), _) => {
                "is `url` the site's address, with its context path if it has one, and reachable from here?"
            }
            (Cause::Rejected { status: 300..=399, .. }, _) => {
                "configure the address that it redirects to as `url`"
            }
            _ => "try again later",
        };
        Finding::Bad(failure.code().with_help(failure.to_string(), help))
    }

    fn user(&self, user: &UserDto) -> Finding {
        let host = self.api.host();
        match (user.id(), user.active) {
            (None, _) => Finding::Bad(USER_UNKNOWN.reason(format!("{host} does not know who we are"))),
            (Some(_), Some(false)) => Finding::Bad(USER_DEACTIVATED.reason("our user is deactivated")),
            (Some(_), _) => {
                let name = user.display_name.as_deref().unwrap_or("without a name");
                Finding::good(format!("{host} answers; our user is {name}"))
            }
        }
    }
}

fn project(key: &str, answer: Result<(), Failure>) -> Finding {
    match answer {
        Ok(()) => Finding::good(format!("our user sees the project {key}")),
        Err(Failure { cause: Cause::NotFound, .. }) => {
            Finding::Bad(PROJECT_HIDDEN.reason(format!("there is no project {key} that our user can see")))
        }
        Err(failure) => {
            Finding::Warning(failure.reason().about(format!("the project {key} can't be looked at")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::pace::Paces;
    use super::*;
    use crate::config::{JiraAuth, JiraConfig};
    use crate::http::Http;
    use crate::metrics::Metrics;

    fn jira(secret: &str) -> Jira {
        let config = JiraConfig {
            url: "https://acme.atlassian.net".parse().unwrap(),
            webhook_secrets: vec![secret.into()],
            auth: JiraAuth::ApiToken { email: "bot@acme.example".to_owned(), api_token: "hush-hush".into() },
            deployment: JiraDeployment::Cloud,
            projects: vec!["SUP".to_owned()],
            signature_window: None,
        };
        Jira::new("jira".parse().unwrap(), &config, Http::new(Metrics::new()).unwrap(), &Paces::default())
    }

    #[test]
    fn users_secrets_and_projects_are_judged() {
        let users = [
            (r#"{"accountId":"712020:a","displayName":"DocSpace Rooms","active":true}"#, Level::Good),
            (r#"{"name":"docspace","displayName":"DocSpace Rooms"}"#, Level::Good),
            (r#"{"accountId":"712020:a","active":false}"#, Level::Bad),
            ("{}", Level::Bad),
        ];
        for (user, level) in users {
            assert_eq!(jira("s").user(&serde_json::from_str(user).unwrap()).level(), level, "{user}");
        }
        assert_eq!(jira("s").secrets(), []);
        assert_eq!(jira("").secrets().len(), 1);
        let refused = |cause| {
            Err(Failure {
                system: &super::super::reasons::JIRA,
                call: "get_project",
                cause,
                effect_uncertain: false,
            })
        };
        assert_eq!(project("SUP", Ok(())).level(), Level::Good);
        assert_eq!(project("SUP", refused(Cause::NotFound)).level(), Level::Bad);
        assert_eq!(project("SUP", refused(Cause::Forbidden)).level(), Level::Warning);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let printed = format!("{:?}", jira("hush-hush"));
        assert!(
            !printed.contains("hush") && !printed.contains("bot@") && !printed.contains("Basic"),
            "{printed}"
        );
    }
}
