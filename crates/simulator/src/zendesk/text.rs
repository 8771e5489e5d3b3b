//! A comment is written as text or as HTML and read as both.

use crate::html::{escaped, unescaped};

/// The HTML of a comment that was written as text.
pub(super) fn to_html(text: &str) -> String {
    let paragraphs = text
        .split("\n\n")
        .map(|paragraph| format!("<p dir=\"auto\">{}</p>", escaped(paragraph).replace('\n', "<br>")));
    format!("<div class=\"zd-comment\" dir=\"auto\">{}</div>", paragraphs.collect::<String>())
}

/// HTML as it is stored: without HTML comments, so that no marker can be hidden in one.
pub(super) fn sanitised(html: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, hidden)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = hidden.split_once("-->").map_or("", |(_, after)| after);
    }
    kept + rest
}

/// The text of a comment that was written as HTML. A link keeps its text, not its target.
pub(super) fn to_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tagged)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = tagged.split_once('>').unwrap_or((tagged, ""));
        let ends_a_line = ["/p", "br", "/div", "/li"].iter().any(|name| {
            tag.strip_prefix(name).is_some_and(|more| !more.starts_with(|c: char| c.is_ascii_alphanumeric()))
        });
        if ends_a_line {
            text.push('\n');
        }
        rest = after;
    }
    text.push_str(rest);
    unescaped(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_text_without_link_targets() {
        for (html, text) in [
            ("<p>Room: <a href=\"https://x.example/\">open</a></p><p>[m:1]</p>", "Room: open\n[m:1]"),
            ("a &lt;b&gt; &amp;amp; &#39;c&#39;<br/>d", "a <b> &amp; 'c'\nd"),
            ("<pre>x</pre>y", "xy"),
            ("", ""),
        ] {
            assert_eq!(to_text(html), text);
        }
    }

    #[test]
    fn hidden_markers_are_lost() {
        assert_eq!(sanitised("a<!-- marker -->b<!--c--><!-- open"), "ab");
    }

    #[test]
    fn text_becomes_html() {
        let html = "<div class=\"zd-comment\" dir=\"auto\"><p dir=\"auto\">a &lt;b&gt;<br>c</p></div>";
        assert_eq!(to_html("a <b>\nc"), html);
        assert_eq!(to_text(html), "a <b>\nc");
    }
}
