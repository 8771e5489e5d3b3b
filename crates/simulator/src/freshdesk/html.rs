//! Notes are HTML, which is sanitised, and are shown as text as well.

use crate::html::unescaped;

/// Elements that are kept, with their allowed attributes. Of others only the content is kept.
const KEPT: [(&str, &[&str]); 16] = [
    ("a", &["href", "title", "target"]),
    ("b", &[]),
    ("blockquote", &[]),
    ("br", &[]),
    ("code", &[]),
    ("div", &[]),
    ("em", &[]),
    ("i", &[]),
    ("img", &["src", "alt"]),
    ("li", &[]),
    ("ol", &[]),
    ("p", &[]),
    ("pre", &[]),
    ("span", &[]),
    ("strong", &[]),
    ("ul", &[]),
];

/// Sanitised HTML: without comments, scripts and unknown attributes, so that no marker can be
/// hidden in them.
pub(super) fn sanitised(html: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tagged)) = rest.split_once('<') {
        kept.push_str(before);
        if let Some(hidden) = tagged.strip_prefix("!--") {
            rest = hidden.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (tag, after) = tagged.split_once('>').unwrap_or((tagged, ""));
        rest = after;
        let closing = tag.starts_with('/');
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if matches!(name.as_str(), "script" | "style") {
            if !closing {
                rest = after.split_once(&format!("</{name}>")).map_or("", |(_, after)| after);
            }
            continue;
        }
        let Some((_, attributes)) = KEPT.iter().find(|(kept, _)| *kept == name) else { continue };
        if closing {
            kept.push_str(&format!("</{name}>"));
            continue;
        }
        kept.push_str(&format!("<{name}"));
        for (attribute, value) in attributes_of(tag) {
            let is_script = value.trim().to_ascii_lowercase().starts_with("javascript:");
            if attributes.contains(&attribute.as_str()) && !is_script {
                kept.push_str(&format!(" {attribute}=\"{value}\""));
            }
        }
        kept.push('>');
    }
    kept + rest
}

/// The attributes of a tag that are quoted.
fn attributes_of(tag: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = tag;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.split_whitespace().last().unwrap_or_default().to_ascii_lowercase();
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
        let Some((value, more)) = after.get(1..).and_then(|text| text.split_once(quote)) else { break };
        found.push((name, value.to_owned()));
        rest = more;
    }
    found
}

/// The text of a note. A link keeps its text, not its target.
pub(super) fn to_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tagged)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = tagged.split_once('>').unwrap_or((tagged, ""));
        if ["/p", "br", "/div", "/li"].iter().any(|end| tag == *end || tag.starts_with(&format!("{end} "))) {
            text.push(' ');
        }
        rest = after;
    }
    text.push_str(rest);
    // A non-breaking space counts as white space here.
    unescaped(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_harmless_is_kept() {
        for (given, kept) in [
            ("<p class=\"x\">a<!-- [m:1] --></p>", "<p>a</p>"),
            (
                "<a href=\"https://x.example/\" onclick='y()'>open</a>",
                "<a href=\"https://x.example/\">open</a>",
            ),
            ("<a href=\"javascript:x()\">open</a>", "<a>open</a>"),
            ("<script>alert(1)</script>b<style>x</style>", "b"),
            ("<h1 id=\"a\">t</h1><span data-key=\"[m:1]\">s</span>", "t<span>s</span>"),
            ("a &lt;b&gt; <", "a &lt;b&gt; "),
        ] {
            assert_eq!(sanitised(given), kept, "{given}");
        }
        assert_eq!(
            to_text("<p>Room: <a href=\"https://x\">o &amp; k</a></p><p>[m:1]</p>"),
            "Room: o & k [m:1]"
        );
    }
}
