//! The deliveries of a ticket that were sent and acknowledged, and whether the product still has
//! them in the end.
//!
//! The timeline has an entry for each delivery that was stored, with the helpdesk's name of the
//! event. It doesn't show a delivery's id, but repeats of one id are stored once. So each event has
//! at least as many entries as there were acknowledged ids and acknowledged requests without an id;
//! and no more than were sent, as a delivery whose answer was lost may have been stored. A request
//! without an id has an event name of its own (`message`), so that no other one is taken for it.
//!
//! DocSpace's own webhooks about a ticket's room are in its timeline, too, but not those that came
//! before the product knew the room. So these have no fewer entries than none, and no more than
//! there were events.

use std::collections::BTreeMap;

use serde_json::Value;

/// What identifies a request in the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// The event in the timeline.
    pub(crate) event: String,
    /// The id by which the product recognises a repeat, if there is one.
    pub(crate) id: Option<String>,
}

/// The requests about one ticket.
#[derive(Debug, Default)]
pub(crate) struct Receipts(BTreeMap<String, Requests>);

/// The requests of one event.
#[derive(Debug, Default)]
struct Requests {
    /// Deliveries by their ids, and whether each was acknowledged.
    ids: BTreeMap<String, bool>,
    /// Requests without an id: each is a delivery.
    sent: usize,
    acknowledged: usize,
}

/// How often DocSpace has reported each event of a room.
pub(crate) type Events = BTreeMap<String, usize>;

/// What the names of DocSpace's events of rooms begin with.
const OF_ROOMS: &str = "room.";
/// What the timeline adds to the name of an event that the product has caused itself.
const DONE_BY_US: &str = " (done by us)";

/// How the timeline differs from what was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// How many acknowledged deliveries are missing.
    pub(crate) lost: usize,
    pub(crate) findings: Vec<String>,
}

impl Receipts {
    /// A request is sent.
    pub(crate) fn sent(&mut self, label: &Label) {
        let requests = self.0.entry(label.event.clone()).or_default();
        match &label.id {
            Some(id) => {
                requests.ids.entry(id.clone()).or_default();
            }
            None => requests.sent += 1,
        }
    }

    /// It was answered by 200.
    pub(crate) fn acknowledged(&mut self, label: &Label) {
        let requests = self.0.entry(label.event.clone()).or_default();
        match &label.id {
            Some(id) => {
                requests.ids.insert(id.clone(), true);
            }
            None => requests.acknowledged += 1,
        }
    }

    /// Compares that with the timeline that the product shows, and with what DocSpace has reported
    /// of the ticket's room.
    pub(crate) fn compare(&self, timeline: &[Value], raised: &Events) -> Difference {
        let mut kept: BTreeMap<&str, usize> = self.0.keys().map(|event| (event.as_str(), 0)).collect();
        for entry in timeline.iter().filter(|entry| entry["kind"] == "delivery") {
            let text = entry["text"].as_str().unwrap_or_default();
            let of_room = text.strip_suffix(DONE_BY_US).filter(|event| event.starts_with(OF_ROOMS));
            *kept.entry(of_room.unwrap_or(text)).or_default() += 1;
        }
        let (mut difference, none) = (Difference::default(), Requests::default());
        for (event, kept) in kept {
            let requests = self.0.get(event).unwrap_or(&none);
            let acknowledged =
                requests.acknowledged + requests.ids.values().filter(|acknowledged| **acknowledged).count();
            let of_room = if event.starts_with(OF_ROOMS) { raised.get(event).copied() } else { None };
            let sent = requests.sent + requests.ids.len() + of_room.unwrap_or_default();
            if kept < acknowledged {
                difference.lost += acknowledged - kept;
                difference.findings.push(format!(
                    "LOST: {acknowledged} deliveries “{event}” were acknowledged, and the timeline has {kept}"
                ));
            }
            if kept > sent {
                difference.findings.push(format!(
                    "{sent} deliveries “{event}” were sent, and the timeline has {kept}: a repeat was not recognised"
                ));
            }
        }
        difference
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn label(event: &str, id: Option<&str>) -> Label {
        Label { event: event.to_owned(), id: id.map(str::to_owned) }
    }

    fn timeline(events: &[&str]) -> Vec<Value> {
        let entries = events.iter().map(|event| json!({ "kind": "delivery", "text": event }));
        // Other entries don't matter.
        entries.chain([json!({ "kind": "room_created", "text": "created" })]).collect()
    }

    #[test]
    fn a_delivery_by_its_id_is_there_once_however_often_it_was_acknowledged() {
        let mut receipts = Receipts::default();
        for id in ["a", "a", "b"] {
            receipts.sent(&label("changed", Some(id)));
            receipts.acknowledged(&label("changed", Some(id)));
        }
        assert_eq!(
            receipts.compare(&timeline(&["changed", "changed"]), &Events::new()),
            Difference::default()
        );
        let lost = receipts.compare(&timeline(&["changed"]), &Events::new());
        assert_eq!(
            (lost.lost, lost.findings.as_slice()),
            (
                1,
                ["LOST: 2 deliveries “changed” were acknowledged, and the timeline has 1".to_owned()]
                    .as_slice()
            )
        );
        let doubled = receipts.compare(&timeline(&["changed", "changed", "changed"]), &Events::new());
        assert_eq!((doubled.lost, doubled.findings.len()), (0, 1));
    }

    #[test]
    fn without_an_id_each_acknowledged_request_is_a_delivery() {
        let mut receipts = Receipts::default();
        for acknowledged in [true, true, false] {
            receipts.sent(&label("created", None));
            if acknowledged {
                receipts.acknowledged(&label("created", None));
            }
        }
        assert_eq!(receipts.compare(&timeline(&["created"]), &Events::new()).lost, 1);
        // The third one may have been kept, though its answer was lost.
        for kept in [2, 3] {
            assert_eq!(
                receipts.compare(&timeline(&["created"; 3][..kept]), &Events::new()),
                Difference::default()
            );
        }
        assert_eq!(receipts.compare(&timeline(&["created"; 4]), &Events::new()).findings.len(), 1);
    }

    #[test]
    fn events_of_the_room_are_kept_no_more_often_than_they_were_reported() {
        let (receipts, raised) = (Receipts::default(), Events::from([("room.archived".to_owned(), 1)]));
        for (kept, findings) in [(0, 0), (1, 0), (2, 1)] {
            let difference = receipts.compare(&timeline(&["room.archived"; 2][..kept]), &raised);
            assert_eq!((difference.lost, difference.findings.len()), (0, findings), "{kept}");
        }
        let both = timeline(&["room.archived", "room.archived (done by us)"]);
        assert_eq!(receipts.compare(&both, &raised).findings.len(), 1);
        assert_eq!(receipts.compare(&timeline(&["room.restored"]), &raised).findings.len(), 1);
    }

    #[test]
    fn one_event_does_not_stand_in_for_another() {
        let mut receipts = Receipts::default();
        receipts.sent(&label("created, request 1", None));
        receipts.sent(&label("created, request 2", None));
        receipts.acknowledged(&label("created, request 2", None));
        assert_eq!(receipts.compare(&timeline(&["created, request 1"]), &Events::new()).lost, 1);
        let foreign = receipts.compare(&timeline(&["created, request 2", "deleted"]), &Events::new());
        assert_eq!((foreign.lost, foreign.findings.len()), (0, 1));
    }
}
