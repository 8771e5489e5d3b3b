//! Maps a method and path to a call. Its name is the one in counters, faults and latencies.

use hyper::Method;

/// The calls that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    CreateRoom,
    FindRooms,
    GetRoom(i64),
    UpdateRoom(i64),
    DeleteRoom(i64),
    AddTags(i64),
    RemoveTags(i64),
    ArchiveRoom(i64),
    UnarchiveRoom(i64),
    ShareRoom(i64),
    GetShare(i64),
    SetLink(i64),
    GetPrimaryLink(i64),
    GetLinks(i64),
    CreateTag,
    ListTags,
    MyDocuments,
    /// `files/{id}`
    FolderContents(i64),
    /// `files/folder/{id}`
    FolderInfo(i64),
    /// `files/folder/{id}/path`
    FolderPath(i64),
    Subfolders(i64),
    CreateFolder(i64),
    DeleteFolder(i64),
    Copy,
    /// `files/fileops` and `files/fileops/{kind}`
    Operations(Option<&'a str>),
    FindGroups,
    GetGroup(&'a str),
    UserByEmail,
    SelfUser,
    SelfKey,
    ListWebhooks,
    CreateWebhook,
    UpdateWebhook,
    EnableWebhook,
    RemoveWebhook(i64),
    /// `settings/webhook/{id}/retry`, by the number of an event
    RetryWebhook(i64),
    RetryWebhooks,
    WebhookLog,
    WebhookTriggers,
    PasswordPolicy,
    Version,
    Capabilities,
    Unknown,
}

impl<'a> Route<'a> {
    pub(crate) fn of(method: &Method, path: &'a str) -> Self {
        let Some(path) = path.strip_prefix("/api/2.0/") else { return Self::Unknown };
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let (get, post, put, delete) =
            (method == Method::GET, method == Method::POST, method == Method::PUT, method == Method::DELETE);
        match parts.as_slice() {
            ["files", "rooms"] if post => Self::CreateRoom,
            ["files", "rooms"] if get => Self::FindRooms,
            ["files", "rooms", id, rest @ ..] => {
                let Ok(id) = id.parse() else { return Self::Unknown };
                match rest {
                    [] if get => Self::GetRoom(id),
                    [] if put => Self::UpdateRoom(id),
                    [] if delete => Self::DeleteRoom(id),
                    ["tags"] if put => Self::AddTags(id),
                    ["tags"] if delete => Self::RemoveTags(id),
                    ["archive"] if put => Self::ArchiveRoom(id),
                    ["unarchive"] if put => Self::UnarchiveRoom(id),
                    ["share"] if put => Self::ShareRoom(id),
                    ["share"] if get => Self::GetShare(id),
                    ["links"] if put => Self::SetLink(id),
                    ["links"] if get => Self::GetLinks(id),
                    ["link"] if get => Self::GetPrimaryLink(id),
                    _ => Self::Unknown,
                }
            }
            ["files", "tags"] if post => Self::CreateTag,
            ["files", "tags"] if get => Self::ListTags,
            ["files", "@my"] if get => Self::MyDocuments,
            ["files", "fileops"] if get => Self::Operations(None),
            ["files", "fileops", "copy"] if put => Self::Copy,
            ["files", "fileops", kind] if get => Self::Operations(Some(kind)),
            ["files", "folder", id] => match id.parse() {
                Ok(id) if get => Self::FolderInfo(id),
                Ok(id) if post => Self::CreateFolder(id),
                Ok(id) if delete => Self::DeleteFolder(id),
                _ => Self::Unknown,
            },
            ["files", "folder", id, "path"] if get => id.parse().map_or(Self::Unknown, Self::FolderPath),
            ["files", id] if get => id.parse().map_or(Self::Unknown, Self::FolderContents),
            ["files", id, "subfolders"] if get => id.parse().map_or(Self::Unknown, Self::Subfolders),
            ["group"] if get => Self::FindGroups,
            ["group", id] if get => Self::GetGroup(id),
            ["people", "email"] if get => Self::UserByEmail,
            ["people", "@self"] if get => Self::SelfUser,
            ["keys", "@self"] if get => Self::SelfKey,
            ["settings", "webhook"] if get => Self::ListWebhooks,
            ["settings", "webhook"] if post => Self::CreateWebhook,
            ["settings", "webhook"] if put => Self::UpdateWebhook,
            ["settings", "webhook", "enable"] if put => Self::EnableWebhook,
            ["settings", "webhook", "retry"] if put => Self::RetryWebhooks,
            ["settings", "webhook", "triggers"] if get => Self::WebhookTriggers,
            ["settings", "webhook", id] if delete => id.parse().map_or(Self::Unknown, Self::RemoveWebhook),
            ["settings", "webhook", id, "retry"] if put => {
                id.parse().map_or(Self::Unknown, Self::RetryWebhook)
            }
            ["settings", "webhooks", "log"] if get => Self::WebhookLog,
            ["settings", "security", "password"] if get => Self::PasswordPolicy,
            ["settings", "version", "build"] if get => Self::Version,
            ["capabilities"] if get => Self::Capabilities,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CreateRoom => "create_room",
            Self::FindRooms => "find_rooms",
            Self::GetRoom(_) => "get_room",
            Self::UpdateRoom(_) => "update_room",
            Self::DeleteRoom(_) => "delete_room",
            Self::AddTags(_) => "add_tags",
            Self::RemoveTags(_) => "remove_tags",
            Self::ArchiveRoom(_) => "archive_room",
            Self::UnarchiveRoom(_) => "unarchive_room",
            Self::ShareRoom(_) => "share_room",
            Self::GetShare(_) => "get_share",
            Self::SetLink(_) => "set_link",
            Self::GetPrimaryLink(_) => "get_primary_link",
            Self::GetLinks(_) => "get_links",
            Self::CreateTag => "create_tag",
            Self::ListTags => "list_tags",
            Self::MyDocuments => "my_documents",
            Self::FolderContents(_) | Self::FolderInfo(_) => "folder_contents",
            Self::FolderPath(_) => "folder_path",
            Self::Subfolders(_) => "subfolders",
            Self::CreateFolder(_) => "create_folder",
            Self::DeleteFolder(_) => "delete_folder",
            Self::Copy => "copy",
            Self::Operations(_) => "fileops",
            Self::FindGroups => "find_groups",
            Self::GetGroup(_) => "get_group",
            Self::UserByEmail => "user_by_email",
            Self::SelfUser => "self_user",
            Self::SelfKey => "self_key",
            Self::ListWebhooks => "list_webhooks",
            Self::CreateWebhook => "create_webhook",
            Self::UpdateWebhook => "update_webhook",
            Self::EnableWebhook => "enable_webhook",
            Self::RemoveWebhook(_) => "remove_webhook",
            Self::RetryWebhook(_) | Self::RetryWebhooks => "retry_webhook",
            Self::WebhookLog => "webhook_log",
            Self::WebhookTriggers => "webhook_triggers",
            Self::PasswordPolicy => "password_policy",
            Self::Version => "version",
            Self::Capabilities => "capabilities",
            Self::Unknown => "unknown",
        }
    }

    /// Endpoints that check the caller themselves, so that a call without a valid key reaches them.
    pub(crate) fn lets_anonymous_in(self) -> bool {
        matches!(
            self,
            Self::GetRoom(_)
                | Self::FolderContents(_)
                | Self::FolderInfo(_)
                | Self::Operations(_)
                | Self::Version
                | Self::Capabilities
        )
    }
}
