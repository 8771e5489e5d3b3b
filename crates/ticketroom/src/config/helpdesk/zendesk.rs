//! `[[helpdesk]]` of `kind = "zendesk"`.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{LONGEST_SIGNATURE_WINDOW, account_url, email_address};
use crate::config::Env;
use crate::config::reader::{Section, Value};
use crate::config::reasons::{KEY_CONFLICT, KEY_MISSING, RANGE, SECRET_INVALID};
use crate::config::report::Read;
use crate::config::secret::{are_same, is_same, secret, secrets};
use crate::config::value::{duration, is_loopback};

/// Zendesk signs test deliveries with this secret, which everybody can read in its documentation.
pub(crate) const ZENDESK_TEST_SECRET: &str = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";

/// Generous, because a retried delivery may carry its first time.
const DEFAULT_SIGNATURE_WINDOW: Duration = Duration::from_secs(15 * 60);
/// A Zendesk account.
#[derive(Debug, Clone)]
pub struct ZendeskConfig {
    /// Its address.
    pub url: Url,
    /// The signing secrets of its webhooks: at least one, more while one is being replaced.
    pub webhook_secrets: Vec<SecretString>,
    /// How we sign in.
    pub auth: ZendeskAuth,
    /// The custom ticket field that takes the room's address.
    pub room_url_field: Option<u64>,
    /// How far a delivery's signed time may be from ours.
    pub signature_window: Duration,
}

impl PartialEq for ZendeskConfig {
    fn eq(&self, other: &Self) -> bool {
        let Self { url, webhook_secrets, auth, room_url_field, signature_window } = self;
        *url == other.url
            && are_same(webhook_secrets, &other.webhook_secrets)
            && *auth == other.auth
            && *room_url_field == other.room_url_field
            && *signature_window == other.signature_window
    }
}

/// How we sign in to Zendesk.
#[derive(Debug, Clone)]
pub enum ZendeskAuth {
    /// OAuth client credentials.
    OAuth {
        /// The client's identifier.
        client_id: String,
        /// The client's secret.
        client_secret: SecretString,
    },
    /// An API token, as long as Zendesk takes them.
    ApiToken {
        /// The e-mail address of the token's user.
        email: String,
        /// The token.
        api_token: SecretString,
    },
}

impl PartialEq for ZendeskAuth {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::OAuth { client_id, client_secret },
                Self::OAuth { client_id: id, client_secret: secret },
            ) => client_id == id && is_same(client_secret, secret),
            (Self::ApiToken { email, api_token }, Self::ApiToken { email: address, api_token: token }) => {
                email == address && is_same(api_token, token)
            }
            (Self::OAuth { .. } | Self::ApiToken { .. }, _) => false,
        }
    }
}

pub(super) fn zendesk(mut section: Section<'_>, env: &dyn Env) -> Read<ZendeskConfig> {
    let url =
        section.required("url", "add the address, such as url = \"https://acme.zendesk.com\"", zendesk_url);
    // A test account on this machine may use the test secret.
    let is_local = url.as_ref().is_ok_and(is_loopback);
    let help = "add webhook_secret = { env = \"ZENDESK_WEBHOOK_SECRET\" }; the webhook's page in Zendesk shows it under “Reveal secret”";
    let webhook_secrets = section.required("webhook_secret", help, |value| {
        let secrets = secrets(value, env)?;
        if !is_local && secrets.iter().any(|secret| secret.expose_secret() == ZENDESK_TEST_SECRET) {
            let help = "take the webhook's own secret: its page in Zendesk shows it under “Reveal secret”";
            return Err(value.place.wrong(
                &SECRET_INVALID,
                "is Zendesk's public test secret, which everybody knows",
                help,
            ));
        }
        Ok(secrets)
    });
    let auth = zendesk_auth(&mut section, env);
    let room_url_field = section.optional("room_url_field", |value| {
        let help = "write the number of the ticket field without quotes, such as room_url_field = 360012345";
        match value.number(help)? {
            0 => Err(value.place.wrong(&RANGE, "is out of range", help)),
            field => Ok(field),
        }
    });
    let signature_window = section.or("signature_window", DEFAULT_SIGNATURE_WINDOW, |value| {
        duration(value, Duration::from_secs(1)..=LONGEST_SIGNATURE_WINDOW)
    });
    section.close();
    Ok(ZendeskConfig {
        url: url?,
        webhook_secrets: webhook_secrets?,
        auth: auth?,
        room_url_field: room_url_field?,
        signature_window: signature_window?,
    })
}

fn zendesk_url(value: &Value<'_>) -> Read<Url> {
    let help = "write the account's address, such as \"https://acme.zendesk.com\"";
    let odd = "is not at zendesk.com; Zendesk's API may not answer at a host of your own";
    account_url(value, help, ".zendesk.com", odd)
}

/// One way to sign in, whole.
fn zendesk_auth(section: &mut Section<'_>, env: &dyn Env) -> Read<ZendeskAuth> {
    let text_help = "write it in quotes";
    let client_id = section.find("client_id");
    let client_secret = section.find("client_secret");
    let email = section.find("email");
    let api_token = section.find("api_token");
    match (client_id, client_secret, email, api_token) {
        (Some(id), Some(client_secret), None, None) => {
            let (client_id, client_secret) = (id.full_text(text_help), secret(&client_secret, env));
            Ok(ZendeskAuth::OAuth { client_id: client_id?.to_owned(), client_secret: client_secret? })
        }
        (None, None, Some(address), Some(token)) => {
            let (email, api_token) = (email_address(&address), secret(&token, env));
            token
                .place
                .odd("works until 2027-04-30, when Zendesk ends API tokens; use client_id and client_secret");
            Ok(ZendeskAuth::ApiToken { email: email?, api_token: api_token? })
        }
        (None, None, None, None) => {
            let help = "add client_id and client_secret of an OAuth client: Admin Center, Apps and integrations, APIs";
            Err(section.place.wrong(&KEY_MISSING, "has no way to sign in to Zendesk", help))
        }
        (Some(_), None, None, None) => {
            Err(section.lacks("client_secret", "add client_secret = { env = \"ZENDESK_CLIENT_SECRET\" }"))
        }
        (None, Some(_), None, None) => {
            Err(section.lacks("client_id", "add client_id, the identifier of the OAuth client"))
        }
        (None, None, Some(_), None) => {
            Err(section.lacks("api_token", "add api_token, or better use client_id and client_secret"))
        }
        (None, None, None, Some(_)) => {
            Err(section.lacks("email", "add email, the address of the user whom the token belongs to"))
        }
        (_, _, Some(odd), _) | (_, _, None, Some(odd)) => {
            let help = "leave out email and api_token; client_id and client_secret are what lasts";
            Err(odd.place.wrong(
                &KEY_CONFLICT,
                "is a second way to sign in, beside client_id and client_secret",
                help,
            ))
        }
    }
}
