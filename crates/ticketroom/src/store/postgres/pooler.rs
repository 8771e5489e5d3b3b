//! Whether there is a pooler in between that lends a session of the server for each transaction
//! only, such as PgBouncer with `pool_mode = transaction`, or one of its relatives that hosted
//! databases bring along.
//!
//! Behind one, nothing may be left in a session: a setting would be somebody else's soon, and a
//! prepared statement is missing when it is wanted, or is another client's of the same name. So
//! this is found out before anything is set or prepared: two connections ask in turn which session
//! they have. Without such a pooler each has its own, and always the same. With one, what both of
//! them get is whatever is free, and is told apart by that sooner or later: most give out what was
//! used last, so both have the same; some go round, so one has another each time.

use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::connector::Connector;

/// Which of the two connections asks next: in no order that sessions could be given out in.
const TURNS: [usize; 14] = [0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1];

/// Asks.
pub(super) async fn is_in_between(connector: &Connector) -> Result<bool, Error> {
    let clients = [connect(connector).await?, connect(connector).await?];
    let mut sessions = [None, None];
    for turn in TURNS {
        let session = session(&clients[turn]).await?;
        if sessions[turn].get_or_insert_with(|| session.clone()) != &session || sessions[0] == sessions[1] {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn connect(connector: &Connector) -> Result<Client, Error> {
    let (client, connection) = connector.connect().await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn session(client: &Client) -> Result<String, Error> {
    let answer = client.simple_query("SELECT pg_backend_pid()").await?;
    let mut rows = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(rows.next().unwrap_or_default().to_owned())
}
