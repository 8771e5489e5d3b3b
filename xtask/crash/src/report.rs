//! The report of a campaign: one table, and the findings with their timelines.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::context::Context;
use crate::faults;
use crate::first_work::percentile;
use crate::replica::{Replica, binary};
use crate::tally::What;
use crate::verdict::Verdict;

/// How many findings are printed.
const MOST_FINDINGS: usize = 20;

/// The arguments.
pub(crate) struct Head {
    pub(crate) store: &'static str,
    pub(crate) replicas: usize,
    pub(crate) seed: u64,
    pub(crate) minutes: f64,
}

/// The table.
pub(crate) fn table(head: &Head, context: &Context, verdict: &Verdict) -> String {
    let of = |what| context.tally.of(what).to_string();
    let both = |one, other| format!("{}, {}", context.tally.of(one), context.tally.of(other));
    let (killed, known) = context.fault_points.covered();
    let times = context.restarts.times();
    let (done_by_others, disturbed) = context.restarts.not_measured();
    let time = |percent| percentile(&times, percent).map_or_else(|| "–".to_owned(), millis);
    let lines = [
        ("store", head.store.to_owned()),
        ("replicas", head.replicas.to_string()),
        ("seed", head.seed.to_string()),
        ("minutes", head.minutes.to_string()),
        ("tickets", verdict.tickets.to_string()),
        ("rooms", verdict.rooms.to_string()),
        ("deliveries sent", of(What::Sent)),
        ("  acknowledged", of(What::Acknowledged)),
        ("  refused", of(What::Refused)),
        ("  without an answer", of(What::Unanswered)),
        ("kills at random", of(What::KilledAtRandom)),
        ("kills at fault points", of(What::KilledAtPlace)),
        ("  distinct places of all", format!("{killed} of {known}")),
        ("  lives that didn't reach theirs", of(What::NotReached)),
        ("stops by SIGTERM", of(What::Terminated)),
        ("pauses", of(What::Paused)),
        ("starts tried again", of(What::StartFailed)),
        ("database kills", of(What::DatabaseKilled)),
        ("database stops", of(What::DatabaseStopped)),
        ("network cuts", of(What::Cut)),
        ("network black holes", of(What::BlackHoled)),
        ("disks nearly full", of(What::DiskFull)),
        ("disks full, the log's as well", of(What::LogDiskFull)),
        ("  full indeed, of both", of(What::DiskFullNoticed)),
        ("times of faults", of(What::FaultWindow)),
        ("  faults that fired", faults::fired(context).to_string()),
        ("renamed, reassigned", both(What::Renamed, What::Reassigned)),
        ("solved or closed, reopened", both(What::Solved, What::Reopened)),
        ("deleted, brought back", both(What::Deleted, What::BroughtBack)),
        ("merged", of(What::Merged)),
        ("  with the notes of both checked", of(What::MergeChecked)),
        ("asked to archive, to reopen", both(What::AskedToArchive, What::AskedToReopen)),
        ("rooms retitled by hand", of(What::Retitled)),
        ("files uploaded, told", both(What::Uploaded, What::Told)),
        ("dropped deliveries, webhooks", both(What::Dropped, What::WebhookLost)),
        ("archived in the end", of(What::Archived)),
        ("  that were whole before", of(What::ArchivedWhole)),
        ("restart to first work", format!("{} measured", times.len())),
        ("  not measured: done by others", done_by_others.to_string()),
        ("  not measured: disturbed", disturbed.to_string()),
        ("  median", time(50)),
        ("  95th percentile", time(95)),
        ("  worst", time(100)),
        ("LOST", verdict.lost.to_string()),
        ("DOUBLED", verdict.doubled.to_string()),
        ("  of them archived by the audit", verdict.archived.to_string()),
        ("WRONG", verdict.wrong.to_string()),
    ];
    let width = lines.iter().map(|(what, _)| what.chars().count()).max().unwrap_or_default();
    lines.iter().map(|(what, value)| format!("  {what:<width$}  {value:>20}\n")).collect()
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// The progress, in one line.
pub(crate) fn progress(context: &Context) -> String {
    let ((opened, accepted), (killed, known)) = (context.tickets.counts(), context.fault_points.covered());
    let of = |what| context.tally.of(what);
    format!(
        "{:4.0} s: {opened} tickets, {accepted} accepted; {} kills, {killed} of {known} places; {} pauses, {} database \
         restarts, {} network cuts, {} full disks, {} faults",
        context.started.elapsed().as_secs_f64(),
        of(What::KilledAtRandom) + of(What::KilledAtPlace),
        of(What::Paused),
        of(What::DatabaseKilled) + of(What::DatabaseStopped),
        of(What::Cut) + of(What::BlackHoled),
        of(What::DiskFull) + of(What::LogDiskFull),
        faults::fired(context),
    )
}

/// The places without a kill.
pub(crate) fn uncovered(context: &Context) -> String {
    format!("never killed at: {}", context.fault_points.uncovered().join(", "))
}

/// The findings, each with the ticket's timeline.
pub(crate) async fn findings(verdict: &Verdict, replica: &Replica) {
    for finding in verdict.findings.iter().take(MOST_FINDINGS) {
        eprintln!("\n{}", finding.text);
        let Some((desk, id)) = &finding.ticket else { continue };
        let told = replica.ask(&format!("tickets/{}/{id}", desk.name())).await.unwrap_or_default();
        let mut stands = told.clone();
        stands["timeline"] = Value::Null;
        eprintln!("  {stands}");
        for entry in told["timeline"].as_array().into_iter().flatten() {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
            eprintln!("  {} {:<16} {}", text("at"), text("kind"), text("text"));
        }
    }
    if let Some(more) = verdict.findings.len().checked_sub(MOST_FINDINGS)
        && more > 0
    {
        eprintln!("\n... and {more} more");
    }
}

/// Keeps the logs and a replica's own store after the campaign, and returns their folder.
///
/// # Errors
/// When files can't be written.
pub(crate) fn keep(head: &Head, replicas: &[&Replica]) -> Result<PathBuf> {
    let folder = binary()?.with_file_name(format!("crash-{}", head.seed));
    std::fs::create_dir_all(&folder)?;
    for replica in replicas {
        std::fs::copy(replica.log(), folder.join(format!("{}.log", replica.name.replace(' ', "-"))))?;
        // Its own store, if it has one.
        for file in ["store.db", "store.db-wal"] {
            let _ = std::fs::copy(replica.process.folder().join(file), folder.join(file));
        }
    }
    Ok(folder)
}
