//! Differences between portals: settings, storage of third parties, and a broken or hostile server.
//! All are off at the start.

use serde::{Deserialize, Serialize};

/// How this portal differs from a plain one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Titles of rooms in the storage of third parties. They are in every list of rooms that does
    /// not ask for `storageFilter=1`, and their ids are texts.
    pub third_party_rooms: Vec<String>,
    /// The portal's settings make each new external link internal: it opens for users of the portal
    /// only.
    pub links_are_internal: bool,
    /// The address that the portal returns for each link.
    pub link_address: Option<String>,
    /// Lists of rooms never end: each page is full, and all pages are the same.
    pub lists_repeat: bool,
}
