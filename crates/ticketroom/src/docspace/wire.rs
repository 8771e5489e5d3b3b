//! The parts of DocSpace's answers that we read. Null members are left out by the server, and
//! unknown ones are ignored by us, so nearly everything is optional.

use serde::Deserialize;
use uuid::Uuid;

/// The envelope of a success. A null result has no `response` at all.
#[derive(Debug, Deserialize)]
pub(super) struct Success<T> {
    #[serde(default = "none")]
    pub(super) response: Option<T>,
    /// How many there are in all, where the endpoint counts them.
    pub(super) total: Option<u64>,
}

fn none<T>() -> Option<T> {
    None
}

/// A refusal in either envelope: a .NET exception, or a failed validation in the success envelope.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    error: Option<ErrorBody>,
    response: Option<ValidationProblem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    /// The .NET type. The message is localised and the stack is nobody's business.
    r#type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ValidationProblem {
    errors: std::collections::BTreeMap<String, serde_json::Value>,
}

impl Refusal {
    /// Whether the request's model failed its validation, which happens before anything else.
    pub(super) fn is_validation(&self) -> bool {
        self.error.is_none() && self.response.as_ref().is_some_and(|problem| !problem.errors.is_empty())
    }

    /// What can be said about a refusal without localised text or internals.
    pub(super) fn detail(self) -> String {
        let fields: Vec<String> =
            self.response.map(|problem| problem.errors.into_keys().take(10).collect()).unwrap_or_default();
        if !fields.is_empty() {
            return format!("invalid {}", fields.join(", "));
        }
        let exception = self.error.and_then(|error| error.r#type).unwrap_or_default();
        exception.rsplit('.').next().unwrap_or_default().chars().take(80).collect()
    }
}

/// A room or a folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderDto {
    /// Its number.
    pub id: i64,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// A room's tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// 14 for an active room, 20 for an archived one.
    #[serde(default)]
    pub root_folder_type: i32,
    /// Files anywhere in it.
    #[serde(default)]
    pub files_count: u64,
    /// Folders anywhere in it.
    #[serde(default)]
    pub folders_count: u64,
    /// When it was made.
    #[serde(default)]
    pub created: Option<jiff::Timestamp>,
    /// Who made it.
    #[serde(default)]
    pub created_by: Option<EmployeeRef>,
}

/// `rootFolderType` of an active room, and of what is in it.
pub const ROOT_ROOMS: i32 = 14;
/// `rootFolderType` of an archived room, and of what is in it.
pub const ROOT_ARCHIVE: i32 = 20;

/// A folder on the way to another one. Those of third parties have a text as their id.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PathPart {
    id: serde_json::Value,
    /// Rooms have one.
    room_type: Option<i32>,
}

impl PathPart {
    /// Its number, if it is a room.
    pub(super) fn room(&self) -> Option<i64> {
        self.room_type.filter(|kind| *kind != 0)?;
        self.id.as_i64()
    }
}

/// Somebody, by their number.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct EmployeeRef {
    /// The number.
    pub id: Uuid,
}

/// What a folder holds.
#[derive(Debug, Deserialize)]
pub(super) struct ContentDto {
    #[serde(default)]
    pub(super) folders: Folders,
    #[serde(default)]
    pub(super) files: Vec<EntryRef>,
    pub(super) current: Option<FolderDto>,
    pub(super) total: Option<u64>,
}

/// An entry of which only the id matters; those of third parties have a text.
#[derive(Debug, Deserialize)]
pub(super) struct EntryRef {
    id: serde_json::Value,
}

impl ContentDto {
    /// The id of the first entry.
    pub(super) fn first_id(&self) -> Option<String> {
        self.folders.first_id().or_else(|| self.files.first().map(|file| file.id.to_string()))
    }
}

/// A list of folders or rooms. Those of third parties, whose ids are texts, are left out.
#[derive(Debug, Default)]
pub(super) struct Folders {
    folders: Vec<FolderDto>,
    received: usize,
    first_id: Option<String>,
}

impl Folders {
    /// How many there were in the answer, with those that are left out.
    pub(super) fn received(&self) -> usize {
        self.received
    }

    /// The id of the first one in the answer.
    pub(super) fn first_id(&self) -> Option<String> {
        self.first_id.clone()
    }
}

impl IntoIterator for Folders {
    type Item = FolderDto;
    type IntoIter = std::vec::IntoIter<FolderDto>;

    fn into_iter(self) -> Self::IntoIter {
        self.folders.into_iter()
    }
}

impl<'de> Deserialize<'de> for Folders {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Entry {
            Own(Box<FolderDto>),
            ThirdParty { id: String },
        }
        let entries = Option::<Vec<Entry>>::deserialize(deserializer)?.unwrap_or_default();
        let received = entries.len();
        let first_id = entries.first().map(|entry| match entry {
            Entry::Own(folder) => folder.id.to_string(),
            Entry::ThirdParty { id } => id.clone(),
        });
        let own = entries.into_iter().filter_map(|entry| match entry {
            Entry::Own(folder) => Some(*folder),
            Entry::ThirdParty { .. } => None,
        });
        Ok(Self { folders: own.collect(), received, first_id })
    }
}

/// Somebody's share of a room: a person, a group or a link.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileShareDto {
    /// The role's number.
    #[serde(default)]
    pub access: i32,
    /// The room's owner.
    #[serde(default)]
    pub is_owner: bool,
    shared_to: Option<SharedToDto>,
    shared_to_user: Option<SharedToDto>,
    shared_to_group: Option<SharedToDto>,
    shared_link: Option<SharedToDto>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SharedToDto {
    id: Option<Uuid>,
    /// A person's name.
    display_name: Option<String>,
    /// A group's name.
    name: Option<String>,
    share_link: Option<String>,
    #[serde(default)]
    internal: bool,
}

impl FileShareDto {
    /// Who has the share. Servers before 3.5 have the one place, newer ones the others.
    #[must_use]
    pub fn subject(&self) -> Option<Uuid> {
        [&self.shared_to_user, &self.shared_to_group, &self.shared_to]
            .into_iter()
            .find_map(|subject| subject.as_ref()?.id)
    }

    /// What whoever has the share is called.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        [&self.shared_to_user, &self.shared_to_group, &self.shared_to].into_iter().find_map(|subject| {
            let subject = subject.as_ref()?;
            subject.display_name.as_deref().or(subject.name.as_deref())
        })
    }

    /// Whether the link opens for users of the portal only.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        [&self.shared_link, &self.shared_to].into_iter().flatten().any(|link| link.internal)
    }

    /// The link's address: in `sharedLink` since 3.5, in `sharedTo` from 2.0 to 3.7.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        [&self.shared_link, &self.shared_to].into_iter().find_map(|link| link.as_ref()?.share_link.as_deref())
    }
}

/// A group.
#[derive(Debug, Clone, Deserialize)]
pub struct GroupDto {
    /// Its number.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// A person.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct EmployeeDto {
    /// Their number.
    pub id: Uuid,
    /// Their name.
    pub display_name: Option<String>,
    /// Their e-mail address; not every key may see it.
    pub email: Option<String>,
    /// 1 active, 2 terminated, 4 pending.
    pub status: i32,
    /// A DocSpace admin.
    pub is_admin: bool,
    /// A room admin.
    pub is_room_admin: bool,
    /// The portal's owner.
    pub is_owner: bool,
    /// A guest.
    pub is_visitor: bool,
    /// A plain user.
    pub is_collaborator: bool,
}

/// An API key.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyDto {
    /// What it may do; nothing or `*` is everything.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<jiff::Timestamp>,
    /// Whether it is switched on.
    #[serde(default)]
    pub is_active: bool,
    /// Whose it is.
    pub create_by: EmployeeRef,
}

/// What the portal demands of passwords.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PasswordPolicyDto {
    pub(super) min_length: usize,
    #[serde(default)]
    pub(super) upper_case: bool,
    #[serde(default)]
    pub(super) digits: bool,
    #[serde(default)]
    pub(super) spec_symbols: bool,
}

/// An asynchronous operation.
#[derive(Debug, Clone, Deserialize)]
pub struct OperationDto {
    /// Its id.
    pub id: String,
    /// Why it failed; empty or absent is well.
    #[serde(default)]
    pub error: Option<String>,
    /// Whether it is over.
    #[serde(default)]
    pub finished: bool,
}

/// The server's version; a hint at best.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionDto {
    /// Such as `3.7.2`.
    #[serde(default)]
    pub doc_space: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_from_either_place() {
        let old: FileShareDto =
            serde_json::from_str(r#"{"sharedTo":{"shareLink":"https://d/s/old"}}"#).unwrap();
        let new: FileShareDto = serde_json::from_str(
            r#"{"sharedTo":{"shareLink":"https://d/s/old"},"sharedLink":{"shareLink":"https://d/s/new"}}"#,
        )
        .unwrap();
        assert_eq!((old.link(), new.link()), (Some("https://d/s/old"), Some("https://d/s/new")));
    }

    #[test]
    fn refusals_say_which_field_and_never_the_stack() {
        let validation: Refusal = serde_json::from_str(
            r#"{"response":{"title":"One or more","errors":{"Title":["(text)"]}},"status":1,"statusCode":400}"#,
        )
        .unwrap();
        assert_eq!(validation.detail(), "invalid Title");
        let exception: Refusal = serde_json::from_str(
            r#"{"error":{"message":"geheim","type":"System.InvalidOperationException","stack":"at x"}}"#,
        )
        .unwrap();
        assert_eq!(exception.detail(), "InvalidOperationException");
    }
}
