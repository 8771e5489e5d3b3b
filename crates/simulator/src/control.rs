//! The control door: what a person or another process may ask of a running server beside its own API. It is
//! never counted, delayed or struck by faults.
//!
//! | call | meaning |
//! | --- | --- |
//! | `GET /_simulator/state` | everything that exists |
//! | `GET /_simulator/counters` | the [`Counters`](crate::Counters) |
//! | `POST /_simulator/counters/reset` | start counting again |
//! | `POST /_simulator/faults` | one [`Fault`] or a list |
//! | `POST /_simulator/faults/random` | [`RandomFaults`] |
//! | `DELETE /_simulator/faults` | no more faults |
//! | `PUT /_simulator/latency` | `{"ms": 25}`, or `{"call": "create_room", "ms": 25}` |
//!
//! A system may have further calls of its own.

use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::fault::{Fault, RandomFaults};
use crate::http::{Answer, Request};
use crate::server::{Core, Service};

/// The paths of the door begin with this.
pub(crate) const DOOR: &str = "/_simulator/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    call: Option<String>,
    ms: u64,
}

pub(crate) fn answer(core: &Core, service: &dyn Service, request: &Request, path: &str) -> Answer {
    match (request.method.as_str(), path) {
        ("GET", "state") => Answer::json(StatusCode::OK, &service.state()),
        ("GET", "counters") => Answer::json(StatusCode::OK, &core.counting.snapshot()),
        ("POST", "counters/reset") => {
            core.counting.reset();
            done()
        }
        ("POST", "faults") if request.body.trim_ascii_start().starts_with(b"[") => {
            ordered(request, |faults: Vec<Fault>| faults.into_iter().for_each(|fault| core.faults.add(fault)))
        }
        ("POST", "faults") => ordered(request, |fault: Fault| core.faults.add(fault)),
        ("POST", "faults/random") => ordered(request, |random: RandomFaults| core.faults.random(random)),
        ("DELETE", "faults") => {
            core.faults.clear();
            done()
        }
        ("PUT", "latency") => ordered(request, |latency: Latency| {
            let time = Duration::from_millis(latency.ms);
            match latency.call {
                Some(call) => core.set_latency_of(&call, time),
                None => core.set_latency(time),
            }
        }),
        _ => service.control(request, path).unwrap_or_else(|| refused(StatusCode::NOT_FOUND, "no such call")),
    }
}

/// Carries out what the body orders, if it can be understood.
pub(crate) fn ordered<T: DeserializeOwned>(request: &Request, carry_out: impl FnOnce(T)) -> Answer {
    match serde_json::from_slice(&request.body) {
        Ok(order) => {
            carry_out(order);
            done()
        }
        Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

/// It is done, and there is nothing to say.
pub(crate) fn done() -> Answer {
    Answer::empty(StatusCode::NO_CONTENT)
}

pub(crate) fn refused(status: StatusCode, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": why }))
}
