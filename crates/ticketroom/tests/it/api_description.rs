//! The description of the API against what the API answers: each answer has a status and a media
//! type that are described, and its body is as described, with no field more.

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testbed::ADMIN_TOKEN;

use crate::world::World;

struct Description(Value);

impl Description {
    /// Sends a request to an endpoint, and checks its answer against what is said of that endpoint.
    async fn check(&self, path: &str, method: &str, request: RequestBuilder, status: u16) -> Value {
        let answer = request.send().await.unwrap();
        let what = format!("{method} {path}: {status}");
        assert_eq!(answer.status(), status, "{what}");
        let described = &self.0["paths"][path][method]["responses"][status.to_string()];
        assert!(described.is_object(), "{what} is not described");
        for header in described["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
            assert!(answer.headers().contains_key(header), "{what} has no {header}");
        }
        let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let schema = &described["content"][&media_type]["schema"];
        assert!(schema.is_object(), "{what}: {media_type} is not described");
        let body = answer.text().await.unwrap();
        let body =
            if media_type.contains("json") { serde_json::from_str(&body).unwrap() } else { json!(body) };
        if let Err(why) = self.fits(&body, schema) {
            panic!("{what}: {why} in {body:#}");
        }
        body
    }

    /// Whether a value is as its schema says; of JSON Schema, what our description uses.
    fn fits(&self, value: &Value, schema: &Value) -> Result<(), String> {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix("#/components/schemas/").unwrap();
            return self.fits(value, &self.0["components"]["schemas"][name]);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fitting = choices.iter().filter(|schema| self.fits(value, schema).is_ok()).count();
            return if fitting == 1 { Ok(()) } else { Err(format!("{value} fits {fitting} of {schema}")) };
        }
        let types = match &schema["type"] {
            Value::Array(types) => types.clone(),
            Value::Null => return Ok(()),
            one => vec![one.clone()],
        };
        let is = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !types.contains(&json!(is)) {
            return Err(format!("{value} is no {types:?}"));
        }
        if schema["enum"].as_array().is_some_and(|known| !known.contains(value)) {
            return Err(format!("{value} is none of {}", schema["enum"]));
        }
        for item in value.as_array().into_iter().flatten() {
            self.fits(item, &schema["items"])?;
        }
        for (name, field) in value.as_object().into_iter().flatten() {
            let known = schema["properties"].get(name).ok_or_else(|| format!("`{name}` is not described"))?;
            self.fits(field, known)?;
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if value.get(name.as_str().unwrap()).is_none() {
                return Err(format!("{name} is missing"));
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_as_its_description_says() {
    let world = World::new().await;
    let description = Description(world.api("/api/v1/openapi.json").await);
    let check = async |path: &str, method: &str, request, status| {
        description.check(path, method, request, status).await
    };
    let bare = |method: Method, path: &str| world.client.request(method, world.url(path));
    let get = |path: &str| bare(Method::GET, path).bearer_auth(ADMIN_TOKEN);
    let post = |path: &str| bare(Method::POST, path).bearer_auth(ADMIN_TOKEN);

    // Deliveries.
    let (hook, created) = ("/webhooks/{helpdesk}", "/helpdesk/ticket-created");
    let ticket = json!({ "ticketId": 7, "ticketKey": "K-7", "subject": "Printer" });
    check(created, "post", post(created).json(&ticket), 200).await;
    check(created, "post", post(created).json(&json!({ "subject": "none" })), 400).await;
    check(hook, "post", post("/webhooks/intranet").json(&ticket), 200).await;
    check(hook, "post", post("/webhooks/zendesk").json(&ticket), 401).await;
    check(hook, "post", post("/webhooks/nobody").json(&ticket), 404).await;
    check(hook, "post", post("/webhooks/%ff").json(&ticket), 404).await;
    check(hook, "post", post("/webhooks/intranet").body(vec![b' '; 2 << 20]), 413).await;
    let packed = post("/webhooks/intranet").header("content-encoding", "unheard-of").json(&ticket);
    check(hook, "post", packed, 415).await;

    // Tickets: one that is ready, and none.
    world.wait_for_state("intranet/7", &["ready"]).await;
    let (list, one) = ("/api/v1/tickets", "/api/v1/tickets/{helpdesk}/{id}");
    let asked = ["retry", "archive", "reopen"].map(|what| (what, format!("{one}/{what}")));
    let found = check(list, "get", get("/api/v1/tickets?helpdesk=intranet&limit=600"), 200).await;
    assert_eq!(found["tickets"].as_array().unwrap().len(), 1, "more than the largest page may be asked for");
    check(list, "get", get("/api/v1/tickets?limit=many"), 400).await;
    let shown = check(one, "get", get("/api/v1/tickets/intranet/7"), 200).await;
    let described = &description.0["components"]["schemas"]["Ticket"]["properties"];
    for name in described.as_object().unwrap().keys() {
        assert!(shown.get(name).is_some(), "{name} is described, but not in {shown:#}");
    }
    check(one, "get", get("/api/v1/tickets/intranet/8"), 404).await;
    check(one, "get", get("/api/v1/tickets/intranet/%ff"), 404).await;
    for (what, path) in &asked {
        check(path, "post", post(&format!("/api/v1/tickets/intranet/7/{what}")), 202).await;
        check(path, "post", post(&format!("/api/v1/tickets/intranet/8/{what}")), 404).await;
    }

    // How the service is.
    check("/healthz", "get", bare(Method::GET, "/healthz"), 200).await;
    check("/readyz", "get", bare(Method::GET, "/readyz"), 200).await;
    check("/metrics", "get", get("/metrics"), 200).await;
    let open_metrics = get("/metrics").header("accept", "application/openmetrics-text");
    check("/metrics", "get", open_metrics, 200).await;

    // The configuration, right and wrong.
    let reload = "/api/v1/reload";
    check(reload, "post", post(reload), 200).await;
    world.edit(&[("[server]", "[server]\nlisten_to = 1")]);
    check(reload, "post", post(reload), 422).await;

    // Without the token, with a wrong one, and with too many of them.
    let asked = asked.iter().map(|(_, path)| (path.as_str(), "post"));
    let others = [(list, "get"), (one, "get"), (reload, "post"), ("/metrics", "get")];
    for (path, method) in asked.chain(others) {
        let request = bare(method.to_uppercase().parse().unwrap(), &path.replace(['{', '}'], ""));
        check(path, method, request, 401).await;
    }
    let guesses = join_all((0..32).map(|_| bare(Method::GET, list).bearer_auth("guess").send())).await;
    let refused = guesses.into_iter().map(Result::unwrap).find(|answer| answer.status() == 429).unwrap();
    assert!(refused.headers().contains_key("retry-after"));
    assert!(description.0["paths"][list]["get"]["responses"]["429"].is_object());
    let problem = description.0["components"]["schemas"]["Problem"].clone();
    description.fits(&refused.json().await.unwrap(), &problem).unwrap();
}
