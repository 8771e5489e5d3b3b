//! The portal as a service: admission by key and limits, the control endpoint, pages.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use super::act::{Act, Refused};
use super::endpoints::body::Fields;
use super::endpoints::routes::Route;
use super::endpoints::wire::{self, Failure};
use super::limits::{Limiter, Limits};
use super::quirks::Quirks;
use super::state::State;
use super::state::webhook::{NewWebhook, PasswordPolicy};
use crate::control::{done, refused, with_body};
use crate::fault::TooMany;
use crate::http::{Answer, Probed, Request};
use crate::lock;
use crate::service::{Admission, Probe, Service};

/// What the server's tasks and the handles share.
#[derive(Debug)]
pub struct Portal {
    pub(super) api_key: String,
    pub(super) limiter: Limiter,
    state: Arc<Mutex<State>>,
}

impl Portal {
    pub(super) fn new(state: State, api_key: String, limits: Option<Limits>) -> Self {
        let limiter = Limiter::default();
        limiter.set(limits);
        Self { api_key, limiter, state: Arc::new(Mutex::new(state)) }
    }

    /// What carries operations out, as long as the portal runs.
    pub(super) fn operations(&self) -> impl Future<Output = ()> + Send + 'static {
        let started = Arc::clone(&lock(&self.state).operation_started);
        carry_out_operations(Arc::clone(&self.state), started)
    }

    /// Does what a person orders at the control endpoint.
    fn act(&self, order: Order) -> Answer {
        let mut state = self.state();
        let by = order.by.parse().ok().or_else(|| state.people.by_email(&order.by));
        let Some(by) = by else { return refused(StatusCode::NOT_FOUND, "there is no such user") };
        match state.act(by, order.act) {
            Ok(id) => Answer::json(StatusCode::OK, &json!({ "id": id })),
            Err(Refused::NotFound) => refused(StatusCode::NOT_FOUND, "what it is about isn't there"),
            Err(Refused::Forbidden) => refused(StatusCode::FORBIDDEN, "the user may not do this"),
            Err(Refused::Quota) => refused(StatusCode::PAYMENT_REQUIRED, "the quota of rooms is reached"),
        }
    }

    fn set_operations(&self, order: &Operations) {
        let queue = &mut self.state().queue;
        queue.time = order.time_ms.map_or(queue.time, Duration::from_millis);
        queue.known_for = order.known_for_ms.map_or(queue.known_for, Duration::from_millis);
        queue.workers = order.workers.unwrap_or(queue.workers);
    }

    /// The state, after all operations that are due were done.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        state.catch_up();
        state
    }
}

/// Carries operations out when they are due, also while nobody calls: their events are waited for.
async fn carry_out_operations(state: Arc<Mutex<State>>, started: Arc<Notify>) {
    loop {
        let next: Option<Instant> = {
            let mut state = lock(&state);
            state.catch_up();
            state.queue.next_due()
        };
        match next {
            Some(due) => tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = started.notified() => {}
            },
            None => started.notified().await,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// UUID or e-mail address.
    by: String,
    act: Act,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lose {
    n: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivateWebhooks {
    allowed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operations {
    time_ms: Option<u64>,
    known_for_ms: Option<u64>,
    workers: Option<usize>,
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

    fn probe(&self, request: &Request) -> Option<Probe> {
        let state = self.state();
        let head = state.sender.head(state.address_to_probe(request)?);
        Some(Box::pin(async move { head.await.status().map_or(Probed::Silent, Probed::Status) }))
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

    /// | call | meaning |
    /// | --- | --- |
    /// | `POST act` | `{"by": "anna.agent@example.com", "act": {"rename_room": {"room": 1001, "title": "VPN"}}}`: a user does that ([`Act`]); answers its id, or 402, 403, 404 |
    /// | `PUT webhook` | [`NewWebhook`]: events are sent there from now on, and nowhere else |
    /// | `POST rooms/{id}/archive`, `DELETE rooms/{id}` | the portal's owner does that, regardless of rights |
    fn control(&self, request: &Request, path: &str) -> Option<Answer> {
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["act"]) => {
                let mut acted = None;
                let unreadable = with_body(request, |order| acted = Some(self.act(order)));
                return Some(acted.unwrap_or(unreadable));
            }
            ("PUT", ["webhook"]) => {
                return Some(with_body(request, |webhook: NewWebhook| {
                    self.state().set_webhook(webhook);
                }));
            }
            ("POST", ["rooms", id, "archive"]) => self.state().archive_room_by_hand(id.parse().ok()?),
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
    /// | `PUT private_webhooks` | `{"allowed": false}`: webhooks go to public addresses only |
    /// | `PUT password_policy` | [`PasswordPolicy`] |
    /// | `PUT lose_operations` | `{"n": 3}`: so many archive, unarchive and copy operations are answered with 200 and never run |
    /// | `PUT lose_webhooks` | `{"n": 3}`: so many events are logged and never sent to webhooks |
    /// | `PUT operations` | `{"time_ms": 50, "known_for_ms": 60000, "workers": 10}`, each of them optional |
    fn inject(&self, request: &Request, path: &str) -> Option<Answer> {
        Some(match (request.method.as_str(), path) {
            ("PUT", "down") => with_body(request, |order: Down| self.state().down = order.down),
            ("PUT", "limits") => with_body(request, |limits: Option<Limits>| self.limiter.set(limits)),
            ("PUT", "quirks") => with_body(request, |quirks: Quirks| self.state().quirks = quirks),
            ("PUT", "room_quota") => {
                with_body(request, |quota: RoomQuota| self.state().room_quota = quota.most)
            }
            ("PUT", "private_webhooks") => with_body(request, |order: PrivateWebhooks| {
                self.state().sender.webhooks().allows_private = order.allowed;
            }),
            ("PUT", "password_policy") => with_body(request, |policy: PasswordPolicy| {
                self.state().sender.webhooks().policy = policy;
            }),
            ("PUT", "lose_operations") => {
                with_body(request, |order: Lose| self.state().queue.loses = order.n)
            }
            ("PUT", "lose_webhooks") => {
                with_body(request, |order: Lose| self.state().sender.webhooks().loses = order.n)
            }
            ("PUT", "operations") => with_body(request, |order: Operations| self.set_operations(&order)),
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
