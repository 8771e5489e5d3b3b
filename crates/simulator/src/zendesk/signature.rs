//! The headers of a delivery, with its signature.
//!
//! `signature = base64(HMAC-SHA256(key = secret, message = timestamp header + raw body))`. The
//! secret is used as text; it looks like base64, but is never decoded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// The account's number.
pub(super) const ACCOUNT: u64 = 22_129_848;
/// The webhook that a test connects by hand.
pub(super) const WEBHOOK: &str = "01JD7K9Q3VX4M2N8T6RYB5C0ZA";

/// The headers that Zendesk sends with this body.
///
/// ```
/// let at = "2021-03-25T05:09:27Z".parse().unwrap();
/// let secret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";
/// let headers = simulator::zendesk::signed_headers(secret, br#"{"event":"ticket.updated","id":123}"#, "1", at);
/// let signature = headers.iter().find(|(name, _)| name == "x-zendesk-webhook-signature").unwrap();
/// assert_eq!(signature.1, "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=");
/// ```
pub fn signed_headers(secret: &str, body: &[u8], invocation: &str, at: Timestamp) -> Vec<(String, String)> {
    signed_headers_of(WEBHOOK, secret, body, invocation, at)
}

/// The same for a webhook of that id.
pub(super) fn signed_headers_of(
    webhook: &str,
    secret: &str,
    body: &[u8],
    invocation: &str,
    at: Timestamp,
) -> Vec<(String, String)> {
    let timestamp = format!("{at:.0}");
    let account = ACCOUNT.to_string();
    let signature = signature(secret, &timestamp, body);
    [
        ("content-type", "application/json"),
        ("user-agent", "Zendesk Webhook"),
        ("x-zendesk-account-id", &account),
        ("x-zendesk-webhook-id", webhook),
        ("x-zendesk-webhook-invocation-id", invocation),
        ("x-zendesk-webhook-signature", &signature),
        ("x-zendesk-webhook-signature-timestamp", &timestamp),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length, so there is always a signature.
    Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map(|mac| mac.chain_update(timestamp).chain_update(body).finalize().into_bytes())
        .map(|bytes| STANDARD.encode(bytes))
        .unwrap_or_default()
}
