//! What happened in rooms.

use super::SqliteStore;
use crate::room::{FolderId, RoomId};
use crate::store::{Placed, RoomEvents, RoomNews, StoreError};

#[async_trait::async_trait]
impl RoomEvents for SqliteStore {
    async fn unplaced(&self, _most: usize) -> Result<Vec<FolderId>, StoreError> {
        Ok(Vec::new())
    }

    async fn place(&self, _folder: FolderId, _room: Option<RoomId>) -> Result<Placed, StoreError> {
        Ok(Placed::Nobody)
    }

    async fn room_news(&self, _ticket: i64, _most: usize) -> Result<RoomNews, StoreError> {
        Ok(RoomNews::default())
    }
}
