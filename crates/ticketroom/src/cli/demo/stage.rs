//! What the demo plays on: the simulated systems, the service, and the tickets that come in.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use secrecy::SecretString;
use simulator::callback::CallbackReceiver;
use simulator::configuration::Secrets;
use simulator::{docspace, freshdesk, jira, zendesk};

use crate::cli::serve::made_up_token;
use crate::cli::{Ended, Result};
use crate::clock::{Chance, Clock, SystemClock};
use crate::config::Config;
use crate::service::{Duties, Service};
use crate::store::State;
use crate::ticket::TicketKey;

/// The custom field of the simulated Zendesk that takes the link.
const ROOM_FIELD: u64 = 360_012_345;
/// What Zendesk sends for a new ticket: the first one of the demo.
const CREATED: &[u8] = include_bytes!("../../../tests/fixtures/zendesk/zendesk-event-ticket-created.json");
const WEBHOOK_SECRET: &str = "the demo's webhook secret";

/// Everything that plays.
pub(super) struct Stage {
    pub(super) docspace: docspace::DocSpace,
    pub(super) zendesk: zendesk::Zendesk,
    pub(super) freshdesk: freshdesk::Freshdesk,
    pub(super) jira: jira::Jira,
    pub(super) callback: CallbackReceiver,
    pub(super) service: Service,
    pub(super) admin: SecretString,
    folder: PathBuf,
    sent_by_hand: AtomicUsize,
}

/// A ticket of the demo.
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
        let folder = std::env::temp_dir().join(format!("ticketroom-demo-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder)?;
        let mut secrets = Secrets::in_variables();
        let sections = [
            docspace.section(&mut secrets),
            zendesk.section(&[WEBHOOK_SECRET], &mut secrets),
            freshdesk.section(&[WEBHOOK_SECRET], &mut secrets),
            jira.section(&[WEBHOOK_SECRET], &mut secrets),
            callback.section("intranet"),
        ];
        let text = configuration(&folder.join("ticketroom.db"), &sections.join("\n"));
        let config = Config::from_text(&text, "the demo's configuration", &secrets.variables())?;
        let admin = made_up_token();
        let service =
            Service::start(&config, Duties::default(), &admin, Arc::new(SystemClock), Chance::from_os())
                .await;
        let service = service.map_err(|error| Ended::Failed(error.to_string()))?;
        let sent_by_hand = AtomicUsize::new(0);
        let stage =
            Self { docspace, zendesk, freshdesk, jira, callback, service, admin, folder, sent_by_hand };
        stage.connect()?;
        Ok(stage)
    }

    /// Lets the played helpdesks send what happens in them, each in its own way.
    fn connect(&self) -> Result {
        let endpoint = |name: &str| {
            let address = format!("http://{}/webhooks/{name}", self.service.address());
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
        Ok(())
    }

    /// Lets tickets come in: Zendesk, Freshdesk and Jira send their webhooks themselves; one of them is repeated, one
    /// comes in the form that triggers send, one is broken by the quotation marks in its subject, and the intranet
    /// sends the generic form.
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
        let client = Client::new();
        if let Some(first) = tickets.first()
            && let Some(id) = first.key.id.as_str().parse().ok()
        {
            // The same delivery over and over, as after answers that were lost.
            for _ in 0..3 {
                self.send_signed(&client, "8350205601", CREATED).await?;
            }
            let trigger = self.zendesk.trigger_body(id).unwrap_or_default();
            self.send_signed(&client, "8350205602", &trigger).await?;
        }
        let subject = "Invoice <2026-11> shows \"wrong\" VAT";
        let id = self.freshdesk.create_ticket(freshdesk::NewTicket {
            responder: Some(freshdesk::BEN),
            group: Some(freshdesk::SUPPORT),
            ..freshdesk::NewTicket::about(subject)
        });
        tickets.push(on_stage("freshdesk", &id.to_string(), subject)?);
        let subject = "Export of \"Q3 report\" fails {code}";
        let id = self.jira.create_issue(jira::NewIssue {
            assignee: Some(jira::ANNA.to_owned()),
            labels: vec!["export".to_owned()],
            ..jira::NewIssue::about(subject)
        });
        tickets.push(on_stage("jira", &id.to_string(), subject)?);
        let subject = "Printer on floor 3 smokes";
        let body = serde_json::json!({ "ticketId": "4711", "subject": subject });
        let request = client
            .post(format!("http://{}/helpdesk/ticket-created", self.service.address()))
            .header("content-type", "application/json")
            .body(body.to_string());
        self.send(request).await?;
        tickets.push(on_stage("intranet", "4711", subject)?);
        Ok(tickets)
    }

    async fn send_signed(&self, client: &Client, invocation: &str, body: &[u8]) -> Result {
        let mut request = client.post(format!("http://{}/webhooks/zendesk", self.service.address()));
        let headers = zendesk::signed_headers(WEBHOOK_SECRET, body, invocation, SystemClock.now());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.send(request.body(body.to_vec())).await
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
            + self.jira.deliveries().len();
        sent_by_themselves + self.sent_by_hand.load(Ordering::Relaxed)
    }

    /// How many internal notes with a room's link there are in the helpdesks.
    pub(super) fn notes(&self) -> usize {
        let in_zendesk = self.zendesk.tickets().into_iter().flat_map(|ticket| ticket.comments);
        let in_zendesk = in_zendesk.filter(|note| !note.public).map(|note| note.html_body);
        let in_freshdesk = self.freshdesk.tickets().into_iter().flat_map(|ticket| ticket.conversations);
        let in_freshdesk = in_freshdesk.filter(|note| note.private).map(|note| note.body);
        let in_jira = self.jira.issues().into_iter().flat_map(|issue| issue.comments);
        let in_jira = in_jira.filter(|note| note.internal).map(|note| note.body_text);
        in_zendesk.chain(in_freshdesk).chain(in_jira).filter(|note| note.contains("ticketroom:")).count()
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
                let issue = self.jira.issue(id.parse().ok()?)?;
                issue.remote_links.first().map(|link| link.url.clone())
            }
            _ => {
                let received = self.callback.received();
                let told = received.iter().rev().find(|told| told.body["ticketId"] == id)?;
                told.body["roomUrl"].as_str().map(str::to_owned)
            }
        }
    }

    /// Waits until every ticket has its link. `false` if that takes too long.
    pub(super) async fn wait_for_links(&self, tickets: &[TicketOnStage], patience: Duration) -> bool {
        let all = || async { tickets.iter().all(|ticket| self.link_in_ticket(ticket).is_some()) };
        wait_for(all, patience).await
    }

    /// Waits until the service is done with every ticket.
    pub(super) async fn wait_until_settled(&self, tickets: &[TicketOnStage], patience: Duration) -> bool {
        let all = || async {
            for ticket in tickets {
                let record = self.service.store().ticket(&ticket.key).await.ok().flatten();
                if !record.is_some_and(|record| matches!(record.state, State::Ready | State::Blocked)) {
                    return false;
                }
            }
            true
        };
        wait_for(all, patience).await
    }

    /// Ends everything and leaves nothing behind.
    pub(super) async fn strike(self) {
        self.service.stop().await;
        self.zendesk.stop().await;
        self.freshdesk.stop().await;
        self.jira.stop().await;
        self.docspace.stop().await;
        self.callback.stop().await;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn wait_for<F: Future<Output = bool>>(condition: impl Fn() -> F, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if condition().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

fn on_stage(helpdesk: &str, id: &str, subject: &str) -> Result<TicketOnStage> {
    let key = match (helpdesk.parse(), id.parse()) {
        (Ok(helpdesk), Ok(id)) => TicketKey { helpdesk, id },
        _ => return Err(Ended::Failed(format!("{helpdesk}/{id} is no ticket"))),
    };
    Ok(TicketOnStage { key, subject: subject.to_owned() })
}

/// The demo's configuration, as a file has it.
fn configuration(store: &std::path::Path, sections: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
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

[template.incident]
title = "INCIDENT {{{{ ticket.key }}}} – {{{{ ticket.subject }}}}"
room_type = "custom"
folders = ["Logs/Server", "Logs/Network", "Timeline", "Findings"]
access = [{{ group = "Support", role = "editor" }}, {{ group = "Tier 2", role = "content-creator" }}]
"#,
        store = store.display(),
    )
}
