//! What `deny.toml` bans is not in `Cargo.lock`: the part of `cargo deny check` that must never fail, for machines
//! on which cargo-deny isn't installed.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

#[test]
fn no_banned_crate_is_locked() {
    let (deny, lock) = (read("deny.toml"), read("Cargo.lock"));
    let banned = texts(&deny["bans"]["deny"], "crate");
    let locked = texts(&lock["package"], "name");
    assert!(banned.contains("aws-lc-rs"), "deny.toml no longer keeps the second TLS provider out");
    assert!(locked.contains("ring"), "Cargo.lock is read wrongly, or there is no TLS provider at all");
    let both: Vec<_> = banned.intersection(&locked).collect();
    assert!(both.is_empty(), "banned by deny.toml, and in Cargo.lock all the same: {both:?}");
}

fn read(file: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = std::fs::read_to_string(&path);
    let table = text.map(|text| text.parse());
    match table {
        Ok(Ok(table)) => table,
        other => panic!("{} can't be read: {other:?}", path.display()),
    }
}

fn texts<'a>(entries: &'a Value, key: &str) -> BTreeSet<&'a str> {
    let entries = entries.as_array().into_iter().flatten();
    entries.filter_map(|entry| entry.get(key)?.as_str()).collect()
}
