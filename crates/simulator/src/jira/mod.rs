//! Jira Service Management as seen by an integration, as Cloud or as Data Center: the part of the
//! REST API that works on issues, rate limits, and the two ways in which Jira tells of changes:
//! webhooks made by an administrator, with their signatures and their retries, and Automation
//! rules.
//!
//! What makes it difficult for clients, as with the real one:
//!
//! * A call with a wrong credential is treated as anonymous: an issue is "not there" (404), a
//!   search finds nothing. Only calls about the caller itself answer 401.
//! * 404 means deleted, moved out of sight, or not permitted, and doesn't tell which. Webhooks also
//!   report issues that the integration may not see.
//! * A comment is public unless it was written with the property `sd.public.comment`. A wrong value
//!   or a later change has no effect: the customer was notified. A comment that is sent twice
//!   exists twice.
//! * Version 3 of the API takes documents for texts, version 2 takes texts, and both refuse the
//!   other.
//! * Writing a remote link is an upsert, but removes what it leaves out. Links can be switched off
//!   for the site.
//! * Keys change when issues are moved; the old one still works. A webhook for one project doesn't
//!   report that an issue has left it.
//! * There is no event of a merge: a merged issue is resolved as a duplicate and linked to the
//!   other one. A link stays when the issue is reopened, and may be there without a merge. Webhooks
//!   report no links; deleted issues never come back.
//! * Ids are texts in webhooks and in the API, but numbers in Automation's issue data. Times have
//!   an offset without a colon, another one in webhooks than in the API. Addresses in webhooks lead
//!   nowhere.
//! * E-mail addresses of customers are hidden, except sometimes in a request of the service desk.
//! * Deliveries are concurrent and unordered. A comment raises two. Own changes raise events, too;
//!   remote links and properties don't. Automation and Data Center deliver at most once; Automation
//!   doesn't sign.
//! * Cloud's search misses what was just changed, and no search finds what was deleted.
//! * Attachments are on another server, which refuses credentials.
//!
//! Not simulated: OAuth, scoped tokens and the gateway they need, dynamic webhooks, events of
//! attachments, links and properties, transitions, uploads, ranges of attachments, queues,
//! participants and comment lists of the service desk, `expand=changelog`, tables and media in
//! documents, limits of Data Center, archiving, and fields that are filled late.

mod adf;
mod api;
mod attachments;
mod auth;
mod automation;
mod comments;
mod edits;
mod event;
mod issue;
mod issue_links;
mod jql;
mod limits;
mod links;
mod people;
mod reading;
mod registry;
mod route;
mod search;
mod signature;
mod site;
mod view;
mod webhook;
mod webhook_api;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::auth::Credentials;
use self::issue::{Happening, Issue};
use self::limits::Quota;
use self::site::{Done, Site};
use self::webhook::{Notification, Webhooks};
use crate::clock::Clock;
use crate::handle::Server;
use crate::helpdesk::Helpdesk;
use crate::lock;
use crate::outbox::Outbox;
use crate::service::Core;

pub use self::limits::Limits;
pub use self::people::{ANNA, AccountType, BEN, CARLA, EmailShown, INTEGRATION, MO, NewUser, RITA};
pub use self::signature::{Flow, hub_signature, signed_headers};
pub use self::view::{Change, CommentView, IssueView, NewAttachment, NewIssue, RemoteLinkView};
pub use self::webhook::{Mode, RetryPace, Webhook};

/// The custom field "DocSpace room", which holds a URL.
pub const ROOM_FIELD: &str = "customfield_10077";

/// Which Jira it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// Hosted by Atlassian: versions 2 and 3 of the API, HTTP Basic with an API token, users by
    /// account id.
    #[default]
    Cloud,
    /// Self-hosted: version 2 only, personal access tokens as bearer, users by name and key.
    DataCenter,
}

/// How to simulate Jira.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where to listen; any free port of the loopback interface by default.
    pub listen: SocketAddr,
    /// What time it is.
    pub clock: Clock,
    /// Which Jira it is; Cloud by default.
    pub deployment: Deployment,
    /// The version of Data Center; 10 by default. It has another API for webhooks than those
    /// before.
    pub data_center_version: u32,
    /// Rate limits of Cloud; none by default.
    pub limits: Option<Limits>,
    /// Every other 429, beginning with the first, comes from a gateway that sends no `Retry-After`;
    /// not by default.
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
            data_center_version: 10,
            limits: None,
            silent_gateway: false,
            retry_pace: RetryPace::default(),
            search_hold: Duration::from_secs(60),
        }
    }
}

/// A running Jira site, with a few people and no tickets at the start.
pub type Jira = Server<JiraService>;

/// The site and all that its answers depend on.
#[derive(Debug)]
pub struct JiraService {
    clock: Clock,
    deployment: Deployment,
    site: Mutex<Site>,
    credentials: Credentials,
    /// The token in the addresses of files.
    media_token: String,
    quota: Quota,
    webhooks: Webhooks,
    search_hold: SignedDuration,
}

impl Jira {
    /// Starts a site with a few people, the projects `SUP` and `HR`, and no issues.
    ///
    /// # Errors
    /// When it can't listen at the address.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let (core, deployment) = (Core::new(&setup.clock), setup.deployment);
        let service = JiraService {
            clock: core.clock.clone(),
            deployment,
            site: Mutex::new(Site::new(deployment)),
            credentials: Credentials::default(),
            media_token: Uuid::new_v4().simple().to_string(),
            quota: Quota::new(setup.limits, setup.silent_gateway),
            webhooks: Webhooks::new(&core, deployment, setup.data_center_version, setup.retry_pace)?,
            search_hold: SignedDuration::try_from(setup.search_hold).unwrap_or(SignedDuration::MAX),
        };
        Self::run(setup.listen, core, service).await
    }

    /// The integration's e-mail address: the user name in HTTP Basic (Cloud).
    pub fn email(&self) -> String {
        people::INTEGRATION_EMAIL.to_owned()
    }

    /// The API token: the password in HTTP Basic (Cloud).
    pub fn api_token(&self) -> String {
        self.system().credentials.api_token.clone()
    }

    /// The personal access token: the bearer token (Data Center).
    pub fn personal_access_token(&self) -> String {
        self.system().credentials.personal_access_token.clone()
    }

    /// Neither token is accepted any more.
    pub fn revoke_credentials(&self) {
        self.system().credentials.revoke();
    }

    /// The account id of the user as whom all credentials act, [`INTEGRATION`].
    pub fn account_id(&self) -> String {
        INTEGRATION.to_owned()
    }

    /// How the site's JSON refers to the user with that account id: by the same id (Cloud), or by a
    /// user key.
    pub fn reference(&self, account_id: &str) -> String {
        self.system().site().people.reference(account_id)
    }

    /// Which of the two products is simulated.
    pub fn deployment(&self) -> Deployment {
        self.system().deployment
    }

    /// Changes the rate limits; what was used up is forgotten.
    pub fn set_limits(&self, limits: Option<Limits>) {
        self.system().quota.set(limits);
    }

    /// Adds a user and returns the account id.
    pub fn add_user(&self, user: NewUser) -> String {
        self.system().site().people.add(user)
    }

    /// Adds a service project; nothing happens if there is one of that key.
    pub fn add_project(&self, key: &str, name: &str) {
        self.system().site().add_project(key, name, 0);
    }

    /// The integration may no longer browse the project. False if there is none of that key.
    pub fn hide_project(&self, key: &str) -> bool {
        let mut site = self.system().site();
        let project = site.projects.get_mut(&key.to_uppercase());
        project.map(|project| project.hidden = true).is_some()
    }

    /// Whether the integration has the permission "Administer Jira", which webhooks need. It has at
    /// the start.
    pub fn set_administrator(&self, is_administrator: bool) {
        self.system().site().is_administrator = is_administrator;
    }

    /// Sets the time zone in the integration's profile: its name, and its rules as POSIX writes
    /// them, such as `CET-1CEST,M3.5.0,M10.5.0/3`. False if the rules can't be read.
    pub fn set_time_zone(&self, name: &str, rules: &str) -> bool {
        let Ok(zone) = TimeZone::posix(rules) else { return false };
        let mut site = self.system().site();
        site.zone = zone;
        name.clone_into(&mut site.people.own_zone);
        true
    }

    /// Whether comments are listed in the requested order; if not, oldest first.
    pub fn set_heeds_order(&self, heeds_order: bool) {
        self.system().site().heeds_order = heeds_order;
    }

    /// Whether issues may have links; they may at the start.
    pub fn set_issue_linking(&self, on: bool) {
        self.system().site().linking = on;
    }

    /// Changes an issue as the user of that account id.
    pub fn change_ticket_by(&self, user: &str, id: u64, change: Change) -> bool {
        self.system().change_by(user, id, change)
    }

    /// Removes all remote links of the issue, as a person would; webhooks don't report it. False if
    /// there are none.
    pub fn remove_remote_links(&self, id: u64) -> bool {
        let mut site = self.system().site();
        site.issue_mut(id).is_some_and(|issue| !std::mem::take(&mut issue.links).is_empty())
    }

    /// The body of the latest event of that name, such as `jira:issue_created`, with the issue as
    /// it is now.
    pub fn event_body(&self, id: u64, event: &str) -> Option<Vec<u8>> {
        let site = self.system().site();
        let body = event::latest(&site, site.issues.get(&id)?, event)?;
        Some(body.to_string().into_bytes())
    }

    /// The body of the event about what a person did to the issue last, with the issue as it is
    /// now.
    pub fn latest_event_body(&self, id: u64) -> Option<Vec<u8>> {
        let site = self.system().site();
        let body = event::latest_by_person(&site, site.issues.get(&id)?)?;
        Some(body.to_string().into_bytes())
    }

    /// What Automation would send in that mode for the latest change of the issue; nothing for
    /// [`Mode::Admin`].
    pub fn automation_body(&self, id: u64, mode: Mode) -> Option<Vec<u8>> {
        let site = self.system().site();
        let issue = site.issues.get(&id)?;
        automation::body(mode, &site, issue, issue.history.last()?)
    }
}

impl Helpdesk for JiraService {
    type Webhook = Webhook;
    type NewTicket = NewIssue;
    type Change = Change;
    type Ticket = IssueView;

    fn create(&self, issue: NewIssue) -> u64 {
        let mut site = self.site();
        let done = site.create(issue, self.clock.now());
        self.announce(&site, Some(done));
        done.issue
    }

    fn import(&self, issues: &mut dyn Iterator<Item = (NewIssue, Timestamp)>) -> Vec<u64> {
        let mut site = self.site();
        issues.map(|(issue, at)| site.create(issue, at).issue).collect()
    }

    fn change(&self, id: u64, change: Change) -> bool {
        self.change_by(ANNA, id, change)
    }

    fn ticket(&self, id: u64) -> Option<IssueView> {
        let site = self.site();
        site.issues.get(&id).map(|issue| site.view(issue))
    }

    fn tickets(&self) -> Vec<IssueView> {
        let site = self.site();
        site.issues.values().map(|issue| site.view(issue)).collect()
    }

    fn outbox(&self) -> &Outbox<Webhook> {
        &self.webhooks.outbox
    }

    fn set_webhook(&self, webhook: Webhook) {
        self.webhooks.set(webhook);
    }
}

impl JiraService {
    fn site(&self) -> MutexGuard<'_, Site> {
        lock(&self.site)
    }

    fn change_by(&self, user: &str, id: u64, change: Change) -> bool {
        let mut site = self.site();
        let done = site.change(user, id, change, self.clock.now());
        self.announce(&site, done);
        done.is_some()
    }

    /// Sends deliveries for what was done, with the issue as it is.
    fn announce(&self, site: &Site, done: Option<Done>) {
        let Some(done) = done else { return };
        let Some(issue) = site.issues.get(&done.issue) else { return };
        let happening = issue.history.iter().rfind(|happening| happening.id == done.happening);
        let Some(happening) = happening else { return };
        if !self.webhooks.registered().is_empty() {
            self.webhooks.tell(site, issue, &event::events(site, issue, happening));
        }
        let webhook = self.webhooks.outbox.webhook().filter(|webhook| webhook.is_for(&issue.project));
        if let Some(webhook) = webhook {
            for notification in notifications(webhook.mode, site, issue, happening) {
                self.webhooks.send(webhook.clone(), notification);
            }
        }
    }
}

fn notifications(mode: Mode, site: &Site, issue: &Issue, happening: &Happening) -> Vec<Notification> {
    if mode == Mode::Admin {
        return event::events(site, issue, happening)
            .into_iter()
            .map(|event| Notification {
                issue: issue.id,
                event: event.name,
                flow: event.flow,
                body: event.body.to_string().into_bytes(),
            })
            .collect();
    }
    let body = automation::body(mode, site, issue, happening);
    let event = automation::trigger(happening);
    let notification = body.map(|body| Notification { issue: issue.id, event, flow: Flow::Primary, body });
    notification.into_iter().collect()
}
