//! Zendesk Support as seen by an integration: the part of the REST API that works on tickets, OAuth
//! client credentials, rate limits, and webhooks with their signatures and their rules for trying
//! again.
//!
//! What makes it difficult for clients, as with the real one:
//!
//! * A comment is public unless it says otherwise. A custom field that doesn't exist is ignored
//!   silently.
//! * `updated_at` has whole seconds, so two updates within one look the same even to `safe_update`.
//! * Access tokens expire. Granular scopes don't reach ticket fields and groups.
//! * A deleted ticket is not there; only a list of its own, which may be asked 10 times a minute,
//!   tells that it was deleted and not hidden from us. A closed one can't be changed at all.
//! * No field tells into which ticket another one was merged: a tag does that it was, and a comment
//!   that quotes text of customers does into which one, if whoever merged wrote one.
//! * A follow-up begins with the tags and custom fields of the ticket that it continues, so with
//!   the link to that one's room.
//! * Deliveries are concurrent, and lost after any answer but 2xx, 409 and some 429 and 503, or
//!   while the circuit breaker of a webhook is open. Only administrators see webhooks and triggers.
//! * Own updates raise events, too. In events ids are strings and enumerations in upper case.
//! * A trigger's body is broken JSON as soon as a subject has a quote in it.
//! * The incremental export shows tickets twice, and the newest changes late; it needs an
//!   administrator. The search misses the last minutes and what is deleted, and its cursor expires.
//!
//! Not simulated: attachments, suspended tickets, markdown in comments, idempotency keys,
//! archiving, and limits and delays of background jobs.

mod account;
mod api;
mod auth;
mod breaker;
mod creation;
mod deleted;
mod event;
mod export;
mod lifecycle;
mod limits;
mod merging;
mod paging;
mod people;
mod registry;
mod search;
mod signature;
mod text;
mod ticket;
mod trigger;
mod trigger_api;
mod view;
mod webhook;
mod webhook_api;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use self::account::{Account, Actor, Done};
use self::auth::Credentials;
use self::limits::Quota;
use self::registry::Receiver;
use self::ticket::{Audit, Ticket, Via};
use self::webhook::{Notification, Webhooks};
use crate::clock::Clock;
use crate::handle::Server;
use crate::helpdesk::Helpdesk;
use crate::lock;
use crate::outbox::Outbox;
use crate::service::Core;

pub use self::event::SUGGESTED_SUBSCRIPTION;
pub use self::limits::Limits;
pub use self::people::{
    ANNA, BEN, CARLA, INTEGRATION, MAIN_BRAND, MO, NewUser, OTHER_BRAND, RITA, Role, SALES, SUPPORT,
};
pub use self::registry::Mode;
pub use self::signature::signed_headers;
pub use self::view::{Change, CommentView, NewTicket, TicketView};
pub use self::webhook::{RetryPace, Webhook};

/// How to simulate Zendesk.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where to listen; any free port of the loopback interface by default.
    pub listen: SocketAddr,
    /// What time it is.
    pub clock: Clock,
    /// Rate limits; none by default.
    pub limits: Option<Limits>,
    /// The id of the custom text field "DocSpace room"; 360012345 by default. Without, no custom
    /// field exists.
    pub room_field: Option<u64>,
    /// The waits between the attempts at a delivery.
    pub retry_pace: RetryPace,
    /// How long the newest changes are held back from the incremental export; a minute by default.
    pub export_hold: Duration,
    /// How long the search misses what has changed; two minutes by default.
    pub search_lag: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::default(),
            limits: None,
            room_field: Some(360_012_345),
            retry_pace: RetryPace::default(),
            export_hold: Duration::from_secs(60),
            search_lag: Duration::from_secs(120),
        }
    }
}

/// A running Zendesk account, with a few people and no tickets at the start.
pub type Zendesk = Server<ZendeskService>;

/// The account and all that its answers depend on.
#[derive(Debug)]
pub struct ZendeskService {
    clock: Clock,
    account: Mutex<Account>,
    credentials: Credentials,
    quota: Quota,
    webhooks: Webhooks,
    export_hold: SignedDuration,
    search_lag: SignedDuration,
}

impl Zendesk {
    /// Starts an account with a few people and no tickets.
    ///
    /// # Errors
    /// When it can't listen at the address.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let core = Core::new(&setup.clock);
        let service = ZendeskService {
            clock: core.clock.clone(),
            account: Mutex::new(Account::new(setup.room_field)),
            credentials: Credentials::default(),
            quota: Quota::new(setup.limits),
            webhooks: Webhooks::new(&core, setup.retry_pace)?,
            export_hold: SignedDuration::try_from(setup.export_hold).unwrap_or(SignedDuration::MAX),
            search_lag: SignedDuration::try_from(setup.search_lag).unwrap_or(SignedDuration::MAX),
        };
        Self::run(setup.listen, core, service).await
    }

    /// The id of the custom field for the room's address, if there is one.
    pub fn room_field(&self) -> Option<u64> {
        self.system().account().room_field
    }

    /// The OAuth client's identifier.
    pub fn client_id(&self) -> String {
        self.system().credentials.client_id.clone()
    }

    /// The OAuth client's secret.
    pub fn client_secret(&self) -> String {
        self.system().credentials.client_secret.clone()
    }

    /// The integration's e-mail address, for API tokens.
    pub fn email(&self) -> String {
        people::INTEGRATION_EMAIL.to_owned()
    }

    /// The API token: HTTP Basic with the user name `{email}/token`.
    pub fn api_token(&self) -> String {
        self.system().credentials.api_token.clone()
    }

    /// All access tokens expire. The client may get new ones.
    pub fn expire_tokens(&self) {
        self.system().credentials.expire_tokens();
    }

    /// The OAuth client is no longer accepted, nor are its access tokens.
    pub fn revoke_client(&self) {
        self.system().credentials.revoke_client();
    }

    /// The user as whom all credentials act.
    pub fn integration_user(&self) -> u64 {
        INTEGRATION
    }

    /// Changes the rate limits; what was used up is forgotten.
    pub fn set_limits(&self, limits: Option<Limits>) {
        self.system().quota.set(limits);
    }

    /// Whether comments, audits and deleted tickets are listed in the requested order; if not,
    /// oldest first.
    pub fn set_heeds_order(&self, heeds_order: bool) {
        self.system().account().heeds_order = heeds_order;
    }

    /// What the integration's user is; an administrator at the start. An agent may not export
    /// tickets, nor see webhooks and triggers.
    pub fn set_integration_role(&self, role: Role) {
        self.system().account().people.set_integration_role(role);
    }

    /// Zendesk itself changes something of the ticket: it comes in the export once more, with the
    /// `updated_at` that it had. False if there is no such ticket.
    pub fn touch_by_system(&self, id: u64) -> bool {
        let now = ticket::whole_second(self.system().clock.now());
        let mut account = self.system().account();
        account.tickets.get_mut(&id).map(|ticket| ticket.generated_at = now).is_some()
    }

    /// Adds a user and returns its id.
    pub fn add_user(&self, user: NewUser) -> u64 {
        let mut account = self.system().account();
        let id = account.next_id();
        account.people.add_user(id, user);
        let desk = &self.system();
        let event = webhook::event_type(event::USER_CREATED);
        for receiver in desk.webhooks.receivers().iter().filter(|receiver| receiver.is_subscribed(&event)) {
            let body = event::user_created(id, desk.clock.now()).to_string().into_bytes();
            desk.webhooks
                .send(receiver, Notification { ticket: 0, event: event::USER_CREATED.to_owned(), body });
        }
        id
    }

    /// Adds a group and returns its id.
    pub fn add_group(&self, name: &str) -> u64 {
        let mut account = self.system().account();
        let id = account.next_id();
        account.people.add_group(id, name);
        id
    }

    /// Changes a ticket as that user. Requesters do it by e-mail.
    pub fn change_ticket_by(&self, user: u64, id: u64, change: Change) -> bool {
        self.system().change_by(user, id, change)
    }

    /// Subscribes the webhook to these events in place of [`SUGGESTED_SUBSCRIPTION`], named like
    /// those; what is not about tickets has its whole name, such as `user.created`.
    pub fn subscribe(&self, events: &[&str]) {
        self.system().webhooks.subscribe(events);
    }

    /// Whether the webhook that was connected by [`set_webhook`](Self::set_webhook) has a circuit
    /// breaker; not at first. Webhooks made by the API always have one.
    pub fn set_circuit_breaker(&self, on: bool) {
        self.system().webhooks.set_breaker(on);
    }

    /// The headers of a delivery, for tests that send it by hand.
    pub fn signed_headers(
        &self,
        secret: &str,
        body: &[u8],
        invocation: &str,
        at: Timestamp,
    ) -> Vec<(String, String)> {
        signed_headers(secret, body, invocation, at)
    }

    /// The body of an event that has happened to the ticket, such as `created`, with the ticket as
    /// it is now.
    pub fn event_body(&self, id: u64, event: &str) -> Option<Vec<u8>> {
        let desk = &self.system();
        let account = desk.account();
        let body = event::latest(&account, account.tickets.get(&id)?, event, desk.clock.now())?;
        Some(body.to_string().into_bytes())
    }

    /// The body of the last event that a person's change of the ticket has raised, with the ticket
    /// as it is now.
    pub fn latest_event_body(&self, id: u64) -> Option<Vec<u8>> {
        let desk = &self.system();
        let account = desk.account();
        let body = event::latest_by_person(&account, account.tickets.get(&id)?, desk.clock.now())?;
        Some(body.to_string().into_bytes())
    }

    /// The body of the trigger that would fire for the ticket now: for a new ticket, unless it was
    /// changed.
    pub fn trigger_body(&self, id: u64) -> Option<Vec<u8>> {
        let account = self.system().account();
        let ticket = account.tickets.get(&id)?;
        let kind = if ticket.audits.len() > 1 { "ticket_updated" } else { "ticket_created" };
        let actor = ticket.audits.last().map_or(ticket.requester, |audit| audit.author);
        Some(event::trigger_body(&account, ticket, actor, kind))
    }
}

impl Helpdesk for ZendeskService {
    type Webhook = Webhook;
    type NewTicket = NewTicket;
    type Change = Change;
    type Ticket = TicketView;

    fn create(&self, ticket: NewTicket) -> u64 {
        let mut account = self.account();
        let done = account.create(ticket, self.clock.now());
        self.announce(&account, [done]);
        done.ticket
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

    fn set_webhook(&self, webhook: Webhook) {
        self.webhooks.connect(webhook);
    }
}

impl ZendeskService {
    fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.account)
    }

    fn change_by(&self, user: u64, id: u64, change: Change) -> bool {
        let mut account = self.account();
        let via = if account.people.is_staff(user) { Via::Web } else { Via::Email };
        let done = account.change(Actor { user, via }, id, change, self.clock.now());
        let changed = !done.is_empty();
        self.announce(&account, done);
        changed
    }

    /// Sends deliveries for what was done, with the tickets as they are.
    fn announce(&self, account: &Account, done: impl IntoIterator<Item = Done>) {
        let receivers = self.webhooks.receivers();
        if receivers.is_empty() {
            return;
        }
        for Done { ticket, audit } in done {
            let Some(ticket) = account.tickets.get(&ticket) else { continue };
            let Some(audit) = ticket.audit(audit) else { continue };
            let events = event::bodies(account, ticket, audit, self.clock.now());
            for receiver in &receivers {
                for (event, body) in notifications(receiver, &events, account, ticket, audit) {
                    self.webhooks.send(receiver, Notification { ticket: ticket.id, event, body });
                }
            }
        }
    }
}

/// What one webhook is sent for a change: names and bodies.
fn notifications(
    receiver: &Receiver,
    events: &[(&'static str, Value)],
    account: &Account,
    ticket: &Ticket,
    audit: &Audit,
) -> Vec<(String, Vec<u8>)> {
    if receiver.by_hand == Some(Mode::Trigger) {
        let kind = event::trigger(audit).into_iter();
        let body = |kind: &str| event::trigger_body(account, ticket, audit.author, kind);
        return kind.map(|kind| (kind.to_owned(), body(kind))).collect();
    }
    if receiver.is_by_triggers() {
        let fired = account.triggers.iter().filter(|trigger| trigger.fires(ticket, audit));
        let bodies =
            fired.flat_map(|trigger| trigger.bodies_for(&receiver.id).map(|body| (&trigger.title, body)));
        let filled = |body: &str| event::filled(body, account, ticket, audit.author);
        return bodies.map(|(title, body)| (title.clone(), filled(body))).collect();
    }
    let wanted = events.iter().filter(|(name, _)| receiver.is_subscribed(&webhook::event_type(name)));
    wanted.map(|(name, body)| ((*name).to_owned(), body.to_string().into_bytes())).collect()
}
