//! Agents, groups and companies, which tickets name by their numbers only.
//!
//! Every ticket has them, there are few, they seldom change, and each look costs one of the
//! account's requests: what was found is remembered for a while, and so is what was not. Whoever
//! can't be found, or may not be seen by our agent, is nobody: that is no reason to give a ticket
//! no room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::api::Api;
use super::wire::PersonDto;
use crate::call::{Cause, Failure};
use crate::ticket::Person;

/// How long an answer is good.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);
/// More than an account has.
const MOST: usize = 2000;

/// What has been looked up.
#[derive(Debug, Default)]
pub(super) struct Directory {
    agents: Memory<Person>,
    groups: Memory<String>,
    companies: Memory<String>,
}

impl Directory {
    /// An agent.
    pub(super) async fn agent(&self, api: &Api, id: u64) -> Result<Option<Person>, Failure> {
        let ask = async { api.agent(id).await.map(|agent| person(agent.contact)) };
        self.agents.look_up(id, ask).await
    }

    /// A group's name.
    pub(super) async fn group(&self, api: &Api, id: u64) -> Result<Option<String>, Failure> {
        let ask = async { api.group(id).await.map(|group| group.name.and_then(filled)) };
        self.groups.look_up(id, ask).await
    }

    /// A company's name.
    pub(super) async fn company(&self, api: &Api, id: u64) -> Result<Option<String>, Failure> {
        let ask = async { api.company(id).await.map(|company| company.name.and_then(filled)) };
        self.companies.look_up(id, ask).await
    }
}

/// A person of whom nothing is known is nobody.
pub(super) fn person(person: PersonDto) -> Option<Person> {
    let person = Person { name: person.name.and_then(filled), email: person.email.and_then(filled) };
    (person != Person::default()).then_some(person)
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

#[derive(Debug)]
struct Memory<T> {
    known: Mutex<HashMap<u64, Known<T>>>,
    has_warned: AtomicBool,
}

#[derive(Debug)]
struct Known<T> {
    found: Option<T>,
    at: Instant,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { known: Mutex::default(), has_warned: AtomicBool::new(false) }
    }
}

impl<T: Clone> Memory<T> {
    async fn look_up(
        &self,
        id: u64,
        ask: impl Future<Output = Result<Option<T>, Failure>>,
    ) -> Result<Option<T>, Failure> {
        if let Some(found) = self.remember(id, Instant::now()) {
            return Ok(found);
        }
        let found = match ask.await {
            Ok(found) => found,
            // Somebody who is no agent any more, or a group that was deleted.
            Err(Failure { cause: Cause::NotFound, .. }) => None,
            Err(failure) if failure.cause == Cause::Forbidden => {
                if !self.has_warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%failure, "tickets are taken without it; “ticketroom check” tells more");
                }
                None
            }
            Err(failure) => return Err(failure),
        };
        self.keep(id, found.clone(), Instant::now());
        Ok(found)
    }

    fn remember(&self, id: u64, now: Instant) -> Option<Option<T>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&id).filter(|known| known.is_good(now)).map(|known| known.found.clone())
    }

    fn keep(&self, id: u64, found: Option<T>, at: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, known| known.is_good(at));
        }
        // An account with so many is asked again rather than held in memory.
        if known.len() < MOST {
            known.insert(id, Known { found, at });
        }
    }
}

impl<T> Known<T> {
    fn is_good(&self, now: Instant) -> bool {
        now.duration_since(self.at) < REMEMBERED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallName;

    async fn ask(memory: &Memory<String>, id: u64, answer: Result<Option<&str>, Cause>) -> Option<String> {
        let name = CallName { system: &super::super::reasons::FRESHDESK, call: "get_group" };
        let answer = answer.map(|name| name.map(str::to_owned)).map_err(|cause| name.failed(cause));
        memory.look_up(id, async { answer }).await.ok().flatten()
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_remembered_for_a_while() {
        let memory = Memory::default();
        assert_eq!(ask(&memory, 1, Ok(Some("Support"))).await.as_deref(), Some("Support"));
        assert_eq!(ask(&memory, 1, Ok(Some("Sales"))).await.as_deref(), Some("Support"));
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(ask(&memory, 1, Ok(Some("Sales"))).await.as_deref(), Some("Sales"));
        for (id, nobody) in [(2, Ok(None)), (3, Err(Cause::NotFound)), (4, Err(Cause::Forbidden))] {
            assert_eq!(ask(&memory, id, nobody).await, None);
            assert_eq!(ask(&memory, id, Ok(Some("Sales"))).await, None, "remembered, too");
        }
    }

    #[tokio::test]
    async fn an_answer_that_could_not_be_had_is_not_remembered() {
        let memory = Memory::default();
        for cause in [Cause::Unauthorized, Cause::NoAnswer(String::new())] {
            let failed: Result<Option<String>, _> = memory
                .look_up(1, async {
                    Err(CallName { system: &super::super::reasons::FRESHDESK, call: "get_group" }
                        .failed(cause))
                })
                .await;
            assert!(failed.is_err());
        }
        assert_eq!(ask(&memory, 1, Ok(Some("Support"))).await.as_deref(), Some("Support"));
    }

    #[test]
    fn memory_has_an_end() {
        let (memory, now) = (Memory::default(), Instant::now());
        for id in 0..3000 {
            memory.keep(id, Some(id), now);
        }
        let kept = || memory.known.lock().unwrap().len();
        assert_eq!(kept(), MOST);
        memory.keep(5000, Some(1), now + REMEMBERED);
        assert_eq!(kept(), 1, "what is old makes room");
    }

    #[test]
    fn who_has_no_name_and_no_address_is_nobody() {
        let read = |name: Option<&str>, email: Option<&str>| {
            person(PersonDto { name: name.map(str::to_owned), email: email.map(str::to_owned) })
        };
        assert_eq!(read(None, Some(" ")), None);
        assert_eq!(read(Some("Ben"), None), Some(Person { name: Some("Ben".to_owned()), email: None }));
    }
}
