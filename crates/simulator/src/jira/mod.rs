//! Jira Service Management as seen by an integration, as Cloud or as Data Center: the part of the REST API
//! that works on issues, rate limits, and the two ways in which Jira tells of changes: webhooks made by an
//! administrator, with their signatures and their retries, and Automation rules.
//!
//! What makes it hard on clients, as the real one is:
//!
//! * A wrong credential is not refused but makes a stranger of the caller: an issue is "not there" (404), a
//!   search finds nothing. Only what is about the caller itself answers 401.
//! * 404 means deleted, moved out of sight, or not permitted: nobody says which. Webhooks don't ask what the
//!   integration may see, and tell of issues that it may not.
//! * A comment is public unless it was written with the property `sd.public.comment`; a value that is nearly
//!   right, or comes later, doesn't help, and the customer has been told. Sent twice, it is there twice.
//! * Version 3 of the API takes documents for texts, version 2 takes texts, and both refuse the other.
//! * A remote link is an upsert, but what is left out of it is gone. It can be switched off for the site.
//! * Keys change when issues are moved; the old one leads on. A webhook for one project doesn't tell that an
//!   issue has left it.
//! * Ids are texts in webhooks and in the API, but numbers in Automation's issue data. Times have an offset
//!   without a colon, another one in webhooks than in the API. Addresses in webhooks lead nowhere.
//! * E-mail addresses of customers are not told, except sometimes with a request of the service desk.
//! * Deliveries are concurrent and unordered. A comment raises two. Own changes raise events, too; remote
//!   links and properties don't. Automation and Data Center deliver at most once; Automation doesn't sign.
//! * Cloud's search misses what was just changed, and no search finds what was deleted.
//! * Attachments are somewhere else, where credentials are refused.
//!
//! Not played: OAuth, scoped tokens and the gateway they need, dynamic webhooks, the webhook API, events of
//! attachments, links and properties, transitions, uploads, ranges of attachments, queues, participants and
//! comment lists of the service desk, `expand=changelog`, tables and media in documents, limits of Data
//! Center, time zones of profiles other than UTC, merging, archiving, and fields that are filled late.

mod adf;
mod api;
mod attachments;
mod auth;
mod automation;
mod comments;
mod edits;
mod event;
mod issue;
mod jql;
mod limits;
mod links;
mod people;
mod route;
mod search;
mod signature;
mod site;
mod view;
mod webhook;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use url::Url;
use uuid::Uuid;

use self::auth::Credentials;
use self::issue::{Happening, Issue};
use self::limits::Quota;
use self::site::{Done, Site};
use self::webhook::{Outbox, Parcel};
use crate::clock::Clock;
use crate::server::{self, Core, Running};

pub use self::limits::Limits;
pub use self::people::{ANNA, AccountType, BEN, EmailShown, INTEGRATION, MO, NewUser, RITA};
pub use self::signature::{Flow, hub_signature, signed_headers};
pub use self::view::{Change, CommentView, IssueView, NewAttachment, NewIssue, RemoteLinkView};
pub use self::webhook::{AttemptView, DeliveryView, Mode, RetryPace, Webhook};

/// The custom field "DocSpace room", which holds a URL.
pub const ROOM_FIELD: &str = "customfield_10077";

/// Which Jira it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// Atlassian's own: versions 2 and 3 of the API, HTTP Basic with an API token, users by account id.
    #[default]
    Cloud,
    /// One's own: version 2 only, personal access tokens as bearer, users by name and key.
    DataCenter,
}

/// How to play Jira.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where to listen; any free port of the loopback interface by default.
    pub listen: SocketAddr,
    /// What time it is.
    pub clock: Clock,
    /// Which Jira it is; Cloud by default.
    pub deployment: Deployment,
    /// Rate limits of Cloud; none by default.
    pub limits: Option<Limits>,
    /// Every other 429, beginning with the first, comes from a gateway that sends no `Retry-After`; not by
    /// default.
    pub silent_gateway: bool,
    /// The waits between the attempts at a delivery.
    pub retry_pace: RetryPace,
    /// How long the newest changes are held back from Cloud's search; a minute by default.
    pub search_hold: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::default(),
            deployment: Deployment::default(),
            limits: None,
            silent_gateway: false,
            retry_pace: RetryPace::default(),
            search_hold: Duration::from_secs(60),
        }
    }
}

/// A running Jira site. Clones are the same site, which stops when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Jira(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    desk: Arc<Desk>,
    core: Core,
    running: Running,
    stopping: watch::Sender<bool>,
}

/// The site and all that its answers depend on.
#[derive(Debug)]
struct Desk {
    clock: Clock,
    deployment: Deployment,
    site: Mutex<Site>,
    credentials: Credentials,
    /// What lets a client have a file.
    media_token: String,
    quota: Quota,
    outbox: Outbox,
    search_hold: SignedDuration,
}

server::controlled!(Jira, |handle| handle.0.core);

impl Jira {
    /// Starts a site with a few people, the projects `SUP` and `HR`, and no issues.
    ///
    /// # Errors
    /// When the address can't be listened at.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let (stopping, stopped) = watch::channel(false);
        let (clock, deployment) = (setup.clock.clone(), setup.deployment);
        let desk = Arc::new(Desk {
            clock: setup.clock.clone(),
            deployment,
            site: Mutex::new(Site::new(deployment)),
            credentials: Credentials::default(),
            media_token: Uuid::new_v4().simple().to_string(),
            quota: Quota::new(setup.limits, setup.silent_gateway),
            outbox: Outbox::new(clock, deployment, setup.retry_pace, stopped)?,
            search_hold: SignedDuration::try_from(setup.search_hold).unwrap_or(SignedDuration::MAX),
        });
        let core = Core::new(setup.clock);
        let running = server::start(setup.listen, core.clone(), Arc::<Desk>::clone(&desk)).await?;
        Ok(Self(Arc::new(Inner { desk, core, running, stopping })))
    }

    /// Ends all calls and deliveries, and frees the port.
    pub async fn stop(&self) {
        self.0.stopping.send_replace(true);
        self.0.running.stop().await;
        self.deliveries_settled().await;
    }

    /// The base address, without `/rest`.
    pub fn url(&self) -> Url {
        self.0.running.url()
    }

    /// The integration's e-mail address: the user name in HTTP Basic (Cloud).
    pub fn email(&self) -> String {
        people::INTEGRATION_EMAIL.to_owned()
    }

    /// The API token: the password in HTTP Basic (Cloud).
    pub fn api_token(&self) -> String {
        self.0.desk.credentials.api_token.clone()
    }

    /// The personal access token: the bearer token (Data Center).
    pub fn personal_access_token(&self) -> String {
        self.0.desk.credentials.personal_access_token.clone()
    }

    /// Neither token is accepted any more.
    pub fn revoke_credentials(&self) {
        self.0.desk.credentials.revoke();
    }

    /// The account id of the user as whom all credentials act, [`INTEGRATION`].
    pub fn account_id(&self) -> String {
        INTEGRATION.to_owned()
    }

    /// How the site's JSON refers to the user of that account id: by the same (Cloud), or by a user key.
    pub fn reference(&self, account_id: &str) -> String {
        self.0.desk.site().people.reference(account_id)
    }

    /// Which of the two products is played.
    pub fn deployment(&self) -> Deployment {
        self.0.desk.deployment
    }

    /// Changes the rate limits; what was used up is forgotten.
    pub fn set_limits(&self, limits: Option<Limits>) {
        self.0.desk.quota.set(limits);
    }

    /// Adds a user and says the account id.
    pub fn add_user(&self, user: NewUser) -> String {
        self.0.desk.site().people.add(user)
    }

    /// Adds a service project; nothing happens if there is one of that key.
    pub fn add_project(&self, key: &str, name: &str) {
        self.0.desk.site().add_project(key, name, 0);
    }

    /// The integration may no longer browse the project. False if there is none of that key.
    pub fn hide_project(&self, key: &str) -> bool {
        let mut site = self.0.desk.site();
        let project = site.projects.get_mut(&key.to_uppercase());
        project.map(|project| project.hidden = true).is_some()
    }

    /// Whether comments come in the order that is asked for; if not, the oldest come first.
    pub fn set_heeds_order(&self, heeds_order: bool) {
        self.0.desk.site().heeds_order = heeds_order;
    }

    /// Whether issues may have links; they may at the start.
    pub fn set_issue_linking(&self, on: bool) {
        self.0.desk.site().linking = on;
    }

    /// Makes an issue, as its reporter would in the portal, and says its id.
    pub fn create_issue(&self, issue: NewIssue) -> u64 {
        self.0.desk.create(issue)
    }

    /// Changes an issue as [`ANNA`]. False if there is no such issue, it can't be changed like that, or is like
    /// that already.
    pub fn change_issue(&self, id: u64, change: Change) -> bool {
        self.0.desk.change(None, id, change)
    }

    /// Changes an issue as the user of that account id.
    pub fn change_issue_by(&self, user: &str, id: u64, change: Change) -> bool {
        self.0.desk.change(Some(user), id, change)
    }

    /// Removes all remote links of the issue, as a person would; webhooks don't hear of it. False if there are
    /// none.
    pub fn remove_remote_links(&self, id: u64) -> bool {
        let mut site = self.0.desk.site();
        site.issue_mut(id).is_some_and(|issue| !std::mem::take(&mut issue.links).is_empty())
    }

    /// The issue as it is, even if it is deleted.
    pub fn issue(&self, id: u64) -> Option<IssueView> {
        self.0.desk.site().issues.get(&id).map(Issue::view)
    }

    /// All issues by their ids, deleted ones included.
    pub fn issues(&self) -> Vec<IssueView> {
        self.0.desk.views()
    }

    /// From now on, changes of issues are delivered there.
    pub fn set_webhook(&self, webhook: Webhook) {
        self.0.desk.outbox.set_webhook(webhook);
    }

    /// The body of the latest event of that name, such as `jira:issue_created`, with the issue as it is now.
    pub fn event_body(&self, id: u64, event: &str) -> Option<Vec<u8>> {
        let site = self.0.desk.site();
        let body = event::latest(&site, site.issues.get(&id)?, event)?;
        Some(body.to_string().into_bytes())
    }

    /// What Automation would send in that mode for the latest change of the issue; nothing for [`Mode::Admin`].
    pub fn automation_body(&self, id: u64, mode: Mode) -> Option<Vec<u8>> {
        let site = self.0.desk.site();
        let issue = site.issues.get(&id)?;
        automation::body(mode, &site, issue, issue.history.last()?)
    }

    /// Every delivery so far, in the order in which they were sent off.
    pub fn deliveries(&self) -> Vec<DeliveryView> {
        self.0.desk.outbox.deliveries()
    }

    /// Waits until no delivery is under way or waits for its next attempt.
    pub async fn deliveries_settled(&self) {
        self.0.desk.outbox.settled().await;
    }
}

impl Desk {
    fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn views(&self) -> Vec<IssueView> {
        self.site().issues.values().map(Issue::view).collect()
    }

    fn create(&self, issue: NewIssue) -> u64 {
        let mut site = self.site();
        let done = site.create(issue, self.clock.now());
        self.announce(&site, Some(done));
        done.issue
    }

    fn change(&self, user: Option<&str>, id: u64, change: Change) -> bool {
        let mut site = self.site();
        let done = site.change(user.unwrap_or(ANNA), id, change, self.clock.now());
        self.announce(&site, done);
        done.is_some()
    }

    /// Sends deliveries for what was done, with the issue as it is.
    fn announce(&self, site: &Site, done: Option<Done>) {
        let (Some(done), Some(webhook)) = (done, self.outbox.webhook()) else { return };
        let Some(issue) = site.issues.get(&done.issue).filter(|issue| webhook.is_for(&issue.project)) else {
            return;
        };
        let happening = issue.history.iter().rfind(|happening| happening.id == done.happening);
        for parcel in happening.into_iter().flat_map(|it| parcels(webhook.mode, site, issue, it)) {
            self.outbox.send(webhook.clone(), parcel);
        }
    }
}

fn parcels(mode: Mode, site: &Site, issue: &Issue, happening: &Happening) -> Vec<Parcel> {
    if mode == Mode::Admin {
        return event::events(site, issue, happening)
            .into_iter()
            .map(|event| Parcel {
                issue: issue.id,
                event: event.name,
                flow: event.flow,
                body: event.body.to_string().into_bytes(),
            })
            .collect();
    }
    let body = automation::body(mode, site, issue, happening);
    let event = automation::trigger(happening);
    let parcel = body.map(|body| Parcel { issue: issue.id, event, flow: Flow::Primary, body });
    parcel.into_iter().collect()
}
