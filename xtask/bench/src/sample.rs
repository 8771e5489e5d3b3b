//! What the vendor's sample "Create an investigation room for each new support ticket" does: six
//! calls to DocSpace and one to the helpdesk, one after the other. The bodies are corrected, so
//! that each call takes effect.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use simulator::docspace::DocSpace;
use simulator::zendesk::Zendesk;
use testbed::ROOM_FIELD;

use crate::Result;
use crate::fixture::{FOLDERS, Fixture, GROUP};

/// Its calls for a ticket.
pub(crate) const CALLS: u64 = 7;

/// The sequence of calls, ready to be made.
pub(crate) struct Sample {
    client: Client,
    docspace: DocSpace,
    zendesk: Zendesk,
    api_key: String,
    group: String,
}

impl Sample {
    pub(crate) fn new(fixture: &Fixture) -> Result<Self> {
        let group = fixture.docspace.group(GROUP).ok_or("the simulated portal lacks the group")?;
        Ok(Self {
            client: Client::builder().no_proxy().build()?,
            docspace: fixture.docspace.clone(),
            zendesk: fixture.zendesk.clone(),
            api_key: fixture.docspace.api_key(),
            group: group.to_string(),
        })
    }

    /// Makes the room for a ticket and writes its link into the ticket.
    pub(crate) async fn run(&self, ticket: u64) -> Result {
        let room =
            json!({ "title": format!("Ticket #{ticket} – Login fails with error 500"), "roomType": 2 });
        let room = self.docspace(Method::POST, "rooms", &room).await?;
        let room = room["response"]["id"].as_i64().ok_or("the room has no number")?;
        for title in FOLDERS {
            self.docspace(Method::POST, &format!("folder/{room}"), &json!({ "title": title })).await?;
        }
        let share = json!({ "invitations": [{ "id": self.group, "access": 10 }] });
        self.docspace(Method::PUT, &format!("rooms/{room}/share"), &share).await?;
        let link = json!({ "linkType": 0, "access": 2 });
        let link = self.docspace(Method::PUT, &format!("rooms/{room}/links"), &link).await?;
        let link = link["response"]["sharedTo"]["shareLink"].as_str().ok_or("there is no link")?;
        self.write_back(ticket, link).await
    }

    async fn docspace(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let url = self.docspace.url().join("api/2.0/files/")?.join(path)?;
        let request = self.client.request(method, url).bearer_auth(&self.api_key).json(body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    async fn write_back(&self, ticket: u64, link: &str) -> Result {
        let url = self.zendesk.url().join(&format!("api/v2/tickets/{ticket}"))?;
        let update = json!({ "ticket": {
            "custom_fields": [{ "id": ROOM_FIELD, "value": link }],
            "comment": { "body": link, "public": false },
        } });
        let user = format!("{}/token", self.zendesk.email());
        let request = self.client.put(url).basic_auth(user, Some(self.zendesk.api_token())).json(&update);
        request.send().await?.error_for_status()?;
        Ok(())
    }
}
