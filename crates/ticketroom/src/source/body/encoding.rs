//! From the bytes of a body to its text: `Content-Encoding`, then the charset.

use std::borrow::Cow;
use std::io::Read;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::super::{NoTarget, NotUnderstood};

/// The most bytes that a compressed body may become.
const LARGEST: usize = 8 << 20;
/// What every gzip stream begins with, and no text.
const GZIP: &[u8] = b"\x1f\x8b";

/// The body as its sender made it before it compressed it.
pub(super) fn inflated<'a>(coding: Option<&str>, body: &'a [u8]) -> Result<Cow<'a, [u8]>, NoTarget> {
    let coding = coding.unwrap_or_default().trim().to_ascii_lowercase();
    match coding.as_str() {
        // Some senders compress and don't say so.
        "" | "identity" | "none" | "utf-8" if !body.starts_with(GZIP) => Ok(Cow::Borrowed(body)),
        "" | "identity" | "none" | "utf-8" | "gzip" | "x-gzip" => bounded(MultiGzDecoder::new(body), "gzip"),
        // By the standard with zlib's head; many leave that out.
        "deflate" if is_zlib(body) => bounded(ZlibDecoder::new(body), "deflate"),
        "deflate" => bounded(DeflateDecoder::new(body), "deflate"),
        _ => Err(NoTarget::Unsupported(NotUnderstood(
            "the body's Content-Encoding is not supported: send it as it is, or as gzip or deflate"
                .to_owned(),
        ))),
    }
}

fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [head, flags, ..] if head & 15 == 8 && (u16::from(*head) << 8 | u16::from(*flags)) % 31 == 0)
}

fn bounded(decoder: impl Read, coding: &str) -> Result<Cow<'static, [u8]>, NoTarget> {
    let mut inflated = Vec::new();
    match decoder.take(LARGEST as u64 + 1).read_to_end(&mut inflated) {
        Ok(length) if length > LARGEST => Err(NoTarget::TooLarge(NotUnderstood(format!(
            "the body is compressed, and has more than {LARGEST} bytes when it is not"
        )))),
        Ok(_) => Ok(Cow::Owned(inflated)),
        Err(_) => Err(NoTarget::from(NotUnderstood(format!(
            "the body is said to be compressed with {coding}, but can't be decompressed: is it cut off, or not compressed \
             at all?"
        )))),
    }
}

/// The text, and the charset that it was written in. What is invalid in its charset is replaced by
/// U+FFFD.
pub(super) fn decoded<'a>(
    content_type: Option<&str>,
    bytes: &'a [u8],
) -> Result<(Cow<'a, str>, &'static Encoding), NoTarget> {
    // A byte order mark counts over everything, then what the sender says, then the only other
    // thing that JSON may be.
    let named = content_type.and_then(charset);
    let charset = match (Encoding::for_bom(bytes), named, utf_16(bytes)) {
        (Some((charset, _)), _, _) | (None, _, Some(charset)) => charset,
        (None, None, None) => UTF_8,
        (None, Some(name), None) => match Encoding::for_label(name.as_bytes()) {
            // No byte in two is zero, so that can't be.
            Some(charset) if charset == UTF_16LE || charset == UTF_16BE => UTF_8,
            Some(charset) => charset,
            None if std::str::from_utf8(bytes).is_ok() => UTF_8,
            None => {
                return Err(NoTarget::Unsupported(NotUnderstood(
                    "the charset in the body's Content-Type is not known; send UTF-8".to_owned(),
                )));
            }
        },
    };
    Ok((charset.decode_with_bom_removal(bytes).0, charset))
}

/// UTF-16 without a mark: what begins a body is ASCII, with a zero before or after.
fn utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0, b'\t'..=b'~', ..] => Some(UTF_16BE),
        [b'\t'..=b'~', 0, third, ..] if *third != 0 => Some(UTF_16LE),
        _ => None,
    }
}

/// The `charset` of a Content-Type.
fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}
