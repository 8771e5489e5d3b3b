//! Hints between replicas: `NOTIFY` when a delivery made a ticket due, so that a replica that only works hears of what
//! one that only takes deliveries took in.
//!
//! A hint is worth nothing but time: workers look by themselves every second. So it is not part of the delivery's
//! transaction (PostgreSQL lets only one transaction with a `NOTIFY` commit at a time, which would undo its group
//! commit), is sent at most every 20 ms however many deliveries there were, and may get lost with its connection.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Error};

use super::connect::Connector;

/// The channel.
const CHANNEL: &str = "ticketroom_due";
const SPACING: Duration = Duration::from_millis(20);
const RECONNECT: Duration = Duration::from_secs(2);

/// Sends and hears hints over a connection of its own, for as long as it lives.
#[derive(Debug)]
pub(super) struct Hints(JoinHandle<()>);

impl Hints {
    /// Begins: whatever is put into `outbox` is sent, and what others send is put into `due`.
    pub(super) fn start(connector: Connector, outbox: Arc<Notify>, due: Arc<Notify>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                if let Err(error) = exchange(&connector, &outbox, &due).await {
                    tracing::debug!(error = super::connect::explain(&error), "no hints just now");
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

/// Until the connection ends.
async fn exchange(connector: &Connector, outbox: &Notify, due: &Notify) -> Result<(), Error> {
    let (client, mut connection) = connector.config.connect(connector.tls.clone()).await?;
    let hear = async {
        let mut messages = futures_util::stream::poll_fn(|context| connection.poll_message(context));
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(_) = message? {
                due.notify_one();
            }
        }
        Ok(())
    };
    let send = async {
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
        // What was said while nobody listened.
        due.notify_one();
        loop {
            outbox.notified().await;
            client.batch_execute(&format!("NOTIFY {CHANNEL}")).await?;
            tokio::time::sleep(SPACING).await;
        }
    };
    tokio::select! {
        ended = hear => ended,
        ended = send => ended,
    }
}
