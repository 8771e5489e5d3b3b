//! How an endpoint refuses: `application/problem+json` (RFC 9457), with the code of the reason.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::reasons::METHOD_NOT_ALLOWED;
use crate::printable::{MESSAGE, printed};
use crate::reason::Reason;

/// A refusal with its reason.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    reason: Reason,
    retry_after: Option<u32>,
    /// The connection ends with this answer.
    closes: bool,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Problem))]
pub(super) struct Document {
    /// What kind of problem it is: stable, and the same in the log. docs/errors.md lists all codes.
    #[cfg_attr(test, schema(value_type = String, example = "request.ticket.unknown"))]
    pub(super) code: Cow<'static, str>,
    /// What is wrong, and what to do. It may quote the request: escape it where you show it.
    pub(super) detail: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// The status in words.
    pub(super) title: &'static str,
    /// Always `about:blank`: the code says what kind of problem it is.
    pub(super) r#type: &'static str,
}

/// The code of a refusal, for the log: an extension of its response.
#[derive(Debug, Clone)]
pub(super) struct RefusedFor(pub(super) Cow<'static, str>);

const MEDIA_TYPE: &str = "application/problem+json";

impl Problem {
    pub(super) fn new(status: StatusCode, reason: Reason) -> Self {
        Self { status, reason, retry_after: None, closes: false }
    }

    pub(super) fn not_found(reason: Reason) -> Self {
        Self::new(StatusCode::NOT_FOUND, reason)
    }

    pub(super) fn bad_request(reason: Reason) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    pub(super) fn method_not_allowed() -> Self {
        let reason = METHOD_NOT_ALLOWED.reason("this address does not take this method");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, reason)
    }

    /// Come again in 30 seconds: Zendesk does so only below 60.
    pub(super) fn unavailable(reason: Reason) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason).retry_after(30)
    }

    /// Come again in so many seconds.
    pub(super) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The rest of the request is not read, so the connection ends with this answer.
    pub(super) fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    /// The status.
    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The whole answer as it goes over a connection on which no request was read.
    pub(super) fn into_http1(self) -> String {
        let (status, body) = (self.status, self.body());
        let retry_after = self.retry_after.map(|seconds| format!("retry-after: {seconds}\r\n"));
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {}\r\n{}connection: close\r\n\r\n{body}",
            body.len(),
            retry_after.unwrap_or_default(),
        )
    }

    /// What is answered.
    pub(super) fn document(&self) -> Document {
        Document {
            code: self.reason.code.clone(),
            // It may quote what the caller sent.
            detail: printed(&self.reason, MESSAGE),
            status: self.status.as_u16(),
            title: self.status.canonical_reason().unwrap_or("Error"),
            r#type: "about:blank",
        }
    }

    fn body(&self) -> String {
        // Texts and a number always have a form in JSON.
        serde_json::to_string(&self.document()).unwrap_or_default()
    }
}

/// Says that the body is a problem document.
pub(super) fn set_media_type(response: &mut Response) {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body()).into_response();
        set_media_type(&mut response);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(RefusedFor(self.reason.code));
        response
    }
}
