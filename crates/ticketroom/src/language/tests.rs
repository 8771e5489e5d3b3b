//! What conditions and titles mean, what is refused, and what it says then.

use super::*;
use crate::rule::Condition;
use crate::template::TitleTemplate;
use crate::ticket::{FieldValue, Person, Ticket, TicketKey};

fn key() -> TicketKey {
    TicketKey { helpdesk: "zendesk".parse().unwrap(), id: "4711".parse().unwrap() }
}

fn field(value: FieldValue) -> Ticket {
    Ticket { fields: [("seats".to_owned(), value)].into(), ..Ticket::default() }
}

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

fn rita() -> Ticket {
    let person =
        |name: &str, email: &str| Some(Person { name: Some(name.to_owned()), email: Some(email.to_owned()) });
    Ticket {
        subject: "OUTAGE in Zürich".to_owned(),
        description: Some("All printers\nsmoke".to_owned()),
        requester: person("Rita", "Rita@Acme.com"),
        assignee: person("Anna", "anna@helpdesk.example"),
        group: Some("Support L2".to_owned()),
        organization: Some("Acme Corp".to_owned()),
        kind: Some("incident".to_owned()),
        channel: Some("email".to_owned()),
        priority: Some("urgent".to_owned()),
        tags: vec!["vip".to_owned(), "Printer".to_owned()],
        created: Some("2026-11-20T18:14:03Z".parse().unwrap()),
        ..Ticket::default()
    }
}

fn holds(condition: &str, ticket: &Ticket) -> bool {
    let condition = Condition::parse(condition).unwrap_or_else(|error| panic!("{condition}: {error}"));
    condition.holds(&key(), ticket).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(condition: &str) -> String {
    Condition::parse(condition).map(|_| ()).expect_err(condition).to_string()
}

fn rendered(title: &str, ticket: &Ticket) -> String {
    let pieces = super::title(title).unwrap_or_else(|error| panic!("{title}: {error}"));
    render(&pieces, Subject { key: &key(), ticket }).unwrap()
}

/// Before, `>` was true for a ticket without the field and for any text.
#[test]
fn what_is_missing_is_neither_more_nor_less() {
    for operator in ["<", "<=", ">", ">="] {
        for condition in
            [format!("ticket.fields.seats {operator} 10"), format!("10 {operator} ticket.fields.seats")]
        {
            assert!(!holds(&condition, &Ticket::default()), "{condition}");
            assert!(!holds(&condition, &field(text(" "))), "{condition}");
        }
        assert!(!holds(&format!("ticket.created {operator} '2026-01-01'"), &Ticket::default()));
        assert!(!holds(&format!("ticket.fields.seats {operator} ticket.fields.other"), &Ticket::default()));
    }
    assert!(!holds("ticket.fields.seats | default(0) > 10", &Ticket::default()));
    assert!(holds("ticket.fields.seats | default(11) > 10", &Ticket::default()));
    assert!(holds("ticket.fields.seats == none and ticket.fields.seats == ''", &Ticket::default()));
    assert!(holds("ticket.fields.seats is not defined", &Ticket::default()));
}

#[test]
fn numbers_compare_as_numbers_also_when_they_come_as_text() {
    for (value, more) in [
        (FieldValue::Number(9), false),
        (FieldValue::Number(10), false),
        (FieldValue::Number(12), true),
        (text("9"), false),
        (text(" 12 "), true),
        (text("10.5"), true),
        (text("9.99"), false),
        (text("-12"), false),
    ] {
        let ticket = field(value);
        assert_eq!(holds("ticket.fields.seats > 10", &ticket), more, "{ticket:?}");
        assert_eq!(holds("10 < ticket.fields.seats", &ticket), more, "{ticket:?}");
        assert_eq!(holds("ticket.fields.seats > '10'", &ticket), more, "{ticket:?}");
        assert_eq!(holds("not ticket.fields.seats <= 10", &ticket), more, "{ticket:?}");
    }
    assert!(holds("ticket.fields.seats == 12", &field(text("12"))));
    assert!(holds("ticket.id == 4711", &Ticket::default()));
    assert!(holds("0 < ticket.fields.seats < 20", &field(text("12"))));
    assert!(holds("ticket.fields.seats + 1 == 13", &field(text("12"))));
}

#[test]
fn a_text_against_a_number_is_an_error_that_says_what_to_do() {
    for operator in ["<", "<=", ">", ">="] {
        let condition = Condition::parse(&format!("ticket.fields.seats {operator} 10")).unwrap();
        let error = condition.holds(&key(), &field(text("EU"))).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "ticket.fields.seats {operator} 10 can't be decided: ticket.fields.seats is the text “EU”, 10 is the number \
                 10; compare it with a text, or write ticket.fields.seats | int(0) to count every text as 0"
            )
        );
    }
    for odd in [FieldValue::Bool(true), FieldValue::List(vec!["a".to_owned()])] {
        assert!(Condition::parse("ticket.fields.seats > 10").unwrap().holds(&key(), &field(odd)).is_err());
    }
    for odd in ["inf", "nan", "1e999", "0x10"] {
        assert!(
            Condition::parse("ticket.fields.seats > 10").unwrap().holds(&key(), &field(text(odd))).is_err()
        );
    }
    assert!(!holds("ticket.fields.seats | int(0) > 10", &field(text("EU"))));
    assert!(!holds("ticket.fields.seats > 'EV'", &field(text("EU"))), "two texts go by the alphabet");
}

#[test]
fn every_part_of_a_ticket_can_be_asked_for() {
    for condition in [
        "ticket.requester.email == 'rita@acme.com'",
        "ticket.requester.domain == 'acme.com'",
        "ticket.requester.domain in ['acme.com', 'acme.de']",
        "ticket.assignee.name == 'Anna'",
        "ticket.organization == 'Acme Corp'",
        "ticket.organization.starts_with('acme')",
        "ticket.type == 'incident' and ticket.channel == 'email'",
        "ticket.brand == none and ticket.form is not defined",
        "ticket.subject.contains('outage')",
        "ticket.subject.contains('down', 'zürich')",
        "ticket.description.contains('SMOKE')",
        "ticket.tags.contains('printer')",
        "'vip' in ticket.tags and 'printer' not in ticket.tags",
        "ticket.tags | length == 2",
        "ticket.created >= '2026-11-20' and ticket.created <= '2026-11-20'",
        "ticket.created > '2026-11-20T18:00:00Z'",
        "ticket.created == '2026-11-20' and ticket.created != '2026-11-21'",
        "ticket.created.weekday == 'friday' and ticket.created.hour >= 18",
        "ticket.created.year == 2026 and ticket.created.month in [10, 11]",
        "ticket.subject is containing('Outage')",
        "'OUTAGE' in ticket.subject and 'outage' not in ticket.subject",
        "ticket.assignee.name or ticket.group",
        "true",
    ] {
        assert!(holds(condition, &rita()), "{condition}");
    }
    for condition in
        ["ticket.subject.contains('outage')", "ticket.tags.contains('a')", "ticket.group in ticket.subject"]
    {
        assert!(!holds(condition, &Ticket::default()), "{condition}");
    }
}

#[test]
fn titles_show_what_the_ticket_has() {
    for (title, expected) in [
        ("{{ ticket.key }} {{ ticket.subject | lower }}", "4711 outage in zürich"),
        ("{{ ticket.organization }}, {{ ticket.created }}", "Acme Corp, 2026-11-20"),
        ("{{ ticket.created | date('%d.%m.%Y') }}", "20.11.2026"),
        ("{{ ticket.brand or 'no brand' }}{{ ticket.brand }}", "no brand"),
        ("{% if ticket.priority == 'urgent' %}! {% else %}- {% endif %}{{ ticket.subject[:6] }}", "! OUTAGE"),
        ("{{ ticket.tags | join(' ') }} {{ ticket.tags[0] }}", "vip Printer vip"),
        ("{{ ticket.group | replace('Support ', '') | truncate(40) }}", "L2"),
        ("{{ 'a' ~ ticket.id + 'b' }}", "a4711b"),
        ("{{ '{ticket.subject}' }}", "{ticket.subject}"),
    ] {
        assert_eq!(rendered(title, &rita()), expected, "{title}");
    }
}

/// `{{ 'x' | indent(1000000000) }}` took 2.9 GB.
#[test]
fn nothing_can_take_memory_without_bound() {
    for source in [
        "'x' | indent(1000000000)",
        "'x' * 1000000000",
        "ticket.subject * 1000000000",
        "['x'] * 1000000000",
        "range(1000000000)",
        "'x' | center(1000000000)",
        "'%1000000000d' | format(1)",
        "ticket.created | date('%999999999d')",
        "ticket.created | date('%-999999999d')",
        "ticket.created | date('%.999999999f')",
        "2 ** 1000000000",
        "lipsum(1000)",
        "dict(a=1)",
        "ticket.subject | batch(3)",
        "namespace()",
    ] {
        assert!(super::title(&format!("{{{{ {source} }}}}")).is_err(), "{source}");
        assert!(super::condition(&format!("({source}) == 'y'")).is_err(), "{source}");
    }
    assert!(super::title("{% for a in ticket.tags %}{{ a }}{% endfor %}").is_err());
    assert!(super::title("{% set a = ticket.subject %}{{ a }}").is_err());

    let large = Ticket {
        description: Some("ab".repeat(40_000)),
        tags: vec!["t".repeat(9000); 200],
        ..Ticket::default()
    };
    for source in [
        format!("ticket.description | replace('a', '{}')", "b".repeat(100)),
        "ticket.description | replace('a', ticket.description)".to_owned(),
        format!("ticket.description{}", " ~ ticket.description".repeat(10)),
        "ticket.tags | join(ticket.description)".to_owned(),
    ] {
        let condition = Condition::parse(&format!("({source}) == 'y'")).unwrap();
        let error = condition.holds(&key(), &large).unwrap_err().to_string();
        assert!(error.ends_with("makes a text of more than 256 KiB"), "{error}");
        let title = super::title(&format!("{{{{ {source} }}}}")).unwrap();
        assert!(render(&title, Subject { key: &key(), ticket: &large }).is_err());
    }
    assert!(holds("ticket.description | lower | length == 65536", &large), "a long text is read so far");
    let title = TitleTemplate::parse(&"{{ ticket.description }}".repeat(40)).unwrap();
    let template = crate::template::Template {
        name: "t".to_owned(),
        title,
        room_type: crate::room::RoomType::Custom,
        folders: crate::template::FolderTree::default(),
        access: vec![],
        link: crate::room::LinkKind::Member,
        archive_after: None,
        follow: crate::template::Follow::ALL,
        remove_former: true,
        notify: None,
    };
    assert_eq!(template.room_title(&key(), &large), "Ticket #4711 –", "a plain title beats none");
}

#[test]
fn a_filter_that_is_not_there_is_answered_with_those_that_are() {
    assert_eq!(
        refused("ticket.subject | lowr == 'a'"),
        "there is no filter “lowr”; did you mean “lower”? (the filters are default, lower, upper, title, capitalize, trim, \
         replace, truncate, first, last, join, length, int, float, round, abs, date, string)"
    );
    assert!(refused("ticket.subject | indent(3) == 'a'").starts_with("there is no filter “indent”; "));
    assert!(refused("ticket.subject | replace('a') == 'a'").contains("takes 2 in parentheses, not 1"));
}

#[test]
fn mistakes_are_said_with_what_was_meant() {
    for (condition, expected) in [
        (
            "ticket.priority == 'urgent' or 'high'",
            "'high' is a text, not a condition: it is the same for every ticket; did you mean ticket.priority == 'high'?",
        ),
        (
            "'urgent' or 'high'",
            "'urgent' is a text, not a condition: it is the same for every ticket; compare it with something, such as \
             ticket.priority == 'urgent'",
        ),
        ("not 'urgent'", "'urgent' is a text, not a condition"),
        ("'ticket.subject'", "a name stands without quotes: ticket.subject"),
        ("ticket.priority in ['high'] or ['urgent']", "did you mean ticket.priority in ['urgent']?"),
        (
            "ticket.priority == 'Urgent'",
            "ticket.priority == 'Urgent': this can never be so: ticket.priority is always in lower case: 'urgent'",
        ),
        ("ticket.priority != 'Urgent'", "always in lower case: 'urgent'"),
        ("ticket.priority in ['urgent', 'High']", "always in lower case: 'high'"),
        (
            "ticket.priority == ('urgent' or 'high')",
            "'urgent' is the same for every ticket; a list is written",
        ),
        ("ticket.priority == ['urgent', 'high']", "is no list; write ticket.priority in ['urgent', 'high']"),
        ("ticket.priority in 'urgent, high'", "write a list: ticket.priority in ['urgent', 'high']"),
        ("ticket.priority >= 'high'", "ticket.priority has no order; name the values"),
        ("ticket.priority == 4", "ticket.priority is a text, never a number"),
        ("ticket.priority == true", "is a text; write ticket.priority is defined"),
        ("ticket.status == 'resolved'", "did you mean 'solved'?"),
        ("ticket.status == 'opne'", "did you mean 'open'?"),
        ("ticket.tags == 'vip'", "ticket.tags is a list; write 'vip' in ticket.tags"),
        ("['a', 'b'] in ticket.tags", "write 'a' in ticket.tags or 'b' in ticket.tags"),
        ("ticket.tags > 3", "ticket.tags is neither a number nor a text"),
        ("ticket.subject > 10", "a text, which is neither more nor less than a number"),
        ("ticket.created > 10", "compare it with a date such as '2026-11-20'"),
        ("ticket.created == 'yesterday'", "compare it with a date such as '2026-11-20'"),
        ("ticket.created.hour >= 'six'", "ticket.created.hour is a number, and 'six' is not"),
        ("ticket.created.weekday == 'Sunday'", "always in lower case: 'sunday'"),
        ("ticket.created.weekday == 'sonday'", "did you mean 'sunday'?"),
        ("ticket.requester.domain == '@acme.com'", "what stands after the @: 'acme.com'"),
        ("ticket.requester.email == 'acme.com'", "write ticket.requester.domain == 'acme.com'"),
        ("'urgent' == 'urgent'", "both sides are the same for every ticket"),
        ("'ticket.priority' == 'urgent'", "a name stands without quotes: ticket.priority"),
        ("ticket.fields.seats > none", "write ticket.fields.seats is defined"),
        ("ticket.priority in []", "nothing is in an empty list"),
        ("ticket.subject.contains('')", "'' is in no text"),
        ("ticket.created.contains('2026')", "only texts and lists contain something"),
        ("ticket.subject | lower == 'VPN'", "is in lower case: 'vpn'"),
        ("ticket.subject | date == 'x'", "the filter “date” needs a time"),
        ("ticket.tags | lower == 'x'", "join"),
        // Names.
        ("ticket.priorty == 'a'", "ticket has no “priorty”; did you mean ticket.priority?"),
        ("ticket.title == 'a'", "did you mean ticket.subject?"),
        ("ticket.Company == 'a'", "did you mean ticket.organization?"),
        ("ticket.requester.mail == 'a'", "did you mean ticket.requester.email?"),
        (
            "ticket.requester == 'a@b.c'",
            "is no value by itself; write one of ticket.requester.domain, ticket.requester.email",
        ),
        ("ticket.group.name == 'a'", "ticket.group has no parts, and so no “name”"),
        ("ticket.fields == 'a'", "needs the name of a field"),
        ("ticket.fields.a.b == 'a'", "the custom field ticket.fields.a has no parts"),
        ("priority == 'urgent'", "did you mean ticket.priority?"),
        ("ticket.priority == urgent", "a text needs quotes: 'urgent'"),
        // Syntax of other languages.
        ("ticket.priority == 'a' && ticket.group == 'b'", "write “and” instead of “&&”"),
        ("ticket.priority == 'a' || ticket.group == 'b'", "write “or” instead of “||”"),
        ("ticket.priority = 'urgent'", "write “==” to compare"),
        ("!ticket.group", "write “not” instead of “!”"),
        ("ticket.priority <> 'a'", "write “!=” instead of “<>”"),
        ("ticket.group === 'a'", "write “==” instead of “===”"),
        ("ticket.group == 'a' AND ticket.key == 'b'", "write “and” in lower case"),
        ("ticket.subject contains 'a'", "write ticket.subject.contains('…') instead of “contains”"),
        ("ticket.subject startswith 'a'", "write ticket.subject.starts_with('…')"),
        ("contains(ticket.subject, 'a')", "ticket.subject.contains('…')"),
        ("ticket.subject.includes('a')", "did you mean .contains('…')?"),
        ("ticket.subject.lower() == 'a'", "as a filter it is written … | lower"),
        ("lower(ticket.subject) == 'a'", "write ticket.subject | lower"),
        ("{{ ticket.priority }} == 'a'", "a condition needs no {{ }}"),
        ("ticket.group == “a”", "straight quotes"),
        ("ticket.group == 'a", "is not closed"),
    ] {
        let said = refused(condition);
        assert!(said.contains(expected), "about {condition}:\n  {said}\n  lacks {expected}");
    }
}

#[test]
fn what_looks_like_a_value_in_a_title_is_no_plain_text() {
    for (title, expected) in [
        ("Ticket {ticket.subject}", "write {{ ticket.subject }} with two braces on each side"),
        ("Ticket ${ticket.key}", "write {{ ticket.key }}"),
        ("Ticket %ticket.id%", "write {{ ticket.id }}"),
        ("Ticket {subject}", "write {{ ticket.subject }}"),
        ("Ticket {{ticket.subject}", "unexpected"),
        ("Ticket {{ ticket.subject", "each {{ needs its }}"),
        ("Ticket ticket.subject }}", "write {{ ticket.subject }}"),
        ("Ticket }}", "has no “{{” before it"),
        ("{% ticket.subject %}", "a value stands in double braces"),
        ("{{ ticket.title }}", "did you mean ticket.subject?"),
        ("{{ ticket }}", "is no value by itself"),
        ("{{ ticket.requester }}", "write one of ticket.requester.domain"),
        ("{{ ticket.fields }}", "needs the name of a field"),
        ("{% if 'urgent' %}!{% endif %}", "is a text, not a condition"),
        ("{% if ticket.priority == 'Urgent' %}!{% endif %}", "always in lower case"),
    ] {
        let said = super::title(title).map(|_| ()).expect_err(title).to_string();
        assert!(said.contains(expected), "about {title}:\n  {said}\n  lacks {expected}");
    }
    for title in ["Ticket {{ ticket.subject }} {a}", "100 % of {x, y}", "the ticket. Subject", "JSON {}"] {
        assert!(super::title(title).is_ok(), "{title}");
    }
}

#[test]
fn what_no_configured_helpdesk_has_is_a_warning() {
    let zendesk = Desks { names: vec!["zendesk".to_owned()], zendesk: true, ..Desks::default() };
    let all = Desks { freshdesk: true, jira: true, generic: true, ..zendesk.clone() };
    let warned =
        |condition: &str, desks: &Desks| Condition::parse(condition).unwrap().warnings(desks).join("; ");
    for (condition, expected) in [
        ("ticket.priority == 'critical'", "it is one of high, low, normal, urgent"),
        ("ticket.priority in ['urgnt']", "did you mean 'urgent'?"),
        ("'Outage' in ticket.tags", "'outage' in ticket.tags"),
        ("ticket.fields.region == 'EU'", "in Zendesk by its number, ticket.fields['360012345']"),
        ("ticket.type == 'bug'", "it is one of incident, problem, question, task"),
    ] {
        assert!(
            warned(condition, &zendesk).contains(expected),
            "{condition}: {}",
            warned(condition, &zendesk)
        );
        assert_eq!(warned(condition, &all), "", "{condition}");
    }
    assert!(warned("ticket.helpdesk == 'zendesc'", &all).contains("did you mean 'zendesk'?"));
    assert_eq!(warned("ticket.fields['360012345'] == 7 and ticket.priority == 'low'", &zendesk), "");
}

/// Whatever somebody writes: an answer, and no panic.
#[test]
fn odd_sources_are_answered() {
    let pieces = [
        "ticket",
        ".",
        "subject",
        "fields",
        "['x']",
        "[0]",
        "[1:2]",
        "(",
        ")",
        "|",
        "int",
        "default(0)",
        "==",
        "<",
        "in",
        "not",
        "and",
        "if",
        "else",
        "'",
        "\"",
        "1",
        "1.5",
        "9999999999999999999",
        "-",
        "*",
        "~",
        "%",
        "{{",
        "}}",
        "{%",
        "%}",
        "é",
        "\u{0}",
        "none",
        "true",
        "[]",
        ",",
        " ",
        " ",
    ];
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let source: String = (0..rng.usize(1..12)).map(|_| pieces[rng.usize(..pieces.len())]).collect();
        if let Ok(expr) = super::condition(&source) {
            let _ = expr.holds(Subject { key: &key(), ticket: &rita() });
        }
        if let Ok(title) = super::title(&source) {
            let _ = render(&title, Subject { key: &key(), ticket: &rita() });
        }
    }
    let deep = [
        format!("{}1{}", "(".repeat(499), ")".repeat(499)),
        format!("{}true", "not ".repeat(240)),
        "-".repeat(999),
    ];
    let doubling = (0..60).fold("1".to_owned(), |inner, _| format!("1 < ({inner}) < 1"));
    assert!(super::condition(&doubling).is_err());
    for source in deep.into_iter().chain([format!("true{}", " or true".repeat(120)), "[".repeat(1000)]) {
        if let Ok(expr) = super::condition(&source) {
            let _ = expr.holds(Subject { key: &key(), ticket: &rita() });
        }
    }
}

/// minijinja 3.1.0 takes a character that it doesn't know for the end of the source if a text or
/// number stands before it: `ticket.priority == 'a' && ticket.group == 'b'` was `ticket.priority ==
/// 'a'`.
#[test]
fn nothing_behind_an_odd_character_is_left_out() {
    for odd in ["&&", "&", "||", "!", "$", "§", "\u{a0}", "?", ";", "\\", "`", "@", "^"] {
        for before in
            ["ticket.key == 'a'", "ticket.key == 1", "ticket.key", "true", "(true)", "ticket.key in ['a']"]
        {
            let source = format!("{before} {odd} ticket.nonsense");
            assert!(super::condition(&source).is_err(), "{source}");
            assert!(super::title(&format!("{{{{ {source} }}}}")).is_err(), "{source}");
            assert!(super::title(&format!("{{% if {source} %}}a{{% endif %}}")).is_err(), "{source}");
        }
    }
}
