//! `ticketroom simulate`: the built-in DocSpace, Zendesk and callback receiver, each on a port of its own, to try a
//! configuration against.

use std::net::SocketAddr;

use clap::Args;
use simulator::callback::CallbackReceiver;
use simulator::configuration::Secrets;
use simulator::{docspace, zendesk};

use super::{Ended, Result, say};

/// What the configuration that is printed has webhooks signed with.
const WEBHOOK_SECRET: &str = "demo-webhook-secret";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where DocSpace listens; Zendesk and the callback receiver take the two ports above it.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// Switches DocSpace's and Zendesk's rate limits on.
    #[arg(long)]
    limits: bool,
}

pub(super) async fn run(options: Options) -> Result {
    let above = |ports: u16| match options.listen.port() {
        0 => Ok(options.listen),
        port => port
            .checked_add(ports)
            .map(|port| SocketAddr::new(options.listen.ip(), port))
            .ok_or_else(|| Ended::Misconfigured("--listen needs two free ports above it".to_owned())),
    };
    let (zendesk_at, callback_at) = (above(1)?, above(2)?);
    let busy =
        |error: std::io::Error| Ended::Failed(format!("can't listen there: {error}; try another --listen"));
    let docspace = docspace::DocSpace::start(docspace::Setup {
        listen: options.listen,
        limits: options.limits.then(docspace::Limits::default),
        ..docspace::Setup::default()
    });
    let docspace = docspace.await.map_err(busy)?;
    let zendesk = zendesk::Zendesk::start(zendesk::Setup {
        listen: zendesk_at,
        limits: options.limits.then(zendesk::Limits::default),
        ..zendesk::Setup::default()
    });
    let zendesk = zendesk.await.map_err(busy)?;
    let callback = CallbackReceiver::start(callback_at).await.map_err(busy)?;

    let (docspace_url, zendesk_url, callback_url) = (docspace.url(), zendesk.url(), callback.url());
    say(format!(
        "DocSpace   {docspace_url}\nZendesk    {zendesk_url}\ncallback   {callback_url}\n\n\
         A configuration for them (ticketroom.toml):\n"
    ))?;
    say(configuration(&docspace, &zendesk, &callback))?;
    say(format!(
        "Then, in other terminals:\n\
         \x20 ticketroom check && ticketroom serve\n\
         \x20 curl -X PUT {zendesk_url}_simulator/webhook -H 'content-type: application/json' \\\n\
         \x20   -d '{{\"endpoint\":\"http://127.0.0.1:3000/webhooks/zendesk\",\"secret\":\"{WEBHOOK_SECRET}\",\"mode\":\"events\"}}'\n\
         \x20 curl {zendesk_url}_simulator/tickets -H 'content-type: application/json' -d '{{\"subject\":\"VPN is down\"}}'\n\
         \x20 curl {docspace_url}_simulator/state      # what exists now\n\
         \x20 curl {docspace_url}_simulator/faults -H 'content-type: application/json' \\\n\
         \x20   -d '{{\"call\":{{\"named\":\"create_room\"}},\"kind\":\"answer_lost\"}}'\n\
         Ctrl-C ends it; nothing is kept."
    ))?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn configuration(
    docspace: &docspace::DocSpace,
    zendesk: &zendesk::Zendesk,
    callback: &CallbackReceiver,
) -> String {
    let mut secrets = Secrets::written_out();
    format!(
        r#"{docspace}
{zendesk}
{callback}
[template.default]
title = "Ticket #{{{{ ticket.key }}}} – {{{{ ticket.subject }}}}"
folders = ["Logs", "Attachments", "Findings"]
access = [{{ group = "Support", role = "editor" }}, {{ assignee = true, role = "content-creator" }}]
"#,
        docspace = docspace.section(&mut secrets),
        zendesk = zendesk.section(&[WEBHOOK_SECRET], &mut secrets),
        callback = callback.section("generic"),
    )
}
