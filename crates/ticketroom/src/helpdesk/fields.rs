//! Custom fields of any JSON type, reduced to what rules and templates can use.
//!
//! Options come as objects with a `value` or a `name` (Jira), as text, or as lists of either. What
//! says nothing, and what is too long to be compared with anything, is left out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::caps::MOST_FIELDS;
use crate::clock::Timestamp;
use crate::ticket::FieldValue;

/// The most options of one field.
const MOST: usize = 200;
/// Longer texts are read by people, not by rules.
const LONGEST: usize = 1000;

/// Reads a time as helpdesks write it: with `Z`, or with an offset with or without a colon.
pub(super) fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.trim().parse().ok()
}

/// The fields that hold something.
pub(super) fn pick(fields: impl IntoIterator<Item = (String, Value)>) -> BTreeMap<String, FieldValue> {
    let held = fields.into_iter().filter_map(|(name, value)| Some((name, field(&value)?)));
    held.take(MOST_FIELDS).collect()
}

fn field(value: &Value) -> Option<FieldValue> {
    match value {
        Value::Bool(bool) => Some(FieldValue::Bool(*bool)),
        Value::Number(number) => {
            Some(number.as_i64().map_or_else(|| FieldValue::Text(number.to_string()), FieldValue::Number))
        }
        Value::Array(items) => {
            let words: Vec<String> = items.iter().filter_map(word).take(MOST).collect();
            (!words.is_empty()).then_some(FieldValue::List(words))
        }
        Value::String(_) | Value::Object(_) => word(value).map(FieldValue::Text),
        Value::Null => None,
    }
}

fn word(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Number(number) => return Some(number.to_string()),
        Value::Object(option) => {
            ["value", "name", "displayName"].iter().find_map(|name| option.get(*name)?.as_str())?
        }
        _ => return None,
    };
    let text = text.trim();
    (!text.is_empty() && text.len() <= LONGEST).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_come_in_several_forms() {
        for text in ["2026-11-20T08:14:03Z", "2026-11-20T09:14:03.000+0100", "2026-11-20T09:14:03+01:00"] {
            assert_eq!(
                time(Some(text)).map(|time| time.to_string()).as_deref(),
                Some("2026-11-20T08:14:03Z")
            );
        }
        assert_eq!((time(Some("yesterday")), time(None)), (None, None));
    }

    #[test]
    fn whatever_can_be_said_in_a_word_is_kept() {
        let cases = [
            (json!("EU"), Some(FieldValue::Text("EU".to_owned()))),
            (json!(7), Some(FieldValue::Number(7))),
            (json!(1.5), Some(FieldValue::Text("1.5".to_owned()))),
            (json!(false), Some(FieldValue::Bool(false))),
            (json!({ "id": "1", "value": "Gold" }), Some(FieldValue::Text("Gold".to_owned()))),
            (
                json!([{ "name": "a" }, "b", null]),
                Some(FieldValue::List(vec!["a".to_owned(), "b".to_owned()])),
            ),
            (json!(null), None),
            (json!("  "), None),
            (json!([]), None),
            (json!({ "_links": {} }), None),
            (json!("x".repeat(2000)), None),
        ];
        for (value, expected) in cases {
            assert_eq!(field(&value), expected, "{value}");
        }
    }
}
