//! Everything that a portal holds. [`State`] has the tree of folders and files; its parts are below
//! it (`key`, `link`, `operation`, `people`, `sort`, `views`; `trigger`, `webhook` and `delivery`),
//! and what is done with rooms, files and operations is above it (`rooms`, `files`, `catch_up`),
//! with the events that this raises (`events`).

mod catch_up;
pub(crate) mod delivery;
pub(crate) mod events;
mod files;
pub(crate) mod key;
pub(crate) mod link;
pub(crate) mod operation;
pub(crate) mod people;
pub(crate) mod rooms;
pub(crate) mod sort;
pub(crate) mod trigger;
pub(crate) mod views;
pub(crate) mod webhook;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

use self::delivery::Sender;
use self::key::Key;
use self::link::Link;
use self::operation::Queue;
use self::people::People;
use self::sort::Sort;
use self::views::ServerVersion;
use super::quirks::Quirks;
use crate::clock::Clock;

/// How long the title search doesn't find a new or renamed room.
pub(crate) const INDEX_LAG: Duration = Duration::from_secs(2);
/// The folder that holds the active rooms.
pub(crate) const ROOMS: i64 = 14;
/// The folder that holds the archived ones.
pub(crate) const ARCHIVE: i64 = 15;
/// The folder type of each user's trash.
pub(crate) const TRASH_TYPE: i32 = 3;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) people: People,
    pub(crate) keys: Vec<Key>,
    pub(crate) service_user: Uuid,
    /// The person who acts where a test names nobody.
    pub(crate) portal_owner: Uuid,
    pub(crate) folders: BTreeMap<i64, Folder>,
    /// Parent and child. Portals in benchmarks are too large to look through all folders.
    by_parent: BTreeSet<(i64, i64)>,
    pub(crate) files: BTreeMap<i64, File>,
    /// How much is in each folder, at any depth. Each list shows it, and the real server stores it
    /// as well.
    contained: BTreeMap<i64, Contained>,
    /// All tags of the portal, used or not.
    pub(crate) tags: Vec<String>,
    pub(crate) queue: Queue,
    pub(crate) sender: Sender,
    pub(crate) sorts: BTreeMap<Uuid, Sort>,
    pub(crate) clock: Clock,
    pub(crate) version: ServerVersion,
    /// Wakes the task that carries operations out.
    pub(crate) operation_started: Arc<Notify>,
    pub(crate) room_quota: Option<usize>,
    pub(crate) down: bool,
    pub(crate) loses_tags: bool,
    pub(crate) quirks: Quirks,
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
pub(crate) struct Folder {
    pub(crate) id: i64,
    /// 0 for a root.
    pub(crate) parent: i64,
    pub(crate) title: String,
    pub(crate) owner: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) updated_by: Uuid,
    /// The folder that it was in, while it is in the trash.
    pub(crate) trashed_from: Option<i64>,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// The rooms (14), the archive (20), or somebody's documents (5).
    Root(i32),
    Room(Room),
    Plain,
}

#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) room_type: i32,
    pub(crate) color: String,
    pub(crate) tags: Vec<String>,
    pub(crate) members: Vec<Member>,
    pub(crate) links: Vec<Link>,
    pub(crate) indexed: Indexed,
    /// Who has put it into the archive, while it is there.
    pub(crate) archived_by: Option<Uuid>,
}

/// What the title search knows about a room. Its index lags behind.
#[derive(Debug, Clone)]
pub(crate) struct Indexed {
    pub(crate) before: Option<String>,
    pub(crate) changed: Instant,
}

impl Indexed {
    /// The title that the search has for the room, if it has one yet.
    pub(crate) fn known(&self, title: &str) -> Option<String> {
        if self.changed.elapsed() >= INDEX_LAG { Some(title.to_owned()) } else { self.before.clone() }
    }
}

/// A person or group in a room.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: Uuid,
    pub(crate) is_group: bool,
    pub(crate) access: i32,
}

#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) id: i64,
    pub(crate) folder: i64,
    pub(crate) title: String,
    pub(crate) owner: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) updated_by: Uuid,
    pub(crate) version: u32,
    /// The folder that it was in, while it is in the trash.
    pub(crate) trashed_from: Option<i64>,
}

impl Folder {
    pub(crate) fn room(&self) -> Option<&Room> {
        if let Kind::Room(room) = &self.kind { Some(room) } else { None }
    }

    /// For a room: whether it is in the archive.
    pub(crate) fn archived(&self) -> bool {
        self.parent == ARCHIVE
    }
}

impl State {
    /// An empty portal, still without its people.
    pub(crate) fn new(clock: Clock, version: ServerVersion, queue: Queue, sender: Sender) -> Self {
        let mut state = Self {
            people: People::default(),
            keys: Vec::new(),
            service_user: Uuid::nil(),
            portal_owner: Uuid::nil(),
            folders: BTreeMap::new(),
            by_parent: BTreeSet::new(),
            files: BTreeMap::new(),
            contained: BTreeMap::new(),
            tags: Vec::new(),
            queue,
            sender,
            sorts: BTreeMap::new(),
            clock,
            version,
            operation_started: Arc::default(),
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

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn new_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn add_folder(&mut self, parent: i64, title: &str, owner: Uuid, kind: Kind) -> i64 {
        let id = self.new_id();
        self.insert(id, parent, title, owner, kind);
        id
    }

    fn insert(&mut self, id: i64, parent: i64, title: &str, owner: Uuid, kind: Kind) {
        let now = self.now();
        let title = title.to_owned();
        self.by_parent.insert((parent, id));
        let (created, updated, updated_by, trashed_from) = (now, now, owner, None);
        let folder = Folder { id, parent, title, owner, created, updated, updated_by, trashed_from, kind };
        self.folders.insert(id, folder);
        self.count_in(parent, Contained { files: 0, folders: 1 });
    }

    /// Adds to the counts of this folder and of all folders that it is in.
    fn count_in(&mut self, id: i64, more: Contained) {
        let path: Vec<i64> = self.path(id).map(|folder| folder.id).collect();
        for id in path {
            let contained = self.contained.entry(id).or_default();
            contained.files += more.files;
            contained.folders += more.folders;
        }
    }

    /// A folder with all that is in it, as its parent counts it.
    fn weight(&self, id: i64) -> Contained {
        let contained = self.contained.get(&id).copied().unwrap_or_default();
        Contained { folders: contained.folders + 1, ..contained }
    }

    pub(crate) fn add_file(&mut self, folder: i64, title: &str, owner: Uuid) -> i64 {
        let id = self.new_id();
        let now = self.now();
        let file = File {
            id,
            folder,
            title: title.to_owned(),
            owner,
            created: now,
            updated: now,
            updated_by: owner,
            version: 1,
            trashed_from: None,
        };
        self.files.insert(id, file);
        self.count_in(folder, Contained { files: 1, folders: 0 });
        id
    }

    pub(crate) fn children(&self, id: i64) -> impl Iterator<Item = &Folder> {
        let children = self.by_parent.range((id, i64::MIN)..=(id, i64::MAX));
        children.filter_map(|(_, child)| self.folders.get(child))
    }

    pub(crate) fn files_in(&self, id: i64) -> impl Iterator<Item = &File> {
        self.files.values().filter(move |file| file.folder == id)
    }

    /// All folders below this one, at any depth.
    pub(crate) fn below(&self, id: i64) -> Vec<i64> {
        let mut found: Vec<i64> = self.children(id).map(|folder| folder.id).collect();
        let mut next = 0;
        while let Some(&parent) = found.get(next) {
            found.extend(self.children(parent).map(|folder| folder.id));
            next += 1;
        }
        found
    }

    /// How many files and folders there are below, at any depth.
    pub(crate) fn counts(&self, id: i64) -> (i64, i64) {
        let contained = self.contained.get(&id).copied().unwrap_or_default();
        (contained.files, contained.folders)
    }

    /// This folder, its parent, and so on up to its root.
    pub(crate) fn path(&self, id: i64) -> impl Iterator<Item = &Folder> {
        std::iter::successors(self.folders.get(&id), |folder| self.folders.get(&folder.parent))
    }

    /// The room that this folder is or is in.
    pub(crate) fn room_around(&self, id: i64) -> Option<&Folder> {
        self.path(id).find(|folder| folder.room().is_some())
    }

    /// The room of this number.
    pub(crate) fn room(&self, id: i64) -> Option<&Folder> {
        self.folders.get(&id).filter(|folder| folder.room().is_some())
    }

    pub(crate) fn rooms(&self) -> impl Iterator<Item = (&Folder, &Room)> {
        self.folders.values().filter_map(|folder| Some((folder, folder.room()?)))
    }

    /// With all that is in it.
    pub(crate) fn remove(&mut self, id: i64) {
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

    /// Puts a folder with all that is in it into another one.
    pub(crate) fn reparent(&mut self, id: i64, to: i64) {
        let weight = self.weight(id);
        if let Some(folder) = self.folders.get_mut(&id) {
            let before = std::mem::replace(&mut folder.parent, to);
            self.by_parent.remove(&(before, id));
            self.by_parent.insert((to, id));
            self.count_in(before, -weight);
            self.count_in(to, weight);
        }
    }
}

impl State {
    /// Makes a key, whose text is never shown again.
    pub(crate) fn add_key(&mut self, user: Uuid, permissions: &[&str], expires: Option<Timestamp>) -> String {
        let text = format!("sk-{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        self.keys.push(Key {
            id: Uuid::new_v4(),
            text: text.clone(),
            user,
            permissions: permissions.iter().map(|&permission| permission.to_owned()).collect(),
            created: self.now(),
            expires,
            active: true,
            is_session: false,
        });
        text
    }

    /// Signs somebody in.
    pub(crate) fn add_session(&mut self, user: Uuid) -> String {
        let text = self.add_key(user, &[], None);
        for key in self.keys.iter_mut().filter(|key| key.text == text) {
            key.is_session = true;
        }
        text
    }

    pub(crate) fn activate_key(&mut self, text: &str, active: bool) {
        for key in self.keys.iter_mut().filter(|key| key.text == text) {
            key.active = active;
        }
    }
}

/// The database compares tags without regard to case.
pub(crate) fn same_tag(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (!one.is_ascii() && one.to_lowercase() == other.to_lowercase())
}

/// The database compares titles without regard to case, accents and blanks at the end.
pub(crate) fn same_title(one: &str, other: &str) -> bool {
    let plain = |title: &str| -> String {
        title.trim_end().nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
}
