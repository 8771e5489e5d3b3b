//! `cargo xtask openapi`: writes the description of the API. The test that compares it does so with an environment variable.

use crate::{Result, cargo};

/// As in `crates/ticketroom/src/web/openapi.rs`.
const RENEW: &str = "TICKETROOM_RENEW_OPENAPI";

pub(crate) fn run() -> Result {
    let mut test = cargo();
    test.args(["test", "--locked", "--package", "ticketroom", "--lib", "web::openapi::"]);
    crate::run(test.env(RENEW, "1"))
}
