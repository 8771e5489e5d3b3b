//! `cargo xtask openapi` and `cargo xtask errors`: write generated files anew. The tests that
//! compare them do that when they are told to.

use crate::{Result, cargo};

/// A file that is generated from the source and committed.
pub(crate) struct Generated {
    /// The module whose test compares the file.
    test: &'static str,
    /// The variable that makes the test write it.
    renew: &'static str,
}

/// `crates/ticketroom/src/web/openapi.json`.
pub(crate) const OPENAPI: Generated = Generated { test: "web::openapi::", renew: "TICKETROOM_RENEW_OPENAPI" };
/// `docs/errors.md`.
pub(crate) const ERRORS: Generated = Generated { test: "error_manual::", renew: "TICKETROOM_RENEW_ERRORS" };

pub(crate) fn renew(file: &Generated) -> Result {
    let mut test = cargo();
    test.args(["test", "--locked", "--package", "ticketroom", "--lib", file.test]);
    crate::run(test.env(file.renew, "1"))
}
