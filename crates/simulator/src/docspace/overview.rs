//! The whole portal for tests and for the control endpoint.

use serde_json::{Value, json};

use super::state::views::{FileView, MemberView, RoomView};
use super::state::webhook::Logged;
use super::state::{Folder, Member, Room, State};

impl State {
    pub(crate) fn room_views(&self, origin: &str) -> Vec<RoomView> {
        self.rooms().map(|(folder, room)| self.view(folder, room, origin)).collect()
    }

    pub(crate) fn room_view(&self, id: i64, origin: &str) -> Option<RoomView> {
        let folder = self.room(id)?;
        Some(self.view(folder, folder.room()?, origin))
    }

    fn view(&self, folder: &Folder, room: &Room, origin: &str) -> RoomView {
        let mut folders: Vec<String> =
            self.below(folder.id).into_iter().map(|id| self.path_in_room(id)).collect();
        folders.sort();
        RoomView {
            id: folder.id,
            title: folder.title.clone(),
            room_type: room.room_type,
            tags: room.tags.clone(),
            archived: folder.archived(),
            archived_by: room.archived_by.map(|id| self.people.name_of(id)),
            created: folder.created,
            owner: folder.owner,
            folders,
            files: usize::try_from(self.counts(folder.id).0).unwrap_or_default(),
            members: room.members.iter().map(|member| self.member_view(member)).collect(),
            links: room.links.iter().map(|link| link.view(origin)).collect(),
        }
    }

    /// The files of a room at any depth, by their paths.
    pub(crate) fn file_views(&self, room: i64) -> Vec<FileView> {
        let folders = std::iter::once(room).chain(self.below(room));
        let mut files: Vec<FileView> = folders
            .flat_map(|folder| self.files_in(folder))
            .map(|file| {
                let folder = self.path_in_room(file.folder);
                let path =
                    if folder.is_empty() { file.title.clone() } else { format!("{folder}/{}", file.title) };
                let (version, created_by, updated_by) = (file.version, file.owner, file.updated_by);
                FileView { id: file.id, path, version, created_by, updated_by }
            })
            .collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files
    }

    fn path_in_room(&self, id: i64) -> String {
        let mut titles: Vec<&str> = self
            .path(id)
            .take_while(|folder| folder.room().is_none())
            .map(|folder| folder.title.as_str())
            .collect();
        titles.reverse();
        titles.join("/")
    }

    fn member_view(&self, member: &Member) -> MemberView {
        let user = self.people.users.get(&member.id);
        let group = self.people.groups.get(&member.id);
        let name = user.map(|user| &user.name).or(group.map(|group| &group.name));
        MemberView {
            id: member.id,
            name: name.cloned().unwrap_or_default(),
            email: user.map(|user| user.email.clone()),
            is_group: member.is_group,
            access: member.access,
        }
    }

    /// Everything, for the control endpoint.
    pub(crate) fn everything(&self, origin: &str) -> Value {
        let users = self.people.users.iter().map(|(id, user)| {
            json!({ "id": id, "email": user.email, "name": user.name, "kind": user.kind, "status": user.status })
        });
        let groups = self
            .people
            .groups
            .iter()
            .map(|(id, group)| json!({ "id": id, "name": group.name, "members": group.members }));
        let webhooks = self.sender.webhooks();
        let registered = webhooks.registered.values().map(|webhook| {
            json!({ "id": webhook.id, "uri": webhook.uri, "enabled": webhook.enabled, "triggers": webhook.triggers })
        });
        json!({
            "webhooks": registered.collect::<Vec<_>>(),
            "deliveries": webhooks.log.iter().map(Logged::view).collect::<Vec<_>>(),
            "rooms": self.room_views(origin),
            "users": users.collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(),
            "tags": self.tags,
            "operations": self.queue.operations.len(),
        })
    }
}
