//! What the address of a request says, for endpoints: a part or parameter that can't be read is
//! refused as a [`Problem`]. axum's own extractors would answer with plain text, so clippy.toml
//! keeps them to this file.
#![allow(clippy::disallowed_types, reason = "wrapped here")]

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::Problem;
use super::reasons::{ADDRESS_UNKNOWN, PARAMETER_INVALID};

/// The variable segments of the path.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // No helpdesk and no ticket is named by bytes that are no text.
        let segments = Path::from_request_parts(parts, state).await;
        segments.map(|Path(segments)| Self(segments)).map_err(|_| {
            let text = "there is nothing at this address: a percent-encoded part of it is no UTF-8";
            Problem::not_found(ADDRESS_UNKNOWN.reason(text))
        })
    }
}

/// The parameters behind the question mark.
#[derive(Debug)]
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = Query::from_request_parts(parts, state).await;
        let parameters = parameters
            .map_err(|rejection| Problem::bad_request(PARAMETER_INVALID.reason(rejection.body_text())))?;
        Ok(Self(parameters.0))
    }
}
