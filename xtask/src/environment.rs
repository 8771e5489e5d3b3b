//! The limits and environment variables that tests and benchmarks need.

use std::process::Command;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Open files that one process may need: both ends of hundreds of connections.
const OPEN_FILES: u64 = 4096;

/// Lets this process and its children open enough files. The default of many systems is too low.
///
/// # Errors
/// When an administrator allows fewer.
pub(crate) fn raise_open_files() -> Result<(), String> {
    let mut limit = getrlimit(Resource::Nofile);
    // None is no limit.
    if limit.current.is_none_or(|current| current >= OPEN_FILES) {
        return Ok(());
    }
    if let Some(most) = limit.maximum.filter(|most| *most < OPEN_FILES) {
        return Err(format!(
            "this machine lets a process open {most} files at most, and {OPEN_FILES} are needed; \
             raise the hard limit (ulimit -Hn) and try again"
        ));
    }
    limit.current = Some(OPEN_FILES);
    setrlimit(Resource::Nofile, limit)
        .map_err(|error| format!("the limit of open files can't be raised: {error}"))
}

/// Gives a command the same environment on each machine.
pub(crate) fn normalize(command: &mut Command) {
    // The product reads these, and a developer may have set them for a portal of their own.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("TICKETROOM_") || name.starts_with("DOCSPACE_"))
        {
            command.env_remove(name);
        }
    }
    // All calls are to this machine, also where a proxy is configured.
    let past_proxy = ["NO_PROXY", "no_proxy"].into_iter().filter_map(|name| std::env::var(name).ok());
    let past_proxy: Vec<_> = past_proxy.chain(["localhost,127.0.0.1,::1".to_owned()]).collect();
    let past_proxy = past_proxy.join(",");
    command.env("NO_PROXY", &past_proxy).env("no_proxy", &past_proxy);
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        command.env("RUST_BACKTRACE", "1");
    }
}
