//! One run of the server, from its start until it is stopped, killed, or left alone by us.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::folder::Folder;
use crate::programs::{Programs, prlimit};
use crate::{Error, Result};

/// How long anything here may take: far more than it ever does.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs the server (`$2`, with the folder `$1` and the port `$3`) and waits for one word: the
/// signal to end it with. If its input ends without one, we have died, or don't need the server any
/// more.
///
/// The signal is said again and again, as the server doesn't hear it right after its start; and
/// SIGCONT with it, as we may have died while we held the server.
const SUPERVISOR: &str = r#"
exec 3<&0
"$2" -D "$1/data" -p "$3" </dev/null 3<&- &
server=$!
(
    signal=
    read -r signal <&3
    while kill -s "${signal:-QUIT}" "$server" 2>/dev/null; do
        kill -s CONT "$server" 2>/dev/null
        sleep 0.05
    done
) &
wait "$server"
status=$?
kill "$!" 2>/dev/null
exit "$status"
"#;

/// A server that takes connections.
#[derive(Debug)]
pub(crate) struct Running {
    supervisor: Supervisor,
    postmaster: Pid,
}

impl Running {
    /// Starts the server and waits until it takes connections.
    pub(crate) fn start(programs: &Programs, folder: &Folder, port: u16) -> Result<Self> {
        let mut supervisor = Supervisor::start(programs, folder, port)?;
        if !supervisor.takes_connections(programs, folder, port)? {
            return Err(Error::Failed { command: "postgres".to_owned(), output: folder.end_of_log() });
        }
        Ok(Self { supervisor, postmaster: postmaster(folder)? })
    }

    /// Waits until the server takes connections, which after a crash of one of its processes it
    /// does only once it has begun anew. `false` if it ends instead.
    pub(crate) fn takes_connections(
        &mut self,
        programs: &Programs,
        folder: &Folder,
        port: u16,
    ) -> Result<bool> {
        self.supervisor.takes_connections(programs, folder, port)
    }

    /// Whether the server is gone.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.supervisor.has_ended()
    }

    /// None of its files grows beyond so many bytes any more. `None` lifts that.
    pub(crate) fn limit_files(&mut self, folder: &Folder, bytes: Option<u64>) -> Result {
        let bytes = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        // The first process first: whom it makes from now on has its limit.
        let first = self.limit(folder, &bytes, self.postmaster);
        if self.has_ended() {
            return Ok(());
        }
        first?;
        for child in children_of(self.postmaster)? {
            let limited = self.limit(folder, &bytes, child);
            if state(child).is_some_and(|(state, _)| !is_end(state)) {
                limited?;
            }
        }
        Ok(())
    }

    /// Changes the soft limit of one process, so that it can be undone. Only its own user may, and
    /// we may be root with few powers.
    fn limit(&self, folder: &Folder, bytes: &str, process: Pid) -> Result {
        let mut prlimit = Command::new(prlimit()?);
        folder.run(prlimit.args(["--pid", &process.to_string(), &format!("--fsize={bytes}:")]))
    }

    /// Sends connections away and shuts it down in good order.
    pub(crate) fn stop(mut self, folder: &Folder) -> Result {
        // What PostgreSQL calls a fast shutdown.
        self.supervisor.order("INT");
        let stopped = until("PostgreSQL stops", folder, || self.has_ended());
        if stopped.is_err() {
            self.kill(folder)?;
        }
        stopped
    }

    /// SIGSTOP to all of its processes.
    pub(crate) fn hold(&self, folder: &Folder) -> Result {
        self.hold_the_first(folder)?;
        for child in children_of(self.postmaster)? {
            signal(child, Signal::STOP);
        }
        Ok(())
    }

    fn hold_the_first(&self, folder: &Folder) -> Result {
        signal(self.postmaster, Signal::STOP);
        until("PostgreSQL is held", folder, || {
            state(self.postmaster).is_none_or(|(state, _)| state == 'T' || is_end(state))
        })
    }

    /// SIGKILL to all of its processes, as when the machine's power fails, except that what was
    /// written stays written.
    pub(crate) fn kill(mut self, folder: &Folder) -> Result {
        if self.has_ended() {
            return Ok(());
        }
        // Held first, so that it can't make another child while we look for them.
        let held = self.hold_the_first(folder);
        let children = children_of(self.postmaster);
        signal(self.postmaster, Signal::KILL);
        held?;
        let children = children?;
        for child in &children {
            signal(*child, Signal::KILL);
        }
        // The lock file of a server is in the way of its next start as long as any of these is
        // there.
        until("PostgreSQL's processes are gone", folder, || {
            let gone = |child: &Pid| state(*child).is_none_or(|(state, _)| is_end(state));
            self.has_ended() && children.iter().all(gone)
        })
    }
}

/// The shell over the server. Dropping it ends the server and waits for that.
#[derive(Debug)]
struct Supervisor {
    shell: Child,
    // Gone when nothing is to be said any more.
    orders: Option<ChildStdin>,
}

impl Supervisor {
    fn start(programs: &Programs, folder: &Folder, port: u16) -> Result<Self> {
        let log = File::options().create(true).append(true).open(folder.log());
        let log = log.map_err(Error::io("write the server's log"))?;
        let mut shell = folder.shell(SUPERVISOR);
        shell.arg(programs.path("postgres")).arg(port.to_string());
        shell.stdin(Stdio::piped()).stdout(folder.lifeline()?).stderr(log);
        let mut shell = shell.spawn().map_err(Error::io("run /bin/sh"))?;
        let orders = shell.stdin.take();
        Ok(Self { shell, orders })
    }

    fn takes_connections(&mut self, programs: &Programs, folder: &Folder, port: u16) -> Result<bool> {
        let mut question = programs.client("pg_isready");
        // By the socket in its own folder: behind the port may be another server.
        question.arg("-q").arg("-h").arg(folder.path()).arg("-p").arg(port.to_string());
        let mut ended = false;
        until("PostgreSQL takes connections", folder, || {
            ended = self.has_ended();
            ended || question.status().is_ok_and(|status| status.success())
        })?;
        Ok(!ended)
    }

    fn order(&mut self, signal: &str) {
        if let Some(mut orders) = self.orders.take() {
            // An error says that the server has ended already.
            let _ = orders.write_all(format!("{signal}\n").as_bytes());
        }
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.shell.wait();
    }
}

/// Waits until a condition holds.
pub(crate) fn until(what: &'static str, folder: &Folder, mut condition: impl FnMut() -> bool) -> Result {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > deadline {
            return Err(Error::TooSlow { what, log: folder.end_of_log() });
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// The server's first process, which it writes down itself.
fn postmaster(folder: &Folder) -> Result<Pid> {
    let file = folder.data().join("postmaster.pid");
    let text = fs::read_to_string(&file).map_err(Error::io(format!("read {}", file.display())))?;
    let pid = text.lines().next().and_then(|line| line.parse().ok()).and_then(Pid::from_raw);
    pid.ok_or_else(|| Error::Failed { command: "postgres".to_owned(), output: folder.end_of_log() })
}

fn signal(pid: Pid, signal: Signal) {
    // An error says that it is gone already.
    let _ = kill_process(pid, signal);
}

/// Whether a process in that state does nothing any more: it only waits for its parent to ask for
/// its status.
fn is_end(state: char) -> bool {
    matches!(state, 'Z' | 'X')
}

/// What a process does, and who its parent is.
fn state(pid: Pid) -> Option<(char, i32)> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    parse_state(&stat)
}

/// Reads `PID (NAME) STATE PARENT ...`. The name may hold anything.
fn parse_state(stat: &str) -> Option<(char, i32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn children_of(parent: Pid) -> Result<Vec<Pid>> {
    let processes = fs::read_dir("/proc").map_err(Error::io("read /proc"))?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw));
    let parent = parent.as_raw_nonzero().get();
    Ok(pids.filter(|pid| state(*pid).is_some_and(|(_, of)| of == parent)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        assert_eq!(parse_state("7 (a) b) R 1) S 42 7 7 0"), Some(('S', 42)));
        assert_eq!(parse_state("7 (postgres) T 1 7"), Some(('T', 1)));
        assert_eq!(parse_state(""), None);
    }
}
