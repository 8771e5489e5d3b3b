//! The control endpoint, below `/_simulator/` on each server: its state and counters, and what
//! people do in the web pages of the real system. Its calls need no key, are not counted, and no
//! fault is injected into them.
//!
//! | call | meaning |
//! | --- | --- |
//! | `GET /_simulator/state` | everything that exists |
//! | `GET /_simulator/counters` | the [`Counters`](crate::Counters) |
//! | `POST /_simulator/counters/reset` | start counting again |
//!
//! Calls that inject faults are there only after
//! [`enable_fault_injection`](crate::Server::enable_fault_injection):
//!
//! | call | meaning |
//! | --- | --- |
//! | `POST /_simulator/faults` | one [`Fault`] or a list |
//! | `POST /_simulator/faults/random` | [`RandomFaults`] |
//! | `DELETE /_simulator/faults` | no more faults |
//! | `PUT /_simulator/latency` | `{"ms": 25}`, or `{"call": "create_room", "ms": 25}` |
//! | `PUT /_simulator/clock` | by how many seconds the server's clock is fast; negative: slow |
//!
//! A system may have further calls of both kinds.

use std::time::Duration;

use hyper::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::fault::{Fault, RandomFaults};
use crate::http::{Answer, Request};
use crate::service::{Core, Service};

/// The paths of the control endpoint begin with this.
pub(crate) const PREFIX: &str = "/_simulator/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    call: Option<String>,
    ms: u64,
}

pub(crate) fn answer(core: &Core, service: &dyn Service, request: &Request, path: &str) -> Answer {
    let answer = match (request.method.as_str(), path) {
        ("GET", "state") => Some(Answer::json(StatusCode::OK, &service.state())),
        ("GET", "counters") => Some(Answer::json(StatusCode::OK, &core.counting.snapshot())),
        ("POST", "counters/reset") => {
            core.counting.reset();
            Some(done())
        }
        _ => service.control(request, path),
    };
    let may_inject = core.has_fault_injection();
    let answer = answer.or_else(|| if may_inject { inject(core, service, request, path) } else { None });
    let why = if may_inject { "no such call" } else { "no such call; fault injection is not enabled" };
    answer.unwrap_or_else(|| refused(StatusCode::NOT_FOUND, why))
}

fn inject(core: &Core, service: &dyn Service, request: &Request, path: &str) -> Option<Answer> {
    let faults = &core.faults;
    match (request.method.as_str(), path) {
        ("POST", "faults") if request.body.trim_ascii_start().starts_with(b"[") => {
            Some(with_body(request, |several: Vec<Fault>| {
                several.into_iter().for_each(|fault| faults.add(fault));
            }))
        }
        ("POST", "faults") => Some(with_body(request, |fault| faults.add(fault))),
        ("POST", "faults/random") => Some(with_body(request, |random: RandomFaults| faults.random(random))),
        ("DELETE", "faults") => {
            faults.clear();
            Some(done())
        }
        ("PUT", "latency") => Some(with_body(request, |latency: Latency| {
            let time = Duration::from_millis(latency.ms);
            match latency.call {
                Some(call) => core.set_latency_of(&call, time),
                None => core.set_latency(time),
            }
        })),
        ("PUT", "clock") => Some(with_body(request, |seconds: i32| {
            core.clock.set_off(SignedDuration::from_secs(seconds.into()));
        })),
        _ => service.inject(request, path),
    }
}

/// Calls a function with the body of the request, and answers 204; or 400 if the body can't be
/// read.
pub(crate) fn with_body<T: DeserializeOwned>(request: &Request, then: impl FnOnce(T)) -> Answer {
    match serde_json::from_slice(&request.body) {
        Ok(body) => {
            then(body);
            done()
        }
        Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

/// Success without a body.
pub(crate) fn done() -> Answer {
    Answer::empty(StatusCode::NO_CONTENT)
}

pub(crate) fn refused(status: StatusCode, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": why }))
}
