//! Archive, unarchive, delete and copy, which are answered at once and done later.
//!
//! All of a portal's operations share one queue of ten workers. An operation that finds it full is
//! answered with 200 and never runs, as on a server without a message broker; so is one that a test
//! loses ([`DocSpace::lose_operations`](crate::docspace::DocSpace::lose_operations)). Such an
//! operation is in the answer that started it, and in no other one. An operation that has ended
//! occupies its place until somebody reads it, or for a minute.
//!
//! A finished operation is reported *once*, to whichever poller of its user asks first, and removed
//! by that; one started with `deleteAfter` is removed without ever being reported. So an unknown id
//! says nothing: look at the thing itself.
//!
//! Not simulated: operations without progress that the server cancels, and `fileops/terminate`.

use std::time::Instant;

use serde_json::{Value, json};
use uuid::Uuid;

use super::body::Fields;
use super::call::Call;
use super::wire::{Failure, Outcome, Reply, without_nulls};
use crate::docspace::state::operation::{Copying, Failed, Operation, Work};
use crate::docspace::state::{Kind, State};

/// What becomes of a file whose name is taken.
const CONFLICTS: [(&str, i32); 3] = [("Skip", 0), ("Overwrite", 1), ("Duplicate", 2)];

impl State {
    fn start(&mut self, user: Uuid, work: Work, delete_after: bool) -> Uuid {
        let id = self.queue.start(user, work, delete_after, Instant::now());
        self.operation_started.notify_one();
        self.catch_up();
        id
    }

    /// The caller's operations that `wanted` picks. Those that have ended or were lost are removed
    /// by this.
    fn report(&mut self, call: &Call<'_>, wanted: impl Fn(&Operation) -> bool) -> Vec<Value> {
        let mut operations = std::mem::take(&mut self.queue.operations);
        let mut report = Vec::new();
        operations.retain_mut(|operation| {
            if operation.user != call.caller || !wanted(operation) {
                return true;
            }
            report.push(self.operation_dto(call, operation));
            operation.seen = true;
            operation.result.is_none() && operation.due.is_some()
        });
        self.queue.operations = operations;
        report
    }

    fn operation_dto(&self, call: &Call<'_>, operation: &Operation) -> Value {
        let finished = operation.result.is_some();
        let (progress, status) = match operation.result {
            None if operation.seen => (50, 1),
            None => (0, 0),
            Some(Ok(())) => (100, 2),
            Some(Err(_)) => (100, 4),
        };
        let moved = match operation.work {
            Work::Archive(id) | Work::Unarchive(id) if operation.result == Some(Ok(())) => {
                self.folders.get(&id)
            }
            _ => None,
        };
        without_nulls(json!({
            "id": operation.id,
            "Operation": operation.work.number(),
            "progress": progress,
            "error": operation.result.and_then(Result::err).map(Failed::message).unwrap_or_default(),
            "processed": if finished { "1" } else { "0" },
            "finished": finished,
            "status": status,
            "folders": moved.map(|folder| [self.folder_dto(folder, call.caller, &call.origin)]),
        }))
    }

    pub(crate) fn archive_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        self.move_later(call, id, false, Work::Archive(id))
    }

    pub(crate) fn unarchive_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        self.move_later(call, id, true, Work::Unarchive(id))
    }

    fn move_later(&mut self, call: &Call<'_>, id: i64, archived: bool, work: Work) -> Outcome {
        let delete_after = Fields::of(call.request)?.flag("DeleteAfter")?;
        let folder = self.room(id).ok_or(Failure::NotFound)?;
        if !self.archives(call.caller, id) {
            return Err(Failure::Security);
        }
        // Already there: a success that does nothing.
        let work = if folder.archived() == archived { work } else { Work::Nothing };
        let started = self.start(call.caller, work, delete_after);
        // Finished and removed already: the real server fails with a timeout then.
        let report = self.report(call, |operation| operation.id == started).pop();
        report.map(Reply::One).ok_or(Failure::Timeout)
    }

    /// Answers with the user's *first* deletion under way, which need not be this one.
    pub(crate) fn delete_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let delete_after = Fields::of(call.request)?.flag("DeleteAfter")?;
        if !self.deletes(call.caller, self.room(id).ok_or(Failure::NotFound)?) {
            return Err(Failure::Security);
        }
        self.start(call.caller, Work::DeleteRoom(id), delete_after);
        let deletes = |operation: &&Operation| operation.user == call.caller && operation.work.number() == 2;
        let first = self.queue.operations.iter().find(deletes).map(|operation| operation.id);
        let report = self.report(call, |operation| Some(operation.id) == first).pop();
        self.queue.forget_lost();
        report.map(Reply::One).ok_or(Failure::Timeout)
    }

    /// Into the caller's trash, unless it is to be done `immediately`.
    pub(crate) fn delete_folder(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let fields = Fields::of(call.request)?;
        let (delete_after, immediately) = (fields.flag("DeleteAfter")?, fields.flag("Immediately")?);
        let folder = self.writable(call.caller, id)?;
        if !matches!(folder.kind, Kind::Plain) {
            return Err(Failure::Security);
        }
        self.start(call.caller, Work::DeleteFolder { id, immediately }, delete_after);
        Ok(Reply::Many(self.report(call, |_| true), None))
    }

    /// Merges into folders and files of the same name, so a repeat adds nothing.
    pub(crate) fn copy(&mut self, call: &Call<'_>) -> Outcome {
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
        // Rights are checked before the operation starts.
        self.writable(call.caller, copying.destination).map_err(|_| Failure::InvalidOperation)?;
        for &id in &copying.folders {
            let source = self.readable(call.caller, id)?;
            let into_itself = self.path(copying.destination).any(|above| above.id == id);
            if into_itself || (source.room().is_some() && !copying.content) {
                return Err(Failure::InvalidOperation);
            }
        }
        for id in &copying.files {
            let file = self.files.get(id).ok_or(Failure::NotFound)?;
            self.readable(call.caller, file.folder)?;
        }
        let started = self.start(call.caller, Work::Copy(copying), delete_after);
        Ok(Reply::Many(self.report(call, |operation| !single || operation.id == started), None))
    }

    /// `GET files/fileops`: the caller's operations.
    pub(crate) fn operations(&mut self, call: &Call<'_>, kind: Option<&str>) -> Outcome {
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
