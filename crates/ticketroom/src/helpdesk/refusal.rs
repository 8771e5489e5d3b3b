//! What an answer that is no success means, for every helpdesk the same.

use crate::call::{Cause, retry_after};
use crate::http::Answer;

/// Why a call did not succeed, from its answer. `detail` says what the other side objected to; it is only
/// asked where that matters, and has to be free of personal data.
pub(super) fn cause(answer: &Answer, detail: impl FnOnce() -> String) -> Cause {
    let status = answer.status.as_u16();
    match status {
        401 => Cause::Unauthorized,
        402 => Cause::PaymentRequired,
        403 => Cause::Forbidden,
        404 | 410 => Cause::NotFound,
        409 => Cause::Conflict,
        429 => Cause::RateLimited {
            retry_after: retry_after(&answer.headers),
            limit: "too many requests".to_owned(),
        },
        300..=399 => Cause::Rejected {
            status,
            detail: "it redirects; configure the final address, with https if it has it".to_owned(),
        },
        500.. => Cause::ServerError { status, retry_after: retry_after(&answer.headers) },
        _ => Cause::Rejected { status, detail: detail() },
    }
}
