//! How each database finds what it looks for: by an index, however many tickets there are. The figures are the
//! benchmarks' (docs/performance.md); here is what they rest on.

use super::test_clock::{config, connect, database};
use super::*;
use crate::store::postgres::{self, PostgresStore};
use crate::store::sqlite;

/// Lists as people ask for them.
fn queries() -> Vec<(&'static str, TicketQuery)> {
    let all = TicketQuery { limit: 50, ..TicketQuery::default() };
    vec![
        ("all", all.clone()),
        ("by id", TicketQuery { id: Some("47".parse().unwrap()), ..all.clone() }),
        ("of a helpdesk", TicketQuery { helpdesk: Some("desk".parse().unwrap()), ..all.clone() }),
        ("blocked", TicketQuery { state: Some(State::Blocked), ..all.clone() }),
        ("worked on", TicketQuery { state: Some(State::Working), ..all }),
    ]
}

#[test]
fn sqlite_looks_by_indexes_and_sorts_nothing() {
    let file = File::new();
    let connection = rusqlite::Connection::open(&file.path).unwrap();
    let plan = |sql: &str| -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let mut plan = String::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push_str(&row.get::<_, String>(3).unwrap());
            plan.push('\n');
        }
        plan
    };
    for (name, query) in queries() {
        let plan = plan(&sqlite::list_sql(&query).0);
        assert!(plan.contains("INDEX") && !plan.contains("SCAN ticket\n"), "{name}: {plan}");
        assert!(name == "by id" || !plan.contains("TEMP B-TREE"), "{name} is sorted: {plan}");
    }
    for (name, sql) in sqlite::STATEMENTS {
        let plan = plan(sql);
        for line in plan.lines().filter(|line| line.contains(" ticket")) {
            let is_bound = line.starts_with("SEARCH ticket USING");
            // Counting goes through indexes that have all it needs, or few entries.
            let is_counted = line.contains("COVERING INDEX") || line.contains("ticket_claimed");
            assert!(is_bound || (name == "counts" && is_counted), "{name}: {plan}");
        }
    }
}

#[tokio::test]
async fn postgres_looks_by_indexes() {
    let database = database();
    let _store = PostgresStore::open(&config(database.url()), Use::Serve).await.unwrap();
    let client = connect(database.url()).await;
    // So many that reading all of them is not the shortest way.
    let sql = "INSERT INTO ticket (helpdesk, id, state, due_at, attempts, room_id, created_at, updated_at)
            SELECT 'desk', n, CASE n % 500 WHEN 0 THEN 'blocked' ELSE 'ready' END,
                CASE n % 100 WHEN 0 THEN n END, n % 200 / 100, n, n, n FROM generate_series(1, 20000) AS n;
        INSERT INTO delivery (helpdesk, ticket, received_at, delivery_id, event, outcome, headers, body)
            SELECT 'desk', n, n, n, 'created', 'accepted', '', '' FROM generate_series(1, 20000) AS n;
        INSERT INTO timeline (ticket, at, kind, text) SELECT n, n, '', '' FROM generate_series(1, 20000) AS n;
        ANALYZE";
    client.batch_execute(sql).await.unwrap();
    client.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    let mut statements: Vec<(String, String)> =
        postgres::STATEMENTS.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect();
    for (name, by_name) in [("ticket", false), ("ticket by name", true)] {
        statements.push((name.to_owned(), postgres::rows::ticket_sql(by_name)));
    }
    for (name, query) in queries() {
        statements.push((name.to_owned(), postgres::rows::list_sql(&query).0));
    }
    for (name, sql) in statements {
        let parameters = (1..=30).rev().find(|place| sql.contains(&format!("${place}"))).unwrap_or(0);
        client.batch_execute(&format!("PREPARE looked_at AS {sql}")).await.unwrap();
        let nulls = vec!["NULL"; parameters].join(", ");
        let call = if parameters == 0 { String::new() } else { format!("({nulls})") };
        let rows = client.query(&format!("EXPLAIN EXECUTE looked_at{call}"), &[]).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        client.batch_execute("DEALLOCATE looked_at").await.unwrap();
        let scans: Vec<_> = plan
            .iter()
            .filter(|line| {
                ["ticket", "delivery", "timeline"]
                    .iter()
                    .any(|table| line.contains(&format!("Seq Scan on {table}")))
            })
            .collect();
        let plan = plan.join("\n");
        assert!(scans.is_empty(), "{name} reads a whole table:\n{plan}");
        let by_id = name != "by id" || (plan.contains("ticket_id") && plan.contains("ticket_called"));
        let by_name = name != "ticket by name" || plan.contains("ticket_called");
        assert!(by_id && by_name, "{name} reads tickets until it finds it:\n{plan}");
    }
}
