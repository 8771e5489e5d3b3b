//! How a command reaches the service that a configuration is for: where it listens, and the admin
//! token.
//!
//! Nothing else is read, so what is wrong elsewhere in the file is left to the service to find, and
//! a command needs no secret that it does not use.

use std::net::SocketAddr;
use std::path::Path;

use secrecy::SecretString;

use super::reader::{Section, parse};
use super::report::{Read, Report};
use super::secret::Secrets;
use super::system::TokenKind;
use super::{ConfigError, DEFAULT_FILE, Env, admin_token, read_text, system};

/// How a service is reached.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What opens its admin endpoints.
    pub token: SecretString,
}

impl Access {
    /// Reads it from where [`Config::load`](super::Config::load) reads the whole.
    ///
    /// # Errors
    /// What is wrong with that part of the configuration.
    pub fn load(path: Option<&Path>, env: &dyn Env) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_FILE);
        let Some(path) = path.or_else(|| default.exists().then_some(default)) else {
            let report = Report::new(DEFAULT_FILE, "", Secrets::All);
            let read = from_variables(&report, env);
            return Ok(report.finish(read)?.0);
        };
        let (text, name) = read_text(path)?;
        let report = Report::new(&name, &text, Secrets::All);
        let read = from_toml(&report, &text, env);
        Ok(report.finish(read)?.0)
    }
}

fn from_toml<'t>(report: &'t Report<'t>, text: &'t str, env: &dyn Env) -> Read<Access> {
    let document = parse(report, text)?;
    let mut top = Section::top(report, document.get_ref());
    let token = top.section("admin").and_then(|mut section| system::token_of(&mut section, env));
    let kind = TokenKind::of(&token);
    let listen = top.section("server").and_then(|mut section| system::listen_of(&mut section, kind));
    let token = match token? {
        Some(token) => token,
        None => {
            let key = top.section("docspace").and_then(|mut section| system::api_key(&mut section, env));
            admin_token::derived(&key?)
        }
    };
    Ok(Access { listen: listen?, token })
}

fn from_variables(report: &Report<'_>, env: &dyn Env) -> Read<Access> {
    let (token, listen) = system::server_from_variables(report, env);
    let token = match token? {
        Some(token) => token,
        None => admin_token::derived(&system::docspace_from_variables(report, env)?.api_key),
    };
    Ok(Access { listen: listen?, token })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(text: &str) -> Result<(String, String), ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.toml");
        std::fs::write(&file, text).unwrap();
        let access = Access::load(Some(&file), &HashMap::new())?;
        Ok((access.listen.to_string(), access.token.expose_secret().to_owned()))
    }

    #[test]
    fn nothing_else_is_read() {
        let text = "[server]\nlisten = \"127.0.0.1:4000\"\nno = 1\n[admin]\ntoken = \"token\"\n[[helpdesk]]\nname = 1\n\
            [docspace]\napi_key = { env = \"NOT_HERE\" }";
        assert_eq!(read(text).unwrap(), ("127.0.0.1:4000".to_owned(), "token".to_owned()));
        let derived = "df0563623a7d30b784172735e590ce170147c31f87b124d7fb543d5ab0d46655";
        let text = "[docspace]\nurl = \"nowhere\"\napi_key = \"sk-1\"";
        assert_eq!(read(text).unwrap(), ("127.0.0.1:3000".to_owned(), derived.to_owned()));
    }

    #[test]
    fn what_is_needed_and_wrong_is_said() {
        for (text, expected) in [
            ("[server", "not valid TOML"),
            ("[server]\nlisten = \"here\"\n[admin]\ntoken = \"token\"", "“listen”"),
            (
                "[admin]\ntoken = { env = \"NOT_HERE\" }",
                "the environment variable NOT_HERE, which is not set",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
