//! What of a template is about the room's life after it was created: `archive_after`, `follow`,
//! `notify`.

use std::time::Duration;

use super::reader::Value;
use super::report::{Read, all};
use super::value::{choice, duration};
use crate::template::{Follow, Notify};

/// Ten years: later is never.
const LONGEST_ARCHIVE_AFTER: Duration = Duration::from_secs(3650 * 24 * 3600);
/// Below a second there is nothing to collect.
const SHORTEST_QUIET: Duration = Duration::from_secs(1);
const LONGEST_QUIET: Duration = Duration::from_secs(24 * 3600);

/// Reads `archive_after`; `None` is never.
pub(super) fn archive_after(value: &Value<'_>) -> Read<Option<Duration>> {
    if value.full_text("write a duration such as \"3d\", or \"never\"")? == "never" {
        return Ok(None);
    }
    duration(value, Duration::ZERO..=LONGEST_ARCHIVE_AFTER).map(Some)
}

/// What can follow the ticket.
#[derive(Clone, Copy)]
enum Followed {
    Subject,
    Assignee,
    Group,
    Requester,
}

/// Reads `follow`.
pub(super) fn follow(value: &Value<'_>) -> Read<Follow> {
    let words = [
        ("subject", Followed::Subject),
        ("assignee", Followed::Assignee),
        ("group", Followed::Group),
        ("requester", Followed::Requester),
    ];
    let entries = value.list("write a list, such as [\"subject\", \"assignee\"]; [] if nothing follows")?;
    let followed: Vec<Followed> =
        all(entries.iter().map(|entry| choice(entry, &words, "something that follows the ticket")))?;
    Ok(followed.into_iter().fold(Follow::NONE, |follow, followed| match followed {
        Followed::Subject => Follow { subject: true, ..follow },
        Followed::Assignee => Follow { assignee: true, ..follow },
        Followed::Group => Follow { group: true, ..follow },
        Followed::Requester => Follow { requester: true, ..follow },
    }))
}

#[derive(Clone, Copy, PartialEq)]
enum Happening {
    File,
    Folder,
}

/// Reads `notify`; what it does not say is as in `above`.
pub(super) fn notify(value: &Value<'_>, above: Option<Notify>) -> Read<Option<Notify>> {
    let help =
        "write it like { quiet = \"5m\", events = [\"file\"] }; events = [] if the ticket is told nothing";
    let above = above.unwrap_or_default();
    let mut section = value.section(value.place.subject.clone(), help)?;
    let quiet = section.or("quiet", above.quiet, |value| duration(value, SHORTEST_QUIET..=LONGEST_QUIET));
    let events = section.optional("events", |value| {
        let words = [("file", Happening::File), ("folder", Happening::Folder)];
        let entries = value.list(help)?;
        all(entries.iter().map(|entry| choice(entry, &words, "a kind of event")))
    });
    section.close();
    let (quiet, events) = (quiet?, events?);
    let (files, folders) = match events {
        None => (above.files, above.folders),
        Some(events) => (events.contains(&Happening::File), events.contains(&Happening::Folder)),
    };
    Ok((files || folders).then_some(Notify { quiet, files, folders }))
}
