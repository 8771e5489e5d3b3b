//! Credentials. A call with a wrong one is not rejected but treated as anonymous: most resources
//! answer as if they were empty. Only calls about the caller itself answer 401.

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use uuid::Uuid;

use super::people::INTEGRATION_EMAIL;
use super::{Deployment, wire};
use crate::http::{Answer, Request};

/// The credentials of the integration.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) api_token: String,
    pub(super) personal_access_token: String,
    revoked: AtomicBool,
}

impl Default for Credentials {
    fn default() -> Self {
        let secret = || Uuid::new_v4().simple().to_string();
        Self {
            api_token: format!("ATATT{}", secret()),
            personal_access_token: secret(),
            revoked: AtomicBool::new(false),
        }
    }
}

impl Credentials {
    pub(super) fn revoke(&self) {
        self.revoked.store(true, Ordering::SeqCst);
    }

    /// Whether the call has a valid credential of the integration.
    pub(super) fn is_known(&self, request: &Request, deployment: Deployment) -> bool {
        let authorization = request.header("authorization").unwrap_or_default();
        let Some((scheme, given)) = authorization.split_once(' ') else { return false };
        let right = match deployment {
            Deployment::Cloud if scheme.eq_ignore_ascii_case("basic") => {
                let expected = format!("{INTEGRATION_EMAIL}:{}", self.api_token);
                STANDARD.decode(given).is_ok_and(|given| given == expected.as_bytes())
            }
            Deployment::DataCenter if scheme.eq_ignore_ascii_case("bearer") => {
                given == self.personal_access_token
            }
            _ => false,
        };
        right && !self.revoked.load(Ordering::SeqCst)
    }
}

/// The answer to anonymous calls about the caller.
pub(super) fn unauthenticated() -> Answer {
    let message = "Client must be authenticated to access this resource.";
    wire::error(StatusCode::UNAUTHORIZED, message)
}
