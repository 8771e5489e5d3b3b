//! A link to a room.

use jiff::Timestamp;
use uuid::Uuid;

use super::views::{LinkKind, LinkView};
use crate::docspace::roles::{FILL_FORMS, FILLING_FORMS, READ};

#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) id: Uuid,
    pub(crate) kind: LinkKind,
    pub(crate) primary: bool,
    pub(crate) access: i32,
    pub(crate) title: String,
    /// The end of its short address.
    pub(crate) token: String,
    pub(crate) ends: Option<Timestamp>,
    pub(crate) password: Option<String>,
    pub(crate) deny_download: bool,
    pub(crate) internal: bool,
    pub(crate) most_uses: Option<i64>,
}

impl Link {
    pub(crate) fn new(id: Uuid, kind: LinkKind, access: i32) -> Self {
        let title = match kind {
            LinkKind::Invitation => "Invitation link",
            LinkKind::External => "Shared link",
        };
        Self {
            id,
            kind,
            primary: false,
            access,
            title: title.to_owned(),
            token: std::iter::repeat_with(fastrand::alphanumeric).take(15).collect(),
            ends: None,
            password: None,
            deny_download: false,
            internal: false,
            most_uses: None,
        }
    }

    /// The primary link of rooms that have one from the start, and of those that are asked for one.
    pub(crate) fn primary(room_type: i32, internal: bool) -> Self {
        let access = if room_type == FILLING_FORMS { FILL_FORMS } else { READ };
        Self { primary: true, internal, ..Self::new(Uuid::new_v4(), LinkKind::External, access) }
    }

    pub(crate) fn is_external(&self) -> bool {
        self.kind == LinkKind::External
    }

    /// Its address, at the host that the client has called.
    pub(crate) fn address(&self, origin: &str) -> String {
        format!("{origin}/s/{}", self.token)
    }

    pub(crate) fn view(&self, origin: &str) -> LinkView {
        LinkView {
            id: self.id,
            kind: self.kind,
            access: self.access,
            primary: self.primary,
            url: self.address(origin),
        }
    }
}
