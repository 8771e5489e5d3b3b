//! Escapes of HTML's special characters.

/// Text as HTML.
pub(crate) fn escaped(text: &str) -> String {
    // The ampersand first, as the other escapes contain one.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// HTML without tags as text.
pub(crate) fn unescaped(text: &str) -> String {
    let named = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    named.replace("&#39;", "'").replace("&nbsp;", "\u{a0}").replace("&amp;", "&")
}
