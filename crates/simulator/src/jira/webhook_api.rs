//! The webhooks that administrators make by the API: see [`registry`](super::registry). Who lacks
//! the permission “Administer Jira” gets 403.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::api::Asked;
use super::people::INTEGRATION;
use super::registry::Registered;
use super::site::Site;
use super::{JiraService, wire};
use crate::http::Answer;

impl JiraService {
    pub(super) fn webhooks_call(&self, site: &Site, asked: &Asked<'_>) -> Result<Answer, Answer> {
        if !site.is_administrator {
            return Err(wire::error(
                StatusCode::FORBIDDEN,
                "You do not have permission to administer webhooks in this Jira site.",
            ));
        }
        let (form, now) = (self.webhooks.form(), self.clock.now());
        let mut registered = self.webhooks.registered();
        let by = site.people.reference(INTEGRATION);
        let shown = |webhook: &Registered| webhook.json(form, &asked.origin, &by);
        let named = asked.route.subject.parse::<u64>().ok();
        let place = named.and_then(|id| registered.iter().position(|webhook| webhook.id == id));
        let missing = || wire::error(StatusCode::NOT_FOUND, "The webhook does not exist.");
        match (asked.request.method.as_str(), asked.route.subject.as_str(), asked.route.detail.as_str()) {
            ("GET", "", "") => {
                let all: Vec<Value> = registered.iter().map(shown).collect();
                Ok(Answer::json(StatusCode::OK, &all))
            }
            ("POST", "", "") => {
                let id = registered.iter().map(|webhook| webhook.id).max().unwrap_or(71) + 1;
                let read = Registered::read(form, &asked.object()?, id, None, site, now);
                let webhook = read.map_err(|why| wire::bad_request(&why))?;
                let answer = Answer::json(StatusCode::CREATED, &shown(&webhook));
                registered.push(webhook);
                Ok(answer)
            }
            ("GET", _, "") => {
                let webhook = place.and_then(|at| registered.get(at)).ok_or_else(missing)?;
                Ok(Answer::json(StatusCode::OK, &shown(webhook)))
            }
            ("PUT", _, "") => {
                let webhook = place.and_then(|at| registered.get_mut(at)).ok_or_else(missing)?;
                let read = Registered::read(form, &asked.object()?, webhook.id, Some(&*webhook), site, now);
                *webhook = read.map_err(|why| wire::bad_request(&why))?;
                Ok(Answer::json(StatusCode::OK, &shown(webhook)))
            }
            ("DELETE", _, "") => {
                registered.remove(place.ok_or_else(missing)?);
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
            ("GET", _, "statistics") => {
                let webhook = place.and_then(|at| registered.get(at)).ok_or_else(missing)?;
                Ok(Answer::json(StatusCode::OK, &webhook.statistics()))
            }
            ("GET", _, "latest") => {
                let webhook = place.and_then(|at| registered.get(at)).ok_or_else(missing)?;
                Ok(Answer::json(StatusCode::OK, &webhook.latest().unwrap_or_else(|| json!({}))))
            }
            _ => Err(wire::error(StatusCode::METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed")),
        }
    }
}
