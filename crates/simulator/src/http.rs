//! A request that was read, and an answer that is to be sent.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;

/// A request, read to its end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What another server answered that was asked because of this request.
    pub(crate) probed: Probed,
    raw_query: Option<String>,
    query: Vec<(String, String)>,
}

/// What became of a question to another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Probed {
    /// None was asked.
    #[default]
    Not,
    /// It didn't answer.
    Silent,
    /// It answered with that status.
    Status(u16),
}

impl Request {
    pub(crate) async fn read(request: hyper::Request<Incoming>) -> Result<Self, hyper::Error> {
        let (head, body) = request.into_parts();
        let raw_query = head.uri.query().map(str::to_owned);
        let query = url::form_urlencoded::parse(raw_query.as_deref().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Ok(Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
            probed: Probed::default(),
            raw_query,
            query,
        })
    }

    /// The first query parameter of this name.
    pub(crate) fn query<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.query_all(name).next()
    }

    /// Each query parameter of this name. Names are compared without regard to case.
    pub(crate) fn query_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All query parameters, in their order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Scheme and host as the client wrote them, for links in the answer.
    pub(crate) fn origin(&self) -> String {
        let host = self.header("x-forwarded-host").or_else(|| self.header("host")).unwrap_or("localhost");
        let scheme = self.header("x-forwarded-proto").unwrap_or("http");
        format!("{scheme}://{host}")
    }

    /// The address of the request.
    pub(crate) fn href(&self) -> String {
        let origin = self.origin();
        match &self.raw_query {
            Some(query) => format!("{origin}{}?{query}", self.path),
            None => format!("{origin}{}", self.path),
        }
    }

    /// The body as JSON; an empty one is `None`.
    pub(crate) fn json(&self) -> Result<Option<Value>, serde_json::Error> {
        if self.body.is_empty() { Ok(None) } else { serde_json::from_slice(&self.body).map(Some) }
    }

    pub(crate) fn has_json_content(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
    }
}

/// An answer: status, headers and the whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    // In a box, since an answer is also an error.
    pub(crate) headers: Box<HeaderMap>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// No body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Box::default(), body: Bytes::new() }
    }

    /// A JSON body.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let mut answer = Self::empty(status);
        match serde_json::to_vec(body) {
            Ok(bytes) => answer.body = Bytes::from(bytes),
            Err(_) => answer.status = StatusCode::INTERNAL_SERVER_ERROR,
        }
        answer.with("content-type", "application/json; charset=utf-8")
    }

    /// With this header, in place of any other of its name.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With `Retry-After` in seconds, if there is one.
    pub(crate) fn with_retry_after(self, seconds: Option<u64>) -> Self {
        match seconds {
            Some(seconds) => self.with("retry-after", &seconds.to_string()),
            None => self,
        }
    }

    /// As hyper sends it, with the body still to be chosen.
    pub(crate) fn head(&self, date: &str) -> hyper::http::response::Builder {
        let mut builder = hyper::Response::builder().status(self.status);
        if let Some(headers) = builder.headers_mut() {
            headers.extend(HeaderMap::clone(&self.headers));
            if let Ok(date) = HeaderValue::from_str(date) {
                headers.insert(header::DATE, date);
            }
            // A 204 has no length.
            if self.status != StatusCode::NO_CONTENT {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
            }
        }
        builder
    }
}
