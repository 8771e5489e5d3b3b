//! A ticket as it is now: `GET tickets/{id}?include=users,groups`.
//!
//! Zendesk does not show a ticket that was deleted or is spam, nor one that our user may not see,
//! and says the same of both. It was deleted if the last event that told of it said so
//! ([`delivery`](super::delivery)), or if it is in the list of deleted tickets. That list is only
//! for agents who may see deleted tickets; without it, the events have to do.

use super::super::{Absence, LinkInTicket, Observed, fields};
use super::api::Api;
use super::merge;
use super::wire::{TicketAnswer, UserDto};
use serde_json::Value;

use crate::call::{Cause, Failure};
use crate::source::salvage;
use crate::ticket::{Person, Status, Ticket, TicketId};

/// Asks for a ticket. One that we may not see is indistinguishable from one that is not there.
pub(super) async fn observe(
    api: &Api,
    id: &TicketId,
    link_field: Option<u64>,
    reported: Option<&Ticket>,
) -> Result<Observed, Failure> {
    // Zendesk's tickets have numbers; anything else would be part of a path.
    let Some(id) = salvage::whole_number(id.as_str()) else {
        return Ok(Observed::Absent(Absence::NotShown));
    };
    match api.ticket(id).await {
        Ok(answer) => {
            let merged_into = merge::target(api, id, &answer.ticket).await?;
            Ok(present(id, answer, merged_into, link_field))
        }
        Err(Failure { cause: Cause::NotFound, .. }) => absent(api, id, reported).await,
        Err(failure) => Err(failure),
    }
}

async fn absent(api: &Api, id: u64, reported: Option<&Ticket>) -> Result<Observed, Failure> {
    let was_told = reported.is_some_and(|reported| reported.status == Status::Deleted);
    let is_deleted = was_told
        || match api.deleted_tickets().await {
            Ok(deleted) => deleted.iter().any(|ticket| ticket.id == id),
            Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => {
                return Err(failure);
            }
            // The list is not for us.
            Err(_) => false,
        };
    Ok(Observed::Absent(if is_deleted { Absence::Deleted } else { Absence::NotShown }))
}

fn present(id: u64, answer: TicketAnswer, merged_into: Option<u64>, link_field: Option<u64>) -> Observed {
    let TicketAnswer { ticket, users, groups, organizations } = answer;
    let link = match link_field.and_then(|field| ticket.custom_field(field)) {
        Some(value @ (Value::Null | Value::String(_))) => LinkInTicket::read(value.as_str()),
        // No such field, or one that can't hold a link.
        _ => LinkInTicket::Unreadable,
    };
    let person = |id: Option<u64>| users.iter().find(|user| Some(user.id) == id).and_then(person);
    let group = groups.into_iter().find(|group| Some(group.id) == ticket.group_id);
    let organization = organizations.into_iter().find(|known| Some(known.id) == ticket.organization_id);
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let ticket = Ticket {
        organization: organization.and_then(|organization| filled(organization.name)),
        // Their names are further calls away.
        brand: ticket.brand_id.map(|id| id.to_string()),
        form: ticket.ticket_form_id.map(|id| id.to_string()),
        kind: filled(ticket.kind).map(|kind| kind.to_lowercase()),
        channel: ticket.via.channel.as_str().map(str::to_lowercase),
        created: fields::time(ticket.created_at.as_deref()),
        requester: person(ticket.requester_id),
        assignee: person(ticket.assignee_id),
        group: group.and_then(|group| group.name),
        subject: ticket.subject.unwrap_or_default(),
        description: ticket.description,
        priority: ticket.priority.map(|priority| priority.to_lowercase()),
        status: ticket.status.as_deref().map_or(Status::Open, Status::from_name),
        tags: ticket.tags,
        fields: fields::pick(
            ticket.custom_fields.into_iter().map(|field| (field.id.to_string(), field.value)),
        ),
        key: None,
        project: None,
        merged_into: merged_into.map(TicketId::from),
        follow_up_of: ticket.via.follow_up_of().filter(|earlier| *earlier != id).map(TicketId::from),
        version: ticket.updated_at,
    };
    Observed::Present { ticket: Box::new(ticket), link }
}

/// A person of whom nothing is known is nobody.
fn person(user: &UserDto) -> Option<Person> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let person = Person { name: filled(&user.name), email: filled(&user.email) };
    (person != Person::default()).then_some(person)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::FieldValue;

    fn read(json: &str, field: Option<u64>) -> (Ticket, LinkInTicket) {
        match present(40_117, serde_json::from_str(json).unwrap(), Some(50), field) {
            Observed::Present { ticket, link } => (*ticket, link),
            Observed::Absent(_) => unreachable!(),
        }
    }

    #[test]
    fn everything_is_read() {
        let answer = r#"{
            "ticket":{"id":40117,"subject":"Export of \"Q3\" fails","description":"Hello","status":"hold",
              "custom_status_id":7,"priority":"Urgent","requester_id":30064054112233,"assignee_id":2,"group_id":31,
              "tags":["export","web"],"updated_at":"2026-11-20T08:14:03Z","via":{"channel":"web"},"type":"incident","organization_id":8,"brand_id":9,
              "ticket_form_id":10,"created_at":"2026-11-20T08:00:00Z",
              "custom_fields":[{"id":1,"value":null},{"id":5,"value":true},{"id":9,"value":" https://d.example/4711 "}]},
            "users":[{"id":2,"name":"Anna Agent","email":"anna@helpdesk.example"},
                     {"id":30064054112233,"name":"Rita","email":null}],
            "groups":[{"id":31,"name":"Support"}],"organizations":[{"id":8,"name":"Acme"}]}"#;
        let (ticket, link) = read(answer, Some(9));
        assert_eq!(link, LinkInTicket::Is("https://d.example/4711".to_owned()));
        assert_eq!(
            ticket,
            Ticket {
                subject: "Export of \"Q3\" fails".to_owned(),
                description: Some("Hello".to_owned()),
                requester: Some(Person { name: Some("Rita".to_owned()), email: None }),
                assignee: Some(Person {
                    name: Some("Anna Agent".to_owned()),
                    email: Some("anna@helpdesk.example".to_owned())
                }),
                group: Some("Support".to_owned()),
                organization: Some("Acme".to_owned()),
                brand: Some("9".to_owned()),
                kind: Some("incident".to_owned()),
                form: Some("10".to_owned()),
                channel: Some("web".to_owned()),
                created: Some("2026-11-20T08:00:00Z".parse().unwrap()),
                priority: Some("urgent".to_owned()),
                status: Status::Hold,
                tags: vec!["export".to_owned(), "web".to_owned()],
                key: None,
                project: None,
                fields: [
                    ("5".to_owned(), FieldValue::Bool(true)),
                    ("9".to_owned(), FieldValue::Text("https://d.example/4711".to_owned())),
                ]
                .into(),
                merged_into: Some(TicketId::from(50)),
                follow_up_of: None,
                version: Some("2026-11-20T08:14:03Z".to_owned()),
            }
        );
        assert_eq!(read(answer, Some(1)).1, LinkInTicket::Missing);
        assert_eq!(read(answer, Some(5)).1, LinkInTicket::Unreadable, "a field of another type");
        assert_eq!(read(answer, Some(77)).1, LinkInTicket::Unreadable, "no such field");
        assert_eq!(read(answer, None).1, LinkInTicket::Unreadable);
    }

    #[test]
    fn almost_everything_may_be_missing() {
        let nulls = r#"{"ticket":{"id":1,"subject":null,"tags":null,"custom_fields":null,"status":"deleted",
            "requester_id":7,"assignee_id":null},"users":null}"#;
        let (ticket, link) = read(nulls, Some(9));
        assert_eq!(
            (ticket, link),
            (
                Ticket {
                    status: Status::Deleted,
                    merged_into: Some(TicketId::from(50)),
                    ..Ticket::default()
                },
                LinkInTicket::Unreadable
            )
        );
        assert_eq!(read(r#"{"ticket":{}}"#, None).0.status, Status::Open);
    }

    #[test]
    fn a_follow_up_names_the_ticket_that_it_continues() {
        for (source, expected) in [
            (r#"{"from":{"ticket_id":40100,"subject":"x"},"to":{},"rel":"follow_up"}"#, Some(40_100)),
            (r#"{"from":{"ticket_id":"40100"},"rel":"follow_up"}"#, Some(40_100)),
            (r#"{"from":{"ticket_id":40117},"rel":"follow_up"}"#, None),
            (r#"{"from":{"ticket_id":"SUP-1"},"rel":"follow_up"}"#, None),
            (r#"{"from":{"ticket_id":null},"rel":"follow_up"}"#, None),
            (r#"{"from":{"ticket_id":40100},"rel":"problem"}"#, None),
            (r#"{"from":{"ticket_id":40100},"rel":null}"#, None),
            (r#"{"rel":"follow_up"}"#, None),
            ("[]", None),
            ("null", None),
        ] {
            let answer = format!(r#"{{"ticket":{{"via":{{"channel":"web","source":{source}}}}}}}"#);
            assert_eq!(read(&answer, None).0.follow_up_of, expected.map(TicketId::from), "{source}");
        }
    }
}
