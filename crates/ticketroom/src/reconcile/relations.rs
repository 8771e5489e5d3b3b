//! Other tickets of the same helpdesk that matter to a ticket: the one that it was merged into, and
//! the one that it continues. They are known by what was last seen of them, which the store has.

use crate::store::{Queries, StoreError};
use crate::ticket::{Ticket, TicketId, TicketKey};

/// The tickets that matter to one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relations {
    /// What became of the ticket by merges.
    pub merged: Merged,
    /// The ticket that it continues or repeats.
    pub earlier: Option<Relative>,
}

/// What became of a ticket by merges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Merged {
    /// It was not merged.
    #[default]
    No,
    /// It was merged into this one, which itself was not merged.
    Into(Relative),
    /// The merges lead back to a ticket that they passed: none of them survives, so all keep their
    /// rooms.
    InACircle,
}

/// A ticket, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relative {
    /// Which.
    pub key: TicketKey,
    /// What people call it.
    pub called: String,
    /// The address that its own people have of its room, if it has a room.
    pub url: Option<String>,
}

/// A longer row of merges counts as a circle.
const MOST_MERGES: usize = 20;

/// Looks up the tickets that matter to one.
///
/// # Errors
/// When the store can't be reached.
pub(super) async fn relations(
    store: &dyn Queries,
    key: &TicketKey,
    ticket: &Ticket,
) -> Result<Relations, StoreError> {
    let of = |id: &TicketId| TicketKey { helpdesk: key.helpdesk.clone(), id: id.clone() };
    let earlier = match &ticket.follow_up_of {
        Some(id) if *id != key.id => Some(relative(store, of(id)).await?.0),
        _ => None,
    };
    let Some(mut into) = ticket.merged_into.clone() else {
        return Ok(Relations { merged: Merged::No, earlier });
    };
    let mut passed = vec![key.id.clone()];
    loop {
        if passed.contains(&into) || passed.len() > MOST_MERGES {
            return Ok(Relations { merged: Merged::InACircle, earlier });
        }
        let (relative, further) = relative(store, of(&into)).await?;
        passed.push(into);
        match further {
            Some(further) => into = further,
            None => return Ok(Relations { merged: Merged::Into(relative), earlier }),
        }
    }
}

/// A ticket, and the one that it was merged into.
async fn relative(store: &dyn Queries, key: TicketKey) -> Result<(Relative, Option<TicketId>), StoreError> {
    let record = store.ticket(&key).await?;
    let ticket = record.as_ref().and_then(|record| record.ticket.as_ref());
    let called = ticket.and_then(|ticket| ticket.key.clone()).unwrap_or_else(|| key.id.to_string());
    let further = ticket.and_then(|ticket| ticket.merged_into.clone());
    let url = record.and_then(|record| record.room.and(record.url));
    Ok((Relative { key, called, url }, further))
}
