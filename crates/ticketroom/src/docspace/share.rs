//! Who is in a room.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::client::DocSpace;
use super::pages::{PAGE, Pages};
use super::wire::FileShareDto;
use crate::call::Failure;
use crate::room::{Role, RoomId};

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person or group.
    pub id: Uuid,
    /// The number of their role.
    pub access: i32,
    /// The room's owner.
    pub is_owner: bool,
    /// What they are called.
    pub name: Option<String>,
}

/// The role of those who have none.
const NO_ACCESS: i32 = 0;

#[derive(Deserialize)]
struct Shared {
    #[serde(default)]
    members: Vec<FileShareDto>,
}

impl DocSpace {
    /// Gives people and groups a role each, and returns those that the answer confirms. Repeatable.
    /// A success alone proves nothing: whoever is not confirmed is to be looked for among the
    /// [`members`](Self::members).
    ///
    /// # Errors
    /// When they may not have been given it.
    pub async fn share_room(&self, id: RoomId, shares: &[(Uuid, Role)]) -> Result<Vec<Member>, Failure> {
        let shares = shares.iter().map(|(id, role)| json!({ "id": id, "access": role.number() }));
        let shared: Option<Shared> = self.share("share_room", id, shares.collect()).await?;
        Ok(shared.map(|shared| shared.members.iter().filter_map(member).collect()).unwrap_or_default())
    }

    /// Revokes the access of people and groups. DocSpace also takes from people what was shared
    /// with them inside the room. Repeatable. A success alone proves nothing: read the
    /// [`members`](Self::members).
    ///
    /// # Errors
    /// When they may still have it.
    pub async fn revoke_access(&self, id: RoomId, from: &[Uuid]) -> Result<(), Failure> {
        let none = from.iter().map(|id| json!({ "id": id, "access": NO_ACCESS }));
        self.share::<Shared>("revoke_access", id, none.collect()).await?;
        Ok(())
    }

    async fn share<T: serde::de::DeserializeOwned>(
        &self,
        name: &'static str,
        id: RoomId,
        invitations: Vec<serde_json::Value>,
    ) -> Result<Option<T>, Failure> {
        let body = json!({ "invitations": invitations, "notify": false });
        self.write(name, Method::PUT, format!("files/rooms/{id}/share"), &body).await
    }

    /// The people and groups in a room.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn members(&self, id: RoomId) -> Result<Vec<Member>, Failure> {
        let mut members: Vec<Member> = Vec::new();
        let mut pages = Pages::new(self.name("get_share"));
        loop {
            let query = [
                ("filterType", "0".to_owned()),
                ("count", PAGE.to_string()),
                ("startIndex", pages.start().to_string()),
            ];
            let page: Vec<FileShareDto> =
                self.get("get_share", format!("files/rooms/{id}/share"), &query).await?.unwrap_or_default();
            let first = page.first().and_then(FileShareDto::subject).map(|id| id.to_string());
            members.extend(page.iter().filter_map(member));
            if !pages.more(first, page.len(), None)? {
                return Ok(members);
            }
        }
    }
}

fn member(share: &FileShareDto) -> Option<Member> {
    Some(Member {
        id: share.subject()?,
        access: share.access,
        is_owner: share.is_owner,
        name: share.name().map(str::to_owned),
    })
}
