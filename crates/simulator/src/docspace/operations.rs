//! Archive, unarchive, delete and copy, which are answered at once and done later.
//!
//! A started operation is done when its time has come; the state catches up whenever somebody looks
//! ([`State::settle`]). A finished one is reported *once*, to whichever poller of its user asks first, and
//! removed by that; one started with `deleteAfter` is removed without ever being reported. All are gone a
//! minute after their last change. So an unknown id says nothing: look at the thing itself.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::body::Fields;
use super::state::{ARCHIVE, Call, Kind, ROOMS, Standing, State, same_title};
use super::wire::{Failure, Outcome, Reply, without_nulls};

/// How long after its last change an operation is known.
/// What becomes of a file whose name is taken.
const CONFLICTS: [(&str, i32); 3] = [("Skip", 0), ("Overwrite", 1), ("Duplicate", 2)];
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// An operation, waiting or over.
#[derive(Debug)]
pub(super) struct Operation {
    id: Uuid,
    user: Uuid,
    work: Work,
    due: Instant,
    seen: bool,
    delete_after: bool,
    /// Whether it succeeded, when it is over.
    result: Option<bool>,
}

#[derive(Debug, Clone)]
enum Work {
    Archive(i64),
    Unarchive(i64),
    Delete(i64),
    Copy(Copying),
    Nothing,
}

#[derive(Debug, Clone)]
struct Copying {
    folders: Vec<i64>,
    files: Vec<i64>,
    destination: i64,
    /// What is in the folders, rather than the folders themselves.
    content: bool,
    /// Keep both when a name is taken, instead of the one that is there.
    duplicate: bool,
}

impl Work {
    /// The number of its kind.
    fn number(&self) -> i32 {
        match self {
            Self::Archive(_) | Self::Unarchive(_) | Self::Nothing => 0,
            Self::Copy(_) => 1,
            Self::Delete(_) => 2,
        }
    }
}

impl State {
    /// Does what is due, and forgets what is old.
    pub(super) fn settle(&mut self) {
        let now = Instant::now();
        for position in 0..self.operations.len() {
            let Some(operation) = self.operations.get(position) else { break };
            if operation.result.is_some() || operation.due > now {
                continue;
            }
            let (work, user) = (operation.work.clone(), operation.user);
            let succeeded = self.carry_out(work, user);
            if let Some(operation) = self.operations.get_mut(position) {
                operation.result = Some(succeeded);
            }
        }
        self.operations.retain(|operation| match operation.result {
            None => true,
            Some(_) => !operation.delete_after && operation.due + KNOWN_FOR > now,
        });
    }

    fn carry_out(&mut self, work: Work, user: Uuid) -> bool {
        match work {
            Work::Archive(id) if self.room(id).is_some() => self.move_room(id, ARCHIVE),
            // The quota is looked at when it happens, so the call itself succeeds.
            Work::Unarchive(id) if self.room(id).is_some() && !self.quota_is_reached() => {
                self.move_room(id, ROOMS);
            }
            Work::Nothing => {}
            Work::Delete(id) if self.folders.contains_key(&id) => self.remove(id),
            Work::Copy(copying) if self.takes_copies(copying.destination) => {
                self.copy_all(&copying, user);
            }
            _ => return false,
        }
        true
    }

    fn takes_copies(&self, destination: i64) -> bool {
        self.folders.contains_key(&destination) && !self.path(destination).any(|above| above.id == ARCHIVE)
    }

    fn copy_all(&mut self, copying: &Copying, user: Uuid) {
        for &id in &copying.folders {
            if copying.content {
                self.copy_content(id, copying.destination, copying.duplicate, user);
            } else {
                self.copy_folder(id, copying.destination, copying.duplicate, user);
            }
        }
        for &id in &copying.files {
            self.copy_file(id, copying.destination, copying.duplicate, user);
        }
    }

    fn copy_content(&mut self, from: i64, to: i64, duplicate: bool, user: Uuid) {
        let folders: Vec<i64> = self.children(from).map(|folder| folder.id).collect();
        let files: Vec<i64> = self.files_in(from).map(|file| file.id).collect();
        for id in folders {
            self.copy_folder(id, to, duplicate, user);
        }
        for id in files {
            self.copy_file(id, to, duplicate, user);
        }
    }

    /// Copies a folder with all that is in it, into one of the same name if there is one.
    fn copy_folder(&mut self, id: i64, to: i64, duplicate: bool, user: Uuid) {
        let Some(title) = self.folders.get(&id).map(|folder| folder.title.clone()) else { return };
        let there = self.children(to).find(|folder| same_title(&folder.title, &title));
        let target = match there.map(|folder| folder.id) {
            Some(there) if !duplicate => there,
            Some(_) => self.add_folder(to, &format!("{title} (1)"), user, Kind::Plain),
            None => self.add_folder(to, &title, user, Kind::Plain),
        };
        self.copy_content(id, target, duplicate, user);
    }

    fn copy_file(&mut self, id: i64, to: i64, duplicate: bool, user: Uuid) {
        let Some(title) = self.files.get(&id).map(|file| file.title.clone()) else { return };
        let is_there = self.files_in(to).any(|file| same_title(&file.title, &title));
        if duplicate || !is_there {
            self.add_file(to, &title, user);
        }
    }

    fn start(&mut self, user: Uuid, work: Work, delete_after: bool) -> Uuid {
        let id = Uuid::new_v4();
        let due = Instant::now() + self.operation_time;
        self.operations.push(Operation { id, user, work, due, seen: false, delete_after, result: None });
        self.settle();
        id
    }

    /// The caller's operations that `wanted` picks. Those that are over are gone after this.
    fn report(&mut self, call: &Call<'_>, wanted: impl Fn(&Operation) -> bool) -> Vec<Value> {
        let mut operations = std::mem::take(&mut self.operations);
        let mut report = Vec::new();
        operations.retain_mut(|operation| {
            if operation.user != call.caller || !wanted(operation) {
                return true;
            }
            report.push(self.operation_dto(call, operation));
            operation.seen = true;
            operation.result.is_none()
        });
        self.operations = operations;
        report
    }

    fn operation_dto(&self, call: &Call<'_>, operation: &Operation) -> Value {
        let finished = operation.result.is_some();
        let (progress, status) = match operation.result {
            None if operation.seen => (50, 1),
            None => (0, 0),
            Some(true) => (100, 2),
            Some(false) => (100, 4),
        };
        let moved = match operation.work {
            Work::Archive(id) | Work::Unarchive(id) if operation.result == Some(true) => {
                self.folders.get(&id)
            }
            _ => None,
        };
        without_nulls(json!({
            "id": operation.id,
            "Operation": operation.work.number(),
            "progress": progress,
            "error": if operation.result == Some(false) { "Der Vorgang ist fehlgeschlagen" } else { "" },
            "processed": if finished { "1" } else { "0" },
            "finished": finished,
            "status": status,
            "folders": moved.map(|folder| [self.folder_dto(folder, call.caller, &call.origin)]),
        }))
    }

    pub(super) fn archive_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        self.move_later(call, id, false, Work::Archive(id))
    }

    pub(super) fn unarchive_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        self.move_later(call, id, true, Work::Unarchive(id))
    }

    fn move_later(&mut self, call: &Call<'_>, id: i64, archived: bool, work: Work) -> Outcome {
        let delete_after = Fields::of(call.request)?.flag("DeleteAfter")?;
        let folder = self.room(id).ok_or(Failure::NotFound)?;
        if !self.standing(call.caller, id).archives() {
            return Err(Failure::Security);
        }
        // To where it is already: a success that does nothing.
        let work = if folder.archived() == archived { work } else { Work::Nothing };
        let started = self.start(call.caller, work, delete_after);
        // Finished and forgotten already: the server stumbles over its own haste.
        let report = self.report(call, |operation| operation.id == started).pop();
        report.map(Reply::One).ok_or(Failure::Timeout)
    }

    /// Answers the *first* deletion that its user has going, which need not be this one.
    pub(super) fn delete_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let delete_after = Fields::of(call.request)?.flag("DeleteAfter")?;
        let archived = self.room(id).ok_or(Failure::NotFound)?.archived();
        match self.standing(call.caller, id) {
            Standing::Owner => {}
            Standing::Admin if archived => {}
            _ => return Err(Failure::Security),
        }
        self.start(call.caller, Work::Delete(id), delete_after);
        let deletes = |operation: &&Operation| operation.user == call.caller && operation.work.number() == 2;
        let first = self.operations.iter().find(deletes).map(|operation| operation.id);
        let report = self.report(call, |operation| Some(operation.id) == first).pop();
        report.map(Reply::One).ok_or(Failure::Timeout)
    }

    pub(super) fn delete_folder(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let delete_after = Fields::of(call.request)?.flag("DeleteAfter")?;
        let folder = self.writable(call, id)?;
        if !matches!(folder.kind, Kind::Plain) {
            return Err(Failure::Security);
        }
        self.start(call.caller, Work::Delete(id), delete_after);
        Ok(Reply::Many(self.report(call, |_| true), None))
    }

    /// Merges: what has the name of something that is there goes into that, so a repeat adds nothing.
    pub(super) fn copy(&mut self, call: &Call<'_>) -> Outcome {
        let fields = Fields::of(call.request)?;
        let copying = Copying {
            folders: fields.integers("FolderIds")?,
            files: fields.integers("FileIds")?,
            destination: fields.integer("DestFolderId")?.ok_or(Failure::Invalid("DestFolderId"))?,
            content: fields.flag("Content")?,
            // By number or by name, as every enumeration.
            duplicate: match fields.member("ConflictResolveType", &CONFLICTS)? {
                Some(None) => return Err(Failure::Invalid("ConflictResolveType")),
                resolved => resolved.flatten() == Some(2),
            },
        };
        let (delete_after, single) = (fields.flag("DeleteAfter")?, fields.flag("ReturnSingleOperation")?);
        // Rights are looked at before the operation waits for its turn.
        self.writable(call, copying.destination).map_err(|_| Failure::InvalidOperation)?;
        for &id in &copying.folders {
            let source = self.readable(call, id)?;
            let into_itself = self.path(copying.destination).any(|above| above.id == id);
            if into_itself || (source.room().is_some() && !copying.content) {
                return Err(Failure::InvalidOperation);
            }
        }
        for id in &copying.files {
            let file = self.files.get(id).ok_or(Failure::NotFound)?;
            self.readable(call, file.folder)?;
        }
        let started = self.start(call.caller, Work::Copy(copying), delete_after);
        Ok(Reply::Many(self.report(call, |operation| !single || operation.id == started), None))
    }

    /// `GET files/fileops`: the caller's operations.
    pub(super) fn operations(&mut self, call: &Call<'_>, kind: Option<&str>) -> Outcome {
        let kind = match kind.map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("0" | "move") => Some(0),
            Some("1" | "copy") => Some(1),
            Some("2" | "delete") => Some(2),
            // The other kinds exist, but nothing here starts one.
            Some(_) => return Ok(Reply::Many(Vec::new(), None)),
        };
        let id = call.request.query("id").filter(|id| !id.is_empty());
        Ok(Reply::Many(
            self.report(call, |operation| {
                kind.is_none_or(|kind| operation.work.number() == kind)
                    && id.is_none_or(|id| operation.id.to_string() == id)
            }),
            None,
        ))
    }
}
