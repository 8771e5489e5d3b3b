//! What a person can do about a call that failed for good.

use crate::call::Failure;
use crate::{docspace, helpdesk};

/// The failure and what to do about it, in a sentence or two. Each system knows what helps with its own refusals.
#[must_use]
pub fn advice(failure: &Failure) -> String {
    failure.with_help(docspace::advice::help(failure).or_else(|| helpdesk::help(failure)))
}
