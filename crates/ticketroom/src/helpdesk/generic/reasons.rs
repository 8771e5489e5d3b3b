//! What can be wrong at the callback of a generic helpdesk, and what a person can do about it.

use crate::call::{System, failure_codes};
use crate::reason::codes;

/// The callback of a generic helpdesk as a system that is called.
pub(crate) static CALLBACK: System = System {
    name: "callback",
    codes: failure_codes!(
        "callback", "The callback of a generic helpdesk",
        unauthorized: "is callback_url right, and does the program behind it accept the signature?",
        payment_required: "ask whoever runs the program behind callback_url",
        forbidden: "is callback_url right, and does the program behind it accept the signature?",
        not_found: "is callback_url right, and does the program behind it accept the signature?",
        rejected: "is callback_url right, and does the program behind it accept the signature?",
    ),
    can_be_asked: false,
    special: |_| None,
};

codes! {
    SECRET_MISSING = "check.generic.secret-missing", Never,
        "The helpdesk has no webhook secret, so every delivery is refused.",
        "configure a `webhook_secret`";
    UNSIGNED = "check.generic.unsigned", Never,
        "Deliveries are not signed, so anybody who can reach the endpoint can create rooms.",
        "configure a `webhook_secret` in place of `allow_unsigned`";
}
