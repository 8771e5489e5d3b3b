//! What is said about wrong configurations: each fragment below has one mistake. The snapshots have
//! the fragments with numbered lines, and everything that is said about each.

use super::*;
use crate::printable::fit;

/// Columns of a fragment's line in a snapshot; some fragments are wrong by their length.
const WIDTH: usize = 100;

/// The first lines of all messages about a fragment.
pub(super) fn complaints(fragment: &str) -> Vec<String> {
    let first_line = |problem: &Problem| problem.to_string().lines().next().unwrap().to_owned();
    about(fragment).problems().iter().map(first_line).collect()
}

fn about(fragment: &str) -> ConfigError {
    Config::from_text(&complete(fragment), "t.toml", &example_env())
        .expect_err(&format!("no mistake was found in {fragment}"))
}

/// Compares a file of `snapshots` with what is said about each fragment.
#[track_caller]
fn check(topic: &str, fragments: &[Vec<String>]) {
    let mut said = String::new();
    for fragment in fragments.iter().flatten() {
        let error = about(fragment);
        assert_eq!(error.problems().len(), 1, "one mistake is one message, not\n{error}\nabout\n{fragment}");
        for (number, line) in (1..).zip(fragment.lines()) {
            said += fit(&format!("{number:>3} │ {line}"), WIDTH).trim_end();
            said.push('\n');
        }
        said += &format!("{error}\n\n");
    }
    insta::assert_snapshot!(topic, said);
}

/// One fragment for each of the texts, below the same lines.
fn each(lines: &str, texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| format!("{lines}\n{text}")).collect()
}

#[test]
fn syntax() {
    let deep = format!("a = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    let server = each("[server]", &["listen = localhost", "listen = 127.0.0.1:3000", "[server]"]);
    check("syntax", &[server, each("[admin]\n", &["token \"x\""]), vec![deep]]);
}

#[test]
fn keys_and_types() {
    let whole = ["[sever]", "server = 3", "rule = [3]"].map(str::to_owned);
    check(
        "keys_and_types",
        &[
            whole.to_vec(),
            each("[server]", &["lissten = \"127.0.0.1:1\"", "listen = 3000"]),
            each("[admin]", &["token = { enw = \"X\", env = \"GENERIC_SECRET\" }"]),
            each("[rule]", &["when = \"true\"\nskip = true"]),
        ],
    );
}

#[test]
fn server() {
    let server = [
        r#"listen = ":3000""#,
        r#"listen = "0.0.0.0:3000""#,
        "listen = \"0.0.0.0:3000\"\n[admin]\ntoken = \"fifteen-letters\"",
        "max_body = \"8MiB\"\n[server.limits]\nbodies_in_flight = \"7MiB\"",
        r#"public_url = "rooms.example.com""#,
        r#"public_url = "https://""#,
        r#"max_body = "1MB""#,
        r#"max_body = "65MiB""#,
        "max_body = 99999999999999999999999",
    ];
    let limits = ["connections = 0", r#"bodies_in_flight = "1KiB""#, "conections = 5"];
    check("server", &[each("[server]", &server), each("[server.limits]", &limits)]);
}

#[test]
fn secrets() {
    let tokens = [
        r#"token = """#,
        "token = true",
        "token = {}",
        r#"token = { env = "MISSING" }"#,
        r#"token = { env = "GENERIC_SECRET", file = "/x" }"#,
        r#"token = { file = "/no/such/file" }"#,
        r#"token = ["x"]"#,
    ];
    check("secrets", &[each("[admin]", &tokens)]);
}

#[test]
fn store() {
    let urls = [
        r#"url = "postgres://host/db""#,
        r#"url = "postgres://me@/db""#,
        r#"url = "postgres://me@host""#,
        r#"url = "postgres://me@host:port/db""#,
        r#"url = "postgres://me:p@ss@host/db""#,
        r#"url = "postgres://me:p@s/s@host/db""#,
        r#"url = "postgres://me@host/db?sslmode=maybe""#,
        "url = \"postgres://me@host/db\"\nlease = \"1ms\"",
        "url = \"postgres://me@host/db\"\nconnections = 0",
        "url = \"sqlite:a.db\"\nlease = \"30s\"",
        r#"url = "sqlite::memory:""#,
        r#"url = "sqlite:""#,
        r#"url = "sqlite:a?mode=ro""#,
        r#"url = "ticketroom.db""#,
        r#"url = "mysql:x""#,
    ];
    check("store", &[each("[store]", &urls)]);
}

#[test]
fn docspace() {
    let url = "url = \"https://d.example\"";
    let key = "api_key = { env = \"DOCSPACE_API_KEY\" }";
    let lines = [
        r#"timeout = "soon""#,
        r#"timeout = "0s""#,
        "settle = 45",
        r#"settle = "2h""#,
        "concurrent_writes = 0",
        "writes_per_day = -1",
        "requests_per_minute = 1.5",
        r#"folder_skeleton = "no""#,
    ];
    let urls = [
        "",
        r#"url = "ftp://d.example""#,
        r#"url = "https://me@d.example""#,
        r#"url = "https://d.example/#a""#,
        r#"url = "https://d.example?a=b""#,
    ];
    let keys = [r#"api_key = "Bearer sk""#, r#"api_key = "sk ""#];
    check(
        "docspace",
        &[
            each(&format!("[docspace]\n{url}\n{key}"), &lines),
            each(&format!("[docspace]\n{key}"), &urls),
            each(&format!("[docspace]\n{url}"), &keys),
        ],
    );
}

#[test]
fn helpdesks() {
    let generic = "name = \"g\"\nkind = \"generic\"";
    let of_any_kind = [
        r#"name = "g""#,
        "kind = \"generic\"\nallow_unsigned = true",
        "name = \"My Desk\"\nkind = \"generic\"\nallow_unsigned = true",
        "name = \"docspace\"\nkind = \"generic\"\nallow_unsigned = true",
        "name = \"g\"\nkind = \"zendesc\"",
        &format!("{generic}\nallow_unsigned = true\n[[helpdesk]]\n{generic}\nallow_unsigned = true"),
    ];
    let lines = [
        "",
        "allow_unsigned = true\nwebhook_secret = { env = \"GENERIC_SECRET\" }",
        "webhook_secret = []",
        r#"webhook_secret = [{ env = "GENERIC_SECRET" }, ""]"#,
        "allow_unsigned = true\ncallback_url = \"intranet\"",
        "allow_unsigned = true\nclient_id = \"x\"",
    ];
    check(
        "helpdesks",
        &[
            vec!["helpdesk = []".to_owned()],
            each("[helpdesk]", &["name = \"g\""]),
            each("[[helpdesk]]", &of_any_kind),
            each(&format!("[[helpdesk]]\n{generic}"), &lines),
        ],
    );
}

#[test]
fn zendesk() {
    let url = "url = \"https://acme.zendesk.com\"";
    let secret = "webhook_secret = { env = \"ZENDESK_WEBHOOK_SECRET\" }";
    let id = "client_id = \"c\"";
    let client_secret = "client_secret = { env = \"ZENDESK_CLIENT_SECRET\" }";
    let email = "email = \"b@acme.com\"";
    let token = "api_token = { env = \"ZENDESK_API_TOKEN\" }";
    let test_secret = "webhook_secret = \"dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==\"";
    let with_path = "url = \"https://acme.zendesk.com/agent\"";
    let fragments = [
        [secret, id, client_secret].as_slice(),
        &[url, id, client_secret],
        &[url, id, client_secret, test_secret],
        &[with_path, secret, id, client_secret],
        &[url, secret],
        &[url, secret, id, client_secret, email, token],
        &[url, secret, id],
        &[url, secret, client_secret],
        &[url, secret, email],
        &[url, secret, token],
        &[url, secret, "email = \"bot\"", token],
        &[url, secret, id, client_secret, "room_url_field = \"360012345\""],
        &[url, secret, id, client_secret, "room_url_field = 0"],
        &[url, secret, id, client_secret, "signature_window = \"0s\""],
    ]
    .map(|lines| format!("[[helpdesk]]\nname = \"z\"\nkind = \"zendesk\"\n{}", lines.join("\n")));
    check("zendesk", &[fragments.to_vec()]);
}

#[test]
fn freshdesk_and_jira() {
    let freshdesk = "[[helpdesk]]\nname = \"f\"\nkind = \"freshdesk\"\nurl = \"https://acme.freshdesk.com\"\n\
        webhook_secret = { env = \"GENERIC_SECRET\" }";
    let with_key = format!("{freshdesk}\napi_key = {{ env = \"GENERIC_SECRET\" }}");
    let jira = "[[helpdesk]]\nname = \"j\"\nkind = \"jira\"\nurl = \"https://acme.atlassian.net\"\n\
        webhook_secret = { env = \"GENERIC_SECRET\" }\napi_token = { env = \"GENERIC_SECRET\" }";
    let with_email = format!("{jira}\nemail = \"bot@acme.com\"");
    check(
        "freshdesk_and_jira",
        &[
            each(freshdesk, &[""]),
            each(&with_key, &["room_url_field = \"DocSpace room\"", "groups = []"]),
            each(jira, &[""]),
            each(&with_email, &["projects = [\"SUP\", \"Customer Support\"]", "deployment = \"server\""]),
        ],
    );
}

#[test]
fn rules() {
    let when = "[[rule]]\nwhen = \"ticket.id == '1'\"";
    let actions = [
        "",
        "skip = true\ntemplate = \"default\"",
        "skip = false",
        r#"template = "defualt""#,
        "template = \"a\"\n[template.a]\nlink = \"x\"  # A wrong template is not also a missing one.",
    ];
    let conditions = [
        "",
        r#"when = "ticket.priorty == 'urgent'""#,
        r#"when = "ticket.id = '1'""#,
        &format!("when = \"{}\"", "a".repeat(1001)),
    ];
    check("rules", &[each(when, &actions), each("[[rule]]\nskip = true", &conditions)]);
}

#[test]
fn templates() {
    let lines = [
        r#"title = "{{ ticket.subjet }}""#,
        r#"title = "Ticket {ticket.subject}""#,
        r#"title = " ""#,
        r#"room_type = "colaboration""#,
        r#"link = "external""#,
        r#"archive_after = "3 parsecs""#,
        r#"archive_after = "1000years""#,
    ];
    check("templates", &[each("[template]", &["title = \"x\""]), each("[template.a]", &lines)]);
}

#[test]
fn folders() {
    let lists = [
        r#"folders = "Logs""#,
        "folders = [\n\"Logs\",\n3]",
        r#"folders = ["Logs//x"]"#,
        &format!("folders = [\"{}\"]", "a/".repeat(99_999)),
        &format!("folders = [{}]", "\"a\",".repeat(9_999)),
        r#"folders = ["Logs {{ ticket.id }}"]"#,
        r#"folders = ["Logs", "logs"]"#,
        r#"folders = ["Logs/Server", "LOGS/Client"]"#,
        r#"folders = ["Prüfung", "Prufung"]"#,
        r#"folders = ["Logs/Müller", "Logs/MULLER"]"#,
    ];
    check("folders", &[each("[template.a]", &lists)]);
}

#[test]
fn access() {
    let lists = [
        r#"access = [{ role = "editor" }]"#,
        r#"access = [{ group = "Support" }]"#,
        r#"access = [{ group = "Support", assignee = true, role = "editor" }]"#,
        r#"access = [{ assignee = false, role = "editor" }]"#,
        r#"access = [{ user = "anna", role = "editor" }]"#,
        r#"access = [{ assignee = true, role = "admin" }]"#,
        r#"access = [{ group = "S", role = "manager" }]"#,
        r#"access = [{ ticket_group = true, role = "manager" }]"#,
        "room_type = \"public\"\naccess = [{ assignee = true, role = \"editor\" }]",
    ];
    check("access", &[each("[template.a]", &lists)]);
}

#[test]
fn inherited() {
    let fragments = [
        "access = [{ assignee = true, role = \"editor\" }]\n[template.open]\nroom_type = \"public\"",
        "room_type = \"custom\"\nlink = \"external\"\n[template.vip]\nroom_type = \"collaboration\"",
        "link = \"x\"  # What is wrong with the default is not said once more of every template.\n\
         [template.vip]\ntitle = \"a\"",
    ];
    check("inherited", &[each("[template.default]", &fragments)]);
}

#[test]
fn everything_is_said_in_one_go() {
    let text = r#"[server]
lissten = "127.0.0.1:1"
max_body = 1

[docspace]
url = "d.example"

[[rule]]
when = "1 +"
template = "urgnt"

[template.urgent]
access = [{ group = "Support", role = "comenter" }]
"#;
    let error = Config::from_text(text, "my/t.toml", &env(&[])).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    my/t.toml: no helpdesk is configured
        help: add a [[helpdesk]] section as in ticketroom.example.toml
    my/t.toml:2: [server] has an unknown key “lissten”
        help: did you mean “listen”?
    my/t.toml:3: “max_body” is out of range
        help: it can be 1KiB to 64MiB
    my/t.toml:5: [docspace] has no “api_key”
        help: add api_key = { env = "DOCSPACE_API_KEY" }, or set DOCSPACE_API_KEY
    my/t.toml:6: “url” has no https:// in front
        help: write it in full, such as "https://example.com"
    my/t.toml:9: “when” is wrong: syntax error: unexpected end of input, expected expression
        help: docs/rules.md says what a condition can say, with examples
    my/t.toml:10: there is no template “urgnt”
        help: did you mean “urgent”?
    my/t.toml:13: “comenter” is not a role
        help: did you mean “commenter”?
    "#);
    let column = |line| error.problems().iter().find(|problem| problem.line == Some(line)).unwrap().column;
    assert_eq!((column(2), column(6), column(13)), (Some(1), Some(7), Some(39)));
    insta::assert_snapshot!(Config::from_text("", "t.toml", &env(&[])).unwrap_err(), @r#"
    t.toml: [docspace] has no “url”
        help: add url = "https://yourportal.onlyoffice.com", or set DOCSPACE_URL
    t.toml: [docspace] has no “api_key”
        help: add api_key = { env = "DOCSPACE_API_KEY" }, or set DOCSPACE_API_KEY
    t.toml: no helpdesk is configured
        help: add a [[helpdesk]] section as in ticketroom.example.toml
    "#);
}

#[test]
fn environment() {
    let url = ("DOCSPACE_URL", "https://d.example");
    let key = ("DOCSPACE_API_KEY", "key");
    let listen = ("TICKETROOM_LISTEN", "0.0.0.0:3000");
    let mut said = String::new();
    for variables in [
        [].as_slice(),
        &[url],
        &[key],
        &[("DOCSPACE_URL", "d.example"), key],
        &[url, key, listen, ("TICKETROOM_STORE", "x")],
        &[url, key, listen, ("TICKETROOM_ADMIN_TOKEN", "fifteen-letters")],
    ] {
        for (name, value) in variables {
            said += &format!("  {name}={value}\n");
        }
        said += &format!("{}\n\n", Config::from_env(&env(variables)).unwrap_err());
    }
    insta::assert_snapshot!("environment", said);
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.toml");
    let message = || Config::load(Some(&path), &example_env()).unwrap_err().problems()[0].clone();
    assert_eq!(message().message, "can't be read: entity not found");
    std::fs::write(&path, b"# \n[server]\n# \xff\n").unwrap();
    assert_eq!((message().line, message().message.as_str()), (Some(3), "not UTF-8 text"));
    std::fs::write(&path, vec![b'#'; 2 * 1024 * 1024]).unwrap();
    assert_eq!(message().message, "larger than 1 MiB");
    std::fs::write(&path, format!("\u{feff}{}", complete("").replace('\n', "\r\n"))).unwrap();
    Config::load(Some(&path), &example_env()).unwrap_or_else(|error| panic!("{error}"));
}

/// Every input ends in an answer, and soon.
#[test]
fn hostile_files_end_in_messages() {
    let million = 1_000_000;
    for text in [
        "[".repeat(million),
        "a.".repeat(million / 2),
        "a = \"\"\"".to_owned(),
        "[[rule]]\n".repeat(million / 9),
        "a = [".to_owned() + &"{b=".repeat(million / 4),
        "\0".repeat(million),
        "=\n".repeat(million / 2),
        format!("[[rule]]\nskip = true\nwhen = \"{}1\"", "1+".repeat(499)),
        format!("[[rule]]\nskip = true\nwhen = \"{}\"", "(".repeat(999)),
        format!("[[rule]]\nskip = true\nwhen = \"{}\"", "not ".repeat(240)),
        format!("[template.default]\ntitle = \"{}{{{{ 1{} }}}}\"", "x", "+1".repeat(490)),
        format!("[template.default]\ntitle = \"{}\"", "{% if 1 %}".repeat(100)),
    ] {
        assert!(Config::from_text(&text, "t.toml", &env(&[])).is_err());
    }
}
