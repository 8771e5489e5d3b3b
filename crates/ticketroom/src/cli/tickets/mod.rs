//! `ticketroom tickets`: the operator's view without a browser. Works on the store itself, beside a running `serve`.

mod list;

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Ended, Result, say, say_json};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::printable::printable;
use crate::reconcile::preview::{Preview, preview};
use crate::store::{
    self, Queries, Selection, State, Store, StoreError, TicketQuery, TicketRecord, TimelineEntry, Use, Why,
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
        Command::Retry(options) => retry(store.as_ref(), &options, clock.as_ref()).await,
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
    for line in list::rows(&records, clock.now(), width) {
        say(line)?;
    }
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
    let view = TicketView::new(&record, Some(timeline.clone()));
    if options.json {
        return say_json(&view);
    }
    say(format!("{}  {}", printable(&called(&record), 200), printable(&view.subject, 200)))?;
    say(format!("state    {}", record.state.as_str()))?;
    if let Some(reason) = &view.reason {
        say(format!("because  {}", printable(reason, 500)))?;
    }
    if let Some(room) = &view.room {
        say(format!("room     {} “{}”", room.id, printable(&room.title, 200)))?;
        say(format!("address  {}", room.url.as_deref().unwrap_or("(none yet)")))?;
        let linked = match (view.written_back, record.state) {
            (true, _) => "yes",
            (false, State::Ready) => {
                "no: its helpdesk has no place for the link (a generic one needs callback_url)"
            }
            (false, _) => "no",
        };
        say(format!("in ticket {linked}"))?;
    }
    if let Some(next) = view.next {
        say(format!("next     {next}"))?;
    }
    for TimelineEntry { at, kind, text } in &timeline {
        say(format!("  {:.3}  {kind:<15} {}", at.strftime("%F %T%.3fZ"), printable(text, 500)))?;
    }
    Ok(())
}

async fn retry(store: &dyn Store, options: &Retry, clock: &dyn Clock) -> Result {
    if options.blocked {
        let count = store.requeue(&Selection::Blocked, &Why::AskedForBlocked, clock.now()).await?;
        return say(format!("{count} blocked tickets are tried again"));
    }
    for ticket in &options.tickets {
        let record = find(store, ticket).await?;
        store.requeue(&Selection::One(record.key.clone()), &Why::Asked, clock.now()).await?;
        say(format!(
            "{} is tried again; “ticketroom tickets show {}” tells how it goes",
            record.key, record.key
        ))?;
    }
    Ok(())
}

/// What is so, and what the rules of today say.
#[derive(Debug, Serialize)]
struct Explanation<'a> {
    /// By which template the ticket's room was made; it keeps that.
    made_from: Option<&'a str>,
    /// What a ticket like this would get if it came now.
    #[serde(flatten)]
    today: &'a Preview,
}

async fn explain(store: &dyn Queries, config: &Config, options: &Show) -> Result {
    let record = find(store, &options.ticket).await?;
    let ticket = record.ticket.clone().unwrap_or_default();
    let preview =
        preview(&config.rules, &record.key, &ticket).map_err(|error| Ended::Failed(error.to_string()))?;
    let made_from = record.template.as_deref();
    if options.json {
        return say_json(&Explanation { made_from, today: &preview });
    }
    say(format!("ticket    {}", printable(&called(&record), 200)))?;
    say(format!("state     {}", record.state.as_str()))?;
    let today = preview.room.as_ref().map(|room| room.template.as_str());
    match (made_from, record.room.as_ref()) {
        (Some(template), Some(room)) => {
            say(format!("room      {} “{}”", room.id, printable(&room.title, 200)))?;
            say(format!("made from {template}"))?;
        }
        (Some(template), None) => say(format!("made from {template} (the room is not there)"))?,
        (None, _) => say("made from nothing yet: it has no room")?,
    }
    say(match (made_from, today) {
        (Some(made), Some(today)) if made == today => format!("today     the rules pick {today} as well"),
        (Some(made), Some(today)) => format!(
            "today     the rules would pick {today}; the ticket keeps {made}, since a room is made once"
        ),
        (Some(made), None) => {
            format!("today     the rules would make no room; the one made from {made} stays")
        }
        (None, Some(today)) => format!("today     the rules pick {today}"),
        (None, None) => "today     the rules make no room".to_owned(),
    })?;
    say(match &preview.rule {
        Some(rule) => format!("rule      {}", printable(rule, 200)),
        None => "rule      none matches".to_owned(),
    })?;
    let Some(room) = &preview.room else { return Ok(()) };
    say(format!("\nA ticket like this that came now would get:\ntemplate  {}", room.template))?;
    say(format!("title     {}", printable(&room.title, 200)))?;
    say(format!("type      {}", room.room_type))?;
    say(format!("folders   {}", room.folders.join(", ")))?;
    for access in &room.access {
        say(format!("access    {}", printable(access, 200)))?;
    }
    Ok(())
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
