//! Which call a request is: from its method and path.

use hyper::Method;

use super::Deployment;
use super::registry::Form;

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Myself,
    GetUser,
    GetProject,
    Fields,
    GetIssue,
    EditIssue,
    BulkFetch,
    Comments,
    CreateComment,
    SetCommentProperty,
    RemoteLinks,
    PutRemoteLink,
    DeleteRemoteLink,
    CreateIssueLink,
    DeleteIssueLink,
    GetProperty,
    PutProperty,
    DeleteProperty,
    Search,
    /// Webhooks of administrators.
    Webhooks,
    ServerInfo,
    RemovedSearch,
    AttachmentContent,
    GetAttachment,
    /// The file itself, where the content's address leads to.
    Media,
    GetRequest,
    CreateRequestComment,
    Unknown,
}

/// A call with what its path says.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) call: Call,
    /// Version of the API; 2 where there is none.
    pub(super) version: u8,
    /// The issue's id or key, or the id or key of what it is about.
    pub(super) subject: String,
    /// The key of a property.
    pub(super) detail: String,
}

impl Route {
    pub(super) fn of(deployment: Deployment, form: Form, method: &Method, path: &str) -> Self {
        let parts: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (version, call) = match (deployment, parts.as_slice()) {
            (_, ["rest", "api", "2", rest @ ..]) => (2, Call::of_platform(deployment, method, rest)),
            (Deployment::Cloud, ["rest", "api", "3", rest @ ..]) => {
                (3, Call::of_platform(deployment, method, rest))
            }
            (_, ["rest", "servicedeskapi", "request", rest @ ..]) => (2, Call::of_service_desk(method, rest)),
            (_, ["rest", "webhooks", "1.0", "webhook", ..]) if form == Form::Classic => (2, Call::Webhooks),
            (_, ["rest", "jira-webhook", "1.0", "webhooks", ..]) if form == Form::Newer => {
                (2, Call::Webhooks)
            }
            (Deployment::Cloud, ["media.api", "file", _, "binary"]) => (2, Call::Media),
            (Deployment::DataCenter, ["secure", "attachment", _, _]) => (2, Call::AttachmentContent),
            _ => (2, Call::Unknown),
        };
        let of = |place: usize| parts.get(place).map_or(String::new(), |part| (*part).to_owned());
        let (subject, detail) = match call {
            Call::AttachmentContent if parts.first() == Some(&"rest") => (of(5), String::new()),
            Call::AttachmentContent | Call::Media => (of(2), String::new()),
            Call::GetRequest | Call::CreateRequestComment => (of(3), String::new()),
            Call::Webhooks => (of(4), of(5)),
            _ => (of(4), of(6)),
        };
        Self { call, version, subject, detail }
    }
}

impl Call {
    fn of_platform(deployment: Deployment, method: &Method, parts: &[&str]) -> Self {
        let cloud = deployment == Deployment::Cloud;
        match (method.as_str(), parts) {
            ("GET", ["myself"]) => Self::Myself,
            ("GET", ["serverInfo"]) => Self::ServerInfo,
            ("GET", ["user"]) => Self::GetUser,
            ("GET", ["project", _]) => Self::GetProject,
            ("GET", ["field"]) => Self::Fields,
            ("POST", ["issue", "bulkfetch"]) if cloud => Self::BulkFetch,
            ("GET", ["issue", _]) => Self::GetIssue,
            ("PUT", ["issue", _]) => Self::EditIssue,
            ("GET", ["issue", _, "comment"]) => Self::Comments,
            ("POST", ["issue", _, "comment"]) => Self::CreateComment,
            ("GET", ["issue", _, "remotelink"] | ["issue", _, "remotelink", _]) => Self::RemoteLinks,
            ("POST", ["issue", _, "remotelink"]) => Self::PutRemoteLink,
            ("DELETE", ["issue", _, "remotelink"]) => Self::DeleteRemoteLink,
            ("POST", ["issueLink"]) => Self::CreateIssueLink,
            ("DELETE", ["issueLink", _]) => Self::DeleteIssueLink,
            ("GET", ["issue", _, "properties", _]) => Self::GetProperty,
            ("PUT", ["issue", _, "properties", _]) => Self::PutProperty,
            ("DELETE", ["issue", _, "properties", _]) => Self::DeleteProperty,
            ("PUT", ["comment", _, "properties", _]) => Self::SetCommentProperty,
            ("GET" | "POST", ["search", "jql"]) if cloud => Self::Search,
            ("GET" | "POST", ["search"]) if !cloud => Self::Search,
            ("GET" | "POST", ["search"]) => Self::RemovedSearch,
            ("GET", ["attachment", "content", _]) if cloud => Self::AttachmentContent,
            ("GET", ["attachment", _]) => Self::GetAttachment,
            _ => Self::Unknown,
        }
    }

    fn of_service_desk(method: &Method, parts: &[&str]) -> Self {
        match (method.as_str(), parts) {
            ("GET", [_]) => Self::GetRequest,
            ("POST", [_, "comment"]) => Self::CreateRequestComment,
            _ => Self::Unknown,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Myself => "myself",
            Self::GetUser => "get_user",
            Self::GetProject => "get_project",
            Self::Fields => "fields",
            Self::GetIssue => "get_issue",
            Self::EditIssue => "edit_issue",
            Self::BulkFetch => "bulk_fetch",
            Self::Comments => "comments",
            Self::CreateComment | Self::CreateRequestComment => "create_comment",
            Self::RemoteLinks => "remote_links",
            Self::PutRemoteLink => "put_remote_link",
            Self::DeleteRemoteLink => "delete_remote_link",
            Self::CreateIssueLink => "create_issue_link",
            Self::DeleteIssueLink => "delete_issue_link",
            Self::GetProperty => "get_property",
            Self::PutProperty => "put_property",
            Self::Search => "search",
            Self::Webhooks => "webhooks",
            Self::ServerInfo => "server_info",
            Self::AttachmentContent | Self::GetAttachment | Self::Media => "attachment",
            Self::GetRequest => "get_request",
            Self::SetCommentProperty | Self::DeleteProperty | Self::RemovedSearch | Self::Unknown => "other",
        }
    }

    /// Whether it changes the issue that it names.
    pub(super) fn writes_to_issue(self) -> bool {
        matches!(
            self,
            Self::EditIssue
                | Self::CreateComment
                | Self::CreateRequestComment
                | Self::PutRemoteLink
                | Self::DeleteRemoteLink
                | Self::PutProperty
                | Self::DeleteProperty
        )
    }
}

/// A segment of a path, without its percent signs.
fn decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| *first == b'%');
        let byte = escape.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded() {
        for (segment, expected) in [("a%20b", "a b"), ("%C3%BC", "ü"), ("100%", "100%"), ("%zz+", "%zz+")] {
            assert_eq!(decoded(segment), expected);
        }
    }
}
