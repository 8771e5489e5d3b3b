//! The description of the API (OpenAPI 3.1), made of the handlers and the types of their answers.
//!
//! `openapi.json` is committed, so that a change of the API shows in review, and so that the
//! product needs no code that generates it: the derives stand behind `cfg(test)`. A test compares
//! the file with what is generated.

#![allow(dead_code, reason = "most of these types only describe")]

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, ToSchema};

use super::problem::Document;
use super::{api, backfills, health, hooks, reload, requeue};
use crate::store::State;

/// Set to write the file anew in place of comparing it.
const RENEW: &str = "TICKETROOM_RENEW_OPENAPI";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ticketroom",
        version = "1",
        description = "Tickets and their rooms, deliveries, and how the service is. A path that is not listed is \
                       answered with 404, another method with 405. Each refusal is a problem document (RFC 9457); its \
                       `code` is stable, and docs/errors.md explains it.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        api::tickets,
        api::ticket,
        requeue::retry,
        requeue::archive,
        requeue::reopen,
        backfills::list,
        backfills::begin,
        backfills::pause,
        backfills::resume,
        backfills::cancel,
        api::description,
        reload::reload,
        hooks::webhook,
        hooks::is_here,
        hooks::ticket_created,
        health::alive,
        health::ready,
        health::metrics
    ),
    components(schemas(Document, State)),
    modifiers(&AdminToken)
)]
struct Description;

struct AdminToken;

impl Modify for AdminToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The token of [admin]"));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

/// The path of one ticket.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OneTicket {
    /// The helpdesk's name in the configuration.
    helpdesk: String,
    /// The ticket's id in the helpdesk.
    id: String,
}

/// The path of one helpdesk.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OneHelpdesk {
    /// The helpdesk's name in the configuration.
    helpdesk: String,
}

/// A ticket as the generic helpdesk sends it. It may have more fields, and other names for these:
/// see the manual.
#[derive(ToSchema)]
#[schema(as = TicketCreated)]
pub(super) struct TicketCreated {
    #[schema(rename = "ticketId", schema_with = text_or_number)]
    ticket_id: String,
    /// The subject; empty or null for none.
    #[schema(required = true)]
    subject: Option<String>,
}

fn text_or_number() -> utoipa::openapi::schema::Object {
    use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
    let types = SchemaType::from_iter([Type::String, Type::Integer]);
    ObjectBuilder::new()
        .schema_type(types)
        .description(Some("The ticket's id, a text or a whole number."))
        .build()
}

/// What each endpoint behind the admin token may answer besides.
#[derive(IntoResponses)]
pub(super) enum Guarded {
    /// The admin token is missing, or it is wrong; a wrong one is answered after a second
    #[response(
        status = 401,
        content_type = "application/problem+json",
        headers(("WWW-Authenticate" = String, description = "`Bearer`"))
    )]
    Unauthorized(Document),
    /// Too many wrong admin tokens are sent at once
    #[response(
        status = 429,
        content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds"))
    )]
    TooManyTokens(Document),
    /// The store can't be read or is being opened, or too many connections are open
    #[response(
        status = 503,
        content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds"))
    )]
    Unavailable(Document),
}

/// What an endpoint about one ticket may answer besides.
#[derive(IntoResponses)]
pub(super) enum NoSuchTicket {
    /// No delivery has told of this ticket, or the path is no UTF-8 once it is decoded
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(Document),
}

/// What an endpoint about one backfill may answer besides.
#[derive(IntoResponses)]
pub(super) enum NoSuchBackfill {
    /// There is no backfill with this id
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(Document),
    /// The backfill is over
    #[response(status = 409, content_type = "application/problem+json")]
    Over(Document),
}

/// What readiness may answer besides.
#[derive(IntoResponses)]
pub(super) enum Unavailable {
    /// Deliveries can't be stored now: the store is not writable or is being opened, or too many
    /// connections are open
    #[response(
        status = 503,
        content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds"))
    )]
    Unavailable(Document),
}

/// What liveness may answer besides.
#[derive(IntoResponses)]
pub(super) enum TooMany {
    /// Too many connections are open
    #[response(
        status = 503,
        content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds"))
    )]
    Connections(Document),
}

/// How a delivery may be refused.
#[derive(IntoResponses)]
pub(super) enum Refusals {
    /// Its proof is missing, wrong or too old
    #[response(
        status = 401,
        content_type = "application/problem+json",
        headers(("WWW-Authenticate" = String, description = "`Bearer`"))
    )]
    Unverified(Document),
    /// There is no such helpdesk
    #[response(status = 404, content_type = "application/problem+json")]
    NoSuchHelpdesk(Document),
    /// It is larger than `[server] max_body`, as it came or once it is decompressed
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Document),
    /// Its body is encoded in a way that is not supported
    #[response(status = 415, content_type = "application/problem+json")]
    Unsupported(Document),
    /// It could not be stored: send it again
    #[response(
        status = 503,
        content_type = "application/problem+json",
        headers(("Retry-After" = u32, description = "Seconds"))
    )]
    Unavailable(Document),
}

#[test]
fn the_committed_description_is_the_generated_one() {
    let generated = Description::openapi().to_pretty_json().unwrap() + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/openapi.json");
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(file, generated).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(file).unwrap();
    let differs = committed.lines().zip(generated.lines()).position(|(one, other)| one != other);
    assert!(
        committed == generated,
        "{file} is not what the handlers say, first at line {}: `cargo xtask openapi` renews it",
        differs.unwrap_or_default() + 1
    );
}
