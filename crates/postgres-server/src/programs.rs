//! Where PostgreSQL's programs are on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result};

/// Where Debian and its children keep each version, in a folder of its number. They aren't in
/// `PATH` there.
const DEBIAN: &str = "/usr/lib/postgresql";

/// What has to be in one folder. The server comes first, as its absence is what there is to be
/// said.
const NEEDED: [&str; 5] = ["postgres", "initdb", "psql", "pg_isready", "pg_basebackup"];

/// The programs of one version.
#[derive(Debug, Clone)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// The newest version.
    pub(crate) fn find() -> Result<Self> {
        let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
        let versions = newest_first(versions.map(|version| version.path()).collect());
        let folders: Vec<_> =
            versions.into_iter().map(|version| version.join("bin")).chain(in_path()).collect();
        let has_all = |folder: &&PathBuf| NEEDED.iter().all(|program| folder.join(program).is_file());
        if let Some(folder) = folders.iter().find(has_all) {
            return Ok(Self(folder.clone()));
        }
        let is_nowhere = |program: &&str| !folders.iter().any(|folder| folder.join(program).is_file());
        let program = NEEDED.into_iter().find(|program| is_nowhere(program)).unwrap_or(NEEDED[0]);
        Err(Error::Missing { program, looked_in: format!("{DEBIAN}/*/bin and in PATH") })
    }

    /// One of them.
    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }

    /// A client, which takes nothing from the environment of whoever runs the tests.
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.path(program));
        forget_settings(&mut command);
        // TLS is what tests look at with clients of their own.
        command.env("PGCONNECT_TIMEOUT", "10").env("PGCLIENTENCODING", "UTF8").env("PGSSLMODE", "disable");
        command
    }

    /// Where they are.
    pub(crate) fn into_folder(self) -> PathBuf {
        self.0
    }
}

/// Takes away what PostgreSQL's programs would read from the environment, and has them speak
/// English.
pub(crate) fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PG")) {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C");
}

/// What makes certificates. PostgreSQL's package brings it on Debian.
pub(crate) fn openssl() -> Result<PathBuf> {
    found_in_path("openssl")
}

/// What fills a disk. It is part of util-linux, which is on every Debian, but not in every image of
/// a container.
pub(crate) fn prlimit() -> Result<PathBuf> {
    found_in_path("prlimit")
}

/// The connection pooler. Debian has it where only root's `PATH` leads.
pub(crate) fn pgbouncer() -> Result<PathBuf> {
    let there = Path::new("/usr/sbin/pgbouncer");
    if there.is_file() { Ok(there.to_owned()) } else { found_in_path("pgbouncer") }
}

fn found_in_path(program: &'static str) -> Result<PathBuf> {
    let found = in_path().map(|folder| folder.join(program)).find(|program| program.is_file());
    found.ok_or_else(|| Error::Missing { program, looked_in: "PATH".to_owned() })
}

fn in_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// Folders by the versions that they are named after. As text, 9.6 would be newer than 15.
fn newest_first(mut folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let version = |folder: &Path| -> Vec<u32> {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.split('.').map_while(|part| part.parse().ok()).collect()
    };
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_what_to_do_about_it() {
        let missing = found_in_path("no-such-program").map_err(|error| error.to_string());
        assert!(missing.is_err_and(|error| {
            error.starts_with("“no-such-program” is not installed (looked for it in PATH)")
                && error.contains("util-linux")
        }));
    }

    #[test]
    fn the_newest_version_comes_first() {
        let folders = ["/p/9.6", "/p/15", "/p/common", "/p/17"].map(PathBuf::from).to_vec();
        let sorted = newest_first(folders);
        assert_eq!(sorted, ["/p/17", "/p/15", "/p/9.6", "/p/common"].map(PathBuf::from));
    }
}
