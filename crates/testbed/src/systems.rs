//! The simulated systems, a configuration for them, and checks of what they hold afterwards.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use simulator::callback::CallbackReceiver;
use simulator::configuration::Secrets;
use simulator::docspace::{self, RoomView};
use simulator::{freshdesk, jira, zendesk};

use crate::desks::{Desk, MOVED_TO};

/// The custom field of the simulated Zendesk for the link.
pub const ROOM_FIELD: u64 = 360_012_345;
/// The secret that all simulated helpdesks sign with.
pub const WEBHOOK_SECRET: &str = "one of two live secrets";
/// A secret that is still accepted.
pub const OLD_WEBHOOK_SECRET: &str = "the secret of yesterday";
/// The token for the admin endpoints.
pub const ADMIN_TOKEN: &str = "the-token-that-lets-an-operator-in";

/// The settle time in the configuration of tests: how long a call to DocSpace may still take
/// effect.
pub const SETTLE: Duration = Duration::from_millis(1500);

/// Folders of the test template; one of them is nested.
pub const FOLDERS: [&str; 4] = ["Attachments", "Findings", "Logs", "Logs/Server"];

/// The test template: nested folders, a group and the assignee.
pub const TEMPLATE: &str = r#"
    [template.default]
    title = "Ticket #{{ ticket.id }} – {{ ticket.subject }}"
    folders = ["Logs/Server", "Attachments", "Findings"]
    access = [{ group = "Support", role = "editor" }, { assignee = true, role = "content-creator" }]
"#;

/// The waits and limits of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Short waits, and limits that no test meets.
    Tests,
    /// The product's defaults.
    Production,
}

/// The address of an SQLite store in a file.
#[must_use]
pub fn sqlite(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

/// The simulated systems.
#[derive(Clone)]
pub struct Systems {
    /// The portal with the rooms.
    pub docspace: docspace::DocSpace,
    /// A helpdesk.
    pub zendesk: zendesk::Zendesk,
    /// A helpdesk.
    pub freshdesk: freshdesk::Freshdesk,
    /// A helpdesk.
    pub jira: jira::Jira,
    /// The receiver of a generic helpdesk's callbacks.
    pub callback: CallbackReceiver,
}

impl Systems {
    /// Starts them.
    ///
    /// # Panics
    /// When a port can't be listened on.
    pub async fn start() -> Self {
        Self::start_with(docspace::Setup::default()).await
    }

    /// Starts them with another setup of DocSpace.
    ///
    /// # Panics
    /// When a port can't be listened on.
    pub async fn start_with(setup: docspace::Setup) -> Self {
        Self::try_start(setup).await.unwrap()
    }

    /// Starts them with another setup of DocSpace.
    ///
    /// # Errors
    /// When a port can't be listened on.
    pub async fn try_start(setup: docspace::Setup) -> std::io::Result<Self> {
        // An error means that it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let zendesk = zendesk::Setup { room_field: Some(ROOM_FIELD), ..zendesk::Setup::default() };
        let systems = Self {
            docspace: docspace::DocSpace::start(setup).await?,
            zendesk: zendesk::Zendesk::start(zendesk).await?,
            freshdesk: freshdesk::Freshdesk::start(freshdesk::Setup::default()).await?,
            jira: jira::Jira::start(jira::Setup::default()).await?,
            callback: CallbackReceiver::start(([127, 0, 0, 1], 0).into()).await?,
        };
        systems.jira.add_project(MOVED_TO, "Operations");
        // The helpdesks have the groups Support and Sales; DocSpace has only the first by itself.
        let ben = systems.docspace.user("ben.engineer@example.com");
        systems.docspace.add_group("Sales", ben.as_slice());
        Ok(systems)
    }

    /// A configuration file for all systems and the store at that address (`sqlite:/path`,
    /// `postgres://...`), with short waits, and the environment variables that it names. `more` is
    /// added at its end.
    #[must_use]
    pub fn config(&self, store: &str, more: &str) -> (String, HashMap<String, String>) {
        self.config_for(store, &Desk::ALL, Pace::Tests, more)
    }

    /// A configuration file for DocSpace and these helpdesks.
    #[must_use]
    pub fn config_for(
        &self,
        store: &str,
        desks: &[Desk],
        pace: Pace,
        more: &str,
    ) -> (String, HashMap<String, String>) {
        let mut secrets = Secrets::in_variables();
        let (lease, docspace) = match pace {
            Pace::Production => ("", String::new()),
            // A killed replica is soon replaced, and tests that are not about DocSpace's limits
            // don't meet them.
            Pace::Tests => (
                if store.starts_with("postgres") { "lease = \"1s\"" } else { "" },
                format!(
                    "timeout = \"800ms\"\nsettle = \"{}ms\"\n\
                     requests_per_minute = 1000000\nwrites_per_day = 1000000\n",
                    SETTLE.as_millis()
                ),
            ),
        };
        let token = secrets.write("ADMIN", ADMIN_TOKEN);
        let docspace = self.docspace.section(&mut secrets) + &docspace;
        let desks: Vec<String> = desks.iter().map(|desk| desk.section(self, &mut secrets)).collect();
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\ntoken = {token}\n[store]\nurl = {store:?}\n{lease}\n\
             {docspace}\n{}\n{more}\n",
            desks.join("\n")
        );
        (text, secrets.variables())
    }

    /// The rooms with a tag, archived ones included.
    #[must_use]
    pub fn rooms_of(&self, tag: &str) -> Vec<RoomView> {
        let rooms = self.docspace.rooms().into_iter();
        rooms.filter(|room| room.tags.iter().any(|have| have == tag)).collect()
    }

    /// The room of a ticket.
    ///
    /// # Panics
    /// Unless there is exactly one, and it is active.
    #[track_caller]
    #[must_use]
    pub fn the_room_of(&self, tag: &str) -> RoomView {
        let rooms = self.rooms_of(tag);
        assert_eq!(rooms.len(), 1, "ticket {tag} has {} rooms: {rooms:#?}", rooms.len());
        let room = rooms.into_iter().next().unwrap();
        assert!(!room.archived, "the room of {tag} is archived");
        room
    }

    /// What is wrong with a ticket of the test template, counted in the simulated systems; empty is
    /// right.
    #[must_use]
    pub fn wrong_with(&self, desk: Desk, id: &str) -> Vec<String> {
        self.wrong_with_rooms(&FOLDERS, desk, id, &self.rooms_of(&desk.tag(id)))
    }

    fn wrong_with_rooms(&self, folders: &[&str], desk: Desk, id: &str, rooms: &[RoomView]) -> Vec<String> {
        let tag = desk.tag(id);
        let [room] = rooms else { return vec![format!("{tag}: {} rooms", rooms.len())] };
        let mut wrong = wrong_with_room(folders, &tag, room);
        let (internal, public) = desk.notes(self, id);
        if (internal, public) != (1, 0) {
            wrong.push(format!("{tag}: {internal} notes for agents, {public} that customers see"));
        }
        let links = desk.links(self, id);
        if links != [self.member_address(room)] {
            wrong.push(format!("{tag}: the links are {links:?}"));
        }
        wrong
    }

    /// The same for a ticket created by [`Desk::open`]: Anna has to be in its room as well.
    #[must_use]
    pub fn wrong_with_opened(&self, desk: Desk, id: &str) -> Vec<String> {
        self.wrong_with_opened_rooms(desk, id, &self.rooms_of(&desk.tag(id)))
    }

    /// The same for each of many tickets, with one pass over all rooms.
    #[must_use]
    pub fn wrong_with_each_opened(&self, tickets: &[(Desk, String)]) -> Vec<Vec<String>> {
        self.each(tickets, |desk, id, rooms| self.wrong_with_opened_rooms(desk, id, rooms))
    }

    /// What is wrong with each of many tickets of another template: one with these folders, and
    /// with the group Support as editor.
    #[must_use]
    pub fn wrong_with_each(&self, folders: &[&str], tickets: &[(Desk, String)]) -> Vec<Vec<String>> {
        self.each(tickets, |desk, id, rooms| self.wrong_with_rooms(folders, desk, id, rooms))
    }

    fn each<T>(&self, tickets: &[(Desk, String)], look: impl Fn(Desk, &str, &[RoomView]) -> T) -> Vec<T> {
        let mut rooms_of: HashMap<String, Vec<RoomView>> = HashMap::new();
        for room in self.docspace.rooms() {
            for tag in &room.tags {
                rooms_of.entry(tag.clone()).or_default().push(room.clone());
            }
        }
        let look = |(desk, id): &(Desk, String)| {
            let rooms = rooms_of.get(&desk.tag(id)).map(Vec::as_slice).unwrap_or_default();
            look(*desk, id, rooms)
        };
        tickets.iter().map(look).collect()
    }

    fn wrong_with_opened_rooms(&self, desk: Desk, id: &str, rooms: &[RoomView]) -> Vec<String> {
        let tag = desk.tag(id);
        let mut wrong = self.wrong_with_rooms(&FOLDERS, desk, id, rooms);
        let members = rooms.iter().flat_map(|room| &room.members);
        let anna = members.filter(|member| member.name == "Anna Agent");
        let roles: Vec<_> = anna.map(|member| member.access).collect();
        if roles != [11] {
            wrong.push(format!("{tag}: the assignee has the roles {roles:?}"));
        }
        wrong
    }

    /// What is wrong with a ticket in Zendesk.
    #[must_use]
    pub fn wrong_with_zendesk_ticket(&self, id: u64) -> Vec<String> {
        self.wrong_with(Desk::Zendesk, &id.to_string())
    }

    /// What is wrong with a generic ticket.
    #[must_use]
    pub fn wrong_with_generic_ticket(&self, id: &str) -> Vec<String> {
        self.wrong_with(Desk::Generic, id)
    }

    /// The address of a room for its members, which belongs into the ticket.
    #[must_use]
    pub fn member_address(&self, room: &RoomView) -> String {
        format!("{}rooms/shared/{id}/filter?folder={id}", self.docspace.url(), id = room.id)
    }
}

fn wrong_with_room(folders: &[&str], tag: &str, room: &RoomView) -> Vec<String> {
    let mut wrong = Vec::new();
    if room.archived {
        wrong.push(format!("{tag}: archived"));
    }
    if room.folders != folders {
        wrong.push(format!("{tag}: folders {:?}", room.folders));
    }
    let support: Vec<_> = room.members.iter().filter(|member| member.name == "Support").collect();
    if support.len() != 1 || support[0].access != 10 {
        wrong.push(format!("{tag}: members {:?}", room.members));
    }
    wrong
}
