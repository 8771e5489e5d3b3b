//! The questions about each kind of helpdesk, the section that comes of the answers, and what has
//! to be set up in the helpdesk itself.

use std::io::{self, Write};

use super::{Answers, Dialog, InitError, NONE, NotAccepted, quoted, unless_none, with_scheme};

/// The kinds that can be chosen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Zendesk,
    Freshdesk,
    Jira,
    Generic,
}

impl Kind {
    pub(super) fn named(text: &str) -> Result<Self, NotAccepted> {
        // However people write it: “Zendesk”, “ZENDESK Support”, “Jira Service Management”.
        let word = text.split_whitespace().next().unwrap_or_default().to_lowercase();
        match word.as_str() {
            "zendesk" => Ok(Self::Zendesk),
            "freshdesk" => Ok(Self::Freshdesk),
            "jira" => Ok(Self::Jira),
            "generic" => Ok(Self::Generic),
            _ => Err(NotAccepted::Kind),
        }
    }
}

/// A helpdesk, as its section is made of it.
#[derive(Debug, Clone)]
pub(super) enum Helpdesk {
    Zendesk { url: String, client_id: String, room_url_field: Option<u64> },
    Freshdesk { url: String, room_url_field: Option<String> },
    Jira { url: String, email: Option<String>, projects: Vec<String> },
    Generic { callback_url: Option<String> },
}

/// Asks all that a kind of helpdesk needs.
pub(super) fn ask(dialog: &mut Dialog<'_>, kind: Kind, answers: &Answers) -> Result<Helpdesk, InitError> {
    // What is wrong with an answer is said by the configuration that it would make.
    let checked = |helpdesk: Helpdesk| {
        Answers { helpdesk: helpdesk.clone(), ..answers.clone() }.checked().map(|_| helpdesk)
    };
    match kind {
        Kind::Zendesk => {
            let with = |url: &str, client_id: &str, room_url_field| {
                let (url, client_id) = (url.to_owned(), client_id.to_owned());
                checked(Helpdesk::Zendesk { url, client_id, room_url_field })
            };
            let url =
                dialog.ask("Address of your Zendesk, such as https://acme.zendesk.com", None, |text| {
                    let url = with_scheme(text);
                    with(&url, "ticketroom", None).map(|_| url)
                })?;
            let question = "Identifier of the OAuth client in Zendesk";
            let client_id = dialog
                .ask(question, Some("ticketroom"), |text| with(&url, text, None).map(|_| text.to_owned()))?;
            dialog.ask("Number of the ticket field for the room's address", Some(NONE), |text| {
                let field = unless_none(text).map(str::parse).transpose();
                let field = field.map_err(|_| NotAccepted::FieldNumber)?;
                with(&url, &client_id, field)
            })
        }
        Kind::Freshdesk => {
            let with = |url: &str, room_url_field| {
                checked(Helpdesk::Freshdesk { url: url.to_owned(), room_url_field })
            };
            let question = "Address of your Freshdesk, such as https://acme.freshdesk.com";
            let url = dialog.ask(question, None, |text| {
                let url = with_scheme(text);
                with(&url, None).map(|_| url)
            })?;
            let question = "API name of the ticket field for the room's address, such as cf_room";
            dialog.ask(question, Some(NONE), |text| with(&url, unless_none(text).map(str::to_owned)))
        }
        Kind::Jira => {
            let with = |url: &str, email: &Option<String>, projects| {
                checked(Helpdesk::Jira { url: url.to_owned(), email: email.clone(), projects })
            };
            let question = "Address of your Jira, such as https://acme.atlassian.net";
            let url = dialog.ask(question, None, |text| {
                let url = with_scheme(text);
                with(&url, &Some("bot@example.com".to_owned()), Vec::new()).map(|_| url)
            })?;
            let question =
                "E-mail address of the API token's user (none: Data Center, with a personal access token)";
            let email = dialog.ask(question, None, |text| {
                let email = unless_none(text).map(str::to_owned);
                with(&url, &email, Vec::new()).map(|_| email)
            })?;
            dialog.ask(
                "Keys of the projects, separated by commas, such as SUP",
                Some("every project"),
                |text| {
                    let projects =
                        Some(text).filter(|text| *text != "every project" && unless_none(text).is_some());
                    let projects = projects.into_iter().flat_map(|text| text.split(','));
                    with(&url, &email, projects.map(|key| key.trim().to_owned()).collect())
                },
            )
        }
        Kind::Generic => dialog.ask("Address to tell when a room is ready", Some(NONE), |text| {
            checked(Helpdesk::Generic { callback_url: unless_none(text).map(with_scheme) })
        }),
    }
}

impl Helpdesk {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Zendesk { .. } => "zendesk",
            Self::Freshdesk { .. } => "freshdesk",
            Self::Jira { .. } => "jira",
            Self::Generic { .. } => "generic",
        }
    }

    /// The `[[helpdesk]]` section.
    pub(super) fn section(&self) -> String {
        let name = self.name();
        let head = format!(
            "[[helpdesk]]\nname = \"{name}\"{:pad$}# its webhook goes to /webhooks/{name}\nkind = \"{name}\"\n",
            "",
            pad = 22_usize.saturating_sub(name.len())
        );
        // A line that was not wanted stays as an example.
        let line = |key: &str, value: Option<String>, example: &str| match value {
            Some(value) => format!("{key} = {value}\n"),
            None => format!("# {key} = {example}\n"),
        };
        let rest = match self {
            Self::Zendesk { url, client_id, room_url_field } => format!(
                r#"url = {url}
# The webhook's page in Zendesk shows it under "Reveal secret".
webhook_secret = {{ env = "ZENDESK_WEBHOOK_SECRET" }}
# An OAuth client: Admin Center, Apps and integrations, APIs, OAuth clients.
client_id = {client_id}
client_secret = {{ env = "ZENDESK_CLIENT_SECRET" }}
# The number of the ticket field that takes the room's address.
{field}"#,
                url = quoted(url),
                client_id = quoted(client_id),
                field = line("room_url_field", room_url_field.map(|field| field.to_string()), "360012345"),
            ),
            Self::Freshdesk { url, room_url_field } => format!(
                r#"url = {url}
# What the automation rule sends in the header X-Ticketroom-Secret.
webhook_secret = {{ env = "FRESHDESK_WEBHOOK_SECRET" }}
# The key of an agent of its own: profile settings, View API key.
api_key = {{ env = "FRESHDESK_API_KEY" }}
# The API name of the single-line text field that takes the room's address.
{field}"#,
                url = quoted(url),
                field = line("room_url_field", room_url_field.as_deref().map(quoted), "\"cf_room\""),
            ),
            Self::Jira { url, email, projects } => format!(
                r#"url = {url}
# What the webhook in Jira is given as its secret.
webhook_secret = {{ env = "JIRA_WEBHOOK_SECRET" }}
# Jira Cloud: the user and its API token. Data Center: no email, and a personal access token.
{email}api_token = {{ env = "JIRA_API_TOKEN" }}
# Only issues of these projects get rooms.
{projects}"#,
                url = quoted(url),
                email = line("email", email.as_deref().map(quoted), "\"bot@example.com\""),
                projects = line(
                    "projects",
                    (!projects.is_empty()).then(|| {
                        let keys: Vec<String> = projects.iter().map(|key| quoted(key)).collect();
                        format!("[{}]", keys.join(", "))
                    }),
                    "[\"SUP\"]"
                ),
            ),
            Self::Generic { callback_url } => format!(
                r#"# What its webhooks are signed with.
webhook_secret = {{ env = "GENERIC_SECRET" }}
# Is told of each room, signed with the same secret.
{callback}"#,
                callback = line(
                    "callback_url",
                    callback_url.as_deref().map(quoted),
                    "\"https://intranet.example.com/rooms\""
                ),
            ),
        };
        head + &rest
    }

    /// The environment variables that the section names, and whence they come.
    pub(super) fn variables(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Zendesk { .. } => vec![
                ("ZENDESK_WEBHOOK_SECRET", "the webhook's page, “Reveal secret”"),
                ("ZENDESK_CLIENT_SECRET", "the OAuth client's page"),
            ],
            Self::Freshdesk { .. } => vec![
                ("FRESHDESK_WEBHOOK_SECRET", "made with: openssl rand -hex 32"),
                ("FRESHDESK_API_KEY", "the agent's profile settings, “View API key”"),
            ],
            Self::Jira { email, .. } => vec![
                ("JIRA_WEBHOOK_SECRET", "made with: openssl rand -hex 32"),
                match email {
                    Some(_) => ("JIRA_API_TOKEN", "the user's Atlassian account, Security, API tokens"),
                    None => ("JIRA_API_TOKEN", "the user's profile, Personal access tokens"),
                },
            ],
            Self::Generic { .. } => vec![("GENERIC_SECRET", "the same as in your helpdesk")],
        }
    }

    /// What has to be set up in the helpdesk, so that it sends its webhooks.
    pub(super) fn tell_how_to_send(&self, output: &mut dyn Write, webhook: &str) -> io::Result<()> {
        match self {
            Self::Zendesk { .. } => writeln!(
                output,
                "\nIn Zendesk: Admin Center, Apps and integrations, Webhooks, Create webhook.\n\
                 Choose “Zendesk events” and the ticket events, and enter this address:\n\n  {webhook}"
            ),
            Self::Freshdesk { .. } => writeln!(
                output,
                "\nIn Freshdesk: Admin, Workflows, Automations. Make a rule under “Ticket Creation” (and the same under\n\
                 “Ticket Updates”, for agents other than ticketroom's own) with the action “Trigger webhook”:\n\n\
                 \x20 POST  {webhook}?ticket_id={{{{ticket.id}}}}\n\
                 \x20 custom header   X-Ticketroom-Secret: the value of FRESHDESK_WEBHOOK_SECRET\n\
                 \x20 encoding JSON, content Advanced:\n\n\
                 \x20 {{\"v\":1,\"ticket_id\":\"{{{{ticket.id}}}}\",\"event\":\"{{{{triggered_event}}}}\"}}"
            ),
            Self::Jira { .. } => writeln!(
                output,
                "\nIn Jira: System, WebHooks, Create a WebHook, with the secret JIRA_WEBHOOK_SECRET, a JQL filter such as\n\
                 project = SUP, the events issue created, updated, deleted and comment created, and this address:\n\n\
                 \x20 {webhook}"
            ),
            Self::Generic { .. } => {
                writeln!(output, "\nLet your helpdesk send its webhooks to\n\n  {webhook}")
            }
        }
    }
}
