//! Rooms: create, read, find, rename, tag.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::client::{Call, DocSpace};
use super::pages::{PAGE, Pages};
use super::wire::{ContentDto, FolderDto, ROOT_ARCHIVE, VersionDto};
use crate::call::Failure;
use crate::room::{Room, RoomId, RoomType};

/// A room that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRoom {
    /// The room.
    pub room: Room,
    /// Whether it is in the archive.
    pub archived: bool,
    /// Files anywhere in it.
    pub files: u64,
    /// Folders anywhere in it.
    pub folders: u64,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Its owner. DocSpace calls this `createdBy`, but it changes when the owner is changed.
    pub owner: Option<Uuid>,
}

impl FoundRoom {
    /// Whether it carries this tag. DocSpace compares tags without regard to case.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|have| have.eq_ignore_ascii_case(tag))
    }
}

impl From<FolderDto> for FoundRoom {
    fn from(folder: FolderDto) -> Self {
        Self {
            archived: folder.root_folder_type == ROOT_ARCHIVE,
            files: folder.files_count,
            folders: folder.folders_count,
            tags: folder.tags,
            created: folder.created,
            owner: folder.created_by.map(|person| person.id),
            room: Room { id: RoomId(folder.id), title: folder.title },
        }
    }
}

/// Active and archived rooms.
const ANY_AREA: &str = "2";
/// Rooms in DocSpace's own storage. Those of third parties have texts as ids, can't hold what we
/// need, and reading them costs calls to their provider.
const OWN_STORAGE: &str = "1";
/// The name of the call that makes a room.
pub const CREATE_ROOM: &str = "create_room";

impl DocSpace {
    /// Makes a room that carries `tag`, unless the server is too old for that (2.x); the answer
    /// tells. Not repeatable: each call makes one.
    ///
    /// # Errors
    /// When it is not sure that there is a room now.
    pub async fn create_room(
        &self,
        title: &str,
        room_type: RoomType,
        tag: &str,
    ) -> Result<FoundRoom, Failure> {
        let body = json!({ "title": title, "roomType": room_type.number(), "tags": [tag] });
        let room: FolderDto = self
            .write(CREATE_ROOM, Method::POST, "files/rooms".to_owned(), &body)
            .await?
            .ok_or_else(|| self.nothing(CREATE_ROOM))?;
        Ok(room.into())
    }

    /// Reads a room.
    ///
    /// # Errors
    /// `NotFound` if there is none (any more).
    pub async fn room(&self, id: RoomId) -> Result<FoundRoom, Failure> {
        let room: FolderDto = self
            .get("get_room", format!("files/rooms/{id}"), &[])
            .await?
            .ok_or_else(|| self.nothing("get_room"))?;
        Ok(room.into())
    }

    /// The rooms with a tag, lowest number first. A query of the database over there: it sees a
    /// room as soon as its tag is saved (unlike the search for titles, which lags).
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn rooms_with_tag(&self, tag: &str) -> Result<Vec<FoundRoom>, Failure> {
        let tags = serde_json::Value::from(vec![tag]).to_string();
        // The comparison over there depends on the database's collation; ours does not.
        let mut rooms = self.find_rooms(&[("tags", tags)], |found| found.has_tag(tag)).await?;
        rooms.sort_by_key(|found| found.room.id);
        Ok(rooms)
    }

    /// The rooms of an owner without any tag: DocSpace saves a room and its tags one after the
    /// other, and may stop in between.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn rooms_without_tags(&self, owner: Uuid) -> Result<Vec<FoundRoom>, Failure> {
        let query = [("withoutTags", "true".to_owned()), ("subjectOwnerId", owner.to_string())];
        // A server that doesn't know a filter ignores it.
        let is_wanted = |found: &FoundRoom| found.tags.is_empty() && found.owner == Some(owner);
        let mut rooms = self.find_rooms(&query, is_wanted).await?;
        rooms.sort_by_key(|found| found.room.id);
        Ok(rooms)
    }

    /// The rooms that DocSpace finds by `filter` and that `is_wanted`.
    async fn find_rooms(
        &self,
        filter: &[(&str, String)],
        is_wanted: impl Fn(&FoundRoom) -> bool,
    ) -> Result<Vec<FoundRoom>, Failure> {
        let mut rooms: Vec<FoundRoom> = Vec::new();
        let mut pages = Pages::new(self.name("find_rooms"));
        loop {
            let mut query = vec![
                ("searchArea", ANY_AREA.to_owned()),
                ("storageFilter", OWN_STORAGE.to_owned()),
                ("count", PAGE.to_string()),
                ("startIndex", pages.start().to_string()),
            ];
            query.extend(filter.iter().cloned());
            let page: ContentDto = self
                .get("find_rooms", "files/rooms".to_owned(), &query)
                .await?
                .ok_or_else(|| self.nothing("find_rooms"))?;
            let more = pages.more(page.folders.first_id(), page.folders.received(), page.total)?;
            rooms.extend(page.folders.into_iter().map(FoundRoom::from).filter(&is_wanted));
            if !more {
                return Ok(rooms);
            }
        }
    }

    /// Adds a tag to a room. Repeatable.
    ///
    /// # Errors
    /// When the room may not have the tag now.
    pub async fn add_tag(&self, id: RoomId, tag: &str) -> Result<(), Failure> {
        let body = json!({ "names": [tag] });
        self.write::<FolderDto>("add_tags", Method::PUT, format!("files/rooms/{id}/tags"), &body).await?;
        Ok(())
    }

    /// Gives a room another title, and returns the one that DocSpace has stored. Nothing else of
    /// the room is sent, so nothing else changes. Repeatable.
    ///
    /// # Errors
    /// When the room may have its old title.
    pub async fn rename_room(&self, id: RoomId, title: &str) -> Result<String, Failure> {
        let body = json!({ "title": title });
        let room: FolderDto = self
            .write("rename_room", Method::PUT, format!("files/rooms/{id}"), &body)
            .await?
            .ok_or_else(|| self.nothing("rename_room"))?;
        Ok(room.title)
    }

    /// The server's version and clock, for `check`. Needs no key.
    ///
    /// # Errors
    /// When nothing that looks like DocSpace answers.
    pub async fn version(&self) -> Result<(Option<String>, Option<String>), Failure> {
        let call = Call::<()> {
            name: "version",
            method: Method::GET,
            path: "settings/version/build".to_owned(),
            query: &[],
            body: None,
        };
        let answer = self.answer(&call).await?;
        let date = answer.headers.get("date").and_then(|date| date.to_str().ok()).map(str::to_owned);
        let body: Result<super::wire::Success<VersionDto>, _> = serde_json::from_slice(&answer.body);
        let version =
            body.map_err(|_| self.nothing("version"))?.response.ok_or_else(|| self.nothing("version"))?;
        Ok((version.doc_space, date))
    }
}
