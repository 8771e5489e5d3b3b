//! Who is agent 7, and what is group 3? Tickets only name them by id. They seldom change, and each question counts
//! against the account's allowance, so answers are kept for a while.
//!
//! Not every agent may read agents and groups. Then nobody is known to be assigned: a room that lacks a person is
//! better than no room. `check` tells of it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::api::Api;
use crate::call::{Cause, Failure};
use crate::ticket::Person;

/// How long an answer is good.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How many are kept; accounts with more of them ask more often.
const MOST: usize = 2000;

/// What is known of agents and groups.
#[derive(Debug, Default)]
pub(super) struct Directory {
    agents: Mutex<Kept<Option<Person>>>,
    groups: Mutex<Kept<Option<String>>>,
}

type Kept<T> = HashMap<u64, (Instant, T)>;

impl Directory {
    /// An agent, if there is one that we may know of.
    pub(super) async fn agent(&self, api: &Api, id: Option<u64>) -> Result<Option<Person>, Failure> {
        let Some(id) = id else { return Ok(None) };
        if let Some(agent) = kept(&self.agents, id) {
            return Ok(agent);
        }
        let agent = known(api.agent(id).await)?;
        let agent = agent
            .and_then(|agent| agent.contact)
            .map(|contact| Person { name: filled(contact.name), email: filled(contact.email) });
        let agent = agent.filter(|person| *person != Person::default());
        Ok(keep(&self.agents, id, agent))
    }

    /// A group's name, if there is one that we may know of.
    pub(super) async fn group(&self, api: &Api, id: Option<u64>) -> Result<Option<String>, Failure> {
        let Some(id) = id else { return Ok(None) };
        if let Some(group) = kept(&self.groups, id) {
            return Ok(group);
        }
        let group = known(api.group(id).await)?.and_then(|group| filled(group.name));
        Ok(keep(&self.groups, id, group))
    }
}

/// Somebody who has left is nobody, and so is somebody whom we may not look at.
fn known<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Failure { cause: Cause::NotFound | Cause::Forbidden, .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn kept<T: Clone>(all: &Mutex<Kept<T>>, id: u64) -> Option<T> {
    let all = all.lock().unwrap_or_else(PoisonError::into_inner);
    let (since, known) = all.get(&id)?;
    (since.elapsed() < LIFETIME).then(|| known.clone())
}

fn keep<T: Clone>(all: &Mutex<Kept<T>>, id: u64, known: T) -> T {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MOST {
        all.clear();
    }
    all.insert(id, (Instant::now(), known.clone()));
    known
}

pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
