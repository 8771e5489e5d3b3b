//! What is read from right configurations, and what is never shown of them.

mod codes;
mod meant;
mod mistakes;
mod rooms;

use std::collections::HashMap;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::room::{LinkKind, Role, RoomType};
use crate::rule::Verdict;
use crate::template::{AccessRule, Who};
use crate::ticket::{Ticket, TicketKey};

const EXAMPLE: &str = include_str!("../../../../../ticketroom.example.toml");

/// An environment of these variables.
fn env(variables: &[(&str, &str)]) -> HashMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Every variable that the example names, with a value that is easy to find where it should not be.
fn example_env() -> HashMap<String, String> {
    let names = [
        "TICKETROOM_ADMIN_TOKEN",
        "DOCSPACE_API_KEY",
        "ZENDESK_WEBHOOK_SECRET",
        "ZENDESK_CLIENT_SECRET",
        "ZENDESK_API_TOKEN",
        "FRESHDESK_WEBHOOK_SECRET",
        "FRESHDESK_API_KEY",
        "JIRA_WEBHOOK_SECRET",
        "JIRA_API_TOKEN",
        "GENERIC_SECRET",
    ];
    names.map(|name| (name.to_owned(), format!("hush-{name}"))).into()
}

/// The fragment with the sections that every configuration needs, below it so that its lines keep
/// their numbers.
fn complete(fragment: &str) -> String {
    let mut text = format!("{fragment}\n");
    if !fragment.contains("helpdesk") {
        text.push_str("[[helpdesk]]\nname = \"generic\"\nkind = \"generic\"\nallow_unsigned = true\n");
    }
    if !fragment.contains("[docspace") {
        text.push_str("[docspace]\nurl = \"https://d.example\"\napi_key = { env = \"DOCSPACE_API_KEY\" }\n");
    }
    text
}

fn read(fragment: &str) -> Config {
    Config::from_text(&complete(fragment), "t.toml", &example_env()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_example_has_no_mistakes() {
    let config = Config::from_text(EXAMPLE, "ticketroom.example.toml", &example_env())
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.warnings, [""; 0]);
    let names: Vec<&str> = config.helpdesks.iter().map(|helpdesk| helpdesk.name.as_str()).collect();
    assert_eq!(names, ["zendesk", "freshdesk", "jira", "generic"]);
    assert_eq!(config.rules.rules.len(), 2);
    assert_eq!(config.docspace.limits, Limits::default(), "the example shows the defaults");
    assert_eq!(config.docspace.timeout, Duration::from_secs(30));
    assert_eq!(config.docspace.settle, Duration::from_secs(45));
    assert_eq!(config.server.max_delivery_bytes, 1024 * 1024);
    assert_eq!(config.server.limits, ServerLimits::default());
    assert_eq!(config.store, StoreUrl::Sqlite("ticketroom.db".into()));
}

/// A section with a key that is like no other is answered with all keys of the section.
#[test]
fn the_example_has_every_known_key() {
    let sections = [
        "zzzzzz = 1",
        "[server]\nzzzzzz = 1",
        "[server.limits]\nzzzzzz = 1",
        "[admin]\nzzzzzz = 1",
        "[store]\nzzzzzz = 1",
        "[docspace]\nzzzzzz = 1",
        "[backfill]\nzzzzzz = 1",
        "[[helpdesk]]\nname = \"a\"\nkind = \"zendesk\"\nzzzzzz = 1",
        "[[helpdesk]]\nname = \"a\"\nkind = \"generic\"\nzzzzzz = 1",
        "[[helpdesk]]\nname = \"a\"\nkind = \"freshdesk\"\nzzzzzz = 1",
        "[[helpdesk]]\nname = \"a\"\nkind = \"jira\"\nzzzzzz = 1",
        "[[rule]]\nzzzzzz = 1",
        "[template.default]\nzzzzzz = 1",
        "[template.default]\naccess = [{ zzzzzz = 1 }]",
        "[admin]\ntoken = { zzzzzz = 1 }",
    ];
    let mut keys = 0;
    for section in sections {
        let error = Config::from_text(section, "t.toml", &example_env()).unwrap_err();
        let unknown = error.problems().iter().find(|problem| problem.message.contains("zzzzzz")).unwrap();
        for key in unknown.help.strip_prefix("the known keys are ").unwrap().split(", ") {
            let stands = |before: &str, after: &str| EXAMPLE.contains(&format!("{before}{key}{after}"));
            let is_there = ["\n", "\n# ", "{ ", ", "].iter().any(|before| stands(before, " = "))
                || stands(".", "]\n")
                || ["\n[", "\n[["].iter().any(|before| stands(before, "]") || stands(before, "."));
            assert!(is_there, "the example lacks “{key}” of {section}");
            keys += 1;
        }
    }
    assert!(keys > 50, "only {keys} keys were looked at");
}

/// The sample of the contract, and the template that it names.
const CONTRACT: &str = r##"[server]
listen = "127.0.0.1:3000"
public_url = "https://ticketroom.example.com"

[admin]
token = { env = "TICKETROOM_ADMIN_TOKEN" }

[store]
url = "sqlite:ticketroom.db"          # or postgres://user@host/database, for several replicas

[docspace]
url = "https://yourportal.onlyoffice.com"
api_key = { env = "DOCSPACE_API_KEY" }
# timeout = "30s", and the limits of the portal, with DocSpace's own numbers as defaults

[[helpdesk]]
name = "zendesk"                      # its endpoint is /webhooks/zendesk
kind = "zendesk"                      # zendesk | freshdesk | jira | generic
url = "https://acme.zendesk.com"
webhook_secret = { env = "ZENDESK_WEBHOOK_SECRET" }
client_id = "ticketroom"              # OAuth client credentials; Zendesk makes no new API tokens since 2026-10-27
client_secret = { env = "ZENDESK_CLIENT_SECRET" }
# email = "bot@acme.com"              # or an API token, which works until 2027-04-30
# api_token = { env = "ZENDESK_API_TOKEN" }
room_url_field = 360012345            # the custom field that takes the link; optional

[[helpdesk]]
name = "freshdesk"
kind = "freshdesk"
url = "https://acme.freshdesk.com"
webhook_secret = { env = "FRESHDESK_WEBHOOK_SECRET" }   # expected in the header X-Ticketroom-Secret
api_key = { env = "FRESHDESK_API_KEY" }
room_url_field = "cf_room"

[[helpdesk]]
name = "jira"
kind = "jira"
url = "https://acme.atlassian.net"
webhook_secret = { env = "JIRA_WEBHOOK_SECRET" }
email = "bot@acme.com"
api_token = { env = "JIRA_API_TOKEN" }
projects = ["SUP"]

[[helpdesk]]
name = "generic"
kind = "generic"
webhook_secret = { env = "GENERIC_SECRET" }   # or allow_unsigned = true
callback_url = "https://intranet.example.com/rooms"   # told {ticketId, roomId, roomUrl}; optional

[[rule]]                              # the first that matches wins; no rule matches: template "default"
when = "ticket.priority == 'urgent' and 'outage' in ticket.tags"
template = "incident"

[[rule]]
when = "ticket.group == 'Sales'"
skip = true

[template.default]
title = "Ticket #{{ ticket.id }} – {{ ticket.subject }}"
room_type = "collaboration"           # collaboration | custom | public | virtual-data
folders = ["Logs", "Attachments", "Findings"]   # "Logs/Server" nests
access = [{ group = "Support", role = "editor" }]  # group | user (e-mail) | assignee = true | requester = true | ticket_group = true; roles by room type
link = "member"                       # member (default for every room type) | external | invitation | auto
archive_after = "3d"                  # after the ticket is solved; "never"

[template.incident]
title = "INCIDENT {{ ticket.id }}"
"##;

#[test]
fn the_sample_of_the_contract_is_right() {
    let config =
        Config::from_text(CONTRACT, "t.toml", &example_env()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.warnings, [""; 0]);
    let HelpdeskKind::Zendesk(zendesk) = &config.helpdesks[0].kind else { panic!("not Zendesk") };
    assert!(matches!(&zendesk.auth, ZendeskAuth::OAuth { client_id, .. } if client_id == "ticketroom"));
    assert_eq!(zendesk.room_url_field, Some(360_012_345));
    assert_eq!(zendesk.signature_window, Duration::from_secs(15 * 60));
    let HelpdeskKind::Freshdesk(freshdesk) = &config.helpdesks[1].kind else { panic!("not Freshdesk") };
    assert_eq!((freshdesk.room_url_field.as_deref(), freshdesk.groups.len()), (Some("cf_room"), 0));
    let HelpdeskKind::Jira(jira) = &config.helpdesks[2].kind else { panic!("not Jira") };
    assert_eq!((jira.deployment, jira.signature_window), (JiraDeployment::Cloud, None));
    assert_eq!(jira.projects, ["SUP"]);
    assert!(matches!(config.rules.rules[1].then, Verdict::Skip));
}

#[test]
fn jira_without_an_email_address_is_data_center() {
    let text = "[[helpdesk]]\nname = \"j\"\nkind = \"jira\"\nurl = \"https://jira.acme.example/jira\"\nwebhook_secret = { env = \"GENERIC_SECRET\" }\napi_token = { env = \"GENERIC_SECRET\" }\n";
    let deployment = |text: &str| match &read(text).helpdesks[0].kind {
        HelpdeskKind::Jira(jira) => (jira.deployment, matches!(jira.auth, JiraAuth::Bearer { .. })),
        other => panic!("{other:?}"),
    };
    assert_eq!(deployment(text), (JiraDeployment::DataCenter, true));
    assert_eq!(
        deployment(&text.replace("jira.acme.example/jira", "api.atlassian.com/ex/jira/1")),
        (JiraDeployment::Cloud, true)
    );
    assert_eq!(deployment(&format!("{text}email = \"bot@acme.com\"")), (JiraDeployment::Cloud, false));
    let basic = format!("{text}email = \"bot@acme.com\"\ndeployment = \"data-center\"");
    assert_eq!(deployment(&basic), (JiraDeployment::DataCenter, false));
}

#[test]
fn no_secret_is_ever_shown() {
    let text = EXAMPLE.replace("client_id =", "# ").replace("client_secret =", "# ");
    let text =
        text.replacen("# email = \"bot@acme.com\"\n# api_token", "email = \"bot@acme.com\"\napi_token", 1);
    let text =
        format!("{text}\n[[helpdesk]]\nname = \"b\"\nkind = \"generic\"\nwebhook_secret = \"hush-plain\"\n");
    for text in [EXAMPLE, &text] {
        let config =
            Config::from_text(text, "t.toml", &example_env()).unwrap_or_else(|error| panic!("{error}"));
        let shown = format!("{config:?} {config:#?}");
        assert!(shown.contains("acme.zendesk.com"));
        assert!(!shown.contains("hush"), "{shown}");
    }
}

#[test]
fn no_message_repeats_a_secret() {
    for fragment in [
        "[docspace]\nurl = \"https://me:hush@d.example\"\napi_key = \"hush hush\"",
        "[docspace]\nurl = \"//me:hush@d.example\"\napi_key = \"hush\\nhush\"",
        "[docspace]\nurl = \"https://d.example?key=hush\"\napi_key = hush",
        "[store]\nurl = \"postgres://me:hush@host:hush/db\"",
        "[store]\nurl = \"postgres://me:hush@host/db?hush=hush\"",
        "[admin]\ntoken = [\"hush\"]",
        "[admin]\ntoken = \"hush",
    ] {
        let error = Config::from_text(&complete(fragment), "t.toml", &example_env()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }
}

#[test]
fn what_is_left_out_has_a_default() {
    let config = read("");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:3000");
    assert!(config.admin.token.is_none() && config.server.public_url.is_none());
    let default = config.rules.template("default").unwrap();
    let key = TicketKey { helpdesk: "generic".parse().unwrap(), id: "7".parse().unwrap() };
    let ticket = Ticket { subject: "VPN".to_owned(), ..Ticket::default() };
    assert_eq!(default.room_title(&key, &ticket), "Ticket #7 – VPN");
    assert_eq!((default.room_type, default.link), (RoomType::Collaboration, LinkKind::Member));
    assert_eq!(default.access, [AccessRule { who: Who::Assignee, role: Role::Editor }]);
    assert_eq!(default.folders.len(), 3);
    assert_eq!(default.archive_after, Some(Duration::from_secs(3 * 24 * 3600)));
}

#[test]
fn values_can_be_written_in_several_ways() {
    for (written, bytes) in [("\"512KiB\"", 512 * 1024), ("\"2 MiB\"", 2 * 1024 * 1024), ("4096", 4096)] {
        let config = read(&format!("[server]\nmax_body = {written}"));
        assert_eq!(config.server.max_delivery_bytes, bytes);
    }
    for (written, path) in
        [("sqlite:a.db", "a.db"), ("sqlite:///v/a.db", "/v/a.db"), ("sqlite:/v/a.db", "/v/a.db")]
    {
        assert_eq!(read(&format!("[store]\nurl = \"{written}\"")).store, StoreUrl::Sqlite(path.into()));
    }
    let config = read("[server]\nlisten = \"localhost:0\"");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:0");
    let config =
        read("[docspace]\nurl = \"https://d.example/portal\"\napi_key = { env = \"DOCSPACE_API_KEY\" }");
    assert_eq!(config.docspace.url.as_str(), "https://d.example/portal");
}

#[test]
fn a_store_can_be_a_database() {
    let postgres = |text: &str| match read(&format!("[store]\n{text}")).store {
        StoreUrl::Postgres(config) => *config,
        StoreUrl::Sqlite(path) => panic!("{}", path.display()),
    };
    let plain = postgres("url = \"postgres://me@127.0.0.1/db\"");
    assert_eq!((plain.connections, plain.lease), (16, Duration::from_secs(30)));
    assert_eq!(plain.tls, Tls::Unverified, "nobody is between us and ourselves");
    let far = postgres(
        "url = \"postgres://me@one,two:5433/db?target_session_attrs=read-write&sslrootcert=/a%20b.pem\"\n\
        password = { env = \"GENERIC_SECRET\" }\nconnections = 3\nlease = \"5s\"",
    );
    assert_eq!(
        far.tls,
        Tls::Verified { roots: Some("/a b.pem".into()) },
        "a server elsewhere has to prove itself"
    );
    assert_eq!(far.connect.get_password(), Some("hush-GENERIC_SECRET".as_bytes()));
    assert_eq!((far.connect.get_hosts().len(), far.connections, far.lease), (2, 3, Duration::from_secs(5)));
    assert!(!format!("{far:?}").contains("hush"), "{far:?}");
    for elsewhere in ["db.example", "localhost:1/db?hostaddr=192.0.2.1"] {
        let url = if elsewhere.contains('/') { elsewhere.to_owned() } else { format!("{elsewhere}/db") };
        let config = postgres(&format!("url = \"postgres://me@{url}\""));
        assert_eq!(config.tls, Tls::Verified { roots: None }, "{url}");
    }
    let here = postgres("url = \"postgres://me@localhost/db?sslrootcert=ca.pem\"");
    assert_eq!(here.tls, Tls::Verified { roots: Some("ca.pem".into()) }, "what is asked for is done");
    for (mode, warnings) in [("verify-full", 0), ("require", 1), ("disable", 1)] {
        let config = read(&format!("[store]\nurl = \"postgresql://me:pw@db.example/db?sslmode={mode}\""));
        assert_eq!(config.warnings.len(), warnings + 1, "and one for the password: {:?}", config.warnings);
    }
}

#[test]
fn a_store_can_be_an_argument() {
    let environment = env(&[("PGPASSWORD", "hush")]);
    let (url, warnings) =
        StoreUrl::from_argument("FROM", "postgres://me@localhost/db", &environment).unwrap();
    let StoreUrl::Postgres(config) = url else { panic!("a file") };
    assert_eq!((config.connect.get_password(), warnings.len()), (Some("hush".as_bytes()), 0));
    let error = StoreUrl::from_argument("TO", "mysql:x", &environment).unwrap_err().to_string();
    assert!(error.starts_with("command line: TO is a kind of store that does not exist"), "{error}");
}

#[test]
fn a_secret_can_be_replaced_without_a_gap() {
    let config = read(
        "[[helpdesk]]\nname = \"z\"\nkind = \"generic\"\nwebhook_secret = [{ env = \"GENERIC_SECRET\" }, \"old\"]\ncallback_url = \"https://c.example\"",
    );
    let HelpdeskKind::Generic(generic) = &config.helpdesks[0].kind else { panic!("not generic") };
    let Inbound::Secrets(secrets) = &generic.inbound else { panic!("unsigned") };
    let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, ["hush-GENERIC_SECRET", "old"]);
}

#[test]
fn docspace_has_no_webhook_secret_or_one_or_several() {
    let secrets = |line: &str| -> Vec<String> {
        let fragment = format!("[docspace]\nurl = \"https://d.example\"\napi_key = \"sk-1\"\n{line}");
        let secrets = read(&fragment).docspace.webhook_secrets;
        secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect()
    };
    assert_eq!(secrets(""), [""; 0]);
    assert_eq!(secrets("webhook_secret = { env = \"GENERIC_SECRET\" }"), ["hush-GENERIC_SECRET"]);
    assert_eq!(
        secrets("webhook_secret = [{ env = \"GENERIC_SECRET\" }, \"old\"]"),
        ["hush-GENERIC_SECRET", "old"]
    );
}

#[test]
fn zendesks_test_secret_is_for_this_machine() {
    let config = read(
        "[[helpdesk]]\nname = \"z\"\nkind = \"zendesk\"\nurl = \"http://127.0.0.1:4000/z\"\nwebhook_secret = \"dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==\"\nclient_id = \"c\"\nclient_secret = { env = \"ZENDESK_CLIENT_SECRET\" }",
    );
    assert!(matches!(config.helpdesks[0].kind, HelpdeskKind::Zendesk(_)));
}

#[test]
fn what_works_but_should_be_looked_at_is_a_warning() {
    let config = read(
        "[server]\npublic_url = \"https://t.example\"\n[admin]\ntoken = \"short\"\n[docspace]\nurl = \"http://d.example\"\napi_key = { env = \"DOCSPACE_API_KEY\" }\n[[helpdesk]]\nname = \"z\"\nkind = \"zendesk\"\nurl = \"https://help.acme.com\"\nwebhook_secret = { env = \"ZENDESK_WEBHOOK_SECRET\" }\nemail = \"bot@acme.com\"\napi_token = { env = \"ZENDESK_API_TOKEN\" }\n[[helpdesk]]\nname = \"g\"\nkind = \"generic\"\nallow_unsigned = true\n[template.default]\ntitle = \"x\"",
    );
    assert_eq!(
        config.warnings,
        [
            "t.toml: the helpdesk “g” takes unsigned deliveries from everybody who reaches it; set its webhook_secret",
            "t.toml:4: “token” is in this file, for everybody who can read it; better write { env = \"NAME\" } or { file = \"PATH\" }",
            "t.toml:4: “token” is short enough to be guessed; use one from `openssl rand -hex 32`",
            "t.toml:6: “url” is http: secrets and tickets travel in the clear; use https",
            "t.toml:11: “url” is not at zendesk.com; Zendesk's API may not answer at a host of your own",
            "t.toml:14: “api_token” works until 2027-04-30, when Zendesk ends API tokens; use client_id and client_secret",
            "t.toml:19: [template.default] gives nobody access to its rooms; add access = [{ assignee = true, role = \"editor\" }]",
        ]
    );
}

#[test]
fn the_memory_for_bodies_follows_the_largest_body() {
    let limits = |server: &str| read(server).server.limits;
    let mib = 1024 * 1024;
    assert_eq!(limits(""), ServerLimits { connections: 1000, bodies_in_flight: 64 * mib });
    assert_eq!(limits("[server]\nmax_body = \"64MiB\"").bodies_in_flight, 64 * mib);
    let set = limits("[server.limits]\nconnections = 20\nbodies_in_flight = \"100 MiB\"");
    assert_eq!(set, ServerLimits { connections: 20, bodies_in_flight: 100 * mib });
}

#[test]
fn secrets_are_read_from_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let read_token = |content: &[u8], mode: u32| {
        std::fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let text = complete(&format!("[admin]\ntoken = {{ file = '{}' }}", path.display()));
        Config::from_text(&text, "t.toml", &example_env())
    };
    let config = read_token(b"a-token-long-enough\n", 0o600).unwrap();
    assert_eq!(config.admin.token.unwrap().expose_secret(), "a-token-long-enough");
    assert_eq!(config.warnings, [""; 0]);
    if cfg!(unix) {
        let config = read_token(b"a-token-long-enough\r\n", 0o644).unwrap();
        assert!(
            config.warnings[0].contains("which everybody on this machine can read"),
            "{:?}",
            config.warnings
        );
    }
    let first_line = |content: &[u8]| read_token(content, 0o600).unwrap_err().problems()[0].message.clone();
    assert_eq!(first_line(b"\n"), "“token” is empty");
    assert!(first_line(b"\xff\xfe").ends_with(": not text"));
    assert!(first_line(&[b'x'; 70_000]).ends_with(": too long for a secret"));
}

#[test]
fn two_variables_are_enough() {
    let two = [("DOCSPACE_URL", "https://d.example"), ("DOCSPACE_API_KEY", "key\n")];
    let config = Config::from_env(&env(&two)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.docspace.url.as_str(), "https://d.example/");
    assert_eq!(config.docspace.api_key.expose_secret(), "key");
    assert_eq!(config.helpdesks.len(), 1);
    assert_eq!(config.helpdesks[0].name.as_str(), "generic");
    let HelpdeskKind::Generic(generic) = &config.helpdesks[0].kind else { panic!("not generic") };
    assert!(matches!(generic.inbound, Inbound::Unsigned));
    assert_eq!(config.warnings, [""; 0]);

    let more = [
        ("TICKETROOM_LISTEN", "0.0.0.0:80"),
        ("TICKETROOM_ADMIN_TOKEN", "a-token-long-enough"),
        ("TICKETROOM_STORE", "sqlite:/data/t.db"),
    ];
    let config = Config::from_env(&env(&[&two[..], &more].concat())).unwrap();
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.store, StoreUrl::Sqlite("/data/t.db".into()));
    assert_eq!(config.warnings.len(), 1, "an unsigned endpoint beyond this machine");
}

#[test]
fn the_two_variables_fill_a_file_too() {
    let two = [("DOCSPACE_URL", "https://d.example"), ("DOCSPACE_API_KEY", "key")];
    let text = "[[helpdesk]]\nname = \"g\"\nkind = \"generic\"\nallow_unsigned = true";
    let config = Config::from_text(text, "t.toml", &env(&two)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.docspace.url.as_str(), "https://d.example/");
    assert_eq!(config.docspace.limits, Limits::default());
}

#[test]
fn a_fingerprint_changes_with_the_file_and_with_each_secret() {
    let text = "[docspace]\nurl = \"https://d.example\"\napi_key = { env = \"KEY\" }\n\
        [[helpdesk]]\nname = \"g\"\nkind = \"generic\"\nwebhook_secret = { env = \"HOOK\" }\n";
    let read = |text: &str, key: &str, hook: &str| {
        let env = env(&[("KEY", key), ("HOOK", hook)]);
        Config::from_text(text, "test.toml", &env).map_err(|error| error.to_string()).unwrap().fingerprint
    };
    let first = read(text, "key-one", "a secret of the hook");
    assert_eq!(first, read(text, "key-one", "a secret of the hook"));
    for other in [
        read(text, "key-two", "a secret of the hook"),
        read(text, "key-one", "another secret of the hook"),
        read(&text.replace("d.example", "e.example"), "key-one", "a secret of the hook"),
    ] {
        assert_ne!(first, other);
    }
}

#[test]
fn what_works_on_the_store_needs_no_other_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ticketroom.toml");
    let text = "[docspace]\nurl = \"https://d.example\"\napi_key = { env = \"KEY\" }\n\
        [store]\nurl = \"postgres://u@127.0.0.1/d\"\npassword = { env = \"PASSWORD\" }\n\
        [admin]\ntoken = { file = \"/nowhere\" }\n\
        [[helpdesk]]\nname = \"g\"\nkind = \"generic\"\nwebhook_secret = [{ env = \"A\" }, { env = \"B\" }]\n";
    std::fs::write(&path, text).unwrap();
    let load = |given: &[(&str, &str)]| Config::load_with(Some(&path), &env(given), Secrets::OfTheStore);
    let problems = load(&[]).unwrap_err().to_string();
    assert!(problems.contains("PASSWORD") && !problems.contains("KEY"), "{problems}");
    let config = load(&[("PASSWORD", "p")]).map_err(|error| error.to_string()).unwrap();
    let StoreUrl::Postgres(store) = config.store else { panic!("{:?}", config.store) };
    assert_eq!(store.connect.get_password(), Some(b"p".as_slice()));
    let all = Config::load(Some(&path), &env(&[("PASSWORD", "p")])).unwrap_err().to_string();
    assert!(all.contains("KEY") && all.contains("/nowhere"), "{all}");
}
