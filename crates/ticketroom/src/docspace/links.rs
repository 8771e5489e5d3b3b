//! Links to a room.

use reqwest::Method;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::client::DocSpace;
use super::wire::FileShareDto;
use crate::call::{Cause, Failure};
use crate::room::{FolderId, Role, RoomId};

/// A link that was made for a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedLink {
    /// Its http or https address.
    pub url: String,
    /// It opens for users of the portal only: a setting of the portal does that to links that were
    /// asked for as external.
    pub internal: bool,
}

/// The address of a room's page for members who sign in. No answer of the API carries it. `portal`
/// ends in `/`.
#[must_use]
pub fn member_address(portal: &Url, id: RoomId) -> Url {
    let mut url = portal.clone();
    let path = format!("{}rooms/shared/{id}/filter", url.path());
    url.set_path(&path);
    url.set_query(Some(&format!("folder={id}")));
    url
}

/// The address of a folder in a room, for members who sign in. `portal` ends in `/`.
#[must_use]
pub fn folder_address(portal: &Url, room: RoomId, folder: FolderId) -> Url {
    let mut url = member_address(portal, room);
    url.set_query(Some(&format!("folder={folder}")));
    url
}

impl DocSpace {
    /// The room's primary external link, read only, open to whoever has the address. Made by the
    /// first call, returned by later ones, and, being a GET, free of the day's write budget.
    ///
    /// # Errors
    /// When there may be no link, or the answer has no address in any of the places it can be.
    pub async fn external_link(&self, id: RoomId) -> Result<SharedLink, Failure> {
        let share: Option<FileShareDto> =
            self.get("get_primary_link", format!("files/rooms/{id}/link"), &[]).await?;
        self.link_of(share, "get_primary_link")
    }

    /// Makes an external link with this id, or returns the one that there is, for servers on which
    /// [`external_link`](Self::external_link) does not do.
    ///
    /// # Errors
    /// As there.
    pub async fn external_link_with_id(&self, id: RoomId, link: Uuid) -> Result<SharedLink, Failure> {
        let body =
            json!({ "linkId": link, "linkType": 1, "access": Role::Viewer.number(), "title": "ticketroom" });
        self.set_link(id, &body).await
    }

    /// Makes the link that makes its visitors members, or returns the one that there is.
    ///
    /// # Errors
    /// As [`external_link`](Self::external_link).
    pub async fn invitation_link(&self, id: RoomId, link: Uuid, role: Role) -> Result<SharedLink, Failure> {
        let body = json!({ "linkId": link, "linkType": 0, "access": role.number(), "title": "ticketroom" });
        self.set_link(id, &body).await
    }

    async fn set_link(&self, id: RoomId, body: &serde_json::Value) -> Result<SharedLink, Failure> {
        let share: Option<FileShareDto> =
            self.write("set_link", Method::PUT, format!("files/rooms/{id}/links"), body).await?;
        self.link_of(share, "set_link")
    }

    fn link_of(&self, share: Option<FileShareDto>, call: &'static str) -> Result<SharedLink, Failure> {
        let share = share.ok_or_else(|| self.nothing(call))?;
        // A missing address is as unusable as an empty one: the next call brings the same, and may
        // cost a write.
        let link = share.link().unwrap_or_default();
        let url = web_address(link).map_err(|why| self.name(call).failed(Cause::Unusable(why.to_owned())))?;
        Ok(SharedLink { url: url.into(), internal: share.is_internal() })
    }
}

/// The longest address that goes into a ticket. Browsers and helpdesks take no more.
const LONGEST_ADDRESS: usize = 2000;

/// Lets an address through that a browser opens as a page. What DocSpace calls a link goes into
/// tickets, where people and mail programs follow it. It is returned as browsers write it, in
/// ASCII: no character in it can change how the rest of a note is shown.
fn web_address(link: &str) -> Result<Url, &'static str> {
    if link.len() > LONGEST_ADDRESS {
        return Err("the link is too long");
    }
    if link.is_empty() || link.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err("the link is empty, or has blanks or line breaks in it");
    }
    match Url::parse(link) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("the link has a user name or a password in it")
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err("the link is no http or https address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_go_into_tickets() {
        let good = "https://d.example.com/s/AbC?x=1#y";
        assert_eq!(web_address(good).map(String::from), Ok(good.to_owned()));
        let reversed = web_address("https://d.example.com/s/\u{202e}cba").map(String::from);
        assert_eq!(reversed, Ok("https://d.example.com/s/%E2%80%AEcba".to_owned()));
        let bad = [
            "",
            " ",
            "javascript:alert(1)",
            "data:text/html,x",
            "//d.example.com/s",
            "/s/AbC",
            "https://d/s\n/x",
            "https://d/s\u{2028}x",
            "https://d/a b",
            "ftp://d/s",
            "https://",
            "mailto:a@b.c",
            "https://d.example.com@evil.example/s",
            "https://:secret@d.example.com/s",
        ];
        for link in bad {
            assert!(web_address(link).is_err(), "{link:?}");
        }
        assert!(web_address(&format!("https://d/{}", "a".repeat(2000))).is_err());
    }
}
