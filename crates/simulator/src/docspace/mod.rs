//! A DocSpace portal, as version 3.7.2 (or 2.0) behaves towards a client of its API: rooms,
//! folders, shares, links, people, keys, limits and asynchronous operations, with what they do
//! silently.
//!
//! What to know before reading on:
//!
//! * A success has an envelope, and a null result in it has no `response` at all. A failed
//!   validation comes in the *success* envelope, every other refusal in the one for errors, and
//!   some have no body (`endpoints::wire`).
//! * Unknown members of a body are ignored, so a misspelt one succeeds and does nothing
//!   (`endpoints::body`).
//! * 403 may mean "not there", and 200 may mean "not done" (`endpoints::{rooms, folders, share,
//!   links}`).
//! * Rights are those of the key's user towards each room (`state::rooms`), after the key's own
//!   scopes (`endpoints::auth`).
//! * Archive, copy and delete are answered at once and done later, or never
//!   (`endpoints::operations`, `state::catch_up`).
//! * What happens is reported to webhooks, unordered and with bodies that change from attempt to
//!   attempt (`endpoints::webhooks`, `state::{events, delivery}`).
//! * People work in the portal beside the API, with the rights that they have (`act`, [`Person`]).
//!
//! The modules lie in layers, and each uses only those below it (a test, `xtask/tests/layers.rs`):
//!
//! | layer | holds |
//! | --- | --- |
//! | `service`, `page`, `person` | the portal as the serving core sees it; its pages for browsers; its people |
//! | `act` | what people do, and who may do it |
//! | `endpoints` | the API: from below `wire`, `body`, `call`, `dto`, then one file for each group of calls |
//! | `overview` | everything that exists, for tests and the control endpoint |
//! | `state` | what the portal holds, and what is done with it |
//! | `limits`, `quirks`, `roles` | rate limits, settings, room types and roles |
//!
//! Not simulated: uploads by the API, links and shares of single folders and files, room templates,
//! logos, watermarks, private rooms, signing in and passwords. What isn't simulated answers 404 and
//! counts as `unknown`.

mod act;
mod endpoints;
mod limits;
mod overview;
mod page;
mod person;
mod quirks;
mod roles;
mod service;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use url::Url;
use uuid::Uuid;

pub use self::act::{Act, Refused};
pub use self::limits::Limits;
pub use self::person::{Acted, Person};
pub use self::quirks::Quirks;
pub use self::state::delivery::{WebhookPace, signed_headers};
pub use self::state::people::{NewGroup, NewUser, UserKind, UserStatus};
pub use self::state::views::{FileView, LinkKind, LinkView, MemberView, RoomView, ServerVersion};

pub use self::state::trigger::Trigger;
pub use self::state::webhook::{NewWebhook, PasswordPolicy, WebhookDelivery};

pub use self::service::Portal;
use self::state::State;
use self::state::delivery::Sender;
use self::state::operation::{self, Queue};
use self::state::webhook::{Logged, Webhooks};
use crate::clock::Clock;
use crate::handle::Server;
use crate::service::Core;

/// What a portal starts with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// What time it is.
    pub clock: Clock,
    /// The rate limits; none by default, as on a server of one's own.
    pub limits: Option<Limits>,
    /// Which server it is.
    pub version: ServerVersion,
    /// How long asynchronous operations take.
    pub operation_time: Duration,
    /// How many operations run at once, or have ended and wait to be read; DocSpace's 10 by
    /// default. An operation beyond them is answered with 200 and never runs.
    pub operation_workers: usize,
    /// How long an operation that has ended waits to be read; DocSpace's 60 s by default.
    pub operations_known_for: Duration,
    /// Whether webhooks may go to this machine and to private networks, and to plain HTTP. DocSpace
    /// refuses them, since its users could reach its own network by them. Here they are allowed by
    /// default, and only because everything that is simulated runs on one machine.
    pub allow_private_webhooks: bool,
    /// What the secrets of webhooks have to be.
    pub password_policy: PasswordPolicy,
    /// How long the sender of webhooks waits.
    pub webhook_pace: WebhookPace,
    /// The owner of the first API key.
    pub service_user: NewUser,
    /// The other people.
    pub users: Vec<NewUser>,
    /// The groups.
    pub groups: Vec<NewGroup>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::default(),
            limits: None,
            version: ServerVersion::default(),
            operation_time: Duration::from_millis(50),
            operation_workers: operation::WORKERS,
            operations_known_for: operation::KNOWN_FOR,
            allow_private_webhooks: true,
            password_policy: PasswordPolicy::default(),
            webhook_pace: WebhookPace::default(),
            service_user: state::people::default_service_user(),
            users: state::people::default_users(),
            groups: state::people::default_groups(),
        }
    }
}

/// A running portal.
pub type DocSpace = Server<Portal>;

impl DocSpace {
    /// Starts a portal.
    ///
    /// # Errors
    /// When it can't listen at the address, or there can be no client for webhooks.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let queue = Queue {
            operations: Vec::new(),
            time: setup.operation_time,
            workers: setup.operation_workers,
            known_for: setup.operations_known_for,
            loses: 0,
        };
        let core = Core::new(&setup.clock);
        let webhooks = Webhooks::new(setup.allow_private_webhooks, setup.password_policy);
        let clock = core.clock.clone();
        let sender = Sender::new(webhooks, setup.webhook_pace, &core)?;
        let now = clock.now();
        let mut state = State::new(clock, setup.version, queue, sender);
        state.service_user = state.people.add(setup.service_user, now);
        state.portal_owner = state.people.add(state::people::portal_owner(), now);
        for user in setup.users {
            state.people.add(user, now);
        }
        for group in setup.groups {
            let members: Vec<Uuid> =
                group.members.iter().filter_map(|email| state.people.by_email(email)).collect();
            state.people.add_group(&group.name, &members);
        }
        let api_key = state.add_key(state.service_user, &[], None);
        let portal = Portal::new(state, api_key, setup.limits);
        core.shutdown.spawn(portal.operations());
        Self::run(setup.listen, core, portal).await
    }

    fn origin(&self) -> String {
        self.url().origin().ascii_serialization()
    }

    /// The service user's key, which may do everything.
    pub fn api_key(&self) -> String {
        self.system().api_key.clone()
    }

    /// Another key of the service user, with these permissions (all if there are none), until that
    /// time.
    pub fn add_key(&self, permissions: &[&str], expires_at: Option<Timestamp>) -> String {
        let mut state = self.system().state();
        let user = state.service_user;
        state.add_key(user, permissions, expires_at)
    }

    /// A key of another user, with all of the user's permissions.
    pub fn add_key_of(&self, user: Uuid) -> String {
        self.system().state().add_key(user, &[], None)
    }

    /// The key is no longer accepted.
    pub fn revoke_key(&self, key: &str) {
        self.system().state().activate_key(key, false);
    }

    /// A revoked key is accepted again.
    pub fn restore_key(&self, key: &str) {
        self.system().state().activate_key(key, true);
    }

    /// Other limits, or none. What has been used up stays used up.
    pub fn set_limits(&self, limits: Option<Limits>) {
        self.system().limiter.set(limits);
    }

    /// The most active rooms; beyond them, creating one answers 402.
    pub fn set_room_quota(&self, most: Option<usize>) {
        self.system().state().room_quota = most;
    }

    /// Whether the portal is down: its proxy answers each call with 503 and HTML.
    pub fn set_down(&self, down: bool) {
        self.system().state().down = down;
    }

    /// The next room is created without its tags: the call fails with 500 between the two
    /// transactions.
    pub fn lose_tags_of_next_room(&self) {
        self.system().state().loses_tags = true;
    }

    /// Adds a user.
    pub fn add_user(&self, user: NewUser) -> Uuid {
        let mut state = self.system().state();
        let now = state.now();
        state.people.add(user, now)
    }

    /// The user with that e-mail address.
    pub fn user(&self, email: &str) -> Option<Uuid> {
        self.system().state().people.by_email(email)
    }

    /// The first group of exactly that name.
    pub fn group(&self, name: &str) -> Option<Uuid> {
        let state = self.system().state();
        let mut groups = state.people.groups.iter();
        groups.find(|(_, group)| group.name == name).map(|(id, _)| *id)
    }

    /// Adds a group.
    pub fn add_group(&self, name: &str, members: &[Uuid]) -> Uuid {
        self.system().state().people.add_group(name, members)
    }

    /// Removes a group, from rooms as well.
    pub fn remove_group(&self, group: Uuid) {
        self.system().state().remove_group(group);
    }

    /// The owner of [`api_key`](Self::api_key).
    pub fn service_user(&self) -> Uuid {
        self.system().state().service_user
    }

    /// Changes the kind of the service user.
    pub fn set_service_user_kind(&self, kind: UserKind) {
        let mut state = self.system().state();
        let id = state.service_user;
        if let Some(user) = state.people.users.get_mut(&id) {
            user.kind = kind;
        }
    }

    /// All rooms, active and archived, by number.
    pub fn rooms(&self) -> Vec<RoomView> {
        self.system().state().room_views(&self.origin())
    }

    /// The room of that number.
    pub fn room(&self, id: i64) -> Option<RoomView> {
        self.system().state().room_view(id, &self.origin())
    }

    /// Sets how the portal differs from a plain one.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.system().state().quirks = quirks;
    }

    /// A session token of the service user, as if signed in.
    pub fn add_session(&self) -> String {
        let mut state = self.system().state();
        let user = state.service_user;
        state.add_session(user)
    }

    /// A user who works in the portal, with the rights that they have.
    pub fn by(&self, user: Uuid) -> Person<'_> {
        Person { docspace: self, user }
    }

    /// The person who has made the portal, a `DocSpaceAdmin`. The methods below that name nobody
    /// are done by this person, regardless of rights.
    pub fn portal_owner(&self) -> Uuid {
        self.system().state().portal_owner
    }

    /// Makes another user the owner of a room. The former owner keeps no role in it.
    pub fn set_room_owner(&self, id: i64, owner: Uuid) {
        let mut state = self.system().state();
        let by = state.portal_owner;
        state.set_room_owner(id, owner, by);
    }

    /// Creates a room of that owner.
    pub fn add_room(&self, title: &str, owner: Uuid, tags: &[&str]) -> i64 {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        self.system().state().create_room_by_hand(title, owner, &tags)
    }

    /// Gives a user or group a role in a room.
    pub fn add_member(&self, room: i64, id: Uuid, access: i32) {
        self.system().state().add_member(room, id, access);
    }

    /// Puts a tag on a room.
    pub fn add_tag(&self, room: i64, tag: &str) {
        self.system().state().tag_room(room, &[tag.to_owned()]);
    }

    /// Creates a folder in a room or folder.
    pub fn add_folder(&self, parent: i64, title: &str) -> i64 {
        let mut state = self.system().state();
        let by = state.portal_owner;
        state.create_folder_in(parent, title, by)
    }

    /// The id of the folder with the service user's own documents.
    pub fn my_documents(&self) -> i64 {
        let mut state = self.system().state();
        let user = state.service_user;
        state.documents_of(user)
    }

    /// Deletes a room for good.
    pub fn delete_room(&self, id: i64) {
        self.system().state().delete_room_by_hand(id);
    }

    /// Puts a room into the archive.
    pub fn archive_room(&self, id: i64) {
        self.system().state().archive_room_by_hand(id);
    }

    /// Gives a room another title.
    pub fn rename_room(&self, id: i64, title: &str) {
        let mut state = self.system().state();
        let by = state.portal_owner;
        state.rename_room_by_hand(id, title, by);
    }

    /// Uploads a file into a room or folder. A file of that title is made another version.
    pub fn add_file(&self, folder: i64, title: &str) -> i64 {
        let mut state = self.system().state();
        let by = state.portal_owner;
        state.upload(folder, title, by)
    }

    /// All files in a room, by their paths.
    pub fn files(&self, room: i64) -> Vec<FileView> {
        self.system().state().file_views(room)
    }

    /// Sends these events there from now on, and nowhere else; all events if `triggers` is empty.
    /// The address isn't asked. Returns the webhook's number.
    pub fn set_webhook(&self, endpoint: Url, secret: &str, triggers: &[Trigger]) -> i64 {
        let (secret, triggers) = (secret.to_owned(), triggers.to_vec());
        self.system().state().set_webhook(NewWebhook { endpoint, secret, triggers })
    }

    /// All deliveries to webhooks so far, in the order in which they were sent off.
    pub fn webhook_deliveries(&self) -> Vec<WebhookDelivery> {
        let sender = self.system().state().sender.clone();
        let webhooks = sender.webhooks();
        webhooks.log.iter().map(Logged::view).collect()
    }

    /// Waits until no delivery is under way or waits for its next attempt.
    pub async fn webhook_deliveries_settled(&self) {
        let outbox = self.system().state().sender.outbox.clone();
        outbox.settled().await;
    }

    /// The next `n` events are logged and never sent to the webhook, as when a portal is restarted
    /// before it sends them.
    pub fn lose_webhooks(&self, n: usize) {
        self.system().state().sender.webhooks().loses = n;
    }

    /// Whether webhooks may go to this machine and to private networks.
    pub fn set_allow_private_webhooks(&self, allowed: bool) {
        self.system().state().sender.webhooks().allows_private = allowed;
    }

    /// What the secrets of webhooks have to be from now on.
    pub fn set_password_policy(&self, policy: PasswordPolicy) {
        self.system().state().sender.webhooks().policy = policy;
    }

    /// How long operations take that are started from now on.
    pub fn set_operation_time(&self, time: Duration) {
        self.system().state().queue.time = time;
    }

    /// How long an operation that has ended waits to be read, and occupies its place in the queue.
    pub fn set_operations_known_for(&self, time: Duration) {
        self.system().state().queue.known_for = time;
    }

    /// The next `n` archive, unarchive and copy operations are answered with 200 and never run.
    pub fn lose_operations(&self, n: usize) {
        self.system().state().queue.loses = n;
    }
}
