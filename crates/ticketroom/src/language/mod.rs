//! The language of titles and conditions: a small, bounded part of Jinja.
//!
//! minijinja parses the source; what it parsed is turned into an [`Expr`] of our own when the
//! configuration is read ([`parse`]). That is where unknown names, unknown filters and comparisons
//! that can never be true are found ([`lint`]), and where everything that could take memory or time
//! without bound is refused: there are no loops, no functions, no repetition of texts, and no
//! filters beyond those in [`filter`]. What is left is evaluated by [`eval`], whose rules for
//! values are in [`value`]:
//!
//! * What a ticket doesn't have is *missing*. It equals `none` and the empty text, shows as
//!   nothing, and no comparison by order (`<`, `<=`, `>`, `>=`) with it is true.
//! * A text that is a number (`"12"`) compares as that number: helpdesks send numbers as text.
//! * Any other text compared by order with a number is an error, never a silent "no".
//!
//! A text that an expression makes can have [`value::LONGEST_TEXT`] bytes; a ticket's own texts are
//! read up to [`value::LONGEST_READ`].

mod error;
mod eval;
mod expr;
mod filter;
mod hint;
mod lint;
mod name;
mod parse;
#[cfg(test)]
mod tests;
mod value;

pub use error::LanguageError;
pub(crate) use eval::{Subject, render};
pub(crate) use expr::{Expr, Piece};
pub(crate) use lint::{Desks, reads, title_reads, title_warnings, warnings};
pub(crate) use name::Name;
pub(crate) use parse::{condition, title};

/// The candidate that `word` is most likely a misspelling of.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(score, _)| *score > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
