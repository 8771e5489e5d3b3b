//! The rehearsal: an undisturbed process with its own systems and store leads a ticket of each kind
//! of helpdesk through a whole life, and so shows the fault points of everything that it does.

use std::path::Path;
use std::time::{Duration, Instant};

use testbed::{ADMIN_TOKEN, Act, Agent, Desk, LifeTicket, Process, Systems};

use crate::Result;
use crate::context::Context;
use crate::store::{Store, WEBHOOK_SECRET};
use crate::unfinished::unfinished;

/// How long a stage may take.
const STAGE: Duration = Duration::from_secs(60);
/// Looks within this time belong to the stage.
const SOON: Duration = Duration::from_secs(9);

/// The process, and what it works on.
struct Rehearsal {
    systems: Systems,
    process: Process,
    tickets: Vec<LifeTicket>,
    sent: u64,
}

/// Learns the fault points.
///
/// # Errors
/// When the process does not do what it should.
pub(crate) async fn rehearse(context: &Context, store: &Store, binary: &Path) -> Result {
    let systems = Systems::try_start(crate::campaign::portal()).await?;
    let (mut process, _database) = store.another(binary, &systems)?;
    let log = process.folder().join("places");
    let mut command = process.command(&["serve"]);
    command.env("TICKETROOM_FAULT_LOG", &log);
    process.try_start(command)?;
    process.ready_within(STAGE).await;
    systems.docspace.set_webhook(format!("{}/webhooks/docspace", process.url).parse()?, WEBHOOK_SECRET, &[]);
    let mut rehearsal = Rehearsal { systems, process, tickets: Vec::new(), sent: 0 };
    rehearsal.live().await?;
    context.fault_points.learn(&log);
    let (_, known) = context.fault_points.covered();
    if known == 0 {
        return Err("the binary was built without its fault points: use “cargo xtask crash”".into());
    }
    let missing: Vec<_> =
        EFFECTS.into_iter().filter(|effect| !context.fault_points.knows_of(effect)).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("the rehearsal had no {}", missing.join(", ")).into())
    }
}

/// What the commits of a whole life are named after.
const EFFECTS: [&str; 12] = [
    "create_room",
    "folders",
    "access",
    "revoke_access",
    "rename_room",
    "write_back",
    "archive_room",
    "restore_room",
    "add_note",
    "report_room_events",
    "requeue",
    "place",
];

impl Rehearsal {
    async fn live(&mut self) -> Result {
        for desk in Desk::ALL {
            for subject in ["rehearsal", "another rehearsal"] {
                let ticket = LifeTicket::open(desk, &self.systems, subject);
                self.deliver(&desk.created(&self.systems, &ticket.id, subject), desk).await?;
                self.tickets.push(ticket);
            }
        }
        self.rest("created").await?;
        self.all(|_| Some(Act::Rename("changed".to_owned()))).await?;
        self.rest("renamed").await?;
        self.all(|_| Some(Act::Assign(Agent::Ben))).await?;
        self.upload()?;
        self.rest("assigned").await?;
        self.all(|_| Some(Act::Solve)).await?;
        self.rest("solved").await?;
        self.all(|_| Some(Act::Reopen)).await?;
        self.rest("reopened").await?;
        for request in ["archive", "reopen"] {
            self.ask(request).await?;
            self.rest(request).await?;
        }
        let firsts: Vec<String> = self.tickets.iter().step_by(2).map(|ticket| ticket.id.clone()).collect();
        let others: Vec<String> =
            self.tickets.iter().skip(1).step_by(2).map(|ticket| ticket.id.clone()).collect();
        let into = |id: &str| {
            let nth = others.iter().position(|other| other == id)?;
            firsts.get(nth).map(|first| Act::MergeInto(first.clone()))
        };
        self.all(|ticket| into(&ticket.id)).await?;
        self.rest("merged").await?;
        self.all(|ticket| firsts.contains(&ticket.id).then_some(Act::Delete)).await?;
        self.rest("deleted").await?;
        self.all(|ticket| firsts.contains(&ticket.id).then_some(Act::Restore)).await?;
        self.rest("brought back").await
    }

    /// Does something to each ticket for which there is something, and tells of it.
    async fn all(&mut self, act: impl Fn(&LifeTicket) -> Option<Act>) -> Result {
        let mut told = Vec::new();
        for ticket in &mut self.tickets {
            if act(ticket).is_some_and(|act| ticket.act(&self.systems, &act)) {
                self.sent += 1;
                told.push((ticket.changed(&self.systems, self.sent), ticket.desk));
            }
        }
        for (told, desk) in told {
            self.deliver(&told, desk).await?;
        }
        Ok(())
    }

    async fn deliver(&self, parcel: &testbed::WebhookRequest, desk: Desk) -> Result {
        if self.process.acknowledges(desk, parcel).await {
            return Ok(());
        }
        Err(format!("a delivery of the rehearsal was refused: {}", self.process.log()).into())
    }

    fn upload(&self) -> Result {
        let docspace = &self.systems.docspace;
        let anna = docspace.user("anna.agent@example.com").ok_or("DocSpace has no Anna")?;
        for ticket in &self.tickets {
            for room in self.systems.rooms_of(&ticket.desk.tag(&ticket.id)) {
                // She may not be in any more.
                let _ = docspace.by(anna).upload_into(room.id, "Logs", "rehearsed");
            }
        }
        Ok(())
    }

    async fn ask(&self, request: &str) -> Result {
        for ticket in &self.tickets {
            let (desk, id) = (ticket.desk.name(), &ticket.id);
            let url = format!("{}/api/v1/tickets/{desk}/{id}/{request}", self.process.url);
            self.process.client.post(url).bearer_auth(ADMIN_TOKEN).send().await?.error_for_status()?;
        }
        Ok(())
    }

    /// Waits until nothing is left to do soon.
    async fn rest(&self, stage: &str) -> Result {
        self.systems.docspace.webhook_deliveries_settled().await;
        let deadline = Instant::now() + STAGE;
        let mut was_finished = false;
        loop {
            let left = unfinished(&self.process.client, &self.process.url, SOON).await;
            if left == Some(0) && was_finished {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("the rehearsal does not rest, {stage}: {}", self.process.log()).into());
            }
            was_finished = left == Some(0);
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }
}
