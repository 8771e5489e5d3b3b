//! Rooms: create, read, change, tag.

use std::time::Instant;

use serde_json::json;

use super::body::{Fields, valid_room_title};
use super::call::Call;
use super::wire::{Failure, Outcome, Reply, page};
use crate::docspace::roles::{self, ROOM_TYPES, stored_title};
use crate::docspace::state::events::FolderEvent;
use crate::docspace::state::people::UserKind;
use crate::docspace::state::rooms::Standing;
use crate::docspace::state::views::ServerVersion;
use crate::docspace::state::{Indexed, Kind, ROOMS, Room, State, same_tag};

const TAG: usize = 255;

impl State {
    /// Not idempotent: titles need not be unique, and there is no idempotency key.
    pub(crate) fn create_room(&mut self, call: &Call<'_>) -> Outcome {
        let fields = Fields::of(call.request)?;
        let title = valid_room_title(fields.text("Title")?)?;
        let room_type = fields.member("RoomType", &ROOM_TYPES)?.flatten();
        let known = room_type.filter(|number| ROOM_TYPES.iter().any(|(_, known)| known == number));
        let room_type = known.ok_or(Failure::Invalid("RoomType"))?;
        let tags = fields.texts("Tags", usize::MAX)?.unwrap_or_default();
        let color = fields.text_within("Color", 6)?.unwrap_or("6191F2").to_owned();
        if !matches!(self.people.kind(call.caller), Some(UserKind::DocSpaceAdmin | UserKind::RoomAdmin)) {
            return Err(Failure::Security);
        }
        if self.quota_is_reached() {
            return Err(Failure::Quota);
        }
        // `share` is read for private rooms only, which are not simulated.
        let has_primary = roles::external_links(room_type).is_some_and(|(primary, _)| primary);
        let room = Room {
            room_type,
            color,
            tags: Vec::new(),
            members: Vec::new(),
            links: if has_primary { vec![self.new_primary_link(room_type)] } else { Vec::new() },
            indexed: Indexed { before: None, changed: Instant::now() },
            archived_by: None,
        };
        let id = self.add_folder(ROOMS, &stored_title(title), call.caller, Kind::Room(room));
        self.raise_of_folder(FolderEvent::Created, id, call.caller);
        // The tags are a transaction of their own, behind a lock that may not be acquired in time.
        if std::mem::take(&mut self.loses_tags) {
            return Err(Failure::Timeout);
        }
        // The length of the column. By now the room exists.
        if tags.iter().any(|tag| tag.encode_utf16().count() > TAG) {
            return Err(Failure::Argument);
        }
        if self.version != ServerVersion::V2_0 {
            self.tag_room(id, &tags);
        }
        self.get_room(call, id)
    }

    pub(crate) fn get_room(&self, call: &Call<'_>, id: i64) -> Outcome {
        let folder = self.room(id).ok_or(Failure::NotFound)?;
        if !self.standing(call.caller, id).reads() {
            return Err(Failure::Security);
        }
        Ok(Reply::One(self.folder_dto(folder, call.caller, &call.origin)))
    }

    /// Absent members stay as they are; `tags` replaces all tags.
    pub(crate) fn update_room(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let fields = Fields::of(call.request)?;
        let title = match fields.text("Title")? {
            Some(title) => Some(stored_title(valid_room_title(Some(title))?)),
            None => None,
        };
        let tags = fields.texts("Tags", TAG)?;
        // A missing room is refused like one that may not be changed.
        self.managed_room(call.caller, id, Failure::Security)?;
        let is_renamed = title.is_some_and(|title| self.rename_room(id, &title, call.caller));
        let is_updated = is_renamed || tags.is_some();
        if let Some(tags) = tags {
            if let Kind::Room(room) = &mut self.managed_room(call.caller, id, Failure::Security)?.kind {
                room.tags.clear();
            }
            self.tag_room(id, &tags);
        }
        if is_updated {
            self.raise_of_folder(FolderEvent::Updated, id, call.caller);
        }
        self.get_room(call, id)
    }

    pub(crate) fn add_tags(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let names = Fields::of(call.request)?.texts("Names", TAG)?.unwrap_or_default();
        // A DocSpace admin who is not in the room may do this, too.
        let archived = self.room(id).ok_or(Failure::NotFound)?.archived();
        let standing = self.standing(call.caller, id);
        if archived || !(standing.manages() || standing == Standing::Admin) {
            return Err(Failure::Security);
        }
        self.tag_room(id, &names);
        self.raise_of_folder(FolderEvent::Updated, id, call.caller);
        self.get_room(call, id)
    }

    pub(crate) fn remove_tags(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let names = Fields::of(call.request)?.texts("Names", TAG)?.unwrap_or_default();
        if let Kind::Room(room) = &mut self.managed_room(call.caller, id, Failure::Security)?.kind {
            room.tags.retain(|tag| !names.iter().any(|name| same_tag(name, tag)));
        }
        self.raise_of_folder(FolderEvent::Updated, id, call.caller);
        self.get_room(call, id)
    }

    pub(crate) fn create_tag(&mut self, call: &Call<'_>) -> Outcome {
        let fields = Fields::of(call.request)?;
        let name = fields.text_within("Name", TAG)?.filter(|name| !name.trim().is_empty());
        let name = name.ok_or(Failure::Invalid("Name"))?;
        if !matches!(self.people.kind(call.caller), Some(UserKind::DocSpaceAdmin | UserKind::RoomAdmin)) {
            return Err(Failure::Security);
        }
        Ok(Reply::One(json!(self.tag(name))))
    }

    pub(crate) fn list_tags(&self, call: &Call<'_>) -> Outcome {
        let part = call.request.query("filterValue").unwrap_or_default().to_lowercase();
        let found = self.tags.iter().filter(|tag| tag.to_lowercase().contains(&part)).map(|tag| json!(tag));
        Ok(Reply::Many(page(call.request, 100, found.collect())?, None))
    }
}
