//! Gets the address that goes into the ticket. Repeatable: the same room always gets the same link.

use uuid::Uuid;

use super::Context;
use crate::call::{Cause, Failure};
use crate::docspace::links::{SharedLink, member_address};
use crate::room::{LinkKind, RoomId};

pub(super) async fn run(context: Context<'_>, room: RoomId, kind: LinkKind) -> Result<SharedLink, Failure> {
    let Context { docspace, template, key, .. } = context;
    // Ids of links are unique in a portal; a room that is made anew needs another.
    let link_id = Uuid::new_v5(&key.uuid(), room.to_string().as_bytes());
    match kind {
        LinkKind::Member => {
            Ok(SharedLink { url: member_address(docspace.portal(), room).to_string(), internal: false })
        }
        LinkKind::Invitation => {
            docspace.invitation_link(room, link_id, template.room_type.invitation_role()).await
        }
        LinkKind::External => match docspace.external_link(room).await {
            // Older servers, or a portal that restricts primary links.
            Err(Failure {
                cause: Cause::NotFound | Cause::Forbidden | Cause::Rejected { .. } | Cause::Unintelligible(_),
                ..
            }) => docspace.external_link_with_id(room, link_id).await,
            other => other,
        },
    }
}
