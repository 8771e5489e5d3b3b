//! DocSpace's envelopes: two for errors, one for everything else.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::http::{Answer, Request};

/// The result of a call.
pub(crate) type Outcome = Result<Reply, Failure>;

/// A success before it is wrapped.
#[derive(Debug)]
pub(crate) enum Reply {
    One(Value),
    /// A list; some endpoints say how many there are in all.
    Many(Vec<Value>, Option<usize>),
    /// A null result: the envelope then has no `response` at all.
    Nothing,
}

/// A refusal, by the family of .NET exceptions that decides its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    NotFound,
    /// Not allowed to this caller.
    Security,
    /// Not possible here: role, number of links, parent folder. Shares its status with the one
    /// above.
    InvalidOperation,
    Argument,
    Quota,
    /// Malformed JSON in a query parameter.
    Json,
    /// A lock that was not acquired in time.
    Timeout,
    /// A null reference: a defect of the server's.
    Null,
    UnsupportedMedia,
    /// Another server that had to be asked doesn't answer.
    Unreachable,
    /// The model's validation failed at this field: the one refusal in the *success* envelope.
    Invalid(&'static str),
    /// The caller has not signed in, at an endpoint that also serves anonymous callers.
    Anonymous,
    /// Rejected before the endpoint: no body.
    Bare(StatusCode),
    /// No such endpoint.
    Unknown,
}

impl Failure {
    /// Status, .NET type and localised message. The portal's language is German, so that code that
    /// matches on messages fails in tests.
    fn exception(self) -> (StatusCode, Option<&'static str>, &'static str) {
        match self {
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                Some("ASC.Common.Web.ItemNotFoundException"),
                "Das Element wurde nicht gefunden",
            ),
            Self::Security => {
                (StatusCode::FORBIDDEN, Some("System.Security.SecurityException"), "Zugriff verweigert")
            }
            Self::InvalidOperation => (
                StatusCode::FORBIDDEN,
                Some("System.InvalidOperationException"),
                "Der Vorgang ist für dieses Objekt nicht zulässig",
            ),
            Self::Argument => {
                (StatusCode::BAD_REQUEST, Some("System.ArgumentException"), "Das Argument ist ungültig")
            }
            Self::Quota => (
                StatusCode::PAYMENT_REQUIRED,
                Some("ASC.Core.Tenants.TenantQuotaException"),
                "Die Anzahl der Räume ist überschritten",
            ),
            Self::Json => (
                StatusCode::INTERNAL_SERVER_ERROR,
                Some("System.Text.Json.JsonException"),
                "'o' is an invalid start of a value. Path: $ | LineNumber: 0 | BytePositionInLine: 1.",
            ),
            Self::Timeout => (
                StatusCode::INTERNAL_SERVER_ERROR,
                Some("ASC.Common.Threading.DistributedLock.DistributedLockException"),
                "Zeitüberschreitung beim Warten auf die Sperre",
            ),
            Self::Null => (
                StatusCode::INTERNAL_SERVER_ERROR,
                Some("System.NullReferenceException"),
                "Object reference not set to an instance of an object.",
            ),
            Self::Unreachable => (
                StatusCode::INTERNAL_SERVER_ERROR,
                Some("System.Net.Http.HttpRequestException"),
                "Es konnte keine Verbindung hergestellt werden",
            ),
            Self::UnsupportedMedia => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, None, "Der Medientyp wird nicht unterstützt")
            }
            Self::Anonymous => (StatusCode::UNAUTHORIZED, None, "Nicht angemeldet"),
            Self::Unknown => (StatusCode::NOT_FOUND, None, "Die Ressource wurde nicht gefunden"),
            // These two have no exception; see `into_answer`.
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, None, ""),
            Self::Bare(status) => (status, None, ""),
        }
    }

    pub(crate) fn into_answer(self, request: &Request) -> Answer {
        match self {
            Self::Bare(status) => Answer::empty(status),
            Self::Invalid(field) => invalid(request, field),
            _ => {
                let (status, kind, message) = self.exception();
                error(status, kind, message)
            }
        }
    }

    /// The error for a status that a fault has chosen.
    pub(crate) fn answer_of_status(status: StatusCode) -> Answer {
        let failure = match status.as_u16() {
            401 => return Answer::empty(status),
            402 => Self::Quota,
            403 => Self::Security,
            404 => Self::NotFound,
            500 => Self::Timeout,
            502..=504 => return gateway(status),
            _ => return error(status, None, "Fehler"),
        };
        let (status, kind, message) = failure.exception();
        error(status, kind, message)
    }
}

fn error(status: StatusCode, kind: Option<&str>, message: &str) -> Answer {
    // The real server sends stacks in production, too. They name internals, so a client must not
    // show them.
    let stack = kind.map(|kind| {
        format!(
            "   at ASC.Files.Core.FileStorageService.Simulated({kind}) in /app/products/ASC.Files/Core/Core/FileStorageService.cs:line 371"
        )
    });
    let hresult: i64 = if kind.is_some() { -2_146_233_079 } else { 0 };
    let error = json!({ "message": message, "type": kind, "stack": stack, "hresult": hresult });
    Answer::json(status, &json!({ "error": error, "status": 1, "statusCode": status.as_u16() }))
}

fn invalid(request: &Request, field: &str) -> Answer {
    let status = StatusCode::BAD_REQUEST;
    let trace = Uuid::new_v4().simple().to_string();
    let problem = json!({
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "errors": { field: [format!("Das Feld {field} ist ungültig.")] },
        "traceId": format!("00-{trace}-{}-00", &trace[..16]),
    });
    Answer::json(status, &envelope(request, Some(problem), 1, None, status))
        .with("content-type", "application/problem+json; charset=utf-8")
}

/// The answer of the nginx in front of DocSpace when DocSpace doesn't answer.
pub(crate) fn gateway(status: StatusCode) -> Answer {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    Answer { body: body.into(), ..Answer::empty(status) }.with("content-type", "text/html")
}

pub(crate) fn answer(request: &Request, outcome: Outcome) -> Answer {
    let ok = StatusCode::OK;
    match outcome {
        Ok(Reply::One(value)) => Answer::json(ok, &envelope(request, Some(value), 1, None, ok)),
        Ok(Reply::Many(values, total)) => {
            let count = values.len();
            Answer::json(ok, &envelope(request, Some(Value::Array(values)), count, total, ok))
        }
        Ok(Reply::Nothing) => Answer::json(ok, &envelope(request, None, 0, None, ok)),
        Err(failure) => failure.into_answer(request),
    }
}

fn envelope(
    request: &Request,
    response: Option<Value>,
    count: usize,
    total: Option<usize>,
    status: StatusCode,
) -> Value {
    let mut envelope = Map::new();
    if let Some(response) = response {
        envelope.insert("response".to_owned(), response);
    }
    envelope.insert("count".to_owned(), json!(count));
    if let Some(total) = total {
        envelope.insert("total".to_owned(), json!(total));
    }
    envelope
        .insert("links".to_owned(), json!([{ "href": request.href(), "action": request.method.as_str() }]));
    envelope.insert("status".to_owned(), json!(i32::from(!status.is_success())));
    envelope.insert("statusCode".to_owned(), json!(status.as_u16()));
    Value::Object(envelope)
}

/// A time as DocSpace writes it: seven decimals, in the portal's zone, which is UTC here.
pub(crate) fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%7fZ").to_string()
}

/// Part of a list, as `startIndex` and `count` ask for it.
pub(crate) fn page<T>(request: &Request, most: usize, items: Vec<T>) -> Result<Vec<T>, Failure> {
    let number = |name, otherwise| match request.query(name) {
        None | Some("") => Ok(otherwise),
        Some(text) => text.parse::<usize>().map_err(|_| Failure::Invalid("Query")),
    };
    let start = number("startIndex", 0)?;
    let count = number("count", most)?;
    if !(1..=most).contains(&count) {
        return Err(Failure::Invalid("Count"));
    }
    Ok(items.into_iter().skip(start).take(count).collect())
}

/// Leaves the null members of an object out, as the server does everywhere.
pub(crate) fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}
