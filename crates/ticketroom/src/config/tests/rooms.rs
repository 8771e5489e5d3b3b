//! Templates and rules: what they take over, whom they let in, and what is warned of.

use super::*;
use crate::template::Subject;

#[test]
fn a_template_takes_from_the_default_what_it_does_not_say() {
    let config = read(
        "[template.open]\nroom_type = \"custom\"\n[template.default]\ntitle = \"D {{ ticket.id }}\"\nfolders = [\"Logs\"]\n\
        access = [{ group = \"Support\", role = \"viewer\" }]\nlink = \"auto\"\narchive_after = \"5d\"\n\
        [template.closed]\naccess = []\nlink = \"member\"\nfolders = []",
    );
    let (open, closed) = (config.rules.template("open").unwrap(), config.rules.template("closed").unwrap());
    let support = AccessRule { who: Who::Group("Support".to_owned()), role: Role::Viewer };
    assert_eq!((open.room_type, open.folders.len()), (RoomType::Custom, 1));
    assert_eq!(open.access, [support]);
    assert_eq!(open.link, LinkKind::External, "auto goes by the template's own type");
    assert_eq!(open.archive_after, Some(Duration::from_secs(5 * 24 * 3600)));
    assert_eq!((closed.room_type, closed.link), (RoomType::Collaboration, LinkKind::Member));
    assert!(closed.access.is_empty() && closed.folders.is_empty());
    let (key, ticket) =
        (TicketKey { helpdesk: "g".parse().unwrap(), id: "7".parse().unwrap() }, Ticket::default());
    assert_eq!(closed.room_title(&key, &ticket), "D 7");
    // Without a default in the file, it is the one that is built in.
    let config = read("[template.a]\ntitle = \"x\"");
    assert_eq!(config.rules.template("a").unwrap().access.len(), 1);
}

/// Before, every room of the kinds custom and public put a link into the ticket that anybody could
/// read.
#[test]
fn no_link_gets_anybody_in_unless_it_is_asked_for() {
    for room_type in ["collaboration", "custom", "virtual-data", "public"] {
        let config = read(&format!("[template.default]\nroom_type = \"{room_type}\"\naccess = []"));
        assert_eq!(config.rules.template("default").unwrap().link, LinkKind::Member, "{room_type}");
        assert_eq!(config.warnings.len(), usize::from(room_type == "public"), "{:?}", config.warnings);
    }
    for (room_type, link, line) in [
        ("custom", "link = \"external\"", 3),
        ("custom", "link = \"auto\"", 3),
        ("public", "link = \"auto\"", 3),
        ("custom", "link = \"invitation\"", 3),
        ("collaboration", "link = \"invitation\"", 3),
        ("public", "link = \"member\"", 3),
        ("public", "", 1),
    ] {
        let text = format!("[template.vip]\nroom_type = \"{room_type}\"\n{link}\naccess = []");
        let warnings = read(&text).warnings;
        let expected = format!("t.toml:{line}: [template.vip] ");
        assert!(warnings.len() == 1 && warnings[0].starts_with(&expected), "{text}: {warnings:?}");
        assert!(warnings[0].ends_with(": anybody who has it can read the room"), "{warnings:?}");
    }
    let warnings = read("[template.vip]\nroom_type = \"collaboration\"\nlink = \"auto\"").warnings;
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn odd_rules_and_folders_are_warned_of_with_their_line() {
    let generic = "[[helpdesk]]\nname = \"generic\"\nkind = \"generic\"\nallow_unsigned = true\n";
    let warnings = |text: &str| read(&format!("{text}\n{generic}")).warnings;
    assert_eq!(
        warnings(
            "[template.default]\naccess = []\nfolders = [\n\"Logs: a\",\n\"Logs / Server\",\n\"Logs/Server\"]"
        ),
        [
            "t.toml:4: an entry of “folders” says “Logs: a”, which DocSpace changes; the folder is called “Logs_ a”",
            "t.toml:6: an entry of “folders” says “Logs/Server” a second time",
        ]
    );
    let rule = |when: &str| format!("[[rule]]\nname = \"R\"\nwhen = \"{when}\"\nskip = true\n");
    assert_eq!(
        warnings(&(rule("true") + &rule("ticket.helpdesk == 'genric'"))),
        [
            "t.toml:5: [[rule]] is never reached: the rule in line 1 matches every ticket",
            "t.toml:7: “when” has a mistake: no ticket has ticket.helpdesk == 'genric': it is one of generic; did you mean \
             'generic'?",
        ]
    );
    assert_eq!(
        warnings("[template.default]\naccess = []\ntitle = \"{% if ticket.helpdesk == 'a' %}x{% endif %}y\"")
            .len(),
        1
    );
}

#[test]
fn rules_have_names_and_lines() {
    let config = read(
        "[[rule]]\nname = \"VIP\"\nwhen = \"ticket.fields.seats > 10\"\nskip = true\n[[rule]]\nwhen = \"ticket.fields.a < 1\"\nskip = true",
    );
    let key = TicketKey { helpdesk: "generic".parse().unwrap(), id: "7".parse().unwrap() };
    let with = |name: &str, value: &str| Ticket {
        fields: [(name.to_owned(), crate::ticket::FieldValue::Text(value.to_owned()))].into(),
        ..Ticket::default()
    };
    let error = |ticket: &Ticket| config.rules.decide(&key, ticket).unwrap_err().to_string();
    assert!(
        error(&with("seats", "EU"))
            .starts_with("rule “VIP” (line 1): ticket.fields.seats > 10 can't be decided: ")
    );
    assert!(error(&with("a", "EU")).starts_with("rule 2 (line 5): ticket.fields.a < 1 can't be decided: "));
    assert_eq!(config.rules.decide(&key, &with("seats", "12")).unwrap().because, Some("VIP"));
    assert_eq!(config.rules.decide(&key, &with("a", "0")).unwrap().because, Some("ticket.fields.a < 1"));
}

#[test]
fn the_tickets_own_group_and_the_requester_get_in() {
    let config = read(
        "[[helpdesk]]\nname = \"g\"\nkind = \"generic\"\nallow_unsigned = true\ngroup_names = { \"Support L2\" = \"Support\" }\n\
        [template.default]\naccess = [{ ticket_group = true, role = \"editor\" }, { requester = true, role = \"viewer\" }]",
    );
    let template = config.rules.template("default").unwrap();
    let subjects = |helpdesk: &str, group: Option<&str>, email: Option<&str>| {
        let key = TicketKey { helpdesk: helpdesk.parse().unwrap(), id: "7".parse().unwrap() };
        let ticket = Ticket {
            group: group.map(str::to_owned),
            requester: Some(crate::ticket::Person { name: None, email: email.map(str::to_owned) }),
            ..Ticket::default()
        };
        template.grants(&key, &ticket).into_iter().map(|grant| grant.subject).collect::<Vec<_>>()
    };
    let group = |name: &str| Subject::TicketGroup(name.to_owned());
    assert_eq!(subjects("g", Some("support l2 "), None), [group("Support")]);
    assert_eq!(
        subjects("other", Some("Support L2"), None),
        [group("Support L2")],
        "each helpdesk has names of its own"
    );
    assert_eq!(
        subjects("g", Some("Sales"), Some("r@a.b")),
        [group("Sales"), Subject::Requester("r@a.b".to_owned())]
    );
    assert_eq!(subjects("g", Some(" "), None), []);
    let stored = serde_json::to_string(&group("Support")).unwrap();
    assert_eq!(stored, r#"{"ticket_group":"Support"}"#);
    assert_eq!(serde_json::from_str::<Subject>(&stored).unwrap(), group("Support"));
}

#[test]
fn a_rule_names_its_template() {
    let config = read(
        "[[rule]]\nwhen = \"ticket.id == '1'\"\ntemplate = \"open\"\n[template.open]\narchive_after = \"never\"",
    );
    assert_eq!(config.rules.template("open").unwrap().archive_after, None);
    assert!(matches!(&config.rules.rules[0].then, Verdict::Use(template) if template.name == "open"));
    assert_eq!(config.rules.templates().len(), 2, "the default is there without being written");
}

const MANUAL: &str = include_str!("../../../../../docs/rules.md");

/// Every example of the manual, as it stands there, with a ticket that it is for and one that it is
/// not for.
#[test]
fn the_examples_of_the_manual_do_what_they_say() {
    let rules: Vec<&str> =
        MANUAL.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let templates = "[template.incident]\naccess = []\n[template.vip]\naccess = []\n[template.confidential]\naccess = []\n";
    let desks = EXAMPLE.split("# Rules are tried").next().unwrap();
    let text = format!("{desks}\n{templates}\n{}", rules.concat());
    let config =
        Config::from_text(&text, "rules.md", &example_env()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.warnings, [""; 0]);
    let key = TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "7".parse().unwrap() };
    let ticket = |json: &str| serde_json::from_str::<Ticket>(json).unwrap();
    let cases = [
        (
            r#"{"priority":"urgent","created":"2026-11-21T09:00:00Z"}"#,
            r#"{"priority":"urgent","created":"2026-11-20T09:00:00Z"}"#,
        ),
        (r#"{"subject":"Website IS DOWN again"}"#, r#"{"subject":"Breakdown of costs","tags":["outages"]}"#),
        (r#"{"requester":{"email":"Rita@ACME.com"}}"#, r#"{"requester":{"email":"rita@notacme.com"}}"#),
        (r#"{"organization":"Globex"}"#, r#"{"organization":"Globex","group":"Billing"}"#),
        (r#"{"group":"Sales"}"#, r#"{"group":"Presales"}"#),
        (r#"{"channel":"phone"}"#, r#"{"channel":"email"}"#),
        (r#"{"fields":{"360012345":"250"}}"#, "{}"),
        (r#"{"project":"PRIV","type":"Service Request"}"#, r#"{"project":"SUP","type":"service request"}"#),
        (r#"{"created":"2025-12-31T23:59:59Z"}"#, r#"{"created":"2026-01-01T00:00:00Z"}"#),
        (r#"{"type":"question"}"#, r#"{"type":"question","priority":"low"}"#),
    ];
    assert_eq!((rules.len(), config.rules.rules.len()), (cases.len(), cases.len()));
    for (rule, (is_for, is_not_for)) in config.rules.rules.iter().zip(cases) {
        let name = rule.name.as_deref().unwrap();
        assert!(rule.when.holds(&key, &ticket(is_for)).unwrap(), "{name}: {is_for}");
        assert!(!rule.when.holds(&key, &ticket(is_not_for)).unwrap(), "{name}: {is_not_for}");
        let decided = config.rules.decide(&key, &ticket(is_for)).unwrap();
        assert_eq!(decided.because, Some(name), "none of the rules before it matches");
    }
}

/// The manual has every name and every filter that there is.
#[test]
fn the_manual_is_complete() {
    let unknown =
        |condition: &str| crate::rule::Condition::parse(condition).map(|_| ()).unwrap_err().to_string();
    let names = unknown("ticket.qqqqqq == 'a'");
    let filters = unknown("ticket.key | qqqqqq == 'a'");
    let names = names.split("it has ").nth(1).unwrap().split(", ").map(|name| format!("`ticket.{name}"));
    let filters =
        filters.split("the filters are ").nth(1).unwrap().split(", ").map(|name| format!("`{name}"));
    for name in names.chain(filters) {
        assert!(MANUAL.contains(&name), "docs/rules.md lacks {name}`");
    }
}
