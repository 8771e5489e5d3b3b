//! `ticketroom tickets explain`: by which template a ticket's room was made, and what the rules of
//! today say.

use serde::Serialize;

use super::called;
use crate::printable::printable;
use crate::reconcile::preview::Preview;
use crate::store::TicketRecord;

/// What is so, and what the rules of today say.
#[derive(Debug, Serialize)]
pub(super) struct Explanation<'a> {
    /// By which template the ticket's room was made; it keeps that.
    pub(super) made_from: Option<&'a str>,
    /// What a ticket like this would get if it came now.
    #[serde(flatten)]
    pub(super) today: &'a Preview,
}

/// The same, as lines.
pub(super) fn text(record: &TicketRecord, preview: &Preview) -> String {
    let mut lines = vec![
        format!("ticket    {}", printable(&called(record), 200)),
        format!("state     {}", record.state.as_str()),
    ];
    let today = preview.room.as_ref().map(|room| room.template.as_str());
    let made_from = record.template.as_deref();
    match (made_from, record.room.as_ref()) {
        (Some(template), Some(room)) => {
            lines.push(format!("room      {} “{}”", room.id, printable(&room.title, 200)));
            lines.push(format!("made from {template}"));
        }
        (Some(template), None) => lines.push(format!("made from {template} (the room is not there)")),
        (None, _) => lines.push("made from nothing yet: it has no room".to_owned()),
    }
    lines.push(match (made_from, today) {
        (Some(made), Some(today)) if made == today => format!("today     the rules pick {today} as well"),
        (Some(made), Some(today)) => format!(
            "today     the rules would pick {today}; the ticket keeps {made}, since a room is made once"
        ),
        (Some(made), None) => {
            format!("today     the rules would make no room; the one made from {made} stays")
        }
        (None, Some(today)) => format!("today     the rules pick {today}"),
        (None, None) => "today     the rules make no room".to_owned(),
    });
    let rule = preview.rule.as_ref().map(|rule| printable(rule, 200));
    lines.push(format!("rule      {}", rule.as_deref().unwrap_or("none matches")));
    if let Some(room) = &preview.room {
        lines.extend([
            String::new(),
            "A ticket like this that came now would get:".to_owned(),
            format!("template  {}", room.template),
            format!("title     {}", printable(&room.title, 200)),
            format!("type      {}", room.room_type),
            format!("folders   {}", room.folders.join(", ")),
        ]);
        lines.extend(room.access.iter().map(|access| format!("access    {}", printable(access, 200))));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tickets::tests::record;
    use crate::reconcile::preview::RoomPreview;
    use crate::store::State;

    #[test]
    fn what_is_stands_beside_what_would_be() {
        let room = RoomPreview {
            template: "vip".to_owned(),
            title: "VIP 4711 – VPN".to_owned(),
            room_type: "custom",
            folders: vec!["Logs".to_owned(), "Logs/Server".to_owned()],
            access: vec!["group “Support” as editor".to_owned(), "the assignee as manager".to_owned()],
        };
        let of = |template: Option<&str>, preview: &Preview| {
            let mut record = record("4711", State::Ready, "VPN", None);
            record.template = template.map(str::to_owned);
            record.room = record.room.filter(|_| template.is_some());
            text(&record, preview)
        };
        let vip = Preview { rule: Some("'VIP' in ticket.subject".to_owned()), room: Some(room) };
        insta::assert_snapshot!(of(Some("default"), &vip), @r"
        ticket    zendesk/4711
        state     ready
        room      4711 “Ticket #4711 – VPN”
        made from default
        today     the rules would pick vip; the ticket keeps default, since a room is made once
        rule      'VIP' in ticket.subject

        A ticket like this that came now would get:
        template  vip
        title     VIP 4711 – VPN
        type      custom
        folders   Logs, Logs/Server
        access    group “Support” as editor
        access    the assignee as manager
        ");
        let mut said = String::new();
        let none = Preview { rule: None, room: None };
        for (made_from, preview) in [(Some("vip"), &vip), (None, &vip), (Some("vip"), &none), (None, &none)] {
            let text = of(made_from, preview);
            said += text.split("\n\n").next().unwrap();
            said += "\n\n";
        }
        insta::assert_snapshot!(said, @r"
        ticket    zendesk/4711
        state     ready
        room      4711 “Ticket #4711 – VPN”
        made from vip
        today     the rules pick vip as well
        rule      'VIP' in ticket.subject

        ticket    zendesk/4711
        state     ready
        made from nothing yet: it has no room
        today     the rules pick vip
        rule      'VIP' in ticket.subject

        ticket    zendesk/4711
        state     ready
        room      4711 “Ticket #4711 – VPN”
        made from vip
        today     the rules would make no room; the one made from vip stays
        rule      none matches

        ticket    zendesk/4711
        state     ready
        made from nothing yet: it has no room
        today     the rules make no room
        rule      none matches
        ");
    }
}
