//! Tickets of every kind live, end and go on.

use super::*;

/// Every kind leads a ticket through all that it supports, and sends something about it each time.
#[tokio::test]
async fn tickets_of_every_kind_live() {
    let systems = Systems::start().await;
    for desk in Desk::ALL {
        let target = LifeTicket::open(desk, &systems, "target");
        let mut ticket = LifeTicket::open(desk, &systems, "VPN is down");
        assert!(told(&ticket.created(&systems)).contains(&ticket.id));
        let acts = [
            Act::Rename("VPN is up".to_owned()),
            Act::Assign(Agent::Ben),
            Act::Assign(Agent::Nobody),
            Act::Group(Group::Sales),
            Act::Requester(Customer::Carla),
            Act::Move,
            Act::Solve,
            Act::Reopen,
            Act::Spam,
            Act::NotSpam,
            Act::MergeInto(target.id.clone()),
        ];
        for (act, nth) in acts.iter().zip(1..) {
            let before = ticket.version;
            assert_eq!(ticket.act(&systems, act), desk.supports(act), "{desk:?} {act:?}");
            assert_eq!(ticket.version > before, desk.supports(act), "{desk:?} {act:?}");
            let sent = ticket.changed(&systems, nth);
            assert!(told(&sent).contains(&ticket.id), "{desk:?} {act:?}: {sent:?}");
        }
        assert_eq!(ticket.merged_into.as_ref(), Some(&target.id));
    }
}

#[tokio::test]
async fn tickets_of_every_kind_end() {
    let systems = Systems::start().await;
    for desk in Desk::ALL {
        let mut ticket = LifeTicket::open(desk, &systems, "never mind");
        assert!(ticket.act(&systems, &Act::Delete), "{desk:?}");
        assert!(!ticket.act(&systems, &Act::Delete), "{desk:?}: twice");
        assert!(told(&ticket.changed(&systems, 1)).to_lowercase().contains("deleted"), "{desk:?}");
        assert_eq!(ticket.act(&systems, &Act::Restore), desk.supports(&Act::Restore), "{desk:?}");
    }
}

#[tokio::test]
async fn tickets_continue_others() {
    let systems = Systems::start().await;
    for (desk, expected) in
        [(Desk::Zendesk, true), (Desk::Freshdesk, false), (Desk::Jira, true), (Desk::Generic, true)]
    {
        let mut old = LifeTicket::open(desk, &systems, "VPN is down");
        if desk == Desk::Zendesk {
            assert_eq!(old.follow_up(&systems, "too early"), None);
        }
        assert!(old.act(&systems, &Act::Close));
        let new = old.follow_up(&systems, "VPN is down again");
        assert_eq!(new.is_some(), expected, "{desk:?}");
        let Some(new) = new else { continue };
        assert_eq!(new.follow_up_of.as_ref(), Some(&old.id));
        assert!(told(&new.created(&systems)).contains("VPN is down again"), "{desk:?}");
    }
    let id = |ticket: &LifeTicket| ticket.id.parse::<u64>().unwrap();
    let mut closed = LifeTicket::open(Desk::Zendesk, &systems, "a");
    closed.act(&systems, &Act::Close);
    let follow_up = closed.follow_up(&systems, "b").unwrap();
    assert_eq!(systems.zendesk.ticket(id(&follow_up)).unwrap().follow_up_of, Some(id(&closed)));
    let original = LifeTicket::open(Desk::Jira, &systems, "a");
    let duplicate = original.follow_up(&systems, "b").unwrap();
    assert_eq!(systems.jira.ticket(id(&duplicate)).unwrap().duplicates, [id(&original)]);
}

fn told(sent: &WebhookRequest) -> String {
    String::from_utf8(sent.body.clone()).unwrap()
}
