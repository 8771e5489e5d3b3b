//! Archive, unarchive, delete and copy, which are answered at once and done later.
//!
//! A finished operation is reported *once*, to whichever poller of its user asks first, and removed by that; one started
//! with `deleteAfter` is removed without ever being reported. All are gone a minute after their last change. So an unknown
//! id says nothing: look at the thing itself.

use std::time::Instant;

use serde_json::{Value, json};
use uuid::Uuid;

use super::body::Fields;
use super::call::Call;
use super::wire::{Failure, Outcome, Reply, without_nulls};
use crate::docspace::state::operation::{Copying, Operation, Work};
use crate::docspace::state::rooms::Standing;
use crate::docspace::state::{Kind, State};

/// What becomes of a file whose name is taken.
const CONFLICTS: [(&str, i32); 3] = [("Skip", 0), ("Overwrite", 1), ("Duplicate", 2)];

impl State {
    fn start(&mut self, user: Uuid, work: Work, delete_after: bool) -> Uuid {
        let id = Uuid::new_v4();
        let due = Instant::now() + self.operation_time;
        self.operations.push(Operation { id, user, work, due, seen: false, delete_after, result: None });
        self.catch_up();
        id
    }

    /// The caller's operations that `wanted` picks. Those that have ended are removed by this.
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

    pub(crate) fn archive_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        self.move_later(call, id, false, Work::Archive(id))
    }

    pub(crate) fn unarchive_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        self.move_later(call, id, true, Work::Unarchive(id))
    }

    fn move_later(&mut self, call: &Call<'_>, id: i64, archived: bool, work: Work) -> Outcome {
        let delete_after = Fields::of(call.request)?.flag("DeleteAfter")?;
        let folder = self.room(id).ok_or(Failure::NotFound)?;
        if !self.standing(call.caller, id).archives() {
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

    pub(crate) fn delete_folder(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let delete_after = Fields::of(call.request)?.flag("DeleteAfter")?;
        let folder = self.writable(call, id)?;
        if !matches!(folder.kind, Kind::Plain) {
            return Err(Failure::Security);
        }
        self.start(call.caller, Work::Delete(id), delete_after);
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
