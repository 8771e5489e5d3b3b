//! The JSON parser for deliveries: it takes what senders really write.
//!
//! [`Mode::Exact`] is the grammar of RFC 8259, more tolerant in what a grammar can't be blamed for:
//! a surrogate without its other half becomes U+FFFD, control characters may stand in strings, a
//! number of any size is kept, and what is nested deeper than [`DEEPEST`] is read over.
//! [`Mode::Repair`] also takes what templates break: quotation marks inside a text, values that are
//! missing or lack quotation marks, a comma too many.
//!
//! It uses no recursion, so no nesting exhausts the stack, and it keeps a bounded number of values,
//! so that a body with very many fields does not become a tree that is many times as large.

use super::super::salvage::Json;

/// Values nested deeper than that count as null. The deepest value that is read, in Jira's
/// documents, is at level 9.
const DEEPEST: usize = 64;
/// The most entries of one object or array that are kept.
const MOST_ENTRIES: usize = 5_000;
/// The most values below the first level that are kept.
const MOST_VALUES: usize = 20_000;
/// Names of fields are shorter; what is longer, is text.
const LONGEST_NAME: usize = 200;

/// How much is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// What the grammar allows.
    Exact,
    /// What templates break.
    Repair,
}

/// Where a text stops being JSON, and what is wrong there. Never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// In bytes from the beginning.
    pub(super) at: usize,
    /// For people.
    pub(super) what: &'static str,
}

/// What was read.
#[derive(Debug, PartialEq)]
pub(super) struct Parsed {
    /// The value.
    pub(super) json: Json,
    /// Whether values were left out because there are too many.
    pub(super) is_partial: bool,
}

/// Parses a whole text.
pub(super) fn parse(text: &str, mode: Mode) -> Result<Parsed, Fault> {
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        end: text.trim_ascii_end().len(),
        at: 0,
        mode,
        left: MOST_VALUES,
        is_partial: false,
    };
    let json = parser.whole()?;
    Ok(Parsed { json, is_partial: parser.is_partial })
}

/// An array or object whose end has not been read.
enum Open {
    List(Vec<Json>),
    /// With the name of the value that comes next.
    Object(Vec<(String, Json)>, String),
}

impl Open {
    fn len(&self) -> usize {
        match self {
            Self::List(items) => items.len(),
            Self::Object(fields, _) => fields.len(),
        }
    }

    fn put(&mut self, value: Json) {
        match self {
            Self::List(items) => items.push(value),
            Self::Object(fields, name) => fields.push((std::mem::take(name), value)),
        }
    }

    fn closed(self) -> Json {
        match self {
            Self::List(items) => Json::List(items),
            Self::Object(fields, _) => Json::Object(fields),
        }
    }
}

/// What a string is, which tells by what its end is known.
#[derive(Clone, Copy)]
enum Role {
    /// The name of a field.
    Name,
    /// The value of a field, or the whole body.
    Field,
    /// One of an array.
    Item,
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Where the spaces at its end begin.
    end: usize,
    at: usize,
    mode: Mode,
    left: usize,
    is_partial: bool,
}

impl Parser<'_> {
    fn whole(&mut self) -> Result<Json, Fault> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let Some(mut value) = self.value_or_opened(&mut open)? else { continue };
            loop {
                let depth = open.len();
                let Some(parent) = open.last_mut() else { return self.end(value) };
                if self.may_keep(depth, parent.len()) {
                    parent.put(value);
                } else {
                    self.is_partial = true;
                }
                if !self.ends_after_entry(parent)? {
                    break;
                }
                let Some(parent) = open.pop() else { break };
                value = parent.closed();
            }
        }
    }

    /// Whether a further value is kept. The first level has an allowance of its own, so that what a
    /// large value comes before is not lost.
    fn may_keep(&mut self, depth: usize, entries: usize) -> bool {
        if entries >= MOST_ENTRIES || (depth > 1 && self.left == 0) {
            return false;
        }
        if depth > 1 {
            self.left -= 1;
        }
        true
    }

    fn end(&mut self, value: Json) -> Result<Json, Fault> {
        self.skip_space();
        if self.at < self.bytes.len() {
            Err(self.fault("there is more after the end of the JSON"))
        } else {
            Ok(value)
        }
    }

    /// A value; none if it is an object or array with something in it, which is open now.
    fn value_or_opened(&mut self, open: &mut Vec<Open>) -> Result<Option<Json>, Fault> {
        self.skip_space();
        match self.peek() {
            Some(b'{' | b'[') if open.len() >= DEEPEST => self.skip_nested().map(|()| Some(Json::Null)),
            Some(b'[') => {
                self.at += 1;
                self.skip_space();
                if self.take(b']') {
                    return Ok(Some(Json::List(Vec::new())));
                }
                open.push(Open::List(Vec::new()));
                Ok(None)
            }
            Some(b'{') => {
                self.at += 1;
                self.skip_space();
                if self.take(b'}') {
                    return Ok(Some(Json::Object(Vec::new())));
                }
                let name = self.name()?;
                open.push(Open::Object(Vec::new(), name));
                Ok(None)
            }
            Some(b'"') => {
                let role = if matches!(open.last(), Some(Open::List(_))) { Role::Item } else { Role::Field };
                self.string(role).map(|text| Some(Json::Text(text)))
            }
            Some(b',' | b'}' | b']') if self.mode == Mode::Repair && !open.is_empty() => Ok(Some(Json::Null)),
            Some(_) => self.word().map(Some),
            None => Err(self.fault("a value is missing")),
        }
    }

    /// Whether an object or array ends after the entry that was just read; if not, it is at its
    /// next value.
    fn ends_after_entry(&mut self, parent: &mut Open) -> Result<bool, Fault> {
        let (close, missing) = match parent {
            Open::List(_) => (b']', "a comma or a closing bracket is missing"),
            Open::Object(..) => (b'}', "a comma or a closing brace is missing"),
        };
        self.skip_space();
        if self.take(close) {
            return Ok(true);
        }
        let lacks_comma = self.mode == Mode::Repair && close == b'}' && self.peek() == Some(b'"');
        if !self.take(b',') && !lacks_comma {
            return Err(self.fault(missing));
        }
        self.skip_space();
        if self.mode == Mode::Repair && self.take(close) {
            return Ok(true);
        }
        if let Open::Object(_, name) = parent {
            *name = self.name()?;
        }
        Ok(false)
    }

    /// A field's name and the colon after it.
    fn name(&mut self) -> Result<String, Fault> {
        self.skip_space();
        if self.peek() != Some(b'"') {
            return Err(self.fault("the name of a field in quotation marks is missing"));
        }
        let name = self.string(Role::Name)?;
        self.skip_space();
        if self.take(b':') { Ok(name) } else { Err(self.fault("a colon after a field's name is missing")) }
    }

    fn string(&mut self, role: Role) -> Result<String, Fault> {
        let opening = self.at;
        let mut text = String::new();
        let mut at = opening + 1;
        let mut from = at;
        loop {
            match self.bytes.get(at) {
                None => {
                    return Err(Fault { at: self.bytes.len(), what: "a text has no closing quotation mark" });
                }
                Some(b'"') if self.mode == Mode::Exact || self.ends_text(at + 1, role) => {
                    text.push_str(&self.text[from..at]);
                    self.at = at + 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    text.push_str(&self.text[from..at]);
                    // A text that ends with a backslash, before the end of everything.
                    if self.mode == Mode::Repair
                        && self.bytes.get(at + 1) == Some(&b'"')
                        && self.is_last(at + 2)
                    {
                        text.push('\\');
                        at += 1;
                    } else {
                        at = self.escape(at, &mut text)?;
                    }
                    from = at;
                }
                Some(_) => at += 1,
            }
        }
    }

    /// Whether only closing brackets are left.
    fn is_last(&self, at: usize) -> bool {
        // Its end was looked for once: there may be a backslash at every place, and a mebibyte of
        // spaces behind.
        let rest = self.bytes.get(at..self.end).unwrap_or_default();
        !rest.is_empty() && rest.len() < DEEPEST && rest.iter().all(|byte| b"}] \t\r\n".contains(byte))
    }

    /// Whether a quotation mark ends a text, by what comes after it.
    fn ends_text(&self, after: usize, role: Role) -> bool {
        let at = self.after_space(after);
        let next = self.after_space(at + 1);
        match (role, self.bytes.get(at)) {
            (Role::Name, found) => found == Some(&b':'),
            (Role::Field | Role::Item, None) => true,
            (Role::Field | Role::Item, Some(b'}' | b']')) => {
                matches!(self.bytes.get(next), None | Some(b',' | b'}' | b']' | b'{'))
            }
            (Role::Field, Some(b',')) => match self.bytes.get(next) {
                Some(b'"') => self.is_name(next),
                found => found == Some(&b'}'),
            },
            // A comma that is missing.
            (Role::Field, Some(b'"')) => self.is_name(at),
            (Role::Item, Some(b',')) => true,
            _ => false,
        }
    }

    /// Whether a quotation mark begins a field's name with its colon.
    fn is_name(&self, opening: usize) -> bool {
        let inside = &self.bytes[opening + 1..];
        let length = inside.iter().take(LONGEST_NAME).position(|byte| *byte == b'"');
        length.is_some_and(|length| self.bytes.get(self.after_space(opening + 2 + length)) == Some(&b':'))
    }

    /// An escape; returns where it ends.
    fn escape(&self, at: usize, text: &mut String) -> Result<usize, Fault> {
        let plain = match self.bytes.get(at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') if let Some(unit) = self.unit(at) => return Ok(self.unicode(at, unit, text)),
            // A backslash before a raw line break is meant as neither; the line break stays.
            Some(0..=0x1f) => return Ok(at + 1),
            Some(_) if self.mode == Mode::Repair => {
                text.push('\\');
                return Ok(at + 1);
            }
            Some(_) => return Err(Fault { at, what: "a backslash is not escaped" }),
            None => return Err(Fault { at, what: "a text has no closing quotation mark" }),
        };
        text.push(plain);
        Ok(at + 2)
    }

    /// The UTF-16 unit of `\uXXXX`.
    fn unit(&self, at: usize) -> Option<u16> {
        let digits = self.bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    fn unicode(&self, at: usize, unit: u16, text: &mut String) -> usize {
        let units = [unit, self.unit(at + 6).unwrap_or_default()];
        match char::decode_utf16(units).next() {
            Some(Ok(c)) => {
                text.push(c);
                at + 6 * c.len_utf16()
            }
            _ => {
                text.push(char::REPLACEMENT_CHARACTER);
                at + 6
            }
        }
    }

    /// A number, `true`, `false` or `null`; or, repaired, a text without quotation marks.
    fn word(&mut self) -> Result<Json, Fault> {
        let rest = &self.bytes[self.at..];
        let is_end = |byte: &u8| b",}]\r\n\t ".contains(byte);
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        let word = &self.text[self.at..self.at + length];
        let value = match word {
            "true" => Some(Json::Bool(true)),
            "false" => Some(Json::Bool(false)),
            "null" => Some(Json::Null),
            _ => number(word),
        };
        if let Some(value) = value {
            self.at += length;
            return Ok(value);
        }
        if self.mode == Mode::Exact {
            return Err(self.fault("a value lacks its quotation marks, or is none"));
        }
        // Up to what ends it, spaces included: `"status":in progress,`.
        let length = rest.iter().position(|byte| b",}]\r\n".contains(byte)).unwrap_or(rest.len());
        let text = self.text[self.at..self.at + length].trim();
        // A placeholder that was not filled in is no text, and neither is half of something else.
        if text.is_empty() || text.contains(['"', '{', '[', '\'']) {
            return Err(self.fault("a value lacks its quotation marks, or is none"));
        }
        let value = match text {
            "None" | "nil" | "undefined" | "NaN" | "NULL" => Json::Null,
            "True" => Json::Bool(true),
            "False" => Json::Bool(false),
            text => Json::Text(text.to_owned()),
        };
        self.at += length;
        Ok(value)
    }

    /// Reads over an object or array, whatever is in it.
    fn skip_nested(&mut self) -> Result<(), Fault> {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => self.skip_string(),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(Fault { at: self.bytes.len(), what: "closing brackets are missing" })
    }

    /// Goes on to a string's closing quotation mark.
    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => return,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_space(&mut self) {
        self.at = self.after_space(self.at);
    }

    fn after_space(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count()
    }

    fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at.min(self.bytes.len()), what }
    }
}

/// A number as JSON writes it; a whole one also if it is written as `42.0`.
fn number(word: &str) -> Option<Json> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let whole = digits(unsigned);
    if whole == 0 || (whole > 1 && unsigned.starts_with('0')) {
        return None;
    }
    let mut rest = &unsigned[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if length == 0 {
            return None;
        }
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.is_empty() || digits(exponent) != exponent.len() {
            return None;
        }
        rest = "";
    }
    if !rest.is_empty() {
        return None;
    }
    Some(
        word.parse()
            .ok()
            .or_else(|| whole_of(word))
            .map_or_else(|| Json::OtherNumber(word.to_owned()), Json::Number),
    )
}

/// The whole number that a decimal number is, where it can be told exactly.
fn whole_of(word: &str) -> Option<u64> {
    /// Up to here, floating-point numbers have every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !word.contains(['.', 'e', 'E']) || word.starts_with('-') {
        return None;
    }
    let number: f64 = word.parse().ok()?;
    // Written out, since a conversion would cut what does not fit.
    if number.fract() == 0.0 && number < EXACT { format!("{number:.0}").parse().ok() } else { None }
}
