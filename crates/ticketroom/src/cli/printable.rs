//! Untrusted text on a terminal: nothing in a subject may move the cursor or turn the reading direction.

/// The text with control characters and direction marks replaced, at most `limit` characters.
pub(super) fn printable(text: &str, limit: usize) -> String {
    let harmless = |c: char| match c {
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' => '\u{FFFD}',
        c if c.is_control() => ' ',
        c => c,
    };
    let mut characters = text.chars().map(harmless);
    let mut out: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        out.pop();
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mred\u{202E}x\r\n", 40), "a [31mred\u{FFFD}x  ");
        assert_eq!(printable("abcdef", 4), "abc…");
        assert_eq!(printable("abcd", 4), "abcd");
    }
}
