//! Creating a ticket by the API, as a follow-up of a closed one if it says so. A request that is
//! sent twice creates two.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::account::Account;
use super::view::NewTicket;
use super::{ZendeskService, wire};
use crate::http::{Answer, Request};

impl ZendeskService {
    pub(super) fn create_ticket(&self, account: &mut Account, request: &Request, api: &str) -> Answer {
        let body = request.json().ok().flatten().unwrap_or_default();
        let new = &body["ticket"];
        // An older form has the text in the ticket itself.
        let text = [&new["comment"]["body"], &new["description"]].into_iter().find_map(Value::as_str);
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return wire::invalid("comment", "Description: cannot be blank");
        };
        let source = new["via_followup_source_id"].as_u64();
        if source.is_some_and(|source| account.continued(source).is_none()) {
            return wire::invalid("base", "The source of a follow-up has to be a closed ticket");
        }
        let tags = new["tags"].as_array().into_iter().flatten();
        let done = account.create(
            NewTicket {
                description: text.to_owned(),
                requester: new["requester_id"].as_u64(),
                assignee: new["assignee_id"].as_u64(),
                group: new["group_id"].as_u64(),
                brand: new["brand_id"].as_u64(),
                tags: tags.filter_map(Value::as_str).map(str::to_owned).collect(),
                follow_up_of: source,
                ..NewTicket::about(new["subject"].as_str().unwrap_or_default())
            },
            self.clock.now(),
        );
        self.announce(account, [done]);
        let Some(ticket) = account.live(done.ticket) else { return wire::not_found() };
        let audit = ticket.audit(done.audit).map(|audit| wire::audit(audit, ticket));
        Answer::json(StatusCode::CREATED, &json!({ "ticket": wire::ticket(ticket, api), "audit": audit }))
    }
}
