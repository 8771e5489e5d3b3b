//! Rooms: create, read, find, tag, archive.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::client::{Call, DocSpace};
use super::wire::{ContentDto, FolderDto, OperationDto, ROOT_ARCHIVE, VersionDto};
use crate::call::Failure;
use crate::room::{Room, RoomId, RoomType};

/// A room that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRoom {
    /// The room.
    pub room: Room,
    /// Whether it is in the archive.
    pub archived: bool,
    /// Whether it has neither files nor folders.
    pub empty: bool,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Who made it.
    pub created_by: Option<Uuid>,
}

impl From<FolderDto> for FoundRoom {
    fn from(folder: FolderDto) -> Self {
        Self {
            archived: folder.root_folder_type == ROOT_ARCHIVE,
            empty: folder.files_count == 0 && folder.folders_count == 0,
            tags: folder.tags,
            created: folder.created,
            created_by: folder.created_by.map(|person| person.id),
            room: Room { id: RoomId(folder.id), title: folder.title },
        }
    }
}

/// Active and archived rooms.
const ANY_AREA: &str = "2";
const PAGE: u64 = 100;

impl DocSpace {
    /// Makes a room that carries `tag`, unless the server is too old for that (2.x); the answer tells. Not
    /// repeatable: each call makes one.
    ///
    /// # Errors
    /// When it is not sure that there is a room now.
    pub async fn create_room(&self, title: &str, room_type: RoomType, tag: &str) -> Result<FoundRoom, Failure> {
        let body = json!({ "title": title, "roomType": room_type.number(), "tags": [tag] });
        let room: FolderDto = self
            .write("create_room", Method::POST, "files/rooms".to_owned(), &body)
            .await?
            .ok_or_else(|| self.nothing("create_room"))?;
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

    /// The rooms with a tag, lowest number first. A query of the database over there: it sees a room
    /// as soon as its tag is saved (unlike the search for titles, which lags).
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn rooms_with_tag(&self, tag: &str) -> Result<Vec<FoundRoom>, Failure> {
        let tags = serde_json::Value::from(vec![tag]).to_string();
        let mut rooms = self.find_rooms(&[("tags", tags)]).await?;
        // The comparison over there depends on the database's collation; ours does not.
        rooms.retain(|found| found.tags.iter().any(|have| have.eq_ignore_ascii_case(tag)));
        rooms.sort_by_key(|found| found.room.id);
        Ok(rooms)
    }

    /// The rooms of an owner without any tag: DocSpace saves a room and its tags one after the other,
    /// and may stop in between.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn rooms_without_tags(&self, owner: Uuid) -> Result<Vec<FoundRoom>, Failure> {
        let query = [("withoutTags", "true".to_owned()), ("subjectOwnerId", owner.to_string())];
        let mut rooms = self.find_rooms(&query).await?;
        // A server that doesn't know a filter ignores it.
        rooms.retain(|found| found.tags.is_empty() && found.created_by == Some(owner));
        rooms.sort_by_key(|found| found.room.id);
        Ok(rooms)
    }

    async fn find_rooms(&self, filter: &[(&str, String)]) -> Result<Vec<FoundRoom>, Failure> {
        let mut rooms: Vec<FoundRoom> = Vec::new();
        loop {
            let mut query = vec![
                ("searchArea", ANY_AREA.to_owned()),
                ("count", PAGE.to_string()),
                ("startIndex", rooms.len().to_string()),
            ];
            query.extend(filter.iter().cloned());
            let page: ContentDto = self
                .get("find_rooms", "files/rooms".to_owned(), &query)
                .await?
                .ok_or_else(|| self.nothing("find_rooms"))?;
            let (got, total) = (page.folders.len() as u64, page.total.unwrap_or(0));
            rooms.extend(page.folders.into_iter().map(FoundRoom::from));
            if got < PAGE || rooms.len() as u64 >= total {
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

    /// Starts moving a room into the archive, which goes on over there; read the room to see it done.
    ///
    /// # Errors
    /// When it may not have been started.
    pub async fn archive_room(&self, id: RoomId) -> Result<(), Failure> {
        let body = json!({ "deleteAfter": false });
        self.write::<OperationDto>("archive_room", Method::PUT, format!("files/rooms/{id}/archive"), &body)
            .await?;
        Ok(())
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
        let version = body
            .map_err(|_| self.nothing("version"))?
            .response
            .ok_or_else(|| self.nothing("version"))?;
        Ok((version.doc_space, date))
    }
}
