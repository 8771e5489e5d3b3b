//! Registrations of webhooks in DocSpace: list, create, change, delete; the log of what was sent;
//! and what a secret has to be like. All of it needs a key with full access.

use std::fmt;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::{Call, DocSpace};
use super::wire::PasswordPolicyDto;
use crate::call::Failure;

/// The most characters that a secret has, whatever the portal's policy is.
pub const LONGEST_SECRET: usize = 30;

/// A registration. DocSpace never shows its secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its number.
    pub id: i64,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// Where it sends.
    #[serde(default)]
    pub uri: String,
    /// Whether it sends.
    #[serde(default)]
    pub enabled: bool,
    /// Whether the certificate of the address has to be good.
    #[serde(default)]
    pub ssl: bool,
    /// The mask of its [triggers](super::triggers).
    #[serde(default)]
    pub triggers: i64,
    /// The one room, folder or file that it is limited to, if it is.
    #[serde(default)]
    pub target_id: Option<String>,
    /// When a delivery was answered with a success last, as DocSpace writes it, maybe without a
    /// time zone.
    #[serde(default)]
    pub last_success_on: Option<String>,
    /// When a delivery failed last.
    #[serde(default)]
    pub last_failure_on: Option<String>,
    /// Why. What the other side said may be in it.
    #[serde(default)]
    pub last_failure_content: Option<String>,
}

/// A registration in a list, with more about it that nobody reads.
#[derive(Debug, Deserialize)]
struct Listed {
    configs: Webhook,
}

/// What a registration is to be like.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSettings {
    /// What people call it: at most 50 characters.
    pub name: String,
    /// Where it sends.
    pub uri: String,
    /// What it signs with.
    #[serde(serialize_with = "exposed")]
    pub secret_key: SecretString,
    /// Whether it sends.
    pub enabled: bool,
    /// Whether the certificate of the address has to be good.
    pub ssl: bool,
    /// The mask of its triggers.
    pub triggers: i64,
}

fn exposed<S: serde::Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings").field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// A delivery in DocSpace's log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedDelivery {
    /// Its number, which is the event's id in the body.
    pub id: i64,
    /// The mask of its trigger.
    #[serde(default)]
    pub trigger: i64,
    /// When it happened, as DocSpace writes it.
    #[serde(default)]
    pub creation_time: Option<String>,
    /// When it was delivered.
    #[serde(default)]
    pub delivery: Option<String>,
    /// The HTTP status of the last answer; 0 if there was none yet.
    #[serde(default)]
    pub status: u16,
}

/// What the portal demands of passwords, and so of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretPolicy {
    /// So many characters at least.
    pub shortest: usize,
    /// A capital letter.
    pub capital: bool,
    /// A digit.
    pub digit: bool,
    /// A character that is neither a letter nor a digit.
    pub symbol: bool,
}

impl SecretPolicy {
    /// What holds on every portal.
    pub const LEAST: Self = Self { shortest: 1, capital: false, digit: false, symbol: false };

    /// What a secret lacks, in words: `has more than 30 characters`. Empty if it will do.
    #[must_use]
    pub fn objections(&self, secret: &SecretString) -> Vec<String> {
        let secret = secret.expose_secret();
        let length = secret.encode_utf16().count();
        let lacks =
            |is_wanted: bool, is_it: fn(&u8) -> bool| is_wanted && !secret.as_bytes().iter().any(is_it);
        [
            (length > LONGEST_SECRET, format!("has more than {LONGEST_SECRET} characters")),
            (length < self.shortest, format!("has fewer than {} characters", self.shortest)),
            (
                !secret.bytes().all(|byte| byte.is_ascii_graphic()),
                "has a space or a character that is not ASCII".to_owned(),
            ),
            (lacks(self.capital, u8::is_ascii_uppercase), "has no capital letter".to_owned()),
            (lacks(self.digit, u8::is_ascii_digit), "has no digit".to_owned()),
            (lacks(self.symbol, u8::is_ascii_punctuation), "has no special character".to_owned()),
        ]
        .into_iter()
        .filter_map(|(is_so, words)| is_so.then_some(words))
        .collect()
    }
}

const WEBHOOK: &str = "settings/webhook";

impl DocSpace {
    /// The registrations: all of them for an administrator, their own for others.
    ///
    /// # Errors
    /// `Forbidden` if the key has no full access; when DocSpace can't say.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, Failure> {
        let listed: Vec<Listed> =
            self.get("list_webhooks", WEBHOOK.to_owned(), &[]).await?.unwrap_or_default();
        Ok(listed.into_iter().map(|listed| listed.configs).collect())
    }

    /// Makes a registration. DocSpace sends HEAD to the address first. Not repeatable: the same
    /// name and address twice are refused.
    ///
    /// # Errors
    /// When it is not sure that there is a registration now.
    pub async fn create_webhook(&self, settings: &WebhookSettings) -> Result<Webhook, Failure> {
        const CALL: &str = "create_webhook";
        let made = self.write(CALL, Method::POST, WEBHOOK.to_owned(), settings).await?;
        made.ok_or_else(|| self.nothing(CALL))
    }

    /// Changes a registration, whose every setting is replaced. DocSpace sends HEAD to the address
    /// first.
    ///
    /// # Errors
    /// When it may not be so now.
    pub async fn update_webhook(&self, id: i64, settings: &WebhookSettings) -> Result<Webhook, Failure> {
        const CALL: &str = "update_webhook";
        #[derive(Serialize)]
        struct Update<'a> {
            id: i64,
            #[serde(flatten)]
            settings: &'a WebhookSettings,
        }
        let changed = self.write(CALL, Method::PUT, WEBHOOK.to_owned(), &Update { id, settings }).await?;
        changed.ok_or_else(|| self.nothing(CALL))
    }

    /// Deletes a registration.
    ///
    /// # Errors
    /// `NotFound` if there is none (any more); when it may still be there.
    pub async fn delete_webhook(&self, id: i64) -> Result<(), Failure> {
        let path = format!("{WEBHOOK}/{id}");
        let call =
            Call::<()> { name: "delete_webhook", method: Method::DELETE, path, query: &[], body: None };
        self.call::<Value, ()>(call).await?;
        Ok(())
    }

    /// What a registration sent last, the newest first, as much as `most`.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn webhook_log(&self, id: i64, most: usize) -> Result<Vec<LoggedDelivery>, Failure> {
        let query = [("configId", id.to_string()), ("count", most.to_string())];
        let path = "settings/webhooks/log".to_owned();
        let mut log: Vec<LoggedDelivery> = self.get("webhook_log", path, &query).await?.unwrap_or_default();
        log.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
        log.truncate(most);
        Ok(log)
    }

    /// What the portal demands of a secret.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn secret_policy(&self) -> Result<SecretPolicy, Failure> {
        const CALL: &str = "secret_policy";
        let policy: Option<PasswordPolicyDto> =
            self.get(CALL, "settings/security/password".to_owned(), &[]).await?;
        let policy = policy.ok_or_else(|| self.nothing(CALL))?;
        let PasswordPolicyDto { min_length, upper_case, digits, spec_symbols } = policy;
        Ok(SecretPolicy { shortest: min_length, capital: upper_case, digit: digits, symbol: spec_symbols })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_checked_as_the_portal_does() {
        let open = SecretPolicy { shortest: 8, capital: false, digit: false, symbol: false };
        let strict = SecretPolicy { shortest: 12, capital: true, digit: true, symbol: true };
        let wrong = |policy: SecretPolicy, secret: &str| policy.objections(&SecretString::from(secret));
        assert_eq!(wrong(open, "abcdefgh"), [""; 0]);
        assert_eq!(wrong(open, &"a".repeat(30)), [""; 0]);
        assert_eq!(wrong(open, &"a".repeat(31)), ["has more than 30 characters"]);
        assert_eq!(
            wrong(open, "a b ü"),
            ["has fewer than 8 characters", "has a space or a character that is not ASCII"]
        );
        assert_eq!(wrong(strict, "Abcdefgh-123"), [""; 0]);
        assert_eq!(
            wrong(strict, "abcdefghijkl"),
            ["has no capital letter", "has no digit", "has no special character"]
        );
    }

    #[test]
    fn settings_are_sent_whole_and_shown_without_the_secret() {
        let settings = WebhookSettings {
            name: "ticketroom".to_owned(),
            uri: "https://r.example/webhooks/docspace".to_owned(),
            secret_key: SecretString::from("Secret123!"),
            enabled: true,
            ssl: true,
            triggers: 16_777_216,
        };
        assert_eq!(
            serde_json::to_value(&settings).unwrap(),
            serde_json::json!({
                "name": "ticketroom", "uri": "https://r.example/webhooks/docspace", "secretKey": "Secret123!",
                "enabled": true, "ssl": true, "triggers": 16_777_216,
            })
        );
        assert!(!format!("{settings:?}").contains("Secret123!"));
    }
}
