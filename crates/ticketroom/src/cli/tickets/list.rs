//! `ticketroom tickets list`: what is blocked and why comes first.
//!
//! Above all stand the causes for which tickets are blocked, each with their number. On a terminal
//! a ticket takes one line that fits, and a second one where there is a reason as well as a
//! subject. Elsewhere it takes one line, as wide as need be, which is good to search in.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use comfy_table::ColumnConstraint::{ContentWidth, UpperBoundary};
use comfy_table::Width::{Fixed, Percentage};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Row, Table};

use super::called;
use crate::clock::{Timestamp, until};
use crate::printable::{MESSAGE, fit, printable};
use crate::reason::Reason;
use crate::store::{State, TicketRecord};

/// Causes that are shown at most.
const MOST_CAUSES: usize = 5;
/// Columns of a terminal that doesn't tell how many it has.
const TERMINAL: usize = 80;
/// No narrower terminal is thought of.
const NARROWEST: usize = 60;
/// Columns of a subject where there is no end of the line.
const SUBJECT: u16 = 40;

/// How wide lines may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// A terminal of so many columns.
    Columns(usize),
    /// As wide as need be: a file or a pipe.
    Any,
}

impl Width {
    /// That of standard output.
    pub(super) fn of_stdout() -> Self {
        let stdout = std::io::stdout();
        if !stdout.is_terminal() {
            return Self::Any;
        }
        // Some terminals don't tell.
        let columns =
            terminal_size::terminal_size_of(stdout).map_or(TERMINAL, |(width, _)| usize::from(width.0));
        Self::Columns(columns.max(NARROWEST))
    }

    fn fit(self, text: &str) -> String {
        match self {
            Self::Columns(columns) => fit(text, columns),
            Self::Any => printable(text, MESSAGE),
        }
    }
}

/// The causes for which these tickets are blocked, the most frequent first.
pub(super) fn causes(blocked: &[TicketRecord], more: bool, width: Width) -> Vec<String> {
    let mut causes: BTreeMap<&str, Vec<&Reason>> = BTreeMap::new();
    for reason in blocked.iter().filter_map(|record| record.reason.as_ref()) {
        causes.entry(&reason.code).or_default().push(reason);
    }
    let mut causes: Vec<(&str, Vec<&Reason>)> = causes.into_iter().collect();
    causes.sort_by(|(a, few), (b, many)| many.len().cmp(&few.len()).then_with(|| a.cmp(b)));
    let others: usize = causes.iter().skip(MOST_CAUSES).map(|(_, tickets)| tickets.len()).sum();
    let line = |(code, reasons): &(&str, Vec<&Reason>)| {
        // The latest ticket's words stand for the others', which may name something else.
        let sample = reasons.first().map(|reason| reason.text.as_str()).unwrap_or_default();
        width.fit(&format!("{} × {sample} [{code}]", reasons.len()))
    };
    let mut lines: Vec<String> = causes.iter().take(MOST_CAUSES).map(line).collect();
    if others > 0 {
        lines.push(format!("{others} × something else"));
    }
    if more {
        lines.push(format!("(of the latest {} blocked tickets)", blocked.len()));
    }
    if !lines.is_empty() {
        lines.insert(0, "blocked:".to_owned());
        lines.push(String::new());
    }
    lines
}

/// The tickets themselves, with a line of headings.
pub(super) fn rows(records: &[TicketRecord], now: Timestamp, width: Width) -> String {
    let mut table = Table::new();
    // Cells have one line. So they are cut where their column ends, not after a word.
    table.load_style(NOTHING).set_delimiter('\n');
    match width {
        Width::Columns(columns) => table
            .set_header(["STATE", "TICKET", "SINCE", "WHY, OR SUBJECT"])
            .set_constraints([ContentWidth, UpperBoundary(Percentage(25))])
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(columns).unwrap_or(u16::MAX)),
        Width::Any => table
            .set_header(["STATE", "TICKET", "SINCE", "SUBJECT", "WHY, OR ROOM"])
            .set_constraints([ContentWidth, ContentWidth, ContentWidth, UpperBoundary(Fixed(SUBJECT))]),
    };
    for record in records {
        let subject = record.ticket.as_ref().map(|ticket| ticket.subject.as_str()).unwrap_or_default();
        let reason = record.reason.as_ref().map(Reason::to_string).unwrap_or_default();
        let state = match (record.state, &record.reason) {
            (State::Ready, Some(_)) => "ready !",
            (state, _) => state.as_str(),
        };
        let (ticket, since) = (called(record), format!("{:>5}", age(record.updated, now)));
        let url = record.url.as_deref().unwrap_or_default();
        let cells = |cells: &[&str]| -> Row { Row::from(cells.iter().map(|text| printable(text, MESSAGE))) };
        match width {
            Width::Any => {
                let last = if reason.is_empty() { url } else { &reason };
                table.add_row(cells(&[state, &ticket, &since, subject, last]));
            }
            Width::Columns(_) => {
                // Whoever looks for what is wrong sees that first; the subject of a ticket that is
                // well comes first.
                let (first, second) = match record.state {
                    State::Ready => (subject, reason.as_str()),
                    _ if reason.is_empty() => (subject, ""),
                    _ => (reason.as_str(), subject),
                };
                table.add_row(cells(&[state, &ticket, &since, first]));
                if !second.is_empty() {
                    table.add_row(cells(&["", "", "", second]));
                }
            }
        }
    }
    for row in table.row_iter_mut() {
        row.max_height(1);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table.trim_fmt()
}

/// How long ago, in one unit.
fn age(at: Timestamp, now: Timestamp) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = until(at, now).max(Duration::ZERO).as_secs();
    match seconds {
        0..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => format!("{}m", seconds / MINUTE),
        HOUR..DAY => format!("{}h", seconds / HOUR),
        _ => format!("{}d", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::cli::tickets::tests::record;
    use crate::clock::after;
    use crate::printable::is_active;

    const REFUSED: &str =
        "DocSpace does not accept our credentials (401, rooms): was the API key revoked, or has it expired?";

    /// What can be on a list: wide characters, some of several parts, some that steer a terminal,
    /// long names and subjects.
    fn all_kinds() -> [TicketRecord; 5] {
        let [wide, long] =
            ["VPN down for everyone 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字", &"x".repeat(130)];
        let unreachable = Some("DocSpace can't be reached");
        let no_group = Some("DocSpace has no group “Suport”");
        [
            record("4711", State::Blocked, wide, Some(REFUSED)),
            record("4712", State::Ready, "Export\u{1b}[31m fails", no_group),
            record("4713", State::Ready, "Printer smokes 👩\u{200D}🔧", None),
            record("SUP-1 with a very long name of a ticket that goes on", State::Waiting, "", unreachable),
            record("4714", State::Archived, long, None),
        ]
    }

    #[test]
    fn a_terminal_shows_reasons_and_subjects_and_no_line_is_too_long() {
        let now = after(Timestamp::UNIX_EPOCH, Duration::from_secs(2 * 60 * 60));
        let list = |columns| {
            let text = rows(&all_kinds(), now, Width::Columns(columns));
            assert!(text.lines().all(|line| line.width() <= columns), "{text}");
            assert!(!text.contains(|c| c != '\n' && is_active(c)), "{text:?}");
            text
        };
        insta::assert_snapshot!(list(80), @r"
        STATE    TICKET              SINCE WHY, OR SUBJECT
        blocked  zendesk/4711           2h DocSpace does not accept our credentials (4…
                                           VPN down for everyone 漢字漢字漢字漢字漢字…
        ready !  zendesk/4712           2h Export�[31m fails
                                           DocSpace has no group “Suport”
        ready    zendesk/4713           2h Printer smokes 👩‍🔧
        waiting  zendesk/SUP-1 with…    2h DocSpace can't be reached
        archived zendesk/4714           2h xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        ");
        insta::assert_snapshot!(list(60), @r"
        STATE    TICKET         SINCE WHY, OR SUBJECT
        blocked  zendesk/4711      2h DocSpace does not accept our…
                                      VPN down for everyone 漢字漢…
        ready !  zendesk/4712      2h Export�[31m fails
                                      DocSpace has no group “Supor…
        ready    zendesk/4713      2h Printer smokes 👩‍🔧
        waiting  zendesk/SUP-1…    2h DocSpace can't be reached
        archived zendesk/4714      2h xxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        ");
        assert_eq!(list(200).lines().count(), list(60).lines().count());
    }

    /// Many characters that are one: a syllable without end, marks on marks, a family without end.
    #[test]
    fn no_subject_breaks_the_list() {
        for unit in
            ["\u{1100}", "e\u{301}\u{301}\u{301}", "👩\u{200D}", "a\u{FE0F}", "\u{1F1E9}", "漢 ", "\n"]
        {
            let record = record("1", State::Ready, &unit.repeat(300), Some(&unit.repeat(300)));
            for columns in NARROWEST..130 {
                let text =
                    rows(std::slice::from_ref(&record), Timestamp::UNIX_EPOCH, Width::Columns(columns));
                assert!(text.lines().all(|line| line.width() <= columns), "{unit:?} in {columns}:\n{text}");
                assert!(text.lines().count() <= 3, "{unit:?} in {columns}:\n{text}");
            }
            assert_eq!(
                rows(std::slice::from_ref(&record), Timestamp::UNIX_EPOCH, Width::Any).lines().count(),
                2,
                "{unit:?}"
            );
        }
    }

    #[test]
    fn elsewhere_a_ticket_is_one_line_with_all_of_it() {
        let text = rows(&all_kinds(), Timestamp::UNIX_EPOCH, Width::Any);
        assert_eq!(text.lines().count(), 6);
        insta::assert_snapshot!(text, @r"
        STATE    TICKET                                                       SINCE SUBJECT                                 WHY, OR ROOM
        blocked  zendesk/4711                                                    0s VPN down for everyone 漢字漢字漢字漢字… DocSpace does not accept our credentials (401, rooms): was the API key revoked, or has it expired?
        ready !  zendesk/4712                                                    0s Export�[31m fails                       DocSpace has no group “Suport”
        ready    zendesk/4713                                                    0s Printer smokes 👩‍🔧                       https://docspace.example.com/rooms/shared/4711/filter?folder=4711
        waiting  zendesk/SUP-1 with a very long name of a ticket that goes on    0s                                         DocSpace can't be reached
        archived zendesk/4714                                                    0s xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… https://docspace.example.com/rooms/shared/4711/filter?folder=4711
        ");
    }

    #[test]
    fn causes_are_counted_whatever_call_they_came_of() {
        let other = "DocSpace does not accept our credentials (401, create room): was the API key revoked?";
        let mut blocked =
            vec![record("1", State::Blocked, "", Some("DocSpace has no group “Suport”: make it"))];
        blocked.extend([REFUSED, other, other].map(|reason| record("2", State::Blocked, "", Some(reason))));
        let lines = causes(&blocked, false, Width::Columns(80));
        assert_eq!(
            lines,
            [
                "blocked:",
                "3 × DocSpace does not accept our credentials (401, rooms) [blocked.docspace.una…",
                "1 × DocSpace has no group “Suport” [blocked.docspace.group-unknown]",
                ""
            ]
        );
        assert_eq!(causes(&[], false, Width::Any), [""; 0]);
    }
}
