//! DocSpace, over real HTTP.

mod examples;
mod faults;
mod files;
mod limits;
mod operations;
mod pages;
mod people;
mod registrations;
mod rooms;
mod share;
mod webhooks;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use simulator::docspace::{DocSpace, Setup};

use crate::fixture::{ManualClock, with};

/// A portal, its clock, and a client with a key.
struct Fixture {
    docspace: DocSpace,
    clock: ManualClock,
    http: reqwest::Client,
    key: String,
}

/// Status, headers and body of an answer; an empty body is null.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// What was asked for, if it succeeded.
    fn response(&self) -> &Value {
        assert_eq!((self.status, &self.body["status"]), (200, &json!(0)), "{}", self.body);
        &self.body["response"]
    }

    fn id(&self) -> i64 {
        self.response()["id"].as_i64().unwrap()
    }

    /// These members of every item of a list.
    fn each(&self, member: &str) -> Vec<Value> {
        let response = self.response();
        let items = response.as_array().or_else(|| response["folders"].as_array()).unwrap();
        items.iter().map(|item| item[member].clone()).collect()
    }
}

async fn fixture() -> Fixture {
    fixture_with(Setup::default()).await
}

async fn fixture_with(setup: Setup) -> Fixture {
    let clock = ManualClock::at("2026-07-01T10:15:30Z");
    let docspace = DocSpace::start(Setup { clock: clock.clock(), ..setup }).await.unwrap();
    Fixture { key: docspace.api_key(), docspace, clock, http: crate::client() }
}

impl Fixture {
    /// The same portal with another key.
    fn with_key(&self, key: &str) -> Self {
        let (docspace, clock, http) = (self.docspace.clone(), self.clock.clone(), self.http.clone());
        Self { docspace, clock, http, key: key.to_owned() }
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::RequestBuilder {
        let url = self.docspace.url().join("api/2.0/").unwrap().join(path).unwrap();
        with(self.http.request(method, url).bearer_auth(&self.key), body)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let answer = crate::fixture::Reply::to(self.request(method, path, body)).await;
        Reply { status: answer.status, headers: answer.headers, body: answer.body }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(&body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, Some(&body)).await
    }

    async fn delete(&self, path: &str, body: Value) -> Reply {
        self.send(Method::DELETE, path, Some(&body)).await
    }

    /// A call at the control control.
    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.send(method, &format!("/_simulator/{path}"), body.as_ref()).await
    }

    async fn room(&self, title: &str, room_type: i32, tags: &[&str]) -> i64 {
        let body = json!({ "title": title, "roomType": room_type, "tags": tags });
        self.post("files/rooms", body).await.id()
    }

    async fn folder(&self, parent: i64, title: &str) -> i64 {
        self.post(&format!("files/folder/{parent}"), json!({ "title": title })).await.id()
    }

    async fn archive(&self, room: i64) {
        let body = json!({ "deleteAfter": true });
        assert_eq!(self.put(&format!("files/rooms/{room}/archive"), body).await.status, 200);
        eventually(|| self.docspace.room(room).unwrap().archived).await;
    }

    fn user(&self, name: &str) -> uuid::Uuid {
        let known = [("anna", "anna.agent"), ("ben", "ben.engineer"), ("carla", "carla.customer")];
        let local = known.iter().find(|(short, _)| *short == name).map_or(name, |(_, local)| local);
        self.docspace.user(&format!("{local}@example.com")).unwrap()
    }

    fn group(&self, name: &str) -> uuid::Uuid {
        self.docspace.group(name).unwrap()
    }

    fn members(&self, room: i64) -> Vec<(String, i32)> {
        let members = self.docspace.room(room).unwrap().members;
        members.into_iter().map(|member| (member.name, member.access)).collect()
    }
}

/// Waits until it is so.
async fn eventually(mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !so() {
        assert!(Instant::now() < deadline, "it never came to be");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
