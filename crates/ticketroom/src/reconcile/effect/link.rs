//! Gets the address that goes into the ticket. Repeatable: the same room always gets the same link.

use uuid::Uuid;

use super::{Context, Perform, Recorded, Records};
use crate::call::{Cause, Failure, SideEffect};
use crate::docspace::links::{SharedLink, member_address};
use crate::docspace::reasons::INTERNAL_LINK;
use crate::ledger::LinkEntry;
use crate::room::{LinkKind, Role, RoomId};
use crate::store::{EffectKind, EffectTarget};

/// Gets the address that goes into the ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The room.
    pub room: RoomId,
    /// Which address.
    pub kind: LinkKind,
    /// The role of those who come by an invitation.
    pub invitation_role: Role,
}

impl Perform for Link {
    const KIND: EffectKind = EffectKind::new("link");
    type Outcome = SharedLink;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        records.ledger.link = LinkEntry::Pending { since: records.now };
    }

    async fn run(&self, context: Context<'_>) -> Result<SharedLink, Failure> {
        let (Context { docspace, key, .. }, room) = (context, self.room);
        // Ids of links are unique in a portal; a room that is created anew needs another.
        let link_id = Uuid::new_v5(&key.uuid(), room.to_string().as_bytes());
        match self.kind {
            LinkKind::Member => {
                Ok(SharedLink { url: member_address(docspace.portal(), room).to_string(), internal: false })
            }
            LinkKind::Invitation => docspace.invitation_link(room, link_id, self.invitation_role).await,
            LinkKind::External => match docspace.external_link(room).await {
                // Older servers, or a portal that restricts primary links.
                Err(Failure {
                    cause:
                        Cause::NotFound | Cause::Forbidden | Cause::Rejected { .. } | Cause::Unintelligible(_),
                    ..
                }) => docspace.external_link_with_id(room, link_id).await,
                other => other,
            },
        }
    }

    fn record(&self, SharedLink { url, internal }: SharedLink, records: &mut Records<'_>) -> Recorded {
        let text = match internal {
            false => format!("the room's link is {url}"),
            true => format!("the room's link is {url}; {INTERNAL_LINK}"),
        };
        records.ledger.link = LinkEntry::Done { url, internal };
        Recorded::done(records, "linked", text)
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        match failure.side_effect() {
            SideEffect::None => records.ledger.link = LinkEntry::NotBegun,
            // It is asked for again in the same words.
            SideEffect::Unknown => {}
        }
    }
}
