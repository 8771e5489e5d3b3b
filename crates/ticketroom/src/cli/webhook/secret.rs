//! Where a webhook secret goes that was made by this command or by the helpdesk: into the file that
//! the configuration names, which only its owner can read then, or once onto the screen.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::{Ended, Result};
use crate::cli::say;
use crate::config::SecretPlace;
use crate::ticket::HelpdeskName;

/// A secret of 244 random bits.
pub(super) fn generated() -> SecretString {
    let half = || uuid::Uuid::new_v4().simple().to_string();
    SecretString::from(format!("{}{}", half(), half()))
}

/// Puts a helpdesk's secret where it belongs.
pub(super) struct Keeper<'a> {
    pub(super) name: &'a HelpdeskName,
    pub(super) place: Option<&'a SecretPlace>,
}

impl Keeper<'_> {
    /// What will become of a secret, in words.
    pub(super) fn plan(&self) -> String {
        match self.place {
            Some(SecretPlace::File(path)) => format!("it goes into {}", path.display()),
            Some(SecretPlace::Variable(name)) => format!("it is printed once, for the variable {name}"),
            Some(SecretPlace::Configuration) | None => "it is printed once".to_owned(),
        }
    }

    pub(super) fn keep(&self, secret: &SecretString) -> Result {
        let exposed = secret.expose_secret();
        match self.place {
            Some(SecretPlace::File(path)) => {
                write(path, exposed)?;
                say(format!(
                    "the webhook secret is in {}; reload the service: ticketroom reload",
                    path.display()
                ))
            }
            Some(SecretPlace::Variable(name)) => say(format!(
                "the webhook secret, which is not shown again; set it for the service and restart it:\n  export {name}={exposed}"
            )),
            Some(SecretPlace::Configuration) | None => say(format!(
                "the webhook secret of {}, which is not shown again; configure it as webhook_secret and reload the service:\n  {exposed}",
                self.name
            )),
        }
    }
}

/// Writes a secret into a file that has none yet. One that is there is somebody's, and is left.
fn write(path: &Path, secret: &str) -> Result {
    let failed = |error: std::io::Error| {
        Ended::Failed(format!(
            "the webhook secret can't be written to {}: {error}. Nothing was lost: run this again when it can",
            path.display()
        ))
    };
    let there = match fs::read_to_string(path) {
        Ok(there) => there,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    if !there.trim().is_empty() {
        return Err(Ended::Misconfigured(format!(
            "{} holds another secret than the helpdesk has. Move it away and run this again, or take both for a while: \
             webhook_secret = [{{ file = \"…\" }}, {{ file = \"…\" }}]",
            path.display()
        )));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(0o600);
        if path.exists() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        }
    }
    let mut file = options.open(path).map_err(failed)?;
    writeln!(file, "{secret}").and_then(|()| file.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_for_its_owner_alone_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let name: HelpdeskName = "zendesk".parse().unwrap();
        let place = SecretPlace::File(path.clone());
        let keeper = Keeper { name: &name, place: Some(&place) };
        fs::write(&path, "\n").unwrap();
        keeper.keep(&SecretString::from("first")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(keeper.keep(&SecretString::from("second")), Err(Ended::Misconfigured(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\n");
    }

    #[test]
    fn generated_secrets_differ() {
        let (one, other) = (generated(), generated());
        assert_eq!(one.expose_secret().len(), 64);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }
}
