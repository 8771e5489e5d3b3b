//! `ticketroom init`: a few questions, a commented `ticketroom.toml`, and what to do next.
//!
//! After each answer the file is made as it would be written and read as `serve` would read it, so a bad
//! answer is asked for again with the very reason that the configuration would give, and what is written
//! in the end can't be wrong. Secrets are never asked for: the file names environment variables.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use crate::config::{Config, DEFAULT_FILE, Env};

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum InitError {
    /// The file is there already, and may be in use.
    #[error("{} exists and is left as it is\n    help: move it away, or name another file with --config", .0.display())]
    Exists(PathBuf),
    /// The answers ended before the questions did.
    #[error(
        "the input ended before the last question; nothing was written\n    help: run `ticketroom init` in a terminal, or copy ticketroom.example.toml and edit it"
    )]
    EndOfInput,
    /// Questions can't be shown, or answers can't be read.
    #[error(
        "can't talk to the terminal: {0}; nothing was written\n    help: copy ticketroom.example.toml and edit it"
    )]
    Dialog(#[from] io::Error),
    /// The file can't be written.
    #[error("{} can't be written: {error}\n    help: check that the directory exists and is yours", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// Asks, writes `target`, and says what to do next.
///
/// # Errors
/// When `target` exists, the input ends, or something can't be read or written. Then there is no new file.
pub(super) fn run(input: &mut dyn BufRead, output: &mut dyn Write, target: &Path) -> Result<(), InitError> {
    // Before the questions, so that nobody answers them in vain.
    if target.exists() {
        return Err(InitError::Exists(target.to_owned()));
    }
    writeln!(output, "A few questions; Enter takes what is in brackets.\n")?;
    let answers = ask_all(&mut Dialog { input, output })?;
    write_new(target, &answers.file())?;
    writeln!(output, "\nWrote {}.", target.display())?;
    next_steps(output, &answers, target)?;
    Ok(())
}

/// What the file is made of.
#[derive(Debug, Clone)]
struct Answers {
    docspace: String,
    public_url: Option<String>,
    helpdesk: Helpdesk,
    folders: Vec<String>,
}

#[derive(Debug, Clone)]
enum Helpdesk {
    Zendesk { url: String, client_id: String, room_url_field: Option<u64> },
    Generic { callback_url: Option<String> },
}

impl Default for Answers {
    /// Answers that are valid, so that each question's own can be tried among them.
    fn default() -> Self {
        Self {
            docspace: "https://yourportal.onlyoffice.com".to_owned(),
            public_url: None,
            helpdesk: Helpdesk::Generic { callback_url: None },
            folders: ["Logs", "Attachments", "Findings"].map(str::to_owned).to_vec(),
        }
    }
}

fn ask_all(dialog: &mut Dialog<'_>) -> Result<Answers, InitError> {
    let answers = Answers::default();
    let answers = dialog.ask("Address of your DocSpace", None, |text| {
        Answers { docspace: with_scheme(text), ..answers.clone() }.checked()
    })?;
    let answers = dialog.ask("Address at which helpdesks reach ticketroom", Some(NONE), |text| {
        Answers { public_url: unless_none(text).map(with_scheme), ..answers.clone() }.checked()
    })?;
    let is_zendesk = dialog.ask("Helpdesk: zendesk or generic", Some("zendesk"), |text| match text {
        "zendesk" => Ok(true),
        "generic" => Ok(false),
        _ => Err("write zendesk, or generic for any other system".to_owned()),
    })?;
    let answers = if is_zendesk { ask_zendesk(dialog, &answers)? } else { ask_generic(dialog, &answers)? };
    let folders = answers.folders.join(", ");
    dialog.ask("Folders of a room, separated by commas", Some(&folders), |text| {
        let folders = unless_none(text).into_iter().flat_map(|text| text.split(','));
        let folders = folders.map(|folder| folder.trim().to_owned()).collect();
        Answers { folders, ..answers.clone() }.checked()
    })
}

fn ask_zendesk(dialog: &mut Dialog<'_>, answers: &Answers) -> Result<Answers, InitError> {
    let with = |url: &str, client_id: &str, room_url_field: Option<u64>| {
        let (url, client_id) = (url.to_owned(), client_id.to_owned());
        let helpdesk = Helpdesk::Zendesk { url, client_id, room_url_field };
        Answers { helpdesk, ..answers.clone() }.checked()
    };
    let url = dialog.ask("Address of your Zendesk, such as https://acme.zendesk.com", None, |text| {
        let url = with_scheme(text);
        with(&url, "ticketroom", None).map(|_| url)
    })?;
    let client_id = dialog.ask("Identifier of the OAuth client in Zendesk", Some("ticketroom"), |text| {
        with(&url, text, None).map(|_| text.to_owned())
    })?;
    dialog.ask("Number of the ticket field for the room's address", Some(NONE), |text| {
        let field = unless_none(text).map(str::parse).transpose();
        let field = field.map_err(|_| format!("write the field's number, such as 360012345, or {NONE}"))?;
        with(&url, &client_id, field)
    })
}

fn ask_generic(dialog: &mut Dialog<'_>, answers: &Answers) -> Result<Answers, InitError> {
    dialog.ask("Address to tell when a room is ready", Some(NONE), |text| {
        let callback_url = unless_none(text).map(with_scheme);
        Answers { helpdesk: Helpdesk::Generic { callback_url }, ..answers.clone() }.checked()
    })
}

/// The answer that leaves something out.
const NONE: &str = "none";

fn unless_none(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.eq_ignore_ascii_case(NONE))
}

/// People copy addresses without their beginning; https is what they mean.
fn with_scheme(text: &str) -> String {
    if text.contains("://") { text.to_owned() } else { format!("https://{text}") }
}

/// Questions on one side, answers on the other.
struct Dialog<'a> {
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
}

impl Dialog<'_> {
    /// Asks until the answer is accepted; `accept` says why it isn't.
    fn ask<T>(
        &mut self,
        question: &str,
        default: Option<&str>,
        mut accept: impl FnMut(&str) -> Result<T, String>,
    ) -> Result<T, InitError> {
        loop {
            match default {
                Some(default) => write!(self.output, "{question} [{default}]: ")?,
                None => write!(self.output, "{question}: ")?,
            }
            self.output.flush()?;
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Err(InitError::EndOfInput);
            }
            let answer = match (line.trim(), default) {
                ("", Some(default)) => default,
                ("", None) => {
                    writeln!(self.output, "  this one needs an answer")?;
                    continue;
                }
                (answer, _) => answer,
            };
            match accept(answer) {
                Ok(accepted) => return Ok(accepted),
                Err(reason) => writeln!(self.output, "  {reason}")?,
            }
        }
    }
}

/// Stands in for variables that are set only later.
struct EveryVariable;

impl Env for EveryVariable {
    fn get(&self, _name: &str) -> Option<String> {
        Some("to-be-set-before-the-start".to_owned())
    }
}

impl Answers {
    /// The answers, if the file made of them is right; else why it isn't.
    fn checked(self) -> Result<Self, String> {
        match Config::from_text(&self.file(), DEFAULT_FILE, &EveryVariable) {
            Ok(_) => Ok(self),
            // The other answers have been checked: what is wrong now is this one.
            Err(error) => {
                let reasons = error.problems().iter();
                Err(reasons
                    .map(|problem| format!("{}: {}", problem.message, problem.help))
                    .collect::<Vec<_>>()
                    .join("\n  "))
            }
        }
    }

    /// The file as it is written.
    fn file(&self) -> String {
        let public_url = match &self.public_url {
            Some(url) => format!("public_url = {}", quoted(url)),
            None => "# public_url = \"https://ticketroom.example.com\"".to_owned(),
        };
        let folders = self.folders.iter().map(|folder| quoted(folder)).collect::<Vec<_>>().join(", ");
        format!(
            r##"# ticketroom's configuration. ticketroom.example.toml has every key that there is.
# Secrets are in environment variables, whose names are here.

[server]
listen = "127.0.0.1:3000"
# How helpdesks reach ticketroom; their webhooks go below it.
{public_url}

# To listen beyond this machine, or to use the API with a token that stays, choose one:
# [admin]
# token = {{ env = "TICKETROOM_ADMIN_TOKEN" }}

[store]
url = "sqlite:ticketroom.db"

[docspace]
url = {docspace}
# A key of the user under whose name rooms are made.
api_key = {{ env = "DOCSPACE_API_KEY" }}

{helpdesk}
# What the room of a ticket looks like.
[template.default]
title = "Ticket #{{{{ ticket.id }}}} – {{{{ ticket.subject }}}}"
room_type = "collaboration"           # collaboration, custom, public or virtual-data
folders = [{folders}]
# Who gets in: {{ group = "Support", ... }}, {{ user = "anna@example.com", ... }} or the ticket's assignee.
access = [{{ assignee = true, role = "editor" }}]
"##,
            docspace = quoted(&self.docspace),
            helpdesk = self.helpdesk.section(),
        )
    }
}

impl Helpdesk {
    fn name(&self) -> &'static str {
        match self {
            Self::Zendesk { .. } => "zendesk",
            Self::Generic { .. } => "generic",
        }
    }

    /// The `[[helpdesk]]` section.
    fn section(&self) -> String {
        match self {
            Self::Zendesk { url, client_id, room_url_field } => {
                let field = match room_url_field {
                    Some(field) => format!("room_url_field = {field}"),
                    None => "# room_url_field = 360012345".to_owned(),
                };
                format!(
                    r#"[[helpdesk]]
name = "zendesk"                      # its webhook goes to /webhooks/zendesk
kind = "zendesk"
url = {url}
# The webhook's page in Zendesk shows it under "Reveal secret".
webhook_secret = {{ env = "ZENDESK_WEBHOOK_SECRET" }}
# An OAuth client: Admin Center, Apps and integrations, APIs, OAuth clients.
client_id = {client_id}
client_secret = {{ env = "ZENDESK_CLIENT_SECRET" }}
# The number of the ticket field that takes the room's address.
{field}
"#,
                    url = quoted(url),
                    client_id = quoted(client_id),
                )
            }
            Self::Generic { callback_url } => {
                let callback = match callback_url {
                    Some(url) => format!("callback_url = {}", quoted(url)),
                    None => "# callback_url = \"https://intranet.example.com/rooms\"".to_owned(),
                };
                format!(
                    r#"[[helpdesk]]
name = "generic"                      # its webhook goes to /webhooks/generic
kind = "generic"
# What its webhooks are signed with.
webhook_secret = {{ env = "GENERIC_SECRET" }}
# Is told of each room, signed with the same secret.
{callback}
"#
                )
            }
        }
    }
}

/// Text as a TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes a file that must not exist yet, whole or not at all.
fn write_new(target: &Path, text: &str) -> Result<(), InitError> {
    let failed = |error: io::Error| match error.kind() {
        // It has appeared while we were asking.
        io::ErrorKind::AlreadyExists => InitError::Exists(target.to_owned()),
        _ => InitError::Write { path: target.to_owned(), error },
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(target).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        // Half a file would be read by the next start. That it can't be removed either is no news.
        let _ = fs::remove_file(target);
        failed(error)
    })
}

fn next_steps(output: &mut dyn Write, answers: &Answers, target: &Path) -> io::Result<()> {
    let base = answers.public_url.as_deref().unwrap_or("https://YOUR-ADDRESS");
    let webhook = format!("{}/webhooks/{}", base.trim_end_matches('/'), answers.helpdesk.name());
    let config = match target == Path::new(DEFAULT_FILE) {
        true => String::new(),
        false => format!(" --config {}", target.display()),
    };
    match answers.helpdesk {
        Helpdesk::Zendesk { .. } => {
            writeln!(output, "\nIn Zendesk: Admin Center, Apps and integrations, Webhooks, Create webhook.")?;
            writeln!(output, "Choose “Zendesk events” and the ticket events, and enter this address:\n")?;
        }
        Helpdesk::Generic { .. } => writeln!(output, "\nLet your helpdesk send its webhooks to\n")?,
    }
    writeln!(output, "  {webhook}\n")?;
    writeln!(output, "Then set the secrets, check, and start:\n")?;
    writeln!(output, "  export DOCSPACE_API_KEY=…         # DocSpace: Developer Tools, API keys")?;
    match answers.helpdesk {
        Helpdesk::Zendesk { .. } => {
            writeln!(output, "  export ZENDESK_WEBHOOK_SECRET=…   # the webhook's page, “Reveal secret”")?;
            writeln!(output, "  export ZENDESK_CLIENT_SECRET=…    # the OAuth client's page")?;
        }
        Helpdesk::Generic { .. } => {
            writeln!(output, "  export GENERIC_SECRET=…           # the same as in your helpdesk")?;
        }
    }
    writeln!(output, "  ticketroom{config} check")?;
    writeln!(output, "  ticketroom{config} serve")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HelpdeskKind;

    /// Runs the dialog in a directory of its own; answers are lines.
    fn init(answers: &str) -> (Result<(), InitError>, String, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("ticketroom.toml");
        let mut output = Vec::new();
        let result = run(&mut answers.as_bytes(), &mut output, &target);
        (result, String::from_utf8(output).unwrap(), fs::read_to_string(&target).ok())
    }

    fn read(file: &str) -> Config {
        Config::from_text(file, "ticketroom.toml", &EveryVariable).unwrap()
    }

    #[test]
    fn answers_for_zendesk_become_a_file_that_is_right() {
        let (result, output, file) = init(
            "docspace.example.com\nhttps://rooms.example.com/\n\nacme.zendesk.com\n\n360012345\nLogs/Server, \"Müller\"\n",
        );
        result.unwrap();
        let config = read(&file.unwrap());
        assert_eq!(config.warnings, [""; 0]);
        assert_eq!(config.docspace.url.as_str(), "https://docspace.example.com/");
        let HelpdeskKind::Zendesk(zendesk) = &config.helpdesks[0].kind else { panic!("not Zendesk") };
        assert_eq!(zendesk.url.as_str(), "https://acme.zendesk.com/");
        assert_eq!(zendesk.room_url_field, Some(360_012_345));
        let template = config.rules.template("default").unwrap();
        let folders: Vec<String> = template.folders.paths().map(|path| path.join("/")).collect();
        assert_eq!(folders, ["Logs", "_Müller_", "Logs/Server"]);
        assert!(output.contains("  https://rooms.example.com/webhooks/zendesk\n"), "{output}");
        assert!(output.contains("export ZENDESK_WEBHOOK_SECRET="), "{output}");
        assert!(output.contains(" check\n") && output.ends_with(" serve\n"), "{output}");
    }

    #[test]
    fn answers_for_a_generic_helpdesk_become_a_file_that_is_right() {
        let (result, output, file) =
            init("http://localhost:8080\n\ngeneric\nhttps://a.example/b?c=d\nnone\n");
        result.unwrap();
        let config = read(&file.unwrap());
        let HelpdeskKind::Generic(generic) = &config.helpdesks[0].kind else { panic!("not generic") };
        assert_eq!(generic.callback.as_ref().unwrap().as_str(), "https://a.example/b?c=d");
        assert!(config.rules.template("default").unwrap().folders.is_empty());
        assert!(output.contains("https://YOUR-ADDRESS/webhooks/generic"), "{output}");
    }

    #[test]
    fn a_bad_answer_is_asked_for_again_with_the_reason() {
        let (result, output, _) = init(
            "\nftp://x\nhttps://d.example\n\njira\nzendesk\nhttps://me:pw@acme.zendesk.com\nacme.zendesk.com\n\nfield\nnone\na//b\n\n",
        );
        result.unwrap();
        for reason in [
            "  this one needs an answer\n",
            "  “url” must begin with https:// or http://: write it in full",
            "  write zendesk, or generic for any other system\n",
            "  “url” has a user name or password in it: leave out",
            "  write the field's number, such as 360012345, or none\n",
            "  an entry of “folders” is wrong: the folder “a//b” has a part without a name",
        ] {
            assert!(output.contains(reason), "{reason} is not in\n{output}");
        }
        assert_eq!(output.matches("Number of the ticket field").count(), 2);
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
}
