//! How much of a ticket is kept.
//!
//! A delivery may have a mebibyte, an answer sixteen, and a ticket's last snapshot is in the store,
//! in every run over the ticket, and in what rules and titles see. So it keeps what people and
//! rules read, and no more: the limits are far above what helpdesks let people enter, and what is
//! beyond them is cut or left out. Ids of tickets are bounded by their type.

use crate::ticket::{FieldValue, Person, Ticket};

use super::Observed;

/// Custom fields; the first ones by name.
pub(super) const MOST_FIELDS: usize = 500;
/// Tags, and options in one field.
const MOST_ITEMS: usize = 500;
/// Characters of a name: a field's, a person's, a group's, a tag.
const LONGEST_NAME: usize = 200;
/// Characters of an e-mail address, by RFC 5321.
const LONGEST_ADDRESS: usize = 320;
/// Bytes of a field's text.
const LONGEST_TEXT: usize = 4 << 10;
/// Bytes of a subject; titles of rooms have 170 characters.
const LONGEST_SUBJECT: usize = 16 << 10;
/// Bytes of a description.
const LONGEST_DESCRIPTION: usize = 64 << 10;

impl Observed {
    /// With no more of the ticket than is kept.
    pub(super) fn capped(self) -> Self {
        match self {
            Self::Present { ticket, link } => Self::Present { ticket: Box::new(capped(*ticket)), link },
            absent @ Self::Absent(_) => absent,
        }
    }
}

/// No more of a ticket than is kept.
pub(super) fn capped(mut ticket: Ticket) -> Ticket {
    cut(&mut ticket.subject, LONGEST_SUBJECT);
    if let Some(description) = &mut ticket.description {
        cut(description, LONGEST_DESCRIPTION);
    }
    for person in [&mut ticket.requester, &mut ticket.assignee].into_iter().flatten() {
        let Person { name, email } = person;
        name.iter_mut().for_each(cut_name);
        // Half an address is another one.
        email.take_if(|email| email.chars().count() > LONGEST_ADDRESS);
    }
    for name in [
        &mut ticket.group,
        &mut ticket.organization,
        &mut ticket.brand,
        &mut ticket.kind,
        &mut ticket.form,
        &mut ticket.channel,
        &mut ticket.priority,
        &mut ticket.key,
        &mut ticket.project,
        &mut ticket.version,
    ] {
        name.iter_mut().for_each(cut_name);
    }
    cap_names(&mut ticket.tags);
    // Half a name is another field's.
    ticket.fields.retain(|name, _| name.chars().count() <= LONGEST_NAME);
    while ticket.fields.len() > MOST_FIELDS {
        ticket.fields.pop_last();
    }
    for value in ticket.fields.values_mut() {
        match value {
            FieldValue::Text(text) => cut(text, LONGEST_TEXT),
            FieldValue::List(items) => cap_names(items),
            FieldValue::Bool(_) | FieldValue::Number(_) => {}
        }
    }
    ticket
}

fn cap_names(names: &mut Vec<String>) {
    names.truncate(MOST_ITEMS);
    names.shrink_to_fit();
    names.iter_mut().for_each(cut_name);
}

fn cut_name(name: &mut String) {
    if let Some((end, _)) = name.char_indices().nth(LONGEST_NAME) {
        cut(name, end);
    }
}

/// Cuts a text to so many bytes, before a character that would be halved.
fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_tickets_are_kept_whole() {
        let ticket = Ticket {
            subject: "🔥".repeat(2_500),
            description: Some("ü".repeat(32_000)),
            requester: Some(Person {
                name: Some("Rita".to_owned()),
                email: Some("rita@x.example".to_owned()),
            }),
            tags: vec!["x".repeat(200); 500],
            fields: (0..500).map(|n| (format!("f{n}"), FieldValue::Text("x".repeat(4_096)))).collect(),
            ..Ticket::default()
        };
        assert_eq!(capped(ticket.clone()), ticket);
    }

    #[test]
    fn no_part_of_a_ticket_has_no_limit() {
        let huge = || "é".repeat(1 << 20);
        let person = || Some(Person { name: Some(huge()), email: Some(huge()) });
        let mut fields: std::collections::BTreeMap<_, _> =
            (0..70_000).map(|n| (format!("f{n:05}"), FieldValue::Text("x".to_owned()))).collect();
        fields.insert("f00000".to_owned(), FieldValue::Text(huge()));
        fields.insert("f00001".to_owned(), FieldValue::List(vec!["x".repeat(300); 10_000]));
        fields.insert(huge(), FieldValue::Bool(true));
        let ticket = capped(Ticket {
            subject: format!("x{}", huge()),
            description: Some(huge()),
            requester: person(),
            assignee: person(),
            group: Some(huge()),
            organization: Some(huge()),
            brand: Some(huge()),
            kind: Some(huge()),
            form: Some(huge()),
            channel: Some(huge()),
            priority: Some(huge()),
            tags: vec!["x".repeat(300); 10_000],
            key: Some(huge()),
            project: Some(huge()),
            fields,
            version: Some(huge()),
            ..Ticket::default()
        });
        assert_eq!(ticket.subject.len(), (16 << 10) - 1, "no character is halved");
        assert_eq!(ticket.description.as_ref().unwrap().len(), 64 << 10);
        let kept = ticket.requester.as_ref().unwrap();
        assert_eq!((kept.name.as_ref().unwrap().chars().count(), &kept.email), (200, &None));
        assert_eq!((ticket.tags.len(), ticket.tags[0].len()), (500, 200));
        assert_eq!(ticket.fields.len(), 500);
        assert_eq!(ticket.fields["f00000"], FieldValue::Text("é".repeat(2_048)));
        assert_eq!(ticket.fields["f00001"], FieldValue::List(vec!["x".repeat(200); 500]));
        assert!(serde_json::to_string(&ticket).unwrap().len() < 400_000);
    }
}
