//! People and groups, and what the key may do. Answers that seldom change are remembered for a
//! while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::client::{Call, DocSpace};
use super::pages::{PAGE, Pages};
use super::wire::{ApiKeyDto, EmployeeDto, GroupDto};
use crate::call::{Cause, Failure};

/// How long somebody who was found is taken to be still there. Nobody who was *not* found is
/// remembered: the administrator may be adding them just now.
const REMEMBERED: Duration = Duration::from_secs(300);

/// What has been asked before.
#[derive(Debug, Default)]
pub(super) struct Known {
    ids: Mutex<HashMap<String, (Uuid, Instant)>>,
    own: Mutex<Option<Uuid>>,
    /// When DocSpace last refused to tell.
    own_refused: Mutex<Option<Instant>>,
}

impl Known {
    fn get(&self, key: &str) -> Option<Uuid> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.get(key).filter(|(_, at)| at.elapsed() < REMEMBERED).map(|(id, _)| *id)
    }

    fn put(&self, key: String, id: Uuid) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (id, Instant::now()));
    }
}

impl DocSpace {
    /// The key we use.
    ///
    /// # Errors
    /// `Unauthorized` if it is not accepted.
    pub async fn own_key(&self) -> Result<ApiKeyDto, Failure> {
        self.get("self_key", "keys/@self".to_owned(), &[]).await?.ok_or_else(|| self.nothing("self_key"))
    }

    /// The user whose key we use, once it is known.
    pub(super) fn known_own_id(&self) -> Option<Uuid> {
        *self.known.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user whose key we use. Asked of the key, which needs no scope, unlike `people/@self`.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn own_id(&self) -> Result<Uuid, Failure> {
        if let Some(id) = self.known_own_id() {
            return Ok(id);
        }
        let id = match self.own_key().await {
            Ok(key) => key.create_by.id,
            // A portal older than API keys.
            Err(Failure { cause: Cause::NotFound | Cause::Forbidden, .. }) => self.own_user().await?.id,
            // A session token in place of a key is answered with a server error. A portal that
            // really fails says so to both calls.
            Err(failure @ Failure { cause: Cause::ServerError { .. }, .. }) => match self.own_user().await {
                Ok(user) => user.id,
                Err(_) => return Err(failure),
            },
            Err(failure) => return Err(failure),
        };
        *self.known.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        Ok(id)
    }

    /// The user whose key we use; `None` where DocSpace does not tell a key like ours.
    ///
    /// # Errors
    /// When DocSpace can't say just now, or does not accept the key.
    pub async fn own_id_if_told(&self) -> Result<Option<Uuid>, Failure> {
        let refused = || self.known.own_refused.lock().unwrap_or_else(PoisonError::into_inner);
        // Every run asks.
        if self.known_own_id().is_none() && refused().is_some_and(|at| at.elapsed() < REMEMBERED) {
            return Ok(None);
        }
        match self.own_id().await {
            Ok(id) => Ok(Some(id)),
            Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => Err(failure),
            Err(_) => {
                *refused() = Some(Instant::now());
                Ok(None)
            }
        }
    }

    /// The user whose key we use, with their rights. Needs the scope `accounts.self:read`.
    ///
    /// # Errors
    /// When DocSpace can't or may not say.
    pub async fn own_user(&self) -> Result<EmployeeDto, Failure> {
        self.get("self_user", "people/@self".to_owned(), &[]).await?.ok_or_else(|| self.nothing("self_user"))
    }

    /// What a person is called; `None` where DocSpace doesn't know them, or does not let our user
    /// look them up.
    ///
    /// # Errors
    /// When DocSpace can't say just now.
    pub async fn name_of(&self, id: Uuid) -> Result<Option<String>, Failure> {
        match self.get::<EmployeeDto>("get_user", format!("people/{id}"), &[]).await {
            Ok(user) => Ok(user.and_then(|user| user.display_name)),
            Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => Err(failure),
            Err(_) => Ok(None),
        }
    }

    /// The group with exactly this name; one that differs only in case will do if there is just
    /// one.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn group_named(&self, name: &str) -> Result<Option<Uuid>, Failure> {
        let key = format!("group/{name}");
        if let Some(id) = self.known.get(&key) {
            return Ok(Some(id));
        }
        // The search over there is for a part of the name.
        let mut alike: Vec<GroupDto> = Vec::new();
        let mut pages = Pages::new(self.name("find_groups"));
        loop {
            let query = [
                ("filterValue", name.to_owned()),
                ("count", PAGE.to_string()),
                ("startIndex", pages.start().to_string()),
            ];
            let (groups, more) = self.page_of_groups("find_groups", &query, &mut pages).await?;
            alike.extend(groups.into_iter().filter(|group| group.name.to_lowercase() == name.to_lowercase()));
            if !more {
                break;
            }
        }
        let exact = alike.iter().find(|group| group.name == name).or(match alike.as_slice() {
            [only] => Some(only),
            _ => None,
        });
        let found = exact.map(|group| group.id);
        if let Some(id) = found {
            self.known.put(key, id);
        }
        Ok(found)
    }

    /// The names of the portal's groups, up to a few hundred: for a misspelt one.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn group_names(&self) -> Result<Vec<String>, Failure> {
        const MOST_PAGES: usize = 5;
        let mut names = Vec::new();
        let mut pages = Pages::new(self.name("list_groups"));
        for _ in 0..MOST_PAGES {
            let query = [("count", PAGE.to_string()), ("startIndex", pages.start().to_string())];
            let (groups, more) = self.page_of_groups("list_groups", &query, &mut pages).await?;
            names.extend(groups.into_iter().map(|group| group.name));
            if !more {
                break;
            }
        }
        Ok(names)
    }

    /// One page of groups, and whether there are more.
    async fn page_of_groups(
        &self,
        name: &'static str,
        query: &[(&str, String)],
        pages: &mut Pages,
    ) -> Result<(Vec<GroupDto>, bool), Failure> {
        let path = "group".to_owned();
        let call = Call::<()> { name, method: reqwest::Method::GET, path, query, body: None };
        let page = self.call::<Vec<GroupDto>, ()>(call).await?;
        let groups = page.response.unwrap_or_default();
        let first = groups.first().map(|group| group.id.to_string());
        let more = pages.more(first, groups.len(), page.total)?;
        Ok((groups, more))
    }

    /// The number of the active user with this e-mail address.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn user_with_email(&self, email: &str) -> Result<Option<Uuid>, Failure> {
        let key = format!("user/{}", email.to_lowercase());
        if let Some(id) = self.known.get(&key) {
            return Ok(Some(id));
        }
        let found = self.user(email).await?.map(|user| user.id);
        if let Some(id) = found {
            self.known.put(key, id);
        }
        Ok(found)
    }

    /// The active user with this e-mail address.
    ///
    /// # Errors
    /// When DocSpace can't say.
    pub async fn user(&self, email: &str) -> Result<Option<EmployeeDto>, Failure> {
        const TERMINATED: i32 = 2;
        let query = [("email", email.to_owned())];
        let user: Option<EmployeeDto> =
            match self.get("user_by_email", "people/email".to_owned(), &query).await {
                Ok(user) => user,
                Err(Failure { cause: Cause::NotFound, .. }) => None,
                Err(failure) => return Err(failure),
            };
        // DocSpace skips terminated users without a word when a room is shared.
        Ok(user.filter(|user| user.status != TERMINATED && !user.id.is_nil()))
    }
}
