//! What differs between two configurations, for whoever reloads: what has changed, and what can't
//! change while the service runs.

use serde::{Deserialize, Serialize};

use crate::config::{Config, DocSpaceConfig, PostgresConfig, StoreUrl, are_same_secrets, is_same_secret};
use crate::docspace::limits::Limits;
use crate::rule::{Rule, Verdict};

/// A key that was changed and can't change while the service runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct NeedsRestart {
    /// The key with its section: `[server] listen`.
    pub key: String,
    /// File and line; null if the key was removed.
    #[cfg_attr(test, schema(required))]
    pub at: Option<String>,
}

/// Puts into `read` what can't change while the service runs, as it is in force, and says which of
/// it was changed.
pub(super) fn keep_what_is_fixed(read: &mut Config, in_force: &Config) -> Vec<NeedsRestart> {
    let mut keys = Vec::new();
    if read.server.listen != in_force.server.listen {
        read.server.listen = in_force.server.listen;
        keys.push("[server] listen");
    }
    if read.server.limits.connections != in_force.server.limits.connections {
        read.server.limits.connections = in_force.server.limits.connections;
        keys.push("[server.limits] connections");
    }
    if read.store != in_force.store {
        keys.extend(changed_in_the_store(&read.store, &in_force.store));
        read.store = in_force.store.clone();
    }
    // The listener that is there may reach beyond this machine, whatever the file says of it now.
    if !read.server.listen.ip().is_loopback() && !read.has_safe_admin_token() {
        read.admin = in_force.admin.clone();
        keys.push("[admin] token");
    }
    let needs = |key: &str| NeedsRestart { key: key.to_owned(), at: read.places.of(key) };
    keys.into_iter().map(needs).collect()
}

fn changed_in_the_store(read: &StoreUrl, in_force: &StoreUrl) -> Vec<&'static str> {
    let (StoreUrl::Postgres(read), StoreUrl::Postgres(in_force)) = (read, in_force) else {
        return vec!["[store] url"];
    };
    let PostgresConfig { connect, tls, connections, lease } = &**read;
    let without_password = |connect: &tokio_postgres::Config| connect.clone().password("").clone();
    let changed = [
        (
            *tls != in_force.tls || without_password(connect) != without_password(&in_force.connect),
            "[store] url",
        ),
        (connect.get_password() != in_force.connect.get_password(), "[store] password"),
        (*connections != in_force.connections, "[store] connections"),
        (*lease != in_force.lease, "[store] lease"),
    ];
    changed.into_iter().filter_map(|(is_changed, key)| is_changed.then_some(key)).collect()
}

/// What differs, one phrase each. Values are not shown: they may be secrets.
pub(super) fn changes(before: &Config, now: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    let (server, was) = (&now.server, &before.server);
    let token = !is_same_secret(&before.admin_token(), &now.admin_token());
    for (is_changed, what) in [
        (server.public_url != was.public_url, "[server] public_url"),
        (server.max_delivery_bytes != was.max_delivery_bytes, "[server] max_body"),
        (server.limits.bodies_in_flight != was.limits.bodies_in_flight, "[server.limits] bodies_in_flight"),
        (token && now.admin.token.is_some(), "[admin] token"),
        (token && now.admin.token.is_none(), "the admin token, derived from DocSpace's API key"),
    ] {
        if is_changed {
            changes.push(what.to_owned());
        }
    }
    changes.extend(changes_of_docspace(&before.docspace, &now.docspace));
    let (limits, were) = (&now.docspace.limits, &before.docspace.limits);
    // Without one of its own, it goes with the day.
    let goes_with_the_day = limits.reserved_writes == Limits::usual_reserve(limits.writes_per_day)
        && were.reserved_writes == Limits::usual_reserve(were.writes_per_day);
    if limits.reserved_writes != were.reserved_writes && !goes_with_the_day {
        changes.push("[backfill] reserve".to_owned());
    }
    let named = |config: &Config| -> Vec<(String, String)> {
        // Debugging shows all of a template, and no line.
        let templates = config.rules.templates().iter();
        templates.map(|template| (template.name.clone(), format!("{template:?}"))).collect()
    };
    changes.extend(members("template", &named(before), &named(now), PartialEq::eq));
    if !before.rules.rules.iter().map(identity).eq(now.rules.rules.iter().map(identity)) {
        changes.push("rules".to_owned());
    }
    let named = |config: &Config| -> Vec<_> {
        let helpdesks = config.helpdesks.iter();
        let all = |one: &crate::config::HelpdeskConfig| (one.kind.clone(), one.group_names.clone());
        helpdesks.map(|one| (one.name.to_string(), all(one))).collect()
    };
    changes.extend(members("helpdesk", &named(before), &named(now), PartialEq::eq));
    changes
}

fn changes_of_docspace(before: &DocSpaceConfig, now: &DocSpaceConfig) -> Vec<String> {
    let DocSpaceConfig { url, api_key, timeout, settle, limits, allow_skeleton, webhook_secrets } = now;
    let changed = [
        (*url != before.url, "url"),
        (!is_same_secret(api_key, &before.api_key), "api_key"),
        (*timeout != before.timeout, "timeout"),
        (*settle != before.settle, "settle"),
        (limits.requests_per_minute != before.limits.requests_per_minute, "requests_per_minute"),
        (limits.concurrent_reads != before.limits.concurrent_reads, "concurrent_reads"),
        (limits.concurrent_writes != before.limits.concurrent_writes, "concurrent_writes"),
        (limits.writes_per_day != before.limits.writes_per_day, "writes_per_day"),
        (*allow_skeleton != before.allow_skeleton, "folder_skeleton"),
        (!are_same_secrets(webhook_secrets, &before.webhook_secrets), "webhook_secret"),
    ];
    changed
        .into_iter()
        .filter(|(is_changed, _)| *is_changed)
        .map(|(_, key)| format!("[docspace] {key}"))
        .collect()
}

/// What a rule says, wherever it stands.
fn identity(rule: &Rule) -> (Option<&str>, &str, Option<&str>) {
    let template = match &rule.then {
        Verdict::Use(template) => Some(template.name.as_str()),
        Verdict::Skip => None,
    };
    (rule.name.as_deref(), rule.when.source(), template)
}

/// Which of a list of named things were added, removed and changed.
fn members<T>(
    what: &str,
    before: &[(String, T)],
    now: &[(String, T)],
    is_same: impl Fn(&T, &T) -> bool,
) -> Vec<String> {
    let find = |list: &[(String, T)], name: &str| list.iter().position(|(other, _)| other == name);
    let mut changes = Vec::new();
    for (name, value) in now {
        match find(before, name).and_then(|place| before.get(place)) {
            None => changes.push(format!("{what} “{name}” added")),
            Some((_, was)) if !is_same(was, value) => changes.push(format!("{what} “{name}” changed")),
            Some(_) => {}
        }
    }
    for (name, _) in before {
        if find(now, name).is_none() {
            changes.push(format!("{what} “{name}” removed"));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const REST: &str = "[docspace]\nurl = \"https://d.example\"\napi_key = \"sk-1\"\n\
        [[helpdesk]]\nname = \"a\"\nkind = \"generic\"\nwebhook_secret = \"of a\"\n";

    fn read(text: &str) -> Config {
        let text = format!("{text}\n{REST}");
        Config::from_text(&text, "t.toml", &HashMap::new()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What needs a restart after a change from one text to another.
    fn fixed(before: &str, now: &str) -> Vec<String> {
        let (before, mut now) = (read(before), read(now));
        let needs_restart = keep_what_is_fixed(&mut now, &before);
        assert_eq!((&now.store, now.server.listen), (&before.store, before.server.listen));
        needs_restart.into_iter().map(|NeedsRestart { key, at }| format!("{key} {at:?}")).collect()
    }

    #[test]
    fn what_cannot_change_stays_and_is_named_by_its_line() {
        let database = "[store]\nurl = \"postgres://t:one@localhost/t\"\nconnections = 16\nlease = \"30s\"";
        for (from, to, key) in [
            ("one@", "two@", "[store] password None"),
            ("localhost", "127.0.0.1", "[store] url Some(\"t.toml:2\")"),
            ("= 16", "= 17", "[store] connections Some(\"t.toml:3\")"),
            ("30s", "31s", "[store] lease Some(\"t.toml:4\")"),
        ] {
            assert_eq!(fixed(database, &database.replace(from, to)), [key], "{from}");
        }
        assert_eq!(fixed(database, database), [""; 0]);
        assert_eq!(fixed(database, "[store]\nurl = \"sqlite:t.db\""), ["[store] url Some(\"t.toml:2\")"]);
        assert_eq!(
            fixed("[server]\nlisten = \"127.0.0.1:4000\"\nlimits = { connections = 9 }", ""),
            ["[server] listen None", "[server.limits] connections None"]
        );
    }

    #[test]
    fn a_listener_that_reaches_beyond_this_machine_keeps_a_token_that_cannot_be_guessed() {
        let beyond = "[server]\nlisten = \"0.0.0.0:3000\"\n[admin]\ntoken = \"0123456789abcdef\"";
        let short = "[server]\nlisten = \"127.0.0.1:3000\"\n[admin]\ntoken = \"short\"";
        let expected = ["[server] listen Some(\"t.toml:2\")", "[admin] token Some(\"t.toml:4\")"];
        assert_eq!(fixed(beyond, short), expected);
        assert_eq!(fixed(short, &short.replace("short", "other")), [""; 0]);
        let longer = beyond.replace("0123456789abcdef", "0123456789abcdef-2");
        assert_eq!(fixed(beyond, &longer), [""; 0]);
    }

    #[test]
    fn changes_are_named_without_their_values() {
        let all = "[server]\nmax_body = \"2 MiB\"\n[template.default]\ntitle = \"a\"\n[template.b]\ntitle = \"b\"\n\
            [[rule]]\nwhen = \"true\"\ntemplate = \"b\"";
        let before = read(all);
        let none: [String; 0] = [];
        assert_eq!(changes(&before, &read(&format!("# A line more.\n{all}"))), none);
        for (from, to, expected) in [
            ("2 MiB", "3 MiB", "[server] max_body"),
            ("title = \"a\"", "title = \"c\"", "template “default” changed"),
            ("[[rule]]", "[template.c]\ntitle = \"c\"\n[[rule]]", "template “c” added"),
            ("\"true\"", "\"ticket.subject == ''\"", "rules"),
            ("[template", "[admin]\ntoken = \"0123456789abcdef\"\n[template", "[admin] token"),
        ] {
            assert_eq!(changes(&before, &read(&all.replacen(from, to, 1))), [expected], "{from}");
        }
        for (from, to, expected) in [
            ("of a", "of b", vec!["helpdesk “a” changed"]),
            ("\"a\"", "\"b\"", vec!["helpdesk “b” added", "helpdesk “a” removed"]),
            ("\"sk-1\"", "\"sk-1\"\nwebhook_secret = \"w\"", vec!["[docspace] webhook_secret"]),
            ("sk-1", "sk-2", vec!["the admin token, derived from DocSpace's API key", "[docspace] api_key"]),
        ] {
            let text = format!("{all}\n{}", REST.replacen(from, to, 1));
            let now = Config::from_text(&text, "t.toml", &HashMap::new()).unwrap();
            assert_eq!(changes(&before, &now), expected, "{from}");
        }
    }
}
