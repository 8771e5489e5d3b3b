//! A ticket as it is now: `GET tickets/{id}?include=requester`, with its agent and its group.
//!
//! A ticket in the trash still answers, with `deleted` set. One that was closed long ago may have
//! been moved to the archive: it answers at another address only. Of one that is closed, its
//! conversations may tell that it was merged ([`merge`]).

use serde_json::Value;

use super::super::{Absence, LinkInTicket, Observed, fields};
use super::api::Api;
use super::directory::{Directory, person};
use super::merge;
use super::wire::TicketDto;
use crate::call::{Cause, Failure};
use crate::source::salvage;
use crate::ticket::{Person, Status, Ticket, TicketId};

/// Asks for a ticket. `groups` are the names of those whose tickets are wanted; empty: all tickets
/// are. The requester's company is a call of its own, and only looked up `with_company`.
pub(super) async fn observe(
    api: &Api,
    directory: &Directory,
    id: &TicketId,
    link_field: Option<&str>,
    groups: &[String],
    with_company: bool,
) -> Result<Observed, Failure> {
    // Freshdesk's tickets have numbers; anything else would be part of a path.
    let Some(id) = salvage::whole_number(id.as_str()) else {
        return Ok(Observed::Absent(Absence::NotShown));
    };
    let Some((ticket, archived)) = ticket(api, id).await? else {
        return Ok(Observed::Absent(Absence::NotShown));
    };
    let agent = async {
        match ticket.responder_id {
            Some(id) => directory.agent(api, id).await,
            None => Ok(None),
        }
    };
    let group = async {
        match ticket.group_id {
            Some(id) => directory.group(api, id).await,
            None => Ok(None),
        }
    };
    let company = async {
        match ticket.company_id {
            Some(id) if with_company => directory.company(api, id).await,
            _ => Ok(None),
        }
    };
    let merged_into = async {
        // Of what is in the archive, there are no conversations.
        if ticket.status == Some(CLOSED) && !archived { merge::target(api, id).await } else { Ok(None) }
    };
    let (agent, group, company, merged_into) = futures_util::try_join!(agent, group, company, merged_into)?;
    // To skip a ticket because we may not read its group's name would be to lose it.
    if !groups.is_empty() && ticket.group_id.is_some() && group.is_none() {
        return Err(api.failed("get_group", Cause::Forbidden));
    }
    if let Some(why) = unwanted(groups, group.as_deref()) {
        return Ok(Observed::Absent(Absence::NotWanted(why)));
    }
    let about = About { agent, group, company, merged_into: merged_into.map(TicketId::from) };
    Ok(present(ticket, archived, about, link_field))
}

/// The status of closed tickets.
const CLOSED: u64 = 5;

/// What further calls tell of a ticket.
#[derive(Default)]
struct About {
    agent: Option<Person>,
    group: Option<String>,
    company: Option<String>,
    merged_into: Option<TicketId>,
}

/// The ticket, and whether it is in the archive.
async fn ticket(api: &Api, id: u64) -> Result<Option<(TicketDto, bool)>, Failure> {
    match api.ticket(id).await {
        Err(Failure { cause: Cause::NotFound, .. }) => {}
        other => return other.map(|ticket| Some((ticket, false))),
    }
    match api.archived_ticket(id).await {
        Ok(ticket) => Ok(Some((ticket, true))),
        Err(failure) if failure.is_transient() || failure.cause == Cause::Unauthorized => Err(failure),
        // Not every plan has an archive; without one, this is no address.
        Err(_) => Ok(None),
    }
}

/// Names of groups are typed by people.
pub(super) fn is_same_group(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Why a ticket is none of the wanted groups', if so.
fn unwanted(groups: &[String], name: Option<&str>) -> Option<String> {
    let is_one_of_them = |name| groups.iter().any(|wanted| is_same_group(wanted, name));
    if groups.is_empty() || name.is_some_and(is_one_of_them) {
        return None;
    }
    let wanted = groups.iter().map(|group| format!("“{group}”")).collect::<Vec<_>>().join(", ");
    let which = match name {
        Some(name) => format!("the ticket is in the group “{name}”"),
        None => "the ticket is in no group".to_owned(),
    };
    let are = if groups.len() == 1 { "is" } else { "are" };
    Some(format!("{which}, and only {wanted} {are} configured"))
}

fn present(ticket: TicketDto, archived: bool, about: About, link_field: Option<&str>) -> Observed {
    let link = match link_field.and_then(|field| ticket.custom_fields.get(field)) {
        Some(value @ (Value::Null | Value::String(_))) => LinkInTicket::read(value.as_str()),
        // No such field, or one that can't hold a link.
        _ => LinkInTicket::Unreadable,
    };
    let status = match ticket.status {
        _ if ticket.deleted || ticket.spam => Status::Deleted,
        _ if archived => Status::Closed,
        Some(3) => Status::Pending,
        Some(4) => Status::Solved,
        Some(CLOSED) => Status::Closed,
        // 2, or one of the account's own.
        _ => Status::Open,
    };
    let priority = match ticket.priority {
        Some(1) => Some("low"),
        Some(2) => Some("medium"),
        Some(3) => Some("high"),
        Some(4) => Some("urgent"),
        _ => None,
    };
    let channel = match ticket.source {
        Some(1) => Some("email".to_owned()),
        Some(2) => Some("portal".to_owned()),
        Some(3) => Some("phone".to_owned()),
        Some(7) => Some("chat".to_owned()),
        Some(9) => Some("widget".to_owned()),
        Some(10) => Some("outbound-email".to_owned()),
        // One of the account's own.
        Some(other) => Some(format!("source-{other}")),
        None => None,
    };
    let ticket = Ticket {
        organization: about.company,
        brand: ticket.product_id.map(|id| id.to_string()),
        kind: ticket.kind.filter(|kind| !kind.trim().is_empty()).map(|kind| kind.trim().to_lowercase()),
        form: None,
        channel,
        created: fields::time(ticket.created_at.as_deref()),
        subject: ticket.subject.unwrap_or_default(),
        description: ticket.description_text,
        requester: ticket.requester.and_then(person),
        assignee: about.agent,
        group: about.group,
        priority: priority.map(str::to_owned),
        status,
        tags: ticket.tags,
        key: None,
        project: None,
        fields: fields::pick(ticket.custom_fields),
        merged_into: about.merged_into,
        follow_up_of: None,
        version: ticket.updated_at,
    };
    Observed::Present { ticket: Box::new(ticket), link }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::FieldValue;

    fn read(json: &str, archived: bool, field: Option<&str>) -> (Ticket, LinkInTicket) {
        match present(serde_json::from_str(json).unwrap(), archived, About::default(), field) {
            Observed::Present { ticket, link } => (*ticket, link),
            Observed::Absent(_) => unreachable!(),
        }
    }

    #[test]
    fn everything_is_read() {
        let answer = r#"{
            "id":8123,"subject":"Invoice <2026-11> shows \"wrong\" VAT ☃","description":"<div>Hello</div>",
            "description_text":"Hello","status":3,"priority":4,"source":1,"type":"Incident","requester_id":103000000777,
            "requester":{"id":103000000777,"name":"Rita Requester","email":null,"phone":"+1"},"spam":false,
            "responder_id":103000000042,"group_id":103000000031,"company_id":5,"product_id":77,"created_at":"2026-11-20T08:00:00Z","tags":["billing"],"updated_at":"2026-11-20T08:14:03Z",
            "custom_fields":{"cf_room":" https://d.example/4711 ","cf_empty":null,"cf_number":7,"cf_switch":true}}"#;
        let ben = Person { name: Some("Ben".to_owned()), email: Some("ben@helpdesk.example".to_owned()) };
        let dto = serde_json::from_str(answer).unwrap();
        let about = About {
            agent: Some(ben.clone()),
            group: Some("Billing".to_owned()),
            company: Some("Acme".to_owned()),
            merged_into: Some(TicketId::from(8200)),
        };
        let observed = present(dto, false, about, Some("cf_room"));
        let expected = Ticket {
            subject: "Invoice <2026-11> shows \"wrong\" VAT ☃".to_owned(),
            description: Some("Hello".to_owned()),
            requester: Some(Person { name: Some("Rita Requester".to_owned()), email: None }),
            assignee: Some(ben),
            group: Some("Billing".to_owned()),
            organization: Some("Acme".to_owned()),
            brand: Some("77".to_owned()),
            kind: Some("incident".to_owned()),
            form: None,
            channel: Some("email".to_owned()),
            created: Some("2026-11-20T08:00:00Z".parse().unwrap()),
            priority: Some("urgent".to_owned()),
            status: Status::Pending,
            tags: vec!["billing".to_owned()],
            key: None,
            project: None,
            fields: [
                ("cf_number".to_owned(), FieldValue::Number(7)),
                ("cf_room".to_owned(), FieldValue::Text("https://d.example/4711".to_owned())),
                ("cf_switch".to_owned(), FieldValue::Bool(true)),
            ]
            .into(),
            merged_into: Some(TicketId::from(8200)),
            follow_up_of: None,
            version: Some("2026-11-20T08:14:03Z".to_owned()),
        };
        let link = LinkInTicket::Is("https://d.example/4711".to_owned());
        assert_eq!(observed, Observed::Present { ticket: Box::new(expected), link });
        assert_eq!(read(answer, false, Some("cf_empty")).1, LinkInTicket::Missing);
        assert_eq!(read(answer, false, Some("cf_switch")).1, LinkInTicket::Unreadable, "of another type");
        assert_eq!(read(answer, false, Some("cf_other")).1, LinkInTicket::Unreadable, "no such field");
        assert_eq!(read(answer, false, None).1, LinkInTicket::Unreadable);
    }

    #[test]
    fn almost_everything_may_be_missing() {
        let nulls = r#"{"id":1,"subject":null,"tags":null,"custom_fields":null,"status":null,"priority":null,
            "requester":null,"responder_id":null,"group_id":null,"spam":null,"deleted":null,"updated_at":null}"#;
        let nothing = (Ticket { status: Status::Open, ..Ticket::default() }, LinkInTicket::Unreadable);
        assert_eq!(read(nulls, false, Some("cf_room")), nothing);
        assert_eq!(read("{}", false, Some("cf_room")), nothing);
    }

    #[test]
    fn statuses_and_priorities_are_numbers() {
        let status = |json: &str| read(json, false, None).0.status;
        for (number, expected) in [
            (2, Status::Open),
            (3, Status::Pending),
            (4, Status::Solved),
            (5, Status::Closed),
            (6, Status::Open),
            (71, Status::Open),
        ] {
            assert_eq!(status(&format!("{{\"status\":{number}}}")), expected, "{number}");
        }
        assert_eq!(status(r#"{"status":2,"deleted":true}"#), Status::Deleted);
        assert_eq!(status(r#"{"status":5,"spam":true}"#), Status::Deleted);
        assert_eq!(read(r#"{"status":2}"#, true, None).0.status, Status::Closed, "archived");
        for (number, expected) in [(1, Some("low")), (2, Some("medium")), (3, Some("high")), (9, None)] {
            let ticket = read(&format!("{{\"priority\":{number}}}"), false, None).0;
            assert_eq!(ticket.priority.as_deref(), expected);
        }
    }

    #[test]
    fn only_tickets_of_the_configured_groups_are_wanted() {
        let both = ["Support".to_owned(), "Billing".to_owned()];
        assert_eq!(unwanted(&[], None), None);
        assert_eq!(unwanted(&both, Some("Billing")), None);
        assert_eq!(unwanted(&both, Some(" billing ")), None);
        let why = |name| unwanted(&both, name).unwrap();
        assert!(why(Some("Sales")).starts_with("the ticket is in the group “Sales”, and only “"));
        assert!(why(None).starts_with("the ticket is in no group"));
    }
}
