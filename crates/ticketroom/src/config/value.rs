//! Values that are written as text: durations, sizes, addresses.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use url::{Host, Url};

use super::reader::Value;
use super::reasons::{ADDRESS, INVALID, RANGE};
use super::report::{Place, Read, Reported};
use crate::language::nearest;

/// A duration as people write it, such as `30s` or `3d`.
pub(super) fn duration(value: &Value<'_>, allowed: RangeInclusive<Duration>) -> Read<Duration> {
    let help = "write a number with a unit, such as \"30s\", \"15min\" or \"3d\"";
    let duration = humantime::parse_duration(value.full_text(help)?)
        .map_err(|error| value.place.wrong(&INVALID, &format!("is not a duration: {error}"), help))?;
    if allowed.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (allowed.start(), allowed.end());
    let range = format!("{} to {}", humantime::format_duration(*least), humantime::format_duration(*most));
    Err(value.place.wrong(&RANGE, "is out of range", format!("it can be {range}")))
}

/// A whole number within a range.
pub(super) fn number(value: &Value<'_>, allowed: RangeInclusive<u32>) -> Read<u32> {
    let help = format!("write a whole number from {} to {}", allowed.start(), allowed.end());
    let number = u32::try_from(value.number(&help)?).ok().filter(|number| allowed.contains(number));
    number.ok_or_else(|| value.place.wrong(&RANGE, "is out of range", help))
}

/// A number of bytes, written as such or as `512KiB` or `1MiB`.
pub(super) fn size(value: &Value<'_>, allowed: RangeInclusive<usize>) -> Read<usize> {
    let help = "write a size such as \"512KiB\" or \"1MiB\", or a number of bytes";
    let bytes = if value.is_text() {
        parse_size(value.full_text(help)?)
            .ok_or_else(|| value.place.wrong(&INVALID, "is not a size", help))?
    } else {
        usize::try_from(value.number(help)?).unwrap_or(usize::MAX)
    };
    if allowed.contains(&bytes) {
        return Ok(bytes);
    }
    let range = format!("it can be {} to {}", show_size(*allowed.start()), show_size(*allowed.end()));
    Err(value.place.wrong(&RANGE, "is out of range", range))
}

fn parse_size(text: &str) -> Option<usize> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return None,
    };
    number.parse::<usize>().ok().map(|number| number.saturating_mul(factor))
}

fn show_size(bytes: usize) -> String {
    if bytes.is_multiple_of(1024 * 1024) {
        format!("{}MiB", bytes / (1024 * 1024))
    } else {
        format!("{}KiB", bytes / 1024)
    }
}

/// Where to listen: an address and a port.
pub(super) fn socket_address(place: &Place<'_>, text: &str) -> Read<SocketAddr> {
    let help = "write both, such as \"127.0.0.1:3000\"; \"0.0.0.0:3000\" is every address of the machine";
    // The one name that means the same everywhere.
    let text = text.trim();
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| place.wrong(&ADDRESS, "is not an IP address with a port", help))
}

/// Whether only this machine can reach an address.
pub(super) fn is_loopback_address(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a URL leads back to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => is_loopback_address(address.into()),
        Some(Host::Ipv6(address)) => is_loopback_address(address.into()),
        None => false,
    }
}

/// The address of a system that we call, to which paths are added. Never repeated in a message,
/// since a wrong one may hold a password.
pub(super) fn base_url(place: &Place<'_>, text: &str) -> Read<Url> {
    let url = web_url(place, text)?;
    if url.query().is_some() {
        return Err(place.wrong(
            &ADDRESS,
            "has a query (“?…”)",
            "leave out everything from the question mark on",
        ));
    }
    Ok(url)
}

/// As [`base_url`], of a system whose browser shows other addresses than its API has. `pages` are
/// the first parts of those; what is before them may be where the whole system is.
pub(super) fn base_url_without(place: &Place<'_>, text: &str, pages: &[&str]) -> Read<Url> {
    let url = base_url(place, text)?;
    let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    match parts.iter().position(|part| pages.iter().any(|page| part.eq_ignore_ascii_case(page))) {
        None => Ok(url),
        Some(at) => {
            let whole = url.path().trim_end_matches('/');
            let from = whole.match_indices('/').nth(at).map_or(0, |(at, _)| at);
            Err(leave_off(place, &url, from))
        }
    }
}

/// Says which part of an address is a browser's.
pub(super) fn leave_off(place: &Place<'_>, url: &Url, from: usize) -> Reported {
    let (kept, page) = url.path().split_at_checked(from).unwrap_or((url.path(), ""));
    let mut base = url.clone();
    base.set_path(kept);
    let base = base.as_str().trim_end_matches('/').to_owned();
    let page: String = page.chars().take(60).collect();
    place.wrong(
        &ADDRESS,
        "has a path",
        format!("leave off “{page}”, which is for browsers: write \"{base}\""),
    )
}

/// An address to call as it is.
pub(super) fn web_url(place: &Place<'_>, text: &str) -> Read<Url> {
    let help = "write it in full, such as \"https://example.com\"";
    let url = Url::parse(text.trim()).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => place.wrong(&ADDRESS, "has no https:// in front", help),
        error => place.wrong(&ADDRESS, &format!("is not a web address: {error}"), help),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(place.wrong(&ADDRESS, "must begin with https:// or http://", help));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(place.wrong(
            &ADDRESS,
            "has a user name or password in it",
            "leave out everything up to the @",
        ));
    }
    if url.fragment().is_some() {
        return Err(place.wrong(&ADDRESS, "has a fragment (“#…”)", "leave out everything from the # on"));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        place.odd("is http: secrets and tickets travel in the clear; use https");
    }
    Ok(url)
}

/// Reads one of several words; `what` is what they are, with its article.
pub(super) fn choice<T: Copy>(value: &Value<'_>, choices: &[(&str, T)], what: &str) -> Read<T> {
    let names = || choices.iter().map(|(name, _)| *name);
    let known = format!("write one of {}", names().collect::<Vec<_>>().join(", "));
    let text = value.full_text(&known)?;
    match choices.iter().find(|(name, _)| *name == text) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let help = nearest(text, names()).map_or(known, |near| format!("did you mean “{near}”?"));
            Err(value.place.problem(&INVALID, format!("“{text}” is not {what}"), help))
        }
    }
}
