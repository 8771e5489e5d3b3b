//! `[[helpdesk]]` of `kind = "generic"`: any system that sends JSON.

use secrecy::SecretString;
use url::Url;

use super::{HelpdeskConfig, HelpdeskKind};
use crate::config::Env;
use crate::config::reader::Section;
use crate::config::reasons::{KEY_CONFLICT, KEY_MISSING};
use crate::config::report::{Read, Report};
use crate::config::secret::{are_same, secrets};
use crate::config::value::web_url;
use crate::ticket::HelpdeskName;

/// A system that sends us JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct GenericConfig {
    /// How its deliveries are told from others'.
    pub inbound: Inbound,
    /// Who is told of a ticket's room; signed with the first of the webhook secrets.
    pub callback: Option<Url>,
}

/// How a generic helpdesk's deliveries are told from others'.
#[derive(Debug, Clone)]
pub enum Inbound {
    /// By a signature with one of these, of which there is at least one.
    Secrets(Vec<SecretString>),
    /// Not at all: whoever reaches the endpoint is believed.
    Unsigned,
}

impl PartialEq for Inbound {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Secrets(secrets), Self::Secrets(others)) => are_same(secrets, others),
            (Self::Unsigned, Self::Unsigned) => true,
            (Self::Secrets(_) | Self::Unsigned, _) => false,
        }
    }
}

/// The helpdesk of those who configure none.
pub(in crate::config) fn unsigned_generic(report: &Report<'_>) -> Read<HelpdeskConfig> {
    let name = "generic".parse::<HelpdeskName>().map_err(|error| report.bug(error))?;
    let generic = GenericConfig { inbound: Inbound::Unsigned, callback: None };
    Ok(HelpdeskConfig {
        name,
        kind: HelpdeskKind::Generic(generic),
        group_names: Vec::new(),
        secret_place: None,
    })
}

pub(super) fn generic(mut section: Section<'_>, env: &dyn Env) -> Read<GenericConfig> {
    let secrets = section.optional("webhook_secret", |value| secrets(value, env));
    let allow_unsigned = section.or("allow_unsigned", false, |value| {
        let allow = value.boolean()?;
        if allow && !matches!(secrets, Ok(None)) {
            let help = "leave out allow_unsigned; with a secret, every delivery must be signed";
            return Err(value.place.wrong(&KEY_CONFLICT, "contradicts webhook_secret", help));
        }
        Ok(allow)
    });
    let callback = section.optional("callback_url", |value| {
        let help = "write the address in quotes, such as \"https://intranet.example.com/rooms\"";
        web_url(&value.place, value.text(help)?)
    });
    let place = section.place.clone();
    section.close();
    let inbound = match (secrets?, allow_unsigned?) {
        (Some(secrets), _) => Inbound::Secrets(secrets),
        (None, true) => Inbound::Unsigned,
        (None, false) => {
            let help = "add webhook_secret = { env = \"GENERIC_SECRET\" }, or allow_unsigned = true on a network you trust";
            return Err(place.wrong(&KEY_MISSING, "has no “webhook_secret”", help));
        }
    };
    Ok(GenericConfig { inbound, callback: callback? })
}
