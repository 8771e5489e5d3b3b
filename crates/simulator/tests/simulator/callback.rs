//! The receiver of callbacks, over real HTTP.

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::StatusCode;
use serde_json::{Value, json};
use simulator::callback::CallbackReceiver;
use simulator::fault::{Fault, FaultKind};

#[tokio::test]
async fn a_callback_is_kept_as_it_came() {
    let receiver = CallbackReceiver::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let http = crate::client();
    let post = |body: &'static str| {
        let request = http.post(receiver.url().join("rooms").unwrap()).header("X-Key", "k").body(body);
        async { request.send().await.unwrap().status() }
    };
    receiver.faults().add(Fault::once("callback", FaultKind::StatusAfter(500)));
    assert_eq!(post("{\"ticketId\": \"1\"}").await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(post("no JSON").await, StatusCode::NO_CONTENT);
    let received = receiver.received();
    assert_eq!(
        (&received[0].body, &received[0].headers["x-key"]),
        (&json!({ "ticketId": "1" }), &"k".to_owned())
    );
    assert_eq!((&received[1].body, &received[1].raw[..]), (&Value::Null, &b"no JSON"[..]));
    assert_eq!(receiver.counters().of("callback"), 2);
    receiver.stop().await;
}
