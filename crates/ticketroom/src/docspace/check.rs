//! Tries everything that the service will need of DocSpace, and changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use super::DocSpace;

use super::reasons::{GROUP_UNKNOWN, USER_UNKNOWN};
use super::wire::EmployeeDto;
use crate::call::{Cause, Failure};
use crate::clock::{Clock, TOLERATED_SKEW, Timestamp, clock_skew, until};
use crate::finding::Finding;
use crate::language::nearest;
use crate::reason::codes;
use crate::room::Role;
use crate::rule::Rules;
use crate::template::Who;

codes! {
    NO_DOCSPACE = "check.docspace.not-docspace", Never,
        "What answers at [docspace] url is not DocSpace.",
        "take the address that a browser shows when DocSpace is open, up to the end of the host";
    CLOCKS_DIFFER = "check.docspace.clocks-differ", Never,
        "DocSpace's clock and the clock of this machine differ by more than a minute.",
        "set this machine's clock by NTP: signatures are refused when they seem too old, and lost rooms are looked for by \
         their time";
    KEY_UNKNOWN_RIGHTS = "check.docspace.key-rights-unknown", Never,
        "The rights of the key can't be checked: this DocSpace has no API keys (before 3.1), or the key is a session token.",
        "that works; its rights can't be checked from here";
    KEY_OFF = "check.docspace.key-switched-off", Never,
        "The API key is switched off.",
        "switch it on under Developer Tools > API keys";
    KEY_ENDS = "check.docspace.key-ends-soon", Never,
        "The API key ends within 14 days.",
        "make a new one in time and put it into [docspace] api_key";
    SCOPES_MISSING = "check.docspace.scopes-missing", Never,
        "The API key lacks a scope that the service needs.",
        "add the scopes under Developer Tools > API keys, or make a key with them";
    USER_TOO_WEAK = "check.docspace.user-may-not-create-rooms", Never,
        "The user of the API key may not create rooms.",
        "make it a room admin or DocSpace admin under Accounts, or use a key of somebody who is";
    USER_HIDDEN = "check.docspace.user-hidden", Never,
        "Whether the user of the API key may create rooms can't be checked: the key lacks the scope accounts.self:read.",
        "add that scope to have it checked; the service does not need it";
    MANAGER_TOO_WEAK = "check.docspace.user-may-not-manage", Never,
        "A template makes a user a room's manager, and DocSpace allows that only for room admins and DocSpace admins.",
        "make them a room admin under Accounts, or choose the role content-creator";
}

const KEY_ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Checks the portal, the key, its user, and everybody that the templates name.
pub async fn docspace(docspace: &DocSpace, rules: &Rules, clock: &dyn Clock) -> Vec<Finding> {
    let mut findings = Vec::new();
    match docspace.version().await {
        Ok((version, date)) => {
            let version = version.map_or_else(String::new, |version| format!(", version {version}"));
            findings.push(Finding::good(format!("{} answers{version}", docspace.portal())));
            findings.extend(date.and_then(|date| clocks(&date, clock.now())));
        }
        Err(failure) => {
            findings.push(no_docspace(docspace.portal().as_str(), &failure));
            return findings;
        }
    }
    if key(docspace, clock, &mut findings).await {
        user(docspace, &mut findings).await;
        people(docspace, rules, &mut findings).await;
    }
    findings
}

/// The version is told to everybody: whoever answers otherwise is something else.
fn no_docspace(portal: &str, failure: &Failure) -> Finding {
    match failure.cause {
        Cause::Unauthorized
        | Cause::Forbidden
        | Cause::NotFound
        | Cause::Conflict
        | Cause::Rejected { .. }
        | Cause::Unintelligible(_) => Finding::Bad(
            NO_DOCSPACE.reason(format!("this is no DocSpace: {portal} {}", answered(&failure.cause))),
        ),
        _ => {
            let help = "is [docspace] url the portal's address, and can this machine reach it?";
            Finding::Bad(failure.code().with_help(failure.to_string(), help))
        }
    }
}

fn answered(cause: &Cause) -> String {
    let status = match cause {
        Cause::Unauthorized => 401,
        Cause::Forbidden => 403,
        Cause::NotFound => 404,
        Cause::Conflict => 409,
        Cause::Rejected { status, .. } => *status,
        _ => return "answers, but not as DocSpace does".to_owned(),
    };
    format!("answers {status}, which DocSpace never does here")
}

fn clocks(date: &str, now: Timestamp) -> Option<Finding> {
    let skew = clock_skew(date, now).filter(|skew| *skew > TOLERATED_SKEW)?;
    let text = format!("DocSpace's clock and ours are {} seconds apart", skew.as_secs());
    Some(Finding::Warning(CLOCKS_DIFFER.reason(text)))
}

/// `false`: nothing else needs to be tried.
async fn key(docspace: &DocSpace, clock: &dyn Clock, findings: &mut Vec<Finding>) -> bool {
    let key = match docspace.own_key().await {
        Ok(key) => key,
        // DocSpace answers a session token with a server error here.
        Err(Failure { cause: Cause::NotFound | Cause::ServerError { .. }, .. })
            if docspace.own_user().await.is_ok() =>
        {
            let text = "this DocSpace has no API keys (before 3.1), or the key is a session token";
            findings.push(Finding::Warning(KEY_UNKNOWN_RIGHTS.reason(text)));
            return true;
        }
        Err(failure) => {
            let text = "nothing else can be tried without the API key";
            findings.push(Finding::Bad(failure.reason().about(text)));
            return false;
        }
    };
    if !key.is_active {
        findings.push(Finding::Bad(KEY_OFF.reason("the API key is switched off")));
        return false;
    }
    match key.expires_at {
        Some(end) if until(clock.now(), end) < KEY_ENDS_SOON => {
            findings.push(Finding::Warning(KEY_ENDS.reason(format!("the API key ends at {end}"))));
        }
        _ => {}
    }
    let has = |scope: &str| {
        key.permissions.is_empty() || key.permissions.iter().any(|have| have == "*" || have == scope)
    };
    let writes = |area: &str| has(&format!("{area}:write")) || has("*:write");
    let missing: Vec<&str> = [
        ("rooms:write", writes("rooms")),
        ("files:write", writes("files")),
        // Groups can't be read with accounts:write.
        ("accounts:read", has("accounts:read") || has("*:read") || has("*:write")),
    ]
    .into_iter()
    .filter_map(|(scope, there)| (!there).then_some(scope))
    .collect();
    if missing.is_empty() {
        findings.push(Finding::good("the API key is accepted and has the scopes it needs"));
    } else {
        let text = format!("the API key lacks {}", missing.join(", "));
        findings.push(Finding::Bad(SCOPES_MISSING.reason(text)));
    }
    true
}

async fn user(docspace: &DocSpace, findings: &mut Vec<Finding>) {
    match docspace.own_user().await {
        Ok(user) if user.is_admin || user.is_owner => {
            let kind = if user.is_owner { "the portal's owner" } else { "a DocSpace admin" };
            let who = named(&user);
            findings.push(Finding::good(format!(
                "the key's user is {who}, {kind}: it makes rooms and sees all of them"
            )));
        }
        Ok(user) if user.is_room_admin => {
            let who = named(&user);
            findings.push(Finding::good(format!(
                "the key's user is {who}, a room admin: it makes rooms and sees its own"
            )));
        }
        Ok(user) => {
            let (who, kind) = (named(&user), plain_kind(&user));
            let text = format!("the key's user is {who}, {kind}, and may not make rooms");
            findings.push(Finding::Bad(USER_TOO_WEAK.reason(text)));
        }
        Err(Failure { cause: Cause::Forbidden, .. }) => {
            let text = "whether the key's user may create rooms is unknown: the key lacks accounts.self:read";
            findings.push(Finding::Warning(USER_HIDDEN.reason(text)));
        }
        Err(failure) => findings.push(Finding::Bad(failure.reason().about("the key's user"))),
    }
}

fn plain_kind(user: &EmployeeDto) -> &'static str {
    if user.is_visitor { "a guest" } else { "a user without admin rights" }
}

/// Name and address, as far as they are told.
fn named(user: &EmployeeDto) -> String {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    match (filled(&user.display_name), filled(&user.email)) {
        (Some(name), Some(email)) => format!("{name} ({email})"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => format!("{}", user.id),
    }
}

/// The place of somebody whom the configuration names, in front of what to do.
fn at(rules: &Rules, name: &str) -> String {
    rules.place_of(name).map_or_else(String::new, |place| format!("{place}: "))
}

/// Everybody that templates name, each once.
async fn people(docspace: &DocSpace, rules: &Rules, findings: &mut Vec<Finding>) {
    let mut groups = BTreeSet::new();
    let mut users = BTreeSet::new();
    let mut managers = BTreeSet::new();
    for rule in rules.templates().iter().flat_map(|template| &template.access) {
        match &rule.who {
            Who::Group(name) => _ = groups.insert(name.as_str()),
            Who::User(email) => {
                users.insert(email);
                if rule.role == Role::Manager {
                    managers.insert(email);
                }
            }
            Who::TicketGroup(names) => groups.extend(names.all_in_docspace()),
            // Those are of each ticket.
            Who::Assignee | Who::Requester => {}
        }
    }
    // Asked for once, and only for somebody who is missing.
    let mut known: Option<Vec<String>> = None;
    for name in groups {
        findings.push(match docspace.group_named(name).await {
            Ok(Some(_)) => Finding::good(format!("group “{name}” exists")),
            Ok(None) => {
                if known.is_none() {
                    known = Some(docspace.group_names().await.unwrap_or_default());
                }
                let there = known.iter().flatten().map(String::as_str);
                let lower = name.to_lowercase();
                let lowered: Vec<(String, &str)> = there.map(|group| (group.to_lowercase(), group)).collect();
                let near = nearest(&lower, lowered.iter().map(|(lower, _)| lower.as_str()));
                let near = near.and_then(|near| lowered.iter().find(|(lower, _)| lower == near));
                let meant =
                    near.map_or_else(String::new, |(_, group)| format!("did you mean “{group}”? Otherwise "));
                Finding::Bad(GROUP_UNKNOWN.with_help(
                    format!("DocSpace has no group “{name}”"),
                    format!("{}{meant}make it under Accounts, or correct the configuration", at(rules, name)),
                ))
            }
            Err(failure) => Finding::Bad(failure.reason().about(format!("group “{name}”"))),
        });
    }
    for email in users {
        findings.push(match docspace.user(email).await {
            Ok(Some(user))
                if managers.contains(email) && !(user.is_admin || user.is_room_admin || user.is_owner) =>
            {
                Finding::Bad(MANAGER_TOO_WEAK.reason(format!("{email} can't be a room's manager")))
            }
            Ok(Some(_)) => Finding::good(format!("user {email} exists")),
            Ok(None) => Finding::Bad(USER_UNKNOWN.with_help(
                format!("DocSpace has no active user {email}"),
                format!("{}invite them under Accounts, or correct the template", at(rules, email)),
            )),
            Err(failure) => Finding::Bad(failure.reason().about(format!("user {email}"))),
        });
    }
}
