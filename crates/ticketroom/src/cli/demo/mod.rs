//! `ticketroom demo`: the whole product on this machine. The built-in DocSpace, Zendesk, Freshdesk, Jira and callback receiver run
//! on loopback ports, the service runs on a temporary store, tickets come in through its real HTTP door, and what
//! is shown at the end is read from the simulated systems, not from the service.

mod stage;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use clap::Args;
use secrecy::ExposeSecret;
use tokio::sync::broadcast::error::RecvError;

use self::stage::{Stage, TicketOnStage};
use super::{Ended, Result, say};
use crate::printable::printable;
use crate::reconcile::Progress;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Ends when every ticket's link is in its ticket (0), or when that takes too long (1).
    #[arg(long)]
    once: bool,
}

/// How long the tickets may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn run(options: Options) -> Result {
    let stage = Stage::set().await?;
    say(format!(
        "ticketroom demo: everything runs on this machine, and nothing is kept.\n\n\
         \x20 DocSpace    {}\n\x20 Zendesk     {}\n\x20 Freshdesk   {}\n\x20 Jira        {}\n\x20 intranet    {}\n\x20 ticketroom  http://{}/\n",
        stage.docspace.url(),
        stage.zendesk.url(),
        stage.freshdesk.url(),
        stage.jira.url(),
        stage.callback.url(),
        stage.service.address()
    ))?;
    let began = Instant::now();
    let progress = stage.service.progress();
    let showing = tokio::spawn(show(progress, began));
    let tickets = stage.open_tickets().await?;
    let all_there = stage.wait_for_links(&tickets, PATIENCE).await;
    // What was settled last is shown before the summary.
    stage.wait_until_settled(&tickets, Duration::from_secs(5)).await;
    showing.abort();
    let outcome = summary(&stage, &tickets, began);
    if options.once || !all_there {
        stage.strike().await;
        outcome?;
        return if all_there {
            Ok(())
        } else {
            Err(Ended::Failed("not every ticket has its link: see the lines above".to_owned()))
        };
    }
    outcome?;
    say(format!(
        "\nIt goes on until Ctrl-C. Try:\n\
         \x20 curl http://{address}/helpdesk/ticket-created -d '{{\"ticketId\":\"4712\",\"subject\":\"Door is stuck\"}}'\n\
         \x20 curl http://{address}/api/v1/tickets/intranet/4712 -H 'Authorization: Bearer {token}'\n\
         \x20 curl {zendesk}_simulator/tickets -d '{{\"subject\":\"VPN is slow\"}}' -H 'content-type: application/json'\n\
         \x20 curl {docspace}_simulator/state",
        address = stage.service.address(),
        token = stage.admin.expose_secret(),
        zendesk = stage.zendesk.url(),
        docspace = stage.docspace.url(),
    ))?;
    let showing = tokio::spawn(show(stage.service.progress(), began));
    tokio::signal::ctrl_c().await?;
    showing.abort();
    stage.strike().await;
    Ok(())
}

/// Prints what happens to tickets as it happens.
async fn show(mut progress: tokio::sync::broadcast::Receiver<Progress>, began: Instant) {
    let mut last_seen: HashMap<String, String> = HashMap::new();
    loop {
        let line = match progress.recv().await {
            Ok(Progress::Happened(key, event)) => (key.to_string(), printable(&event.text, 160)),
            Ok(Progress::Settled(key, state, reason)) => {
                let text = match reason {
                    Some(reason) => format!("{}: {}", state.as_str(), printable(&reason, 160)),
                    None => state.as_str().to_owned(),
                };
                // A ticket that is looked at again and found well is no news.
                if last_seen.insert(key.to_string(), text.clone()).as_ref() == Some(&text) {
                    continue;
                }
                (key.to_string(), format!("→ {text}"))
            }
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        if say(format!("{:>8.3} s  {:<16} {}", began.elapsed().as_secs_f64(), line.0, line.1)).is_err() {
            return;
        }
    }
}

fn summary(stage: &Stage, tickets: &[TicketOnStage], began: Instant) -> Result {
    say("\nWhat the simulated systems have now:\n")?;
    for ticket in tickets {
        let link = stage.link_in_ticket(ticket).unwrap_or_else(|| "no link!".to_owned());
        say(format!("  {:<16} {:<48} {link}", ticket.key.to_string(), printable(&ticket.subject, 48)))?;
    }
    let rooms = stage.docspace.rooms();
    let folders: usize = rooms.iter().map(|room| room.folders.len()).sum();
    let members: usize = rooms.iter().map(|room| room.members.len()).sum();
    let notes = stage.notes();
    let writes = stage.docspace.counters().writes;
    say(format!(
        "\n{} tickets, {} deliveries; in DocSpace {} rooms, {folders} folders, {members} members, by {writes} writes; \
         in the helpdesks {notes} notes; after {:.1} s.",
        tickets.len(),
        stage.deliveries(),
        rooms.len(),
        began.elapsed().as_secs_f64()
    ))
}
