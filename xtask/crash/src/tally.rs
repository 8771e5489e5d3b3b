//! Counts of what happened in a campaign.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// A delivery was sent.
    Sent,
    /// It was answered by 200.
    Acknowledged,
    /// It was answered otherwise.
    Refused,
    /// It was not answered.
    Unanswered,
    /// A replica was killed at a random moment.
    KilledAtRandom,
    /// A replica killed itself at a fault point.
    KilledAtPlace,
    /// A replica did not reach the fault point where it was to kill itself.
    NotReached,
    /// A replica was stopped by SIGTERM.
    Terminated,
    /// A replica was paused.
    Paused,
    /// A replica ended during its start, and was restarted.
    StartFailed,
    /// The database server was killed.
    DatabaseKilled,
    /// The database server was stopped as an administrator does.
    DatabaseStopped,
    /// A replica was cut off from its database.
    Cut,
    /// A replica's connections to its database stalled.
    BlackHoled,
    /// The store's disk was almost full: a replica's own, or the database server's for its tables.
    DiskFull,
    /// The database server's disk had no room for its log either.
    LogDiskFull,
    /// A replica reported meanwhile that it couldn't write.
    DiskFullNoticed,
    /// Faults were injected into the simulated systems.
    FaultWindow,
    /// A ticket got another subject.
    Renamed,
    /// A ticket was assigned to somebody else.
    Reassigned,
    /// A ticket was solved or closed.
    Solved,
    /// A ticket was opened again.
    Reopened,
    /// A ticket was deleted or marked as spam.
    Deleted,
    /// A ticket came back after that.
    BroughtBack,
    /// A ticket was merged into another one.
    Merged,
    /// A person asked for a room to be archived.
    AskedToArchive,
    /// A person asked for a room to be restored.
    AskedToReopen,
    /// A person uploaded a file.
    Uploaded,
    /// A person gave a room another title.
    Retitled,
    /// A helpdesk's delivery about a change was dropped.
    Dropped,
    /// One of DocSpace's webhooks was dropped.
    WebhookLost,
    /// A room is in the archive in the end.
    Archived,
    /// It was whole when it came there.
    ArchivedWhole,
    /// Both tickets of a merge were checked for their notes.
    MergeChecked,
    /// A ticket was told of a file.
    Told,
}

impl What {
    /// What people do, and what is seen of that in the end.
    pub(crate) const OF_LIVES: [Self; 17] = [
        Self::Renamed,
        Self::Reassigned,
        Self::Solved,
        Self::Reopened,
        Self::Deleted,
        Self::BroughtBack,
        Self::Merged,
        Self::AskedToArchive,
        Self::AskedToReopen,
        Self::Uploaded,
        Self::Retitled,
        Self::Dropped,
        Self::WebhookLost,
        Self::Archived,
        Self::ArchivedWhole,
        Self::MergeChecked,
        Self::Told,
    ];
}

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<What, u64>>);

impl Tally {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<What, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub(crate) fn count(&self, what: What) {
        *self.counts().entry(what).or_default() += 1;
    }

    /// How many there were.
    pub(crate) fn of(&self, what: What) -> u64 {
        self.counts().get(&what).copied().unwrap_or_default()
    }
}
