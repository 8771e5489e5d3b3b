//! What people do in the demo: to tickets in the simulated helpdesks, and in the rooms of DocSpace.

use serde_json::{Value, json};
use simulator::{freshdesk, jira, zendesk};

use super::stage::{Stage, TicketOnStage, on_stage};
use crate::cli::{Ended, Result};
use crate::clock::{Clock as _, SystemClock};
use crate::ticket::TicketKey;

/// An agent, by the address that all systems know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agent {
    Anna,
    Ben,
}

impl Agent {
    pub(super) fn email(self) -> &'static str {
        match self {
            Self::Anna => "anna.agent@example.com",
            Self::Ben => "ben.engineer@example.com",
        }
    }
}

/// What somebody does to a ticket.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Rename(&'static str),
    Assign(Agent),
    Solve,
    Reopen,
    Delete,
    MergeInto(TicketKey),
}

impl Stage {
    /// Opens a ticket, on which Anna is to work. Only the intranet says so itself: see
    /// [`Stage::tell`].
    pub(super) fn open_for_anna(&self, helpdesk: &str, subject: &'static str) -> Result<TicketOnStage> {
        let id = match helpdesk {
            "zendesk" => self.zendesk.create_ticket(zendesk::NewTicket {
                assignee: Some(zendesk::ANNA),
                group: Some(zendesk::SUPPORT),
                ..zendesk::NewTicket::about(subject)
            }),
            "freshdesk" => self.freshdesk.create_ticket(freshdesk::NewTicket {
                responder: Some(freshdesk::ANNA),
                group: Some(freshdesk::SUPPORT),
                ..freshdesk::NewTicket::about(subject)
            }),
            "jira" => self.jira.create_ticket(jira::NewIssue {
                assignee: Some(jira::ANNA.to_owned()),
                ..jira::NewIssue::about(subject)
            }),
            _ => 4720,
        };
        on_stage(helpdesk, &id.to_string(), subject)
    }

    /// Somebody does that to a ticket. The intranet has no tickets, and is asked nothing: see
    /// [`Stage::tell`].
    pub(super) fn act(&self, key: &TicketKey, act: &Act) -> Result {
        let number = |key: &TicketKey| key.id.as_str().parse::<u64>().unwrap_or_default();
        let id = number(key);
        let done = match (key.helpdesk.as_str(), act) {
            ("zendesk", act) => self.zendesk.change_ticket(
                id,
                match act {
                    Act::Rename(subject) => zendesk::Change::Subject((*subject).to_owned()),
                    Act::Assign(Agent::Anna) => zendesk::Change::Assignee(Some(zendesk::ANNA)),
                    Act::Assign(Agent::Ben) => zendesk::Change::Assignee(Some(zendesk::BEN)),
                    Act::Solve => zendesk::Change::Status("solved".to_owned()),
                    Act::Reopen => zendesk::Change::Status("open".to_owned()),
                    Act::Delete => zendesk::Change::Delete,
                    Act::MergeInto(other) => zendesk::Change::Merge(number(other)),
                },
            ),
            ("freshdesk", act) => self.freshdesk.change_ticket(
                id,
                match act {
                    Act::Rename(subject) => freshdesk::Change::Subject((*subject).to_owned()),
                    Act::Assign(Agent::Anna) => freshdesk::Change::Responder(Some(freshdesk::ANNA)),
                    Act::Assign(Agent::Ben) => freshdesk::Change::Responder(Some(freshdesk::BEN)),
                    Act::Solve => freshdesk::Change::Status(4),
                    Act::Reopen => freshdesk::Change::Status(2),
                    Act::Delete => freshdesk::Change::Delete,
                    Act::MergeInto(other) => freshdesk::Change::Merge(number(other)),
                },
            ),
            ("jira", act) => self.jira.change_ticket(
                id,
                match act {
                    Act::Rename(subject) => jira::Change::Summary((*subject).to_owned()),
                    Act::Assign(Agent::Anna) => jira::Change::Assignee(Some(jira::ANNA.to_owned())),
                    Act::Assign(Agent::Ben) => jira::Change::Assignee(Some(jira::BEN.to_owned())),
                    Act::Solve => jira::Change::Status("Resolved".to_owned()),
                    Act::Reopen => jira::Change::Status("Waiting for support".to_owned()),
                    Act::Delete => jira::Change::Delete,
                    Act::MergeInto(other) => jira::Change::Merge(number(other)),
                },
            ),
            _ => true,
        };
        if done { Ok(()) } else { Err(Ended::Failed(format!("{key}: the helpdesk did not do {act:?}"))) }
    }

    /// The intranet sends what a ticket is like now.
    pub(super) async fn tell(&self, ticket: &TicketOnStage, status: &str, assignee: Agent) -> Result {
        let body: Value = json!({
            "ticketId": ticket.key.id.as_str(),
            "subject": ticket.subject,
            "status": status,
            "assignee": assignee.email(),
            "updatedAt": SystemClock.now().to_string(),
        });
        self.send_plain(&body).await
    }

    /// Somebody uploads a file into a folder of a room.
    pub(super) fn upload(&self, by: Agent, room: i64, folder: &str, title: &str) -> Result {
        let person = self.docspace.user(by.email());
        let done =
            person.is_some_and(|person| self.docspace.by(person).upload_into(room, folder, title).is_ok());
        if done { Ok(()) } else { Err(Ended::Failed(format!("{title} was not uploaded"))) }
    }
}
