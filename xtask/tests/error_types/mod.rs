//! An error of the product is a type of its own, never a text: what is decided by it would be
//! decided by its words.

use std::fs;

use super::PRODUCT;
use super::source::without_tests;

#[test]
fn no_result_has_a_text_for_its_error() {
    let mut wrong = Vec::new();
    for file in PRODUCT.sources().unwrap() {
        let text = without_tests(&fs::read_to_string(PRODUCT.root().join(&file)).unwrap());
        wrong.extend(lines_of_texts(&text).into_iter().map(|line| format!("{}:{line}", file.display())));
    }
    assert!(
        wrong.is_empty(),
        "give these an error type, such as an enum with thiserror:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_text_for_an_error_is_found() {
    for (text, lines) in [
        ("fn f() -> Result<u8, String> {}", vec![1]),
        ("fn f() ->\n    Result<Vec<(u8, String)>, String> {}", vec![2]),
        ("type Read<T> = std::result::Result<\n    T,\n    String,\n>;", vec![1]),
        ("fn f(g: impl Fn() -> Result<(), String>) -> Result<[u8; 2], String> {}", vec![1, 1]),
        ("fn f() -> Result<String, Error> {}", vec![]),
        ("fn f() -> Result<HashMap<u8, String>, Error> {}", vec![]),
        ("fn f() -> Result<HashMap<u8, String>> {}", vec![]),
        ("let all = texts.collect::<Result<Vec<String>, _>>()?;", vec![]),
    ] {
        assert_eq!(lines_of_texts(text), lines, "{text}");
    }
}

/// The lines, from 1, in which a `Result` begins whose second parameter is `String`.
fn lines_of_texts(text: &str) -> Vec<usize> {
    let begins = text.match_indices("Result<").map(|(at, name)| at + name.len());
    let texts = begins.filter(|begin| second_parameter(&text[*begin..]) == Some("String"));
    texts.map(|begin| text[..begin].matches('\n').count() + 1).collect()
}

/// The second of the parameters that are closed by the first `>` without a `<`.
fn second_parameter(text: &str) -> Option<&str> {
    let (mut depth, mut begin, mut before) = (0_usize, None, ' ');
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            // The head of an arrow closes nothing.
            '>' if before == '-' => {}
            '>' if depth == 0 => {
                return begin.map(|begin: usize| text[begin..at].trim().trim_end_matches(','));
            }
            '>' | ')' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 && begin.is_none() => begin = Some(at + 1),
            _ => {}
        }
        before = c;
    }
    None
}
