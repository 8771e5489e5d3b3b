//! Backfills: rooms for tickets that were there before ticketroom was, or before its webhook.
//!
//! A person says which tickets they want ([`choice`]) and sees what that comes to ([`plan`]). Then
//! it is a [`job`], a record in the store, and [`work`] is done on it by one of the replicas:
//!
//! 1. The listing of the helpdesk is read page by page, from the beginning of the span on.
//! 2. Tickets that are known are left alone. Each other one is observed, since only the ticket
//!    tells when it was created and what the condition says of it.
//! 3. Those that are wanted are taken in, with the job's cursor, by one transaction. From then on
//!    they are tickets like others, which workers claim after all others, and whose calls DocSpace
//!    gets after all others ([`crate::docspace::limits`]).
//! 4. No more are taken in than are worked off.
//!
//! Nothing that matters is in memory. After a crash the page is read again, without what of it was
//! decided about. Whoever pauses or cancels a job writes its record, and so the transaction that
//! was about to take more tickets in is lost.

pub mod choice;
pub mod job;
mod jobs;
pub mod plan;
pub(crate) mod reasons;
pub mod view;
pub mod work;

pub use choice::{Choice, Span};
pub use job::{BackfillId, Job, JobState, Steering};
pub(crate) use jobs::checked;
pub use jobs::{Listed, Refused, all, begin, find, steer};
