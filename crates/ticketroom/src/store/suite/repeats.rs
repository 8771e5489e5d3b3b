//! What stands in the tables of deliveries that nobody understands.

use super::test_clock::connect;
use super::*;
use crate::store::repeat::{BODY, FORGET_EVERY, NOT_UNDERSTOOD};

/// Asks for one number.
trait Tables {
    async fn run(&self, sql: &str);
    async fn number(&self, sql: &str) -> i64;
}

impl Tables for rusqlite::Connection {
    async fn run(&self, sql: &str) {
        self.execute_batch(sql).unwrap();
    }

    async fn number(&self, sql: &str) -> i64 {
        self.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

impl Tables for tokio_postgres::Client {
    async fn run(&self, sql: &str) {
        self.batch_execute(sql).await.unwrap();
    }

    async fn number(&self, sql: &str) -> i64 {
        self.query_one(sql, &[]).await.unwrap().get(0)
    }
}

/// Not more than is of use: the newest ones, and of each as much as shows what it is.
async fn what_is_not_understood_takes_little_room(store: &Timed, tables: &impl Tables) {
    let unread = |helpdesk: &str, body: Vec<u8>| Delivery {
        source: helpdesk.parse().unwrap(),
        body: body.into(),
        meaning: Meaning::NotUnderstood { why: "no".to_owned() },
        ..delivery("1", None, 0)
    };
    // Two that begin alike are two.
    for end in [b"1", b"2"] {
        let body = [vec![b'x'; BODY], end.to_vec()].concat();
        assert_eq!(store.accept(unread("other", body)).await.unwrap(), Accepted::New);
    }
    let cut = format!(
        "SELECT count(*) FROM delivery WHERE octet_length(body) = {BODY}
         AND problem = 'no (of its {} bytes, the first {BODY} are kept)'",
        BODY + 1
    );
    assert_eq!(tables.number(&cut).await, 2);
    // As many as there may be when the limit is lowered.
    store.accept(delivery("1", None, 0)).await.unwrap();
    let many = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1300)
        INSERT INTO delivery (source, received_at, delivery_id, event, outcome, headers, body)
        SELECT 'desk', n, 'unread ' || n, 'not understood', 'not_understood', '', example.body
        FROM n, (SELECT body FROM delivery LIMIT 1) AS example";
    tables.run(many).await;
    let kept = "SELECT count(*) FROM delivery WHERE source = 'desk' AND outcome = 'not_understood'";
    let all = "SELECT count(*) FROM delivery";
    let others = tables.number(all).await - tables.number(kept).await;
    for number in 0..5 * FORGET_EVERY {
        store.accept(unread("desk", format!("{number}").into_bytes())).await.unwrap();
    }
    let count = tables.number(kept).await;
    assert!((NOT_UNDERSTOOD..NOT_UNDERSTOOD + FORGET_EVERY).contains(&count), "{count}");
    let newest = format!("{kept} AND length(delivery_id) > 64");
    assert_eq!(tables.number(&newest).await, 5 * FORGET_EVERY, "the newest ones stay");
    assert_eq!(tables.number(all).await - count, others, "and so do all others");
}

#[tokio::test]
async fn a_file_keeps_little_of_what_is_not_understood() {
    let file = File::new();
    let tables = rusqlite::Connection::open(&file.path).unwrap();
    what_is_not_understood_takes_little_room(&file.store, &tables).await;
}

#[tokio::test]
async fn a_database_keeps_little_of_what_is_not_understood() {
    let store = Timed::postgres().await;
    let tables = connect(store.url()).await;
    what_is_not_understood_takes_little_room(&store, &tables).await;
}
