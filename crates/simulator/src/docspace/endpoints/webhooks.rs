//! Webhooks: register, list, enable, remove, log, retry.
//!
//! An admin sees and changes all webhooks, others their own, and guests none. Saving and enabling
//! one asks its address by HEAD, without following redirects: it has to answer with 2xx. The key
//! needs a global scope.
//!
//! Not simulated: the filters of the log other than `configId` and `eventId`, and the limit of
//! retries by hand.

use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::body::Fields;
use super::call::Call;
use super::wire::{Failure, Outcome, Reply, page, without_nulls};
use crate::docspace::state::State;
use crate::docspace::state::delivery::short_date;
use crate::docspace::state::people::UserKind;
use crate::docspace::state::trigger::{ALL, NAMES};
use crate::docspace::state::webhook::{Logged, PasswordPolicy, Webhook, is_mask, is_private};
use crate::http::Probed;

const NAME: usize = 50;
const SECRET: usize = 50;
const TARGET: usize = 255;

/// What a request says of a webhook.
struct Wanted {
    name: String,
    uri: String,
    address: Url,
    secret: Option<String>,
    enabled: bool,
    ssl: bool,
    triggers: i64,
    target: Option<String>,
}

impl Wanted {
    fn of(fields: &Fields) -> Result<Self, Failure> {
        let filled = |text: Option<&str>| text.filter(|text| !text.trim().is_empty()).map(str::to_owned);
        let uri = filled(fields.text("Uri")?).ok_or(Failure::Invalid("Uri"))?;
        let address = uri.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
        let triggers = fields.integer("Triggers")?.unwrap_or(0);
        if !is_mask(triggers) {
            return Err(Failure::Invalid("Triggers"));
        }
        Ok(Self {
            name: filled(fields.text_within("Name", NAME)?).ok_or(Failure::Invalid("Name"))?,
            address: address.ok_or(Failure::Invalid("Uri"))?,
            uri,
            secret: filled(fields.text_within("SecretKey", SECRET)?),
            enabled: fields.flag("Enabled")?,
            ssl: fields.flag("Ssl")?,
            triggers,
            target: filled(fields.text_within("TargetId", TARGET)?),
        })
    }
}

/// What becomes of a webhook whose address was asked.
fn accepted(probed: Probed) -> Result<(), Failure> {
    match probed {
        Probed::Status(200..=299) => Ok(()),
        Probed::Status(_) => Err(Failure::Argument),
        // The server doesn't handle the exception.
        Probed::Silent | Probed::Not => Err(Failure::Unreachable),
    }
}

impl State {
    /// Whether the caller sees the webhooks of others.
    fn sees_all_webhooks(&self, caller: Uuid) -> Result<bool, Failure> {
        match self.people.kind(caller) {
            Some(UserKind::DocSpaceAdmin) => Ok(true),
            Some(UserKind::RoomAdmin | UserKind::User) => Ok(false),
            Some(UserKind::Guest) | None => Err(Failure::Security),
        }
    }

    /// The address that has to be asked before this call can be answered.
    pub(crate) fn address_to_ask(&self, call: &Call<'_>, route: WebhookCall) -> Result<Option<Url>, Failure> {
        let fields = Fields::of(call.request)?;
        Ok(match route {
            WebhookCall::Create => Some(self.creatable(call, &fields)?.address),
            WebhookCall::Update => Some(self.updatable(call, &fields)?.1.address),
            WebhookCall::Enable if fields.flag("Enabled")? => {
                let known = self.own_webhook(call, id_in(&fields)?)?;
                self.check_address(&known.address, known.ssl)?;
                Some(known.address)
            }
            WebhookCall::Enable => None,
        })
    }

    fn creatable(&self, call: &Call<'_>, fields: &Fields) -> Result<Wanted, Failure> {
        self.sees_all_webhooks(call.caller)?;
        let wanted = Wanted::of(fields)?;
        self.check_secret(wanted.secret.as_deref().ok_or(Failure::Invalid("SecretKey"))?)?;
        self.check_address(&wanted.address, wanted.ssl)?;
        Ok(wanted)
    }

    /// A webhook that the caller may change, and how it is to be.
    fn updatable(&self, call: &Call<'_>, fields: &Fields) -> Result<(Webhook, Wanted), Failure> {
        let wanted = Wanted::of(fields)?;
        if let Some(secret) = &wanted.secret {
            self.check_secret(secret)?;
        }
        self.check_address(&wanted.address, wanted.ssl)?;
        Ok((self.own_webhook(call, id_in(fields)?)?, wanted))
    }

    fn check_secret(&self, secret: &str) -> Result<(), Failure> {
        if self.sender.webhooks().policy.accepts(secret) { Ok(()) } else { Err(Failure::Argument) }
    }

    /// Refuses addresses of this machine and of private networks, and plain HTTP where certificates
    /// are to be checked.
    fn check_address(&self, address: &Url, ssl: bool) -> Result<(), Failure> {
        let is_plain = ssl && address.scheme() == "http";
        if !self.sender.webhooks().allows_private && (is_private(address) || is_plain) {
            return Err(Failure::Argument);
        }
        Ok(())
    }

    fn own_webhook(&self, call: &Call<'_>, id: i64) -> Result<Webhook, Failure> {
        let sees_all = self.sees_all_webhooks(call.caller)?;
        let known = self.sender.webhooks().registered.get(&id).cloned().ok_or(Failure::NotFound)?;
        if sees_all || known.created_by == call.caller { Ok(known) } else { Err(Failure::Security) }
    }

    pub(crate) fn list_webhooks(&self, call: &Call<'_>) -> Outcome {
        let sees_all = self.sees_all_webhooks(call.caller)?;
        let webhooks = self.sender.webhooks();
        let seen =
            webhooks.registered.values().filter(|webhook| sees_all || webhook.created_by == call.caller);
        let list = seen.map(|webhook| {
            json!({ "configs": self.webhook_dto(webhook, &call.origin), "status": webhook.last_status })
        });
        Ok(Reply::Many(list.collect(), None))
    }

    pub(crate) fn create_webhook(&self, call: &Call<'_>) -> Outcome {
        let wanted = self.creatable(call, &Fields::of(call.request)?)?;
        accepted(call.request.probed)?;
        let webhook = Webhook {
            id: 0,
            name: wanted.name,
            uri: wanted.uri,
            address: wanted.address,
            secret: wanted.secret.unwrap_or_default(),
            enabled: wanted.enabled,
            ssl: wanted.ssl,
            triggers: wanted.triggers,
            target: wanted.target,
            created_by: call.caller,
            created: self.now(),
            modified: None,
            last_failure: None,
            last_success: None,
            last_status: 0,
        };
        let webhook = self.sender.webhooks().add(webhook);
        Ok(Reply::One(self.webhook_dto(&webhook, &call.origin)))
    }

    /// Without a secret, the secret stays.
    pub(crate) fn update_webhook(&self, call: &Call<'_>) -> Outcome {
        let (mut webhook, wanted) = self.updatable(call, &Fields::of(call.request)?)?;
        accepted(call.request.probed)?;
        webhook.name = wanted.name;
        webhook.uri = wanted.uri;
        webhook.address = wanted.address;
        webhook.secret = wanted.secret.unwrap_or(webhook.secret);
        webhook.enabled = wanted.enabled;
        webhook.ssl = wanted.ssl;
        webhook.triggers = wanted.triggers;
        webhook.target = wanted.target;
        Ok(self.changed_webhook(call, webhook))
    }

    pub(crate) fn enable_webhook(&self, call: &Call<'_>) -> Outcome {
        let fields = Fields::of(call.request)?;
        let mut webhook = self.own_webhook(call, id_in(&fields)?)?;
        webhook.enabled = fields.flag("Enabled")?;
        if webhook.enabled {
            self.check_address(&webhook.address, webhook.ssl)?;
            accepted(call.request.probed)?;
        }
        Ok(self.changed_webhook(call, webhook))
    }

    fn changed_webhook(&self, call: &Call<'_>, mut webhook: Webhook) -> Reply {
        webhook.modified = Some((self.now(), call.caller));
        let dto = self.webhook_dto(&webhook, &call.origin);
        self.sender.webhooks().registered.insert(webhook.id, webhook);
        Reply::One(dto)
    }

    pub(crate) fn remove_webhook(&self, call: &Call<'_>, id: i64) -> Outcome {
        let webhook = self.own_webhook(call, id)?;
        self.sender.webhooks().registered.remove(&id);
        Ok(Reply::One(self.webhook_dto(&webhook, &call.origin)))
    }

    /// The secret is in no answer.
    fn webhook_dto(&self, webhook: &Webhook, origin: &str) -> Value {
        let modified = webhook.modified;
        let failure = webhook.last_failure.as_ref();
        without_nulls(json!({
            "id": webhook.id,
            "name": webhook.name,
            "uri": webhook.uri,
            "enabled": webhook.enabled,
            "ssl": webhook.ssl,
            "triggers": webhook.triggers,
            "targetId": webhook.target,
            "createdBy": self.people.reference(webhook.created_by, origin),
            "createdOn": short_date(webhook.created),
            "modifiedBy": modified.map(|(_, by)| self.people.reference(by, origin)),
            "modifiedOn": modified.map(|(at, _)| short_date(at)),
            "lastFailureOn": failure.map(|(at, _)| short_date(*at)),
            "lastFailureContent": failure.map(|(_, how)| how),
            "lastSuccessOn": webhook.last_success.map(short_date),
        }))
    }

    /// The newest first.
    pub(crate) fn webhook_log(&self, call: &Call<'_>) -> Outcome {
        let sees_all = self.sees_all_webhooks(call.caller)?;
        let number = |name| match call.request.query(name).filter(|text| !text.is_empty()) {
            Some(text) => text.parse().map(Some).map_err(|_| Failure::Invalid("Query")),
            None => Ok(None),
        };
        let (webhook, event): (Option<i64>, Option<i64>) = (number("configId")?, number("eventId")?);
        let webhooks = self.sender.webhooks();
        let is_own = |logged: &Logged| {
            webhooks.registered.get(&logged.webhook).is_some_and(|known| known.created_by == call.caller)
        };
        let found = webhooks.log.iter().rev().filter(|logged| {
            webhook.is_none_or(|id| logged.webhook == id)
                && event.is_none_or(|id| logged.id == id)
                && (sees_all || is_own(logged))
        });
        let found: Vec<&Logged> = found.collect();
        let total = found.len();
        let page = page(call.request, 100, found)?;
        Ok(Reply::Many(page.into_iter().map(logged_dto).collect(), Some(total)))
    }

    /// Sends a logged event once more, as an event with another id. The id is that of the event,
    /// not of the webhook.
    pub(crate) fn retry_webhook(&self, call: &Call<'_>, event: i64) -> Outcome {
        let logged = self.sender.webhooks().log.iter().find(|logged| logged.id == event).map(|it| it.webhook);
        self.own_webhook(call, logged.ok_or(Failure::NotFound)?)?;
        let retried = self.sender.retry(event).ok_or(Failure::NotFound)?;
        Ok(Reply::One(logged_dto(&retried)))
    }

    /// The same for several. What isn't there is skipped.
    pub(crate) fn retry_webhooks(&self, call: &Call<'_>) -> Outcome {
        let mut retried = Vec::new();
        for event in Fields::of(call.request)?.integers("Ids")? {
            match self.retry_webhook(call, event) {
                Ok(Reply::One(logged)) => retried.push(logged),
                Ok(_) | Err(Failure::NotFound) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(Reply::Many(retried, None))
    }

    /// What passwords have to be, and so the secrets of webhooks.
    pub(crate) fn password_policy(&self) -> Reply {
        let PasswordPolicy { min_length, upper_case, digits, special } = self.sender.webhooks().policy;
        Reply::One(json!({
            "minLength": min_length,
            "upperCase": upper_case,
            "digits": digits,
            "specSymbols": special,
            "allowedCharactersRegexStr": r"[\x21-\x7E]",
            "digitsRegexStr": r"(?=.*\d)",
            "upperCaseRegexStr": r"(?=.*[A-Z])",
            "specSymbolsRegexStr": r"(?=.*[\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E])",
        }))
    }

    pub(crate) fn webhook_triggers(&self, call: &Call<'_>) -> Outcome {
        self.sees_all_webhooks(call.caller)?;
        let all = std::iter::once((ALL.to_owned(), json!(0)));
        let each = NAMES.iter().enumerate().map(|(bit, name)| ((*name).to_owned(), json!(1_i64 << bit)));
        Ok(Reply::One(Value::Object(all.chain(each).collect())))
    }
}

/// A call that asks the webhook's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebhookCall {
    Create,
    Update,
    Enable,
}

fn id_in(fields: &Fields) -> Result<i64, Failure> {
    fields.integer("Id")?.ok_or(Failure::Invalid("Id"))
}

fn logged_dto(logged: &Logged) -> Value {
    let last = logged.attempts.last();
    without_nulls(json!({
        "id": logged.id,
        "configName": logged.webhook_name,
        "trigger": logged.trigger.id(),
        "creationTime": short_date(logged.created),
        "method": "POST",
        "route": logged.uri,
        "requestPayload": last.map(|attempt| &attempt.body),
        "status": last.map_or(0, |attempt| attempt.status.unwrap_or(500)),
        "delivery": last.filter(|_| logged.delivered).map(|attempt| short_date(attempt.at)),
    }))
}
