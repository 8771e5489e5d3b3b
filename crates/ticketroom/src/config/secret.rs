//! Secrets: from the environment, from a file, or, with a warning, from the configuration itself.
//!
//! A secret is a [`SecretString`] from the moment it is known to be one, and no message repeats it.

use std::io::Read as _;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::Env;
use super::reader::Value;
use super::reasons::{EMPTY, KEY_CONFLICT, SECRET_INVALID, SECRET_MISSING};
use super::report::{Place, Read, all};

const HELP: &str = "write { env = \"NAME\" } or { file = \"PATH\" }";

/// No secret is longer; `/dev/zero` is.
const LONGEST: u64 = 64 * 1024;

/// Whether two secrets are the same one. Both are ours, so the time that this takes tells nobody
/// anything.
pub(crate) fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// The same for two lists of them.
pub(crate) fn are_same(one: &[SecretString], other: &[SecretString]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
}

/// Which secrets are wanted of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// All of them.
    All,
    /// All of them, but webhook secrets may be missing where a variable or a file is named for
    /// them: the command is about to make them.
    AllButWebhooks,
    /// Those of the store. The others are not looked for, and something that is no secret is in
    /// their place.
    OfTheStore,
}

/// Where a secret is configured to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In an environment variable.
    Variable(String),
    /// In a file.
    File(PathBuf),
    /// In the configuration itself.
    Configuration,
}

impl SecretPlace {
    /// The place of a secret, or of the first of several. What is wrong with it is reported by
    /// whoever reads the secret.
    pub(super) fn of(value: &Value<'_>) -> Option<Self> {
        if value.is_text() {
            return Some(Self::Configuration);
        }
        if value.is_list() {
            return value.list(HELP).ok()?.first().and_then(Self::of);
        }
        let (name, text) = value.table_of_texts().next()?;
        match name {
            "env" => Some(Self::Variable(text.trim().to_owned())),
            "file" => Some(Self::File(text.trim().into())),
            _ => None,
        }
    }

    /// Whether nothing is there.
    fn is_empty(&self, env: &dyn Env) -> bool {
        match self {
            Self::Variable(name) => is_variable(name) && env.get(name).is_none_or(|text| text.is_empty()),
            Self::File(path) => std::fs::metadata(path).map_or_else(
                |error| error.kind() == std::io::ErrorKind::NotFound,
                |metadata| metadata.is_file() && metadata.len() == 0,
            ),
            Self::Configuration => false,
        }
    }
}

/// In the place of a secret that is not wanted.
pub(super) const NOT_READ: &str = "not-wanted-by-this-command-and-so-not-read";

/// Reads a secret that is not the store's.
pub(super) fn secret(value: &Value<'_>, env: &dyn Env) -> Read<SecretString> {
    read(value, env, value.place.report.secrets())
}

/// Reads a secret of the store.
pub(super) fn secret_of_the_store(value: &Value<'_>, env: &dyn Env) -> Read<SecretString> {
    read(value, env, Secrets::All)
}

fn read(value: &Value<'_>, env: &dyn Env, wanted: Secrets) -> Read<SecretString> {
    if value.is_text() {
        let text = value.text(HELP)?;
        if names_a_variable(text, env) {
            let help = "write { env = \"NAME\" } with that name, without $, % and braces";
            return Err(value.place.wrong(
                &SECRET_INVALID,
                "looks like the name of an environment variable, not like a secret",
                help,
            ));
        }
        let secret = checked(&value.place, text)?;
        value.place.odd(&format!("is in this file, for everybody who can read it; better {HELP}"));
        return Ok(secret);
    }
    if value.is_list() {
        return Err(value.wrong_type("one secret", HELP));
    }
    let mut section = value.section(value.place.subject.clone(), HELP)?;
    let name = section.optional("env", |name| name.full_text(HELP));
    let path = section.optional("file", |path| path.full_text(HELP));
    section.close();
    match (name?, path?) {
        (Some(_), None) | (None, Some(_)) if wanted == Secrets::OfTheStore => {
            Ok(SecretString::from(NOT_READ))
        }
        (Some(name), None) => from_variable(&value.place, name, env),
        (None, Some(path)) => from_file(&value.place, path),
        (Some(_), Some(_)) => {
            Err(value.place.wrong(&KEY_CONFLICT, "has both “env” and “file”", "leave one of them"))
        }
        (None, None) => Err(value.place.wrong(&SECRET_INVALID, "has neither “env” nor “file”", HELP)),
    }
}

/// Whether somebody meant a variable: `$NAME`, `${NAME}`, `%NAME%`, `env:NAME`, or the name of one
/// that is set.
fn names_a_variable(text: &str, env: &dyn Env) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let text = text.trim();
    let inner = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .or_else(|| text.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')))
        .or_else(|| text.strip_prefix("env:"))
        .or_else(|| text.strip_prefix('$'));
    match inner {
        Some(name) => is_name(name),
        None => text.contains('_') && is_name(text) && env.get(text).is_some(),
    }
}

/// Reads one secret or a list of them; a list is how a secret is replaced without a gap.
pub(super) fn secrets(value: &Value<'_>, env: &dyn Env) -> Read<Vec<SecretString>> {
    let may_be_missing = value.place.report.secrets() == Secrets::AllButWebhooks;
    let is_missing =
        |value: &Value<'_>| may_be_missing && SecretPlace::of(value).is_some_and(|place| place.is_empty(env));
    if !value.is_list() {
        return if is_missing(value) { Ok(Vec::new()) } else { Ok(vec![secret(value, env)?]) };
    }
    let entries = value.list(HELP)?;
    if entries.is_empty() {
        return Err(value.place.wrong(&EMPTY, "is an empty list", HELP));
    }
    all(entries.iter().filter(|entry| !is_missing(entry)).map(|entry| secret(entry, env)))
}

/// Checks a secret that is sent as an HTTP header.
pub(super) fn for_header(place: &Place<'_>, secret: SecretString) -> Read<SecretString> {
    if secret.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(secret);
    }
    Err(place.wrong(
        &SECRET_INVALID,
        "has characters that no key has",
        "copy the key alone, without “Bearer” and white space",
    ))
}

/// Checks the text of a secret: what white space there is comes from copying and would make every
/// signature wrong.
pub(super) fn checked(place: &Place<'_>, text: &str) -> Read<SecretString> {
    if text.is_empty() {
        return Err(place.wrong(&SECRET_INVALID, "is empty", HELP));
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(place.wrong(
            &SECRET_INVALID,
            "has white space or a line break around or in it",
            "copy the secret again",
        ));
    }
    place.report.takes(text);
    Ok(SecretString::from(text))
}

fn from_variable(place: &Place<'_>, name: &str, env: &dyn Env) -> Read<SecretString> {
    match env.get(name) {
        None if !is_variable(name) => Err(place.wrong(
            &SECRET_INVALID,
            "names an environment variable by more than its name",
            "write { env = \"NAME\" }: the name alone, without $, %, = and braces, and not the secret itself",
        )),
        None => Err(place.wrong(
            &SECRET_MISSING,
            &format!("needs the environment variable {name}, which is not set"),
            set(name),
        )),
        Some(text) if text.is_empty() => Err(place.wrong(
            &SECRET_MISSING,
            &format!("needs the environment variable {name}, which is empty"),
            set(name),
        )),
        Some(text) => checked(place, without_line_end(&text)),
    }
}

/// Whether a shell can set a variable of this name. What is not may be a secret, so no message
/// shows it.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn set(name: &str) -> String {
    format!("export {name}=… before you start ticketroom")
}

fn from_file(place: &Place<'_>, path: &str) -> Read<SecretString> {
    let help = "check the path and who may read it; it is relative to the working directory";
    let unreadable = |error: std::io::Error| {
        place.wrong(&SECRET_MISSING, &format!("can't be read from {path}: {}", error.kind()), help)
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    (&file).take(LONGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(place.wrong(&SECRET_MISSING, &format!("can't be read from {path}: not text"), help));
    };
    if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST) {
        return Err(place.wrong(
            &SECRET_MISSING,
            &format!("can't be read from {path}: too long for a secret"),
            help,
        ));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        const OTHERS_READ: u32 = 0o004;
        if file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & OTHERS_READ != 0) {
            place.odd(&format!("is in {path}, which everybody on this machine can read; chmod 600 it"));
        }
    }
    checked(place, without_line_end(&text))
}

/// Editors and `echo` end a file with a line break that is no part of the secret.
fn without_line_end(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r'])
}
