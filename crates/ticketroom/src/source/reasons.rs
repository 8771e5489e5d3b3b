//! Why a delivery is refused, where that is about the delivery itself.

use crate::reason::codes;

codes! {
    PROOF_MISSING = "request.delivery.proof-missing", Never,
        "The delivery has neither the signature nor the secret that its helpdesk is configured with (401).",
        "set up the secret where the webhook is made, as the page of the helpdesk says";
    PROOF_WRONG = "request.delivery.proof-wrong", Never,
        "The delivery's signature or secret does not fit (401).",
        "is the secret the one of the sending webhook?";
    TOO_OLD = "request.delivery.too-old", Never,
        "The delivery was signed too long ago, or in the future (401).",
        "are both clocks right, and does no proxy hold deliveries back? For Zendesk and Jira, `signature_window` sets how old a \
         signature may be";
    NOT_UNDERSTOOD = "request.delivery.not-understood", Never,
        "The delivery is proven, and not in the format of its helpdesk (400). `detail` says what is wrong; the body is kept for \
         diagnosis.",
        "";
    UNSUPPORTED = "request.delivery.encoding-unsupported", Never,
        "The delivery's body is compressed or written in a way that is not supported (415). `detail` says what is.",
        "";
    TOO_LARGE = "request.delivery.too-large", Never,
        "The delivery is larger than [server] max_body allows, or than 8 MiB once it is decompressed (413).",
        "";
}
