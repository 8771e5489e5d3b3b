//! `ticketroom tickets`: the operator's view without a browser. Works on the store itself, beside a
//! running `serve`.

mod explain;
mod list;
mod show;

use std::sync::Arc;

use clap::{Args, Subcommand};

use self::explain::Explanation;
use super::{Ended, Result, say, say_json};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::printable::printable;
use crate::reconcile::preview::preview;
use crate::store::{
    self, Queries, RoomRequest, Selection, State, Store, StoreError, TicketQuery, TicketRecord, Use, Why,
};
use crate::ticket::{HelpdeskName, TicketKey};
use crate::view::TicketView;

/// Blocked tickets whose causes are counted at most.
const MOST_BLOCKED: u32 = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists tickets, the most recently changed first.
    List(List),
    /// Shows one ticket and everything that happened to it.
    Show(Show),
    /// Tries tickets again now; a ticket whose room was deleted gets a new one.
    Retry(Retry),
    /// Archives the rooms of tickets, whatever status those have.
    ///
    /// That stands until the ticket changes. A running “serve” does it; what comes of it is in the
    /// timeline.
    Archive(Tickets),
    /// Restores the rooms of tickets from the archive, whatever status those have.
    ///
    /// That stands until the ticket changes. A running “serve” does it; what comes of it is in the
    /// timeline.
    Reopen(Tickets),
    /// Tells which rule and template a ticket falls under, and why.
    Explain(Show),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only tickets with this in their id or subject.
    text: Option<String>,
    /// Only tickets of this helpdesk.
    #[arg(long)]
    helpdesk: Option<HelpdeskName>,
    /// Only tickets in this state: waiting, working, ready, blocked, skipped, archived.
    #[arg(long, value_parser = |name: &str| State::from_name(name).ok_or("write waiting, working, ready, blocked, skipped or archived"))]
    state: Option<State>,
    /// Not more than so many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The ticket: zendesk/4711, or just 4711.
    ticket: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Retry {
    /// The tickets: zendesk/4711, or just 4711.
    #[arg(required_unless_present = "blocked")]
    tickets: Vec<String>,
    /// All that are blocked.
    #[arg(long, conflicts_with = "tickets")]
    blocked: bool,
}

#[derive(Debug, Args)]
pub(super) struct Tickets {
    /// The tickets: zendesk/4711, or just 4711.
    #[arg(required = true)]
    tickets: Vec<String>,
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

pub(super) async fn run(config: Config, command: Command) -> Result {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = store::open(&config.store, Use::Operate, &clock).await;
    let store = store.map_err(|error| Ended::Failed(error.to_string()))?;
    match command {
        Command::List(options) => list(store.as_ref(), options, clock.as_ref()).await,
        Command::Show(options) => show(store.as_ref(), &options).await,
        Command::Retry(options) => retry(store.as_ref(), &options).await,
        Command::Archive(options) => request(store.as_ref(), &options, RoomRequest::Archive).await,
        Command::Reopen(options) => request(store.as_ref(), &options, RoomRequest::Reopen).await,
        Command::Explain(options) => explain(store.as_ref(), &config, &options).await,
    }
}

async fn list(store: &dyn Queries, options: List, clock: &dyn Clock) -> Result {
    let width = list::Width::of_stdout();
    let query = TicketQuery {
        helpdesk: options.helpdesk,
        id: None,
        state: options.state,
        text: options.text,
        limit: options.limit,
        offset: 0,
    };
    let records = store.tickets(&query).await?;
    if options.json {
        let tickets: Vec<TicketView> = records.iter().map(|record| TicketView::new(record, None)).collect();
        return say_json(&tickets);
    }
    // Of all that are blocked, not only of those that fit into the list.
    if matches!(query.state, None | Some(State::Blocked)) {
        let blocked = TicketQuery { state: Some(State::Blocked), limit: MOST_BLOCKED, ..query.clone() };
        let blocked = store.tickets(&blocked).await?;
        let more = u32::try_from(blocked.len()).is_ok_and(|blocked| blocked >= MOST_BLOCKED);
        for line in list::causes(&blocked, more, width) {
            say(line)?;
        }
    }
    if records.is_empty() {
        return say("no such tickets");
    }
    say(list::rows(&records, clock.now(), width))?;
    if records.iter().any(|record| record.state == State::Ready && record.reason.is_some()) {
        say("\n! the room is there, but not quite as configured; “ticketroom tickets show” tells more")?;
    }
    if u32::try_from(records.len()).is_ok_and(|shown| shown >= query.limit) {
        say(format!("\n{}; --limit shows more", how_many(store, &query, records.len()).await?))?;
    }
    Ok(())
}

/// “6 of 24”, where that can be told without going through all tickets.
async fn how_many(store: &dyn Queries, query: &TicketQuery, shown: usize) -> Result<String> {
    if query.helpdesk.is_some() || query.text.is_some() {
        return Ok(format!("the latest {shown}, and maybe others"));
    }
    let counts = store.counts().await?;
    let wanted = counts.iter().filter(|(state, _)| query.state.is_none_or(|wanted| wanted == *state));
    let all: u64 = wanted.map(|(_, count)| count).sum();
    Ok(format!("{shown} of {all}"))
}

async fn show(store: &dyn Queries, options: &Show) -> Result {
    let record = find(store, &options.ticket).await?;
    let timeline = store.timeline(&record.key).await?;
    if options.json {
        return say_json(&TicketView::new(&record, Some(timeline)));
    }
    say(show::text(&record, &timeline))
}

async fn retry(store: &dyn Store, options: &Retry) -> Result {
    if options.blocked {
        let count = store.requeue(&Selection::Blocked, &Why::AskedForBlocked).await?;
        return say(format!("{count} blocked tickets are tried again"));
    }
    for ticket in &options.tickets {
        let record = find(store, ticket).await?;
        store.requeue(&Selection::One(record.key.clone()), &Why::Asked).await?;
        say(format!(
            "{} is tried again; “ticketroom tickets show {}” tells how it goes",
            record.key, record.key
        ))?;
    }
    Ok(())
}

async fn request(store: &dyn Store, options: &Tickets, request: RoomRequest) -> Result {
    let follows = match request {
        RoomRequest::Archive => "archived",
        RoomRequest::Reopen => "restored",
    };
    for ticket in &options.tickets {
        let record = find(store, ticket).await?;
        store.requeue(&Selection::One(record.key.clone()), &Why::Requested(request)).await?;
        say(format!(
            "the room of {} is going to be {follows}; “ticketroom tickets show {}” tells how it goes",
            record.key, record.key
        ))?;
    }
    Ok(())
}

async fn explain(store: &dyn Queries, config: &Config, options: &Show) -> Result {
    let record = find(store, &options.ticket).await?;
    let ticket = record.ticket.clone().unwrap_or_default();
    let preview =
        preview(&config.rules, &record.key, &ticket).map_err(|error| Ended::Failed(error.to_string()))?;
    if options.json {
        return say_json(&Explanation { made_from: record.template.as_deref(), today: &preview });
    }
    say(explain::text(&record, &preview))
}

/// What people call a ticket: `jira/SUP-42`. It is found by that as well.
fn called(record: &TicketRecord) -> String {
    let name = record.ticket.as_ref().and_then(|ticket| ticket.key.clone());
    format!("{}/{}", record.key.helpdesk, name.unwrap_or_else(|| record.key.id.to_string()))
}

/// A ticket by its key, or by its id where only one helpdesk has it.
async fn find(store: &dyn Queries, written: &str) -> Result<TicketRecord> {
    if let Some((helpdesk, id)) = written.split_once('/')
        && let (Ok(helpdesk), Ok(id)) = (helpdesk.parse(), id.parse())
        && let Some(record) = store.ticket(&TicketKey { helpdesk, id }).await?
    {
        return Ok(record);
    }
    let mut records = match written.parse() {
        Ok(id) => store.tickets(&TicketQuery { id: Some(id), limit: 20, ..TicketQuery::default() }).await?,
        Err(_) => Vec::new(),
    };
    match (records.pop(), records.as_slice()) {
        (Some(record), []) => Ok(record),
        (Some(record), others) => {
            let mut keys: Vec<String> = others.iter().map(|other| other.key.to_string()).collect();
            keys.push(record.key.to_string());
            Err(Ended::Failed(format!("several helpdesks have a ticket {written}: {}", keys.join(", "))))
        }
        (None, _) => Err(Ended::Failed(format!(
            "no delivery has named ticket {}; does its helpdesk send its webhook here?",
            printable(written, 60)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use crate::clock::Timestamp;
    use crate::reason::Reason;
    use crate::room::{Room, RoomId};
    use crate::store::{State, TicketRecord};
    use crate::ticket::{Ticket, TicketKey};

    /// A ticket of Zendesk with a room.
    /// Its code tells groups of words apart, as in the product.
    pub(super) fn some_reason(text: &str) -> Reason {
        let code = match text {
            text if text.contains("credentials") => "blocked.docspace.unauthorized",
            text if text.contains("group") => "blocked.docspace.group-unknown",
            _ => "blocked.test.other",
        };
        let (text, help) =
            text.split_once(": ").map_or((text, None), |(text, help)| (text, Some(help.to_owned())));
        Reason { code: code.into(), text: text.to_owned(), help }
    }

    pub(super) fn record(id: &str, state: State, subject: &str, reason: Option<&str>) -> TicketRecord {
        TicketRecord {
            key: TicketKey { helpdesk: "zendesk".parse().unwrap(), id: id.parse().unwrap() },
            state,
            reason: reason.map(some_reason),
            ticket: Some(Ticket { subject: subject.to_owned(), ..Ticket::default() }),
            room: Some(Room { id: RoomId(4711), title: format!("Ticket #{id} – {subject}") }),
            url: Some("https://docspace.example.com/rooms/shared/4711/filter?folder=4711".to_owned()),
            written_back: true,
            attempts: 0,
            template: None,
            due: None,
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        }
    }
}
