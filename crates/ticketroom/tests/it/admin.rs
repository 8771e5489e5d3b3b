//! The admin endpoints: guesses are slowed down, and the token of a service that has none
//! configured.

use futures_util::future::join_all;
use simulator::configuration::Secrets;
use testbed::{ADMIN_TOKEN, Process, Systems, free_port, wait_until};

use crate::process::{process_over, run};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_counted_and_slowed_and_the_right_token_is_not() {
    let world = World::new().await;
    let ask = async |token: &str| {
        let request = world.client.get(world.url("/api/v1/tickets")).bearer_auth(token);
        request.send().await.unwrap()
    };
    let guessing = join_all((0..64).map(|guess| ask(if guess % 2 == 0 { "wrong" } else { "guess" })));
    let right = async {
        // While guesses wait for their answers, whoever has the token is answered.
        wait_until("guesses are counted", async || {
            world.metrics().await.contains("ticketroom_admin_refused_total{why=\"wrong_token\"} 64")
        })
        .await;
        ask(ADMIN_TOKEN).await.status()
    };
    let (guesses, right) = tokio::join!(guessing, right);
    assert_eq!(right, 200);
    let mut delayed = 0;
    for answer in guesses {
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        match answer.status().as_u16() {
            401 => delayed += 1,
            429 => assert_eq!(answer.headers()["retry-after"], "1"),
            other => panic!("{other}"),
        }
    }
    assert!((16..64).contains(&delayed), "16 at a time, not {delayed} of 64");
}

/// Takes the token out of a configuration.
fn without_token(process: &Process) {
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("token = ")).collect();
    assert!(lines.len() < text.lines().count());
    std::fs::write(file, lines.join("\n")).unwrap();
}

/// The token that a log shows.
fn shown(log: &str) -> Vec<String> {
    let tokens = log.split("Authorization: Bearer ").skip(1);
    tokens.map(|rest| rest.chars().take_while(char::is_ascii_hexdigit).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_configured_is_the_same_after_each_start_and_in_no_json_log() {
    let systems = Systems::start().await;
    let mut process = process_over(&systems);
    without_token(&process);
    for starts in 1..=2 {
        process.serve(&[]);
        assert!(process.is_ready().await);
        wait_until("the token is shown", async || shown(&process.log()).len() == starts).await;
        let token = shown(&process.log()).pop().unwrap();
        let request = process.client.get(format!("{}/api/v1/tickets", process.url)).bearer_auth(token);
        assert_eq!(request.send().await.unwrap().status(), 200);
        process.kill().await;
    }
    let tokens = shown(&process.log());
    assert_eq!(tokens.len(), 2, "{}", process.log());
    assert!(tokens[0] == tokens[1] && tokens[0].len() == 64, "{tokens:?}");

    let before = process.log().len();
    process.serve(&[("TICKETROOM_LOG_FORMAT", "json".to_owned())]);
    assert!(process.is_ready().await);
    wait_until("it says that it shows none", async || process.log().contains("derived from DocSpace")).await;
    let log = process.log()[before..].to_owned();
    assert!(!log.contains(&tokens[0]), "{log}");
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_this_machine_a_token_is_needed_that_cannot_be_guessed() {
    let systems = Systems::start().await;
    let process = process_over(&systems);
    let file = process.folder().join("ticketroom.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut secrets = Secrets::in_variables();
    let admin = format!("token = {}\n", secrets.write("ADMIN", ADMIN_TOKEN));
    let everywhere = format!("listen = \"0.0.0.0:{}\"", free_port().unwrap());
    let (_, rest) = text.split_once("listen = \"").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    let text = format!("[server]\n{everywhere}\n{rest}");
    assert!(text.contains(&admin), "{text}");
    for (token, complaint) in [
        ("", "there is no admin token"),
        ("token = \"fifteen-letters\"\n", "the admin token has fewer than 16 characters"),
    ] {
        std::fs::write(&file, text.replace(&admin, token)).unwrap();
        let (status, _, err) = run(&mut process.command(&["serve"])).await;
        assert_eq!(status, 2, "{err}");
        assert!(err.contains(complaint), "{err}");
    }
}
