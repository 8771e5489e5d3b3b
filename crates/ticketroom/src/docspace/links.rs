//! Links to a room.

use reqwest::Method;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::client::DocSpace;
use super::wire::FileShareDto;
use crate::call::Failure;
use crate::room::{Role, RoomId};

/// The address of a room's page for members who sign in. No answer of the API carries it. `portal` ends in `/`.
#[must_use]
pub fn member_address(portal: &Url, id: RoomId) -> Url {
    let mut url = portal.clone();
    let path = format!("{}rooms/shared/{id}/filter", url.path());
    url.set_path(&path);
    url.set_query(Some(&format!("folder={id}")));
    url
}

impl DocSpace {
    /// The room's primary external link, read only, open to whoever has the address. Made by the first call,
    /// returned by later ones, and, being a GET, free of the day's write budget.
    ///
    /// # Errors
    /// When there may be no link, or the answer has no address in any of the places it can be.
    pub async fn external_link(&self, id: RoomId) -> Result<String, Failure> {
        let share: Option<FileShareDto> =
            self.get("get_primary_link", format!("files/rooms/{id}/link"), &[]).await?;
        let link = share.as_ref().and_then(FileShareDto::link).map(str::to_owned);
        link.ok_or_else(|| self.nothing("get_primary_link"))
    }

    /// Makes an external link with this id, or returns the one that there is, for servers on which
    /// [`external_link`](Self::external_link) does not do.
    ///
    /// # Errors
    /// As there.
    pub async fn external_link_with_id(&self, id: RoomId, link: Uuid) -> Result<String, Failure> {
        let body =
            json!({ "linkId": link, "linkType": 1, "access": Role::Viewer.number(), "title": "ticketroom" });
        self.set_link(id, &body).await
    }

    /// Makes the link that makes its visitors members, or returns the one that there is.
    ///
    /// # Errors
    /// As [`external_link`](Self::external_link).
    pub async fn invitation_link(&self, id: RoomId, link: Uuid, role: Role) -> Result<String, Failure> {
        let body = json!({ "linkId": link, "linkType": 0, "access": role.number(), "title": "ticketroom" });
        self.set_link(id, &body).await
    }

    async fn set_link(&self, id: RoomId, body: &serde_json::Value) -> Result<String, Failure> {
        let share: Option<FileShareDto> =
            self.write("set_link", Method::PUT, format!("files/rooms/{id}/links"), body).await?;
        let link = share.as_ref().and_then(FileShareDto::link).map(str::to_owned);
        link.ok_or_else(|| self.nothing("set_link"))
    }
}
