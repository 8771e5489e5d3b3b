//! Which code a mistake has, however its message is worded.

use super::*;

#[test]
fn every_kind_of_mistake_has_its_code() {
    let code = |fragment: &str| {
        let error = Config::from_text(&complete(fragment), "t.toml", &example_env()).unwrap_err();
        let codes: Vec<&str> = error.problems().iter().map(|problem| problem.code.as_ref()).collect();
        assert!(codes.windows(2).all(|codes| codes[0] == codes[1]), "{fragment}: {codes:?}");
        codes[0].to_owned()
    };
    let when = "[[rule]]\nwhen = \"ticket.id == '1'\"\n";
    let access = |entry: &str| format!("[template.a]\naccess = [{{ {entry} }}]");
    for (fragment, expected) in [
        ("[server]\nlisten = localhost", "config.file.syntax-error"),
        ("[server]\nlissten = \"\"", "config.key.unknown"),
        ("[[rule]]\nskip = true", "config.key.missing"),
        ("[server]\nlisten = 3000", "config.value.wrong-type"),
        ("[server]\nmax_body = 1", "config.value.out-of-range"),
        ("[template.a]\narchive_after = \"3 parsecs\"", "config.value.invalid"),
        ("[template.a]\ntitle = \" \"", "config.value.empty"),
        ("[server]\npublic_url = \"x.example\"", "config.value.address-invalid"),
        ("[admin]\ntoken = { env = \"NOT_SET\" }", "config.secret.missing"),
        ("[admin]\ntoken = { file = \"/nowhere/token\" }", "config.secret.missing"),
        ("[admin]\ntoken = \"a b\"", "config.secret.invalid"),
        ("[server]\nlisten = \"0.0.0.0:3000\"", "config.admin.unprotected"),
        ("[store]\nurl = \"sqlite:\"", "config.store.address-invalid"),
        ("[store]\nlease = \"30s\"", "config.key.conflict"),
        ("[[helpdesk]]\nname = \"a\"\nkind = \"b\"", "config.helpdesk.kind-unknown"),
        (
            "[[helpdesk]]\nname = \"A B\"\nkind = \"generic\"\nallow_unsigned = true",
            "config.helpdesk.name-invalid",
        ),
        ("[[rule]]\nskip = true\nwhen = \"1 +\"", "config.rule.condition-invalid"),
        (when, "config.rule.consequence-missing"),
        (&format!("{when}template = \"urgnt\""), "config.rule.template-unknown"),
        ("[template.a]\ntitle = \"{{ x }}\"", "config.template.title-invalid"),
        ("[template.a]\nfolders = [\"a//b\"]", "config.template.folders-invalid"),
        (&access("role = \"editor\""), "config.template.access-invalid"),
        (&access("group = \"S\", role = \"manager\""), "config.template.role-impossible"),
        ("[template.a]\nlink = \"external\"", "config.template.link-impossible"),
    ] {
        assert_eq!(code(fragment), expected, "{fragment}");
    }
}
