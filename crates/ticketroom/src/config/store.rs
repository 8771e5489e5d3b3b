//! `[store]`: an SQLite file, or a PostgreSQL database that replicas share.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::{Host, SslMode};
use url::form_urlencoded;

use super::reader::Section;
use super::reasons::{KEY_CONFLICT, STORE_ADDRESS};
use super::report::{Place, Read};
use super::secret::secret_of_the_store;
use super::value::{duration, is_loopback_address, number};
use super::{Env, PostgresConfig, StoreUrl, Tls};

const HELP: &str = "write \"sqlite:\" and a path, such as \"sqlite:ticketroom.db\", or \
    \"postgres://user@host/database\"";
/// The more commits are on their way at once, the more of them share a sync of the server's disk.
const DEFAULT_CONNECTIONS: u32 = 16;
const DEFAULT_LEASE: Duration = Duration::from_secs(30);
/// A heartbeat goes out three times in a lease, and may take a moment.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
const LONGEST_LEASE: Duration = Duration::from_secs(600);
/// Until a connection counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Until a connection whose other end is silent counts as broken.
const SILENCE: Duration = Duration::from_secs(15);

/// Where the store is when nothing is said.
pub(super) fn default_store() -> StoreUrl {
    StoreUrl::Sqlite(PathBuf::from("ticketroom.db"))
}

/// Reads `[store]`.
pub(super) fn store(mut section: Section<'_>, env: &dyn Env) -> Read<StoreUrl> {
    let url = section.or("url", default_store(), |value| {
        let url = store_url(
            &value.place,
            value.text("write the address in quotes, such as \"sqlite:ticketroom.db\"")?,
        )?;
        if matches!(&url, StoreUrl::Postgres(config) if config.connect.get_password().is_some()) {
            value.place.odd(
                "has a password in it, for every reader of this file; better password = { env = \"NAME\" }",
            );
        }
        Ok(url)
    });
    let is_file = matches!(url, Ok(StoreUrl::Sqlite(_)));
    let mut only_for_postgres = |key| {
        if is_file && let Some(value) = section.find(key) {
            return Err(value.place.wrong(
                &KEY_CONFLICT,
                "is for PostgreSQL, and the store is a file",
                "leave it out",
            ));
        }
        Ok(())
    };
    for key in ["password", "connections", "lease"] {
        only_for_postgres(key)?;
    }
    let password = section.optional("password", |value| secret_of_the_store(value, env));
    let connections = section.or("connections", DEFAULT_CONNECTIONS, |value| number(value, 1..=1000));
    let lease = section.or("lease", DEFAULT_LEASE, |value| duration(value, SHORTEST_LEASE..=LONGEST_LEASE));
    section.close();
    let (password, connections, lease) = (password?, connections?, lease?);
    Ok(match url? {
        StoreUrl::Postgres(mut config) => {
            if let Some(password) = &password {
                set_password(&mut config, password);
            }
            config.connections = usize::try_from(connections).unwrap_or(1);
            config.lease = lease;
            StoreUrl::Postgres(config)
        }
        file => file,
    })
}

fn set_password(config: &mut PostgresConfig, password: &SecretString) {
    config.connect.password(password.expose_secret());
}

/// Reads a store's address. Never repeated in a message, since it may hold a password.
pub(super) fn store_url(place: &Place<'_>, text: &str) -> Read<StoreUrl> {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(place.wrong(&STORE_ADDRESS, "does not say what kind of store it is", HELP));
    };
    match scheme {
        // Both `sqlite:/path` and `sqlite:///path` are in use.
        "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
            "" => Err(place.wrong(&STORE_ADDRESS, "names no file", HELP)),
            ":memory:" => {
                Err(place.wrong(&STORE_ADDRESS, "is in memory, where a restart forgets every ticket", HELP))
            }
            path if path.contains('?') => {
                Err(place.wrong(&STORE_ADDRESS, "has options, which there are none of", HELP))
            }
            path => Ok(StoreUrl::Sqlite(PathBuf::from(path))),
        },
        "postgres" | "postgresql" => postgres(place, text).map(|config| StoreUrl::Postgres(Box::new(config))),
        _ => Err(place.wrong(&STORE_ADDRESS, "is a kind of store that does not exist", HELP)),
    }
}

/// Reads `postgres://user:password@host:port,host/database?option=value`, as libpq has it.
fn postgres(place: &Place<'_>, text: &str) -> Read<PostgresConfig> {
    let help = "write it as in \"postgres://user@host:5432/database?sslmode=verify-full\"";
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match form_urlencoded::parse(pair.as_bytes()).next() {
            Some((key, value)) if key == "sslmode" => mode = Some(value.into_owned()),
            Some((key, value)) if key == "sslrootcert" => roots = Some(PathBuf::from(value.into_owned())),
            _ => rest.push(pair),
        }
    }
    let mut connect = tokio_postgres::Config::from_str(&format!("{base}?{}", rest.join("&")))
        // What it says may quote a part of the address, and so of the password.
        .map_err(|_| place.wrong(&STORE_ADDRESS, "is not an address of a PostgreSQL database", help))?;
    // What looks like a host or a database with an @ is the rest of a password.
    let has_at = |text: &str| text.contains('@');
    if connect.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if has_at(name)))
        || connect.get_password().is_some() && connect.get_dbname().is_some_and(has_at)
    {
        let help = "write the password's @ : / ? # and % as %40 %3A %2F %3F %23 and %25, or set it in [store] \
            password = { env = \"NAME\" }, as it is";
        return Err(place.wrong(&STORE_ADDRESS, "has more than one “@”", help));
    }
    if connect.get_hosts().is_empty() && connect.get_hostaddrs().is_empty() {
        return Err(place.wrong(&STORE_ADDRESS, "names no host", help));
    }
    if connect.get_dbname().is_none_or(str::is_empty) {
        return Err(place.wrong(&STORE_ADDRESS, "names no database", help));
    }
    if connect.get_user().is_none_or(str::is_empty) {
        return Err(place.wrong(&STORE_ADDRESS, "names no user", help));
    }
    let tls = tls(place, &mut connect, mode.as_deref(), roots)?;
    if connect.get_connect_timeout().is_none() {
        connect.connect_timeout(CONNECT_TIMEOUT);
    }
    if connect.get_tcp_user_timeout().is_none() {
        connect.tcp_user_timeout(SILENCE);
    }
    connect.keepalives_idle(SILENCE).keepalives_interval(SILENCE / 5).keepalives_retries(3);
    if connect.get_application_name().is_none() {
        connect.application_name("ticketroom");
    }
    Ok(PostgresConfig {
        connect,
        tls,
        connections: usize::try_from(DEFAULT_CONNECTIONS).unwrap_or(1),
        lease: DEFAULT_LEASE,
    })
}

/// Without `sslmode`, a server on another machine has to prove who it is.
fn tls(
    place: &Place<'_>,
    connect: &mut tokio_postgres::Config,
    mode: Option<&str>,
    roots: Option<PathBuf>,
) -> Read<Tls> {
    // The address counts before the name.
    let is_here = connect.get_hostaddrs().iter().all(|address| is_loopback_address(*address))
        && connect.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(is_loopback_address),
            Host::Unix(_) => true,
        });
    let (ssl, tls) = match mode {
        Some("disable") if roots.is_none() => (SslMode::Disable, Tls::Unverified),
        Some("prefer") if roots.is_none() => (SslMode::Prefer, Tls::Unverified),
        Some("require") if roots.is_none() => (SslMode::Require, Tls::Unverified),
        Some("verify-full") => (SslMode::Require, Tls::Verified { roots }),
        None if is_here && roots.is_none() => (SslMode::Disable, Tls::Unverified),
        None => (SslMode::Require, Tls::Verified { roots }),
        Some(_) => {
            let help = "sslmode is verify-full (the default for other machines), require, prefer or disable; \
                with sslrootcert it is verify-full";
            return Err(place.wrong(
                &STORE_ADDRESS,
                "has an sslmode that is not known here, or that needs no sslrootcert",
                help,
            ));
        }
    };
    if ssl != SslMode::Disable && tls == Tls::Unverified && !is_here {
        place.odd("does not ask whether the server is the right one; use sslmode=verify-full");
    }
    if ssl == SslMode::Disable && !is_here {
        place.odd(
            "has sslmode=disable: tickets and the password travel in the clear; use sslmode=verify-full",
        );
    }
    connect.ssl_mode(ssl);
    Ok(tls)
}
