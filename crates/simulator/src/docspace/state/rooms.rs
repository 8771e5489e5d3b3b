//! Rooms with their tags and members, and who may do what with them.

use std::time::Instant;

use uuid::Uuid;

use super::events::FolderEvent;
use super::link::Link;
use super::people::UserKind;
use super::{ARCHIVE, Folder, Indexed, Kind, Member, ROOMS, Room, State, same_tag};
use crate::docspace::roles::{CREATOR, EDITOR, MANAGER, stored_title};

/// A user's relation to a room or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Owner,
    Member(i32),
    /// A DocSpace admin who isn't in the room: sees it, archives it, and changes nothing in it.
    Admin,
    Stranger,
}

impl Standing {
    pub(crate) fn reads(self) -> bool {
        self != Self::Stranger
    }

    /// Makes folders and files.
    pub(crate) fn creates(self) -> bool {
        matches!(self, Self::Owner | Self::Member(MANAGER | CREATOR))
    }

    /// Saves new versions of files.
    pub(crate) fn edits(self) -> bool {
        self.creates() || self == Self::Member(EDITOR)
    }

    /// Changes the room, its members and its links.
    pub(crate) fn manages(self) -> bool {
        matches!(self, Self::Owner | Self::Member(MANAGER))
    }
}

impl State {
    /// A collaboration room that a person creates.
    pub(crate) fn add_room(&mut self, title: &str, owner: Uuid, tags: &[String]) -> i64 {
        let indexed = Indexed { before: None, changed: Instant::now() };
        let (color, tags_later, members, links) = ("6191F2".to_owned(), Vec::new(), Vec::new(), Vec::new());
        let archived_by = None;
        let room = Room { room_type: 2, color, tags: tags_later, members, links, indexed, archived_by };
        let id = self.add_folder(ROOMS, &stored_title(title), owner, Kind::Room(room));
        self.tag_room(id, tags);
        id
    }

    /// The same, with its event.
    pub(crate) fn create_room_by_hand(&mut self, title: &str, owner: Uuid, tags: &[String]) -> i64 {
        let id = self.add_room(title, owner, tags);
        self.raise_of_folder(FolderEvent::Created, id, owner);
        id
    }

    pub(crate) fn tag_room(&mut self, id: i64, names: &[String]) {
        for name in names {
            let tag = self.tag(name);
            if let Some(Kind::Room(room)) = self.folders.get_mut(&id).map(|folder| &mut folder.kind)
                && !room.tags.contains(&tag)
            {
                room.tags.push(tag);
            }
        }
    }

    /// The former owner keeps no role in the room, and the new one needs none. No event reports it.
    pub(crate) fn set_room_owner(&mut self, id: i64, owner: Uuid, by: Uuid) {
        let now = self.now();
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.owner = owner;
            (folder.updated, folder.updated_by) = (now, by);
            if let Kind::Room(room) = &mut folder.kind {
                room.members.retain(|member| member.id != owner);
            }
        }
    }

    /// Gives a room another title, which the search for titles finds later. False if it has that
    /// title already.
    pub(crate) fn rename_room(&mut self, id: i64, title: &str, by: Uuid) -> bool {
        let now = self.now();
        let Some(folder) = self.folders.get_mut(&id).filter(|folder| folder.title != title) else {
            return false;
        };
        let before = std::mem::replace(&mut folder.title, title.to_owned());
        (folder.updated, folder.updated_by) = (now, by);
        if let Kind::Room(room) = &mut folder.kind {
            // A title that was replaced before the index had it is never found.
            room.indexed = Indexed { before: room.indexed.known(&before), changed: Instant::now() };
        }
        true
    }

    /// Puts a room into the archive, or back among the active ones. Nothing happens if it is there
    /// already.
    pub(crate) fn move_room(&mut self, id: i64, root: i64, by: Uuid) {
        let now = self.now();
        let Some(folder) = self.folders.get_mut(&id).filter(|folder| folder.parent != root) else { return };
        let Kind::Room(room) = &mut folder.kind else { return };
        room.archived_by = (root == ARCHIVE).then_some(by);
        (folder.updated, folder.updated_by) = (now, by);
        self.reparent(id, root);
        let event = if root == ARCHIVE { FolderEvent::Archived } else { FolderEvent::Restored };
        self.raise_of_folder(event, id, by);
    }

    pub(crate) fn archive_room_by_hand(&mut self, id: i64) {
        self.move_room(id, ARCHIVE, self.portal_owner);
    }

    pub(crate) fn delete_room_by_hand(&mut self, id: i64) {
        if self.room(id).is_some() {
            self.delete_folder_for_good(id, self.portal_owner);
        }
    }

    pub(crate) fn quota_is_reached(&self) -> bool {
        let active = || self.rooms().filter(|(folder, _)| !folder.archived()).count();
        self.room_quota.is_some_and(|most| active() >= most)
    }

    /// The user's relation to that folder: to the room or the documents that it is in.
    pub(crate) fn standing(&self, user: Uuid, id: i64) -> Standing {
        let is_admin = self.people.kind(user) == Some(UserKind::DocSpaceAdmin);
        let Some(folder) = self.room_around(id) else {
            let root = self.path(id).last();
            return match root.map(|root| (root.id, root.owner)) {
                Some((ROOMS | ARCHIVE, _)) => Standing::Admin,
                Some((_, owner)) if owner == user => Standing::Owner,
                _ => Standing::Stranger,
            };
        };
        if folder.owner == user {
            return Standing::Owner;
        }
        let members = folder.room().map(|room| room.members.as_slice()).unwrap_or_default();
        let direct = members.iter().find(|member| member.id == user);
        let by_group = || {
            let groups =
                members.iter().filter(|member| member.is_group && self.people.is_in(user, member.id));
            groups.max_by_key(|member| (member.access == CREATOR, member.access))
        };
        match direct.or_else(by_group) {
            Some(member) => Standing::Member(member.access),
            None if is_admin => Standing::Admin,
            None => Standing::Stranger,
        }
    }

    /// Whether the user may move the room into the archive and back, and change its owner. A
    /// manager may not.
    pub(crate) fn archives(&self, user: Uuid, room: i64) -> bool {
        self.people.kind(user) == Some(UserKind::DocSpaceAdmin)
            || self.standing(user, room) == Standing::Owner
    }

    /// Whether the user may delete the room: an admin who doesn't own it may, once it is archived.
    pub(crate) fn deletes(&self, user: Uuid, room: &Folder) -> bool {
        self.standing(user, room.id) == Standing::Owner || (room.archived() && self.archives(user, room.id))
    }

    /// The portal's spelling of that tag, which is created if it doesn't exist.
    pub(crate) fn tag(&mut self, name: &str) -> String {
        let known = self.tags.iter().find(|tag| same_tag(tag, name)).cloned();
        known.unwrap_or_else(|| {
            self.tags.push(name.to_owned());
            name.to_owned()
        })
    }

    /// The primary link that a room of this type gets.
    pub(crate) fn new_primary_link(&self, room_type: i32) -> Link {
        Link::primary(room_type, self.quirks.links_are_internal)
    }

    pub(crate) fn set_member(&mut self, room: i64, member: &Member) {
        let Some(Kind::Room(room)) = self.folders.get_mut(&room).map(|folder| &mut folder.kind) else {
            return;
        };
        match room.members.iter().position(|known| known.id == member.id) {
            Some(position) if member.access == 0 => {
                room.members.remove(position);
            }
            Some(position) => {
                if let Some(known) = room.members.get_mut(position) {
                    known.access = member.access;
                }
            }
            None if member.access == 0 => {}
            None => room.members.push(member.clone()),
        }
    }

    pub(crate) fn add_member(&mut self, room: i64, id: Uuid, access: i32) {
        let is_group = self.people.groups.contains_key(&id);
        self.set_member(room, &Member { id, is_group, access });
    }

    /// Removes a group, and its roles in rooms.
    pub(crate) fn remove_group(&mut self, group: Uuid) {
        self.people.groups.remove(&group);
        for folder in self.folders.values_mut() {
            if let Kind::Room(room) = &mut folder.kind {
                room.members.retain(|member| member.id != group);
            }
        }
    }
}
