//! Raises the events that webhooks report: what has happened to a room, folder or file, and who has
//! done it.
//!
//! The payload tells neither a room's type nor its tags, nor which room a file or folder is in:
//! `parentId` is the folder directly around it. An entry that was trashed or deleted is reported as
//! it was before. What is in a folder or room that is trashed, restored, moved, archived or deleted
//! raises no event of its own.
//!
//! Changes of owners, members, roles and links raise none. Not simulated: events of users, groups,
//! forms, agents and downloads.

use serde_json::{Value, json};
use uuid::Uuid;

use super::delivery::short_date;
use super::trigger::Trigger;
use super::webhook::{NewWebhook, Webhook, mask};
use super::{File, Folder, Kind, State};

/// An event about a folder, or about a room if the folder is one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FolderEvent {
    Created,
    Updated,
    Deleted,
    Copied,
    /// Of folders only: rooms are archived.
    Trashed,
    Moved,
    Restored,
    /// Of rooms only.
    Archived,
}

impl FolderEvent {
    fn trigger(self, is_room: bool) -> Trigger {
        match (self, is_room) {
            (Self::Created, true) => Trigger::RoomCreated,
            (Self::Created, false) => Trigger::FolderCreated,
            (Self::Deleted, true) => Trigger::RoomDeleted,
            (Self::Deleted, false) => Trigger::FolderDeleted,
            (Self::Copied, true) => Trigger::RoomCopied,
            (Self::Copied, false) => Trigger::FolderCopied,
            (Self::Restored, true) => Trigger::RoomRestored,
            (Self::Restored, false) => Trigger::FolderRestored,
            (Self::Archived, _) => Trigger::RoomArchived,
            (Self::Updated, true) => Trigger::RoomUpdated,
            (Self::Updated, false) => Trigger::FolderUpdated,
            (Self::Trashed, _) => Trigger::FolderTrashed,
            (Self::Moved, _) => Trigger::FolderMoved,
        }
    }
}

impl State {
    /// Registers a webhook of the service user in place of all others, without asking its address.
    pub(crate) fn set_webhook(&self, new: NewWebhook) -> i64 {
        let webhook = Webhook {
            id: 0,
            name: "ticketroom".to_owned(),
            uri: new.endpoint.to_string(),
            address: new.endpoint,
            secret: new.secret,
            enabled: true,
            ssl: false,
            triggers: mask(&new.triggers),
            target: None,
            created_by: self.service_user,
            created: self.now(),
            modified: None,
            last_failure: None,
            last_success: None,
            last_status: 0,
        };
        let mut webhooks = self.sender.webhooks();
        webhooks.registered.clear();
        webhooks.add(webhook).id
    }

    /// Nothing happens for a root, or for what isn't there.
    pub(crate) fn raise_of_folder(&self, event: FolderEvent, id: i64, by: Uuid) {
        let Some(folder) = self.folders.get(&id).filter(|folder| !matches!(folder.kind, Kind::Root(_)))
        else {
            return;
        };
        let trigger = event.trigger(folder.room().is_some());
        let reads = |user| self.standing(user, id).reads();
        self.sender.raise(trigger, by, id, &self.folder_payload(folder), reads);
    }

    pub(crate) fn raise_of_file(&self, trigger: Trigger, id: i64, by: Uuid) {
        let Some(file) = self.files.get(&id) else { return };
        let reads = |user| self.standing(user, file.folder).reads();
        self.sender.raise(trigger, by, id, &self.file_payload(file), reads);
    }

    fn folder_payload(&self, folder: &Folder) -> Value {
        let mut payload = json!({
            "id": folder.id,
            "parentId": folder.parent,
            "folderIdDisplay": folder.parent,
            "title": folder.title,
            "createBy": folder.owner,
            "modifiedBy": folder.updated_by,
            "createOn": short_date(folder.created),
            "modifiedOn": short_date(folder.updated),
            "fileEntryType": 1,
        });
        self.add_root(&mut payload, folder.id, folder.owner);
        payload
    }

    fn file_payload(&self, file: &File) -> Value {
        let mut payload = json!({
            "id": file.id,
            "parentId": file.folder,
            "folderIdDisplay": file.folder,
            "title": file.title,
            "createBy": file.owner,
            "modifiedBy": file.updated_by,
            "createOn": short_date(file.created),
            "modifiedOn": short_date(file.updated),
            "fileEntryType": 2,
        });
        self.add_root(&mut payload, file.folder, file.owner);
        payload
    }

    /// The root that an entry is below: of the rooms, the archive, somebody's documents or trash.
    fn add_root(&self, payload: &mut Value, id: i64, owner: Uuid) {
        let Some(root) = self.path(id).last() else { return };
        let root_owner = if root.owner.is_nil() { owner } else { root.owner };
        if let (Value::Object(members), Kind::Root(kind)) = (payload, &root.kind) {
            members.insert("rootId".to_owned(), json!(root.id));
            members.insert("rootFolderType".to_owned(), json!(kind));
            members.insert("rootCreateBy".to_owned(), json!(root_owner));
        }
    }
}
