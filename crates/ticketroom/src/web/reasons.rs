//! Why a request is refused, where that is about HTTP, the admin token, the store or the address.
//! What is about a delivery's content is declared with its [source](crate::source::reasons) and its
//! [intake](crate::intake).

use crate::reason::codes;

codes! {
    ADDRESS_UNKNOWN = "request.address.unknown", Never,
        "There is nothing at this address (404).",
        "";
    METHOD_NOT_ALLOWED = "request.address.method-not-allowed", Never,
        "This address does not take this method (405).",
        "";
    PARAMETER_INVALID = "request.parameter.invalid", Never,
        "A parameter in the address is unknown or has no valid value (400). `detail` names it.",
        "";
    TICKET_UNKNOWN = "request.ticket.unknown", Never,
        "No delivery has named this ticket (404).",
        "does its helpdesk send its webhook here?";
    TOKEN_MISSING = "request.admin.token-missing", Never,
        "The address is for operators, and the request has no admin token (401).",
        "send the token of [admin] as “Authorization: Bearer …”; without one in the configuration, “ticketroom serve” shows \
         the one that it uses";
    TOKEN_WRONG = "request.admin.token-wrong", Never,
        "The request's admin token is not the one of this service (401). Often it is a program with an old token, such as \
         Prometheus.",
        "send the token of [admin], or the one that “ticketroom serve” shows at its start";
    TOO_MANY_WRONG_TOKENS = "request.admin.too-many-wrong-tokens", Never,
        "So many wrong admin tokens are sent at the moment that this one was not compared any more (429).",
        "come again with the right one";
    CONFIGURATION_REFUSED = "request.configuration.refused", Never,
        "The configuration that was to be read again has problems, and the one from before stays in force (422).",
        "correct what `problems` names: each has file, line and a code of its own";
    NO_GENERIC = "request.delivery.no-generic-helpdesk", Never,
        "The delivery came to /helpdesk/ticket-created, and no helpdesk of kind “generic” is configured (404).",
        "add a [[helpdesk]] of this kind, or send the delivery to /webhooks/ and the helpdesk's name";
    NOT_HERE = "request.delivery.not-here", Never,
        "This replica takes no deliveries (503).",
        "send it to one that does";
    NO_MEMORY = "request.delivery.no-memory", Never,
        "Too many large deliveries are arriving at once (503).",
        "send it again. [server.limits] bodies_in_flight sets how much memory they may take";
    BROKEN_OFF = "request.delivery.broken-off", Never,
        "The connection ended before the delivery's body was complete (503).",
        "send it again";
    SLOW = "request.delivery.slow", Never,
        "The delivery's body did not arrive within 10 seconds (503).",
        "send it again";
    STORE_OPENING = "request.store.opening", Never,
        "The service is starting and its store is not open yet (503).",
        "come again";
    STORE_UNREADABLE = "request.store.unreadable", Never,
        "The store can't be read at the moment (503).",
        "come again; what is wrong with the store is in the log";
    STORE_NOT_WRITABLE = "request.store.not-writable", Never,
        "The service is not ready: deliveries can't be stored at the moment (503).",
        "come again; what is wrong with the store is in the log";
    CONNECTIONS = "request.connection.too-many", Never,
        "The cap of connections is reached, and all of them are answering requests (503).",
        "come again. [server.limits] connections sets the cap";
    NO_REQUEST = "request.http.unreadable", Never,
        "What was sent is not an HTTP/1.1 request (400).",
        "is https sent to this address, which speaks http?";
    HEAD_TOO_LARGE = "request.http.head-too-large", Never,
        "The request has more than 100 headers, or a head of more than 16 KiB (431).",
        "";
    ADDRESS_TOO_LONG = "request.http.address-too-long", Never,
        "The request's address is too long (414).",
        "";
}
