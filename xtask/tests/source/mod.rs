//! Paths in Rust source text, as far as this code base's own style needs it.

/// A path that begins at the crate's root.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where it is; the first line is 1.
    pub line: usize,
    /// Its names, without `crate`.
    pub path: Vec<String>,
}

/// The text without what is compiled for tests only and without comments. Lines keep their numbers.
pub(crate) fn without_tests(text: &str) -> String {
    let (mut kept, mut lines) = (String::new(), text.lines());
    while let Some(line) = lines.next() {
        kept.push('\n');
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(comment_less(line));
            continue;
        }
        // The item ends with the first line that can end one and is not indented further, or
        // completes a value.
        let (indent, mut is_value) = (indent(line), false);
        for line in lines.by_ref() {
            kept.push('\n');
            let code = comment_less(line).trim_end();
            let ends = [";", "}", "},"].iter().any(|end| code.ends_with(end));
            let is_own = self::indent(line) <= indent;
            if ends && (is_own || is_value && code.ends_with(';')) {
                break;
            }
            is_value |= is_own && code.ends_with('=');
        }
    }
    kept
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The line up to its comment. Two slashes after a colon are an address in a text.
fn comment_less(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// All paths from `crate` and `super` in the text of the module `own`. Line 1 follows the first
/// line break.
pub(crate) fn paths(text: &str, own: &[&str]) -> Vec<Found> {
    let mut found = Vec::new();
    for mut rest in beginnings(text) {
        let mut base: Vec<String> = Vec::new();
        if let Some(after) = rest.strip_prefix("crate::") {
            rest = after;
        } else {
            let mut left = own;
            while let Some(after) = rest.strip_prefix("super::") {
                (left, rest) = (left.split_last().map_or(left, |(_, parents)| parents), after);
            }
            base.extend(left.iter().map(|name| (*name).to_owned()));
        }
        tree(text, text.len() - rest.len(), &base, &mut found);
    }
    found
}

/// The text from each path on that begins with `crate` or `super`.
fn beginnings(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.char_indices().filter_map(move |(at, _)| {
        let rest = &text[at..];
        let begins = rest.starts_with("crate::") || rest.starts_with("super::");
        let goes_on = text[..at].ends_with("::") || text[..at].chars().next_back().is_some_and(is_name);
        (begins && !goes_on).then_some(rest)
    })
}

/// Adds every path of the tree that begins at `at`, and returns where it ends.
fn tree(text: &str, at: usize, base: &[String], found: &mut Vec<Found>) -> usize {
    let skip = |at: usize| at + text[at..].len() - text[at..].trim_start().len();
    let at = skip(at);
    if text[at..].starts_with('{') {
        let mut at = skip(at + 1);
        while at < text.len() && !text[at..].starts_with('}') {
            at = skip(tree(text, at, base, found));
            if text[at..].starts_with(',') {
                at = skip(at + 1);
            } else {
                break;
            }
        }
        return (at + 1).min(text.len());
    }
    let end = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(text.len(), |end| at + end);
    let mut path = base.to_vec();
    path.push(text[at..end].to_owned());
    if let Some(after) = text[end..].strip_prefix("::") {
        return tree(text, text.len() - after.len(), &path, found);
    }
    found.push(Found { line: text[..at].matches('\n').count(), path });
    // A name of its own: `as …`.
    let stop = text[end..].find([',', '}', ';', '\n']).map_or(text.len(), |stop| end + stop);
    if text[end..stop].trim_start().starts_with("as ") { stop } else { end }
}
