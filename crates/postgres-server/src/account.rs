//! Whom PostgreSQL runs as: it refuses to run as root.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::{Error, Result};

/// The name that packages give to PostgreSQL's own user.
const NAME: &str = "postgres";

/// A user of this machine, or whoever we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// We ourselves.
    Ours,
    /// Another one, since we are root.
    Other {
        /// Its number.
        user: u32,
        /// The number of its main group.
        group: u32,
    },
}

impl Account {
    /// Whom to run it as.
    pub(crate) fn for_postgres() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ours);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(Error::io("read /etc/passwd"))?;
        find(&users, NAME).ok_or(Error::NoAccount)
    }

    /// Gives it a file or folder.
    pub(crate) fn own(self, path: &Path) -> Result {
        let Self::Other { user, group } = self else { return Ok(()) };
        let what = || format!("give {} to the user {NAME}", path.display());
        std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(Error::io(what()))
    }

    /// Has a command run as this user.
    pub(crate) fn run_as(self, command: &mut Command) {
        if let Self::Other { user, group } = self {
            command.uid(user).gid(group);
        }
    }
}

/// Finds a user in the text of `/etc/passwd`: `name:password:user:group:...`.
fn find(users: &str, name: &str) -> Option<Account> {
    let mut fields = users.lines().map(|line| line.split(':'));
    let mut fields = fields.find_map(|mut line| (line.next() == Some(name)).then_some(line))?;
    let (user, group) = (fields.nth(1)?, fields.next()?);
    Some(Account::Other { user: user.parse().ok()?, group: group.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\n\
                     postgres2:x:5:6::/:/bin/sh\n\
                     postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(find(users, NAME), Some(Account::Other { user: 101, group: 104 }));
        assert_eq!(find(users, "nobody"), None);
        assert_eq!(find("postgres:x:\n", NAME), None);
    }
}
