//! A ticket as it is now: `GET tickets/{id}?include=requester`, and its agent and group by their ids.

use serde_json::Value;

use super::super::{Absence, LinkInTicket, Observed, fields, salvage};
use super::api::Api;
use super::directory::{Directory, filled};
use super::wire::TicketDto;
use crate::call::{Cause, Failure};
use crate::ticket::{Person, Status, Ticket, TicketId};

/// What of a ticket is looked at, and which tickets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The field that takes the link.
    pub(super) link_field: Option<&'a str>,
    /// Only tickets of these groups, if there are any.
    pub(super) groups: &'a [String],
}

/// Asks for a ticket.
pub(super) async fn observe(
    api: &Api,
    directory: &Directory,
    id: &TicketId,
    wanted: Wanted<'_>,
) -> Result<Observed, Failure> {
    // Freshdesk's tickets have numbers; anything else would be part of a path.
    let Some(id) = salvage::whole_number(id.as_str()) else {
        return Ok(Observed::Absent(Absence::NotShown));
    };
    let (ticket, archived) = match api.ticket(id).await {
        Ok(ticket) => (ticket, false),
        // Old tickets are moved away. Everything else that is not there is not there in the archive either.
        Err(Failure { cause: Cause::NotFound, .. }) => match api.archived_ticket(id).await {
            Ok(ticket) => (ticket, true),
            Err(Failure { cause: Cause::NotFound, .. }) => return Ok(Observed::Absent(Absence::NotShown)),
            Err(failure) => return Err(failure),
        },
        Err(failure) => return Err(failure),
    };
    let (assignee, group) = futures_util::try_join!(
        directory.agent(api, ticket.responder_id),
        directory.group(api, ticket.group_id)
    )?;
    if let Some(why) = not_wanted(group.as_deref(), wanted.groups) {
        return Ok(Observed::Absent(Absence::NotWanted(why)));
    }
    Ok(present(ticket, assignee, group, archived, wanted.link_field))
}

fn not_wanted(group: Option<&str>, groups: &[String]) -> Option<String> {
    let is_wanted =
        |group: &str| groups.iter().any(|wanted| wanted.trim().to_lowercase() == group.trim().to_lowercase());
    if groups.is_empty() || group.is_some_and(is_wanted) {
        return None;
    }
    let wanted = groups.join(", ");
    Some(match group {
        Some(group) => format!("the ticket is in the group {group}, and only {wanted} get rooms"),
        None => format!("the ticket is in no group (that our agent may see), and only {wanted} get rooms"),
    })
}

fn present(
    ticket: TicketDto,
    assignee: Option<Person>,
    group: Option<String>,
    archived: bool,
    link_field: Option<&str>,
) -> Observed {
    let link = match link_field.and_then(|field| ticket.custom_fields.get(field)) {
        Some(value @ (Value::Null | Value::String(_))) => LinkInTicket::read(value.as_str()),
        // No such field, or one that can't hold a link.
        _ => LinkInTicket::Unreadable,
    };
    let requester = ticket
        .requester
        .map(|requester| Person { name: filled(requester.name), email: filled(requester.email) });
    let status = if ticket.deleted || ticket.spam {
        Status::Deleted
    } else if archived {
        Status::Closed
    } else {
        status(ticket.status)
    };
    let ticket = Ticket {
        subject: ticket.subject.unwrap_or_default(),
        description: filled(ticket.description_text),
        requester: requester.filter(|person| *person != Person::default()),
        assignee,
        group,
        priority: priority(ticket.priority).map(str::to_owned),
        status,
        tags: ticket.tags,
        key: None,
        project: None,
        fields: fields::pick(ticket.custom_fields),
        version: ticket.updated_at,
    };
    Observed::Present { ticket: Box::new(ticket), link }
}

/// From 6 on, statuses are the account's own.
fn status(code: Option<u64>) -> Status {
    match code {
        Some(3) => Status::Pending,
        Some(4) => Status::Solved,
        Some(5) => Status::Closed,
        _ => Status::Open,
    }
}

fn priority(code: Option<u64>) -> Option<&'static str> {
    match code? {
        1 => Some("low"),
        2 => Some("medium"),
        3 => Some("high"),
        4 => Some("urgent"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::FieldValue;

    fn read(json: &str, field: Option<&str>) -> (Ticket, LinkInTicket) {
        match present(serde_json::from_str(json).unwrap(), None, None, false, field) {
            Observed::Present { ticket, link } => (*ticket, link),
            Observed::Absent(_) => unreachable!(),
        }
    }

    #[test]
    fn everything_is_read() {
        let json = r#"{"id":8123,"subject":"VAT ☃","description":"<div>x</div>","description_text":" x ","status":4,
            "priority":4,"tags":["billing"],"responder_id":null,"group_id":103000000031,"spam":false,
            "requester":{"id":1,"name":"Rita","email":""},"updated_at":"2026-11-20T08:14:03Z",
            "custom_fields":{"cf_room":" https://d.example/4711 ","cf_vip":true,"cf_none":null}}"#;
        let (ticket, link) = read(json, Some("cf_room"));
        assert_eq!(link, LinkInTicket::Is("https://d.example/4711".to_owned()));
        assert_eq!(
            ticket,
            Ticket {
                subject: "VAT ☃".to_owned(),
                description: Some("x".to_owned()),
                requester: Some(Person { name: Some("Rita".to_owned()), email: None }),
                priority: Some("urgent".to_owned()),
                status: Status::Solved,
                tags: vec!["billing".to_owned()],
                fields: [
                    ("cf_room".to_owned(), FieldValue::Text("https://d.example/4711".to_owned())),
                    ("cf_vip".to_owned(), FieldValue::Bool(true)),
                ]
                .into(),
                version: Some("2026-11-20T08:14:03Z".to_owned()),
                ..Ticket::default()
            }
        );
        assert_eq!(read(json, Some("cf_none")).1, LinkInTicket::Missing);
        assert_eq!(read(json, Some("cf_vip")).1, LinkInTicket::Unreadable);
        assert_eq!(read(json, Some("cf_other")).1, LinkInTicket::Unreadable);
        assert_eq!(read(json, None).1, LinkInTicket::Unreadable);
    }

    #[test]
    fn almost_everything_may_be_missing() {
        let nulls = r#"{"subject":null,"status":6,"priority":9,"tags":null,"custom_fields":null,"requester":null,
            "spam":null,"deleted":null}"#;
        assert_eq!(read(nulls, None).0, Ticket { status: Status::Open, ..Ticket::default() });
        assert_eq!(read("{}", None).0.status, Status::Open);
        for gone in [r#"{"status":2,"deleted":true}"#, r#"{"status":2,"spam":true}"#] {
            assert_eq!(read(gone, None).0.status, Status::Deleted);
        }
        assert_eq!(
            (status(Some(2)), status(Some(3)), status(Some(5))),
            (Status::Open, Status::Pending, Status::Closed)
        );
    }

    #[test]
    fn only_some_groups_may_be_wanted() {
        let groups = ["Support".to_owned(), "Billing".to_owned()];
        assert_eq!(not_wanted(Some("anything"), &[]), None);
        assert_eq!(not_wanted(Some("billing"), &groups), None);
        let why = not_wanted(Some("Sales"), &groups).unwrap();
        assert_eq!(why, "the ticket is in the group Sales, and only Support, Billing get rooms");
        assert!(not_wanted(None, &groups).unwrap().contains("in no group"));
    }
}
