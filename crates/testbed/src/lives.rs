//! The life of a ticket in each kind of helpdesk: what people do to it ([`Act`]), and what the
//! helpdesk sends then.
//!
//! A generic helpdesk keeps no tickets: there, the ticket is what the last delivery says. So a
//! [`LifeTicket`] keeps what a ticket is like, and tests can lead tickets of all kinds through the
//! same life:
//!
//! ```ignore
//! let mut ticket = LifeTicket::open(desk, &systems, "VPN is down");
//! deliver(ticket.created(&systems)).await;
//! assert!(ticket.act(&systems, &Act::Solve));
//! deliver(ticket.changed(&systems, 1)).await;
//! ```

use serde_json::{Value, json};
use simulator::{freshdesk, jira, zendesk};

use crate::desks::{Desk, MOVED_TO, WebhookRequest, generic, jira_parcel, zendesk_parcel};
use crate::systems::Systems;

/// What a person does to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Gives it another subject.
    Rename(String),
    /// Assigns it.
    Assign(Agent),
    /// Gives it to a group.
    Group(Group),
    /// Makes somebody else the requester.
    Requester(Customer),
    /// Solves it.
    Solve,
    /// Closes it. In Zendesk, it can't be changed any more after that.
    Close,
    /// Opens it again.
    Reopen,
    /// Deletes it. In Jira, for good.
    Delete,
    /// Brings it back after it was deleted.
    Restore,
    /// Marks it as spam.
    Spam,
    /// Brings it back after it was marked as spam.
    NotSpam,
    /// Merges it into the ticket with that id.
    MergeInto(String),
    /// Moves it to another brand (Zendesk) or project (Jira), for which the configuration is the
    /// same.
    Move,
}

/// Whom a ticket is assigned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// Anna Agent, to whom tickets are assigned when they are created.
    Anna,
    /// Ben Engineer.
    Ben,
    /// Nobody.
    Nobody,
}

impl Agent {
    /// The name in DocSpace.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Anna => Some("Anna Agent"),
            Self::Ben => Some("Ben Engineer"),
            Self::Nobody => None,
        }
    }

    /// The address in DocSpace and in all helpdesks.
    #[must_use]
    pub fn email(self) -> Option<&'static str> {
        match self {
            Self::Anna => Some("anna.agent@example.com"),
            Self::Ben => Some("ben.engineer@example.com"),
            Self::Nobody => None,
        }
    }
}

/// A group that all systems have but Jira, which has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// In DocSpace, Anna and Ben are in it.
    Support,
    /// In DocSpace, Ben is in it.
    Sales,
}

impl Group {
    /// Its name everywhere.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Support => "Support",
            Self::Sales => "Sales",
        }
    }
}

/// A requester.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Customer {
    /// Rita Requester, the requester of new tickets, who is unknown to DocSpace.
    Rita,
    /// Carla Customer, who is a guest in DocSpace.
    Carla,
}

impl Customer {
    /// The address.
    #[must_use]
    pub fn email(self) -> &'static str {
        match self {
            Self::Rita => "rita@customer.example",
            Self::Carla => "carla.customer@example.com",
        }
    }
}

/// A ticket in the course of its life, as its helpdesk should have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifeTicket {
    /// Its helpdesk.
    pub desk: Desk,
    /// Its id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// `open`, `solved` or `closed`, also while it is deleted.
    pub status: &'static str,
    /// It was deleted or marked as spam.
    pub deleted: bool,
    /// Whom it is assigned to.
    pub assignee: Agent,
    /// Its group.
    pub group: Option<Group>,
    /// The requester.
    pub requester: Customer,
    /// It was moved to another brand or project.
    pub moved: bool,
    /// The ticket that it was merged into.
    pub merged_into: Option<String>,
    /// The ticket that it continues or duplicates.
    pub follow_up_of: Option<String>,
    /// How often it has changed.
    pub version: u64,
}

impl LifeTicket {
    /// Creates a ticket by [`Desk::open`].
    #[must_use]
    pub fn open(desk: Desk, systems: &Systems, subject: &str) -> Self {
        Self::new(desk, desk.open(systems, subject), subject)
    }

    /// A ticket that was created by [`Desk::open`] or [`Desk::follow_up`].
    #[must_use]
    pub fn new(desk: Desk, id: String, subject: &str) -> Self {
        Self {
            desk,
            id,
            subject: subject.to_owned(),
            status: "open",
            deleted: false,
            assignee: Agent::Anna,
            group: None,
            requester: Customer::Rita,
            moved: false,
            merged_into: None,
            follow_up_of: None,
            version: 0,
        }
    }

    /// Creates a ticket that continues or duplicates another one by [`Desk::follow_up`].
    #[must_use]
    pub fn follow_up(&self, systems: &Systems, subject: &str) -> Option<Self> {
        let id = self.desk.follow_up(systems, &self.id, subject)?;
        Some(Self { follow_up_of: Some(self.id.clone()), ..Self::new(self.desk, id, subject) })
    }

    /// A person does that to it. False if the helpdesk has nothing like it, it isn't possible now,
    /// or it is so already.
    pub fn act(&mut self, systems: &Systems, act: &Act) -> bool {
        let mut changed = self.clone();
        changed.apply(act);
        let done = match self.desk {
            Desk::Generic => Desk::Generic.supports(act) && changed != *self,
            desk => desk.act(systems, &self.id, act),
        };
        if done {
            *self = Self { version: self.version + 1, ..changed };
        }
        done
    }

    /// What the helpdesk sends when it is created, as it is now: by [`Desk::created`], but a
    /// generic helpdesk tells everything, also what it continues.
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    #[must_use]
    pub fn created(&self, systems: &Systems) -> WebhookRequest {
        match self.desk {
            Desk::Generic => self.changed(systems, 0),
            desk => desk.created(systems, &self.id, &self.subject),
        }
    }

    /// What the helpdesk sends about that, by [`Desk::changed`].
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    #[must_use]
    pub fn changed(&self, systems: &Systems, nth: u64) -> WebhookRequest {
        self.desk.changed(systems, self, nth)
    }

    /// The ticket as a generic helpdesk sends it.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = generic(&self.id, &self.subject);
        let version = jiff::Timestamp::from_second(1_795_000_000 + i64::try_from(self.version).unwrap_or(0));
        let told = json!({
            "status": if self.deleted { "deleted" } else { self.status },
            "assignee": self.assignee.email(),
            "requester": self.requester.email(),
            "group": self.group.map(Group::name),
            "brand": self.moved.then_some("the other brand"),
            "mergedInto": self.merged_into,
            "followUpOf": self.follow_up_of,
            "updatedAt": version.unwrap(),
        });
        for (name, value) in told.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            body[name] = value.clone();
        }
        body
    }

    fn apply(&mut self, act: &Act) {
        match act {
            Act::Rename(subject) => self.subject.clone_from(subject),
            Act::Assign(agent) => self.assignee = *agent,
            Act::Group(group) => self.group = Some(*group),
            Act::Requester(customer) => self.requester = *customer,
            Act::Solve => self.status = "solved",
            Act::Close => self.status = "closed",
            Act::Reopen => {
                self.status = "open";
                self.merged_into = None;
            }
            Act::Delete | Act::Spam => self.deleted = true,
            Act::Restore | Act::NotSpam => self.deleted = false,
            Act::MergeInto(target) => {
                // Jira resolves what is merged, the others close it.
                self.status = if self.desk == Desk::Jira { "solved" } else { "closed" };
                self.merged_into = Some(target.clone());
            }
            Act::Move => self.moved = true,
        }
    }
}

impl Desk {
    /// Whether the kind of helpdesk has something like that. A generic one can say all but spam.
    #[must_use]
    pub fn supports(self, act: &Act) -> bool {
        match act {
            Act::Spam | Act::NotSpam => matches!(self, Self::Zendesk | Self::Freshdesk),
            Act::Restore | Act::Group(_) => self != Self::Jira,
            Act::Move => self != Self::Freshdesk,
            _ => true,
        }
    }

    /// A person does that to a ticket. False if the helpdesk has nothing like it, it isn't possible
    /// now, or it is so already; and for a generic helpdesk, where a delivery says it all: see
    /// [`LifeTicket::act`].
    ///
    /// # Panics
    /// When the id is not a number.
    pub fn act(self, systems: &Systems, id: &str, act: &Act) -> bool {
        let number = |id: &str| id.parse::<u64>().unwrap();
        match self {
            Self::Zendesk => systems.zendesk.change_ticket(number(id), zendesk_change(act)),
            Self::Freshdesk => freshdesk_change(act)
                .is_some_and(|change| systems.freshdesk.change_ticket(number(id), change)),
            Self::Jira => {
                jira_change(act).is_some_and(|change| systems.jira.change_ticket(number(id), change))
            }
            Self::Generic => false,
        }
    }

    /// What the helpdesk sends about the last thing that a person did to a ticket, with its proof.
    /// `nth` makes the ids of deliveries distinct. Of several events, it is one; where the helpdesk
    /// reports nothing (Freshdesk: a ticket was restored, or is no spam), it is the report of the
    /// next change.
    ///
    /// # Panics
    /// When the ticket doesn't exist.
    #[must_use]
    pub fn changed(self, systems: &Systems, ticket: &LifeTicket, nth: u64) -> WebhookRequest {
        let number = || ticket.id.parse::<u64>().unwrap();
        let delivery = format!("changed-{}-{nth}", ticket.id);
        match self {
            Self::Zendesk => zendesk_parcel(systems.zendesk.latest_event_body(number()).unwrap(), &delivery),
            Self::Freshdesk => {
                let body = systems.freshdesk.latest_body(number(), freshdesk::Content::Simple).unwrap();
                self.prove(body, "")
            }
            Self::Jira => jira_parcel(systems.jira.latest_event_body(number()).unwrap(), &delivery),
            Self::Generic => {
                let headers = vec![
                    ("content-type".to_owned(), "application/json".to_owned()),
                    ("x-ticketroom-delivery".to_owned(), delivery),
                ];
                WebhookRequest { headers, query: "", body: ticket.body().to_string().into_bytes() }
            }
        }
    }

    /// Creates a ticket that is assigned to Anna and continues another one (Zendesk: a follow-up;
    /// that one has to be closed) or duplicates it (Jira: by a link), and returns its id. `None`
    /// where the helpdesk has nothing like it, or it isn't possible now. For a generic helpdesk, a
    /// delivery says it: see [`LifeTicket::follow_up`].
    ///
    /// # Panics
    /// When the id is not a number.
    #[must_use]
    pub fn follow_up(self, systems: &Systems, of: &str, subject: &str) -> Option<String> {
        let number = || of.parse::<u64>().unwrap();
        match self {
            Self::Zendesk => {
                let old = systems.zendesk.ticket(number()).filter(|old| old.status == "closed")?;
                let ticket = zendesk::NewTicket {
                    assignee: Some(zendesk::ANNA),
                    follow_up_of: Some(old.id),
                    ..zendesk::NewTicket::about(subject)
                };
                Some(systems.zendesk.create_ticket(ticket).to_string())
            }
            Self::Jira => {
                let old = systems.jira.ticket(number()).filter(|old| !old.deleted)?;
                let issue = jira::NewIssue {
                    assignee: Some(jira::ANNA.to_owned()),
                    duplicates: Some(old.id),
                    ..jira::NewIssue::about(subject)
                };
                Some(systems.jira.create_ticket(issue).to_string())
            }
            Self::Generic => Some(self.open(systems, subject)),
            Self::Freshdesk => None,
        }
    }
}

fn zendesk_change(act: &Act) -> zendesk::Change {
    use zendesk::Change;
    let status = |name: &str| Change::Status(name.to_owned());
    match act {
        Act::Rename(subject) => Change::Subject(subject.clone()),
        Act::Assign(Agent::Anna) => Change::Assignee(Some(zendesk::ANNA)),
        Act::Assign(Agent::Ben) => Change::Assignee(Some(zendesk::BEN)),
        Act::Assign(Agent::Nobody) => Change::Assignee(None),
        Act::Group(Group::Support) => Change::Group(Some(zendesk::SUPPORT)),
        Act::Group(Group::Sales) => Change::Group(Some(zendesk::SALES)),
        Act::Requester(Customer::Rita) => Change::Requester(zendesk::RITA),
        Act::Requester(Customer::Carla) => Change::Requester(zendesk::CARLA),
        Act::Solve => status("solved"),
        Act::Close => status("closed"),
        Act::Reopen => status("open"),
        Act::Delete => Change::Delete,
        Act::Spam => Change::Spam,
        Act::Restore | Act::NotSpam => Change::Restore,
        Act::MergeInto(target) => Change::Merge(target.parse().unwrap()),
        Act::Move => Change::Brand(zendesk::OTHER_BRAND),
    }
}

fn freshdesk_change(act: &Act) -> Option<freshdesk::Change> {
    use freshdesk::Change;
    Some(match act {
        Act::Rename(subject) => Change::Subject(subject.clone()),
        Act::Assign(Agent::Anna) => Change::Responder(Some(freshdesk::ANNA)),
        Act::Assign(Agent::Ben) => Change::Responder(Some(freshdesk::BEN)),
        Act::Assign(Agent::Nobody) => Change::Responder(None),
        Act::Group(Group::Support) => Change::Group(Some(freshdesk::SUPPORT)),
        Act::Group(Group::Sales) => Change::Group(Some(freshdesk::SALES)),
        Act::Requester(Customer::Rita) => Change::Requester(freshdesk::RITA),
        Act::Requester(Customer::Carla) => Change::Requester(freshdesk::CARLA),
        Act::Solve => Change::Status(4),
        Act::Close => Change::Status(5),
        Act::Reopen => Change::Status(2),
        Act::Delete => Change::Delete,
        Act::Restore => Change::Restore,
        Act::Spam => Change::Spam(true),
        Act::NotSpam => Change::Spam(false),
        Act::MergeInto(target) => Change::Merge(target.parse().unwrap()),
        Act::Move => return None,
    })
}

fn jira_change(act: &Act) -> Option<jira::Change> {
    use jira::Change;
    let status = |name: &str| Change::Status(name.to_owned());
    Some(match act {
        Act::Rename(subject) => Change::Summary(subject.clone()),
        Act::Assign(Agent::Anna) => Change::Assignee(Some(jira::ANNA.to_owned())),
        Act::Assign(Agent::Ben) => Change::Assignee(Some(jira::BEN.to_owned())),
        Act::Assign(Agent::Nobody) => Change::Assignee(None),
        Act::Requester(Customer::Rita) => Change::Reporter(Some(jira::RITA.to_owned())),
        Act::Requester(Customer::Carla) => Change::Reporter(Some(jira::CARLA.to_owned())),
        Act::Solve => status("Resolved"),
        Act::Close => status("Closed"),
        Act::Reopen => status("Waiting for support"),
        Act::Delete => Change::Delete,
        Act::MergeInto(target) => Change::Merge(target.parse().unwrap()),
        Act::Move => Change::Move(MOVED_TO.to_owned()),
        Act::Group(_) | Act::Restore | Act::Spam | Act::NotSpam => return None,
    })
}

#[cfg(test)]
#[path = "lives_tests.rs"]
mod tests;
