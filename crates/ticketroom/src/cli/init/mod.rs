//! `ticketroom init`: a few questions, a commented `ticketroom.toml`, and what to do next.
//!
//! After each answer the file is made as it would be written and read as `serve` would read it, so
//! a bad answer is asked for again with the very reason that the configuration would give, and what
//! is written in the end can't be wrong. Secrets are never asked for: the file names environment
//! variables.

mod helpdesk;

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use self::helpdesk::{Helpdesk, Kind};
use crate::config::{Config, ConfigError, DEFAULT_FILE, Env};
use crate::room::RoomType;

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
/// When `target` exists, the input ends, or something can't be read or written. Then there is no
/// new file.
pub(super) fn run(input: &mut dyn BufRead, output: &mut dyn Write, target: &Path) -> Result<(), InitError> {
    // Before the questions, so that nobody answers them in vain.
    if target.exists() {
        return Err(InitError::Exists(target.to_owned()));
    }
    can_write_beside(target)?;
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
    /// Who gets in beside the assignee.
    access: Option<Access>,
}

/// Somebody who gets into every room.
#[derive(Debug, Clone)]
struct Access {
    /// A DocSpace group's name, or an e-mail address.
    who: String,
    role: String,
}

impl Access {
    fn entry(&self) -> String {
        let key = if self.who.contains('@') { "user" } else { "group" };
        format!("{{ {key} = {}, role = {} }}", quoted(&self.who), quoted(&self.role))
    }
}

impl Default for Answers {
    /// Answers that are valid, so that each question's own can be tried among them.
    fn default() -> Self {
        Self {
            docspace: "https://yourportal.onlyoffice.com".to_owned(),
            public_url: None,
            helpdesk: Helpdesk::Generic { callback_url: None },
            folders: ["Logs", "Attachments", "Findings"].map(str::to_owned).to_vec(),
            access: None,
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
    let kind = dialog.ask("Helpdesk: zendesk, freshdesk, jira or generic", Some("zendesk"), Kind::named)?;
    let helpdesk = helpdesk::ask(dialog, kind, &answers)?;
    let answers = Answers { helpdesk, ..answers };
    let folders = answers.folders.join(", ");
    let answers = dialog.ask("Folders of a room, separated by commas", Some(&folders), |text| {
        let folders = unless_none(text).into_iter().flat_map(|text| text.split(','));
        let folders = folders.map(|folder| folder.trim().to_owned()).collect();
        Answers { folders, ..answers.clone() }.checked()
    })?;
    let question = "Who gets access besides the ticket's assignee: a DocSpace group, or an e-mail address";
    let answers = dialog.ask(question, Some(NONE), |text| {
        let access = unless_none(text).map(|who| Access { who: who.to_owned(), role: "editor".to_owned() });
        Answers { access, ..answers.clone() }.checked()
    })?;
    let Some(access) = answers.access.clone() else { return Ok(answers) };
    let roles: Vec<&str> = RoomType::Collaboration.roles().iter().map(|role| role.as_str()).collect();
    dialog.ask(&format!("Their role: {}", roles.join(", ")), Some("editor"), |text| {
        let access = Access { role: text.trim().to_lowercase(), ..access.clone() };
        Answers { access: Some(access), ..answers.clone() }.checked()
    })
}

/// Whether a file can be made beside the target: said before the questions, not after them.
fn can_write_beside(target: &Path) -> Result<(), InitError> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let probe = folder.join(format!(".ticketroom-init-{}", std::process::id()));
    match OpenOptions::new().write(true).create_new(true).open(&probe) {
        Ok(_) => {
            // That it can't be removed again is no reason not to go on.
            let _ = fs::remove_file(&probe);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(InitError::Write { path: target.to_owned(), error }),
    }
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

/// Why an answer is not accepted: what the person reads before the question is asked again.
#[derive(Debug, thiserror::Error)]
enum NotAccepted {
    #[error("write zendesk, freshdesk or jira, or generic for any other system")]
    Kind,
    #[error("write the field's number, such as 360012345, or {NONE}")]
    FieldNumber,
    /// The file made of it would be wrong.
    #[error("{}", without_lines(.0))]
    Configuration(#[from] ConfigError),
}

/// What is wrong with a file that nobody has seen yet.
fn without_lines(error: &ConfigError) -> String {
    let problems = error.problems().iter();
    let problems: Vec<_> = problems.map(|problem| format!("{}: {}", problem.message, problem.help)).collect();
    problems.join("\n  ")
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
        mut accept: impl FnMut(&str) -> Result<T, NotAccepted>,
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
    fn checked(self) -> Result<Self, NotAccepted> {
        // The other answers have been checked: what is wrong now is this one.
        Config::from_text(&self.file(), DEFAULT_FILE, &EveryVariable)?;
        Ok(self)
    }

    /// The file as it is written.
    fn file(&self) -> String {
        let public_url = match &self.public_url {
            Some(url) => format!("public_url = {}", quoted(url)),
            None => "# public_url = \"https://ticketroom.example.com\"".to_owned(),
        };
        let mut access = vec!["{ assignee = true, role = \"editor\" }".to_owned()];
        access.extend(self.access.as_ref().map(Access::entry));
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
title = "Ticket #{{{{ ticket.key }}}} – {{{{ ticket.subject }}}}"
room_type = "collaboration"           # collaboration, custom, public or virtual-data
folders = [{folders}]
# Who gets in: {{ group = "Support", ... }}, {{ user = "anna@example.com", ... }} or the ticket's assignee.
access = [{access}]
"##,
            docspace = quoted(&self.docspace),
            access = access.join(", "),
            helpdesk = self.helpdesk.section(),
        )
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
    let helpdesk = &answers.helpdesk;
    let base = answers.public_url.as_deref().unwrap_or("https://YOUR-ADDRESS");
    let webhook = format!("{}/webhooks/{}", base.trim_end_matches('/'), helpdesk.name());
    let config = match target == Path::new(DEFAULT_FILE) {
        true => String::new(),
        false => format!(" --config {}", target.display()),
    };
    helpdesk.tell_how_to_send(output, &webhook)?;
    writeln!(output, "\nThen set the secrets, check, and start:\n")?;
    writeln!(output, "  export DOCSPACE_API_KEY=…          # DocSpace: Developer Tools, API keys")?;
    for (variable, whence) in helpdesk.variables() {
        writeln!(output, "  {:<34} # {whence}", format!("export {variable}=…"))?;
    }
    writeln!(output, "  ticketroom{config} check")?;
    writeln!(output, "  ticketroom{config} serve")
}

#[cfg(test)]
mod tests;
