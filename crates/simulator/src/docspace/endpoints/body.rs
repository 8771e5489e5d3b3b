//! Reads a request's body as ASP.NET binds it: names without regard to case, numbers also as
//! strings, enumerations as number or name, and unknown members ignored.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::wire::Failure;
use crate::docspace::roles::ROOM_TITLE;
use crate::http::Request;

/// A JSON object.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The body of a call that needs one.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        if request.body.is_empty() {
            return Err(Failure::Invalid("Body"));
        }
        if !request.has_json_content() {
            return Err(Failure::UnsupportedMedia);
        }
        match request.json() {
            Ok(Some(Value::Object(members))) => Ok(Self(members)),
            _ => Err(Failure::Invalid("Body")),
        }
    }

    /// A member that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Failure::Invalid(name)),
        }
    }

    /// A text of at most so many UTF-16 units.
    pub(crate) fn text_within(&self, name: &'static str, most: usize) -> Result<Option<&str>, Failure> {
        let text = self.text(name)?;
        if text.is_some_and(|text| text.encode_utf16().count() > most) {
            return Err(Failure::Invalid(name));
        }
        Ok(text)
    }

    pub(crate) fn integer(&self, name: &'static str) -> Result<Option<i64>, Failure> {
        self.get(name).map(|value| integer(value).ok_or(Failure::Invalid(name))).transpose()
    }

    /// False if it is absent.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Failure> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(Failure::Invalid(name)),
        }
    }

    pub(crate) fn uuid(&self, name: &'static str) -> Result<Option<Uuid>, Failure> {
        self.text(name)?.map(|text| text.parse().map_err(|_| Failure::Invalid(name))).transpose()
    }

    /// The number of an enumeration's member. A name that it doesn't have is `None` inside.
    pub(crate) fn member(
        &self,
        name: &'static str,
        names: &[(&str, i32)],
    ) -> Result<Option<Option<i32>>, Failure> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if let Some(number) = integer(value) {
            return Ok(Some(i32::try_from(number).ok()));
        }
        let text = value.as_str().ok_or(Failure::Invalid(name))?;
        Ok(Some(names.iter().find(|(known, _)| known.eq_ignore_ascii_case(text)).map(|(_, number)| *number)))
    }

    pub(crate) fn list(&self, name: &'static str) -> Result<Option<&[Value]>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(Failure::Invalid(name)),
        }
    }

    /// A list of objects; nulls are ignored.
    pub(crate) fn objects(&self, name: &'static str) -> Result<Option<Vec<Self>>, Failure> {
        let Some(items) = self.list(name)? else { return Ok(None) };
        let objects = items.iter().filter(|item| !item.is_null()).map(|item| match item {
            Value::Object(members) => Ok(Self(members.clone())),
            _ => Err(Failure::Invalid(name)),
        });
        objects.collect::<Result<_, _>>().map(Some)
    }

    /// A list of numbers.
    pub(crate) fn integers(&self, name: &'static str) -> Result<Vec<i64>, Failure> {
        let items = self.list(name)?.unwrap_or_default();
        items.iter().map(|item| integer(item).ok_or(Failure::Invalid(name))).collect()
    }

    /// A list of texts of at most so many UTF-16 units each.
    pub(crate) fn texts(&self, name: &'static str, most: usize) -> Result<Option<Vec<String>>, Failure> {
        let Some(items) = self.list(name)? else { return Ok(None) };
        let texts = items.iter().map(|item| match item.as_str() {
            Some(text) if text.encode_utf16().count() <= most => Ok(text.to_owned()),
            _ => Err(Failure::Invalid(name)),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A room's title as a request may give it.
pub(crate) fn valid_room_title(title: Option<&str>) -> Result<&str, Failure> {
    valid_title(title, ROOM_TITLE)
}

/// A title of at most so many UTF-16 units that isn't blank.
pub(crate) fn valid_title(title: Option<&str>, most: usize) -> Result<&str, Failure> {
    match title {
        Some(title) if !title.trim().is_empty() && title.encode_utf16().count() <= most => Ok(title),
        _ => Err(Failure::Invalid("Title")),
    }
}

/// Whether the server's validation accepts an e-mail address.
pub(crate) fn is_address(email: &str) -> bool {
    let (at, length) = (email.find('@'), email.encode_utf16().count());
    at.is_some_and(|at| at > 0 && at + 1 < email.len() && email.rfind('@') == Some(at)) && length <= 255
}
