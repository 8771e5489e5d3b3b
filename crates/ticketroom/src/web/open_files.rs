//! How many connections fit into the limit of open files (`RLIMIT_NOFILE`).
//!
//! A process without a free descriptor can neither take a delivery nor make a call nor open its
//! store. So some are kept for all that, and connections get the rest. The soft limit is only a
//! default that a process may raise by itself; the hard limit is the operator's.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for connections of callers: the store, calls to other systems,
/// connections that are just being closed or refused, the log.
const RESERVE: u64 = 256;

/// Raises the soft limit as far as this many connections need and the hard limit allows, and
/// returns how many connections there can be: at most as many, fewer where the limit is too low,
/// which is logged.
pub fn connections_that_fit(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let need = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(RESERVE);
    let raised = need.min(limit.maximum.unwrap_or(u64::MAX));
    let mut soft = limit.current.unwrap_or(u64::MAX);
    if soft < raised {
        match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
            Ok(()) => soft = raised,
            Err(error) => tracing::warn!(%error, "the limit of open files can't be raised"),
        }
    }
    let fitting = fitting(soft, wanted);
    if fitting < wanted {
        tracing::warn!(
            configured = wanted,
            connections = fitting,
            open_files = soft,
            "fewer connections than configured in [server.limits]: the limit of open files is too low; raise it \
             (ulimit -n, or LimitNOFILE= of systemd)"
        );
    }
    fitting
}

/// Half of a limit that is lower than twice the reserve is reserved.
fn fitting(soft: u64, wanted: usize) -> usize {
    let left = soft.saturating_sub(RESERVE).max(soft / 2).max(1);
    wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_for_the_store_and_for_calls() {
        for (soft, wanted, expected) in [
            (1256, 1000, 1000),
            (1_048_576, 1000, 1000),
            (u64::MAX, 1000, 1000),
            (1024, 1000, 768),
            (512, 1000, 256),
            (256, 1000, 128),
            (64, 10, 10),
            (0, 10, 1),
        ] {
            assert_eq!(fitting(soft, wanted), expected, "{soft} descriptors, {wanted} connections");
        }
    }
}
