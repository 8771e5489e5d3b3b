//! Links to a room. An invitation link makes its visitors members, an external one opens the
//! content; which a room may have, and how many, depends on its type.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::body::Fields;
use super::call::Call;
use super::wire::{Failure, Outcome, Reply};
use crate::docspace::roles::{self, PUBLIC, ROLES, Subject};
use crate::docspace::state::link::Link;
use crate::docspace::state::views::LinkKind;
use crate::docspace::state::{Kind, Room, State};

/// A link may end at most so far ahead.
const FURTHEST_END: SignedDuration = SignedDuration::from_hours(24 * 3653);

/// What a request says of a link.
struct Wanted {
    id: Option<Uuid>,
    kind: LinkKind,
    access: i32,
    title: Option<String>,
    ends: Option<Timestamp>,
    password: Option<String>,
    deny_download: bool,
    internal: bool,
    most_uses: Option<i64>,
}

impl Wanted {
    fn of(fields: &Fields, now: Timestamp) -> Result<Self, Failure> {
        let kind = match fields.member("LinkType", &[("Invitation", 0), ("External", 1)])? {
            None | Some(Some(0)) => LinkKind::Invitation,
            Some(Some(1)) => LinkKind::External,
            Some(_) => return Err(Failure::Invalid("LinkType")),
        };
        let ends: Option<Timestamp> = match fields.text("ExpirationDate")? {
            Some(text) => Some(text.parse().map_err(|_| Failure::Invalid("ExpirationDate"))?),
            None => None,
        };
        let is_past = kind == LinkKind::Invitation && ends.is_some_and(|ends| ends < now);
        if is_past || ends.is_some_and(|ends| ends.duration_since(now) > FURTHEST_END) {
            return Err(Failure::Argument);
        }
        let most_uses = fields.integer("MaxUseCount")?;
        if most_uses.is_some_and(|most| !(1..=1000).contains(&most)) {
            return Err(Failure::Invalid("MaxUseCount"));
        }
        Ok(Self {
            id: fields.uuid("LinkId")?,
            kind,
            access: fields.member("Access", &ROLES)?.map_or(0, |role| role.unwrap_or(0)),
            title: fields.text_within("Title", 255)?.map(str::to_owned),
            ends,
            password: fields.text_within("Password", 255)?.map(str::to_owned),
            deny_download: fields.flag("DenyDownload")?,
            internal: fields.flag("Internal")?,
            most_uses,
        })
    }

    fn apply(self, link: &mut Link) {
        link.access = self.access;
        link.title = self.title.unwrap_or_else(|| link.title.clone());
        link.ends = self.ends;
        link.password = self.password;
        link.deny_download = self.deny_download;
        link.internal = self.internal;
        link.most_uses = self.most_uses.filter(|_| link.kind == LinkKind::Invitation);
    }

    /// Whether the room may have one more of this kind.
    fn has_place_in(&self, room: &Room) -> bool {
        let of_kind = room.links.iter().filter(|link| link.kind == self.kind && !link.primary).count();
        let most = match self.kind {
            LinkKind::Invitation => 1,
            LinkKind::External => roles::external_links(room.room_type).map_or(0, |(_, more)| more),
        };
        of_kind < most
    }
}

impl State {
    /// Makes or changes the link with the client's own `linkId`; without one, makes another each
    /// time. `{}` asks for an invitation link with no access, which stores nothing and answers
    /// nothing.
    pub(crate) fn set_link(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let fields = Fields::of(call.request)?;
        let wanted = Wanted::of(&fields, self.now())?;
        let elsewhere = |link: &Link| Some(link.id) == wanted.id;
        let is_taken = self.rooms().any(|(folder, room)| folder.id != id && room.links.iter().any(elsewhere));
        let folder = self.managed_room(call.caller, id, Failure::NotFound)?;
        let Kind::Room(room) = &mut folder.kind else { return Err(Failure::NotFound) };
        let subject = match wanted.kind {
            LinkKind::Invitation => Subject::InvitationLink,
            LinkKind::External => Subject::ExternalLink,
        };
        // The id is unique in the portal, not only in the room.
        if is_taken || !roles::knows(room.room_type, subject, wanted.access) {
            return Err(Failure::InvalidOperation);
        }
        let position = room.links.iter().position(|link| Some(link.id) == wanted.id);
        let link = match position.and_then(|position| Some((position, room.links.get(position)?.clone()))) {
            Some((_, known)) if known.kind != wanted.kind => return Err(Failure::InvalidOperation),
            Some((position, known)) if wanted.access == 0 => {
                room.links.remove(position);
                // Rooms that are open by nature get a new primary link at once.
                if known.primary && roles::external_links(room.room_type).is_some_and(|(primary, _)| primary)
                {
                    let renewed = Link::primary(room.room_type, false);
                    room.links.insert(0, renewed);
                }
                return Ok(Reply::Nothing);
            }
            Some((_, known)) if known.primary && room.room_type == PUBLIC && wanted.ends.is_some() => {
                return Err(Failure::Argument);
            }
            Some((position, mut known)) => {
                wanted.apply(&mut known);
                if let Some(link) = room.links.get_mut(position) {
                    link.clone_from(&known);
                }
                known
            }
            None if !wanted.has_place_in(room) => return Err(Failure::InvalidOperation),
            None if wanted.access == 0 => return Ok(Reply::Nothing),
            None => {
                let mut link = Link::new(wanted.id.unwrap_or_else(Uuid::new_v4), wanted.kind, wanted.access);
                wanted.apply(&mut link);
                room.links.push(link.clone());
                link
            }
        };
        Ok(Reply::One(self.link_dto(&link, &call.origin)))
    }

    /// The primary external link. A GET that makes it where there is none yet.
    pub(crate) fn get_primary_link(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let folder = self.managed_room(call.caller, id, Failure::NotFound)?;
        let Kind::Room(room) = &mut folder.kind else { return Err(Failure::NotFound) };
        if roles::external_links(room.room_type).is_none() {
            return Err(Failure::InvalidOperation);
        }
        let (known, room_type) = (room.links.iter().find(|link| link.primary).cloned(), room.room_type);
        let link = match known {
            Some(link) => link,
            None => {
                let link = self.new_primary_link(room_type);
                if let Some(Kind::Room(room)) = self.folders.get_mut(&id).map(|folder| &mut folder.kind) {
                    room.links.insert(0, link.clone());
                }
                link
            }
        };
        Ok(Reply::One(self.link_dto(&link, &call.origin)))
    }

    pub(crate) fn get_links(&mut self, call: &Call<'_>, id: i64) -> Outcome {
        let kind = match call.request.query("type").map(str::to_ascii_lowercase).as_deref() {
            None | Some("") => None,
            Some("0" | "invitation") => Some(LinkKind::Invitation),
            Some("1" | "external") => Some(LinkKind::External),
            Some(_) => return Err(Failure::Invalid("Type")),
        };
        let folder = self.room(id).ok_or(Failure::NotFound)?;
        if !self.standing(call.caller, id).manages() {
            return Err(Failure::Security);
        }
        let links = folder.room().map(|room| room.links.as_slice()).unwrap_or_default();
        let links = links.iter().filter(|link| kind.is_none_or(|kind| link.kind == kind)).take(100);
        Ok(Reply::Many(links.map(|link| self.link_dto(link, &call.origin)).collect(), None))
    }
}
