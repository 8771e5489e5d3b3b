//! Creates the room. Not repeatable: the ledger sees to it that it is asked for once at a time.

use uuid::Uuid;

use super::{Context, Perform, Recorded, Records};
use crate::call::{Failure, SideEffect};
use crate::clock::after;
use crate::ledger::{Creates, Refusal, RoomEntry};
use crate::room::{Room, RoomType};
use crate::store::{EffectKind, EffectTarget};

/// Creates the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRoom {
    /// The template that it is created by.
    pub template: String,
    /// Its title, in DocSpace's form.
    pub title: String,
    /// Its type.
    pub room_type: RoomType,
    /// How often a room has been asked for, this time included.
    pub attempt: u32,
}

/// A room that was created.
#[derive(Debug)]
pub(in crate::reconcile) struct Created {
    room: Room,
    owner: Option<Uuid>,
    tagged: bool,
}

impl Perform for CreateRoom {
    const KIND: EffectKind = EffectKind::new("create_room");
    type Outcome = Created;

    fn target(&self) -> Option<EffectTarget> {
        None
    }

    fn intend(&self, records: &mut Records<'_>) {
        let (ledger, now) = (&mut *records.ledger, records.now);
        let before = match &ledger.room {
            RoomEntry::Pending { since, .. } => Some(*since),
            RoomEntry::Absent | RoomEntry::Made { .. } | RoomEntry::Deleted { .. } => None,
        };
        ledger.template = Some(self.template.clone());
        ledger.title.asked = Some(self.title.clone());
        if !ledger.title.created_as.contains(&self.title) {
            ledger.title.created_as.push(self.title.clone());
        }
        ledger.room = RoomEntry::Pending {
            title: self.title.clone(),
            since: before.unwrap_or(now),
            attempt: self.attempt,
            looks: 0,
            gave_up: before.map(|_| now),
            first_look: None,
            refusal: None,
        };
        if let Some(first) = before {
            // The one before may land after all.
            ledger.creates = Some(Creates { first, last: now });
            ledger.audit_at = Some(after(now, records.settle));
        }
    }

    async fn run(&self, context: Context<'_>) -> Result<Created, Failure> {
        let tag = context.key.tag();
        let created = context.docspace.create_room(&self.title, self.room_type, &tag).await?;
        let tagged = created.has_tag(&tag);
        Ok(Created { room: created.room, owner: created.owner, tagged })
    }

    fn record(&self, Created { room, owner, tagged }: Created, records: &mut Records<'_>) -> Recorded {
        let text = format!("created room {} “{}”", room.id, room.title);
        records.ledger.room = RoomEntry::Made { room, tagged, adopted: false };
        records.ledger.owner = owner;
        Recorded::done(records, "room_created", text)
    }

    fn take_back(&self, failure: &Failure, records: &mut Records<'_>) {
        let ledger = &mut *records.ledger;
        match failure.side_effect() {
            SideEffect::None => {
                ledger.room = RoomEntry::Absent;
                ledger.template = None;
            }
            SideEffect::Unknown => {
                // What was sent may have been sent just now, however long ago it was intended.
                ledger.room.give_up(records.now);
                if let RoomEntry::Pending { refusal, .. } = &mut ledger.room
                    && !failure.is_transient()
                {
                    *refusal = Some(Refusal { reason: failure.reason(), confirmed: false });
                }
            }
        }
    }
}
