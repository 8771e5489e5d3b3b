//! `GET files/rooms`: the list of rooms with its filters.
//!
//! Tags are looked up in the database, so a room is found by its tag at once. Titles are looked up
//! in a search index that is updated later ([`INDEX_LAG`](super::super::state::INDEX_LAG)), so a
//! new room isn't found by its title.

use serde_json::{Value, json};
use uuid::Uuid;

use super::call::Call;
use super::wire::{Failure, Outcome, Reply};
use crate::docspace::roles::ROOM_TYPES;
use crate::docspace::state::people::UserKind;
use crate::docspace::state::sort::{Sort, SortBy};
use crate::docspace::state::{Folder, ROOMS, Room, State, same_tag};
use crate::http::Request;

impl Sort {
    fn asked(request: &Request) -> Option<Self> {
        let by = match request.query("sortBy")?.to_ascii_lowercase().as_str() {
            "dateandtimecreation" => SortBy::Created,
            "az" => SortBy::Title,
            "author" => SortBy::Author,
            "type" | "roomtype" => SortBy::RoomType,
            "tags" => SortBy::Tags,
            _ => SortBy::Updated,
        };
        let order = request.query("sortOrder").unwrap_or_default();
        Some(Self { by, descending: order.eq_ignore_ascii_case("descending") })
    }

    fn apply(self, state: &State, rooms: &mut [(&Folder, &Room)]) {
        let author = |folder: &Folder| state.people.users.get(&folder.owner).map(|user| user.name.clone());
        rooms.sort_by(|(a, room_a), (b, room_b)| {
            let order = match self.by {
                SortBy::Updated => a.updated.cmp(&b.updated),
                SortBy::Created => a.created.cmp(&b.created),
                SortBy::Title => a.title.to_lowercase().cmp(&b.title.to_lowercase()),
                SortBy::Author => author(a).cmp(&author(b)),
                SortBy::RoomType => room_a.room_type.cmp(&room_b.room_type),
                SortBy::Tags => room_a.tags.cmp(&room_b.tags),
            };
            let order = order.then(a.id.cmp(&b.id));
            if self.descending { order.reverse() } else { order }
        });
    }
}

/// The filters of one request.
struct Filter {
    area: Area,
    tags: Vec<String>,
    untagged: bool,
    words: Vec<String>,
    types: Vec<String>,
    owner: Option<Uuid>,
    member: Option<Uuid>,
    excludes_member: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Area {
    Active,
    Archive,
    Any,
    /// Recent, templates, agents: there are none.
    Elsewhere,
}

impl Filter {
    fn of(request: &Request) -> Result<Self, Failure> {
        let area = match request.query("searchArea").unwrap_or("0").to_ascii_lowercase().as_str() {
            "0" | "active" | "" => Area::Active,
            "1" | "archive" => Area::Archive,
            "2" | "any" => Area::Any,
            _ => Area::Elsewhere,
        };
        let tags = match request.query("tags").filter(|tags| !tags.is_empty()) {
            Some(tags) => serde_json::from_str(tags).map_err(|_| Failure::Json)?,
            None => Vec::new(),
        };
        let somebody = |name| match request.query(name).filter(|id| !id.is_empty()) {
            Some(id) => id.parse().map(Some).map_err(|_| Failure::Invalid("SubjectId")),
            None => Ok(None),
        };
        let is_set = |name| request.query(name).is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
        let words = request.query("filterValue").unwrap_or_default().to_lowercase();
        Ok(Self {
            area,
            tags,
            untagged: is_set("withoutTags"),
            words: words.split_whitespace().map(str::to_owned).collect(),
            types: request.query_all("type").map(str::to_owned).collect(),
            owner: somebody("subjectOwnerId")?,
            member: somebody("subjectId")?,
            excludes_member: is_set("excludeSubject"),
        })
    }

    fn takes(&self, folder: &Folder, room: &Room) -> bool {
        let in_area = match self.area {
            Area::Active => !folder.archived(),
            Area::Archive => folder.archived(),
            Area::Any => true,
            Area::Elsewhere => false,
        };
        let tagged = self.tags.is_empty()
            || room.tags.iter().any(|tag| self.tags.iter().any(|wanted| same_tag(tag, wanted)));
        in_area
            && tagged
            && (!self.untagged || room.tags.is_empty())
            && self.finds_title(folder, room)
            && (self.types.is_empty() || self.types.iter().any(|kind| is_type(kind, room.room_type)))
            && self.owner.is_none_or(|owner| folder.owner == owner)
            && self.member.is_none_or(|member| has(folder, room, member) != self.excludes_member)
    }

    fn finds_title(&self, folder: &Folder, room: &Room) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let known = room.indexed.known(&folder.title).map(|title| title.to_lowercase());
        known.is_some_and(|title| self.words.iter().all(|word| title.contains(word)))
    }
}

fn has(folder: &Folder, room: &Room, member: Uuid) -> bool {
    folder.owner == member || room.members.iter().any(|known| known.id == member)
}

fn is_type(kind: &str, room_type: i32) -> bool {
    let named = ROOM_TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind));
    named.map(|(_, number)| *number).or_else(|| kind.parse().ok()) == Some(room_type)
}

/// A room in somebody's cloud storage, as far as clients look at it.
fn third_party_room(title: &str) -> Value {
    json!({
        "id": format!("sbox-12-|{title}"),
        "title": title,
        "tags": [],
        "rootFolderType": 14,
        "filesCount": 0,
        "foldersCount": 0,
        "providerKey": "DropboxV2",
        "providerItem": true,
    })
}

impl State {
    pub(crate) fn find_rooms(&mut self, call: &Call<'_>) -> Outcome {
        let filter = Filter::of(call.request)?;
        if let Some(sort) = Sort::asked(call.request) {
            self.sorts.insert(call.caller, sort);
        }
        let sees_all = self.people.kind(call.caller) == Some(UserKind::DocSpaceAdmin);
        let mut found: Vec<(&Folder, &Room)> = self
            .rooms()
            .filter(|(folder, room)| filter.takes(folder, room))
            .filter(|(folder, _)| sees_all || self.standing(call.caller, folder.id).reads())
            .collect();
        self.sorts.get(&call.caller).copied().unwrap_or_default().apply(self, &mut found);
        let folders: Vec<&Folder> = found.into_iter().map(|(folder, _)| folder).collect();
        if self.quirks.lists_repeat {
            return self.full_page(call);
        }
        let Reply::One(mut content) = self.contents(call, ROOMS, &folders)? else {
            return Err(Failure::Null);
        };
        if call.request.query("storageFilter") != Some("1")
            && let Some(Value::Array(rooms)) = content.get_mut("folders")
        {
            rooms.splice(0..0, self.quirks.third_party_rooms.iter().map(|title| third_party_room(title)));
        }
        Ok(Reply::One(content))
    }

    /// A page of a list that never ends.
    fn full_page(&self, call: &Call<'_>) -> Outcome {
        let all: Vec<&Folder> = self.rooms().map(|(folder, _)| folder).collect();
        let rooms = all.into_iter().cycle().take(100);
        let rooms: Vec<Value> =
            rooms.map(|folder| self.folder_dto(folder, call.caller, &call.origin)).collect();
        Ok(Reply::One(json!({ "files": [], "folders": rooms, "count": 100, "total": 1_000_000_000 })))
    }
}
