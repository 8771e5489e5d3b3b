//! The portal as a service: admission by key and limits, the control endpoint, pages.

use std::sync::{Mutex, MutexGuard};

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::endpoints::body::Fields;
use super::endpoints::routes::Route;
use super::endpoints::wire::{self, Failure};
use super::limits::{Limiter, Limits};
use super::quirks::Quirks;
use super::state::{ARCHIVE, State};
use crate::control::{done, with_body};
use crate::fault::TooMany;
use crate::http::{Answer, Request};
use crate::lock;
use crate::service::{Admission, Service};

/// What the server's tasks and the handles share.
#[derive(Debug)]
pub struct Portal {
    pub(super) api_key: String,
    pub(super) limiter: Limiter,
    state: Mutex<State>,
}

impl Portal {
    pub(super) fn new(state: State, api_key: String, limits: Option<Limits>) -> Self {
        let limiter = Limiter::default();
        limiter.set(limits);
        Self { api_key, limiter, state: Mutex::new(state) }
    }

    /// The state, after all operations that are due were done.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        state.catch_up();
        state
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Down {
    down: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomQuota {
    most: Option<usize>,
}

impl Service for Portal {
    fn name(&self, method: &Method, path: &str) -> &'static str {
        Route::of(method, path).name()
    }

    /// The key is checked before the limits, and the limits before the key's scopes.
    fn admit(&self, request: &Request, _call: &'static str) -> Result<Admission, Answer> {
        let state = self.state();
        if state.down {
            return Err(wire::gateway(StatusCode::SERVICE_UNAVAILABLE));
        }
        let caller = state.caller(request);
        let route = Route::of(&request.method, &request.path);
        if caller.is_none() && !route.lets_anonymous_in() {
            return Err(Answer::empty(StatusCode::UNAUTHORIZED));
        }
        let invitations = if matches!(route, Route::ShareRoom(_)) { email_invitations(request) } else { 0 };
        let user = caller.unwrap_or_else(Uuid::nil);
        let place = self.limiter.enter(user, &request.method, invitations, state.now())?;
        Ok(place.map_or_else(Admission::default, Admission::holding))
    }

    fn answer(&self, request: &Request, _call: &'static str) -> Answer {
        let outcome = self.state().dispatch(request);
        wire::answer(request, outcome)
    }

    fn refusal(&self, status: StatusCode) -> Answer {
        if status == StatusCode::TOO_MANY_REQUESTS {
            return self.too_many(TooMany::PerMinute);
        }
        Failure::answer_of_status(status)
    }

    fn too_many(&self, kind: TooMany) -> Answer {
        let now = self.state().now();
        self.limiter.pretend(kind, now)
    }

    fn page(&self, request: &Request) -> Option<Answer> {
        self.state().page(request)
    }

    fn state(&self) -> Value {
        self.state().everything("")
    }

    /// A person archives or deletes a room: `POST rooms/{id}/archive`, `DELETE rooms/{id}`.
    fn control(&self, request: &Request, path: &str) -> Option<Answer> {
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["rooms", id, "archive"]) => self.state().move_room(id.parse().ok()?, ARCHIVE),
            ("DELETE", ["rooms", id]) => self.state().delete_room_by_hand(id.parse().ok()?),
            _ => return None,
        }
        Some(done())
    }

    /// | call | meaning |
    /// | --- | --- |
    /// | `PUT down` | `{"down": true}`: only the proxy in front answers |
    /// | `PUT limits` | [`Limits`], or `null` for none |
    /// | `PUT quirks` | [`Quirks`] |
    /// | `PUT room_quota` | `{"most": 5}` active rooms, or `{}` |
    /// | `POST lose_tags_of_next_room` | the next room is created, but its tags aren't |
    fn inject(&self, request: &Request, path: &str) -> Option<Answer> {
        Some(match (request.method.as_str(), path) {
            ("PUT", "down") => with_body(request, |order: Down| self.state().down = order.down),
            ("PUT", "limits") => with_body(request, |limits: Option<Limits>| self.limiter.set(limits)),
            ("PUT", "quirks") => with_body(request, |quirks: Quirks| self.state().quirks = quirks),
            ("PUT", "room_quota") => {
                with_body(request, |quota: RoomQuota| self.state().room_quota = quota.most)
            }
            ("POST", "lose_tags_of_next_room") => {
                self.state().loses_tags = true;
                done()
            }
            _ => return None,
        })
    }
}

/// How many e-mail invitations a request to share has.
fn email_invitations(request: &Request) -> u32 {
    let invitations = Fields::of(request).and_then(|fields| fields.objects("Invitations"));
    let invitations = invitations.ok().flatten().unwrap_or_default();
    let by_email = invitations.iter().filter(|invitation| invitation.get("Email").is_some()).count();
    u32::try_from(by_email).unwrap_or(u32::MAX)
}
