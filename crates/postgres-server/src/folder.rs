//! The folder of a server's files, which is removed once nobody needs it any more.
//!
//! A shell waits for the end of its standard input and then removes the folder. The other end of
//! that pipe is the *lifeline*: we hold it, and so does everything that writes into the folder, the
//! server's processes included. So the folder stays until the last of them is gone, and it goes
//! even if all of us were killed.

use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::account::Account;
use crate::programs::forget_settings;
use crate::{Error, Result};

const GUARD: &str = r#"
cat >/dev/null
# A server that was killed has left a piece of shared memory behind, and wrote down which one.
memory=$(sed -n '7s/.* //p' "$1/data/postmaster.pid" 2>/dev/null)
[ -z "$memory" ] || ipcrm -m "$memory" 2>/dev/null
rm -rf "$1"
"#;

/// A temporary folder and its guard.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    account: Account,
    guard: Child,
    // Always there until this is dropped.
    lifeline: Option<ChildStdin>,
}

impl Folder {
    /// An empty one, which belongs to that user.
    pub(crate) fn new(account: Account) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ticketroom-postgres-").tempdir();
        let folder = folder.map_err(Error::io("make a temporary folder"))?;
        account.own(folder.path())?;
        let mut guard = shell(GUARD, folder.path());
        let mut guard = guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let lifeline = guard.as_mut().ok().and_then(|guard| guard.stdin.take());
        let guard = guard.map_err(Error::io("run /bin/sh"))?;
        Ok(Self { path: folder.keep(), account, guard, lifeline })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the server's own files are.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Where the server says what it does.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The last lines of that.
    pub(crate) fn end_of_log(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// One more holder of the lifeline.
    pub(crate) fn lifeline(&self) -> Result<Stdio> {
        let lifeline = self.lifeline.as_ref().ok_or(Error::NotRunning)?;
        let copy = lifeline.as_fd().try_clone_to_owned().map_err(Error::io("copy a pipe"))?;
        Ok(copy.into())
    }

    /// A shell that runs as the folder's owner, in it.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = shell(script, &self.path);
        self.settle(&mut command);
        command
    }

    /// Runs a program to its end, as the folder's owner and in it.
    pub(crate) fn run(&self, command: &mut Command) -> Result {
        self.settle(command);
        // Nothing to read, but as long as it lives it may write into the folder.
        command.stdin(self.lifeline()?);
        succeed(command).map(drop)
    }

    fn settle(&self, command: &mut Command) {
        forget_settings(command);
        self.account.run_as(command);
        // Ours may be one that this user can't read.
        command.current_dir(&self.path);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.lifeline = None;
        // Whoever drops this finds everything tidied up.
        let _ = self.guard.wait();
    }
}

/// A shell in a process group of its own, so that Ctrl-C ends only us, and it can do its part
/// afterwards.
fn shell(script: &str, argument: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sh"]).arg(argument).process_group(0);
    command
}

/// Runs a program to its end and returns what it wrote to its standard output.
pub(crate) fn succeed(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(Error::io(format!("run {program}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = [text(&output.stdout), text(&output.stderr), output.status.to_string()];
    let said: Vec<_> = said.into_iter().filter(|said| !said.is_empty()).collect();
    Err(Error::Failed { command: program, output: said.join("\n") })
}
