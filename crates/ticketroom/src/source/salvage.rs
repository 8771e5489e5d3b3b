//! What is looked for in deliveries: the values of their JSON, and in what is no JSON at all, one
//! number.
//!
//! Wherever a name occurs twice, the first one counts. Templates put what machines made before what
//! people wrote, so somebody who writes `","ticket_id":"1` into a subject comes second.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value, reduced to what deliveries are read for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    /// `null`.
    Null,
    /// `true` and `false`, which no delivery is read for.
    Bool(bool),
    /// A whole number that is not negative: an id.
    Number(u64),
    /// Any other number, as text.
    OtherNumber(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object with its fields in the order in which they came, repeated ones included.
    Object(Vec<(String, Json)>),
}

/// What looking into a missing field finds.
static NULL: Json = Json::Null;

impl Json {
    /// Parses an answer of an API. Deliveries are read by [`body`](super::body).
    pub(crate) fn strict(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// A field of an object; null where there is none.
    pub(crate) fn get(&self, name: &str) -> &Self {
        match self {
            Self::Object(fields) => {
                fields.iter().find(|(key, _)| key == name).map_or(&NULL, |(_, value)| value)
            }
            _ => &NULL,
        }
    }

    /// The first of several names for one thing that is there and not null.
    pub(crate) fn any(&self, names: &[&str]) -> &Self {
        names.iter().map(|name| self.get(name)).find(|value| **value != Self::Null).unwrap_or(&NULL)
    }

    /// A string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A string, or what a sender wrote without quotes where a string was meant.
    pub(crate) fn as_text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::OtherNumber(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Bool(bool) => Some(bool.to_string()),
            Self::Null | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// A whole number, written as one or as a string of digits; `42.0` is 42, too, since
    /// spreadsheets and some languages write it so.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => {
                let text = text.trim();
                let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0'));
                whole_number(whole.map_or(text, |(whole, _)| whole))
            }
            _ => None,
        }
    }
}

/// Digits and nothing else; `str::parse` alone would take a plus sign.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The number after the first `"name":` that has one, with or without quotes, wherever it is.
///
/// At most 19 digits, so that it fits; a longer run of digits is not cut, since that would be
/// another ticket's number.
pub(crate) fn number_after(name: &str, body: &[u8]) -> Option<u64> {
    let key = format!("\"{name}\"");
    let key = key.as_bytes();
    (0..body.len()).filter(|at| body[*at..].starts_with(key)).find_map(|at| {
        let value = body[at + key.len()..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = value.get(..digits).filter(|digits| (1..=19).contains(&digits.len()))?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    })
}

/// The most bytes between an element's name and the end of its tag.
const MOST_ATTRIBUTES: usize = 200;

/// The number in the first element `<name>` that has one, wherever it is.
pub(crate) fn number_in_element(name: &str, body: &[u8]) -> Option<u64> {
    let tag = format!("<{name}");
    let tag = tag.as_bytes();
    (0..body.len()).filter(|at| body[*at..].starts_with(tag)).find_map(|at| {
        let rest = &body[at + tag.len()..];
        // `<ticket_id type="integer">40117</ticket_id>`; another element's name may begin with this
        // one.
        let end = rest.iter().take(MOST_ATTRIBUTES).position(|byte| *byte == b'>')?;
        if end > 0 && rest.first() != Some(&b' ') {
            return None;
        }
        let value = rest[end + 1..].trim_ascii_start();
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = value.get(..digits).filter(|digits| (1..=19).contains(&digits.len()))?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    })
}

/// What a sender calls an event, made fit for the timeline.
pub(crate) fn event_name(given: Option<&str>, otherwise: &str) -> String {
    let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
    let name: String = given.unwrap_or_default().trim().chars().filter(printable).take(60).collect();
    if name.trim().is_empty() { otherwise.to_owned() } else { name }
}

/// An identifier from a header or a field, if it is short and printable as one should be.
pub(crate) fn short_id(given: &str) -> Option<&str> {
    let given = given.trim();
    let fits = (1..=200).contains(&given.len()) && given.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    fits.then_some(given)
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Json, E> {
        Ok(Json::Bool(bool))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::OtherNumber(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_fields_counts() {
        let json = Json::strict(br#"{"ticket_id":"40117","subject":"x","ticket_id":"1"}"#).unwrap();
        assert_eq!(json.get("ticket_id").number(), Some(40117));
    }

    #[test]
    fn a_number_is_found_after_its_name() {
        let cases: [(&str, Option<u64>); 11] = [
            (r#"{"ticket_id":"40117","s":""ticket_id":"1""}"#, Some(40117)),
            (r#"{"ticket_id" :  40117, "s": "" }"#, Some(40117)),
            ("\"ticket_id\"\n:\n\"40117", Some(40117)),
            (r#"{"ticket_id":"","x":"y"z","ticket_id":7}"#, Some(7)),
            (r#"{"s":"\"ticket_id\":\"1\""}"#, None),
            (r#""ticket_id":"9999999999999999999""#, Some(9_999_999_999_999_999_999)),
            (r#""ticket_id":"12345678901234567890""#, None),
            (r#""ticket_id":"-3""#, None),
            (r#""ticket_id""#, None),
            (r#""ticket_id":"#, None),
            ("", None),
        ];
        for (body, expected) in cases {
            assert_eq!(number_after("ticket_id", body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn event_names_are_short_and_printable() {
        assert_eq!(event_name(Some("ticket.created"), "x"), "ticket.created");
        assert_eq!(event_name(Some(" a\u{202E}\n☃b "), "x"), "ab");
        assert_eq!(event_name(Some(&"e".repeat(1000)), "x").len(), 60);
        assert_eq!((event_name(Some("☃"), "x"), event_name(None, "x")), ("x".to_owned(), "x".to_owned()));
    }

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(whole_number("40117"), Some(40117));
        for bad in ["", "+5", "-5", "4.0", "٣", "18446744073709551616", "1 2"] {
            assert_eq!(whole_number(bad), None, "{bad}");
        }
    }
}
