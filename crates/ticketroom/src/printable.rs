//! Text of other systems, made harmless for terminals, logs and messages.
//!
//! A subject, an id, a name of a field or a detail of an error is chosen by somebody else. Shown
//! raw it can move the cursor, turn the reading direction, begin a line of its own in a log, or
//! forge a `key=value`. Every place that shows such text goes through [`printable`], [`block`] or
//! [`LogValue`]; nothing else decides what is harmless.

use std::fmt::{self, Write as _};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Details of failures and reasons: characters.
pub const DETAIL: usize = 200;

/// Whole messages, which may hold several details: characters.
pub const MESSAGE: usize = 1000;

/// What stands for a character that is not shown.
const REPLACEMENT: char = '\u{FFFD}';

/// Whether a character does something other than being seen: controls (C0, DEL, C1), marks and
/// overrides of the reading direction, line and paragraph separators, and format characters that no
/// ordinary text needs.
#[must_use]
pub fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}'
            | '\u{180E}'
            | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0001}')
}

fn harmless(c: char) -> char {
    match c {
        // What separates words still does.
        '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        c if is_active(c) => REPLACEMENT,
        c => c,
    }
}

/// The text as one line of harmless characters, at most `limit` of them; the last one is `…` if
/// there were more.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    cut(text.chars().map(harmless), limit)
}

/// The same for text of several lines of our own making: line breaks stay.
#[must_use]
pub fn block(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { c } else { harmless(c) }).collect()
}

/// JSON in which active characters are escaped. They can only stand in its texts, so it says the
/// same as before.
#[must_use]
pub fn escaped_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_active(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// What something prints, as [`printable`] has it. Not more of it is ever held than is shown,
/// however much it prints.
#[must_use]
pub fn printed(value: &impl fmt::Display, limit: usize) -> String {
    let mut bounded = Bounded { text: String::new(), left: limit.saturating_add(1) };
    // An error means that there was enough.
    let _ = write!(bounded, "{value}");
    printable(&bounded.text, limit)
}

struct Bounded {
    text: String,
    left: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let before = self.text.len();
        self.text.extend(text.chars().take(self.left));
        let taken = self.text.get(before..).map_or(0, |taken| taken.chars().count());
        self.left -= taken.min(self.left);
        if self.left == 0 { Err(fmt::Error) } else { Ok(()) }
    }
}

fn cut(mut characters: impl Iterator<Item = char>, limit: usize) -> String {
    let mut out: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        out.pop();
        out.push('…');
    }
    out
}

/// The text as [`printable`] has it, in exactly `columns` columns of a terminal: cut or filled up.
/// Wide characters take two columns.
#[must_use]
pub fn column(text: &str, columns: usize) -> String {
    let mut text = fit(text, columns);
    let used = text.width();
    text.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    text
}

/// The text as [`printable`] has it, in at most `columns` columns of a terminal.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    let text: String = text.chars().map(harmless).collect();
    if text.width() <= columns {
        return text;
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        // One column is for the mark that something is missing.
        if used + width + 1 > columns {
            break;
        }
        used += width;
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// A value in a line of `key=value`: harmless, and in quotation marks where it could be taken for
/// something else.
#[derive(Debug, Clone, Copy)]
pub struct LogValue<'a>(pub &'a str);

impl fmt::Display for LogValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '=' | '\\');
        if !self.0.is_empty() && self.0.chars().all(is_plain) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mred\u{202E}x\r\n", 40), "a\u{FFFD}[31mred\u{FFFD}x  ");
        assert_eq!(printable("abcdef", 4), "abc…");
        assert_eq!(printable("abcd", 4), "abcd");
        for code in (0..=0x0011_0000_u32).filter_map(char::from_u32).filter(|c| is_active(*c)) {
            let shown = printable(&code.to_string(), 4);
            assert!([" ", "\u{FFFD}"].contains(&shown.as_str()), "{code:?}");
        }
        for code in ['\u{7f}', '\u{9b}', '\u{61c}', '\u{2028}', '\u{2066}', '\u{200f}', '\u{0}'] {
            assert!(is_active(code), "{code:?}");
        }
        // Emoji of several parts and Persian need their joiners.
        assert_eq!(printable("👩\u{200D}🔧 می\u{200C}خواهم", 40), "👩\u{200D}🔧 می\u{200C}خواهم");
    }

    #[test]
    fn escaped_json_says_the_same() {
        let text = "a\u{1b}[1m\u{202E}b\u{9b}\u{E0001}\u{7f}ü";
        let json = escaped_json(&serde_json::to_string_pretty(&[text]).unwrap());
        assert!(!json.chars().any(|c| c != '\n' && is_active(c)), "{json:?}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [text]);
    }

    #[test]
    fn no_more_is_kept_than_is_shown() {
        struct Long;
        impl fmt::Display for Long {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for _ in 0..1_000_000 {
                    f.write_str("ab")?;
                }
                Ok(())
            }
        }
        assert_eq!(printed(&Long, 6), "ababa…");
        assert_eq!(printed(&"ab", 6), "ab");
        assert_eq!(printed(&"ababab", 6), "ababab");
    }

    #[test]
    fn columns_are_as_wide_as_they_look() {
        assert_eq!(column("ab", 4), "ab  ");
        assert_eq!(column("漢字漢字", 5), "漢字…");
        assert_eq!(column("漢字漢字", 6), "漢字… ");
        assert_eq!(column("漢字", 4), "漢字");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!((fit("ab", 0).as_str(), fit("ab", 1).as_str()), ("", "…"));
    }

    #[test]
    fn a_value_forges_no_other() {
        for (text, expected) in [
            ("zendesk/4711", "zendesk/4711"),
            ("", "\"\""),
            ("1 state=ready", "\"1 state=ready\""),
            ("a=b", "\"a=b\""),
            ("say \"x\" \\", "\"say \\\"x\\\" \\\\\""),
            ("a\u{a0}b", "\"a\u{a0}b\""),
        ] {
            assert_eq!(LogValue(text).to_string(), expected);
        }
    }
}
