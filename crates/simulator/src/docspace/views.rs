//! What a test or a person sees of a portal from behind.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::links::Link;
use super::state::{Folder, Member, Room, State};

/// Which server is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ServerVersion {
    /// 3.7.2.
    #[default]
    V3_7,
    /// 2.0: shares have `sharedTo` only, `POST rooms` ignores tags, and there is no `keys/@self`.
    V2_0,
}

/// A room as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomView {
    /// Its number.
    pub id: i64,
    /// Its title, as stored.
    pub title: String,
    /// 2 for a collaboration room, and so on.
    pub room_type: i32,
    /// Its tags, in the order they came.
    pub tags: Vec<String>,
    /// Whether it is in the archive.
    pub archived: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it.
    pub owner: Uuid,
    /// Paths below it, such as `Logs/Server`, sorted. One that exists twice is here twice.
    pub folders: Vec<String>,
    /// How many files it holds at any depth.
    pub files: usize,
    /// People and groups in it, without the owner.
    pub members: Vec<MemberView>,
    /// Its links.
    pub links: Vec<LinkView>,
}

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Their number.
    pub id: Uuid,
    /// Their name; empty if the portal doesn't know them.
    pub name: String,
    /// A person's address.
    pub email: Option<String>,
    /// Whether it is a group.
    pub is_group: bool,
    /// The number of their role.
    pub access: i32,
}

/// A link to a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// Its number, often chosen by the client.
    pub id: Uuid,
    /// What it does for its visitors.
    pub kind: LinkKind,
    /// The number of the role it gives.
    pub access: i32,
    /// Whether it is the room's primary link.
    pub primary: bool,
    /// Its address.
    pub url: String,
}

/// What a link does for its visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// Makes them members.
    Invitation,
    /// Opens the content.
    External,
}

impl State {
    pub(super) fn room_views(&self, origin: &str) -> Vec<RoomView> {
        self.rooms().map(|(folder, room)| self.view(folder, room, origin)).collect()
    }

    pub(super) fn room_view(&self, id: i64, origin: &str) -> Option<RoomView> {
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
            created: folder.created,
            owner: folder.owner,
            folders,
            files: usize::try_from(self.counts(folder.id).0).unwrap_or_default(),
            members: room.members.iter().map(|member| self.member_view(member)).collect(),
            links: room.links.iter().map(|link| link.view(origin)).collect(),
        }
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

    /// Everything, for the control door.
    pub(super) fn everything(&self, origin: &str) -> Value {
        let users = self.people.users.iter().map(|(id, user)| {
            json!({ "id": id, "email": user.email, "name": user.name, "kind": user.kind, "status": user.status })
        });
        let groups = self
            .people
            .groups
            .iter()
            .map(|(id, group)| json!({ "id": id, "name": group.name, "members": group.members }));
        json!({
            "rooms": self.room_views(origin),
            "users": users.collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(),
            "tags": self.tags,
            "operations": self.operations.len(),
        })
    }
}

impl Link {
    fn view(&self, origin: &str) -> LinkView {
        LinkView {
            id: self.id,
            kind: self.kind,
            access: self.access,
            primary: self.primary,
            url: self.address(origin),
        }
    }
}
