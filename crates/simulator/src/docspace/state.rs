//! Everything a portal holds, and who may do what with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

use super::auth::Key;
use super::find::Sort;
use super::links::Link;
use super::operations::Operation;
use super::people::{People, UserKind};
use super::quirks::Quirks;
use super::roles::{CREATOR, MANAGER};
use super::views::ServerVersion;
use super::wire::Failure;
use crate::clock::Clock;
use crate::http::Request;

/// The folder that holds the active rooms.
pub(super) const ROOMS: i64 = 14;
/// The folder that holds the archived ones.
pub(super) const ARCHIVE: i64 = 15;

/// A call by somebody who has signed in.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    pub(super) caller: Uuid,
    /// Scheme and host that links in the answer begin with.
    pub(super) origin: String,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) people: People,
    pub(super) keys: Vec<Key>,
    pub(super) service_user: Uuid,
    pub(super) folders: BTreeMap<i64, Folder>,
    /// Parent and child: portals get large enough for a look through all folders to be felt.
    by_parent: BTreeSet<(i64, i64)>,
    pub(super) files: BTreeMap<i64, File>,
    /// What is in each folder, at any depth. The real server keeps these as well: every list tells them of its folder.
    contained: BTreeMap<i64, Contained>,
    /// Every tag of the portal, whether or not a room has it.
    pub(super) tags: Vec<String>,
    pub(super) operations: Vec<Operation>,
    pub(super) sorts: BTreeMap<Uuid, Sort>,
    pub(super) clock: Clock,
    pub(super) version: ServerVersion,
    pub(super) operation_time: Duration,
    pub(super) room_quota: Option<usize>,
    pub(super) down: bool,
    pub(super) loses_tags: bool,
    pub(super) quirks: Quirks,
    last_id: i64,
}

/// How many files and folders are below a folder.
#[derive(Debug, Clone, Copy, Default)]
struct Contained {
    files: i64,
    folders: i64,
}

impl std::ops::Neg for Contained {
    type Output = Self;

    fn neg(self) -> Self {
        Self { files: -self.files, folders: -self.folders }
    }
}

/// A room, a folder in one, or one of the roots.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) id: i64,
    /// 0 for a root.
    pub(super) parent: i64,
    pub(super) title: String,
    pub(super) owner: Uuid,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// The rooms (14), the archive (20), or somebody's documents (5).
    Root(i32),
    Room(Room),
    Plain,
}

#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) room_type: i32,
    pub(super) color: String,
    pub(super) tags: Vec<String>,
    pub(super) members: Vec<Member>,
    pub(super) links: Vec<Link>,
    pub(super) indexed: Indexed,
}

/// What the title search knows about a room. It is told after the fact, so it lags.
#[derive(Debug, Clone)]
pub(super) struct Indexed {
    pub(super) before: Option<String>,
    pub(super) changed: Instant,
}

/// A person or group in a room.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: Uuid,
    pub(super) is_group: bool,
    pub(super) access: i32,
}

#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) id: i64,
    pub(super) folder: i64,
    pub(super) title: String,
    pub(super) owner: Uuid,
    pub(super) created: Timestamp,
}

impl Folder {
    pub(super) fn room(&self) -> Option<&Room> {
        if let Kind::Room(room) = &self.kind { Some(room) } else { None }
    }

    /// For a room: whether it is in the archive.
    pub(super) fn archived(&self) -> bool {
        self.parent == ARCHIVE
    }
}

/// What somebody is to a room or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Owner,
    Member(i32),
    /// A DocSpace admin who isn't in the room: sees it, archives it, and changes nothing in it.
    Admin,
    Stranger,
}

impl Standing {
    pub(super) fn reads(self) -> bool {
        self != Self::Stranger
    }

    /// Makes folders and files.
    pub(super) fn creates(self) -> bool {
        matches!(self, Self::Owner | Self::Member(MANAGER | CREATOR))
    }

    /// Changes the room, its members and its links.
    pub(super) fn manages(self) -> bool {
        matches!(self, Self::Owner | Self::Member(MANAGER))
    }

    /// Moves the room into the archive and back.
    pub(super) fn archives(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

impl State {
    /// An empty portal, whose service user is not there yet.
    pub(super) fn new(clock: Clock, version: ServerVersion, operation_time: Duration) -> Self {
        let mut state = Self {
            people: People::default(),
            keys: Vec::new(),
            service_user: Uuid::nil(),
            folders: BTreeMap::new(),
            by_parent: BTreeSet::new(),
            files: BTreeMap::new(),
            contained: BTreeMap::new(),
            tags: Vec::new(),
            operations: Vec::new(),
            sorts: BTreeMap::new(),
            clock,
            version,
            operation_time,
            room_quota: None,
            down: false,
            loses_tags: false,
            quirks: Quirks::default(),
            last_id: 1000,
        };
        state.insert(ROOMS, 0, "Rooms", Uuid::nil(), Kind::Root(14));
        state.insert(ARCHIVE, 0, "Archive", Uuid::nil(), Kind::Root(20));
        state
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn new_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn add_folder(&mut self, parent: i64, title: &str, owner: Uuid, kind: Kind) -> i64 {
        let id = self.new_id();
        self.insert(id, parent, title, owner, kind);
        id
    }

    fn insert(&mut self, id: i64, parent: i64, title: &str, owner: Uuid, kind: Kind) {
        let now = self.now();
        let title = title.to_owned();
        self.by_parent.insert((parent, id));
        self.folders.insert(id, Folder { id, parent, title, owner, created: now, updated: now, kind });
        self.count_in(parent, Contained { files: 0, folders: 1 });
    }

    /// There is so much more below this folder, and so below all that it is in.
    fn count_in(&mut self, id: i64, more: Contained) {
        let path: Vec<i64> = self.path(id).map(|folder| folder.id).collect();
        for id in path {
            let contained = self.contained.entry(id).or_default();
            contained.files += more.files;
            contained.folders += more.folders;
        }
    }

    /// A folder and all that is in it, as it counts for the one that it is in.
    fn weight(&self, id: i64) -> Contained {
        let contained = self.contained.get(&id).copied().unwrap_or_default();
        Contained { folders: contained.folders + 1, ..contained }
    }

    pub(super) fn add_file(&mut self, folder: i64, title: &str, owner: Uuid) -> i64 {
        let id = self.new_id();
        let created = self.now();
        self.files.insert(id, File { id, folder, title: title.to_owned(), owner, created });
        self.count_in(folder, Contained { files: 1, folders: 0 });
        id
    }

    /// Somebody's own documents, which are there from their first use.
    pub(super) fn documents_of(&mut self, user: Uuid) -> i64 {
        let root =
            self.folders.values().find(|folder| folder.owner == user && matches!(folder.kind, Kind::Root(_)));
        match root {
            Some(root) => root.id,
            None => self.add_folder(0, "My documents", user, Kind::Root(5)),
        }
    }

    pub(super) fn children(&self, id: i64) -> impl Iterator<Item = &Folder> {
        let children = self.by_parent.range((id, i64::MIN)..=(id, i64::MAX));
        children.filter_map(|(_, child)| self.folders.get(child))
    }

    pub(super) fn files_in(&self, id: i64) -> impl Iterator<Item = &File> {
        self.files.values().filter(move |file| file.folder == id)
    }

    /// Every folder below this one, at any depth, without itself.
    pub(super) fn below(&self, id: i64) -> Vec<i64> {
        let mut found: Vec<i64> = self.children(id).map(|folder| folder.id).collect();
        let mut next = 0;
        while let Some(&parent) = found.get(next) {
            found.extend(self.children(parent).map(|folder| folder.id));
            next += 1;
        }
        found
    }

    /// How many files and folders there are below, at any depth.
    pub(super) fn counts(&self, id: i64) -> (i64, i64) {
        let contained = self.contained.get(&id).copied().unwrap_or_default();
        (contained.files, contained.folders)
    }

    /// This folder, its parent, and so on up to its root.
    pub(super) fn path(&self, id: i64) -> impl Iterator<Item = &Folder> {
        std::iter::successors(self.folders.get(&id), |folder| self.folders.get(&folder.parent))
    }

    /// The room that this is, or is in.
    pub(super) fn room_around(&self, id: i64) -> Option<&Folder> {
        self.path(id).find(|folder| folder.room().is_some())
    }

    /// The room of this number.
    pub(super) fn room(&self, id: i64) -> Option<&Folder> {
        self.folders.get(&id).filter(|folder| folder.room().is_some())
    }

    pub(super) fn rooms(&self) -> impl Iterator<Item = (&Folder, &Room)> {
        self.folders.values().filter_map(|folder| Some((folder, folder.room()?)))
    }

    pub(super) fn set_room_owner(&mut self, id: i64, owner: Uuid) {
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.owner = owner;
        }
    }

    pub(super) fn delete_room_by_hand(&mut self, id: i64) {
        if self.room(id).is_some() {
            self.remove(id);
        }
    }

    /// With all that is in it.
    pub(super) fn remove(&mut self, id: i64) {
        if let Some(parent) = self.folders.get(&id).map(|folder| folder.parent) {
            self.count_in(parent, -self.weight(id));
        }
        let mut gone = self.below(id);
        gone.push(id);
        self.files.retain(|_, file| !gone.contains(&file.folder));
        for id in gone {
            self.contained.remove(&id);
            if let Some(folder) = self.folders.remove(&id) {
                self.by_parent.remove(&(folder.parent, id));
            }
        }
    }

    /// Puts a room into the archive, or back among the active ones.
    pub(super) fn move_room(&mut self, id: i64, root: i64) {
        let (now, weight) = (self.now(), self.weight(id));
        if let Some(folder) = self.folders.get_mut(&id).filter(|folder| folder.room().is_some()) {
            let before = std::mem::replace(&mut folder.parent, root);
            folder.updated = now;
            self.by_parent.remove(&(before, id));
            self.by_parent.insert((root, id));
            self.count_in(before, -weight);
            self.count_in(root, weight);
        }
    }

    pub(super) fn quota_is_reached(&self) -> bool {
        let active = || self.rooms().filter(|(folder, _)| !folder.archived()).count();
        self.room_quota.is_some_and(|most| active() >= most)
    }

    /// What the user is to that folder: to the room around it, or to the documents it is in.
    pub(super) fn standing(&self, user: Uuid, id: i64) -> Standing {
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

    /// A room that the caller may change. Which refusal stands for "no such room" is up to the endpoint.
    pub(super) fn managed_room(
        &mut self,
        call: &Call<'_>,
        id: i64,
        missing: Failure,
    ) -> Result<&mut Folder, Failure> {
        let archived = self.room(id).ok_or(missing)?.archived();
        if archived || !self.standing(call.caller, id).manages() {
            return Err(Failure::Security);
        }
        self.folders.get_mut(&id).ok_or(missing)
    }

    /// The portal's spelling of that tag, which is made if it isn't there.
    pub(super) fn tag(&mut self, name: &str) -> String {
        let known = self.tags.iter().find(|tag| same_tag(tag, name)).cloned();
        known.unwrap_or_else(|| {
            self.tags.push(name.to_owned());
            name.to_owned()
        })
    }
}

/// The database compares tags without regard to case.
pub(super) fn same_tag(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (!one.is_ascii() && one.to_lowercase() == other.to_lowercase())
}

/// The database compares titles without regard to case, accents and blanks at the end.
pub(super) fn same_title(one: &str, other: &str) -> bool {
    let plain = |title: &str| -> String {
        title.trim_end().nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
}
