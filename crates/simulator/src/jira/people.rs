//! The users of a site. The ones that exist at the start have fixed account ids, so that tests can
//! name them; they have the e-mail addresses of their namesakes in [`zendesk`](crate::zendesk).
//!
//! Cloud knows users by `accountId` and tells e-mail addresses only where the user's privacy
//! setting lets it. Data Center has no account ids: there, a user has a `name`, a `key` and an
//! e-mail address for everybody.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Deployment;
use super::wire::encoded;

/// Anna Agent, <anna.agent@example.com>: changes issues unless another user is named.
pub const ANNA: &str = "712020:5e0b7a10-aaaa-4a4a-8b8b-0000000000a1";
/// Ben Engineer, <ben.engineer@example.com>, an agent.
pub const BEN: &str = "712020:5e0b7a10-aaaa-4a4a-8b8b-0000000000a2";
/// Rita Requester, <rita@customer.example>: the reporter unless another one is named. Her address
/// is shown with her requests, but not by the user resource.
pub const RITA: &str = "qm:8d1f0c2b-1111-4f3a-9d2e-00000000cafe:rita";
/// Carla Customer, <carla.customer@example.com>: a customer who is a guest in DocSpace as well. Her
/// address is shown like Rita's.
pub const CARLA: &str = "qm:8d1f0c2b-1111-4f3a-9d2e-00000000cafe:carla";
/// Mo Messenger, a customer without an e-mail address.
pub const MO: &str = "qm:8d1f0c2b-1111-4f3a-9d2e-00000000cafe:mo";
/// The user as whom all credentials act.
pub const INTEGRATION: &str = "712020:77777777-bbbb-4c4c-9d9d-0000000000b0";

pub(super) const INTEGRATION_EMAIL: &str = "docspace-rooms@example.com";

/// A user to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Display name.
    pub name: String,
    /// E-mail address, if there is one.
    #[serde(default)]
    pub email: Option<String>,
    /// What the user is.
    #[serde(default)]
    pub account_type: AccountType,
    /// Where Cloud shows the e-mail address.
    #[serde(default)]
    pub email_shown: EmailShown,
    /// The account was not deactivated.
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

/// What a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountType {
    /// A user of the customer portal, without a licence.
    #[default]
    Customer,
    /// Works on issues.
    Atlassian,
}

/// Where the privacy setting of a user allows the e-mail address to be shown (Cloud).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailShown {
    /// Not at all.
    #[default]
    Nowhere,
    /// As the reporter of a request (`servicedeskapi`), but not in issues and users.
    OnRequests,
    /// Wherever the REST API shows the user; never in webhooks.
    Everywhere,
}

/// Where a user is shown, which decides whether the e-mail address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Rest,
    Requests,
    Webhook,
}

#[derive(Debug)]
struct User {
    user: NewUser,
    /// The number in the user key of Data Center.
    number: usize,
}

/// The people of a site, by account id.
#[derive(Debug)]
pub(super) struct People {
    users: BTreeMap<String, User>,
    deployment: Deployment,
    /// The name of the time zone in the integration's profile.
    pub(super) own_zone: String,
}

impl People {
    pub(super) fn new(deployment: Deployment) -> Self {
        let mut people = Self { users: BTreeMap::new(), deployment, own_zone: "Etc/UTC".to_owned() };
        let agent = AccountType::Atlassian;
        for (id, name, email, account_type, email_shown) in [
            (ANNA, "Anna Agent", Some("anna.agent@example.com"), agent, EmailShown::Everywhere),
            (BEN, "Ben Engineer", Some("ben.engineer@example.com"), agent, EmailShown::Everywhere),
            (
                RITA,
                "Rita Requester",
                Some("rita@customer.example"),
                AccountType::Customer,
                EmailShown::OnRequests,
            ),
            (MO, "Mo Messenger", None, AccountType::Customer, EmailShown::Nowhere),
            (INTEGRATION, "DocSpace Rooms", Some(INTEGRATION_EMAIL), agent, EmailShown::Everywhere),
            (
                CARLA,
                "Carla Customer",
                Some("carla.customer@example.com"),
                AccountType::Customer,
                EmailShown::OnRequests,
            ),
        ] {
            let (name, email) = (name.to_owned(), email.map(str::to_owned));
            people.insert(id.to_owned(), NewUser { name, email, account_type, email_shown, active: true });
        }
        people
    }

    fn insert(&mut self, id: String, user: NewUser) {
        let number = 10_100 + self.users.len();
        self.users.insert(id, User { user, number });
    }

    /// Adds a user and returns the account id.
    pub(super) fn add(&mut self, user: NewUser) -> String {
        let number = self.users.len();
        let id = match user.account_type {
            AccountType::Customer => format!("qm:8d1f0c2b-1111-4f3a-9d2e-00000000cafe:{number}"),
            AccountType::Atlassian => format!("712020:5e0b7a10-aaaa-4a4a-8b8b-{number:012x}"),
        };
        self.insert(id.clone(), user);
        id
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.users.contains_key(id)
    }

    pub(super) fn is_agent(&self, id: &str) -> bool {
        self.users.get(id).is_some_and(|user| user.user.account_type == AccountType::Atlassian)
    }

    pub(super) fn display_name(&self, id: &str) -> &str {
        self.users.get(id).map_or("", |user| &user.user.name)
    }

    /// How changelogs and the like refer to the user.
    pub(super) fn reference(&self, id: &str) -> String {
        match self.deployment {
            Deployment::Cloud => id.to_owned(),
            Deployment::DataCenter => self.users.get(id).map(User::key).unwrap_or_default(),
        }
    }

    /// The account id of a user, named by an attribute of the deployment.
    pub(super) fn named(&self, attribute: &str, value: &str) -> Option<&str> {
        let found = self.users.iter().find(|(id, user)| match (self.deployment, attribute) {
            (Deployment::Cloud, "accountId") => *id == value,
            (Deployment::DataCenter, "key") => user.key() == value,
            (Deployment::DataCenter, "username" | "name") => user.name() == value,
            _ => false,
        });
        found.map(|(id, _)| id.as_str())
    }

    /// The user as JSON; `null` if there is none.
    pub(super) fn json(&self, id: &str, audience: Audience, api: &str) -> Value {
        let Some(user) = self.users.get(id) else { return Value::Null };
        let size = |size: u32| format!("https://avatar.example/{size}.png");
        let mut json = json!({
            "avatarUrls": { "48x48": size(48), "24x24": size(24), "16x16": size(16), "32x32": size(32) },
            "displayName": user.user.name,
            "active": user.user.active,
            "timeZone": if id == INTEGRATION { &self.own_zone } else { "Europe/Berlin" },
        });
        let shown = user.user.email_shown;
        let told = match (self.deployment, audience) {
            (Deployment::DataCenter, _) => true,
            (Deployment::Cloud, Audience::Rest) => shown == EmailShown::Everywhere,
            (Deployment::Cloud, Audience::Requests) => shown != EmailShown::Nowhere,
            (Deployment::Cloud, Audience::Webhook) => false,
        };
        if let Some(email) = user.user.email.as_ref().filter(|_| told) {
            json["emailAddress"] = email.as_str().into();
        }
        match self.deployment {
            Deployment::Cloud => {
                json["self"] = format!("{api}/user?accountId={}", encoded(id)).into();
                json["accountId"] = id.into();
                json["accountType"] = json!(user.user.account_type);
            }
            Deployment::DataCenter => {
                json["self"] = format!("{api}/user?username={}", encoded(&user.name())).into();
                json["name"] = user.name().into();
                json["key"] = user.key().into();
            }
        }
        json
    }
}

impl User {
    /// What the user signs in as at Data Center.
    fn name(&self) -> String {
        let name = self.user.email.as_deref().and_then(|email| email.split('@').next());
        name.map_or_else(|| self.user.name.to_lowercase().replace(' ', "."), str::to_owned)
    }

    /// What stays when the user is renamed.
    fn key(&self) -> String {
        format!("JIRAUSER{}", self.number)
    }
}
