//! `[[helpdesk]]` of `kind = "freshdesk"`.

use secrecy::SecretString;
use url::Url;

use super::{account_url, names};
use crate::config::Env;
use crate::config::reader::{Section, Value};
use crate::config::reasons::INVALID;
use crate::config::report::Read;
use crate::config::secret::{are_same, for_header, is_same, secret, secrets};

/// A Freshdesk account.
#[derive(Debug, Clone)]
pub struct FreshdeskConfig {
    /// Its address.
    pub url: Url,
    /// What its automation rules send along: at least one, more while one is being replaced.
    pub webhook_secrets: Vec<SecretString>,
    /// The API key of our agent.
    pub api_key: SecretString,
    /// The API name of the custom ticket field that takes the room's address.
    pub room_url_field: Option<String>,
    /// The names of the groups whose tickets get rooms; empty: of every ticket.
    pub groups: Vec<String>,
    /// Whether the requesters' companies are looked up: rules or titles ask for them.
    pub companies: bool,
}

impl PartialEq for FreshdeskConfig {
    fn eq(&self, other: &Self) -> bool {
        let Self { url, webhook_secrets, api_key, room_url_field, groups, companies } = self;
        *url == other.url
            && are_same(webhook_secrets, &other.webhook_secrets)
            && is_same(api_key, &other.api_key)
            && *room_url_field == other.room_url_field
            && *groups == other.groups
            && *companies == other.companies
    }
}

pub(super) fn freshdesk(mut section: Section<'_>, env: &dyn Env) -> Read<FreshdeskConfig> {
    let url =
        section.required("url", "add the address, such as url = \"https://acme.freshdesk.com\"", address);
    let help = "add webhook_secret = { env = \"FRESHDESK_WEBHOOK_SECRET\" }, and let the automation rule send it in the header X-Ticketroom-Secret";
    let webhook_secrets = section.required("webhook_secret", help, |value| secrets(value, env));
    let help = "add api_key = { env = \"FRESHDESK_API_KEY\" }; an agent's profile settings show it under “View API key”";
    let api_key = section
        .required("api_key", help, |value| secret(value, env).and_then(|key| for_header(&value.place, key)));
    let room_url_field = section.optional("room_url_field", field);
    let groups = section.or("groups", Vec::new(), |value| {
        names(value, "write the groups' names, such as groups = [\"Support\"], or leave it out")
    });
    section.close();
    Ok(FreshdeskConfig {
        url: url?,
        webhook_secrets: webhook_secrets?,
        api_key: api_key?,
        room_url_field: room_url_field?,
        groups: groups?,
        companies: false,
    })
}

fn address(value: &Value<'_>) -> Read<Url> {
    let help = "write the account's address, such as \"https://acme.freshdesk.com\"";
    let odd = "is not at freshdesk.com; Freshdesk's API may not answer at a host of your own (nor at Freshservice's)";
    account_url(value, help, ".freshdesk.com", odd)
}

/// The API has a name for each custom field, made of its label; people often write the label.
fn field(value: &Value<'_>) -> Read<String> {
    let help = "write the field's API name, such as room_url_field = \"cf_room\"; it begins with cf_";
    let name = value.full_text(help)?;
    let is_name = name
        .strip_prefix("cf_")
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_alphanumeric() || c == '_'));
    if is_name {
        Ok(name.to_owned())
    } else {
        Err(value.place.wrong(&INVALID, "is no custom field's name", help))
    }
}
