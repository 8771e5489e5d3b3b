//! What the demo plays on: the simulated systems, the service, and the tickets that come in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use simulator::callback::CallbackReceiver;
use simulator::configuration::Secrets;
use simulator::docspace::Trigger;
use simulator::fault::{Fault, FaultKind};
use simulator::{docspace, freshdesk, jira, zendesk};

use super::product::{Folder, Product};
use crate::cli::{Ended, Result};
use crate::clock::{Clock, SystemClock};
use crate::config::StoreUrl;
use crate::store::{self, State, Store, Use};
use crate::ticket::TicketKey;

/// The custom field of the simulated Zendesk that takes the link.
const ROOM_FIELD: u64 = 360_012_345;
/// What Zendesk sends for a new ticket: the first one of the demo.
const CREATED: &[u8] = include_bytes!("../../../tests/fixtures/zendesk/zendesk-event-ticket-created.json");
const WEBHOOK_SECRET: &str = "the demo's webhook secret";
/// DocSpace takes no longer ones.
const DOCSPACE_SECRET: &str = "the demo's own secret";
/// What DocSpace's webhook tells: what “webhook setup” asks for, but for what happens to folders,
/// which the demo has no use for.
const TOLD: [Trigger; 12] = [
    Trigger::FileCreated,
    Trigger::FileUploaded,
    Trigger::FileUpdated,
    Trigger::FileTrashed,
    Trigger::FileDeleted,
    Trigger::FileRestored,
    Trigger::FileCopied,
    Trigger::FileMoved,
    Trigger::RoomUpdated,
    Trigger::RoomArchived,
    Trigger::RoomDeleted,
    Trigger::RoomRestored,
];
/// How long after its end a ticket's room is archived. In earnest, that is days.
const ARCHIVE_AFTER: &str = "2s";
/// How long it has to be quiet in a room until its ticket is told. In earnest, that is minutes.
const QUIET: &str = "2s";

/// How long DocSpace takes to make the room in whose making the service is killed.
const SLOW_ROOM: Duration = Duration::from_millis(600);

/// Everything that plays.
pub(super) struct Stage {
    pub(super) docspace: docspace::DocSpace,
    pub(super) zendesk: zendesk::Zendesk,
    pub(super) freshdesk: freshdesk::Freshdesk,
    pub(super) jira: jira::Jira,
    callback: CallbackReceiver,
    admin: String,
    client: Client,
    store: StoreUrl,
    sent_by_hand: AtomicUsize,
    // It is killed before its folder is removed.
    product: Product,
    _folder: Folder,
}

/// A ticket of the demo.
#[derive(Debug, Clone)]
pub(super) struct TicketOnStage {
    pub(super) key: TicketKey,
    pub(super) subject: String,
}

impl Stage {
    /// Starts everything.
    pub(super) async fn set() -> Result<Self> {
        let docspace = docspace::DocSpace::start(docspace::Setup::default()).await?;
        let zendesk = zendesk::Zendesk::start(zendesk::Setup {
            room_field: Some(ROOM_FIELD),
            ..zendesk::Setup::default()
        });
        let zendesk = zendesk.await?;
        let freshdesk = freshdesk::Freshdesk::start(freshdesk::Setup::default()).await?;
        let jira = jira::Jira::start(jira::Setup::default()).await?;
        let callback = CallbackReceiver::start(([127, 0, 0, 1], 0).into()).await?;
        // Calls over a network take a while; without that nobody could watch.
        docspace.set_latency(Duration::from_millis(25));
        zendesk.set_latency(Duration::from_millis(40));
        freshdesk.set_latency(Duration::from_millis(40));
        jira.set_latency(Duration::from_millis(40));
        let folder = Folder::new()?;
        let mut product = Product::new(&folder)?;
        let admin = uuid::Uuid::new_v4().simple().to_string();
        let mut secrets = Secrets::in_variables();
        let token = secrets.write("TICKETROOM_ADMIN_TOKEN", &admin);
        let docspace_secret = secrets.write("DOCSPACE_WEBHOOK_SECRET", DOCSPACE_SECRET);
        let sections = [
            format!("{}webhook_secret = {docspace_secret}\n", docspace.section(&mut secrets)),
            zendesk.section(&[WEBHOOK_SECRET], &mut secrets),
            freshdesk.section(&[WEBHOOK_SECRET], &mut secrets),
            jira.section(&[WEBHOOK_SECRET], &mut secrets),
            callback.section("intranet"),
        ];
        let store = folder.file("ticketroom.db");
        let text = configuration(product.address(), &token, &store, &sections.join("\n"));
        product.configure(&text, secrets.variables())?;
        // Before the first call, since the HTTP client of this process needs it as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        product.start().await?;
        let stage = Self {
            docspace,
            zendesk,
            freshdesk,
            jira,
            callback,
            admin,
            client: Client::new(),
            store: StoreUrl::Sqlite(store),
            sent_by_hand: AtomicUsize::new(0),
            product,
            _folder: folder,
        };
        stage.connect()?;
        Ok(stage)
    }

    /// Where everything listens.
    pub(super) fn addresses(&self) -> String {
        format!(
            "  DocSpace    {}rooms/shared\n  Zendesk     {}\n  Freshdesk   {}\n  Jira        {}\n  intranet    {}\n  \
             ticketroom  http://{}/",
            self.docspace.url(),
            self.zendesk.url(),
            self.freshdesk.url(),
            self.jira.url(),
            self.callback.url(),
            self.product.address()
        )
    }

    /// What a person can do while the demo goes on.
    pub(super) fn things_to_try(&self) -> Vec<String> {
        let address = self.product.address();
        vec![
            format!("  curl http://{address}/helpdesk/ticket-created \\"),
            "    -d '{\"ticketId\":\"4712\",\"subject\":\"Door is stuck\"}'".to_owned(),
            format!("  curl http://{address}/api/v1/tickets/intranet/4712 \\"),
            format!("    -H 'Authorization: Bearer {}'", self.admin),
            format!("  curl {}_simulator/tickets \\", self.zendesk.url()),
            "    -H 'content-type: application/json' -d '{\"subject\":\"VPN is slow\"}'".to_owned(),
            format!("  curl {}_simulator/state", self.docspace.url()),
        ]
    }

    /// The service's store, to look at.
    pub(super) async fn store(&self) -> Result<Arc<dyn Store>> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let opened = store::open(&self.store, Use::Operate, &clock).await;
        opened.map_err(|error| Ended::Failed(error.to_string()))
    }

    /// Lets the played helpdesks send what happens in them, each in its own way.
    fn connect(&self) -> Result {
        let endpoint = |name: &str| {
            let address = format!("http://{}/webhooks/{name}", self.product.address());
            address.parse().map_err(|_| Ended::Failed("the service has no address".to_owned()))
        };
        let secret = WEBHOOK_SECRET.to_owned();
        self.zendesk.set_webhook(zendesk::Webhook {
            endpoint: endpoint("zendesk")?,
            secret: secret.clone(),
            mode: zendesk::Mode::Events,
        });
        self.freshdesk.set_webhook(freshdesk::Webhook {
            endpoint: endpoint("freshdesk")?,
            header_secret: Some(secret.clone()),
            basic: None,
            content: freshdesk::Content::Advanced,
        });
        self.jira.set_webhook(jira::Webhook::signed(endpoint("jira")?, secret));
        self.docspace.set_webhook(endpoint("docspace")?, DOCSPACE_SECRET, &TOLD);
        Ok(())
    }

    /// Lets tickets come in: Zendesk, Freshdesk and Jira send their webhooks themselves; one ticket
    /// comes in the form that triggers send as well, one is broken by the quotation marks in its
    /// subject, and the intranet sends the generic form.
    pub(super) async fn open_tickets(&self) -> Result<Vec<TicketOnStage>> {
        let mut tickets = Vec::new();
        let subjects = [
            ("Export of \"Q3 report\" fails", "normal", None, vec!["export"]),
            ("VPN down for everyone 🔥", "urgent", Some(zendesk::ANNA), vec!["outage", "vpn"]),
            ("<b>Rechnung</b> فاتورة مزدوجة", "high", Some(zendesk::BEN), vec![]),
        ];
        for (subject, priority, assignee, tags) in subjects {
            let id = self.zendesk.create_ticket(zendesk::NewTicket {
                assignee,
                group: Some(zendesk::SUPPORT),
                priority: Some(priority.to_owned()),
                tags: tags.into_iter().map(str::to_owned).collect(),
                ..zendesk::NewTicket::about(subject)
            });
            tickets.push(on_stage("zendesk", &id.to_string(), subject)?);
        }
        if let Some(first) = tickets.first()
            && let Some(id) = first.key.id.as_str().parse().ok()
        {
            self.send_signed("8350205601", CREATED).await?;
            let trigger = self.zendesk.trigger_body(id).unwrap_or_default();
            self.send_signed("8350205602", &trigger).await?;
        }
        let subject = "Invoice <2026-11> shows \"wrong\" VAT";
        let id = self.freshdesk.create_ticket(freshdesk::NewTicket {
            responder: Some(freshdesk::BEN),
            group: Some(freshdesk::SUPPORT),
            ..freshdesk::NewTicket::about(subject)
        });
        tickets.push(on_stage("freshdesk", &id.to_string(), subject)?);
        let subject = "Export of \"Q3 report\" fails {code}";
        let id = self.jira.create_ticket(jira::NewIssue {
            assignee: Some(jira::ANNA.to_owned()),
            labels: vec!["export".to_owned()],
            ..jira::NewIssue::about(subject)
        });
        tickets.push(on_stage("jira", &id.to_string(), subject)?);
        let subject = "Printer on floor 3 smokes";
        self.send_plain(&serde_json::json!({ "ticketId": "4711", "subject": subject })).await?;
        tickets.push(on_stage("intranet", "4711", subject)?);
        Ok(tickets)
    }

    /// Sends a delivery again that was taken before.
    pub(super) async fn repeat(&self, times: usize) -> Result {
        for _ in 0..times {
            self.send_signed("8350205601", CREATED).await?;
        }
        Ok(())
    }

    /// Opens a ticket whose room DocSpace makes without saying so.
    pub(super) fn open_while_answers_are_lost(&self) -> Result<TicketOnStage> {
        self.docspace.faults().add(Fault::once("create_room", FaultKind::AnswerLost));
        self.open("Payroll export is empty")
    }

    /// Opens a ticket, and kills the service as soon as DocSpace is at the room. Returns the ticket
    /// and the process that is no more.
    pub(super) async fn kill_while_a_room_is_made(&mut self) -> Result<(TicketOnStage, u32)> {
        let before = self.docspace.counters().of("create_room");
        self.docspace.set_latency_of("create_room", SLOW_ROOM);
        let ticket = self.open("Nobody can sign in")?;
        let is_at_it = async || self.docspace.counters().of("create_room") > before;
        if !wait_for(is_at_it, Duration::from_secs(30)).await {
            return Err(Ended::Failed("no room was asked for".to_owned()));
        }
        let killed = self.product.id();
        self.product.kill();
        Ok((ticket, killed))
    }

    /// Starts the service again, on the store that the last one left.
    pub(super) async fn start_again(&mut self) -> Result<u32> {
        let id = self.product.start().await?;
        self.docspace.set_latency_of("create_room", Duration::from_millis(25));
        Ok(id)
    }

    fn open(&self, subject: &str) -> Result<TicketOnStage> {
        let id = self.zendesk.create_ticket(zendesk::NewTicket {
            group: Some(zendesk::SUPPORT),
            ..zendesk::NewTicket::about(subject)
        });
        on_stage("zendesk", &id.to_string(), subject)
    }

    async fn send_signed(&self, invocation: &str, body: &[u8]) -> Result {
        let mut request = self.client.post(format!("http://{}/webhooks/zendesk", self.product.address()));
        let headers = zendesk::signed_headers(WEBHOOK_SECRET, body, invocation, SystemClock.now());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.send(request.body(body.to_vec())).await
    }

    /// Sends what the intranet says of a ticket.
    pub(super) async fn send_plain(&self, ticket: &serde_json::Value) -> Result {
        let request = self
            .client
            .post(format!("http://{}/helpdesk/ticket-created", self.product.address()))
            .header("content-type", "application/json")
            .body(ticket.to_string());
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result {
        self.sent_by_hand.fetch_add(1, Ordering::Relaxed);
        let answer = request.send().await.map_err(|error| Ended::Failed(error.to_string()))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(Ended::Failed(format!("a delivery of the demo was answered {}", answer.status())))
    }

    /// How many deliveries were sent.
    pub(super) fn deliveries(&self) -> usize {
        let sent_by_themselves = self.zendesk.deliveries().len()
            + self.freshdesk.deliveries().len()
            + self.jira.deliveries().len()
            + self.docspace.webhook_deliveries().len();
        sent_by_themselves + self.sent_by_hand.load(Ordering::Relaxed)
    }

    /// How many internal notes of ours there are in the helpdesks.
    pub(super) fn notes(&self) -> usize {
        let in_zendesk = self.zendesk.tickets().into_iter().flat_map(|ticket| ticket.comments);
        let ours = self.zendesk.integration_user();
        let in_zendesk = in_zendesk.filter(|note| !note.public && note.author == ours);
        let in_zendesk = in_zendesk.map(|note| note.html_body);
        let in_freshdesk = self.freshdesk.tickets().into_iter().flat_map(|ticket| ticket.conversations);
        let in_freshdesk = in_freshdesk.filter(|note| note.private).map(|note| note.body);
        let in_jira = self.jira.tickets().into_iter().flat_map(|issue| issue.comments);
        let in_jira = in_jira.filter(|note| note.internal).map(|note| note.body_text);
        in_zendesk.chain(in_freshdesk).chain(in_jira).filter(|note| note.contains("ticketroom:")).count()
    }

    /// What agents alone read in a ticket. A generic helpdesk is told it by callbacks.
    pub(super) fn notes_of(&self, key: &TicketKey) -> Vec<String> {
        let id = key.id.as_str();
        let number = id.parse().unwrap_or_default();
        match key.helpdesk.as_str() {
            "zendesk" => {
                let comments = self.zendesk.ticket(number).into_iter().flat_map(|ticket| ticket.comments);
                comments.filter(|note| !note.public).map(|note| note.html_body).collect()
            }
            "freshdesk" => {
                let notes = self.freshdesk.ticket(number).into_iter().flat_map(|ticket| ticket.conversations);
                notes.filter(|note| note.private).map(|note| note.body).collect()
            }
            "jira" => {
                let comments = self.jira.ticket(number).into_iter().flat_map(|issue| issue.comments);
                comments.filter(|note| note.internal).map(|note| note.body_text).collect()
            }
            _ => {
                let told = self.callback.received().into_iter().filter(|told| told.body["ticketId"] == id);
                told.filter_map(|told| told.body["note"]["text"].as_str().map(str::to_owned)).collect()
            }
        }
    }

    /// The link as it stands in the ticket, read from the system that the ticket lives in.
    pub(super) fn link_in_ticket(&self, ticket: &TicketOnStage) -> Option<String> {
        let id = ticket.key.id.as_str();
        match ticket.key.helpdesk.as_str() {
            "zendesk" => {
                let ticket = self.zendesk.ticket(id.parse().ok()?)?;
                ticket.custom_fields.get(&ROOM_FIELD)?.as_str().map(str::to_owned)
            }
            "freshdesk" => {
                let ticket = self.freshdesk.ticket(id.parse().ok()?)?;
                ticket.custom_fields.get("cf_room")?.as_str().map(str::to_owned)
            }
            "jira" => {
                let issue = self.jira.ticket(id.parse().ok()?)?;
                issue.remote_links.first().map(|link| link.url.clone())
            }
            _ => {
                let received = self.callback.received();
                let mut told = received.iter().rev().filter(|told| told.body["ticketId"] == id);
                told.find_map(|told| told.body["roomUrl"].as_str()).map(str::to_owned)
            }
        }
    }

    /// Waits until every ticket has its link, and the service is done with it. `false` if that
    /// takes too long.
    pub(super) async fn wait_for(&self, tickets: &[TicketOnStage], patience: Duration) -> Result<bool> {
        let store = self.store().await?;
        let all = async || {
            for ticket in tickets {
                let record = store.ticket(&ticket.key).await.ok().flatten();
                let is_done =
                    record.is_some_and(|record| matches!(record.state, State::Ready | State::Blocked));
                if !is_done || self.link_in_ticket(ticket).is_none() {
                    return false;
                }
            }
            true
        };
        Ok(wait_for(all, patience).await)
    }

    /// Ends everything and leaves nothing behind.
    pub(super) async fn strike(mut self) {
        self.product.stop().await;
        self.zendesk.stop().await;
        self.freshdesk.stop().await;
        self.jira.stop().await;
        self.docspace.stop().await;
        self.callback.stop().await;
    }
}

/// Waits for a condition. `false` if it doesn't hold within the time.
pub(super) async fn wait_for(condition: impl AsyncFn() -> bool, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if condition().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// A ticket by its name.
pub(super) fn on_stage(helpdesk: &str, id: &str, subject: &str) -> Result<TicketOnStage> {
    let key = match (helpdesk.parse(), id.parse()) {
        (Ok(helpdesk), Ok(id)) => TicketKey { helpdesk, id },
        _ => return Err(Ended::Failed(format!("{helpdesk}/{id} is no ticket"))),
    };
    Ok(TicketOnStage { key, subject: subject.to_owned() })
}

/// The demo's configuration, as a file has it.
fn configuration(listen: SocketAddr, token: &str, store: &Path, sections: &str) -> String {
    format!(
        r#"
[server]
listen = "{listen}"
[admin]
token = {token}
[store]
url = "sqlite:{store}"

{sections}
[[rule]]
when = "ticket.priority == 'urgent' and 'outage' in ticket.tags"
template = "incident"

[template.default]
title = "Ticket #{{{{ ticket.key }}}} – {{{{ ticket.subject }}}}"
folders = ["Logs", "Attachments", "Findings"]
access = [{{ group = "Support", role = "editor" }}, {{ assignee = true, role = "content-creator" }}]
archive_after = "{ARCHIVE_AFTER}"
notify = {{ quiet = "{QUIET}" }}

[template.incident]
title = "INCIDENT {{{{ ticket.key }}}} – {{{{ ticket.subject }}}}"
room_type = "custom"
folders = ["Logs/Server", "Logs/Network", "Timeline", "Findings"]
access = [{{ group = "Support", role = "editor" }}, {{ group = "Tier 2", role = "content-creator" }}]
"#,
        store = store.display(),
    )
}
