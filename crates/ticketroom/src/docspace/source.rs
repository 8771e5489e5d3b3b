//! DocSpace as a source of deliveries: its own webhooks, which tell of rooms and of what people do
//! in them.
//!
//! A body has three parts: `event` (what happened, when, by whom), `payload` (the room, file or
//! folder) and `webhook` (the registration, and how its last attempts ended). It is signed with
//! `x-docspace-signature-256: sha256=` and HMAC-SHA256(secret, raw body) in hexadecimal digits, in
//! capitals as of 3.7, which no source promises.
//!
//! A failed delivery is sent up to five times more, and each time `webhook` differs, and so does
//! the signature. `event` and `payload` stay as they are, byte for byte, and are all that is signed
//! of the delivery's id; so a repeat is known by them.
//!
//! A payload names neither the room's type nor its tags. What happens *to* a room points at that
//! room; what happens *in* one points at the folder of the file, whose room is asked for later
//! (`reconcile/room_events.rs`). What the service user did itself is an echo, as soon as it is
//! known who that is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::Offset;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

use super::DocSpace;
use super::triggers::{self, Subject, Trigger};
use super::wire::{ROOT_ARCHIVE, ROOT_ROOMS};
use crate::clock::Timestamp;
use crate::config::DocSpaceConfig;
use crate::printable::is_active;
use crate::room::{FolderId, RoomId};
use crate::room_event::RoomEvent;
use crate::source::salvage::{self, Json};
use crate::source::verified::{Signature, real_secrets};
use crate::source::{
    Consequence, Hint, NoTarget, NotUnderstood, RawDelivery, Source, SourceName, Target, Unverified,
    Verified, body,
};

const SIGNATURE: &str = "x-docspace-signature-256";
const SIGNATURE_IS: &str = "signature (header x-docspace-signature-256)";

/// How much of a title is kept, in characters. DocSpace's own have at most 170.
const LONGEST_TITLE: usize = 200;

/// DocSpace's webhooks.
pub struct Webhooks {
    docspace: DocSpace,
    secrets: Vec<SecretString>,
}

impl Webhooks {
    /// The webhooks of the portal of a configuration; none if it has no secret for them.
    #[must_use]
    pub fn configured(config: &DocSpaceConfig, docspace: &DocSpace) -> Option<Self> {
        let secrets = real_secrets(&config.webhook_secrets);
        (!secrets.is_empty()).then(|| Self { docspace: docspace.clone(), secrets })
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("docspace", &self.docspace).finish_non_exhaustive()
    }
}

impl Source for Webhooks {
    fn name(&self) -> SourceName {
        SourceName::DocSpace
    }

    fn require_proof(&self, headers: &HeaderMap) -> Result<(), Unverified> {
        if headers.contains_key(SIGNATURE) { Ok(()) } else { Err(Unverified::Missing(SIGNATURE_IS)) }
    }

    fn verify(&self, delivery: RawDelivery, _now: Timestamp) -> Result<Verified, Unverified> {
        self.require_proof(&delivery.headers)?;
        let given = delivery.headers.get(SIGNATURE).and_then(|given| given.to_str().ok());
        let digits = given.and_then(|given| given.trim().strip_prefix("sha256="));
        let bytes = digits.and_then(|digits| hex::decode(digits).ok());
        let signature = Signature { what: SIGNATURE_IS, bytes, prefix: b"" };
        Verified::by_hmac(delivery, &self.secrets, &signature)
    }

    fn read(&self, delivery: &Verified) -> Result<Hint, NoTarget> {
        read(delivery, self.docspace.known_own_id())
    }

    fn is_found_by_head(&self) -> bool {
        true
    }

    fn stable_part<'a>(&self, delivery: &'a Verified) -> Cow<'a, [u8]> {
        stable_part(delivery.body()).map_or(Cow::Borrowed(delivery.body()), Cow::Owned)
    }
}

/// `event` and `payload` with their fields in one order; `None` where a body has no event, and so
/// is DocSpace's in no way.
fn stable_part(body: &[u8]) -> Option<Vec<u8>> {
    let mut body: BTreeMap<String, Value> = serde_json::from_slice(body).ok()?;
    let event = body.remove("event").filter(Value::is_object)?;
    serde_json::to_vec(&(event, body.remove("payload"))).ok()
}

/// Makes out what a delivery is about. `own_id` is our own user in DocSpace, once it is known.
fn read(delivery: &Verified, own_id: Option<Uuid>) -> Result<Hint, NoTarget> {
    let read = body::read(delivery)?;
    let (event, payload) = (read.json().get("event"), read.json().get("payload"));
    if !matches!(event, Json::Object(_)) || read.was_broken() {
        return Err(not_docspaces(&read).into());
    }
    let delivery_id = event.get("id").as_text().and_then(|id| salvage::short_id(&id).map(str::to_owned));
    let name = event_name(event);
    let about_something_else =
        || NoTarget::AboutSomethingElse { event: name.clone(), delivery_id: delivery_id.clone() };
    let Some(trigger) = trigger(event) else { return Err(about_something_else()) };
    let by = event.get("createBy").text().and_then(|by| by.trim().parse::<Uuid>().ok());
    let Id::Own(id) = id_of(payload.get("id"))? else { return Err(about_something_else()) };
    let target = match trigger.subject {
        Subject::Room => Target::Room(RoomId(id)),
        Subject::Entry(what) => {
            let Some(folder) = folder_of(payload)? else { return Err(about_something_else()) };
            let title = kept_title(payload.get("title").text().unwrap_or_default());
            let (by, at) = (by.unwrap_or_default(), time_of(event)?);
            Target::Folder(RoomEvent { folder, what, entry: id, title, by, at })
        }
    };
    let is_ours = own_id.is_some() && by == own_id;
    Ok(Hint {
        target,
        event: name,
        delivery_id,
        snapshot: None,
        consequence: if is_ours { Consequence::Echo } else { Consequence::Look },
    })
}

/// The event's trigger, if it is one that is read. The name counts; servers that leave it out still
/// have the bit.
fn trigger(event: &Json) -> Option<&'static Trigger> {
    match event.get("trigger").text() {
        Some(name) if !name.trim().is_empty() => triggers::named(name.trim()),
        _ => triggers::with_mask(i64::try_from(event.get("triggerId").number()?).ok()?),
    }
}

/// What the timeline calls the event.
fn event_name(event: &Json) -> String {
    let by_bit = || trigger(event).map_or("event", |trigger| trigger.name);
    salvage::event_name(event.get("trigger").text(), by_bit())
}

/// The id of a room, file or folder.
enum Id {
    /// In DocSpace's own storage.
    Own(i64),
    /// At a third party (`sbox-12-...`), where no room of ours is.
    ThirdParty,
}

fn id_of(id: &Json) -> Result<Id, NotUnderstood> {
    let number = id.number().and_then(|id| i64::try_from(id).ok()).filter(|id| *id > 0);
    match (number, id) {
        (Some(id), _) => Ok(Id::Own(id)),
        (None, Json::Text(text)) if !text.trim().is_empty() => Ok(Id::ThirdParty),
        _ => Err(NotUnderstood(
            "the event's `payload` has no `id`, so it does not say which room or file it is about".to_owned(),
        )),
    }
}

/// The folder that a file or folder is in; `None` if that can be in no room of ours.
fn folder_of(payload: &Json) -> Result<Option<FolderId>, NotUnderstood> {
    // Personal documents and the trash have other roots. A value that is 0 is left out.
    let root = payload.get("rootFolderType").number().and_then(|root| i32::try_from(root).ok());
    if root.is_some_and(|root| root != ROOT_ROOMS && root != ROOT_ARCHIVE) {
        return Ok(None);
    }
    match payload.any(&["parentId", "folderIdDisplay"]) {
        Json::Null => Ok(None),
        parent => Ok(match id_of(parent)? {
            Id::Own(id) => Some(FolderId(id)),
            Id::ThirdParty => None,
        }),
    }
}

/// When it happened. A time without a zone is UTC.
fn time_of(event: &Json) -> Result<Timestamp, NotUnderstood> {
    let text = event.get("createOn").text().unwrap_or_default().trim();
    let in_utc = || Offset::UTC.to_timestamp(text.parse().ok()?).ok();
    let time = text.parse().ok().or_else(in_utc);
    time.ok_or_else(|| NotUnderstood("the event's `createOn` is no time".to_owned()))
}

/// A title as it is kept: without what steers terminals and logs, and not without end.
fn kept_title(title: &str) -> String {
    let harmless = |c: char| match c {
        '\t' | '\n' | '\r' => Some(' '),
        c if is_active(c) => None,
        c => Some(c),
    };
    title.trim().chars().filter_map(harmless).take(LONGEST_TITLE).collect()
}

/// What to tell whoever sent something else, signed with DocSpace's secret.
fn not_docspaces(body: &body::Body) -> NotUnderstood {
    let wrong = body.unreadable().unwrap_or("the body has no `event`");
    NotUnderstood(format!(
        "{wrong}. This address takes what DocSpace's own webhooks send (Developer Tools > Webhooks); a helpdesk has an \
         address of its own, /webhooks/ and its name"
    ))
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
