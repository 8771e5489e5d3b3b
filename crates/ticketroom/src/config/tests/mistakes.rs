//! What is said about wrong configurations: the first line of every message, and nothing else.

use super::*;

/// The first lines of all messages about a fragment.
pub(super) fn complaints(fragment: &str) -> Vec<String> {
    let error = Config::from_text(&complete(fragment), "t.toml", &example_env())
        .expect_err(&format!("no mistake was found in {fragment}"));
    first_lines(&error)
}

fn first_lines(error: &ConfigError) -> Vec<String> {
    error.problems().iter().map(|problem| problem.to_string().lines().next().unwrap().to_owned()).collect()
}

/// Each fragment has one mistake, and one message.
fn check(mistakes: &[(&str, &str)]) {
    for (fragment, expected) in mistakes {
        assert_eq!(complaints(fragment), [*expected], "about\n{fragment}");
    }
}

#[test]
fn syntax() {
    check(&[
        ("[server]\nlisten = localhost", "t.toml:2: not valid TOML: string values must be quoted"),
        ("[server]\nlisten = 127.0.0.1:3000", "t.toml:2: not valid TOML: invalid float"),
        ("[server]\n[server]", "t.toml:2: not valid TOML: duplicate key"),
        ("[admin]\n\ntoken \"x\"", "t.toml:3: not valid TOML: key with no value, expected `=`"),
    ]);
    let deep = format!("a = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(
        complaints(&deep),
        ["t.toml:1: not valid TOML: cannot recurse further; max recursion depth met"]
    );
}

#[test]
fn keys_and_types() {
    check(&[
        ("[server]\nlissten = \"127.0.0.1:1\"", "t.toml:2: [server] has an unknown key “lissten”"),
        ("[sever]", "t.toml:1: the file has an unknown key “sever”"),
        (
            "[admin]\ntoken = { enw = \"X\", env = \"GENERIC_SECRET\" }",
            "t.toml:2: “token” has an unknown key “enw”",
        ),
        ("server = 3", "t.toml:1: “server” must be a table, not an integer"),
        ("[server]\nlisten = 3000", "t.toml:2: “listen” must be a string, not an integer"),
        ("[rule]\nwhen = \"true\"\nskip = true", "t.toml:1: “rule” must be a list, not a table"),
        ("rule = [3]", "t.toml:1: an entry of “rule” must be a table, not an integer"),
    ]);
}

#[test]
fn server_admin_store() {
    check(&[
        ("[server]\nlisten = \":3000\"", "t.toml:2: “listen” is not an IP address with a port"),
        (
            "[server]\nlisten = \"0.0.0.0:3000\"",
            "t.toml:2: “listen” reaches beyond this machine, and there is no admin token",
        ),
        (
            "[server]\nlisten = \"0.0.0.0:3000\"\n[admin]\ntoken = \"fifteen-letters\"",
            "t.toml:2: “listen” reaches beyond this machine, and the admin token has fewer than 16 characters",
        ),
        ("[server.limits]\nconnections = 0", "t.toml:2: “connections” is out of range"),
        ("[server.limits]\nbodies_in_flight = \"1KiB\"", "t.toml:2: “bodies_in_flight” is out of range"),
        (
            "[server]\nmax_body = \"8MiB\"\n[server.limits]\nbodies_in_flight = \"7MiB\"",
            "t.toml:4: “bodies_in_flight” is less than one body may have",
        ),
        ("[server.limits]\nconections = 5", "t.toml:2: [server.limits] has an unknown key “conections”"),
        ("[server]\npublic_url = \"rooms.example.com\"", "t.toml:2: “public_url” has no https:// in front"),
        ("[server]\npublic_url = \"https://\"", "t.toml:2: “public_url” is not a web address: empty host"),
        ("[server]\nmax_body = \"1MB\"", "t.toml:2: “max_body” is not a size"),
        ("[server]\nmax_body = \"65MiB\"", "t.toml:2: “max_body” is out of range"),
        ("[server]\nmax_body = 99999999999999999999999", "t.toml:2: “max_body” is out of range"),
        ("[admin]\ntoken = \"\"", "t.toml:2: “token” is empty"),
        ("[admin]\ntoken = true", "t.toml:2: “token” must be a table, not a boolean"),
        ("[admin]\ntoken = {}", "t.toml:2: “token” has neither “env” nor “file”"),
        (
            "[admin]\ntoken = { env = \"MISSING\" }",
            "t.toml:2: “token” needs the environment variable MISSING, which is not set",
        ),
        (
            "[admin]\ntoken = { env = \"GENERIC_SECRET\", file = \"/x\" }",
            "t.toml:2: “token” has both “env” and “file”",
        ),
        (
            "[admin]\ntoken = { file = \"/no/such/file\" }",
            "t.toml:2: “token” can't be read from /no/such/file: entity not found",
        ),
        ("[admin]\ntoken = [\"x\"]", "t.toml:2: “token” must be one secret, not a list"),
        ("[store]\nurl = \"postgres://host/db\"", "t.toml:2: “url” names no user"),
        ("[store]\nurl = \"postgres://me@/db\"", "t.toml:2: “url” names no host"),
        ("[store]\nurl = \"postgres://me@host\"", "t.toml:2: “url” names no database"),
        (
            "[store]\nurl = \"postgres://me@host:port/db\"",
            "t.toml:2: “url” is not an address of a PostgreSQL database",
        ),
        ("[store]\nurl = \"postgres://me:p@ss@host/db\"", "t.toml:2: “url” has more than one “@”"),
        ("[store]\nurl = \"postgres://me:p@s/s@host/db\"", "t.toml:2: “url” has more than one “@”"),
        (
            "[store]\nurl = \"postgres://me@host/db?sslmode=maybe\"",
            "t.toml:2: “url” has an sslmode that is not known here, or that needs no sslrootcert",
        ),
        (
            "[store]\nurl = \"sqlite:a.db\"\nlease = \"30s\"",
            "t.toml:3: “lease” is for PostgreSQL, and the store is a file",
        ),
        ("[store]\nurl = \"postgres://me@host/db\"\nlease = \"1ms\"", "t.toml:3: “lease” is out of range"),
        (
            "[store]\nurl = \"postgres://me@host/db\"\nconnections = 0",
            "t.toml:3: “connections” is out of range",
        ),
        ("[store]\nurl = \"ticketroom.db\"", "t.toml:2: “url” does not say what kind of store it is"),
        (
            "[store]\nurl = \"sqlite::memory:\"",
            "t.toml:2: “url” is in memory, where a restart forgets every ticket",
        ),
        ("[store]\nurl = \"mysql:x\"", "t.toml:2: “url” is a kind of store that does not exist"),
        ("[store]\nurl = \"sqlite:\"", "t.toml:2: “url” names no file"),
        ("[store]\nurl = \"sqlite:a?mode=ro\"", "t.toml:2: “url” has options, which there are none of"),
    ]);
}

#[test]
fn docspace() {
    let with = |line: &str, expected: &str| {
        let fragment = format!(
            "[docspace]\nurl = \"https://d.example\"\napi_key = {{ env = \"DOCSPACE_API_KEY\" }}\n{line}"
        );
        assert_eq!(complaints(&fragment), [expected]);
    };
    with("timeout = \"soon\"", "t.toml:4: “timeout” is not a duration: expected number at 0");
    with("timeout = \"0s\"", "t.toml:4: “timeout” is out of range");
    with("settle = 45", "t.toml:4: “settle” must be a string, not an integer");
    with("settle = \"2h\"", "t.toml:4: “settle” is out of range");
    with("concurrent_writes = 0", "t.toml:4: “concurrent_writes” is out of range");
    with("writes_per_day = -1", "t.toml:4: “writes_per_day” is out of range");
    with(
        "requests_per_minute = 1.5",
        "t.toml:4: “requests_per_minute” must be an integer, not a number with a fraction",
    );
    with("folder_skeleton = \"no\"", "t.toml:4: “folder_skeleton” must be a boolean, not a string");

    let key = "api_key = { env = \"DOCSPACE_API_KEY\" }";
    check(&[
        (&format!("[docspace]\n{key}"), "t.toml:1: [docspace] has no “url”"),
        (
            &format!("[docspace]\nurl = \"ftp://d.example\"\n{key}"),
            "t.toml:2: “url” must begin with https:// or http://",
        ),
        (
            &format!("[docspace]\nurl = \"https://me@d.example\"\n{key}"),
            "t.toml:2: “url” has a user name or password in it",
        ),
        (
            &format!("[docspace]\nurl = \"https://d.example/#a\"\n{key}"),
            "t.toml:2: “url” has a fragment (“#…”)",
        ),
        (
            &format!("[docspace]\nurl = \"https://d.example?a=b\"\n{key}"),
            "t.toml:2: “url” has a query (“?…”)",
        ),
        (
            "[docspace]\nurl = \"https://d.example\"\napi_key = \"Bearer sk\"",
            "t.toml:3: “api_key” has characters that no key has",
        ),
        (
            "[docspace]\nurl = \"https://d.example\"\napi_key = \"sk \"",
            "t.toml:3: “api_key” has white space or a line break around or in it",
        ),
    ]);
}

#[test]
fn helpdesks() {
    let generic = "[[helpdesk]]\nname = \"g\"\nkind = \"generic\"\n";
    check(&[
        ("helpdesk = []", "t.toml: no helpdesk is configured"),
        ("[helpdesk]\nname = \"g\"", "t.toml:1: “helpdesk” must be a list, not a table"),
        ("[[helpdesk]]\nname = \"g\"", "t.toml:1: [[helpdesk]] has no “kind”"),
        ("[[helpdesk]]\nkind = \"generic\"\nallow_unsigned = true", "t.toml:1: [[helpdesk]] has no “name”"),
        (
            "[[helpdesk]]\nname = \"My Desk\"\nkind = \"generic\"\nallow_unsigned = true",
            "t.toml:2: “name” is wrong: a helpdesk's name has 1 to 40 of a-z, 0-9, - and _",
        ),
        (
            "[[helpdesk]]\nname = \"docspace\"\nkind = \"generic\"\nallow_unsigned = true",
            "t.toml:2: “name” is wrong: “docspace” is the name of DocSpace itself",
        ),
        (
            &format!("{generic}allow_unsigned = true\n{generic}allow_unsigned = true"),
            "t.toml:6: another helpdesk is named “g”",
        ),
        ("[[helpdesk]]\nname = \"g\"\nkind = \"zendesc\"", "t.toml:3: “zendesc” is no kind of helpdesk"),
        (generic, "t.toml:1: [[helpdesk]] has no “webhook_secret”"),
        (
            &format!("{generic}allow_unsigned = true\nwebhook_secret = {{ env = \"GENERIC_SECRET\" }}"),
            "t.toml:4: “allow_unsigned” contradicts webhook_secret",
        ),
        (&format!("{generic}webhook_secret = []"), "t.toml:4: “webhook_secret” is an empty list"),
        (
            &format!("{generic}webhook_secret = [{{ env = \"GENERIC_SECRET\" }}, \"\"]"),
            "t.toml:4: an entry of “webhook_secret” is empty",
        ),
        (
            &format!("{generic}allow_unsigned = true\ncallback_url = \"intranet\""),
            "t.toml:5: “callback_url” has no https:// in front",
        ),
        (
            &format!("{generic}allow_unsigned = true\nclient_id = \"x\""),
            "t.toml:5: [[helpdesk]] has an unknown key “client_id”",
        ),
    ]);
}

#[test]
fn zendesk() {
    let base = "[[helpdesk]]\nname = \"z\"\nkind = \"zendesk\"\n";
    let url = "url = \"https://acme.zendesk.com\"\n";
    let secret = "webhook_secret = { env = \"ZENDESK_WEBHOOK_SECRET\" }\n";
    let oauth = "client_id = \"c\"\nclient_secret = { env = \"ZENDESK_CLIENT_SECRET\" }\n";
    let token = "email = \"b@acme.com\"\napi_token = { env = \"ZENDESK_API_TOKEN\" }\n";
    check(&[
        (&format!("{base}{secret}{oauth}"), "t.toml:1: [[helpdesk]] has no “url”"),
        (&format!("{base}{url}{oauth}"), "t.toml:1: [[helpdesk]] has no “webhook_secret”"),
        (
            &format!("{base}{url}{oauth}webhook_secret = \"dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==\""),
            "t.toml:7: “webhook_secret” is Zendesk's public test secret, which everybody knows",
        ),
        (
            &format!("{base}url = \"https://acme.zendesk.com/agent\"\n{secret}{oauth}"),
            "t.toml:4: “url” has a path",
        ),
        (&format!("{base}{url}{secret}"), "t.toml:1: [[helpdesk]] has no way to sign in to Zendesk"),
        (
            &format!("{base}{url}{secret}{oauth}{token}"),
            "t.toml:8: “email” is a second way to sign in, beside client_id and client_secret",
        ),
        (&format!("{base}{url}{secret}client_id = \"c\""), "t.toml:1: [[helpdesk]] has no “client_secret”"),
        (
            &format!("{base}{url}{secret}client_secret = {{ env = \"ZENDESK_CLIENT_SECRET\" }}"),
            "t.toml:1: [[helpdesk]] has no “client_id”",
        ),
        (&format!("{base}{url}{secret}email = \"b@acme.com\""), "t.toml:1: [[helpdesk]] has no “api_token”"),
        (
            &format!("{base}{url}{secret}api_token = {{ env = \"ZENDESK_API_TOKEN\" }}"),
            "t.toml:1: [[helpdesk]] has no “email”",
        ),
        (
            &format!("{base}{url}{secret}email = \"bot\"\napi_token = {{ env = \"ZENDESK_API_TOKEN\" }}"),
            "t.toml:6: “email” is not an e-mail address",
        ),
        (
            &format!("{base}{url}{secret}{oauth}room_url_field = \"360012345\""),
            "t.toml:8: “room_url_field” must be an integer, not a string",
        ),
        (
            &format!("{base}{url}{secret}{oauth}room_url_field = 0"),
            "t.toml:8: “room_url_field” is out of range",
        ),
        (
            &format!("{base}{url}{secret}{oauth}signature_window = \"0s\""),
            "t.toml:8: “signature_window” is out of range",
        ),
    ]);
}

#[test]
fn rules() {
    let when = "[[rule]]\nwhen = \"ticket.id == '1'\"\n";
    check(&[
        ("[[rule]]\nskip = true", "t.toml:1: [[rule]] has no “when”"),
        (when, "t.toml:1: [[rule]] does not say what follows"),
        (&format!("{when}skip = true\ntemplate = \"default\""), "t.toml:3: “skip” contradicts “template”"),
        (&format!("{when}skip = false"), "t.toml:3: “skip” can only be true"),
        (&format!("{when}template = \"defualt\""), "t.toml:3: there is no template “defualt”"),
        (
            "[[rule]]\nskip = true\nwhen = \"ticket.priorty == 'urgent'\"",
            "t.toml:3: “when” is wrong: ticket has no “priorty”; did you mean ticket.priority?",
        ),
        (
            "[[rule]]\nskip = true\nwhen = \"ticket.id = '1'\"",
            "t.toml:3: “when” is wrong: syntax error: unexpected input after expression; “=” sets a value; write “==” to compare",
        ),
        (&format!("[[rule]]\nskip = true\nwhen = \"{}\"", "a".repeat(1001)), "t.toml:3: “when” is too long"),
        // A wrong template is not also a missing one.
        (
            &format!("{when}template = \"a\"\n[template.a]\nlink = \"x\""),
            "t.toml:5: “x” is not a kind of link",
        ),
    ]);
}

#[test]
fn templates() {
    let with = |lines: &str, expected: &str| {
        assert_eq!(complaints(&format!("[template.a]\n{lines}")), [expected], "about {lines}");
    };
    check(&[("[template]\ntitle = \"x\"", "t.toml:2: “title” must be a table, not a string")]);
    with(
        "title = \"{{ ticket.subjet }}\"",
        "t.toml:2: “title” is wrong: ticket has no “subjet”; did you mean ticket.subject?",
    );
    with("title = \" \"", "t.toml:2: “title” is empty");
    with("room_type = \"colaboration\"", "t.toml:2: “colaboration” is not a room type");
    with("folders = \"Logs\"", "t.toml:2: “folders” must be a list, not a string");
    with("folders = [\n\"Logs\",\n3]", "t.toml:4: an entry of “folders” must be a string, not an integer");
    with(
        "folders = [\"Logs//x\"]",
        "t.toml:2: an entry of “folders” is wrong: the folder “Logs//x” has a part without a name",
    );
    with(&format!("folders = [\"{}\"]", "a/".repeat(99_999)), "t.toml:2: an entry of “folders” is too deep");
    with(&format!("folders = [{}]", "\"a\",".repeat(9_999)), "t.toml:2: “folders” is too long");
    with("link = \"external\"", "t.toml:2: a collaboration room has no external link");
    with(
        "archive_after = \"3 parsecs\"",
        "t.toml:2: “archive_after” is not a duration: unknown time unit \"parsecs\", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)",
    );
    with("archive_after = \"1000years\"", "t.toml:2: “archive_after” is out of range");
    with("access = [{ role = \"editor\" }]", "t.toml:2: an entry of “access” says nobody");
    with("access = [{ group = \"Support\" }]", "t.toml:2: an entry of “access” has no “role”");
    with(
        "access = [{ group = \"Support\", assignee = true, role = \"editor\" }]",
        "t.toml:2: an entry of “access” says more than one of group, user, assignee, requester and ticket_group",
    );
    with("access = [{ assignee = false, role = \"editor\" }]", "t.toml:2: “assignee” can only be true");
    with("access = [{ user = \"anna\", role = \"editor\" }]", "t.toml:2: “user” is not an e-mail address");
    with("access = [{ assignee = true, role = \"admin\" }]", "t.toml:2: “admin” is not a role");
    with(
        "room_type = \"public\"\naccess = [{ assignee = true, role = \"editor\" }]",
        "t.toml:3: the role “editor” does not exist in a public room",
    );
    with("access = [{ group = \"S\", role = \"manager\" }]", "t.toml:2: a group can't be “manager”");
    with("access = [{ ticket_group = true, role = \"manager\" }]", "t.toml:2: a group can't be “manager”");
    with(
        "title = \"Ticket {ticket.subject}\"",
        "t.toml:2: “title” is wrong: “ticket.subject” is plain text here; to show its value, write {{ ticket.subject }} \
         with two braces on each side",
    );
    with(
        "folders = [\"Logs {{ ticket.id }}\"]",
        "t.toml:2: an entry of “folders” has a placeholder, and folders are called the same in every room",
    );
    let one_folder = |a: &str, b: &str| {
        format!(
            "t.toml:2: “{b}” and “{a}” are one folder to DocSpace, which does not tell names apart by case, accents or \
             blanks at the end"
        )
    };
    with("folders = [\"Logs\", \"logs\"]", &one_folder("Logs", "logs"));
    with("folders = [\"Logs/Server\", \"LOGS/Client\"]", &one_folder("Logs", "LOGS"));
    with("folders = [\"Prüfung\", \"Prufung\"]", &one_folder("Prüfung", "Prufung"));
    with("folders = [\"Logs/Müller\", \"Logs/MULLER\"]", &one_folder("Müller", "MULLER"));
}

#[test]
fn inherited() {
    check(&[
        (
            "[template.default]\naccess = [{ assignee = true, role = \"editor\" }]\n[template.open]\nroom_type = \"public\"",
            "t.toml:4: the role “editor”, which [template.default] gives, does not exist in a public room",
        ),
        (
            "[template.default]\nroom_type = \"custom\"\nlink = \"external\"\n[template.vip]\nroom_type = \"collaboration\"",
            "t.toml:5: a collaboration room has no external link, which [template.default] asks for",
        ),
        // What is wrong with the default is not said once more of every template.
        (
            "[template.default]\nlink = \"x\"\n[template.vip]\ntitle = \"a\"",
            "t.toml:2: “x” is not a kind of link",
        ),
    ]);
}

#[test]
fn everything_is_said_in_one_go() {
    let text = "[server]\nlissten = \"127.0.0.1:1\"\nmax_body = 1\n\n[docspace]\nurl = \"d.example\"\n\n[[rule]]\nwhen = \"1 +\"\ntemplate = \"urgnt\"\n\n[template.urgent]\naccess = [{ group = \"Support\", role = \"comenter\" }]\n";
    let error = Config::from_text(text, "my/t.toml", &env(&[])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "my/t.toml: no helpdesk is configured
    help: add a [[helpdesk]] section as in ticketroom.example.toml [config.helpdesk.missing]
my/t.toml:2: [server] has an unknown key “lissten”
    help: did you mean “listen”? [config.key.unknown]
my/t.toml:3: “max_body” is out of range
    help: it can be 1KiB to 64MiB [config.value.out-of-range]
my/t.toml:5: [docspace] has no “api_key”
    help: add api_key = { env = \"DOCSPACE_API_KEY\" }, or set DOCSPACE_API_KEY [config.key.missing]
my/t.toml:6: “url” has no https:// in front
    help: write it in full, such as \"https://example.com\" [config.value.address-invalid]
my/t.toml:9: “when” is wrong: syntax error: unexpected end of input, expected expression
    help: docs/rules.md says what a condition can say, with examples [config.rule.condition-invalid]
my/t.toml:10: there is no template “urgnt”
    help: did you mean “urgent”? [config.rule.template-unknown]
my/t.toml:13: “comenter” is not a role
    help: did you mean “commenter”? [config.value.invalid]"
    );
    let column = |line| error.problems().iter().find(|problem| problem.line == Some(line)).unwrap().column;
    assert_eq!((column(2), column(6), column(13)), (Some(1), Some(7), Some(39)));
}

#[test]
fn an_empty_file_lacks_everything() {
    let error = Config::from_text("", "t.toml", &env(&[])).unwrap_err();
    let expected = [
        "t.toml: [docspace] has no “url”",
        "t.toml: [docspace] has no “api_key”",
        "t.toml: no helpdesk is configured",
    ];
    assert_eq!(first_lines(&error), expected);
}

#[test]
fn environment() {
    let complaints =
        |variables: &[(&str, &str)]| first_lines(&Config::from_env(&env(variables)).unwrap_err());
    let url = ("DOCSPACE_URL", "https://d.example");
    let key = ("DOCSPACE_API_KEY", "key");
    assert_eq!(complaints(&[url]), ["environment: “DOCSPACE_API_KEY” is not set, but DOCSPACE_URL is"]);
    assert_eq!(complaints(&[key]), ["environment: “DOCSPACE_URL” is not set, but DOCSPACE_API_KEY is"]);
    assert_eq!(
        complaints(&[("DOCSPACE_URL", "d.example"), key]),
        ["environment: “DOCSPACE_URL” has no https:// in front"]
    );
    assert_eq!(
        complaints(&[url, key, ("TICKETROOM_LISTEN", "0.0.0.0:3000"), ("TICKETROOM_STORE", "x")]),
        [
            "environment: “TICKETROOM_LISTEN” reaches beyond this machine, and there is no admin token",
            "environment: “TICKETROOM_STORE” does not say what kind of store it is",
        ]
    );
    let short = ("TICKETROOM_ADMIN_TOKEN", "fifteen-letters");
    assert_eq!(
        complaints(&[url, key, ("TICKETROOM_LISTEN", "0.0.0.0:3000"), short]),
        [
            "environment: “TICKETROOM_LISTEN” reaches beyond this machine, and the admin token has fewer than 16 characters"
        ]
    );
    let neither = Config::from_env(&env(&[])).unwrap_err().to_string();
    assert_eq!(
        neither,
        "ticketroom.toml: there is no such file, and DOCSPACE_URL and DOCSPACE_API_KEY are not set
    help: write the file with `ticketroom init`, or set both variables, or try `ticketroom demo`, which needs neither [config.file.missing]"
    );
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

#[test]
fn mistakes_about_freshdesk_and_jira() {
    let freshdesk = "[[helpdesk]]\nname = \"f\"\nkind = \"freshdesk\"\nurl = \"https://acme.freshdesk.com\"\nwebhook_secret = { env = \"GENERIC_SECRET\" }\n";
    let jira = "[[helpdesk]]\nname = \"j\"\nkind = \"jira\"\nurl = \"https://acme.atlassian.net\"\nwebhook_secret = { env = \"GENERIC_SECRET\" }\napi_token = { env = \"GENERIC_SECRET\" }\n";
    check(&[
        (freshdesk, "t.toml:1: [[helpdesk]] has no “api_key”"),
        (
            &format!(
                "{freshdesk}api_key = {{ env = \"GENERIC_SECRET\" }}\nroom_url_field = \"DocSpace room\""
            ),
            "t.toml:7: “room_url_field” is no custom field's name",
        ),
        (
            &format!("{freshdesk}api_key = {{ env = \"GENERIC_SECRET\" }}\ngroups = []"),
            "t.toml:7: “groups” is an empty list",
        ),
        (jira, "t.toml:1: [[helpdesk]] has no “email”, which Jira Cloud requires with the token"),
        (
            &format!("{jira}email = \"bot@acme.com\"\nprojects = [\"SUP\", \"Customer Support\"]"),
            "t.toml:8: “projects” has “CUSTOMER SUPPORT”, which is no project's key",
        ),
        (
            &format!("{jira}email = \"bot@acme.com\"\ndeployment = \"server\""),
            "t.toml:8: “deployment” is neither of Jira's products",
        ),
    ]);
}
