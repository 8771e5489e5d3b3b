//! One HTTP call to a helpdesk that wants the same credentials with each: address, credentials,
//! pace, errors.
//!
//! A call waits for its turn, is sent once, and its answer is read as JSON or turned into a
//! [`Failure`]. Credentials only ever go to the configured address: paths are our own, links in
//! answers are not followed, and neither are redirects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;
use url::Url;

use super::pace::Pace;
use crate::call::{CallName, Cause, Failure, System};
use crate::http::{Answer, Http};

/// How long a call may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);

/// The API of one account.
pub(super) struct Rest {
    system: &'static System,
    http: Http,
    base: Url,
    authorization: HeaderValue,
    pace: Arc<Pace>,
    objections: fn(&[u8]) -> String,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("host", &self.host()).finish_non_exhaustive()
    }
}

impl Rest {
    /// `authorization` is the whole header; `objections` reads from the body of a refusal what was
    /// objected to, in codes and names of fields only.
    pub(super) fn new(
        system: &'static System,
        http: Http,
        base: &Url,
        authorization: &str,
        pace: Arc<Pace>,
        objections: fn(&[u8]) -> String,
    ) -> Self {
        // The configuration has only taken what fits into a header.
        let mut header =
            HeaderValue::from_str(authorization).unwrap_or_else(|_| HeaderValue::from_static("invalid"));
        header.set_sensitive(true);
        Self { system, http, base: as_folder(base.clone()), authorization: header, pace, objections }
    }

    /// The host that is called, for messages.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// The name of a call.
    pub(super) fn name(&self, call: &'static str) -> CallName {
        CallName { system: self.system, call }
    }

    /// Sends a call and reads its answer.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        call: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let answer = self.send(call, Method::GET, path, query, None).await?;
        parsed(self.name(call), &answer)
    }

    /// Sends a call and returns the answer if its status is a success.
    pub(super) async fn send(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let answer = self.ask(call, method, path, query, body).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.refusal(call, &answer)) }
    }

    /// Sends a call that reads or changes an account's configuration, and reads its answer; null if
    /// that is empty.
    pub(super) async fn manage(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        value(self.name(call), &self.send(call, method, path, &[], body).await?)
    }

    /// Sends a call and returns the answer, whatever its status, for whom a refusal tells more than
    /// that it is one.
    pub(super) async fn ask(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let name = self.name(call);
        let url = address(&self.base, name, path)?;
        let mut request = self.http.client().request(method, url).query(query);
        request = request.header(AUTHORIZATION, self.authorization.clone());
        request = request.header(reqwest::header::ACCEPT, "application/json");
        if let Some(body) = body {
            request = request.json(body);
        }
        self.http.refuses(name)?;
        self.pace.turn(call).await.map_err(|wait| used_up(name, wait))?;
        let answer = self.http.send(name, TIMEOUT, request).await?;
        self.pace.heed(call, answer.status, &answer.headers);
        Ok(answer)
    }

    /// The failure that an answer is whose status is no success.
    pub(super) fn refusal(&self, call: &'static str, answer: &Answer) -> Failure {
        self.name(call).failed(answer.refusal(|| (self.objections)(&answer.body)))
    }
}

/// The address with a slash at its end, so that paths are put below it.
pub(super) fn as_folder(mut base: Url) -> Url {
    if !base.path().ends_with('/') {
        let path = format!("{}/", base.path());
        base.set_path(&path);
    }
    base
}

/// The address of a path of our own, which can't lead to another host.
pub(super) fn address(base: &Url, name: CallName, path: &str) -> Result<Url, Failure> {
    base.join(path).map_err(|error| name.failed(Cause::Unreachable(error.to_string())))
}

/// A call that was not made, because it would have been too much.
pub(super) fn used_up(name: CallName, wait: Duration) -> Failure {
    name.failed(Cause::RateLimited {
        retry_after: Some(wait),
        limit: "the account's requests are used up for now".to_owned(),
    })
}

/// Reads an answer.
pub(super) fn parsed<T: DeserializeOwned>(name: CallName, answer: &Answer) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body).map_err(|error| unintelligible(name, &error))
}

/// Reads an answer of any form; null if it is empty.
pub(super) fn value(name: CallName, answer: &Answer) -> Result<Value, Failure> {
    if answer.body.is_empty() { Ok(Value::Null) } else { parsed(name, answer) }
}

/// For fields where a helpdesk writes null if it has nothing, also for lists and switches.
pub(super) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A success that is not what it should be. Says where it went wrong, not what was there.
pub(super) fn unintelligible(name: CallName, error: &serde_json::Error) -> Failure {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the answer ends early",
        serde_json::error::Category::Syntax => "not JSON",
        _ => "not in the expected form",
    };
    name.failed(Cause::Unintelligible(format!("{what} at column {}", error.column())))
}

/// Codes and names of fields as one line. What else there is may be a sentence, which is localised
/// and may quote what was sent.
pub(super) fn codes<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    // A code has no spaces; what has some is a sentence.
    let is_code = |word: &&str| {
        (1..=60).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    words.into_iter().filter(is_code).take(8).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_configured_address() {
        let name = CallName { system: &crate::call::OTHER, call: "myself" };
        for (base, expected) in [
            ("https://acme.zendesk.com", "https://acme.zendesk.com/api/v2/users/me"),
            ("https://jira.acme.example/jira", "https://jira.acme.example/jira/api/v2/users/me"),
        ] {
            let url = address(&as_folder(base.parse().unwrap()), name, "api/v2/users/me").unwrap();
            assert_eq!(url.as_str(), expected);
        }
    }
}
