//! A call by somebody who has signed in, and what they may do.

use uuid::Uuid;

use super::wire::Failure;
use crate::docspace::state::people::UserKind;
use crate::docspace::state::{ARCHIVE, Folder, State};
use crate::http::Request;

/// A call by somebody who has signed in.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) caller: Uuid,
    /// Scheme and host that links in the answer begin with.
    pub(crate) origin: String,
}

impl State {
    /// A room that the caller may change. `missing` is the endpoint's error for "no such room".
    pub(crate) fn managed_room(
        &mut self,
        caller: Uuid,
        id: i64,
        missing: Failure,
    ) -> Result<&mut Folder, Failure> {
        let archived = self.room(id).ok_or(missing)?.archived();
        if archived || !self.standing(caller, id).manages() {
            return Err(Failure::Security);
        }
        self.folders.get_mut(&id).ok_or(missing)
    }

    /// A folder that the caller may read.
    pub(crate) fn readable(&self, caller: Uuid, id: i64) -> Result<&Folder, Failure> {
        let folder = self.folders.get(&id).ok_or(Failure::NotFound)?;
        if self.standing(caller, id).reads() { Ok(folder) } else { Err(Failure::Security) }
    }

    /// A folder that the caller may write to. Nothing in the archive is writable.
    pub(crate) fn writable(&self, caller: Uuid, id: i64) -> Result<&Folder, Failure> {
        let folder = self.folders.get(&id).ok_or(Failure::NotFound)?;
        let archived = self.path(id).any(|above| above.id == ARCHIVE);
        if !archived && self.standing(caller, id).creates() { Ok(folder) } else { Err(Failure::Security) }
    }

    /// A room admin may not look at guests.
    pub(crate) fn is_hidden_from(&self, caller: Uuid, id: Uuid) -> bool {
        self.people.kind(caller) == Some(UserKind::RoomAdmin) && self.people.kind(id) == Some(UserKind::Guest)
    }
}
