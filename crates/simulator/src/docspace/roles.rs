//! Types of rooms, their roles, and the limits of titles.

/// Names that a request may use instead of a room type's number.
pub(super) const ROOM_TYPES: [(&str, i32); 6] = [
    ("FillingFormsRoom", FILLING_FORMS),
    ("EditingRoom", EDITING),
    ("CustomRoom", CUSTOM),
    ("PublicRoom", PUBLIC),
    ("VirtualDataRoom", DATA),
    ("AiRoom", AI),
];
pub(super) const FILLING_FORMS: i32 = 1;
pub(super) const EDITING: i32 = 2;
pub(super) const CUSTOM: i32 = 5;
pub(super) const PUBLIC: i32 = 6;
pub(super) const DATA: i32 = 8;
pub(super) const AI: i32 = 9;

/// The number that folders of this room type have among all folder types.
pub(super) fn folder_type(room_type: i32) -> i32 {
    match room_type {
        FILLING_FORMS => 15,
        EDITING => 16,
        PUBLIC => 22,
        DATA => 29,
        AI => 31,
        _ => 19,
    }
}

/// Names that a request may use instead of a role's number, of 3.x and, after them, of 2.x.
pub(super) const ROLES: [(&str, i32); 15] = [
    ("None", 0),
    ("ReadWrite", 1),
    ("Read", READ),
    ("Restrict", 3),
    ("Varies", 4),
    ("Review", 5),
    ("Comment", 6),
    ("FillForms", FILL_FORMS),
    ("CustomFilter", 8),
    ("RoomManager", MANAGER),
    ("Editing", 10),
    ("ContentCreator", CREATOR),
    ("RoomAdmin", MANAGER),
    ("Collaborator", CREATOR),
    ("PowerUser", CREATOR),
];
pub(super) const READ: i32 = 2;
pub(super) const FILL_FORMS: i32 = 7;
pub(super) const MANAGER: i32 = 9;
pub(super) const EDITOR: i32 = 10;
pub(super) const CREATOR: i32 = 11;

/// What gets a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    User,
    Group,
    InvitationLink,
    ExternalLink,
}

/// Whether a room of that type has the role for that subject. 0 removes a role, and is allowed
/// wherever there are roles.
pub(super) fn knows(room_type: i32, subject: Subject, role: i32) -> bool {
    let roles: &[i32] = match (room_type, subject) {
        (EDITING | DATA | AI, Subject::ExternalLink) => return false,
        (EDITING, _) => &[MANAGER, CREATOR, 10, READ],
        (CUSTOM | PUBLIC, Subject::ExternalLink) => &[10, FILL_FORMS, 5, 6, READ],
        (CUSTOM, _) => &[MANAGER, CREATOR, 10, 5, 6, READ],
        (PUBLIC, Subject::InvitationLink) => &[CREATOR, READ],
        (PUBLIC, _) => &[MANAGER, CREATOR],
        (FILLING_FORMS, Subject::ExternalLink) => &[FILL_FORMS, READ],
        (FILLING_FORMS, _) => &[MANAGER, CREATOR, FILL_FORMS],
        (DATA, _) => &[MANAGER, CREATOR, 10, READ, FILL_FORMS],
        (AI, _) => &[MANAGER, CREATOR, READ],
        _ => &[],
    };
    role == 0 || (roles.contains(&role) && (role != MANAGER || subject == Subject::User))
}

/// External links of a room: whether it has a primary one from the start, and how many further ones
/// it may have.
pub(super) fn external_links(room_type: i32) -> Option<(bool, usize)> {
    match room_type {
        CUSTOM => Some((false, 5)),
        PUBLIC => Some((true, 5)),
        FILLING_FORMS => Some((true, 0)),
        _ => None,
    }
}

/// A title of a room has at most so many UTF-16 units.
pub(super) const ROOM_TITLE: usize = 170;
/// A title of a folder.
pub(super) const FOLDER_TITLE: usize = 165;

/// A title as it is stored: trimmed, cut, and with `_` for characters that file systems don't
/// allow, and for each half of a surrogate pair.
pub(super) fn stored_title(title: &str) -> String {
    let units = title.trim().encode_utf16().take(ROOM_TITLE);
    units
        .map(|unit| match char::from_u32(u32::from(unit)) {
            None | Some('\t' | '*' | '+' | ':' | '"' | '<' | '>' | '?' | '|' | '\\' | '/') => '_',
            Some(other) => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_stored_changed() {
        for (title, stored) in [
            ("  Ticket #12: x ", "Ticket #12_ x"),
            ("a\tb*c+d\"e<f>g?h|i\\j/k", "a_b_c_d_e_f_g_h_i_j_k"),
            ("fire 🔥!", "fire __!"),
            ("Größe", "Größe"),
        ] {
            assert_eq!(stored_title(title), stored);
        }
        assert_eq!(stored_title(&"ä".repeat(200)).encode_utf16().count(), 170);
    }

    #[test]
    fn each_kind_of_room_knows_its_own_roles() {
        use Subject::{ExternalLink, Group, InvitationLink, User};
        let table: [(i32, [&[i32]; 4]); 6] = [
            (EDITING, [&[9, 11, 10, 2, 0], &[11, 10, 2, 0], &[11, 10, 2, 0], &[]]),
            (
                CUSTOM,
                [
                    &[9, 11, 10, 5, 6, 2, 0],
                    &[11, 10, 5, 6, 2, 0],
                    &[11, 10, 5, 6, 2, 0],
                    &[10, 7, 5, 6, 2, 0],
                ],
            ),
            (PUBLIC, [&[9, 11, 0], &[11, 0], &[11, 2, 0], &[10, 7, 5, 6, 2, 0]]),
            (FILLING_FORMS, [&[9, 11, 7, 0], &[11, 7, 0], &[11, 7, 0], &[7, 2, 0]]),
            (DATA, [&[9, 11, 10, 2, 7, 0], &[11, 10, 2, 7, 0], &[11, 10, 2, 7, 0], &[]]),
            (AI, [&[9, 11, 2, 0], &[11, 2, 0], &[11, 2, 0], &[]]),
        ];
        for (room_type, columns) in table {
            for (subject, roles) in [User, Group, InvitationLink, ExternalLink].into_iter().zip(columns) {
                for role in -1..=12 {
                    let expected = roles.contains(&role);
                    assert_eq!(knows(room_type, subject, role), expected, "{room_type} {subject:?} {role}");
                }
            }
        }
    }
}
