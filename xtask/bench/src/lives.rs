//! Whole lives of tickets, while one call in fifty to any system goes wrong: what is lost, doubled
//! or in a wrong state in the end, counted at the simulated systems; and how many writes to
//! DocSpace a life costs.
//!
//! A life: created, renamed, unassigned, assigned to somebody else, solved, archived, reopened.
//! Then most tickets are solved and archived once more; of ten, one is merged into another one, and
//! one is deleted and, where the helpdesk can do that, restored and solved. So in the end all rooms
//! are in the archive.
//!
//! The kinds of helpdesks take turns, each with systems and a service of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use simulator::docspace::{RoomView, Setup};
use simulator::fault::{FaultKind, Faults, RandomFaults, TooMany};
use testbed::{Act, Agent, LifeTicket};
use testbed::{Desk, FOLDERS, Pace, Process, Readiness, Systems, WebhookRequest, holds_within, sqlite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::fixture::temporary_folder;
use crate::table::{Figure, Table};
use crate::{Result, product};

const TEMPLATE: &str = r#"
    [template.default]
    title = "Ticket #{{ ticket.id }} – {{ ticket.subject }}"
    folders = ["Logs/Server", "Attachments", "Findings"]
    access = [{ group = "Support", role = "editor" }, { assignee = true, role = "content-creator" }]
    archive_after = "2s"
"#;
/// Tickets that live at the same time.
const AT_ONCE: usize = 64;
/// The chance of a fault at each call.
const FAULTS: f64 = 0.02;
/// How long a room may take to follow its ticket.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long after the last life repairs may take.
const REPAIRS: Duration = Duration::from_secs(40);
/// The pause between two looks at a room.
const LOOK: Duration = Duration::from_millis(100);
/// How long after the last life something may still be doubled.
const AFTERMATH: Duration = Duration::from_secs(5);
/// How many tickets that are not as they should be are named.
const MOST_NAMED: usize = 10;

/// How a ticket's life goes on after it was reopened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// It is solved once more.
    Solved,
    /// It is merged into the ticket before it.
    Merged,
    /// It is deleted, restored where that is possible, and solved.
    Deleted,
}

impl Course {
    fn of(number: usize) -> Self {
        match number % 10 {
            4 => Self::Merged,
            7 => Self::Deleted,
            _ => Self::Solved,
        }
    }
}

/// What was counted for one kind of helpdesk.
#[derive(Debug, Default)]
struct Counted {
    lives: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
    wrong: Vec<String>,
    writes: u64,
    faults: u64,
    took: Duration,
}

/// Has so many tickets live, a quarter of them in each kind of helpdesk.
pub(crate) async fn measure(count: usize) -> Result<Table> {
    let mut head = vec![String::new()];
    head.extend(Desk::ALL.map(|desk| desk.name().to_owned()));
    head.push("aim".to_owned());
    let title = format!("lives: {count} tickets, a fault at one call in fifty");
    let (mut table, mut counted) = (Table::with_head(title, head), Vec::new());
    for (nth, desk) in Desk::ALL.into_iter().enumerate() {
        let lives = (count + nth) / Desk::ALL.len();
        counted.push(kind(desk, lives).await?);
    }
    let minutes = |counted: &Counted| counted.took.as_secs_f64() / 60.0;
    let number = |count: usize| Figure::count(count as u64);
    let mut line = |what: &str, figure: &dyn Fn(&Counted) -> Figure, aim: &str| {
        let figures = counted.iter().map(|counted| figure(counted).to_string());
        let words = [aim.to_owned()];
        table.add_line(std::iter::once(what.to_owned()).chain(figures).chain(words).collect());
    };
    line("lives", &|of| number(of.lives), "");
    line("lost", &|of| number(of.lost.len()), "0");
    line("doubled", &|of| number(of.doubled.len()), "0");
    line("in a wrong state at the end", &|of| number(of.wrong.len()), "0");
    line("writes to DocSpace a life", &|of| Figure::per(of.writes, of.lives), "");
    line("faults a life", &|of| Figure::per(of.faults, of.lives), "");
    line(
        "lives a minute",
        &|of| Figure::new(f64::from(u32::try_from(of.lives).unwrap_or(u32::MAX)) / minutes(of), 0, ""),
        "",
    );
    let bad: Vec<&String> =
        counted.iter().flat_map(|of| of.lost.iter().chain(&of.doubled).chain(&of.wrong)).collect();
    if bad.is_empty() {
        return Ok(table);
    }
    println!("{table}");
    let named = bad.iter().take(MOST_NAMED).map(|line| line.as_str()).collect::<Vec<_>>().join("\n");
    Err(format!("{} lines, such as\n{named}", bad.len()).into())
}

/// The systems and the service of one kind.
struct Scene {
    systems: Systems,
    process: Process,
}

async fn kind(desk: Desk, count: usize) -> Result<Counted> {
    let systems = Systems::try_start(Setup::default()).await?;
    let folder = temporary_folder()?;
    let store = sqlite(&folder.path().join("ticketroom.db"));
    let config = systems.config_for(&store, &[desk], Pace::Tests, TEMPLATE);
    let mut process = Process::configure(&product()?, folder, config)?;
    process.try_start(process.command(&["serve"]))?;
    if process.ready_within(Duration::from_secs(20)).await != Readiness::Ready {
        return Err(format!("serve did not get ready:\n{}", process.log()).into());
    }
    for (faults, seed) in [(systems.docspace.faults(), 1), (desk.faults(&systems), 2)] {
        faults.random(random_faults(seed));
    }
    let tickets: Vec<LifeTicket> = (0..count)
        .map(|number| LifeTicket::open(desk, &systems, &format!("Disk {number} is full")))
        .collect();
    let scene = Arc::new(Scene { systems, process });
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let (start, mut living) = (Instant::now(), JoinSet::new());
    let survivors: Vec<String> = tickets.iter().map(|ticket| ticket.id.clone()).collect();
    for (number, ticket) in tickets.into_iter().enumerate() {
        let (scene, permits) = (Arc::clone(&scene), Arc::clone(&permits));
        let survivor = survivors.get(number.saturating_sub(1)).cloned().unwrap_or_default();
        living.spawn(async move {
            let _permit = permits.acquire_owned().await?;
            live(&scene, number, ticket, survivor).await
        });
    }
    let mut lived = Vec::new();
    while let Some(ended) = living.join_next().await {
        lived.push(ended??);
        if lived.len() % 50 == 0 {
            eprintln!("  {}: {} of {count} lives, {} s", desk.name(), lived.len(), start.elapsed().as_secs());
        }
    }
    let took = start.elapsed();
    let faults = |faults: &Faults| faults.fired();
    let fired = faults(scene.systems.docspace.faults()) + faults(desk.faults(&scene.systems));
    for faults in [scene.systems.docspace.faults(), desk.faults(&scene.systems)] {
        faults.clear();
    }
    // A life has ended when its room is in the archive; notes and repairs may come after that.
    let is_right = async || {
        let counted = count_up(&scene, &lived);
        counted.lost.is_empty() && counted.wrong.is_empty()
    };
    if !holds_within(REPAIRS, Duration::from_secs(1), is_right).await {
        eprintln!("  {}: not everything is as it should be after {REPAIRS:?}", desk.name());
    }
    tokio::time::sleep(AFTERMATH).await;
    let writes = scene.systems.docspace.counters().writes;
    Ok(Counted { lives: count, writes, faults: fired, took, ..count_up(&scene, &lived) })
}

fn random_faults(seed: u64) -> RandomFaults {
    let kinds = vec![
        FaultKind::Refuse,
        FaultKind::TooMany(TooMany::ConcurrentWrites),
        FaultKind::StatusBefore(500),
        FaultKind::StatusBefore(503),
        FaultKind::StatusAfter(500),
        FaultKind::StatusAfter(502),
        FaultKind::AnswerLost,
        FaultKind::TruncatedBody,
        FaultKind::Hang(Duration::from_millis(1200)),
        // Well below the settle time of the configuration.
        FaultKind::LateLanding(Duration::from_millis(500)),
    ];
    RandomFaults { seed, probability: FAULTS, kinds }
}

/// A ticket that has lived.
struct Lived {
    ticket: LifeTicket,
    course: Course,
    /// What did not come in time.
    late: Option<String>,
}

/// A ticket in the course of its life.
struct Living<'a> {
    scene: &'a Scene,
    ticket: LifeTicket,
    /// Numbers its deliveries.
    deliveries: u64,
    /// Its room, once there is one.
    room: Option<i64>,
    late: Option<String>,
}

/// Leads a ticket through its whole life.
async fn live(scene: &Scene, number: usize, ticket: LifeTicket, survivor: String) -> Result<Lived> {
    let course = Course::of(number);
    let subject = format!("Disk {number} was full and is replaced");
    let mut living = Living { scene, ticket, deliveries: 0, room: None, late: None };
    living.deliver(living.ticket.created(&scene.systems)).await?;
    living.wait("created", |room| !room.archived).await;
    living.act(Act::Rename(subject)).await?;
    living.act(Act::Assign(Agent::Nobody)).await?;
    living.act(Act::Assign(Agent::Ben)).await?;
    living.wait("with its new assignee", |room| roles(room, Agent::Ben) == [11]).await;
    living.act(Act::Solve).await?;
    living.wait("archived", |room| room.archived).await;
    living.act(Act::Reopen).await?;
    living.wait("restored", |room| !room.archived).await;
    match course {
        Course::Merged => living.act(Act::MergeInto(survivor)).await?,
        Course::Deleted => {
            living.act(Act::Delete).await?;
            living.wait("archived as deleted", |room| room.archived).await;
            if living.ticket.desk.supports(&Act::Restore) {
                living.act(Act::Restore).await?;
                living.wait("restored with its ticket", |room| !room.archived).await;
                living.act(Act::Solve).await?;
            }
        }
        Course::Solved => living.act(Act::Solve).await?,
    }
    living.wait("archived at the end", |room| room.archived).await;
    Ok(Lived { ticket: living.ticket, course, late: living.late })
}

impl Living<'_> {
    /// Does that to the ticket, and delivers what the helpdesk says of it.
    async fn act(&mut self, act: Act) -> Result {
        if !self.ticket.act(&self.scene.systems, &act) {
            return Err(format!("{}: no {act:?}", self.ticket.desk.tag(&self.ticket.id)).into());
        }
        self.deliveries += 1;
        let request = self.ticket.changed(&self.scene.systems, self.deliveries);
        self.deliver(request).await
    }

    async fn deliver(&self, request: WebhookRequest) -> Result {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.scene.process.acknowledges(self.ticket.desk, &request).await {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(format!("{} was not accepted", self.ticket.id).into())
    }

    /// Waits until the ticket's room is like that. If it doesn't get so in time, that is said at
    /// the end, and the life goes on.
    async fn wait(&mut self, what: &str, is_so: impl Fn(&RoomView) -> bool) {
        let tag = self.ticket.desk.tag(&self.ticket.id);
        let (systems, deadline) = (&self.scene.systems, Instant::now() + PATIENCE);
        loop {
            // Going through all rooms is work.
            let id = self.room.or_else(|| systems.rooms_of(&tag).first().map(|room| room.id));
            self.room = id;
            if id.and_then(|id| systems.docspace.room(id)).is_some_and(|room| is_so(&room)) {
                return;
            }
            if Instant::now() >= deadline {
                self.late.get_or_insert_with(|| format!("its room was not {what} within {PATIENCE:?}"));
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn roles(room: &RoomView, agent: Agent) -> Vec<i32> {
    let members = room.members.iter().filter(|member| Some(member.name.as_str()) == agent.name());
    members.map(|member| member.access).collect()
}

/// What is lost, doubled or wrong now.
fn count_up(scene: &Scene, lived: &[Lived]) -> Counted {
    let mut counted = Counted::default();
    for one in lived {
        let tag = one.ticket.desk.tag(&one.ticket.id);
        let rooms = scene.systems.rooms_of(&tag);
        counted.doubled.extend(doubled(scene, one, &rooms).into_iter().map(|what| format!("{tag}: {what}")));
        let Some(room) = rooms.first() else {
            counted.lost.push(format!("{tag}: no room"));
            continue;
        };
        let wrong = wrong(scene, lived, one, room);
        if !wrong.is_empty() {
            counted.wrong.push(format!("{tag}: {}", wrong.join("; ")));
        }
    }
    counted
}

/// What there is more than once: rooms, notes.
fn doubled(scene: &Scene, one: &Lived, rooms: &[RoomView]) -> Option<String> {
    if rooms.len() > 1 {
        return Some(format!("{} rooms", rooms.len()));
    }
    let LifeTicket { desk, id, .. } = &one.ticket;
    let (links, _) = desk.notes(&scene.systems, id);
    let mut notes: Vec<String> =
        desk.further_notes(&scene.systems, id).into_iter().map(|(id, _)| id).collect();
    let count = notes.len();
    notes.sort_unstable();
    notes.dedup();
    (links > 1 || notes.len() < count)
        .then(|| format!("{links} notes with the link, {count} further ones: {notes:?}"))
}

/// What is not as it should be about a ticket that has one room.
fn wrong(scene: &Scene, lived: &[Lived], one: &Lived, room: &RoomView) -> Vec<String> {
    let systems = &scene.systems;
    let LifeTicket { desk, id, subject, .. } = &one.ticket;
    let mut wrong: Vec<String> = one.late.iter().cloned().collect();
    if !room.archived {
        wrong.push("not archived".to_owned());
    }
    if room.title != format!("Ticket #{id} – {subject}") {
        wrong.push(format!("the title is {:?}", room.title));
    }
    if room.folders != FOLDERS {
        wrong.push(format!("the folders are {:?}", room.folders));
    }
    let mut members: Vec<_> =
        room.members.iter().map(|member| (member.name.as_str(), member.access)).collect();
    members.sort_unstable();
    if members != [("Ben Engineer", 11), ("Support", 10)] {
        wrong.push(format!("the members are {members:?}"));
    }
    // What Jira deletes is gone.
    if one.ticket.deleted {
        return wrong;
    }
    let links = desk.links(systems, id);
    if links != [systems.member_address(room)] {
        wrong.push(format!("the links are {links:?}"));
    }
    let (internal, public) = desk.notes(systems, id);
    // Freshdesk moves a merged ticket's notes into the other one.
    let has_its_note = *desk != Desk::Freshdesk || one.course != Course::Merged;
    if (has_its_note && internal == 0) || public > 0 {
        wrong.push(format!("{internal} notes for agents, {public} that customers see"));
    }
    let notes = desk.further_notes(systems, id);
    let says = |name: &str| notes.iter().any(|(note, _)| note == name);
    // Zendesk closes what is merged, and nothing can be written there then.
    if let Some(survivor) = &one.ticket.merged_into
        && *desk != Desk::Zendesk
        && !says(&format!("merged-into-{survivor}"))
    {
        wrong.push(format!("no note about the merge into {survivor}"));
    }
    for merged in lived.iter().filter(|other| other.ticket.merged_into.as_ref() == Some(id)) {
        if !says(&format!("merged-from-{}", merged.ticket.id)) {
            wrong.push(format!("no note about {}, which was merged into it", merged.ticket.id));
        }
    }
    wrong
}
