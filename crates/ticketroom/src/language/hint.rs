//! What people write who know another language, and what it is here.

use super::name::{self, Found};

/// What is most likely meant by a condition that can't be parsed.
pub(super) fn condition(source: &str) -> Option<String> {
    let code = outside_quotes(source);
    let operators = [
        ("&&", "write “and” instead of “&&”"),
        ("||", "write “or” instead of “||”"),
        ("<>", "write “!=” instead of “<>”"),
        ("===", "write “==” instead of “===”"),
        ("=~", "write ticket.subject.contains('…'); there are no regular expressions"),
        ("=>", "write “>=” instead of “=>”"),
        ("=<", "write “<=” instead of “=<”"),
    ];
    if let Some((_, hint)) = operators.iter().find(|(operator, _)| code.contains(operator)) {
        return Some((*hint).to_owned());
    }
    if code.contains("{{") || code.contains("{%") {
        return Some("a condition needs no {{ }}: write ticket.priority == 'urgent'".to_owned());
    }
    let words =
        ["contains", "includes", "like", "matches", "startswith", "starts_with", "ends_with", "endswith"];
    let infix = words.iter().find(|word| code.contains(&format!(" {word} ")));
    if let Some(word) = infix {
        let method = match *word {
            "startswith" | "starts_with" => "starts_with",
            "endswith" | "ends_with" => "ends_with",
            _ => "contains",
        };
        return Some(format!("write ticket.subject.{method}('…') instead of “{word}”"));
    }
    let words = [(" AND ", "and"), (" OR ", "or"), (" NOT ", "not")];
    if let Some((word, ours)) = words.iter().find(|(word, _)| code.contains(word)) {
        return Some(format!("write “{ours}” in lower case instead of “{}”", word.trim()));
    }
    let chars: Vec<char> = code.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied().unwrap_or(' ');
        let after = chars.get(at + 1).copied().unwrap_or(' ');
        if *c == '=' && !matches!(before, '=' | '!' | '<' | '>') && after != '=' {
            return Some("“=” sets a value; write “==” to compare".to_owned());
        }
        if *c == '!' && after != '=' {
            return Some("write “not” instead of “!”".to_owned());
        }
    }
    if source.contains(['“', '”', '‘', '’']) {
        return Some("write texts in straight quotes: 'urgent'".to_owned());
    }
    let odd = source.matches('\'').count() % 2 == 1;
    odd.then(|| "a quote (') is not closed".to_owned())
}

/// What is most likely meant by a title that can't be parsed.
pub(super) fn title(source: &str) -> Option<String> {
    if source.contains("{% ticket.") || source.contains("{%ticket.") {
        return Some("a value stands in double braces: {{ ticket.subject }}".to_owned());
    }
    let (open, close) = (source.matches("{{").count(), source.matches("}}").count());
    if open != close {
        return Some("each {{ needs its }}, as in {{ ticket.subject }}".to_owned());
    }
    condition(source)
}

/// Whether plain text in a title looks like a value that is to be shown.
pub(super) fn placeholder(text: &str) -> Option<String> {
    let shown = |path: &str| match name::find(path) {
        Ok(Found::Name(_)) => format!("{{{{ {path} }}}}"),
        _ => "{{ ticket.subject }}".to_owned(),
    };
    for (at, _) in text.match_indices("ticket.") {
        let (before, rest) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len());
        let path = rest.get(..end).unwrap_or_default().trim_end_matches('.');
        let opened = before.trim_end().ends_with(['{', '$', '%', '<', '[', '(']);
        if opened || matches!(name::find(path), Ok(Found::Name(_))) {
            return Some(format!(
                "“{path}” is plain text here; to show its value, write {} with two braces on each side",
                shown(path)
            ));
        }
    }
    if text.contains("}}") {
        return Some("“}}” has no “{{” before it; write {{ ticket.subject }}".to_owned());
    }
    // “{subject}”, “${subject}”
    let (_, rest) = text.split_once('{')?;
    let (inside, _) = rest.split_once('}')?;
    let inside = inside.trim();
    let path = format!("ticket.{inside}");
    let is_name = inside.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    (is_name && name::find(&path).is_ok())
        .then(|| format!("“{{{inside}}}” is plain text here; to show its value, write {}", shown(&path)))
}

/// The source with spaces for what stands in quotes.
fn outside_quotes(source: &str) -> String {
    let mut quote = None;
    source
        .chars()
        .map(|c| match quote {
            Some(open) => {
                if c == open {
                    quote = None;
                }
                ' '
            }
            None if matches!(c, '\'' | '"') => {
                quote = Some(c);
                ' '
            }
            None => c,
        })
        .collect()
}
