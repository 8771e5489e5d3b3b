//! `application/x-www-form-urlencoded`: fields that may be nested in brackets (`requester[email]`,
//! `tags[]`), or one field that holds the JSON.

use encoding_rs::Encoding;
use percent_encoding::percent_decode;

use super::super::salvage::Json;

/// In which field the JSON may be.
pub(super) const PAYLOAD: [&str; 4] = ["payload", "json", "data", "body"];
/// The most fields of a form that are read.
const MOST_FIELDS: usize = 5_000;

/// Whether a text looks like a form: a name, and then an equals sign.
pub(super) fn looks_like_one(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]%+$".contains(&byte);
    name.len() < text.len()
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(is_name)
}

/// The fields in their order. What is escaped is in the charset of the body.
pub(super) fn fields(text: &str, charset: &'static Encoding) -> Vec<(String, String)> {
    let pairs = text.trim().split('&').filter(|pair| !pair.is_empty()).take(MOST_FIELDS);
    let decoded = |part: &str| {
        let part = part.replace('+', " ");
        charset
            .decode_without_bom_handling(&percent_decode(part.as_bytes()).collect::<Vec<u8>>())
            .0
            .into_owned()
    };
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// The field that holds JSON, if there is one.
pub(super) fn payload(fields: &[(String, String)]) -> Option<&str> {
    let mut named = fields.iter().filter(|(name, _)| PAYLOAD.contains(&name.as_str()));
    named.find(|(_, value)| value.trim_start().starts_with(['{', '"'])).map(|(_, value)| value.as_str())
}

/// The fields as an object: of `a[b]`, `b` is in `a`; several `a[]` are a list.
pub(super) fn object(fields: Vec<(String, String)>) -> Json {
    let mut object: Vec<(String, Json)> = Vec::new();
    for (name, value) in fields {
        let value = Json::Text(value);
        let inner = name.split_once('[').and_then(|(outer, inner)| Some((outer, inner.strip_suffix(']')?)));
        let Some((outer, inner)) = inner else {
            object.push((name, value));
            continue;
        };
        // Only what came right before is gone on with: a name that comes again stays visible as
        // such.
        match object.last_mut() {
            Some((last, Json::List(items))) if inner.is_empty() && last == outer => items.push(value),
            Some((last, Json::Object(fields))) if !inner.is_empty() && last == outer => {
                fields.push((inner.to_owned(), value));
            }
            _ if inner.is_empty() => object.push((outer.to_owned(), Json::List(vec![value]))),
            _ => object.push((outer.to_owned(), Json::Object(vec![(inner.to_owned(), value)]))),
        }
    }
    Json::Object(object)
}
