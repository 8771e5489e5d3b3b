//! Keys: whose they are, whether they are valid, and what they are valid for.

use hyper::Method;
use serde_json::json;
use uuid::Uuid;

use super::call::Call;
use super::wire::{Failure, Outcome, Reply, date, without_nulls};
use crate::docspace::state::State;
use crate::docspace::state::key::Key;
use crate::docspace::state::people::UserStatus;
use crate::docspace::state::views::ServerVersion;
use crate::http::Request;

/// What a key must be allowed to do for a call. Any one of the permissions will do.
fn accepted(method: &Method, path: &str) -> &'static [&'static str] {
    let read = method == Method::GET;
    let path = path.strip_prefix("/api/2.0/").unwrap_or(path);
    let is_below =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if is_below("files/rooms") {
        if read { &["rooms:read", "rooms:write"] } else { &["rooms:write"] }
    } else if is_below("files") {
        if read { &["files:read", "files:write"] } else { &["files:write"] }
    } else if is_below("people/@self") {
        if read { &["accounts.self:read", "accounts.self:write"] } else { &["accounts.self:write"] }
    } else if is_below("people") {
        if read { &["accounts:read", "accounts:write"] } else { &["accounts:write"] }
    } else if is_below("group") {
        // Reading groups with `accounts:write` alone is not possible.
        if read { &["accounts:read"] } else { &["accounts:write"] }
    } else {
        &[]
    }
}

impl Key {
    fn may(&self, method: &Method, path: &str) -> bool {
        let has = |scope: &str| self.permissions.iter().any(|permission| permission == scope);
        self.permissions.is_empty()
            || has("*")
            || has("*:write")
            || (method == Method::GET && has("*:read"))
            || path == "/api/2.0/keys/@self"
            || accepted(method, path).iter().any(|scope| has(scope))
    }
}

impl State {
    /// The valid key that a request carries.
    fn key(&self, request: &Request) -> Option<&Key> {
        let text = request.header("authorization")?.strip_prefix("Bearer ")?;
        let key = self.keys.iter().find(|key| key.text == text)?;
        let in_time = key.expires.is_none_or(|expires| expires > self.now());
        let user = self.people.users.get(&key.user)?;
        (key.active && in_time && user.status != UserStatus::Terminated).then_some(key)
    }

    /// The caller; `None` without a valid key.
    pub(crate) fn caller(&self, request: &Request) -> Option<Uuid> {
        self.key(request).map(|key| key.user)
    }

    /// Whether the key's scopes cover the call.
    pub(crate) fn is_in_scope(&self, request: &Request) -> bool {
        self.key(request).is_none_or(|key| key.may(&request.method, &request.path))
    }

    /// API keys came with 3.1. An older server has no such endpoint.
    pub(crate) fn self_key(&self, call: &Call<'_>) -> Outcome {
        if self.version == ServerVersion::V2_0 {
            return Err(Failure::Unknown);
        }
        let key = self.key(call.request).ok_or(Failure::NotFound)?;
        // The server maps what it has not found.
        if key.is_session {
            return Err(Failure::Null);
        }
        Ok(Reply::One(without_nulls(json!({
            "id": key.id,
            "name": "helpdesk",
            "keyPostfix": key.text.get(key.text.len() - 4..),
            "permissions": key.permissions,
            "createOn": date(key.created),
            "createBy": self.people.reference(key.user, &call.origin),
            "expiresAt": key.expires.map(date),
            "isActive": key.active,
            "lastUsed": date(self.now()),
        }))))
    }
}
