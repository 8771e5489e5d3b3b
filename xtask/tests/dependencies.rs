//! What `deny.toml` bans is not in `Cargo.lock`: the part of `cargo deny check` that must never
//! fail, for machines on which cargo-deny isn't installed.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use toml::{Table, Value};

#[test]
fn no_banned_crate_is_locked() {
    let (deny, lock) = (read("deny.toml").unwrap(), read("Cargo.lock").unwrap());
    let banned = texts(&deny["bans"]["deny"], "crate");
    let locked = texts(&lock["package"], "name");
    assert!(banned.contains("aws-lc-rs"), "deny.toml no longer keeps the second TLS provider out");
    assert!(locked.contains("ring"), "Cargo.lock is read wrongly, or there is no TLS provider at all");
    let both: Vec<_> = banned.intersection(&locked).collect();
    assert!(both.is_empty(), "banned by deny.toml, and in Cargo.lock all the same: {both:?}");
}

fn read(file: &str) -> Result<Table, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    Ok(std::fs::read_to_string(path)?.parse()?)
}

fn texts<'a>(entries: &'a Value, key: &str) -> BTreeSet<&'a str> {
    let entries = entries.as_array().into_iter().flatten();
    entries.filter_map(|entry| entry.get(key)?.as_str()).collect()
}
