//! The sections about ourselves and DocSpace: `[server]`, `[admin]`, `[docspace]`.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reader::{Section, Value};
use super::reasons::{KEY_MISSING, RANGE, UNPROTECTED};
use super::report::{Place, Read, Report};
use super::secret::{checked, for_header, secret, secrets};
use super::value::{base_url_without, duration, is_loopback_address, number, size, socket_address};
use super::{Admin, DocSpaceConfig, Env, Server, ServerLimits, filled};
use crate::docspace::limits::Limits;

pub(super) const DOCSPACE_URL: &str = "DOCSPACE_URL";
/// What a browser shows of DocSpace.
const DOCSPACE_PAGES: [&str; 14] = [
    "rooms",
    "login",
    "files",
    "accounts",
    "products",
    "portal-settings",
    "developer-tools",
    "doceditor",
    "profile",
    "api",
    "s",
    "recent",
    "archived",
    "shared-with-me",
];

pub(super) const DOCSPACE_API_KEY: &str = "DOCSPACE_API_KEY";

pub(super) const DEFAULT_LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 3000));
pub(super) const DEFAULT_MAX_DELIVERY_BYTES: usize = 1024 * 1024;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_SETTLE: Duration = Duration::from_secs(45);

const A_MILLISECOND: Duration = Duration::from_millis(1);
const AN_HOUR: Duration = Duration::from_secs(3600);
/// A token that is shorter can be guessed.
const SHORTEST_SAFE_TOKEN: usize = 16;

/// Reads `[server]`.
pub(super) fn server(mut section: Section<'_>, token: TokenKind) -> Read<Server> {
    let listen = listen_of(&mut section, token);
    let public_url = section.optional("public_url", |value| {
        let text = value.text("write the address in quotes, such as \"https://ticketroom.example.com\"")?;
        base_url_without(&value.place, text, &["webhooks", "healthz", "readyz", "metrics", "api"])
    });
    let max_delivery_bytes =
        section.or("max_body", DEFAULT_MAX_DELIVERY_BYTES, |value| size(value, 1024..=64 * 1024 * 1024));
    let limits = section.section("limits").and_then(|limits| server_limits(limits, max_delivery_bytes));
    section.close();
    Ok(Server {
        listen: listen?,
        public_url: public_url?,
        max_delivery_bytes: max_delivery_bytes?,
        limits: limits?,
    })
}

/// Reads `listen` of `[server]`.
pub(super) fn listen_of(section: &mut Section<'_>, token: TokenKind) -> Read<SocketAddr> {
    section.or("listen", DEFAULT_LISTEN, |value| {
        let text = value.text("write an address and a port, such as \"127.0.0.1:3000\"")?;
        let help = "set token = { env = \"TICKETROOM_ADMIN_TOKEN\" } in [admin], or listen on 127.0.0.1";
        listen(&value.place, text, token, help)
    })
}

/// Reads `[server.limits]`.
fn server_limits(mut section: Section<'_>, max_body: Read<usize>) -> Read<ServerLimits> {
    const MIB: usize = 1024 * 1024;
    "[server.limits]".clone_into(&mut section.place.subject);
    let default = ServerLimits::default();
    let connections = section.or("connections", default.connections, |value| {
        number(value, 1..=100_000).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
    });
    // Where the largest body is raised, more memory may be needed for it.
    let least = max_body.unwrap_or_default();
    let bodies_in_flight = section.or("bodies_in_flight", default.bodies_in_flight.max(least), |value| {
        let bytes = size(value, MIB..=64 * 1024 * MIB)?;
        if bytes < least {
            return Err(value.place.wrong(
                &RANGE,
                "is less than one body may have",
                "make it at least max_body",
            ));
        }
        Ok(bytes)
    });
    section.close();
    Ok(ServerLimits { connections: connections?, bodies_in_flight: bodies_in_flight? })
}

/// What is known of the admin token where the address to listen on is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Missing,
    /// It can be guessed.
    Short,
    Safe,
    /// It is there, and what is wrong with it was reported.
    Unknown,
}

impl TokenKind {
    pub(super) fn of(token: &Read<Option<SecretString>>) -> Self {
        match token {
            Ok(None) => Self::Missing,
            Ok(Some(token)) if is_short(token) => Self::Short,
            Ok(Some(_)) => Self::Safe,
            Err(_) => Self::Unknown,
        }
    }
}

fn is_short(token: &SecretString) -> bool {
    token.expose_secret().chars().count() < SHORTEST_SAFE_TOKEN
}

/// Reads an address to listen on. Beyond loopback, the admin endpoints need a token that can't be
/// guessed.
pub(super) fn listen(place: &Place<'_>, text: &str, token: TokenKind, help: &str) -> Read<SocketAddr> {
    let address = socket_address(place, text)?;
    if is_loopback_address(address.ip()) {
        return Ok(address);
    }
    match token {
        TokenKind::Missing => {
            Err(place.wrong(&UNPROTECTED, "reaches beyond this machine, and there is no admin token", help))
        }
        TokenKind::Short => Err(place.wrong(&UNPROTECTED,
            &format!(
                "reaches beyond this machine, and the admin token has fewer than {SHORTEST_SAFE_TOKEN} characters"
            ),
            "use a token from `openssl rand -hex 32`, or listen on 127.0.0.1",
        )),
        TokenKind::Safe | TokenKind::Unknown => Ok(address),
    }
}

/// Reads `[admin]`.
pub(super) fn admin(mut section: Section<'_>, env: &dyn Env) -> Read<Admin> {
    let token = token_of(&mut section, env);
    section.close();
    Ok(Admin { token: token? })
}

/// Reads `token` of `[admin]`.
pub(super) fn token_of(section: &mut Section<'_>, env: &dyn Env) -> Read<Option<SecretString>> {
    section.optional("token", |value| admin_token(&value.place, secret(value, env)?))
}

/// Admin token and address to listen on as environment variables have them.
pub(super) fn server_from_variables(
    report: &Report<'_>,
    env: &dyn Env,
) -> (Read<Option<SecretString>>, Read<SocketAddr>) {
    let token = filled(env, "TICKETROOM_ADMIN_TOKEN").map(|text| {
        let place = Place::variable(report, "TICKETROOM_ADMIN_TOKEN");
        checked(&place, &text).and_then(|token| admin_token(&place, token))
    });
    let token = token.transpose();
    let listen = filled(env, "TICKETROOM_LISTEN").map_or(Ok(DEFAULT_LISTEN), |text| {
        let place = Place::variable(report, "TICKETROOM_LISTEN");
        let help = "set TICKETROOM_ADMIN_TOKEN, or listen on 127.0.0.1";
        listen(&place, &text, TokenKind::of(&token), help)
    });
    (token, listen)
}

/// Checks an admin token. A short one is odd; whether it will do depends on where is listened.
pub(super) fn admin_token(place: &Place<'_>, token: SecretString) -> Read<SecretString> {
    let token = for_header(place, token)?;
    if is_short(&token) {
        place.odd("is short enough to be guessed; use one from `openssl rand -hex 32`");
    }
    Ok(token)
}

/// Reads `[docspace]`. Address and key may come from the environment instead.
pub(super) fn docspace(mut section: Section<'_>, env: &dyn Env) -> Read<DocSpaceConfig> {
    let report = section.place.report;
    let url = match section.find("url") {
        Some(value) => value
            .text("write the address in quotes, such as \"https://yourportal.onlyoffice.com\"")
            .and_then(|text| base_url_without(&value.place, text, &DOCSPACE_PAGES)),
        None => url_from_variable(report, env).unwrap_or_else(|| {
            let help = "add url = \"https://yourportal.onlyoffice.com\", or set DOCSPACE_URL";
            Err(section.lacks("url", help))
        }),
    };
    let api_key = api_key(&mut section, env);
    let timeout =
        section.or("timeout", DEFAULT_TIMEOUT, |value| duration(value, A_MILLISECOND..=AN_HOUR / 12));
    let settle = section.or("settle", DEFAULT_SETTLE, |value| duration(value, A_MILLISECOND..=AN_HOUR));
    let limits = limits(&mut section);
    let allow_skeleton = section.or("folder_skeleton", true, Value::boolean);
    let webhook_secrets = section.or("webhook_secret", Vec::new(), |value| secrets(value, env));
    section.close();
    Ok(DocSpaceConfig {
        url: url?,
        api_key: api_key?,
        timeout: timeout?,
        settle: settle?,
        limits: limits?,
        allow_skeleton: allow_skeleton?,
        webhook_secrets: webhook_secrets?,
    })
}

/// Reads `api_key` of `[docspace]`.
pub(super) fn api_key(section: &mut Section<'_>, env: &dyn Env) -> Read<SecretString> {
    match section.find("api_key") {
        Some(value) => secret(&value, env).and_then(|key| for_header(&value.place, key)),
        None => key_from_variable(section.place.report, env).unwrap_or_else(|| {
            let help = "add api_key = { env = \"DOCSPACE_API_KEY\" }, or set DOCSPACE_API_KEY";
            Err(section.lacks("api_key", help))
        }),
    }
}

fn limits(section: &mut Section<'_>) -> Read<Limits> {
    let default = Limits::default();
    let mut limit = |key, default| section.or(key, default, |value| number(value, 1..=1_000_000));
    let requests_per_minute = limit("requests_per_minute", default.requests_per_minute);
    let concurrent_reads = limit("concurrent_reads", default.concurrent_reads);
    let concurrent_writes = limit("concurrent_writes", default.concurrent_writes);
    let writes_per_day = limit("writes_per_day", default.writes_per_day);
    Ok(Limits {
        requests_per_minute: requests_per_minute?,
        concurrent_reads: concurrent_reads?,
        concurrent_writes: concurrent_writes?,
        writes_per_day: writes_per_day?,
        reserved_writes: Limits::usual_reserve(writes_per_day?),
    })
}

/// Reads `[backfill]`: of so many writes a day, how many are left to tickets that come in.
pub(super) fn backfill(mut section: Section<'_>, writes_per_day: Read<u32>) -> Read<Option<u32>> {
    let reserve = section.optional("reserve", |value| {
        let reserve = number(value, 0..=1_000_000)?;
        match writes_per_day {
            Ok(per_day) if reserve > per_day => Err(value.place.wrong(
                &RANGE,
                "is more than a day has",
                format!("[docspace] writes_per_day is {per_day}; with as many, no backfill goes on"),
            )),
            _ => Ok(reserve),
        }
    });
    section.close();
    reserve
}

/// DocSpace as the two environment variables have it.
pub(super) fn docspace_from_variables(report: &Report<'_>, env: &dyn Env) -> Read<DocSpaceConfig> {
    let url = url_from_variable(report, env).unwrap_or_else(|| {
        let help = "export DOCSPACE_URL=https://yourportal.onlyoffice.com";
        Err(Place::variable(report, DOCSPACE_URL).wrong(
            &KEY_MISSING,
            "is not set, but DOCSPACE_API_KEY is",
            help,
        ))
    });
    let api_key = key_from_variable(report, env).unwrap_or_else(|| {
        let help = "export DOCSPACE_API_KEY=… with a key from DocSpace: Developer Tools, API keys";
        Err(Place::variable(report, DOCSPACE_API_KEY).wrong(
            &KEY_MISSING,
            "is not set, but DOCSPACE_URL is",
            help,
        ))
    });
    Ok(DocSpaceConfig {
        url: url?,
        api_key: api_key?,
        timeout: DEFAULT_TIMEOUT,
        settle: DEFAULT_SETTLE,
        limits: Limits::default(),
        allow_skeleton: true,
        webhook_secrets: Vec::new(),
    })
}

fn url_from_variable(report: &Report<'_>, env: &dyn Env) -> Option<Read<Url>> {
    filled(env, DOCSPACE_URL)
        .map(|text| base_url_without(&Place::variable(report, DOCSPACE_URL), &text, &DOCSPACE_PAGES))
}

fn key_from_variable(report: &Report<'_>, env: &dyn Env) -> Option<Read<SecretString>> {
    filled(env, DOCSPACE_API_KEY).map(|text| {
        let place = Place::variable(report, DOCSPACE_API_KEY);
        checked(&place, text.trim_end_matches(['\n', '\r'])).and_then(|key| for_header(&place, key))
    })
}
