//! Named places at which a test can kill the process: before and after every outside call and every
//! commit. Compiled in only with the feature `fault-points`, which tests turn on and releases
//! don't.
//!
//! * `TICKETROOM_FAULT_LOG=FILE` writes the name of each place when it is first passed, so that a
//!   test can learn them all from one undisturbed run.
//! * `TICKETROOM_KILL_AT=NAME` or `NAME#3` sends SIGKILL to the process when it passes the place
//!   for the first (third) time.

/// Which side of the effect a place is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The effect has not begun.
    Before,
    /// The effect is complete, but nothing has been made of its result.
    After,
}

/// Passes the place before or after an effect.
#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub fn pass(_side: Side, _scope: &str, _effect: &str) {}

/// Passes the place before or after an effect.
#[cfg(feature = "fault-points")]
pub fn pass(side: Side, scope: &str, effect: &str) {
    let side = match side {
        Side::Before => "before",
        Side::After => "after",
    };
    switched_on::pass(&format!("{scope}.{effect}:{side}"));
}

#[cfg(feature = "fault-points")]
mod switched_on {
    use std::collections::HashMap;
    use std::io::Write;
    use std::sync::{LazyLock, Mutex, PoisonError};

    struct Orders {
        log: Option<std::path::PathBuf>,
        kill_at: Option<(String, u64)>,
        passed: Mutex<HashMap<String, u64>>,
    }

    static ORDERS: LazyLock<Orders> = LazyLock::new(|| Orders {
        log: std::env::var_os("TICKETROOM_FAULT_LOG").map(Into::into),
        kill_at: std::env::var("TICKETROOM_KILL_AT").ok().map(|at| match at.split_once('#') {
            Some((name, times)) => (name.to_owned(), times.parse().unwrap_or(1)),
            None => (at, 1),
        }),
        passed: Mutex::default(),
    });

    pub(super) fn pass(place: &str) {
        if ORDERS.log.is_none() && ORDERS.kill_at.is_none() {
            return;
        }
        let times = {
            let mut passed = ORDERS.passed.lock().unwrap_or_else(PoisonError::into_inner);
            let times = passed.entry(place.to_owned()).or_default();
            *times += 1;
            *times
        };
        if let Some(path) = &ORDERS.log
            && times == 1
        {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            // In one piece: several threads write, and a process may be killed in between.
            let _ = file.and_then(|mut file| file.write_all(format!("{place}\n").as_bytes()));
        }
        if ORDERS.kill_at.as_ref().is_some_and(|(name, at)| name == place && *at == times) {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            // The signal is on its way; this thread must do nothing more.
            loop {
                std::thread::park();
            }
        }
    }
}
