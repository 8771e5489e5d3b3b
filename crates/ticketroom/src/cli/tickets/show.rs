//! `ticketroom tickets show`: how one ticket stands, and everything that happened to it.

use super::called;
use crate::printable::printable;
use crate::store::{State, TicketRecord, TimelineEntry};
use crate::view::TicketView;

/// All of it, as lines.
pub(super) fn text(record: &TicketRecord, timeline: &[TimelineEntry]) -> String {
    let view = TicketView::new(record, None);
    let mut lines = vec![
        format!("{}  {}", printable(&called(record), 200), printable(&view.subject, 200)),
        format!("state    {}", record.state.as_str()),
    ];
    if let Some(reason) = &view.reason {
        lines.push(format!("because  {}", printable(reason, 500)));
    }
    if let Some(room) = &view.room {
        lines.push(format!("room     {} “{}”", room.id, printable(&room.title, 200)));
        lines.push(format!("address  {}", room.url.as_deref().unwrap_or("(none yet)")));
        let linked = match (view.written_back, record.state) {
            (true, _) => "yes",
            (false, State::Ready) => {
                "no: its helpdesk has no place for the link (a generic one needs callback_url)"
            }
            (false, _) => "no",
        };
        lines.push(format!("in ticket {linked}"));
    }
    if let Some(next) = view.next {
        lines.push(format!("next     {next}"));
    }
    lines.extend(timeline.iter().map(|TimelineEntry { at, kind, text }| {
        format!("  {:.3}  {kind:<15} {}", at.strftime("%F %T%.3fZ"), printable(text, 500))
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tickets::tests::record;
    use crate::clock::Timestamp;

    #[test]
    fn everything_about_a_ticket_is_shown() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let entry = |second, kind: &str, text: &str| TimelineEntry {
            at: at(second),
            kind: kind.to_owned(),
            text: text.to_owned(),
        };
        let timeline = [
            entry(0, "delivery", "zen:event-type:ticket.created"),
            entry(1, "room", "made room 4711 “Ticket #4711 – VPN is\u{1b}[2J down”"),
            entry(2, "write-back", "put the link into the ticket"),
        ];
        let mut ticket = record("4711", State::Ready, "VPN is\u{1b}[2J down", None);
        insta::assert_snapshot!(text(&ticket, &timeline), @r"
        zendesk/4711  VPN is�[2J down
        state    ready
        room     4711 “Ticket #4711 – VPN is�[2J down”
        address  https://docspace.example.com/rooms/shared/4711/filter?folder=4711
        in ticket yes
          2027-01-15 08:00:00.000Z  delivery        zen:event-type:ticket.created
          2027-01-15 08:00:01.000Z  room            made room 4711 “Ticket #4711 – VPN is�[2J down”
          2027-01-15 08:00:02.000Z  write-back      put the link into the ticket
        ");
        ticket.written_back = false;
        ticket.url = None;
        ticket.due = Some(at(900));
        ticket.reason = Some("DocSpace has no group “Suport”".to_owned());
        insta::assert_snapshot!(text(&ticket, &[]), @r"
        zendesk/4711  VPN is�[2J down
        state    ready
        because  DocSpace has no group “Suport”
        room     4711 “Ticket #4711 – VPN is�[2J down”
        address  (none yet)
        in ticket no: its helpdesk has no place for the link (a generic one needs callback_url)
        next     2027-01-15T08:15:00Z
        ");
        ticket.room = None;
        ticket.state = State::Blocked;
        insta::assert_snapshot!(text(&ticket, &[]), @r"
        zendesk/4711  VPN is�[2J down
        state    blocked
        because  DocSpace has no group “Suport”
        next     2027-01-15T08:15:00Z
        ");
    }
}
