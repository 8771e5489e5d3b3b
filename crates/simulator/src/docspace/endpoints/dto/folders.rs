//! Rooms, folders and files as the API shows them.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::docspace::endpoints::call::Call;
use crate::docspace::endpoints::wire::{Failure, Outcome, Reply, date, page, without_nulls};
use crate::docspace::roles;
use crate::docspace::state::rooms::Standing;
use crate::docspace::state::{ARCHIVE, File, Folder, Kind, Room, State};

/// The names of all rights, in the server's order.
const RIGHTS: [&str; 24] = [
    "Read",
    "Create",
    "Delete",
    "EditRoom",
    "Rename",
    "CopyTo",
    "MoveTo",
    "Copy",
    "Move",
    "Pin",
    "Mute",
    "EditAccess",
    "Duplicate",
    "Download",
    "CopySharedLink",
    "Reconnect",
    "CreateRoomFrom",
    "CopyLink",
    "Embed",
    "ChangeOwner",
    "IndexExport",
    "UseChat",
    "UpdateXlsx",
    "AnalyzeResponses",
];

fn security(has: impl Fn(&str) -> bool) -> Value {
    Value::Object(RIGHTS.iter().map(|&right| (right.to_owned(), json!(has(right)))).collect::<Map<_, _>>())
}

fn room_rights(standing: Standing, archives: bool, deletes: bool, archived: bool) -> Value {
    security(|right| match right {
        _ if !standing.reads() => false,
        "Read" | "Copy" | "Download" => true,
        "Move" => archives,
        "Delete" => deletes,
        _ if archived => false,
        "Pin" | "Mute" | "CopyLink" => true,
        "ChangeOwner" => archives,
        "EditRoom" | "EditAccess" | "Duplicate" => standing.manages(),
        "Create" | "CopyTo" => standing.creates(),
        _ => false,
    })
}

fn folder_rights(standing: Standing, archived: bool) -> Value {
    security(|right| match right {
        _ if !standing.reads() => false,
        "Read" | "Copy" | "Download" => true,
        _ if archived => false,
        "CopyLink" => true,
        "Create" | "Delete" | "Rename" | "CopyTo" | "MoveTo" | "Move" | "EditAccess" | "Duplicate" => {
            standing.creates()
        }
        _ => false,
    })
}

/// The list of rooms has the rights of a room's owner.
fn root_rights() -> Value {
    room_rights(Standing::Owner, true, true, false)
}

/// The same for all entries. It is right for files, and says nothing about rooms.
fn share_rights() -> Value {
    let rights = ["Editing", "FillForms", "Review", "Comment", "Read", "None"];
    json!({ "ExternalLink": rights, "PrimaryExternalLink": rights })
}

impl State {
    /// A folder of any kind, as the caller sees it (FolderDto).
    pub(crate) fn folder_dto(&self, folder: &Folder, caller: Uuid, origin: &str) -> Value {
        let standing = self.standing(caller, folder.id);
        let root = self.path(folder.id).last().unwrap_or(folder);
        let archived = root.id == ARCHIVE;
        let root_type = if let Kind::Root(kind) = root.kind { kind } else { 0 };
        let around = self.room_around(folder.parent);
        let (files, folders) = self.counts(folder.id);
        let (rights, can_share, share_settings) = match &folder.kind {
            Kind::Root(_) => (root_rights(), true, None),
            Kind::Room(room) => {
                let (archives, deletes) = (self.archives(caller, folder.id), self.deletes(caller, folder));
                let open = roles::external_links(room.room_type).is_some();
                let settings = roles::external_links(room.room_type)
                    .map(|(_, more)| json!({ "PrimaryExternalLink": 1, "ExternalLink": more }));
                (
                    room_rights(standing, archives, deletes, archived),
                    open && !archived && standing.manages(),
                    settings,
                )
            }
            Kind::Plain => {
                let can = standing.manages() && !archived;
                (folder_rights(standing, archived), can, Some(json!({ "ExternalLink": 6 })))
            }
        };
        let shared = folder.room().is_some_and(|room| !room.members.is_empty() || !room.links.is_empty());
        let author = self.people.reference(folder.owner, origin);
        let mut dto = json!({
            "parentId": folder.parent,
            "filesCount": files,
            "foldersCount": folders,
            "new": 0,
            "mute": false,
            "pinned": false,
            "private": false,
            "indexing": false,
            "denyDownload": false,
            "fileEntryType": 1,
            "id": folder.id,
            "rootFolderId": root.id,
            "canShare": can_share,
            "shareSettings": share_settings,
            "security": rights,
            "availableShareRights": share_rights(),
            "title": folder.title,
            "access": if let Standing::Member(access) = standing { access } else { 0 },
            "shared": shared,
            "sharedForUser": matches!(standing, Standing::Member(_)),
            "sharedExternal": false,
            "parentShared": around.is_some(),
            "shortWebUrl": "",
            "created": date(folder.created),
            "createdBy": author,
            "updated": date(folder.updated),
            "rootFolderType": root_type,
            "parentRoomType": around.and_then(Folder::room).map(|room| roles::folder_type(room.room_type)),
            "updatedBy": self.people.reference(folder.updated_by, origin),
        });
        if let (Some(room), Some(members)) = (folder.room(), dto.as_object_mut()) {
            add_room_members(members, room, standing);
        }
        without_nulls(dto)
    }

    fn file_dto(&self, file: &File, caller: Uuid, origin: &str) -> Value {
        let standing = self.standing(caller, file.folder);
        let root = self.path(file.folder).last();
        let author = self.people.reference(file.owner, origin);
        let extension = file.title.rsplit_once('.').map(|(_, extension)| format!(".{extension}"));
        json!({
            "folderId": file.folder,
            "version": file.version,
            "versionGroup": file.version,
            "contentLength": "13 bytes",
            "pureContentLength": 13,
            "fileStatus": 0,
            "mute": false,
            "viewUrl": format!("{origin}/filehandler.ashx?action=download&fileid={}", file.id),
            "webUrl": format!("{origin}/doceditor?fileid={}&version={}", file.id, file.version),
            "fileType": 7,
            "fileExst": extension.unwrap_or_default(),
            "comment": "Uploaded",
            "thumbnailStatus": 0,
            "fileEntryType": 2,
            "id": file.id,
            "rootFolderId": root.map(|root| root.id),
            "canShare": standing.manages(),
            "security": { "Read": standing.reads(), "Edit": standing.creates(), "Delete": standing.creates() },
            "availableShareRights": share_rights(),
            "title": file.title,
            "access": 0,
            "shared": false,
            "sharedForUser": false,
            "sharedExternal": false,
            "parentShared": true,
            "shortWebUrl": "",
            "created": date(file.created),
            "createdBy": author,
            "updated": date(file.updated),
            "rootFolderType": root.map(|root| if let Kind::Root(kind) = root.kind { kind } else { 0 }),
            "updatedBy": self.people.reference(file.updated_by, origin),
        })
    }

    /// What is in a folder (FolderContentDto). `folders` are those to choose the page from.
    pub(crate) fn contents(&self, call: &Call<'_>, current: i64, folders: &[&Folder]) -> Outcome {
        let here = self.folders.get(&current).ok_or(Failure::NotFound)?;
        let files: Vec<&File> = self.files_in(current).collect();
        let total = folders.len() + files.len();
        let entries: Vec<Entry<'_>> = folders
            .iter()
            .map(|folder| Entry::Folder(folder))
            .chain(files.into_iter().map(Entry::File))
            .collect();
        let entries = page(call.request, 100, entries)?;
        let count = entries.len();
        let (mut shown_folders, mut shown_files) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::Folder(folder) => {
                    shown_folders.push(self.folder_dto(folder, call.caller, &call.origin));
                }
                Entry::File(file) => shown_files.push(self.file_dto(file, call.caller, &call.origin)),
            }
        }
        let start: usize = call.request.query("startIndex").and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut parts: Vec<Value> = self.path(current).map(path_part).collect();
        parts.reverse();
        Ok(Reply::One(json!({
            "files": shown_files,
            "folders": shown_folders,
            "current": self.folder_dto(here, call.caller, &call.origin),
            "pathParts": parts,
            "startIndex": start,
            "count": count,
            "total": total,
            "new": 0,
        })))
    }
}

enum Entry<'a> {
    Folder(&'a Folder),
    File(&'a File),
}

fn path_part(folder: &Folder) -> Value {
    let room_type = folder.room().map(|room| room.room_type);
    let folder_type = match (&folder.kind, room_type) {
        (Kind::Root(kind), _) => Some(*kind),
        (_, Some(room_type)) => Some(roles::folder_type(room_type)),
        _ => None,
    };
    without_nulls(
        json!({ "id": folder.id, "title": folder.title, "roomType": room_type, "folderType": folder_type }),
    )
}

fn add_room_members(members: &mut Map<String, Value>, room: &Room, standing: Standing) {
    let logo = json!({ "original": "", "large": "", "medium": "", "small": "", "color": room.color });
    members.insert("tags".to_owned(), json!(room.tags));
    members.insert("logo".to_owned(), logo);
    members.insert("roomType".to_owned(), json!(room.room_type));
    members.insert("inRoom".to_owned(), json!(matches!(standing, Standing::Owner | Standing::Member(_))));
}
