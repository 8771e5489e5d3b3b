//! Hints between replicas: `NOTIFY` when a delivery made a ticket due, so that a replica that only
//! works hears of what one that only takes deliveries took in.
//!
//! A hint is worth nothing but time: workers look by themselves every second. So it is not part of
//! the delivery's transaction (PostgreSQL lets only one transaction with a `NOTIFY` commit at a
//! time, which would undo its group commit), is sent at most every 20 ms however many deliveries
//! there were, and may get lost with its connection.
//!
//! A listener hears nothing from a server that hangs, or from which another one has taken over
//! behind a network that is cut, and can't tell that from a quiet day. So it says every now and
//! then that it listens, and goes where the store is when there is no answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::AsyncMessage;

use super::connect::{CONNECTION, STATEMENT, explain};
use super::connector::Connector;

/// The channel.
const CHANNEL: &str = "ticketroom_due";
const SPACING: Duration = Duration::from_millis(20);
const RECONNECT: Duration = Duration::from_secs(2);
/// How long nothing may be said.
const QUIET: Duration = Duration::from_secs(15);

/// Sends and hears hints over a connection of its own, for as long as it lives.
#[derive(Debug)]
pub(super) struct Hints(JoinHandle<()>);

impl Hints {
    /// Begins: whatever is put into `outbox` is sent, and what others send is put into `due`.
    pub(super) fn start(connector: Connector, outbox: Arc<Notify>, due: Arc<Notify>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                if let Err(error) = exchange(&connector, &outbox, &due).await {
                    tracing::debug!(%error, "no hints just now");
                }
                tokio::time::sleep(RECONNECT).await;
            }
        }))
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why hints are not exchanged for a moment.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error("no answer in time")]
    Silent,
    #[error("{}", explain(.0))]
    Failed(#[from] tokio_postgres::Error),
}

/// Until the connection ends, or is silent.
async fn exchange(connector: &Connector, outbox: &Notify, due: &Notify) -> Result<(), Interrupted> {
    let (client, mut connection) = answered(CONNECTION, connector.connect()).await?;
    let hear = async {
        let mut messages = futures_util::stream::poll_fn(|context| connection.poll_message(context));
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(_) = message? {
                due.notify_one();
            }
        }
        Ok(())
    };
    let (listen, notify) = (format!("LISTEN {CHANNEL}"), format!("NOTIFY {CHANNEL}"));
    let send = async {
        answered(STATEMENT, client.batch_execute(&listen)).await?;
        // What was said while nobody listened.
        due.notify_one();
        loop {
            let is_told = tokio::time::timeout(QUIET, outbox.notified()).await.is_ok();
            let statement = if is_told { &notify } else { &listen };
            answered(STATEMENT, client.batch_execute(statement)).await?;
            tokio::time::sleep(SPACING).await;
        }
    };
    tokio::select! {
        ended = hear => ended,
        ended = send => ended,
    }
}

async fn answered<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Interrupted> {
    Ok(tokio::time::timeout(limit, answer).await.map_err(|_| Interrupted::Silent)??)
}
