//! The dialog, and the files that come of it.

use super::*;
use crate::config::{HelpdeskKind, JiraDeployment};
use crate::room::Role;
use crate::template::{AccessRule, Who};

/// Runs the dialog in a directory of its own; answers are lines.
fn init(answers: &str) -> (Result<(), InitError>, String, Option<String>) {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("ticketroom.toml");
    let mut output = Vec::new();
    let result = run(&mut answers.as_bytes(), &mut output, &target);
    let output =
        String::from_utf8(output).unwrap().replace(directory.path().to_str().unwrap(), "/etc/ticketroom");
    (result, output, fs::read_to_string(&target).ok())
}

/// Compares a file of `snapshots` with the dialog, which does not have the answers, and with the
/// file.
#[track_caller]
fn check(kind: &str, output: &str, file: &str) {
    insta::assert_snapshot!(kind, format!("{output}\n---- ticketroom.toml ----\n{file}"));
}

fn read(file: &str) -> Config {
    Config::from_text(file, "ticketroom.toml", &EveryVariable).unwrap()
}

#[test]
fn answers_for_zendesk_become_a_file_that_is_right() {
    let (result, output, file) = init(
        "docspace.example.com\nhttps://rooms.example.com/\n\nacme.zendesk.com\n\n360012345\nLogs/Server, \"Müller\"\nSupport\nboss\n Content-Creator \n",
    );
    result.unwrap();
    let file = file.unwrap();
    check("zendesk", &output, &file);
    let config = read(&file);
    assert_eq!(config.warnings.len(), 1, "DocSpace has no quotation marks in names: {:?}", config.warnings);
    assert_eq!(config.docspace.url.as_str(), "https://docspace.example.com/");
    let HelpdeskKind::Zendesk(zendesk) = &config.helpdesks[0].kind else { panic!("not Zendesk") };
    assert_eq!(zendesk.url.as_str(), "https://acme.zendesk.com/");
    assert_eq!(zendesk.room_url_field, Some(360_012_345));
    let template = config.rules.template("default").unwrap();
    let access: Vec<&AccessRule> = template.access.iter().collect();
    assert_eq!(
        access[1..],
        [&AccessRule { who: Who::Group("Support".to_owned()), role: Role::ContentCreator }]
    );
    let folders: Vec<String> = template.folders.paths().map(|path| path.join("/")).collect();
    assert_eq!(folders, ["Logs", "_Müller_", "Logs/Server"]);
}

#[test]
fn answers_for_a_generic_helpdesk_become_a_file_that_is_right() {
    let (result, output, file) =
        init("http://localhost:8080\n\n  GENERIC \nhttps://a.example/b?c=d\nnone\nlead@acme.com\n\n");
    result.unwrap();
    let file = file.unwrap();
    check("generic", &output, &file);
    let config = read(&file);
    let HelpdeskKind::Generic(generic) = &config.helpdesks[0].kind else { panic!("not generic") };
    assert_eq!(generic.callback.as_ref().unwrap().as_str(), "https://a.example/b?c=d");
    let template = config.rules.template("default").unwrap();
    assert!(template.folders.is_empty());
    let lead = AccessRule { who: Who::User("lead@acme.com".to_owned()), role: Role::Editor };
    assert_eq!(template.access[1], lead);
}

#[test]
fn answers_for_freshdesk_become_a_file_that_is_right() {
    let (result, output, file) = init(
        "docspace.example.com\nrooms.example.com\nFreshdesk\nacme.freshdesk.com\nDocSpace room\ncf_room\n\n\n",
    );
    result.unwrap();
    let file = file.unwrap();
    check("freshdesk", &output, &file);
    let config = read(&file);
    assert_eq!(config.warnings, [""; 0]);
    let HelpdeskKind::Freshdesk(freshdesk) = &config.helpdesks[0].kind else { panic!("not Freshdesk") };
    assert_eq!(freshdesk.room_url_field.as_deref(), Some("cf_room"));
}

#[test]
fn answers_for_jira_become_a_file_that_is_right() {
    let (result, output, file) = init(
        "docspace.example.com\n\nJira Service Management\nacme.atlassian.net\nnone\nbot@acme.com\nsup, Customer Support\nsup, HR\n\n\n",
    );
    result.unwrap();
    let file = file.unwrap();
    check("jira_cloud", &output, &file);
    let config = read(&file);
    let HelpdeskKind::Jira(jira) = &config.helpdesks[0].kind else { panic!("not Jira") };
    assert_eq!(jira.projects, ["SUP", "HR"]);
    assert_eq!(jira.deployment, JiraDeployment::Cloud);
    let (result, output, file) = init("d.example\n\njira\njira.acme.example/jira\nnone\n\n\n\n");
    result.unwrap();
    let file = file.unwrap();
    check("jira_data_center", &output, &file);
    let config = read(&file);
    let HelpdeskKind::Jira(jira) = &config.helpdesks[0].kind else { panic!("not Jira") };
    assert_eq!((jira.deployment, jira.projects.len()), (JiraDeployment::DataCenter, 0));
}

#[test]
fn a_bad_answer_is_asked_for_again_with_the_reason() {
    let (result, output, file) = init(
        "\nftp://x\nhttps://d.example\n\nservicenow\nzendesk\nhttps://me:pw@acme.zendesk.com\nacme.zendesk.com\n\nfield\nnone\na//b\n\n\n",
    );
    result.unwrap();
    check("bad_answers", &output, &file.unwrap());
}

#[test]
fn no_answer_can_break_out_of_its_line() {
    let nasty = "\"]\nx = \\ \u{7f}\t'''";
    assert_eq!(quoted(nasty), "\"\\\"]\\u000Ax = \\\\ \\u007F\\u0009'''\"");
    let parsed = toml::de::DeValue::parse(&quoted(nasty)).unwrap().get_ref().as_str().unwrap().to_owned();
    assert_eq!(parsed, nasty);
}

#[test]
fn a_file_that_exists_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("ticketroom.toml");
    fs::write(&target, "mine").unwrap();
    let error = run(&mut &b""[..], &mut Vec::new(), &target).unwrap_err();
    assert!(error.to_string().contains("exists and is left as it is"), "{error}");
    assert!(matches!(write_new(&target, "theirs"), Err(InitError::Exists(_))));
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
}

#[test]
fn when_the_input_ends_nothing_is_written() {
    for answers in ["", "https://d.example\n", "https://d.example\n\nzendesk\nbad url\n"] {
        let (result, _, file) = init(answers);
        assert!(matches!(result, Err(InitError::EndOfInput)));
        assert_eq!(file, None);
    }
}

#[test]
fn a_folder_that_can_not_be_written_to_is_said_before_the_questions() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("no/such/folder/ticketroom.toml");
    let mut output = Vec::new();
    let error = run(&mut &b""[..], &mut output, &target).unwrap_err();
    assert!(matches!(error, InitError::Write { .. }), "{error}");
    assert!(output.is_empty(), "nothing was asked");
    let (_, _, file) = init("");
    assert_eq!(file, None, "the probe leaves nothing behind");
}
