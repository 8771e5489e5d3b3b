//! What tests and people see of a portal from behind: rooms, members and links as they are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which server is simulated.
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
    /// The name of who has put it there.
    pub archived_by: Option<String>,
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

/// A file in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileView {
    /// Its number.
    pub id: i64,
    /// Its folders and its title, such as `Logs/Server/boot.log`.
    pub path: String,
    /// How often it was saved.
    pub version: u32,
    /// Who has made it.
    pub created_by: Uuid,
    /// Who has changed it last.
    pub updated_by: Uuid,
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
