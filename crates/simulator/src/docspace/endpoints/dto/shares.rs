//! Members and links of a room as the API shows them.

use serde_json::{Value, json};

use crate::docspace::endpoints::wire::{date, without_nulls};
use crate::docspace::state::link::Link;
use crate::docspace::state::views::ServerVersion;
use crate::docspace::state::{Member, State};

impl State {
    /// A link as a share (FileShareDto). `sharedLink` came with 3.5.
    pub(crate) fn link_dto(&self, link: &Link, origin: &str) -> Value {
        let external = link.is_external();
        let shared = without_nulls(json!({
            "id": link.id,
            "title": link.title,
            "shareLink": self.quirks.link_address.clone().unwrap_or_else(|| link.address(origin)),
            "expirationDate": link.ends.map(date),
            "linkType": i32::from(external),
            "password": link.password,
            "denyDownload": link.deny_download,
            "isExpired": link.ends.is_some_and(|ends| ends < self.now()),
            "primary": link.primary,
            "internal": link.internal,
            "requestToken": external.then(|| format!("{}{}", link.token, link.id.simple())),
            "maxUseCount": link.most_uses,
            "currentUseCount": (!external).then_some(0),
        }));
        without_nulls(json!({
            "access": link.access,
            "sharedTo": shared,
            "sharedLink": (self.version != ServerVersion::V2_0).then_some(&shared),
            "isLocked": false,
            "isOwner": false,
            "canEditAccess": true,
            "canEditInternal": external,
            "canEditDenyDownload": external,
            "canEditExpirationDate": external,
            "canRevoke": false,
            "subjectType": match (external, link.primary) {
                (false, _) => 3,
                (true, false) => 1,
                (true, true) => 4,
            },
        }))
    }

    /// Somebody's share (FileShareDto). The fields by kind came with 3.5; the older `sharedTo` is
    /// all of them.
    pub(crate) fn share_dto(&self, member: &Member, origin: &str) -> Value {
        let subject = match self.people.groups.get(&member.id) {
            Some(group) => json!({ "id": member.id, "name": group.name, "isSystem": false }),
            None => self.people.full(member.id, origin),
        };
        let newer = self.version != ServerVersion::V2_0;
        without_nulls(json!({
            "access": member.access,
            "sharedTo": subject,
            "sharedToUser": (newer && !member.is_group).then_some(&subject),
            "sharedToGroup": (newer && member.is_group).then_some(&subject),
            "isLocked": false,
            "isOwner": false,
            "canEditAccess": true,
            "canEditInternal": false,
            "canEditDenyDownload": false,
            "canEditExpirationDate": false,
            "canRevoke": false,
            "subjectType": if member.is_group { 2 } else { 0 },
        }))
    }
}
