//! Characters that mean something in HTML, written so that they don't.

/// Text as HTML.
pub(crate) fn escaped(text: &str) -> String {
    // The ampersand first, or it would escape the others' escapes.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// HTML without tags as text.
pub(crate) fn unescaped(text: &str) -> String {
    let named = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    named.replace("&#39;", "'").replace("&nbsp;", "\u{a0}").replace("&amp;", "&")
}
