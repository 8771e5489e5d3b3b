//! How each database finds what it looks for: by an index, however many tickets there are. The
//! figures are the benchmarks' (docs/performance.md); here is what they rest on.
//!
//! Every statement of both has its line: the indexes by which it has to look, each with a condition
//! (`index`), or which it reads from one end (`> index`: in order, up to a limit, or all of it
//! where counting has to). No table that grows may be read otherwise. A statement without a line
//! fails the test.

use std::collections::BTreeSet;

use super::test_clock::{config, connect, database};
use super::*;
use crate::store::named::{Written, names, numbered};
use crate::store::postgres::{self, PostgresStore};
use crate::store::sqlite;

/// The tables that grow.
const TABLES: [&str; 6] = ["ticket", "delivery", "timeline", "effect", "room_event", "progress"];

/// Lists as people ask for them. One by a text is not among them: it looks for it in every ticket.
fn queries() -> Vec<(&'static str, TicketQuery)> {
    let all = TicketQuery { limit: 50, ..TicketQuery::default() };
    let desk = TicketQuery { helpdesk: Some("desk".parse().unwrap()), ..all.clone() };
    vec![
        ("list", all.clone()),
        ("list by id", TicketQuery { id: Some("47".parse().unwrap()), ..all.clone() }),
        ("list of a helpdesk", desk.clone()),
        ("list of blocked ones", TicketQuery { state: Some(State::Blocked), ..all.clone() }),
        ("list of a helpdesk's blocked ones", TicketQuery { state: Some(State::Blocked), ..desk }),
        ("list of what is worked on", TicketQuery { state: Some(State::Working), ..all }),
    ]
}

/// Looks at each statement. `plan` tells what it reads of the tables that grow, as the lines have
/// it.
fn look_at(
    statements: &[(String, String)],
    expected: &[(&str, &[&str])],
    mut plan: impl FnMut(&str) -> (BTreeSet<String>, String),
) {
    let mut wrong = Vec::new();
    for (name, sql) in statements {
        let (found, text) = plan(sql);
        match expected.iter().find(|(line, _)| line == name) {
            Some((_, indexes)) if found.iter().map(String::as_str).eq(indexes.iter().copied()) => {}
            Some((_, indexes)) => wrong.push(format!("{name} reads {found:?}, not {indexes:?}:\n{text}")),
            None => wrong.push(format!("{name} has no line; it reads {found:?}:\n{text}")),
        }
    }
    let unknown = expected.iter().filter(|(line, _)| statements.iter().all(|(name, _)| name != line));
    wrong.extend(unknown.map(|(line, _)| format!("there is no {line}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The statements of a store, which have the parameters that their texts name, and lists.
fn all(written: &[Written], list: impl Fn(&TicketQuery) -> String) -> Vec<(String, String)> {
    let mut statements = Vec::new();
    for Written { name, fields, text, mark } in written {
        let (expected, found): (BTreeSet<_>, _) = (fields.iter().copied().collect(), names(text));
        assert_eq!(found, expected, "{name} has other names in its text than it has parameters");
        assert_eq!(fields.len(), expected.len(), "{name} has a parameter twice");
        statements.push(((*name).to_owned(), numbered(text, *mark, fields)));
    }
    statements.extend(queries().into_iter().map(|(name, query)| (name.to_owned(), list(&query))));
    statements
}

const ON_SQLITE: [(&str, &[&str]); 58] = [
    ("Repeat", &["delivery_repeat"]),
    ("Number", &["sqlite_autoindex_ticket_2"]),
    ("InRoom", &["sqlite_autoindex_ticket_1"]),
    ("Keep", &[]),
    // Those of one helpdesk that were not understood, of which there are few.
    ("Forget", &["PRIMARY KEY", "delivery_repeat", "sorted"]),
    ("Make", &[]),
    ("Mark", &["PRIMARY KEY"]),
    ("Claim", &["PRIMARY KEY", "ticket_again", "ticket_backfill", "ticket_new"]),
    ("ClaimOf", &["PRIMARY KEY", "ticket_again_of", "ticket_backfill_of", "ticket_new_of"]),
    ("SetAside", &["PRIMARY KEY"]),
    ("Held", &["PRIMARY KEY"]),
    ("Save", &["PRIMARY KEY"]),
    ("SaveEffect", &[]),
    ("Settle", &["PRIMARY KEY"]),
    ("KeepEvent", &["room_event_folder"]),
    ("Unplaced", &["room_event_folder"]),
    ("Place", &["PRIMARY KEY", "room_event_folder"]),
    ("MarkUnreported", &["PRIMARY KEY"]),
    ("ForgetEvents", &["room_event_folder"]),
    ("AskAgain", &["room_event_folder"]),
    ("Told", &["room_event_ticket"]),
    ("UnreportedEvents", &["room_event_ticket"]),
    ("Note", &[]),
    ("Renew", &["PRIMARY KEY"]),
    ("LetGo", &["PRIMARY KEY"]),
    // At the start.
    ("LetAllGo", &["> ticket_claimed"]),
    ("Day", &[]),
    ("SetDay", &[]),
    ("Owner", &["sqlite_autoindex_ticket_1"]),
    ("Counts", &["> ticket_claimed", "> ticket_state_updated"]),
    ("OldestWaiting", &["ticket_state_updated"]),
    ("NextDue", &["ticket_again", "ticket_backfill", "ticket_new"]),
    ("Timeline", &["delivery_ticket", "sqlite_autoindex_ticket_2", "timeline_ticket"]),
    ("Reserve", &[]),
    ("Remembered", &[]),
    ("Remember", &[]),
    ("RequeueOne", &["sqlite_autoindex_ticket_2"]),
    ("RequeueBlocked", &["PRIMARY KEY", "ticket_state_updated"]),
    ("RequeueAll", &["PRIMARY KEY"]),
    ("Listed", &["sqlite_autoindex_ticket_2"]),
    ("TakeIn", &[]),
    ("MarkListed", &["PRIMARY KEY"]),
    ("Progress", &["PRIMARY KEY"]),
    ("Progresses", &["PRIMARY KEY"]),
    ("SaveProgress", &["PRIMARY KEY"]),
    ("LastBlocked", &["ticket_state_updated"]),
    ("Last", &["> ticket"]),
    ("Probe", &[]),
    ("Effects", &["PRIMARY KEY", "sqlite_autoindex_ticket_2"]),
    ("Standing", &["sqlite_autoindex_ticket_2"]),
    ("TicketById", &["sqlite_autoindex_ticket_2"]),
    ("TicketByName", &["ticket_called"]),
    ("list", &["> ticket_updated"]),
    ("list by id", &["PRIMARY KEY", "ticket_called", "ticket_id"]),
    ("list of a helpdesk", &["ticket_helpdesk_updated"]),
    ("list of blocked ones", &["ticket_state_updated"]),
    ("list of a helpdesk's blocked ones", &["ticket_state_updated"]),
    ("list of what is worked on", &["> ticket_claimed"]),
];

#[test]
fn sqlite_looks_by_indexes_and_sorts_nothing() {
    let file = File::new();
    let connection = rusqlite::Connection::open(&file.path).unwrap();
    let statements = all(sqlite::statements::ALL, |query| sqlite::list_sql(query).0);
    look_at(&statements, &ON_SQLITE, |sql| {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let (mut found, mut text) = (BTreeSet::new(), String::new());
        while let Some(row) = rows.next().unwrap() {
            let line: String = row.get(3).unwrap();
            text.push_str(&line);
            text.push('\n');
            let (how, rest) = line.split_once(' ').unwrap_or_default();
            let table = rest.split(' ').next().unwrap_or_default();
            if !TABLES.contains(&table) {
                if line.contains("TEMP B-TREE") && sql.contains("OFFSET") && !sql.contains(" IN (SELECT") {
                    found.insert("sorted".to_owned());
                }
                continue;
            }
            let index =
                rest.split_once("INDEX ").map(|(_, index)| index.split(' ').next().unwrap_or_default());
            let index = index.unwrap_or(if rest.contains("PRIMARY KEY") { "PRIMARY KEY" } else { table });
            found.insert(if how == "SEARCH" { index.to_owned() } else { format!("> {index}") });
        }
        (found, text)
    });
}

const ON_POSTGRES: [(&str, &[&str]); 47] = [
    ("Accept", &["delivery_repeat", "ticket_key"]),
    ("AcceptInRoom", &["delivery_repeat", "ticket_pkey", "ticket_room"]),
    ("AcceptInFolder", &["room_event_folder"]),
    // The first folder, and then the next ones by a condition.
    ("Unplaced", &["> room_event_folder", "room_event_folder"]),
    ("Place", &["room_event_folder", "ticket_pkey", "ticket_room"]),
    ("UnreportedEvents", &["room_event_ticket"]),
    ("Keep", &[]),
    ("KeepNotUnderstood", &["delivery_pkey", "delivery_repeat"]),
    ("Claim", &["ticket_again", "ticket_backfill", "ticket_new", "ticket_pkey"]),
    ("ClaimOf", &["ticket_again_of", "ticket_backfill_of", "ticket_new_of", "ticket_pkey"]),
    ("SetAside", &["ticket_pkey"]),
    ("WrittenBefore", &["ticket_pkey"]),
    ("Save", &["room_event_ticket", "ticket_pkey"]),
    ("Settle", &["room_event_ticket", "ticket_pkey"]),
    ("Heartbeat", &["ticket_pkey"]),
    ("Leave", &["ticket_pkey"]),
    ("Reserve", &[]),
    ("Remembered", &[]),
    ("Remember", &[]),
    ("LastBlocked", &["ticket_state_updated"]),
    ("Last", &["> ticket_pkey"]),
    ("RequeueOne", &["ticket_key", "ticket_pkey"]),
    ("RequeueBlocked", &["ticket_pkey", "ticket_state_updated"]),
    ("RequeueAll", &["ticket_pkey"]),
    ("NextDue", &["> ticket_again", "> ticket_backfill", "> ticket_new"]),
    ("TakeIn", &["progress_pkey", "ticket_key", "ticket_pkey"]),
    ("Progress", &["progress_pkey"]),
    ("Progresses", &["progress_pkey"]),
    ("SaveProgress", &["progress_pkey"]),
    ("Owner", &["ticket_room"]),
    ("Owners", &["ticket_room"]),
    ("Timeline", &["delivery_ticket", "ticket_key", "timeline_ticket"]),
    ("Counts", &["> ticket_claimed", "> ticket_state_updated"]),
    ("OldestWaiting", &["ticket_state_updated"]),
    ("Day", &[]),
    ("SetDay", &[]),
    ("Probe", &[]),
    ("Effects", &["effect_pkey", "ticket_key"]),
    ("Standing", &["ticket_key"]),
    ("TicketById", &["ticket_key"]),
    ("TicketByName", &["ticket_called"]),
    ("list", &["> ticket_updated"]),
    ("list by id", &["ticket_called", "ticket_id", "ticket_pkey"]),
    ("list of a helpdesk", &["ticket_helpdesk_updated"]),
    ("list of blocked ones", &["ticket_state_updated"]),
    ("list of a helpdesk's blocked ones", &["ticket_helpdesk_updated"]),
    ("list of what is worked on", &["> ticket_claimed"]),
];

#[tokio::test]
async fn postgres_looks_by_indexes() {
    let database = database();
    let _store = PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    // So many that reading all of them is not the shortest way, of many helpdesks that count from
    // 1; one of them has names. As when statements are prepared, nothing is claimed.
    let fill =
        "INSERT INTO ticket (helpdesk, id, called, state, due_at, attempts, room_id, created_at, updated_at)
            SELECT 'desk-' || n % 40, n / 40, CASE n % 40 WHEN 0 THEN 'SUP-' || n END,
                CASE n % 50 WHEN 0 THEN 'blocked' ELSE 'ready' END,
                CASE n % 100 WHEN 0 THEN n END, n % 200 / 100, n, n, n
            FROM generate_series(1, 20000) AS n;
        UPDATE ticket SET backfill = true WHERE due_at IS NOT NULL AND number % 3 = 0;
        INSERT INTO progress SELECT 'sweep.' || n, n, '{}' FROM generate_series(1, 20000) AS n;
        INSERT INTO delivery (source, ticket, received_at, delivery_id, event, outcome, headers, body)
            SELECT 'desk', n, n, n, 'created', 'accepted', '', '' FROM generate_series(1, 20000) AS n;
        INSERT INTO timeline (ticket, at, kind, text) SELECT n, n, '', '' FROM generate_series(1, 20000) AS n;
        INSERT INTO effect (ticket, kind, target, entry, updated_at)
            SELECT n / 10 + 1, 'attachment', n, '{}', n FROM generate_series(1, 20000) AS n;
        INSERT INTO room_event (folder, ticket, placed, due_at, kind, entry, title, done_by, done_at, received_at)
            SELECT n / 20 + 1, CASE WHEN n > 10000 THEN n / 10 + 1 END, CASE WHEN n > 10000 THEN n END,
                n, 'file_added', n, '', '', n, n FROM generate_series(1, 20000) AS n";
    database.run(fill).unwrap();
    database.run("VACUUM ANALYZE").unwrap();
    let statements = all(postgres::statements::ALL, |query| postgres::rows::list_sql(query).0);
    let client = connect(database.url()).await;
    client.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    let mut plans = std::collections::HashMap::new();
    for (_, sql) in &statements {
        plans.insert(sql.clone(), explain(&client, sql).await);
    }
    look_at(&statements, &ON_POSTGRES, |sql| {
        let text = &plans[sql];
        let plan: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut found = BTreeSet::new();
        gather(&plan[0]["Plan"], &mut found);
        (found, text.clone())
    });
}

async fn explain(client: &tokio_postgres::Client, sql: &str) -> String {
    let parameters = (1..=30).rev().find(|place| sql.contains(&format!("${place}"))).unwrap_or(0);
    client.batch_execute(&format!("PREPARE looked_at AS {sql}")).await.unwrap();
    let nulls = vec!["NULL"; parameters].join(", ");
    let call = if parameters == 0 { String::new() } else { format!("({nulls})") };
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE looked_at{call}");
    let answer = client.simple_query(&explain).await.unwrap();
    client.batch_execute("DEALLOCATE looked_at").await.unwrap();
    let rows = answer.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// What a node and those below it read of the tables that grow.
fn gather(node: &serde_json::Value, found: &mut BTreeSet<String>) {
    let text = |name: &str| node[name].as_str().unwrap_or_default();
    let is_scan = text("Node Type").ends_with("Scan") && text("Node Type") != "Bitmap Heap Scan";
    let (table, index) = (text("Relation Name"), text("Index Name"));
    let of_ours = TABLES.iter().any(|ours| *ours == table || index.starts_with(&format!("{ours}_")));
    if is_scan && of_ours {
        let condition = text("Index Cond");
        // That there is something to find narrows nothing.
        let is_narrowed = !condition.is_empty()
            && condition.matches("IS NOT NULL").count() != condition.matches(" AND ").count() + 1;
        let what = if index.is_empty() { table } else { index };
        found.insert(if is_narrowed { what.to_owned() } else { format!("> {what}") });
    }
    for below in node["Plans"].as_array().into_iter().flatten() {
        gather(below, found);
    }
}
