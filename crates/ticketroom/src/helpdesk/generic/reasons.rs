//! What can be wrong at the callback of a generic helpdesk, and what a person can do about it.

use crate::call::{System, failure_codes};

/// The callback of a generic helpdesk as a system that is called.
pub(crate) static CALLBACK: System = System {
    name: "callback",
    codes: failure_codes!(
        "callback", "The callback of a generic helpdesk",
        unauthorized: "is callback_url right, and does the program behind it accept the signature?",
        payment_required: "",
        forbidden: "is callback_url right, and does the program behind it accept the signature?",
        not_found: "is callback_url right, and does the program behind it accept the signature?",
        rejected: "is callback_url right, and does the program behind it accept the signature?",
    ),
    can_be_asked: false,
    special: |_| None,
};
