//! Sections of ticketroom's configuration for the simulated systems.
//!
//! A section is TOML. The caller chooses how secrets are written ([`Secrets`]): as they are, for a
//! file that a person copies, or as names of environment variables, whose values
//! [`Secrets::variables`] returns.

use std::collections::HashMap;

use crate::callback::CallbackReceiver;
use crate::docspace::DocSpace;
use crate::freshdesk::Freshdesk;
use crate::jira::{Deployment, Jira};
use crate::zendesk::Zendesk;

/// Collects secrets while sections are written.
#[derive(Debug, Default)]
pub struct Secrets {
    written_out: bool,
    variables: HashMap<String, String>,
}

impl Secrets {
    /// Secrets are written into the text.
    pub fn written_out() -> Self {
        Self { written_out: true, variables: HashMap::new() }
    }

    /// The text names environment variables.
    pub fn in_variables() -> Self {
        Self::default()
    }

    /// A secret as a value in TOML.
    pub fn write(&mut self, variable: &str, secret: &str) -> String {
        if self.written_out {
            return format!("{secret:?}");
        }
        self.variables.insert(variable.to_owned(), secret.to_owned());
        format!("{{ env = {variable:?} }}")
    }

    /// The environment variables that the text names.
    pub fn variables(self) -> HashMap<String, String> {
        self.variables
    }
}

impl DocSpace {
    /// `[docspace]`; further keys may be added below it.
    pub fn section(&self, secrets: &mut Secrets) -> String {
        let api_key = secrets.write("DOCSPACE_API_KEY", &self.api_key());
        format!("[docspace]\nurl = \"{}\"\napi_key = {api_key}\n", self.url())
    }
}

impl Zendesk {
    /// `[[helpdesk]]` of the name `zendesk`, with any of these secrets for its webhooks.
    pub fn section(&self, webhook_secrets: &[&str], secrets: &mut Secrets) -> String {
        let webhook_secret = several("ZENDESK_WEBHOOK_SECRET", webhook_secrets, secrets);
        let client_secret = secrets.write("ZENDESK_CLIENT_SECRET", &self.client_secret());
        let field = self.room_field().map(|field| format!("room_url_field = {field}\n")).unwrap_or_default();
        format!(
            "[[helpdesk]]\nname = \"zendesk\"\nkind = \"zendesk\"\nurl = \"{}\"\n\
             webhook_secret = {webhook_secret}\nclient_id = \"{}\"\nclient_secret = {client_secret}\n{field}",
            self.url(),
            self.client_id(),
        )
    }
}

impl Freshdesk {
    /// `[[helpdesk]]` of the name `freshdesk`, with any of these secrets for its rules.
    pub fn section(&self, webhook_secrets: &[&str], secrets: &mut Secrets) -> String {
        let webhook_secret = several("FRESHDESK_WEBHOOK_SECRET", webhook_secrets, secrets);
        let api_key = secrets.write("FRESHDESK_API_KEY", &self.api_key());
        let field =
            self.room_field().map(|field| format!("room_url_field = \"{field}\"\n")).unwrap_or_default();
        format!(
            "[[helpdesk]]\nname = \"freshdesk\"\nkind = \"freshdesk\"\nurl = \"{}\"\n\
             webhook_secret = {webhook_secret}\napi_key = {api_key}\n{field}",
            self.url(),
        )
    }
}

impl Jira {
    /// `[[helpdesk]]` of the name `jira`, with any of these secrets for its webhooks and rules.
    pub fn section(&self, webhook_secrets: &[&str], secrets: &mut Secrets) -> String {
        let webhook_secret = several("JIRA_WEBHOOK_SECRET", webhook_secrets, secrets);
        let credentials = match self.deployment() {
            Deployment::Cloud => {
                let token = secrets.write("JIRA_API_TOKEN", &self.api_token());
                format!("email = \"{}\"\napi_token = {token}\n", self.email())
            }
            Deployment::DataCenter => {
                format!("api_token = {}\n", secrets.write("JIRA_API_TOKEN", &self.personal_access_token()))
            }
        };
        format!(
            "[[helpdesk]]\nname = \"jira\"\nkind = \"jira\"\nurl = \"{}\"\n\
             webhook_secret = {webhook_secret}\n{credentials}projects = [\"SUP\"]\n",
            self.url(),
        )
    }
}

impl CallbackReceiver {
    /// `[[helpdesk]]` of that name, which takes unsigned deliveries.
    pub fn section(&self, name: &str) -> String {
        format!(
            "[[helpdesk]]\nname = \"{name}\"\nkind = \"generic\"\nallow_unsigned = true\ncallback_url = \"{}\"\n",
            self.url()
        )
    }
}

/// One secret, or a list of them.
fn several(variable: &str, values: &[&str], secrets: &mut Secrets) -> String {
    if let [value] = values {
        return secrets.write(variable, value);
    }
    let written: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(number, value)| secrets.write(&format!("{variable}_{number}"), value))
        .collect();
    format!("[{}]", written.join(", "))
}
