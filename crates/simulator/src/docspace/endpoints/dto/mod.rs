//! What the portal holds as the API shows it.

mod folders;
pub(crate) mod people;
mod shares;
