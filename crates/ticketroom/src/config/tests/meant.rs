//! Values that are read as something else than was meant.

use super::mistakes::complaints;
use super::*;

#[test]
fn a_variable_that_is_written_as_a_secret() {
    for text in [
        "$DOCSPACE_API_KEY",
        "${DOCSPACE_API_KEY}",
        "%DOCSPACE_API_KEY%",
        "env:DOCSPACE_API_KEY",
        "DOCSPACE_API_KEY",
    ] {
        let fragment = format!("[docspace]\nurl = \"https://d.example\"\napi_key = \"{text}\"");
        assert_eq!(
            complaints(&fragment),
            ["t.toml:3: “api_key” looks like the name of an environment variable, not like a secret"],
            "{text}"
        );
    }
    for text in ["sk-$5", "$ecret", "ABCDEF0123456789", "NOT_A_VARIABLE_HERE"] {
        read(&format!("[docspace]\nurl = \"https://d.example\"\napi_key = \"{text}\""));
    }
}

/// The name of a variable is not what a shell writes to get its value, and a secret in its place is
/// not shown.
#[test]
fn a_variable_by_more_than_its_name() {
    for text in ["$NAME", "${NAME}", "%NAME%", "NAME=x", "sk-0123456789", "my key"] {
        let fragment = format!("[docspace]\nurl = \"https://d.example\"\napi_key = {{ env = \"{text}\" }}");
        let said = complaints(&fragment);
        assert_eq!(
            said,
            ["t.toml:3: “api_key” names an environment variable by more than its name"],
            "{text}"
        );
    }
}

#[test]
fn addresses_as_a_browser_shows_them() {
    let help = |fragment: &str| {
        let error = Config::from_text(&complete(fragment), "t.toml", &example_env()).expect_err(fragment);
        let problem = error.problems()[0].clone();
        assert_eq!(problem.message.split_once(' ').unwrap().1, "has a path", "{fragment}");
        problem.help
    };
    let docspace =
        |url: &str| help(&format!("[docspace]\nurl = \"{url}\"\napi_key = {{ env = \"DOCSPACE_API_KEY\" }}"));
    assert_eq!(
        docspace("https://acme.onlyoffice.com/rooms/shared"),
        "leave off “/rooms/shared”, which is for browsers: write \"https://acme.onlyoffice.com\""
    );
    assert!(docspace("https://a.example/portal/Login/").ends_with("write \"https://a.example/portal\""));
    assert!(docspace("https://a.example/api/2.0").ends_with("write \"https://a.example\""));
    let zendesk = "[[helpdesk]]\nname = \"z\"\nkind = \"zendesk\"\nwebhook_secret = { env = \"ZENDESK_WEBHOOK_SECRET\" }\nclient_id = \"c\"\nclient_secret = { env = \"ZENDESK_CLIENT_SECRET\" }\n";
    assert_eq!(
        help(&format!("{zendesk}url = \"https://acme.zendesk.com/agent/tickets/1\"")),
        "leave off “/agent/tickets/1”, which is for browsers: write \"https://acme.zendesk.com\""
    );
    let jira = "[[helpdesk]]\nname = \"j\"\nkind = \"jira\"\nwebhook_secret = { env = \"GENERIC_SECRET\" }\napi_token = { env = \"GENERIC_SECRET\" }\nemail = \"a@b.c\"\n";
    for (url, base) in [
        ("https://acme.atlassian.net/jira/servicedesk/projects/SUP", "https://acme.atlassian.net"),
        ("https://acme.atlassian.net/browse/SUP-1", "https://acme.atlassian.net"),
        ("https://jira.acme.example/jira/secure/Dashboard.jspa", "https://jira.acme.example/jira"),
    ] {
        let said = help(&format!("{jira}url = \"{url}\""));
        assert!(said.starts_with("leave off “/") && said.ends_with(&format!("write \"{base}\"")), "{said}");
    }
    assert!(
        help("[server]\npublic_url = \"https://r.example/webhooks/zendesk\"")
            .ends_with("write \"https://r.example\"")
    );
    read("[server]\npublic_url = \"https://r.example/ticketroom\"");
}
