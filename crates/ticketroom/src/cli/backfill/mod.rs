//! `ticketroom backfill`: rooms for tickets that were there before. The plan is made here; a
//! running `serve` does the work.

mod show;

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Ended, Result, print, say, say_json};
use crate::backfill::plan::{Plan, Planning};
use crate::backfill::view::BackfillView;
use crate::backfill::{self, BackfillId, Job, JobState, Refused, Steering, checked};
use crate::clock::{Chance, Clock, SystemClock};
use crate::config::Config;
use crate::helpdesk::{self, Paces};
use crate::http::Http;
use crate::metrics::Metrics;
use crate::reason::Reason;
use crate::store::{self, Store, Use};
use crate::ticket::HelpdeskName;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Command {
    #[command(subcommand)]
    command: Option<Existing>,
    #[command(flatten)]
    new: New,
}

#[derive(Debug, Args)]
struct New {
    /// The helpdesk whose tickets are taken in.
    #[arg(required = true)]
    helpdesk: Option<HelpdeskName>,
    /// Tickets that were created at or after this time: 2026-01-31 (in UTC), or
    /// 2026-01-31T08:00:00+01:00.
    #[arg(long, value_name = "DATE", required = true)]
    since: Option<String>,
    /// And before this time; a date means that day, too.
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// And that meet this condition, written as in [[rule]] when: "ticket.priority == 'urgent'".
    #[arg(long = "where", value_name = "EXPR")]
    condition: Option<String>,
    /// Shows what it comes to, and does nothing.
    #[arg(long)]
    plan: bool,
    /// Puts the link into its field (Jira: the remote link) only, and adds no internal note.
    #[arg(long)]
    no_note: bool,
    /// Begins without asking.
    #[arg(long)]
    yes: bool,
    /// Prints JSON. Nothing is asked then: say --plan or --yes.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Existing {
    /// Shows all backfills and how far they are.
    List(List),
    /// Takes no more tickets in for now.
    Pause(One),
    /// Goes on with a backfill that was paused.
    Resume(One),
    /// Takes no more tickets in; those that were taken in get their rooms.
    Cancel(One),
}

#[derive(Debug, Args)]
struct List {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct One {
    /// Which one; needed if there are several that are not over.
    id: Option<BackfillId>,
}

impl Command {
    /// Whether helpdesks are asked, so that all secrets are needed.
    pub(super) fn asks_helpdesks(&self) -> bool {
        self.command.is_none()
    }
}

impl From<Refused> for Ended {
    fn from(refused: Refused) -> Self {
        Self::Failed(refused.to_string())
    }
}

fn misconfigured(reason: &Reason) -> Ended {
    Ended::Misconfigured(reason.to_string())
}

pub(super) async fn run(config: Config, command: Command) -> Result {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = store::open(&config.store, Use::Operate, &clock).await;
    let store = store.map_err(|error| Ended::Failed(error.to_string()))?;
    match command.command {
        None => new(&config, store.as_ref(), &clock, command.new).await,
        Some(Existing::List(options)) => list(store.as_ref(), clock.as_ref(), &options).await,
        Some(Existing::Pause(one)) => steer(store.as_ref(), clock.as_ref(), one, Steering::Pause).await,
        Some(Existing::Resume(one)) => steer(store.as_ref(), clock.as_ref(), one, Steering::Resume).await,
        Some(Existing::Cancel(one)) => steer(store.as_ref(), clock.as_ref(), one, Steering::Cancel).await,
    }
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Planned<'a> {
    plan: &'a Plan,
    /// What was begun.
    backfill: Option<BackfillView>,
}

async fn new(config: &Config, store: &dyn Store, clock: &Arc<dyn Clock>, options: New) -> Result {
    if options.json && !options.plan && !options.yes {
        return Err(Ended::Misconfigured("--json asks nothing: say --plan or --yes as well".to_owned()));
    }
    let (Some(name), Some(since)) = (options.helpdesk, options.since) else {
        return Err(Ended::Misconfigured("name a helpdesk, and say --since".to_owned()));
    };
    let http = Http::new(Metrics::new()).map_err(|error| Ended::Failed(error.to_string()))?;
    let helpdesks = helpdesk::build(&config.helpdesks, &http, clock, &Paces::default());
    let helpdesk = helpdesks.iter().find(|one| *one.helpdesk_name() == name);
    let listing = helpdesk.and_then(|one| one.listing());
    let span = checked(name.as_str(), helpdesk.map(|_| listing.is_some()), &since, options.until.as_deref())
        .map_err(|reason| misconfigured(&reason))?;
    let (Some(helpdesk), Some(listing)) = (helpdesk, listing) else { return Ok(()) };
    let now = clock.now();
    let mut job = Job::new(name, span, options.condition, options.no_note, None, now);
    let planning = Planning {
        helpdesk: helpdesk.as_ref(),
        store,
        rules: &config.rules,
        limits: config.docspace.limits,
        now,
    };
    let plan = planning.plan(listing, &job).await.map_err(|error| match error {
        backfill::plan::Unplanned::Choice(reason) => misconfigured(&reason),
        error => Ended::Failed(error.to_string()),
    })?;
    if !options.json {
        say(show::plan(&job, &plan, &config.docspace.limits))?;
    }
    let begins = !options.plan && (options.yes || confirmed()?);
    let begun = if begins {
        job.expected = Some(plan.matching);
        let id = BackfillId::new(Chance::from_os().uuid());
        Some(backfill::begin(store, id, job).await?)
    } else {
        None
    };
    if options.json {
        let backfill = begun.as_ref().map(|begun| BackfillView::new(begun, now));
        return say_json(&Planned { plan: &plan, backfill });
    }
    match begun {
        Some(begun) => say(format!(
            "\nbackfill {} was begun; a running “ticketroom serve” works on it, and “ticketroom backfill list” tells how it \
             goes",
            begun.id
        )),
        None if options.plan => Ok(()),
        None => say("\nnothing was begun"),
    }
}

/// Asks whoever sits there.
fn confirmed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Ended::Misconfigured(
            "nobody is there to be asked whether to begin: say --yes, or --plan for the plan only".to_owned(),
        ));
    }
    print("\nBegin? [y/N]")?;
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

async fn list(store: &dyn Store, clock: &dyn Clock, options: &List) -> Result {
    let (all, unreadable) = backfill::all(store).await?;
    let now = clock.now();
    let views: Vec<BackfillView> = all.iter().map(|one| BackfillView::new(one, now)).collect();
    if options.json {
        return say_json(&views);
    }
    for reason in unreadable {
        say(format!("warning: {reason}"))?;
    }
    if views.is_empty() {
        return say("no backfill was begun yet");
    }
    say(show::backfills(&views))
}

async fn steer(store: &dyn Store, clock: &dyn Clock, one: One, steering: Steering) -> Result {
    let id = match one.id {
        Some(id) => id,
        None => only(store).await?,
    };
    let listed = backfill::steer(store, &id, steering, clock.now()).await?;
    say(match listed.job.state {
        JobState::Paused => format!("backfill {id} is paused; tickets that it has taken in get their rooms"),
        JobState::Cancelled => {
            format!("backfill {id} is cancelled; tickets that it has taken in get their rooms")
        }
        JobState::Running | JobState::Done => format!("backfill {id} goes on"),
    })
}

/// The only one that is not over.
async fn only(store: &dyn Store) -> Result<BackfillId> {
    let (all, _) = backfill::all(store).await?;
    let mut going_on: Vec<BackfillId> =
        all.into_iter().filter(|one| !one.job.state.is_over()).map(|one| one.id).collect();
    match (going_on.pop(), going_on.len()) {
        (Some(id), 0) => Ok(id),
        (Some(_), _) => Err(Ended::Misconfigured(
            "there are several backfills: say which; “ticketroom backfill list” shows them".to_owned(),
        )),
        (None, _) => Err(Ended::Failed("there is no backfill that goes on".to_owned())),
    }
}
