//! `[[helpdesk]]`: what each kind of helpdesk needs.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::ExposeSecret;
use url::Url;

use super::freshdesk::freshdesk;
use super::jira::jira;
use super::reader::{Section, Value};
use super::report::{At, Read, Report, all};
use super::secret::{secret, secrets};
use super::value::{base_url, duration, is_loopback, leave_off, web_url};
use super::{Env, GenericConfig, HelpdeskConfig, HelpdeskKind, Inbound, ZendeskAuth, ZendeskConfig};
use crate::language::nearest;
use crate::ticket::{HelpdeskName, InvalidId};

/// Zendesk signs test deliveries with this secret, which everybody can read in its documentation.
pub(crate) const ZENDESK_TEST_SECRET: &str = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";

/// Generous, because a retried delivery may carry its first time.
const DEFAULT_SIGNATURE_WINDOW: Duration = Duration::from_secs(15 * 60);
pub(super) const LONGEST_SIGNATURE_WINDOW: Duration = Duration::from_secs(24 * 3600);

const KINDS: [&str; 4] = ["zendesk", "freshdesk", "jira", "generic"];

/// Reads every `[[helpdesk]]`.
pub(super) fn helpdesks(top: &mut Section<'_>, env: &dyn Env) -> Read<Vec<HelpdeskConfig>> {
    let report = top.place.report;
    let sections = top.sections("helpdesk")?;
    if sections.is_empty() {
        let help = "add a [[helpdesk]] section as in ticketroom.example.toml";
        return Err(report.problem(At::File, "no helpdesk is configured", help));
    }
    let mut names = BTreeSet::new();
    all(sections.into_iter().map(|section| helpdesk(section, &mut names, env)))
}

/// The helpdesk of those who configure none.
pub(super) fn unsigned_generic(report: &Report<'_>) -> Read<HelpdeskConfig> {
    let name = "generic".parse::<HelpdeskName>().map_err(|error| report.bug(error))?;
    let generic = GenericConfig { inbound: Inbound::Unsigned, callback: None };
    Ok(HelpdeskConfig { name, kind: HelpdeskKind::Generic(generic), group_names: Vec::new() })
}

fn helpdesk(
    mut section: Section<'_>,
    names: &mut BTreeSet<HelpdeskName>,
    env: &dyn Env,
) -> Read<HelpdeskConfig> {
    let name = section.required("name", "add a name, such as name = \"zendesk\"", |value| {
        let help = "choose another name, such as \"zendesk\"; it is part of the webhook's address";
        let name: HelpdeskName = value
            .text(help)?
            .parse()
            .map_err(|error: InvalidId| value.place.wrong(&format!("is wrong: {error}"), help))?;
        if names.insert(name.clone()) {
            Ok(name)
        } else {
            Err(value.place.problem(format!("another helpdesk is named “{name}”"), help))
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
    // Without a kind, there is no telling which keys are known.
    let (kind, place) = kind?;
    let kind = match kind {
        "zendesk" => zendesk(section, env).map(HelpdeskKind::Zendesk),
        "generic" => generic(section, env).map(HelpdeskKind::Generic),
        "freshdesk" => freshdesk(section, env).map(HelpdeskKind::Freshdesk),
        "jira" => jira(section, env).map(HelpdeskKind::Jira),
        other => {
            let help = match nearest(other, KINDS) {
                Some(near) => format!("did you mean “{near}”?"),
                None => "write \"zendesk\", \"freshdesk\" or \"jira\", or \"generic\" for any other system"
                    .to_owned(),
            };
            Err(place.problem(format!("“{other}” is no kind of helpdesk"), help))
        }
    };
    Ok(HelpdeskConfig { name: name?, kind: kind?, group_names: group_names? })
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
            return Err(value.place.wrong(&format!("has “{theirs}” twice, but for case"), help));
        }
        names.push((theirs.to_owned(), ours.to_owned()));
    }
    Ok(names)
}

fn zendesk(mut section: Section<'_>, env: &dyn Env) -> Read<ZendeskConfig> {
    let url =
        section.required("url", "add the address, such as url = \"https://acme.zendesk.com\"", zendesk_url);
    // A test account on this machine may use the test secret.
    let is_local = url.as_ref().is_ok_and(is_loopback);
    let help = "add webhook_secret = { env = \"ZENDESK_WEBHOOK_SECRET\" }; the webhook's page in Zendesk shows it under “Reveal secret”";
    let webhook_secrets = section.required("webhook_secret", help, |value| {
        let secrets = secrets(value, env)?;
        if !is_local && secrets.iter().any(|secret| secret.expose_secret() == ZENDESK_TEST_SECRET) {
            let help = "take the webhook's own secret: its page in Zendesk shows it under “Reveal secret”";
            return Err(value.place.wrong("is Zendesk's public test secret, which everybody knows", help));
        }
        Ok(secrets)
    });
    let auth = zendesk_auth(&mut section, env);
    let room_url_field = section.optional("room_url_field", |value| {
        let help = "write the number of the ticket field without quotes, such as room_url_field = 360012345";
        match value.number(help)? {
            0 => Err(value.place.wrong("is out of range", help)),
            field => Ok(field),
        }
    });
    let signature_window = section.or("signature_window", DEFAULT_SIGNATURE_WINDOW, |value| {
        duration(value, Duration::from_secs(1)..=LONGEST_SIGNATURE_WINDOW)
    });
    section.close();
    Ok(ZendeskConfig {
        url: url?,
        webhook_secrets: webhook_secrets?,
        auth: auth?,
        room_url_field: room_url_field?,
        signature_window: signature_window?,
    })
}

fn zendesk_url(value: &Value<'_>) -> Read<Url> {
    let help = "write the account's address, such as \"https://acme.zendesk.com\"";
    let odd = "is not at zendesk.com; Zendesk's API may not answer at a host of your own";
    account_url(value, help, ".zendesk.com", odd)
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

/// One way to sign in, whole.
fn zendesk_auth(section: &mut Section<'_>, env: &dyn Env) -> Read<ZendeskAuth> {
    let text_help = "write it in quotes";
    let client_id = section.find("client_id");
    let client_secret = section.find("client_secret");
    let email = section.find("email");
    let api_token = section.find("api_token");
    match (client_id, client_secret, email, api_token) {
        (Some(id), Some(client_secret), None, None) => {
            let (client_id, client_secret) = (id.full_text(text_help), secret(&client_secret, env));
            Ok(ZendeskAuth::OAuth { client_id: client_id?.to_owned(), client_secret: client_secret? })
        }
        (None, None, Some(address), Some(token)) => {
            let (email, api_token) = (email_address(&address), secret(&token, env));
            token
                .place
                .odd("works until 2027-04-30, when Zendesk ends API tokens; use client_id and client_secret");
            Ok(ZendeskAuth::ApiToken { email: email?, api_token: api_token? })
        }
        (None, None, None, None) => {
            let help = "add client_id and client_secret of an OAuth client: Admin Center, Apps and integrations, APIs";
            Err(section.place.wrong("has no way to sign in to Zendesk", help))
        }
        (Some(_), None, None, None) => {
            Err(section.lacks("client_secret", "add client_secret = { env = \"ZENDESK_CLIENT_SECRET\" }"))
        }
        (None, Some(_), None, None) => {
            Err(section.lacks("client_id", "add client_id, the identifier of the OAuth client"))
        }
        (None, None, Some(_), None) => {
            Err(section.lacks("api_token", "add api_token, or better use client_id and client_secret"))
        }
        (None, None, None, Some(_)) => {
            Err(section.lacks("email", "add email, the address of the user whom the token belongs to"))
        }
        (_, _, Some(odd), _) | (_, _, None, Some(odd)) => {
            let help = "leave out email and api_token; client_id and client_secret are what lasts";
            Err(odd.place.wrong("is a second way to sign in, beside client_id and client_secret", help))
        }
    }
}

/// Reads an e-mail address, as far as it can be checked without sending to it.
pub(super) fn email_address(value: &Value<'_>) -> Read<String> {
    let help = "write an e-mail address in quotes, such as \"anna@example.com\"";
    let text = value.full_text(help)?;
    let is_address = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if !is_address || text.contains(char::is_whitespace) {
        return Err(value.place.wrong("is not an e-mail address", help));
    }
    Ok(text.to_owned())
}

fn generic(mut section: Section<'_>, env: &dyn Env) -> Read<GenericConfig> {
    let secrets = section.optional("webhook_secret", |value| secrets(value, env));
    let allow_unsigned = section.or("allow_unsigned", false, |value| {
        let allow = value.boolean()?;
        if allow && !matches!(secrets, Ok(None)) {
            let help = "leave out allow_unsigned; with a secret, every delivery must be signed";
            return Err(value.place.wrong("contradicts webhook_secret", help));
        }
        Ok(allow)
    });
    let callback = section.optional("callback_url", |value| {
        let help = "write the address in quotes, such as \"https://intranet.example.com/rooms\"";
        web_url(&value.place, value.text(help)?)
    });
    let place = section.place.clone();
    section.close();
    let inbound = match (secrets?, allow_unsigned?) {
        (Some(secrets), _) => Inbound::Secrets(secrets),
        (None, true) => Inbound::Unsigned,
        (None, false) => {
            let help = "add webhook_secret = { env = \"GENERIC_SECRET\" }, or allow_unsigned = true on a network you trust";
            return Err(place.wrong("has no “webhook_secret”", help));
        }
    };
    Ok(GenericConfig { inbound, callback: callback? })
}

/// Reads a list of names, of which there is at least one.
pub(super) fn names(value: &Value<'_>, help: &str) -> Read<Vec<String>> {
    let entries = value.list(help)?;
    if entries.is_empty() {
        return Err(value.place.wrong("is an empty list", help));
    }
    all(entries.iter().map(|entry| entry.full_text(help).map(|name| name.trim().to_owned())))
}
