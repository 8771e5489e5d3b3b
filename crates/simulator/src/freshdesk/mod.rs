//! Freshdesk as seen by an integration: the part of the REST API that works on tickets, rate
//! limits, and the webhooks of automation rules with their forms and their retries.
//!
//! What makes it difficult for clients, as with the real one:
//!
//! * Nothing is idempotent: no lock, no idempotency key, no metadata on a note. A note that is sent
//!   twice exists twice.
//! * The HTML of notes is sanitised: comments and unknown attributes are removed.
//! * An update with a field that doesn't exist, a text that is too long, or while another required
//!   field is empty, changes nothing.
//! * `tags` in an update replaces all tags.
//! * Limits are per account and minute, `include` costs extra, and calls that fail count as well.
//! * 404 has no body. A ticket in the trash is shown, and can't be changed; one in the archive is
//!   somewhere else.
//! * Agents may be forbidden to look at agents and groups.
//! * A merged ticket is a closed one with a note by the agent who merged it. Its other notes have
//!   gone to the ticket that it was merged into, ours among them.
//! * No rule reports that a ticket was restored or is no spam any more, or that it was archived or
//!   deleted for good.
//! * Deliveries have no signature, no id and no time, come in any order, and tell old values when
//!   they are repeated. Own notes and updates raise events, too. An advanced body is broken JSON as
//!   soon as a subject has a quote in it.
//! * The list of tickets has only what is recent unless it is told since when, ends at page 300,
//!   and its pages drift while tickets change. The search knows days, 300 tickets, and nothing of
//!   the last minutes.
//!
//! Not simulated: attachments, companies, custom statuses' names,
//! hourly budgets of webhooks, forms and XML, and plans.

mod account;
mod api;
mod automation;
mod automation_api;
mod html;
mod lifecycle;
mod limits;
mod listing;
mod people;
mod rule;
mod search;
mod view;
mod webhook;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use self::account::{Account, CREATED, Happened, Ticket};
use self::limits::Quota;
use self::webhook::Webhooks;
use crate::clock::Clock;
use crate::handle::Server;
use crate::helpdesk::Helpdesk;
use crate::lock;
use crate::outbox::Outbox;
use crate::service::Core;

pub use self::limits::Limits;
pub use self::people::{ANNA, BEN, CARLA, INTEGRATION, MO, NewAgent, RITA, SALES, SUPPORT};
pub use self::view::{Change, ConversationView, NewTicket, TicketView};
pub use self::webhook::{Content, RetryPace, Webhook};

/// How to simulate Freshdesk.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where to listen; any free port of the loopback interface by default.
    pub listen: SocketAddr,
    /// What time it is.
    pub clock: Clock,
    /// Rate limits; none by default.
    pub limits: Option<Limits>,
    /// The single-line text field for the room's address; `cf_room` by default. Without, there is
    /// none.
    pub room_field: Option<String>,
    /// The waits between the attempts at a delivery.
    pub retry_pace: RetryPace,
    /// How long the search misses what has changed; two minutes by default.
    pub search_lag: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::default(),
            limits: None,
            room_field: Some("cf_room".to_owned()),
            retry_pace: RetryPace::default(),
            search_lag: Duration::from_secs(120),
        }
    }
}

/// A running Freshdesk account, with a few people and no tickets at the start.
pub type Freshdesk = Server<FreshdeskService>;

/// The account and all that its answers depend on.
#[derive(Debug)]
pub struct FreshdeskService {
    clock: Clock,
    account: Mutex<Account>,
    api_key: String,
    revoked: AtomicBool,
    quota: Quota,
    webhooks: Webhooks,
    search_lag: SignedDuration,
}

impl Freshdesk {
    /// Starts an account with a few people and no tickets.
    ///
    /// # Errors
    /// When it can't listen at the address.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let core = Core::new(&setup.clock);
        let service = FreshdeskService {
            clock: core.clock.clone(),
            account: Mutex::new(Account::new(setup.room_field)),
            api_key: uuid::Uuid::new_v4().simple().to_string(),
            revoked: AtomicBool::new(false),
            quota: Quota::new(setup.limits),
            webhooks: Webhooks::new(&core, setup.retry_pace)?,
            search_lag: SignedDuration::try_from(setup.search_lag).unwrap_or(SignedDuration::MAX),
        };
        Self::run(setup.listen, core, service).await
    }

    /// The API key of the integration's agent.
    pub fn api_key(&self) -> String {
        self.system().api_key.clone()
    }

    /// The API key is no longer accepted.
    pub fn revoke_key(&self) {
        self.system().revoked.store(true, Ordering::Relaxed);
    }

    /// The single-line text field for the room's address, if there is one.
    pub fn room_field(&self) -> Option<String> {
        self.system().account().room_field.clone()
    }

    /// Changes the rate limits; what was used up is forgotten.
    pub fn set_limits(&self, limits: Option<Limits>) {
        self.system().quota.set(limits);
    }

    /// From now on, no ticket can be changed while this field is empty in it. Tickets that are
    /// created later have it.
    pub fn require_field(&self, name: Option<&str>) {
        self.system().account().required_field = name.map(str::to_owned);
    }

    /// Whether the integration's agent may look at agents and groups.
    pub fn set_directory_readable(&self, readable: bool) {
        self.system().account().people.readable = readable;
    }

    /// The scope that the integration's agent is shown with: 1 everything, 2 its groups, 3 its
    /// tickets. It has no effect: see [`restrict_ticket`](Self::restrict_ticket).
    pub fn set_own_scope(&self, scope: u64) {
        self.system().account().people.own_scope = scope;
    }

    /// Whether the integration's agent is an administrator, whom alone automation rules and the
    /// making of fields are for. It is at the start.
    pub fn set_administrator(&self, is_administrator: bool) {
        self.system().account().people.own_is_administrator = is_administrator;
    }

    /// The integration's agent may not see this ticket.
    pub fn restrict_ticket(&self, id: u64) {
        self.system().account().restricted.insert(id);
    }

    /// Adds an agent and returns its id.
    pub fn add_agent(&self, agent: NewAgent) -> u64 {
        let mut account = self.system().account();
        let id = account.long_id();
        account.people.agents.insert(id, agent);
        id
    }

    /// Deactivates an agent: it is not found any more, though tickets still name it.
    pub fn remove_agent(&self, id: u64) {
        self.system().account().people.agents.remove(&id);
    }

    /// Adds a group and returns its id.
    pub fn add_group(&self, name: &str) -> u64 {
        let mut account = self.system().account();
        let id = account.long_id();
        account.people.groups.insert(id, name.to_owned());
        id
    }

    /// Changes a ticket as that agent.
    pub fn change_ticket_by(&self, agent: u64, id: u64, change: Change) -> bool {
        self.system().change_by(agent, id, change)
    }

    /// The body that the rule for new tickets would send now.
    pub fn created_body(&self, id: u64, content: Content) -> Option<Vec<u8>> {
        let account = self.system().account();
        let ticket = account.tickets.get(&id)?;
        let happened = Happened { ticket: id, triggered: CREATED.to_owned(), by: ticket.requester };
        Some(rule::body(content, &account, ticket, &happened, self.system().clock.now()))
    }

    /// The body that a rule sends about what a person did to the ticket last. Where no rule reports
    /// that, it is the one about the next change that somebody makes.
    pub fn latest_body(&self, id: u64, content: Content) -> Option<Vec<u8>> {
        let account = self.system().account();
        let ticket = account.tickets.get(&id)?;
        let happened = Happened { ticket: id, triggered: ticket.latest.clone(), by: ANNA };
        Some(rule::body(content, &account, ticket, &happened, self.system().clock.now()))
    }
}

impl Helpdesk for FreshdeskService {
    type Webhook = Webhook;
    type NewTicket = NewTicket;
    type Change = Change;
    type Ticket = TicketView;

    fn create(&self, ticket: NewTicket) -> u64 {
        let mut account = self.account();
        let happened = account.create(ticket, self.clock.now());
        let id = happened.ticket;
        self.announce(&account, [happened]);
        id
    }

    fn import(&self, tickets: &mut dyn Iterator<Item = (NewTicket, Timestamp)>) -> Vec<u64> {
        let mut account = self.account();
        tickets.map(|(ticket, at)| account.create(ticket, at).ticket).collect()
    }

    fn change(&self, id: u64, change: Change) -> bool {
        self.change_by(ANNA, id, change)
    }

    fn ticket(&self, id: u64) -> Option<TicketView> {
        self.account().tickets.get(&id).map(Ticket::view)
    }

    fn tickets(&self) -> Vec<TicketView> {
        self.account().tickets.values().map(Ticket::view).collect()
    }

    fn outbox(&self) -> &Outbox<Webhook> {
        &self.webhooks.outbox
    }
}

impl FreshdeskService {
    fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.account)
    }

    /// Whether this is the user that the API key makes.
    fn is_api_key(&self, user: &str) -> bool {
        user == self.api_key && !self.revoked.load(Ordering::Relaxed)
    }

    fn change_by(&self, agent: u64, id: u64, change: Change) -> bool {
        let mut account = self.account();
        let happened = account.change(agent, id, change, self.clock.now());
        let changed = happened.is_some();
        self.announce(&account, happened.unwrap_or_default());
        changed
    }

    /// Sends deliveries for what happened, with the tickets as they are.
    fn announce(&self, account: &Account, happened: impl IntoIterator<Item = Happened>) {
        let content = self.webhooks.content();
        for happened in happened {
            let Some(ticket) = account.tickets.get(&happened.ticket) else { continue };
            if happened.triggered.is_empty() {
                continue;
            }
            for triggered in automation::triggered(account, ticket, &happened) {
                self.webhooks.send_of_rule(ticket.id, triggered);
            }
            let Some(content) = content else { continue };
            let body = rule::body(content, account, ticket, &happened, self.clock.now());
            self.webhooks.send(ticket.id, happened.triggered, body);
        }
    }
}
