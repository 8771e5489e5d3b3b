//! Moving rooms into the archive and out of it.
//!
//! DocSpace answers at once and moves the room later. All file operations of a portal share one
//! queue: one that does not fit in may be answered with 200 and never run. A finished operation is
//! reported once, to whoever of the same user asks first, and counts as running until then. So a
//! report that is missing says nothing, and only a look at the room does.

use reqwest::Method;
use serde_json::json;

use super::client::DocSpace;
use super::wire::OperationDto;
use crate::call::Failure;
use crate::room::RoomId;

/// The id of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationId(String);

impl From<OperationDto> for OperationId {
    fn from(operation: OperationDto) -> Self {
        Self(operation.id)
    }
}

impl From<String> for OperationId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl From<OperationId> for String {
    fn from(id: OperationId) -> Self {
        id.0
    }
}

/// What DocSpace reports of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It goes on, or it is over and was reported before, or it never ran.
    Nothing,
    /// It is over.
    Finished,
    /// It is over and came to nothing. Why is told in the portal's language only.
    Failed,
}

impl DocSpace {
    /// Starts moving a room into the archive. Nothing happens to one that is there already. Returns
    /// the operation, if the answer names it.
    ///
    /// # Errors
    /// When it may not have been started.
    pub async fn archive_room(&self, id: RoomId) -> Result<Option<OperationId>, Failure> {
        self.move_room("archive_room", id, "archive").await
    }

    /// Starts moving a room out of the archive. Whether the portal's quota allows that is checked
    /// later, by the operation.
    ///
    /// # Errors
    /// When it may not have been started.
    pub async fn restore_room(&self, id: RoomId) -> Result<Option<OperationId>, Failure> {
        self.move_room("restore_room", id, "unarchive").await
    }

    async fn move_room(
        &self,
        name: &'static str,
        id: RoomId,
        to: &str,
    ) -> Result<Option<OperationId>, Failure> {
        let body = json!({ "deleteAfter": false });
        let path = format!("files/rooms/{id}/{to}");
        let operation: Option<OperationDto> = self.write(name, Method::PUT, path, &body).await?;
        Ok(operation.map(OperationId::from))
    }

    /// Reads the reports on all moves of our user, so that those that are over give up their places
    /// in the queue. Which room each was about is not told of one that failed.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn read_moves(&self) -> Result<(), Failure> {
        self.get::<Vec<OperationDto>>("operations", "files/fileops/0".to_owned(), &[]).await?;
        Ok(())
    }

    /// Reads the report on an operation of our user. One that is over is removed from the queue by
    /// that, and makes room for others.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn operation(&self, id: &OperationId) -> Result<Report, Failure> {
        let query = [("id", id.0.clone())];
        let operations: Vec<OperationDto> =
            self.get("operation", "files/fileops".to_owned(), &query).await?.unwrap_or_default();
        Ok(match operations.iter().find(|operation| operation.id == id.0) {
            Some(OperationDto { finished: true, error, .. }) => {
                if error.as_ref().is_none_or(String::is_empty) { Report::Finished } else { Report::Failed }
            }
            _ => Report::Nothing,
        })
    }
}
