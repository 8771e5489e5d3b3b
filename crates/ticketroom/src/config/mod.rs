//! The configuration: typed, complete, and checked before anything starts.
//!
//! It comes from a TOML file or, without one, from two environment variables. What has been read
//! can't be wrong afterwards: addresses are addresses, secrets are there, every rule compiles and
//! names a template that exists. Whatever is wrong with a file is said in one go, each with file,
//! line and what to do about it ([`ConfigError`]); what works but should be looked at is in
//! [`Config::warnings`].
//!
//! `reader` walks the TOML tree, `report` collects what is wrong, `value` and `secret` read single
//! values, `reasons` has the codes; the sections are in `system`, `store`, `helpdesk` (with one
//! file for each kind) and `room`.

mod access;
mod admin_token;
mod fingerprint;
mod folder;
mod helpdesk;
mod life;
mod problem;
mod reader;
pub(crate) mod reasons;
mod report;
mod room;
mod rule;
mod secret;
mod store;
mod system;
#[cfg(test)]
mod tests;
mod value;

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

pub use self::access::Access;
pub use self::fingerprint::Fingerprint;
pub(crate) use self::helpdesk::ZENDESK_TEST_SECRET;
pub use self::helpdesk::{
    FreshdeskConfig, GenericConfig, HelpdeskConfig, HelpdeskKind, Inbound, JiraAuth, JiraConfig,
    JiraDeployment, ZendeskAuth, ZendeskConfig,
};
pub use self::problem::{ConfigError, Problem};
pub use self::report::Places;
pub use self::secret::{SecretPlace, Secrets};
pub(crate) use self::secret::{are_same as are_same_secrets, is_same as is_same_secret};
pub(crate) use self::value::is_loopback;

use self::reader::{Section, parse};
use self::reasons::{FILE_MISSING, FILE_UNREADABLE};
use self::report::{At, Place, Read, Report};
use self::system::TokenKind;
use crate::docspace::limits::Limits;
use crate::language::Name;
use crate::rule::Rules;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "ticketroom.toml";

/// No configuration is larger; a file that is one by mistake may be.
const LARGEST_FILE: usize = 1024 * 1024;

/// Everything that can be configured. Printing it for debugging shows no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// Our own HTTP server.
    pub server: Server,
    /// Who may look inside.
    pub admin: Admin,
    /// Where what we know is kept.
    pub store: StoreUrl,
    /// The DocSpace portal.
    pub docspace: DocSpaceConfig,
    /// The helpdesks: at least one, with different names.
    pub helpdesks: Vec<HelpdeskConfig>,
    /// Which ticket gets which room.
    pub rules: Rules,
    /// What works but should be looked at, one line each.
    pub warnings: Vec<String>,
    /// By what it is known whether it has changed since the last start.
    pub fingerprint: Fingerprint,
    /// Where its keys stand.
    pub places: Places,
}

/// Our own HTTP server.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How the outside reaches us, for addresses that we show.
    pub public_url: Option<Url>,
    /// The largest delivery that is taken, in bytes.
    pub max_delivery_bytes: usize,
    /// How much callers may take of us.
    pub limits: ServerLimits,
}

/// How much callers may take of our HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections at once.
    pub connections: usize,
    /// Memory for the bodies of deliveries that are arriving or being stored, in bytes.
    pub bodies_in_flight: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self { connections: 1000, bodies_in_flight: 64 * 1024 * 1024 }
    }
}

/// Who may look inside.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The token of the operator's API and the metrics. Always there when the server
    /// listens beyond loopback.
    pub token: Option<SecretString>,
}

/// Where what we know is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// An SQLite database in this file; a relative path starts at the working directory.
    Sqlite(PathBuf),
    /// A PostgreSQL database, which replicas may share.
    Postgres(Box<PostgresConfig>),
}

impl StoreUrl {
    /// Reads an address that was given on the command line as `what`. The password of a database
    /// may be in the environment variable `PGPASSWORD`.
    ///
    /// # Errors
    /// What is wrong with it, and the warnings about it otherwise.
    pub fn from_argument(what: &str, text: &str, env: &dyn Env) -> Result<(Self, Vec<String>), ConfigError> {
        let report = Report::new("command line", "", Secrets::All);
        let mut url = store::store_url(&Place::argument(&report, what), text);
        if let (Ok(Self::Postgres(config)), Some(password)) = (&mut url, filled(env, "PGPASSWORD"))
            && config.connect.get_password().is_none()
        {
            config.connect.password(password);
        }
        report.finish(url)
    }
}

/// A PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// Hosts, database, user and password. Printing it for debugging shows no password.
    pub connect: tokio_postgres::Config,
    /// How far the server has to prove who it is.
    pub tls: Tls,
    /// Connections that one process has at most, one for hints not counted.
    pub connections: usize,
    /// How long a claim holds without a sign of life of its process.
    pub lease: Duration,
}

/// How a connection to PostgreSQL is secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Not at all, or encrypted without asking who is there, as `sslmode` says.
    Unverified,
    /// The server's certificate has to be good for its host name.
    Verified {
        /// Certificates to trust, instead of those that this machine trusts.
        roots: Option<PathBuf>,
    },
}

/// The DocSpace portal.
#[derive(Debug, Clone)]
pub struct DocSpaceConfig {
    /// Its address.
    pub url: Url,
    /// The key of the service user.
    pub api_key: SecretString,
    /// How long a call may take.
    pub timeout: Duration,
    /// How long after a lost answer a create may still land.
    pub settle: Duration,
    /// How much may be asked of the portal.
    pub limits: Limits,
    /// Whether a folder skeleton is kept in the service user's documents, to be copied in one
    /// operation.
    pub allow_skeleton: bool,
    /// What its webhooks are signed with: several while one is being replaced, the new one first.
    /// Without any, its webhooks are not taken.
    pub webhook_secrets: Vec<SecretString>,
}

impl DocSpaceConfig {
    /// Whether both are of one user of one portal.
    #[must_use]
    pub fn is_same_account(&self, other: &Self) -> bool {
        self.url == other.url && secret::is_same(&self.api_key, &other.api_key)
    }
}

/// Where environment variables come from.
pub trait Env {
    /// The value of a variable; `None` when it isn't set or isn't text.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Env for std::collections::HashMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        Self::get(self, name).cloned()
    }
}

/// An environment in which a key is not looked for that nobody wants.
struct WithoutKey<'a>(&'a dyn Env);

impl Env for WithoutKey<'_> {
    fn get(&self, name: &str) -> Option<String> {
        if name == system::DOCSPACE_API_KEY { Some(secret::NOT_READ.to_owned()) } else { self.0.get(name) }
    }
}

/// A variable that is set to something; many a container sets what it doesn't know to nothing.
fn filled(env: &dyn Env, name: &str) -> Option<String> {
    env.get(name).filter(|text| !text.trim().is_empty())
}

impl Config {
    /// Finds and reads the configuration: the file that was named; else `ticketroom.toml` in the
    /// working directory; else the environment.
    ///
    /// # Errors
    /// Everything that is wrong with it, or how to make one when there is none.
    pub fn load(path: Option<&Path>, env: &dyn Env) -> Result<Self, ConfigError> {
        Self::load_with(path, env, Secrets::All)
    }

    /// The same with some of the secrets only.
    ///
    /// # Errors
    /// As [`load`](Self::load), but for secrets that are not wanted.
    pub fn load_with(path: Option<&Path>, env: &dyn Env, secrets: Secrets) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_FILE);
        match path {
            Some(path) => Self::read_file(path, env, secrets),
            None if default.exists() => Self::read_file(default, env, secrets),
            None => Self::read_variables(env, secrets),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Why the file can't be read, or everything that is wrong with it.
    pub fn from_file(path: &Path, env: &dyn Env) -> Result<Self, ConfigError> {
        Self::read_file(path, env, Secrets::All)
    }

    fn read_file(path: &Path, env: &dyn Env, secrets: Secrets) -> Result<Self, ConfigError> {
        let (text, name) = read_text(path)?;
        Self::read(&text, &name, env, secrets)
    }

    /// Reads the text of a file that is called `file_name` in messages, with all secrets.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_text(text: &str, file_name: &str, env: &dyn Env) -> Result<Self, ConfigError> {
        Self::read(text, file_name, env, Secrets::All)
    }

    fn read(text: &str, file_name: &str, env: &dyn Env, secrets: Secrets) -> Result<Self, ConfigError> {
        if text.len() > LARGEST_FILE {
            return Err(too_large(file_name));
        }
        let report = Report::new(file_name, text, secrets);
        let read = from_toml(&report, text, env);
        let (config, warnings) = report.finish(read)?;
        Ok(Self { warnings, ..config })
    }

    /// Makes the configuration that needs no file: `DOCSPACE_URL` and `DOCSPACE_API_KEY` are
    /// enough. `TICKETROOM_LISTEN`, `TICKETROOM_ADMIN_TOKEN` and `TICKETROOM_STORE` may say more.
    /// There is one generic helpdesk, which takes deliveries without a signature.
    ///
    /// # Errors
    /// Everything that is wrong with the variables.
    pub fn from_env(env: &dyn Env) -> Result<Self, ConfigError> {
        Self::read_variables(env, Secrets::All)
    }

    fn read_variables(env: &dyn Env, secrets: Secrets) -> Result<Self, ConfigError> {
        if filled(env, system::DOCSPACE_URL).is_none() && filled(env, system::DOCSPACE_API_KEY).is_none() {
            let help = if cfg!(feature = "simulator") {
                "write the file with `ticketroom init`, or set both variables, or try `ticketroom demo`, which needs neither"
            } else {
                "write the file with `ticketroom init`, or set both variables"
            };
            return Err(ConfigError::about(
                &FILE_MISSING,
                DEFAULT_FILE,
                "there is no such file, and DOCSPACE_URL and DOCSPACE_API_KEY are not set",
                help,
            ));
        }
        let report = Report::new(DEFAULT_FILE, "", secrets);
        let read = match secrets {
            Secrets::All | Secrets::AllButWebhooks => from_variables(&report, env),
            Secrets::OfTheStore => from_variables(&report, &WithoutKey(env)),
        };
        let (config, warnings) = report.finish(read)?;
        Ok(Self { warnings, ..config })
    }
}

/// The text of a file, and what it is called in messages.
fn read_text(path: &Path) -> Result<(String, String), ConfigError> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        let help = "check the path and who may read it; `ticketroom init` makes a new file";
        ConfigError::about(&FILE_UNREADABLE, &name, format!("can't be read: {}", error.kind()), help)
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to see that it is too much.
    let limit = u64::try_from(LARGEST_FILE).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > LARGEST_FILE {
        return Err(too_large(&name));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        ConfigError::new(vec![Problem {
            code: FILE_UNREADABLE.name.into(),
            file: name.clone(),
            line: Some(line),
            column: None,
            message: "not UTF-8 text".to_owned(),
            help: "save the file as UTF-8".to_owned(),
        }])
    })?;
    Ok((text, name))
}

fn too_large(file: &str) -> ConfigError {
    ConfigError::about(
        &FILE_UNREADABLE,
        file,
        "larger than 1 MiB",
        "check the path: this can't be ticketroom's configuration",
    )
}

fn from_toml<'t>(report: &'t Report<'t>, text: &'t str, env: &dyn Env) -> Read<Config> {
    // What follows a syntax error may be read as something else, so nothing more is said about it.
    let document = parse(report, text)?;
    read_sections(report, document.get_ref(), env)
}

/// Every section is read before the first problem ends the reading.
fn read_sections(report: &Report<'_>, table: &toml::de::DeTable<'_>, env: &dyn Env) -> Read<Config> {
    let mut top = Section::top(report, table);
    let admin = top.section("admin").and_then(|section| system::admin(section, env));
    let token = TokenKind::of(&admin.clone().map(|admin| admin.token));
    let server = top.section("server").and_then(|section| system::server(section, token));
    let store = top.section("store").and_then(|section| store::store(section, env));
    let docspace = top.section("docspace").and_then(|section| system::docspace(section, env));
    let writes_per_day = docspace.as_ref().map(|docspace| docspace.limits.writes_per_day);
    let reserve = top
        .section("backfill")
        .and_then(|section| system::backfill(section, writes_per_day.map_err(|reported| *reported)));
    let helpdesks = helpdesk::helpdesks(&mut top, env);
    let rules = room::rules(&mut top, helpdesks.as_deref().unwrap_or_default());
    top.close();

    let (mut helpdesks, rules) = (helpdesks?, rules?);
    for helpdesk in &mut helpdesks {
        // A look-up that no rule and no title needs would cost a call.
        if let HelpdeskKind::Freshdesk(freshdesk) = &mut helpdesk.kind {
            freshdesk.companies = rules.reads(Name::Organization);
        }
    }
    let mut docspace = docspace?;
    if let Some(reserve) = reserve? {
        docspace.limits.reserved_writes = reserve;
    }
    let config = Config {
        admin: admin?,
        server: server?,
        store: store?,
        docspace,
        helpdesks,
        rules,
        warnings: Vec::new(),
        fingerprint: report.fingerprint(),
        places: report.places(),
    };
    warn_of_open_door(report, At::File, &config);
    Ok(config)
}

fn from_variables(report: &Report<'_>, env: &dyn Env) -> Read<Config> {
    let (token, listen) = system::server_from_variables(report, env);
    let store = filled(env, "TICKETROOM_STORE").map_or_else(
        || Ok(store::default_store()),
        |text| store::store_url(&Place::variable(report, "TICKETROOM_STORE"), &text),
    );
    let docspace = system::docspace_from_variables(report, env);
    // There is no file that says these.
    for name in [system::DOCSPACE_URL, "TICKETROOM_LISTEN", "TICKETROOM_STORE"] {
        report.takes(&env.get(name).unwrap_or_default());
    }

    let config = Config {
        server: Server {
            listen: listen?,
            public_url: None,
            max_delivery_bytes: system::DEFAULT_MAX_DELIVERY_BYTES,
            limits: ServerLimits::default(),
        },
        admin: Admin { token: token? },
        store: store?,
        docspace: docspace?,
        helpdesks: vec![helpdesk::unsigned_generic(report)?],
        rules: room::built_in_rules(report)?,
        warnings: Vec::new(),
        fingerprint: report.fingerprint(),
        places: report.places(),
    };
    warn_of_open_door(report, At::Environment, &config);
    Ok(config)
}

/// An unsigned endpoint is fine on the machine itself; beyond it, everybody can have rooms created.
fn warn_of_open_door(report: &Report<'_>, at: At, config: &Config) {
    let beyond = config.server.public_url.is_some() || !value::is_loopback_address(config.server.listen.ip());
    for helpdesk in config.helpdesks.iter().filter(|_| beyond) {
        if let HelpdeskKind::Generic(GenericConfig { inbound: Inbound::Unsigned, .. }) = helpdesk.kind {
            let name = &helpdesk.name;
            report.warning(
                at,
                &format!("the helpdesk “{name}” takes unsigned deliveries from everybody who reaches it; set its webhook_secret"),
            );
        }
    }
}
