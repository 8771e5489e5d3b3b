//! `docs/errors.md`: every code, what it means, what to do about it, and whether it is tried again.
//!
//! The page is generated from the codes and committed, so that a change of a code shows in review. A test compares it with
//! what is generated, and another one finds modules with codes that are not in the list.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::call::System;
use crate::helpdesk::{freshdesk, generic, jira, zendesk};
use crate::reason::{Code, Retried};
use crate::{call, docspace, reconcile, store};

/// Set to write the page anew in place of comparing it.
const RENEW: &str = "TICKETROOM_RENEW_ERRORS";

/// The systems that are called.
const SYSTEMS: [&System; 5] = [
    &docspace::reasons::DOCSPACE,
    &zendesk::reasons::ZENDESK,
    &freshdesk::reasons::FRESHDESK,
    &jira::reasons::JIRA,
    &generic::reasons::CALLBACK,
];

/// The codes of each module that declares some, by the module's file.
const MODULES: [(&str, &[&Code]); 7] = [
    ("call.rs", call::CODES),
    ("docspace/reasons.rs", docspace::reasons::CODES),
    ("helpdesk/freshdesk/reasons.rs", freshdesk::reasons::CODES),
    ("helpdesk/jira/reasons.rs", jira::reasons::CODES),
    ("helpdesk/zendesk/reasons.rs", zendesk::reasons::CODES),
    ("reconcile/reasons.rs", reconcile::reasons::CODES),
    ("store/reasons.rs", store::reasons::CODES),
];

/// What the first part of a code's name says, in the order of the page.
const KINDS: [(&str, &str, &str); 5] = [
    (
        "blocked",
        "Blocked tickets",
        "A person has to do something. “Tried again” says whether the ticket goes on by itself after that.",
    ),
    ("waiting", "Waiting tickets", "These pass by themselves."),
    (
        "ready",
        "Remarks on ready tickets",
        "The room is there and its link is in the ticket; something is not quite as configured.",
    ),
    ("skipped", "Tickets without a room", "Nothing is wrong."),
    ("archived", "Archived rooms", "Nothing is wrong."),
];

fn codes() -> Vec<&'static Code> {
    let failures = SYSTEMS.iter().flat_map(|system| system.codes.all());
    failures.chain(MODULES.iter().flat_map(|(_, codes)| codes.iter().copied())).collect()
}

fn page() -> String {
    let mut page = String::from(
        "# Errors and reasons\n\n\
         Each reason why a ticket waits, is blocked, has no room or has a remark, and each refusal of a request, has a stable \
         code. The API, the log, the metrics and the commands show the same code. This page is generated from the source \
         (`cargo xtask errors`).\n",
    );
    let mut codes = codes();
    codes.sort_by_key(|code| code.name);
    for (kind, title, introduction) in KINDS {
        let _ = write!(
            page,
            "\n## {title}\n\n{introduction}\n\n| code | meaning | what to do | tried again |\n| --- | --- | --- | --- |\n"
        );
        for code in codes.iter().filter(|code| code.name.split('.').next() == Some(kind)) {
            let Code { name, meaning, help, retried } = code;
            let _ = writeln!(page, "| `{name}` | {meaning} | {help} | {} |", retried.as_str());
        }
    }
    page
}

#[test]
fn the_committed_page_is_the_generated_one() {
    let generated = page();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(file, generated).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        committed == generated,
        "docs/errors.md is not what the codes say: `cargo xtask errors` renews it"
    );
}

#[test]
fn every_module_with_codes_is_in_the_list() {
    fn search(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
            } else if std::fs::read_to_string(&path)
                .is_ok_and(|text| text.lines().any(|line| line == "codes! {"))
            {
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
                found.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    search(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let listed: BTreeSet<String> = MODULES.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(found, listed);
}

#[test]
fn codes_are_unique_and_well_formed() {
    let mut seen = BTreeSet::new();
    for code in codes() {
        let Code { name, meaning, help, retried } = code;
        assert!(seen.insert(name), "{name} is there twice");
        let parts: Vec<&str> = name.split('.').collect();
        let is_word =
            |part: &&str| part.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !part.is_empty();
        assert!(parts.len() == 3 && parts.iter().all(is_word), "{name}");
        assert!(KINDS.iter().any(|(kind, ..)| *kind == parts[0]), "{name} is of no kind");
        assert!(
            meaning.ends_with('.') && !meaning.contains(['\n', '|']) && !help.contains(['\n', '|']),
            "{name}"
        );
        let passes = matches!(retried, Retried::Soon);
        assert_eq!(passes, parts[0] == "waiting", "{name}: what waits is tried again soon, and nothing else");
    }
    assert!(seen.len() > 60, "only {} codes", seen.len());
}
