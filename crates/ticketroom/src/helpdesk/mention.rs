//! Which ticket a text names.
//!
//! Zendesk and Freshdesk tell only in words into which ticket another one was merged: in a note
//! that they write. A ticket is named by `#123`, or by its address: one that has `/tickets/123` or
//! `/requests/123`, with the helpdesk's own host or with none. What is part of a longer word,
//! number or address names none.

/// The number of the first ticket that a text names.
pub(super) fn ticket_in(text: &str, host: &str) -> Option<u64> {
    let first = by_number(text).into_iter().chain(by_address(text, host)).min_by_key(|(at, _)| *at);
    first.map(|(_, number)| number)
}

/// The number of the first ticket whose address a text has. In HTML, a `#` may be part of anything.
pub(super) fn ticket_of_address_in(text: &str, host: &str) -> Option<u64> {
    by_address(text, host).map(|(_, number)| number)
}

fn by_number(text: &str) -> Option<(usize, u64)> {
    text.match_indices('#').find_map(|(at, sign)| {
        let before = text.get(..at)?.chars().next_back();
        let is_apart = before.is_none_or(|c| !c.is_alphanumeric() && !"&/#?=_-".contains(c));
        let number = number_at(text.get(at + sign.len()..)?)?;
        is_apart.then_some((at, number))
    })
}

fn by_address(text: &str, host: &str) -> Option<(usize, u64)> {
    let of_kind = |path: &'static str| {
        text.match_indices(path).find_map(|(at, path)| {
            let number = number_at(text.get(at + path.len()..)?)?;
            let before = text.get(..at)?;
            let ends = |c: char| c.is_whitespace() || "\"'<>()[]{}|,;=".contains(c);
            let address = before.rsplit(ends).next().unwrap_or(before);
            is_own(address, host).then_some((at, number))
        })
    };
    ["/tickets/", "/requests/"].into_iter().filter_map(of_kind).min_by_key(|(at, _)| *at)
}

/// Whether an address is the helpdesk's own, by what stands before the path.
fn is_own(address: &str, host: &str) -> bool {
    if address.is_empty() || (address.starts_with('/') && !address.starts_with("//")) {
        return true;
    }
    let rest = ["https://", "http://"].into_iter().find_map(|scheme| address.strip_prefix(scheme));
    let named = rest.and_then(|rest| rest.split(['/', ':']).next());
    named.is_some_and(|named| named.eq_ignore_ascii_case(host))
}

/// The number that a text begins with, if it is one that a ticket may have.
pub(super) fn number_at(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = text.split_at_checked(digits).filter(|(digits, _)| digits.len() <= 19)?;
    let goes_on = after.chars().next().is_some_and(|c| c.is_alphanumeric() || "_-".contains(c));
    digits.parse().ok().filter(|number| *number != 0 && !goes_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_named_by_number_or_address() {
        for (text, expected) in [
            ("This request was closed and merged into request #1234 \"Order #99\".", Some(1234)),
            ("リクエスト #1234「件名」に統合されました。", Some(1234)),
            ("(#7)", Some(7)),
            ("see https://acme.zendesk.com/agent/tickets/1234 or #9", Some(1234)),
            ("see #9 or https://acme.zendesk.com/agent/tickets/1234", Some(9)),
            ("https://ACME.zendesk.com:443/hc/en/requests/5?x#12", Some(5)),
            ("/agent/tickets/5.", Some(5)),
            ("[x|/tickets/5]", Some(5)),
            ("https://evil.example/tickets/5", None),
            ("https://acme.zendesk.com@evil.example/tickets/5", None),
            ("//evil.example/tickets/5", None),
            ("evil.example/tickets/5", None),
            ("https://acme.zendesk.com.evil.example/tickets/5", None),
            ("https://evil.example/?u=https://acme.zendesk.com/tickets/5", Some(5)),
            ("#0 #x # 5 a#5 &#39; /#5 #5a #12-3 #99999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(ticket_in(text, "acme.zendesk.com"), expected, "{text}");
        }
        let html =
            "<p style=\"color: #123456\">&#39;<a href=\"https://acme.zendesk.com/agent/tickets/5\">x</a></p>";
        assert_eq!(ticket_of_address_in(html, "acme.zendesk.com"), Some(5));
    }
}
