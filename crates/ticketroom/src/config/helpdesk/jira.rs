//! `[[helpdesk]]` of `kind = "jira"`.
//!
//! Cloud wants an e-mail address with its API token; Data Center a personal access token alone. So
//! which of the two it is need not be said, but can be.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::{LONGEST_SIGNATURE_WINDOW, email_address, names};
use crate::config::Env;
use crate::config::reader::{Section, Value};
use crate::config::reasons::{INVALID, KEY_MISSING};
use crate::config::report::Read;
use crate::config::secret::{are_same, for_header, is_same, secret, secrets};
use crate::config::value::{base_url, base_url_without, duration, leave_off};

/// A Jira site.
#[derive(Debug, Clone)]
pub struct JiraConfig {
    /// Its address, or the gateway's with the site's id in its path; may have a context path.
    pub url: Url,
    /// What its webhooks are signed with, or its automation rules send along: at least one.
    pub webhook_secrets: Vec<SecretString>,
    /// How we sign in.
    pub auth: JiraAuth,
    /// Which of the two products it is.
    pub deployment: JiraDeployment,
    /// The keys of the projects whose issues get rooms; empty: of every issue.
    pub projects: Vec<String>,
    /// How far a webhook's signed time may be from ours. `None` for any: Jira repeats late what it
    /// could not deliver, and a delivery that is refused for its age is never sent again.
    pub signature_window: Option<Duration>,
}

impl PartialEq for JiraConfig {
    fn eq(&self, other: &Self) -> bool {
        let Self { url, webhook_secrets, auth, deployment, projects, signature_window } = self;
        *url == other.url
            && are_same(webhook_secrets, &other.webhook_secrets)
            && *auth == other.auth
            && *deployment == other.deployment
            && *projects == other.projects
            && *signature_window == other.signature_window
    }
}

/// How we sign in to Jira.
#[derive(Debug, Clone)]
pub enum JiraAuth {
    /// HTTP Basic with an API token.
    ApiToken {
        /// The e-mail address of the token's user.
        email: String,
        /// The token.
        api_token: SecretString,
    },
    /// A personal access token of Data Center, or a service account's token, as a bearer.
    Bearer {
        /// The token.
        token: SecretString,
    },
}

impl PartialEq for JiraAuth {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ApiToken { email, api_token }, Self::ApiToken { email: address, api_token: token }) => {
                email == address && is_same(api_token, token)
            }
            (Self::Bearer { token }, Self::Bearer { token: other }) => is_same(token, other),
            (Self::ApiToken { .. } | Self::Bearer { .. }, _) => false,
        }
    }
}

/// The two products called Jira, whose APIs differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JiraDeployment {
    /// Cloud: version 3 of the API, documents as ADF, people by account ids.
    Cloud,
    /// Data Center: version 2, documents as wiki text, people by names.
    DataCenter,
}

pub(super) fn jira(mut section: Section<'_>, env: &dyn Env) -> Read<JiraConfig> {
    let url =
        section.required("url", "add the address, such as url = \"https://acme.atlassian.net\"", |value| {
            address(value)
        });
    let help = "add webhook_secret = { env = \"JIRA_WEBHOOK_SECRET\" }, and give the webhook in Jira the same secret";
    let webhook_secrets = section.required("webhook_secret", help, |value| secrets(value, env));
    let email = section.optional("email", email_address);
    let help = "add api_token = { env = \"JIRA_API_TOKEN\" }; with Cloud also email, with Data Center it is a personal access token";
    let api_token = section.required("api_token", help, |value| {
        secret(value, env).and_then(|token| for_header(&value.place, token))
    });
    let deployment = section.optional("deployment", deployment);
    let projects = section.or("projects", Vec::new(), projects);
    let signature_window = section.optional("signature_window", |value| {
        duration(value, Duration::from_secs(1)..=LONGEST_SIGNATURE_WINDOW)
    });
    let place = section.place.clone();
    section.close();

    let (url, email) = (url?, email?);
    // Through Atlassian's gateway, a service account's token goes without an address.
    let is_cloud = email.is_some() || url.host_str() == Some("api.atlassian.com");
    let deployment =
        deployment?.unwrap_or(if is_cloud { JiraDeployment::Cloud } else { JiraDeployment::DataCenter });
    if email.is_none() && url.host_str().is_some_and(|host| host.ends_with(".atlassian.net")) {
        let help = "add email, the address of the user whom the API token belongs to";
        return Err(place.wrong(
            &KEY_MISSING,
            "has no “email”, which Jira Cloud requires with the token",
            help,
        ));
    }
    let api_token = api_token?;
    let auth = match email {
        Some(email) => JiraAuth::ApiToken { email, api_token },
        None => JiraAuth::Bearer { token: api_token },
    };
    Ok(JiraConfig {
        url,
        webhook_secrets: webhook_secrets?,
        auth,
        deployment,
        projects: projects?,
        signature_window: signature_window?,
    })
}

/// Data Center may be below a path; what a browser shows is below that, and at Atlassian's own
/// hosts below nothing.
fn address(value: &Value<'_>) -> Read<Url> {
    let text = value.text("write the site's address in quotes")?;
    let pages = ["browse", "projects", "secure", "servicedesk", "issues", "plugins", "rest", "login.jsp"];
    let url = base_url(&value.place, text)?;
    if url.path() != "/" && url.host_str().is_some_and(|host| host.ends_with(".atlassian.net")) {
        return Err(leave_off(&value.place, &url, 0));
    }
    base_url_without(&value.place, text, &pages)
}

fn deployment(value: &Value<'_>) -> Read<JiraDeployment> {
    let help = "write \"cloud\" or \"data-center\"";
    match value.full_text(help)? {
        "cloud" => Ok(JiraDeployment::Cloud),
        "data-center" => Ok(JiraDeployment::DataCenter),
        _ => Err(value.place.wrong(&INVALID, "is neither of Jira's products", help)),
    }
}

/// Keys of projects are upper case in Jira; that people type them otherwise is no reason to skip
/// tickets.
fn projects(value: &Value<'_>) -> Read<Vec<String>> {
    let help = "write the projects' keys, such as projects = [\"SUP\"], or leave it out";
    let mut keys = names(value, help)?;
    for key in &mut keys {
        key.make_ascii_uppercase();
        let starts = key.starts_with(|c: char| c.is_ascii_uppercase());
        if !starts || !key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
            return Err(value.place.wrong(
                &INVALID,
                &format!("has “{key}”, which is no project's key"),
                help,
            ));
        }
    }
    Ok(keys)
}
