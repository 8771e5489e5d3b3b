//! The codes of failed calls: the same kinds for each system, with what helps against its own
//! refusals.

use super::System;
use crate::reason::Code;

/// The codes of a system's failures, one for each [`Cause`](super::Cause) that is about the system.
#[derive(Debug)]
#[allow(missing_docs, reason = "named for the causes")]
pub struct FailureCodes {
    pub unreachable: Code,
    pub silent: Code,
    pub no_answer: Code,
    pub rate_limited: Code,
    pub unauthorized: Code,
    pub payment_required: Code,
    pub forbidden: Code,
    pub not_found: Code,
    pub conflict: Code,
    pub rejected: Code,
    pub server_error: Code,
    pub unreadable: Code,
    pub unusable: Code,
    pub unsettled: Code,
}

impl FailureCodes {
    /// All of them, for the manual.
    #[must_use]
    pub fn all(&self) -> [&Code; 14] {
        [
            &self.unreachable,
            &self.silent,
            &self.no_answer,
            &self.rate_limited,
            &self.unauthorized,
            &self.payment_required,
            &self.forbidden,
            &self.not_found,
            &self.conflict,
            &self.rejected,
            &self.server_error,
            &self.unreadable,
            &self.unusable,
            &self.unsettled,
        ]
    }
}

/// The codes of the system `$id`, which people call `$name`, with what helps against its refusals.
macro_rules! failure_codes {
    (
        $id:literal, $name:literal, unauthorized: $unauthorized:expr, payment_required: $payment_required:expr,
        forbidden: $forbidden:expr, not_found: $not_found:expr, rejected: $rejected:expr $(,)?
    ) => {
        $crate::call::FailureCodes {
            unreachable: $crate::reason::Code::waiting(
                concat!("waiting.", $id, ".unreachable"),
                concat!($name, " can't be reached: no connection could be made, so nothing was sent."),
            ),
            silent: $crate::reason::Code::waiting(
                concat!("waiting.", $id, ".silent"),
                concat!($name, " has not answered several calls in a row. Calls are held back, and one is sent from time to time to see whether it answers again."),
            ),
            no_answer: $crate::reason::Code::waiting(
                concat!("waiting.", $id, ".no-answer"),
                concat!($name, " did not answer a call in time, or the connection broke. What the call asked for may have happened, so it is looked for before it is asked for again."),
            ),
            rate_limited: $crate::reason::Code::waiting(
                concat!("waiting.", $id, ".rate-limited"),
                concat!($name, " limits how much is asked of it, and the limit is reached. Calls continue when it allows them."),
            ),
            unauthorized: $crate::reason::Code::blocked(
                concat!("blocked.", $id, ".unauthorized"),
                concat!($name, " does not accept our credentials (401)."),
                $unauthorized,
            ),
            payment_required: $crate::reason::Code::blocked(
                concat!("blocked.", $id, ".payment-required"),
                concat!($name, " refuses a call because of a quota or an unpaid bill (402)."),
                $payment_required,
            ),
            forbidden: $crate::reason::Code::blocked(
                concat!("blocked.", $id, ".forbidden"),
                concat!($name, " does not allow our user what a call asks for (403)."),
                $forbidden,
            ),
            not_found: $crate::reason::Code::blocked(
                concat!("blocked.", $id, ".not-found"),
                concat!($name, " does not have what a call is about, or does not show it to our user (404)."),
                $not_found,
            ),
            conflict: $crate::reason::Code::waiting(
                concat!("waiting.", $id, ".conflict"),
                concat!($name, " reports that somebody else changed the same thing at the same moment (409)."),
            ),
            rejected: $crate::reason::Code::blocked(
                concat!("blocked.", $id, ".rejected"),
                concat!($name, " rejects the content of a call (3xx or 4xx). After 400, 413, 415 and 422 the ticket is tried again only on request."),
                $rejected,
            ),
            server_error: $crate::reason::Code::waiting(
                concat!("waiting.", $id, ".server-error"),
                concat!($name, " failed at a call (5xx). What the call asked for may have happened, so it is looked for before it is asked for again."),
            ),
            unreadable: $crate::reason::Code::waiting(
                concat!("waiting.", $id, ".unreadable"),
                concat!($name, " answered something that can't be read."),
            ),
            unusable: $crate::reason::Code::blocked(
                concat!("blocked.", $id, ".unusable"),
                concat!($name, " answered something that must not be passed on, such as a link that is not a web address."),
                "open the address of the configuration in a browser: does the system itself answer there, or something in between?",
            ),
            unsettled: $crate::reason::Code::waiting(
                concat!("waiting.", $id, ".unsettled"),
                concat!($name, " did not answer a call, and what the call asked for is not there yet. It may still come, so it is not asked for again before that is clear."),
            ),
        }
    };
}
pub(crate) use failure_codes;

/// A system about which nothing more is known than its answers: an address that is only tried, or
/// one of a test.
pub static OTHER: System = System {
    name: "the other system",
    codes: failure_codes!(
        "other", "The other system",
        unauthorized: "", payment_required: "", forbidden: "", not_found: "", rejected: "",
    ),
    can_be_asked: false,
    special: |_| None,
};
