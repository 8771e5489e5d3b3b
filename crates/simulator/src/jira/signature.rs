//! The headers of a delivery of an admin webhook (Cloud), with its signature.
//!
//! `signature = "sha256=" + hex(HMAC-SHA256(key = secret, message = raw body))`. It contains no
//! time, so a delivery can be replayed at any time. All attempts at one delivery have the same
//! identifier. Without a secret there is no signature.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The priority of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Flow {
    /// A user's action.
    #[default]
    Primary,
    /// A consequence of one, such as the deletion of an issue's comments.
    Secondary,
}

/// The headers that Jira Cloud sends with this body. `retry` is 0 at the first attempt, which
/// doesn't say so.
///
/// ```
/// use simulator::jira::{Flow, signed_headers};
/// let headers = signed_headers(Some("It's a Secret to Everybody"), b"Hello World!", "wh-1", Flow::Primary, 0);
/// let signature = headers.iter().find(|(name, _)| name == "x-hub-signature").unwrap();
/// assert_eq!(signature.1, "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9");
/// ```
pub fn signed_headers(
    secret: Option<&str>,
    body: &[u8],
    identifier: &str,
    flow: Flow,
    retry: u32,
) -> Vec<(String, String)> {
    let flow = match flow {
        Flow::Primary => "Primary",
        Flow::Secondary => "Secondary",
    };
    let mut headers = vec![
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("user-agent", "Atlassian Webhook HTTP Client".to_owned()),
        ("x-atlassian-webhook-identifier", identifier.to_owned()),
        ("x-atlassian-webhook-flow", flow.to_owned()),
    ];
    if retry > 0 {
        headers.push(("x-atlassian-webhook-retry", retry.to_string()));
    }
    if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
        headers.push(("x-hub-signature", hub_signature(secret, body)));
    }
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The value of `X-Hub-Signature`.
pub fn hub_signature(secret: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length, so there is always a signature.
    let bytes = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map(|mac| mac.chain_update(body).finalize().into_bytes())
        .unwrap_or_default();
    let mut signature = "sha256=".to_owned();
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}
