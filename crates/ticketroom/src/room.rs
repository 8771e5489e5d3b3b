//! What a room is in DocSpace: its types, roles, links, and the title it can have.
//!
//! The matrix of roles and the way titles are changed are DocSpace's own (3.7.2); titles are
//! brought into that form *before* they are sent, so that what we sent can be compared with what is
//! stored.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// A room's number in DocSpace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoomId(pub i64);

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A folder's number in DocSpace. A room is a folder, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FolderId(pub i64);

impl From<RoomId> for FolderId {
    fn from(room: RoomId) -> Self {
        Self(room.0)
    }
}

impl fmt::Display for FolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kinds of room that a template can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoomType {
    /// Members edit together. No external links.
    Collaboration,
    /// Every role, external links.
    Custom,
    /// Open by link without an account.
    Public,
    /// For confidential documents. No external links.
    VirtualData,
}

impl RoomType {
    /// Every room type with its name in the configuration.
    pub const ALL: [(&'static str, Self); 4] = [
        ("collaboration", Self::Collaboration),
        ("custom", Self::Custom),
        ("public", Self::Public),
        ("virtual-data", Self::VirtualData),
    ];

    /// DocSpace's number for the type.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Collaboration => 2,
            Self::Custom => 5,
            Self::Public => 6,
            Self::VirtualData => 8,
        }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, room_type)| *room_type == self).map_or("", |(name, _)| name)
    }

    /// Whether the room itself can have an external link.
    #[must_use]
    pub fn has_external_links(self) -> bool {
        matches!(self, Self::Custom | Self::Public)
    }

    /// The roles that people can have in such a room.
    #[must_use]
    pub fn roles(self) -> &'static [Role] {
        use Role::{Commenter, ContentCreator, Editor, FormFiller, Manager, Reviewer, Viewer};
        match self {
            Self::Collaboration => &[Manager, ContentCreator, Editor, Viewer],
            Self::Custom => &[Manager, ContentCreator, Editor, Reviewer, Commenter, Viewer],
            Self::Public => &[Manager, ContentCreator],
            Self::VirtualData => &[Manager, ContentCreator, Editor, Viewer, FormFiller],
        }
    }

    /// What an invitation link lets its visitors do: the least that the room type has.
    #[must_use]
    pub fn invitation_role(self) -> Role {
        Role::Viewer
    }
}

/// What somebody may do in a room, from the most to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Manages the room. People only, and only those of type room admin or DocSpace admin.
    Manager,
    /// Makes and edits files and folders.
    ContentCreator,
    /// Edits what is there.
    Editor,
    /// Suggests changes.
    Reviewer,
    /// Comments.
    Commenter,
    /// Fills forms.
    FormFiller,
    /// Reads.
    Viewer,
}

impl Role {
    /// Every role with its name in the configuration.
    pub const ALL: [(&'static str, Self); 7] = [
        ("manager", Self::Manager),
        ("content-creator", Self::ContentCreator),
        ("editor", Self::Editor),
        ("reviewer", Self::Reviewer),
        ("commenter", Self::Commenter),
        ("form-filler", Self::FormFiller),
        ("viewer", Self::Viewer),
    ];

    /// The role with this number in DocSpace.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().map(|(_, role)| role).find(|role| role.number() == number)
    }

    /// DocSpace's number. Always sent as a number: a name that the server doesn't know *removes*
    /// access.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Manager => 9,
            Self::ContentCreator => 11,
            Self::Editor => 10,
            Self::Reviewer => 5,
            Self::Commenter => 6,
            Self::FormFiller => 7,
            Self::Viewer => 2,
        }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }
}

/// Which address goes into the ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// The room's page, for members who sign in. Costs no call.
    Member,
    /// A link that opens the room without an account.
    External,
    /// A link that makes its visitor a member.
    Invitation,
}

impl LinkKind {
    /// What `link = "auto"` means for a room type: the external link, with which anybody can read
    /// the room, where there can be one.
    #[must_use]
    pub fn auto(room_type: RoomType) -> Self {
        if room_type.has_external_links() { Self::External } else { Self::Member }
    }
}

/// A room that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its number.
    pub id: RoomId,
    /// Its title as DocSpace stores it.
    pub title: String,
}

/// Longest room title, in UTF-16 units.
pub const ROOM_TITLE_LIMIT: usize = 170;
/// Longest folder title, in UTF-16 units.
pub const FOLDER_TITLE_LIMIT: usize = 165;

/// Brings a title into the form in which DocSpace stores it: white space trimmed and folded,
/// forbidden characters replaced by `_` (an emoji outside the basic plane by two), at most `limit`
/// UTF-16 units. A title that is too long ends in `…` and is never cut inside a character as a
/// reader sees it.
#[must_use]
pub fn sanitise_title(title: &str, limit: usize) -> String {
    let folded = fold_white_space(title);
    // Each piece is one character as a reader sees it, already in DocSpace's spelling.
    let pieces: Vec<String> = folded.graphemes(true).map(sanitise_grapheme).collect();
    let units = |piece: &String| piece.encode_utf16().count();
    if pieces.iter().map(units).sum::<usize>() <= limit {
        return pieces.concat();
    }
    let mut shortened = String::new();
    let mut left = limit.saturating_sub(1);
    for piece in &pieces {
        let Some(rest) = left.checked_sub(units(piece)) else { break };
        shortened.push_str(piece);
        left = rest;
    }
    format!("{}…", shortened.trim_end())
}

/// One line, single spaces, without control characters or those that turn the reading direction of
/// what follows (they could make a title look like another).
fn fold_white_space(text: &str) -> String {
    let turns_direction =
        |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}');
    let printable: String =
        text.chars().filter(|c| !turns_direction(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    printable.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sanitise_grapheme(grapheme: &str) -> String {
    let mut out = String::with_capacity(grapheme.len());
    for c in grapheme.chars() {
        match c {
            '*' | '+' | ':' | '"' | '<' | '>' | '?' | '|' | '\\' | '/' => out.push('_'),
            // DocSpace replaces each half of a surrogate pair.
            c if c.len_utf16() == 2 => out.push_str("__"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room_title(title: &str) -> String {
        sanitise_title(title, ROOM_TITLE_LIMIT)
    }

    #[test]
    fn titles_take_docspace_form() {
        assert_eq!(room_title("Ticket #12: x"), "Ticket #12_ x");
        assert_eq!(room_title("  a\tb\r\nc \"q\" <b> C:\\x/y* + ? | "), "a b c _q_ _b_ C__x_y_ _ _ _");
        assert_eq!(room_title("fire 🔥"), "fire __");
        assert_eq!(room_title("مرحبا بالعالم"), "مرحبا بالعالم");
    }

    #[test]
    fn sanitising_twice_changes_nothing_more() {
        for title in ["a🔥:b", &"é👨‍👩‍👧 ".repeat(400), "\u{202E}evil", ""] {
            let once = room_title(title);
            assert_eq!(room_title(&once), once);
        }
    }

    #[test]
    fn long_titles_are_cut_between_characters() {
        let exact = "x".repeat(170);
        assert_eq!(room_title(&exact), exact);
        let cut = room_title(&"x".repeat(171));
        assert_eq!(cut.encode_utf16().count(), 170);
        assert!(cut.ends_with("x…"));
        // "e" with a combining acute accent: two code points, one character.
        let combining = room_title(&"e\u{301}".repeat(300));
        assert!(combining.encode_utf16().count() <= 170);
        assert!(combining.strip_suffix('…').unwrap().ends_with('\u{301}'));
    }

    #[test]
    fn direction_controls_are_dropped() {
        assert_eq!(room_title("\u{202E}txt.exe\u{202C}"), "txt.exe");
    }
}
