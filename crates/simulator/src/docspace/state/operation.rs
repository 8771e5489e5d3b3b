//! Archive, unarchive, delete and copy: operations that are answered at once and done later.

use std::time::{Duration, Instant};

use uuid::Uuid;

/// How many operations of the whole portal run at once, as on the real server.
pub(crate) const WORKERS: usize = 10;
/// How long after its last change an operation is known, as on the real server.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(60);

/// An operation, waiting or ended.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
    pub(crate) work: Work,
    /// When it is done; `None` if it was lost, so that it never runs.
    pub(crate) due: Option<Instant>,
    pub(crate) seen: bool,
    pub(crate) delete_after: bool,
    /// What became of it, once it has ended.
    pub(crate) result: Option<Result<(), Failed>>,
}

/// Why an operation failed after it was answered with 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// What it works on is gone or can't be written to any more.
    Gone,
    /// There would be more active rooms than the quota allows.
    Quota,
}

impl Failed {
    /// The localised message. The portal's language is German, so that code that matches on
    /// messages fails in tests.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Gone => "Der Vorgang ist fehlgeschlagen",
            Self::Quota => "Die Anzahl der Räume ist überschritten",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Work {
    Archive(i64),
    Unarchive(i64),
    DeleteRoom(i64),
    DeleteFolder { id: i64, immediately: bool },
    Copy(Copying),
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct Copying {
    pub(crate) folders: Vec<i64>,
    pub(crate) files: Vec<i64>,
    pub(crate) destination: i64,
    /// What is in the folders, rather than the folders themselves.
    pub(crate) content: bool,
    /// Keep both when a name is taken, instead of the one that is there.
    pub(crate) duplicate: bool,
}

impl Work {
    /// The number of its kind.
    pub(crate) fn number(&self) -> i32 {
        match self {
            Self::Archive(_) | Self::Unarchive(_) | Self::Nothing => 0,
            Self::Copy(_) => 1,
            Self::DeleteRoom(_) | Self::DeleteFolder { .. } => 2,
        }
    }
}

/// All operations of the portal: one queue for copy, move and delete.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) operations: Vec<Operation>,
    /// How long each operation takes.
    pub(crate) time: Duration,
    /// How many operations may run, or have ended and wait to be read.
    pub(crate) workers: usize,
    /// How long an operation that has ended is known.
    pub(crate) known_for: Duration,
    /// So many archive, unarchive and copy operations are lost next.
    pub(crate) loses: usize,
}

impl Queue {
    /// Puts an operation into the queue. Like a server without a message broker, a queue that is
    /// full accepts it and never runs it. An operation that has ended occupies its place until it
    /// is read or forgotten.
    pub(crate) fn start(&mut self, user: Uuid, work: Work, delete_after: bool, now: Instant) -> Uuid {
        let is_full = self.operations.iter().filter(|known| known.due.is_some()).count() >= self.workers;
        let due = if is_full || self.loses_one(&work) { None } else { Some(now + self.time) };
        let id = Uuid::new_v4();
        self.operations.push(Operation { id, user, work, due, seen: false, delete_after, result: None });
        id
    }

    /// Removes the operations that never run, once the calls that started them were answered.
    pub(crate) fn forget_lost(&mut self) {
        self.operations.retain(|known| known.due.is_some());
    }

    fn loses_one(&mut self, work: &Work) -> bool {
        let may_be_lost = matches!(work, Work::Archive(_) | Work::Unarchive(_) | Work::Copy(_));
        let loses = may_be_lost && self.loses > 0;
        self.loses -= usize::from(loses);
        loses
    }

    /// The operations that are due and not done, in the order in which they were started.
    pub(crate) fn due(&self, now: Instant) -> Vec<(Uuid, Work, Uuid)> {
        let waiting = self.operations.iter().filter(|known| known.result.is_none());
        let due = waiting.filter(|known| known.due.is_some_and(|due| due <= now));
        due.map(|known| (known.id, known.work.clone(), known.user)).collect()
    }

    /// When the next operation is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let waiting = self.operations.iter().filter(|known| known.result.is_none());
        waiting.filter_map(|known| known.due).min()
    }

    pub(crate) fn end(&mut self, id: Uuid, result: Result<(), Failed>) {
        for known in self.operations.iter_mut().filter(|known| known.id == id) {
            known.result = Some(result);
        }
    }

    /// Removes what has ended and is not to be reported, or was not read for too long.
    pub(crate) fn forget(&mut self, now: Instant) {
        let known_for = self.known_for;
        self.operations.retain(|known| match (known.result, known.due) {
            (Some(_), Some(due)) => !known.delete_after && due + known_for > now,
            _ => true,
        });
    }
}
