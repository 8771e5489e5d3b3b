//! `docs/errors.md`: every code, what it means, what to do about it, and whether it is tried again.
//!
//! The page is generated from the codes and committed, so that a change of a code shows in review.
//! A test compares it with what is generated, and another one finds modules with codes that are not
//! in the list.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::call::System;
use crate::helpdesk::{freshdesk, generic, jira, setup as helpdesk_setup, zendesk};
use crate::reason::{Code, Retried};
use crate::{backfill, call, cli, config, docspace, intake, reconcile, source, store, web};

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
const MODULES: [(&str, &[&Code]); 22] = [
    ("backfill/reasons.rs", backfill::reasons::CODES),
    ("call.rs", call::CODES),
    ("cli/check.rs", cli::check::CODES),
    ("cli/check_address.rs", cli::check_address::CODES),
    ("cli/check_running.rs", cli::check_running::CODES),
    ("config/reasons.rs", config::reasons::CODES),
    ("docspace/check.rs", docspace::check::CODES),
    ("docspace/reasons.rs", docspace::reasons::CODES),
    ("helpdesk/freshdesk/check.rs", freshdesk::check::CODES),
    ("helpdesk/freshdesk/reasons.rs", freshdesk::reasons::CODES),
    ("helpdesk/generic/reasons.rs", generic::reasons::CODES),
    ("helpdesk/jira/check.rs", jira::check::CODES),
    ("helpdesk/jira/reasons.rs", jira::reasons::CODES),
    ("helpdesk/setup.rs", helpdesk_setup::CODES),
    ("helpdesk/zendesk/check.rs", zendesk::check::CODES),
    ("helpdesk/zendesk/reasons.rs", zendesk::reasons::CODES),
    ("intake.rs", intake::CODES),
    ("reconcile/reasons.rs", reconcile::reasons::CODES),
    ("source/reasons.rs", source::reasons::CODES),
    ("store/check.rs", store::check::CODES),
    ("store/reasons.rs", store::reasons::CODES),
    ("web/reasons.rs", web::reasons::CODES),
];

/// What the first part of a code's name says, in the order of the page.
const KINDS: [(&str, &str, &str); 8] = [
    (
        "blocked",
        "Blocked tickets",
        "A person has to act. A ticket that is tried again continues by itself once the cause is gone; “ticketroom tickets \
         retry” makes it continue at once.",
    ),
    (
        "waiting",
        "Waiting tickets",
        "These pass without anybody's help: ticketroom tries again within seconds or minutes, or at the time that the other \
         system gave.",
    ),
    (
        "ready",
        "Remarks on ready tickets",
        "The room is there and its link is in the ticket; something is not quite as configured. It is looked at again with \
         each change of the ticket.",
    ),
    ("skipped", "Tickets without a room", "Nothing is wrong."),
    ("archived", "Archived rooms", "Nothing is wrong."),
    (
        "request",
        "Refused requests",
        "The member `code` of the problem document, with its HTTP status. Deliveries and the API are refused alike.",
    ),
    (
        "config",
        "Mistakes in the configuration",
        "Each message names the file and the line, and what was most likely meant. The answer to a refused reload has the code \
         of each (`problems[].code`).",
    ),
    (
        "check",
        "Findings of `ticketroom check`",
        "Where a call of the check fails, its finding has the code that a ticket would have.",
    ),
];

fn codes() -> Vec<&'static Code> {
    let failures = SYSTEMS.iter().flat_map(|system| system.codes.all());
    failures.chain(MODULES.iter().flat_map(|(_, codes)| codes.iter().copied())).collect()
}

fn page() -> String {
    let mut page = String::from(
        "# Errors and reasons\n\n\
         Each reason why a ticket waits, is blocked, has no room or has a remark, each refusal of a request, each mistake in the \
         configuration and each finding of `check` has a stable code, the same wherever it is shown. This page is generated from \
         the source (`cargo xtask errors`).\n",
    );
    let mut codes = codes();
    codes.sort_by_key(|code| code.name);
    for (kind, title, introduction) in KINDS {
        let codes: Vec<_> = codes.iter().filter(|code| kind_of(code) == kind).collect();
        // A column that would be empty, or the same in each row, is left out.
        let has_help = codes.iter().any(|code| !code.help.is_empty());
        let varies = codes.windows(2).any(|codes| codes[0].retried != codes[1].retried);
        let mut columns = vec!["code", "meaning"];
        columns.extend(has_help.then_some("what to do"));
        columns.extend(varies.then_some("tried again"));
        let _ = write!(page, "\n## {title}\n\n{introduction}\n\n");
        row(&mut page, &columns);
        row(&mut page, &vec!["---"; columns.len()]);
        for Code { name, meaning, help, retried } in codes {
            let name = format!("`{name}`");
            let mut cells = vec![name.as_str(), meaning];
            cells.extend(has_help.then_some(*help));
            cells.extend(varies.then_some(retried.as_str()));
            row(&mut page, &cells);
        }
    }
    page
}

fn row(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn kind_of(code: &Code) -> &'static str {
    code.name.split('.').next().unwrap_or_default()
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
        assert!(KINDS.iter().any(|(kind, ..)| *kind == kind_of(code)), "{name} is of no kind");
        assert!(
            meaning.ends_with('.') && !meaning.contains(['\n', '|']) && !help.contains(['\n', '|']),
            "{name}"
        );
        let passes = matches!(retried, Retried::Soon);
        assert_eq!(passes, parts[0] == "waiting", "{name}: what waits is tried again soon, and nothing else");
        let is_of_a_ticket = matches!(parts[0], "blocked" | "waiting");
        assert_eq!(is_of_a_ticket, *retried != Retried::Never, "{name}: only tickets are tried again");
    }
    assert!(seen.len() > 60, "only {} codes", seen.len());
}
