//! Comments wrap at 100 columns, as prose is read. Tables, code and addresses can't be wrapped.

use std::fs;

use super::{PRODUCT, SIMULATOR};

/// The longest line of a comment, in characters.
const LONGEST: usize = 100;

#[test]
fn comments_wrap() {
    let mut wrong = Vec::new();
    for tree in [&PRODUCT, &SIMULATOR] {
        for file in tree.sources().unwrap() {
            let text = fs::read_to_string(tree.root().join(&file)).unwrap();
            wrong.extend(too_long(&text).into_iter().map(|line| format!("{}:{line}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "wrap these comments at {LONGEST} columns:\n{}", wrong.join("\n"));
}

#[test]
fn every_comment_that_is_too_long_is_found() {
    let word = "word ".repeat(19);
    let address = format!("// https://example.com/{}", "a".repeat(100));
    for (text, lines) in [
        (format!("/// {word}end of it."), vec![1]),
        (format!("fn f() {{}}\n    // {word}it is too long"), vec![2]),
        (format!("//! {word}"), vec![]),
        (format!("//! | {word} | {word} |"), vec![]),
        (format!("//! ```text\n//! {word}{word}\n//! ```\n//! {word}{word}"), vec![4]),
        (address, vec![]),
        (format!("let text = \"{word}{word}\";"), vec![]),
    ] {
        assert_eq!(too_long(&text), lines, "{text}");
    }
}

/// The lines, from 1, with comments that are too long and could be wrapped.
fn too_long(text: &str) -> Vec<usize> {
    let mut is_code = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some(comment) = line.trim_start().strip_prefix("//") else {
            is_code = false;
            continue;
        };
        let comment = comment.trim_start_matches(['/', '!']).trim();
        if comment.starts_with("```") {
            is_code = !is_code;
        }
        let can_be_wrapped = !is_code && !comment.starts_with('|') && comment.contains(' ');
        if can_be_wrapped && line.trim_end().chars().count() > LONGEST {
            found.push(number);
        }
    }
    found
}
