//! `ticketroom tickets list`: what is blocked and why comes first.
//!
//! Above all stand the causes for which tickets are blocked, each with their number. On a terminal a ticket takes one line
//! that fits, and a second one where there is a reason as well as a subject. Elsewhere it takes one line, as wide as need
//! be, which is good to search in.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use super::called;
use crate::clock::{Timestamp, until};
use crate::printable::{MESSAGE, column, fit, printable};
use crate::store::{State, TicketRecord};

/// Causes that are shown at most.
const MOST_CAUSES: usize = 5;
/// Columns of a terminal that doesn't tell how many it has.
const TERMINAL: usize = 80;
/// No narrower terminal is thought of.
const NARROWEST: usize = 60;
/// Columns of the state, and of the time.
const STATE: usize = 8;
const SINCE: usize = 5;
/// Columns of a subject where there is no end of the line.
const SUBJECT: usize = 40;

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
    let mut causes: BTreeMap<String, usize> = BTreeMap::new();
    for record in blocked {
        *causes.entry(cause(record.reason.as_deref().unwrap_or("for no known reason"))).or_default() += 1;
    }
    let mut causes: Vec<(String, usize)> = causes.into_iter().collect();
    causes.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    let others: usize = causes.iter().skip(MOST_CAUSES).map(|(_, tickets)| tickets).sum();
    let mut lines: Vec<String> = causes
        .iter()
        .take(MOST_CAUSES)
        .map(|(cause, tickets)| width.fit(&format!("{tickets} × {cause}")))
        .collect();
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

/// What tickets may have in common of a reason: without advice, and without what stands in parentheses, such as the call
/// that failed. Only for people; nothing is decided by it.
fn cause(reason: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    for c in reason.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    let cause = out.split_once(": ").map_or(out.as_str(), |(cause, _)| cause);
    printable(&cause.split_whitespace().collect::<Vec<_>>().join(" "), MESSAGE)
}

/// The tickets themselves, with a line of headings.
pub(super) fn rows(records: &[TicketRecord], now: Timestamp, width: Width) -> Vec<String> {
    let names: Vec<String> = records.iter().map(|record| printable(&called(record), MESSAGE)).collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0).max("TICKET".len());
    let name_columns = match width {
        Width::Columns(columns) => widest.min(columns / 4),
        Width::Any => widest,
    };
    let what = match width {
        Width::Columns(_) => "WHY, OR SUBJECT",
        Width::Any => "SUBJECT",
    };
    let last = if width == Width::Any { "WHY, OR ROOM" } else { "" };
    let mut lines = vec![line("STATE", &column("TICKET", name_columns), "SINCE", what, last, width)];
    for (record, name) in records.iter().zip(&names) {
        let subject = record.ticket.as_ref().map(|ticket| ticket.subject.as_str()).unwrap_or_default();
        let state = match (record.state, &record.reason) {
            (State::Ready, Some(_)) => "ready !",
            (state, _) => state.as_str(),
        };
        let (name, since) = (column(name, name_columns), age(record.updated, now));
        let reason = record.reason.as_deref().unwrap_or_default();
        match width {
            Width::Any => {
                let last = if reason.is_empty() { record.url.as_deref().unwrap_or_default() } else { reason };
                lines.push(line(state, &name, &since, subject, last, width));
            }
            Width::Columns(_) => {
                // Whoever looks for what is wrong sees that first; the subject of a ticket that is well comes first.
                let (first, second) = match record.state {
                    State::Ready => (subject, reason),
                    _ if reason.is_empty() => (subject, ""),
                    _ => (reason, subject),
                };
                lines.push(line(state, &name, &since, first, "", width));
                if !second.is_empty() {
                    // Below what it belongs to.
                    let indent = " ".repeat(STATE + 1 + name_columns + 1 + SINCE + 1);
                    lines.push(width.fit(&format!("{indent}{}", printable(second, MESSAGE))));
                }
            }
        }
    }
    lines
}

fn line(state: &str, name: &str, since: &str, what: &str, last: &str, width: Width) -> String {
    let what = if width == Width::Any && !last.is_empty() {
        column(what, SUBJECT)
    } else {
        printable(what, MESSAGE)
    };
    let line = format!("{state:<STATE$} {name} {since:>SINCE$} {what} {last}");
    width.fit(line.trim_end()).trim_end().to_owned()
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
    use super::*;
    use crate::clock::after;
    use crate::ticket::{Ticket, TicketKey};

    fn record(id: &str, state: State, subject: &str, reason: Option<&str>) -> TicketRecord {
        TicketRecord {
            key: TicketKey { helpdesk: "zendesk".parse().unwrap(), id: id.parse().unwrap() },
            state,
            reason: reason.map(str::to_owned),
            ticket: Some(Ticket { subject: subject.to_owned(), ..Ticket::default() }),
            room: None,
            url: Some("https://docspace.example.com/rooms/shared/4711/filter?folder=4711".to_owned()),
            written_back: true,
            attempts: 0,
            template: None,
            due: None,
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        }
    }

    const REFUSED: &str =
        "DocSpace does not accept our credentials (401, rooms): was the API key revoked, or has it expired?";

    #[test]
    fn a_terminal_of_80_columns_shows_reasons_and_subjects() {
        let records = [
            record(
                "4711",
                State::Blocked,
                "VPN down for everyone 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
                Some(REFUSED),
            ),
            record("4712", State::Ready, "Export\u{1b}[31m fails", Some("DocSpace has no group “Suport”")),
            record("4713", State::Ready, "Printer smokes", None),
            record(
                "SUP-1 with a very long name of a ticket that goes on",
                State::Waiting,
                "",
                Some("DocSpace can't be reached"),
            ),
        ];
        let now = after(Timestamp::UNIX_EPOCH, Duration::from_secs(2 * 60 * 60));
        let lines = rows(&records, now, Width::Columns(80));
        let text = lines.join("\n");
        assert!(lines.iter().all(|line| line.width() <= 80), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(
            lines[1].starts_with("blocked  zendesk/4711") && lines[1].contains("2h DocSpace does not accept"),
            "{text}"
        );
        assert!(lines[2].trim().starts_with("VPN down for everyone"), "{text}");
        let below = |line: &str, what: &str| line.find(what).map(|at| line[..at].width());
        assert_eq!(below(&lines[2], "VPN"), below(&lines[1], "DocSpace"), "{text}");
        assert!(
            lines[3].starts_with("ready !") && lines[4].trim().starts_with("DocSpace has no group"),
            "{text}"
        );
        assert!(lines[5].contains("Printer smokes"), "{text}");
        assert_eq!(lines.len(), 7, "{text}");
    }

    #[test]
    fn elsewhere_a_ticket_is_one_line_with_all_of_it() {
        let records =
            [record("1", State::Blocked, "VPN", Some(REFUSED)), record("2", State::Ready, "Printer", None)];
        let lines = rows(&records, Timestamp::UNIX_EPOCH, Width::Any);
        assert_eq!(lines.len(), 3);
        assert!(lines[1].contains("VPN") && lines[1].ends_with("or has it expired?"), "{}", lines[1]);
        assert!(lines[2].ends_with("folder=4711"), "{}", lines[2]);
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
                "3 × DocSpace does not accept our credentials",
                "1 × DocSpace has no group “Suport”",
                ""
            ]
        );
        assert_eq!(causes(&[], false, Width::Any), [""; 0]);
    }
}
