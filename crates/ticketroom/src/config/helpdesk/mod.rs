//! `[[helpdesk]]`: what each kind of helpdesk needs, one file for each.

mod freshdesk;
mod generic;
mod jira;
mod zendesk;

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

pub use self::freshdesk::FreshdeskConfig;
pub use self::generic::{GenericConfig, Inbound};
pub use self::jira::{JiraAuth, JiraConfig, JiraDeployment};
pub(crate) use self::zendesk::ZENDESK_TEST_SECRET;
pub use self::zendesk::{ZendeskAuth, ZendeskConfig};

pub(super) use self::generic::unsigned_generic;

use super::Env;
use super::reader::{Section, Value};
use super::report::{At, Read, all};
use super::secret::SecretPlace;
use super::value::{base_url, is_loopback, leave_off};
use crate::config::reasons::{EMPTY, HELPDESK_KIND, HELPDESK_MISSING, HELPDESK_NAME, INVALID, KEY_CONFLICT};
use crate::language::nearest;
use crate::ticket::{HelpdeskName, InvalidId};

pub(super) const LONGEST_SIGNATURE_WINDOW: Duration = Duration::from_secs(24 * 3600);

const KINDS: [&str; 4] = ["zendesk", "freshdesk", "jira", "generic"];

/// One helpdesk.
#[derive(Debug, Clone)]
pub struct HelpdeskConfig {
    /// Its name: its endpoint is `/webhooks/{name}`.
    pub name: HelpdeskName,
    /// What it is, with everything that this needs.
    pub kind: HelpdeskKind,
    /// What its groups are called in DocSpace, where that differs: its name first, then DocSpace's.
    pub group_names: Vec<(String, String)>,
    /// Where its webhook secret is, or the first of them, if it has one.
    pub secret_place: Option<SecretPlace>,
}

/// The kinds of helpdesk. Two are equal if everything that they need is the same, secrets included.
#[derive(Debug, Clone, PartialEq)]
pub enum HelpdeskKind {
    /// Zendesk Support.
    Zendesk(ZendeskConfig),
    /// Freshdesk.
    Freshdesk(FreshdeskConfig),
    /// Jira Service Management.
    Jira(JiraConfig),
    /// Any system that can send JSON.
    Generic(GenericConfig),
}

impl HelpdeskKind {
    /// Where it is called, if it is.
    #[must_use]
    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Zendesk(config) => Some(&config.url),
            Self::Freshdesk(config) => Some(&config.url),
            Self::Jira(config) => Some(&config.url),
            Self::Generic(config) => config.callback.as_ref(),
        }
    }

    /// By what its deliveries are known.
    #[must_use]
    pub fn webhook_secrets(&self) -> &[SecretString] {
        match self {
            Self::Zendesk(config) => &config.webhook_secrets,
            Self::Freshdesk(config) => &config.webhook_secrets,
            Self::Jira(config) => &config.webhook_secrets,
            Self::Generic(GenericConfig { inbound: Inbound::Secrets(secrets), .. }) => secrets,
            Self::Generic(GenericConfig { inbound: Inbound::Unsigned, .. }) => &[],
        }
    }
}

/// Reads every `[[helpdesk]]`.
pub(super) fn helpdesks(top: &mut Section<'_>, env: &dyn Env) -> Read<Vec<HelpdeskConfig>> {
    let report = top.place.report;
    let sections = top.sections("helpdesk")?;
    if sections.is_empty() {
        let help = "add a [[helpdesk]] section as in ticketroom.example.toml";
        return Err(report.problem(At::File, &HELPDESK_MISSING, "no helpdesk is configured", help));
    }
    let mut names = BTreeSet::new();
    all(sections.into_iter().map(|section| helpdesk(section, &mut names, env)))
}

fn helpdesk(
    mut section: Section<'_>,
    names: &mut BTreeSet<HelpdeskName>,
    env: &dyn Env,
) -> Read<HelpdeskConfig> {
    let name = section.required("name", "add a name, such as name = \"zendesk\"", |value| {
        let help = "choose another name, such as \"zendesk\"; it is part of the webhook's address";
        let name: HelpdeskName = value.text(help)?.parse().map_err(|error: InvalidId| {
            value.place.wrong(&HELPDESK_NAME, &format!("is wrong: {error}"), help)
        })?;
        if names.insert(name.clone()) {
            Ok(name)
        } else {
            Err(value.place.problem(&HELPDESK_NAME, format!("another helpdesk is named “{name}”"), help))
        }
    });
    let kind =
        section.required("kind", "add kind = \"zendesk\", \"freshdesk\", \"jira\" or \"generic\"", |value| {
            Ok((
                value.text("write \"zendesk\", \"freshdesk\", \"jira\" or \"generic\"")?,
                value.place.clone(),
            ))
        });
    let group_names = section.or("group_names", Vec::new(), group_names);
    let secret_place = section.find("webhook_secret").as_ref().and_then(SecretPlace::of);
    // Without a kind, there is no telling which keys are known.
    let (kind, place) = kind?;
    let kind = match kind {
        "zendesk" => zendesk::zendesk(section, env).map(HelpdeskKind::Zendesk),
        "generic" => generic::generic(section, env).map(HelpdeskKind::Generic),
        "freshdesk" => freshdesk::freshdesk(section, env).map(HelpdeskKind::Freshdesk),
        "jira" => jira::jira(section, env).map(HelpdeskKind::Jira),
        other => {
            let help = match nearest(other, KINDS) {
                Some(near) => format!("did you mean “{near}”?"),
                None => "write \"zendesk\", \"freshdesk\" or \"jira\", or \"generic\" for any other system"
                    .to_owned(),
            };
            Err(place.problem(&HELPDESK_KIND, format!("“{other}” is no kind of helpdesk"), help))
        }
    };
    Ok(HelpdeskConfig { name: name?, kind: kind?, group_names: group_names?, secret_place })
}

/// Reads what the helpdesk's groups are called in DocSpace.
fn group_names(value: &Value<'_>) -> Read<Vec<(String, String)>> {
    let help =
        "write group_names = { \"Support L2\" = \"Support\" }: the helpdesk's name first, then DocSpace's";
    let mut names: Vec<(String, String)> = Vec::new();
    for entry in value.entries(help)? {
        let (theirs, ours) = entry;
        let ours = ours.full_text(help)?;
        if names.iter().any(|(known, _)| known.trim().to_lowercase() == theirs.trim().to_lowercase()) {
            return Err(value.place.wrong(
                &KEY_CONFLICT,
                &format!("has “{theirs}” twice, but for case"),
                help,
            ));
        }
        names.push((theirs.to_owned(), ours.to_owned()));
    }
    Ok(names)
}

/// The address of an account at a vendor whose API answers at the vendor's own hosts only.
pub(super) fn account_url(value: &Value<'_>, help: &str, vendor: &str, odd: &str) -> Read<Url> {
    let url = base_url(&value.place, value.text(help)?)?;
    if is_loopback(&url) {
        return Ok(url);
    }
    if url.path() != "/" {
        return Err(leave_off(&value.place, &url, 0));
    }
    if url.host_str().is_none_or(|host| !host.ends_with(vendor)) {
        value.place.odd(odd);
    }
    Ok(url)
}

/// Reads an e-mail address, as far as it can be checked without sending to it.
pub(super) fn email_address(value: &Value<'_>) -> Read<String> {
    let help = "write an e-mail address in quotes, such as \"anna@example.com\"";
    let text = value.full_text(help)?;
    let is_address = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if !is_address || text.contains(char::is_whitespace) {
        return Err(value.place.wrong(&INVALID, "is not an e-mail address", help));
    }
    Ok(text.to_owned())
}

/// Reads a list of names, of which there is at least one.
pub(super) fn names(value: &Value<'_>, help: &str) -> Read<Vec<String>> {
    let entries = value.list(help)?;
    if entries.is_empty() {
        return Err(value.place.wrong(&EMPTY, "is an empty list", help));
    }
    all(entries.iter().map(|entry| entry.full_text(help).map(|name| name.trim().to_owned())))
}
