//! `ticketroom demo`: the whole product on this machine, and what it is for: tickets come in,
//! deliveries are repeated, an answer is lost, the process is killed, and each ticket has one room.
//! Then tickets live their lives, and their rooms follow.
//!
//! The built-in DocSpace, Zendesk, Freshdesk, Jira and callback receiver run in this process on
//! loopback ports. The service is a process of its own ([`product`]) with a temporary store, and
//! gets tickets through its HTTP endpoints. What is shown on the way is read from the store, and
//! what is shown at the end from the simulated systems.
//!
//! However the demo ends, but for SIGKILL, it leaves nothing behind. After SIGKILL its temporary
//! folder stays.

mod lives;
mod people;
mod product;
mod show;
mod stage;

use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use self::show::{Screen, Style, Watcher};
use self::stage::{Stage, TicketOnStage};
use super::{Ended, Result};
use crate::clock::{Clock as _, SystemClock, until};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Ends when every ticket has its room, and the rooms have followed the lives of their tickets
    /// (0), or when that takes too long or is not so (1).
    #[arg(long)]
    once: bool,
}

/// How long the tickets of one part may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a demo ends that was told to.
const INTERRUPTED: &str = "interrupted";

pub(super) async fn run(options: Options) -> Result {
    let (mut terminate, mut interrupt, mut hang_up) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    let mut asked_to_end = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hang_up.recv() => {}
        }
    };
    let screen = Screen::new();
    let mut stage = tokio::select! {
        stage = Stage::set() => stage?,
        () = asked_to_end() => return Err(Ended::Failed(INTERRUPTED.to_owned())),
    };
    let result = tokio::select! {
        result = play(&mut stage, screen, options.once) => result,
        // One that is meant to go on until it is told to end did all that it should.
        () = asked_to_end() => if options.once { Err(Ended::Failed(INTERRUPTED.to_owned())) } else { Ok(()) },
    };
    stage.strike().await;
    result
}

async fn play(stage: &mut Stage, screen: Screen, once: bool) -> Result {
    screen.say(Style::Bold, "ticketroom demo")?;
    screen.say(
        Style::Faint,
        "Everything runs on this machine: the service in a process of its own, and\n\
         simulated systems for it to work with. Nothing is kept.",
    )?;
    screen.say(Style::Plain, &format!("\n{}", stage.addresses()))?;
    let began = SystemClock.now();
    let mut watcher = Watcher::new(stage.store().await?, screen, began);
    let mut tickets = Vec::new();

    screen.begin(
        "1. Tickets come in\nZendesk, Freshdesk and Jira send their webhooks, an intranet plain JSON.",
    )?;
    let ready = part(&mut watcher, async {
        tickets.extend(stage.open_tickets().await?);
        stage.wait_for(&tickets, PATIENCE).await
    });
    ready.await?;

    screen.begin("2. A helpdesk repeats itself\nThe first delivery comes four more times, as after answers that were lost.")?;
    let (rooms, writes) = (stage.docspace.rooms().len(), stage.docspace.counters().writes);
    part(&mut watcher, async {
        stage.repeat(4).await?;
        stage.wait_for(&tickets, PATIENCE).await
    })
    .await?;
    screen.say(
        Style::Good,
        &format!(
            "Each was answered with 200. New rooms: {}. New writes to DocSpace: {}.",
            stage.docspace.rooms().len() - rooms,
            stage.docspace.counters().writes - writes
        ),
    )?;

    screen.begin(
        "3. An answer is lost\nDocSpace makes the next room, and the connection breaks before it says so.",
    )?;
    part(&mut watcher, async {
        tickets.push(stage.open_while_answers_are_lost()?);
        stage.wait_for(&tickets, PATIENCE).await
    })
    .await?;
    screen.say(Style::Good, "It looked for the room instead of making another one.")?;

    screen.begin("4. kill -9\nThe service is killed while DocSpace makes a room, and is started again.")?;
    part(&mut watcher, async {
        let (ticket, killed) = stage.kill_while_a_room_is_made().await?;
        tickets.push(ticket);
        screen.say(
            Style::Bad,
            &format!("           Process {killed} got SIGKILL. DocSpace still creates the room."),
        )?;
        let started = stage.start_again().await?;
        screen.say(Style::Good, &format!("           Process {started} serves from the same store."))?;
        stage.wait_for(&tickets, PATIENCE).await
    })
    .await?;

    let lives = lives::play(stage, screen, &mut watcher).await?;
    tickets.extend(lives.tickets());

    let took = until(began, SystemClock.now());
    summary(stage, screen, &tickets, took)?;
    let wrong = lives.wrong(stage);
    if !wrong.is_empty() {
        return Err(Ended::Failed(wrong.join("\n")));
    }
    if once {
        return Ok(());
    }
    screen.begin("The demo runs until Ctrl-C.\nOpen the links above, or try:")?;
    for line in stage.things_to_try() {
        screen.say_whole(&line)?;
    }
    screen.say(Style::Plain, "")?;
    watcher.watch().await
}

/// Does something and shows what comes of it meanwhile, to the last line.
async fn part(watcher: &mut Watcher, work: impl Future<Output = Result<bool>>) -> Result {
    let done = tokio::select! {
        done = work => done?,
        // Nobody reads it any more.
        ended = watcher.watch() => return ended,
    };
    watcher.look().await?;
    if done {
        return Ok(());
    }
    Err(Ended::Failed("not everything came to be as it should: see the lines above".to_owned()))
}

/// What the simulated systems have at the end.
fn summary(stage: &Stage, screen: Screen, tickets: &[TicketOnStage], took: Duration) -> Result {
    screen.begin("What the simulated systems have now")?;
    let rooms = stage.docspace.rooms();
    for ticket in tickets {
        let link = stage.link_in_ticket(ticket).unwrap_or_else(|| "no link!".to_owned());
        let tag = ticket.key.tag();
        let is_archived = rooms.iter().any(|room| room.archived && room.tags.contains(&tag));
        let archived = if is_archived { " (its room is archived)" } else { "" };
        screen.say(Style::Plain, &format!("{:<15}  {}{archived}", ticket.key.to_string(), ticket.subject))?;
        screen.say_whole(&format!("{:<15}  {link}", ""))?;
    }
    let folders: usize = rooms.iter().map(|room| room.folders.len()).sum();
    let members: usize = rooms.iter().map(|room| room.members.len()).sum();
    screen.say(
        Style::Good,
        &format!(
            "\n{} tickets, {} deliveries, {} rooms: one for each ticket",
            tickets.len(),
            stage.deliveries(),
            rooms.len()
        ),
    )?;
    screen.say(
        Style::Faint,
        &format!(
            "{folders} folders, {members} members, by {} writes to DocSpace; {} notes in helpdesks; {:.1} s",
            stage.docspace.counters().writes,
            stage.notes(),
            took.as_secs_f64()
        ),
    )?;
    if rooms.len() == tickets.len() {
        return Ok(());
    }
    Err(Ended::Failed(format!("{} tickets have {} rooms", tickets.len(), rooms.len())))
}
