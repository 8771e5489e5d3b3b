//! The steps that a plan can hand out.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::helpdesk::Note;
use crate::room::{LinkKind, Room, RoomId, RoomType};
use crate::template::Grant;

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Notes that a room that was found is the ticket's. No call.
    Adopt {
        /// The template that counts from now on.
        template: String,
        /// The room.
        room: Room,
        /// Whether it carries the ticket's tag.
        tagged: bool,
    },
    /// Notes that the room is gone. No call.
    NoteDeleted,
    /// Notes that a room that was thought to be gone is there. No call.
    NoteRestored,
    /// Forgets a room that is gone, since a person asked for a new one. No call.
    BeginAgain,
    /// Notes the address of the room's page for members, which needs no asking. No call.
    NoteLink {
        /// The address.
        url: String,
    },
    /// Notes that the link is in the ticket already. No call.
    NoteWrittenBack,
    /// Notes that a create which was refused has made no room. No call.
    NoteNotMade,
    /// Notes that there is no second room to put away. No call.
    EndAudit {
        /// Rooms with the ticket's tag that people have worked in: for a person to look at.
        used: Vec<RoomId>,
        /// When to look again.
        next: Option<Timestamp>,
    },
    /// Makes the room.
    CreateRoom {
        /// The template it is made by.
        template: String,
        /// Its title, in DocSpace's form.
        title: String,
        /// Its type.
        room_type: RoomType,
        /// How often a room has been asked for, this time included.
        attempt: u32,
    },
    /// Gives a room that was found by its title the ticket's tag.
    TagRoom {
        /// The room.
        room: RoomId,
    },
    /// Makes what is missing of the template's folders.
    Folders {
        /// The room.
        room: RoomId,
        /// What is known about the folders before.
        start: FoldersStart,
    },
    /// Lets people in.
    Access {
        /// The room.
        room: RoomId,
        /// Who is not in yet.
        grants: Vec<Grant>,
    },
    /// Gets the address that goes into the ticket.
    Link {
        /// The room.
        room: RoomId,
        /// Which address.
        kind: LinkKind,
    },
    /// Puts the address into the ticket.
    WriteBack {
        /// The room.
        room: Room,
        /// The address.
        url: String,
        /// What is known of our note.
        note: Note,
    },
    /// Archives rooms that a lost create left behind and that hold nothing but what ticketroom puts into a room.
    ArchiveExtra {
        /// The rooms, none of which has files.
        rooms: Vec<RoomId>,
        /// Further rooms, which people have worked in.
        used: Vec<RoomId>,
        /// Who was given access to the ticket's own room.
        granted: Vec<Uuid>,
        /// When to look again.
        next: Timestamp,
    },
}

/// What is known about a room's folders before they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldersStart {
    /// The room was made in this very run: there are none.
    Empty,
    /// There may be some: look first.
    Unknown,
    /// A call without an answer may still make some until then: look, but make none before.
    Settling(Timestamp),
}

/// The kinds of steps; each runs at most once a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named for the steps")]
pub enum StepKind {
    Adopt,
    NoteDeleted,
    NoteRestored,
    BeginAgain,
    NoteLink,
    NoteWrittenBack,
    NoteNotMade,
    EndAudit,
    CreateRoom,
    TagRoom,
    Folders,
    Access,
    Link,
    WriteBack,
    ArchiveExtra,
}

impl StepKind {
    /// The name in metrics, fault points and the timeline.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adopt => "adopt",
            Self::NoteDeleted => "note_deleted",
            Self::NoteRestored => "note_restored",
            Self::BeginAgain => "begin_again",
            Self::NoteLink => "note_link",
            Self::NoteWrittenBack => "note_written_back",
            Self::NoteNotMade => "note_not_made",
            Self::EndAudit => "end_audit",
            Self::CreateRoom => "create_room",
            Self::TagRoom => "tag_room",
            Self::Folders => "folders",
            Self::Access => "access",
            Self::Link => "link",
            Self::WriteBack => "write_back",
            Self::ArchiveExtra => "archive_extra",
        }
    }
}

impl Step {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Adopt { .. } => StepKind::Adopt,
            Self::NoteDeleted => StepKind::NoteDeleted,
            Self::NoteRestored => StepKind::NoteRestored,
            Self::BeginAgain => StepKind::BeginAgain,
            Self::NoteLink { .. } => StepKind::NoteLink,
            Self::NoteWrittenBack => StepKind::NoteWrittenBack,
            Self::NoteNotMade => StepKind::NoteNotMade,
            Self::EndAudit { .. } => StepKind::EndAudit,
            Self::CreateRoom { .. } => StepKind::CreateRoom,
            Self::TagRoom { .. } => StepKind::TagRoom,
            Self::Folders { .. } => StepKind::Folders,
            Self::Access { .. } => StepKind::Access,
            Self::Link { .. } => StepKind::Link,
            Self::WriteBack { .. } => StepKind::WriteBack,
            Self::ArchiveExtra { .. } => StepKind::ArchiveExtra,
        }
    }
}
