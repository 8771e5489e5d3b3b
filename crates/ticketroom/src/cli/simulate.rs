//! `ticketroom simulate`: the built-in DocSpace, Zendesk, Freshdesk, Jira and callback receiver,
//! each on a port of its own, to try a configuration against.

use std::net::SocketAddr;

use clap::Args;
use simulator::callback::CallbackReceiver;
use simulator::configuration::Secrets;
use simulator::{docspace, freshdesk, jira, zendesk};

use super::{Ended, Result, say};

/// What the configuration that is printed has webhooks signed with.
const WEBHOOK_SECRET: &str = "demo-webhook-secret";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where DocSpace listens; Zendesk, the callback receiver, Freshdesk and Jira take the ports
    /// above it.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// Switches the rate limits of all of them on.
    #[arg(long)]
    limits: bool,
    /// Lets everybody who can reach these ports inject faults: lost answers, error statuses,
    /// latency, an unreachable DocSpace.
    #[arg(long)]
    fault_injection: bool,
}

pub(super) async fn run(options: Options) -> Result {
    let above = |ports: u16| match options.listen.port() {
        0 => Ok(options.listen),
        port => port
            .checked_add(ports)
            .map(|port| SocketAddr::new(options.listen.ip(), port))
            .ok_or_else(|| Ended::Misconfigured("--listen needs four free ports above it".to_owned())),
    };
    let (zendesk_at, callback_at, freshdesk_at, jira_at) = (above(1)?, above(2)?, above(3)?, above(4)?);
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
    let freshdesk = freshdesk::Freshdesk::start(freshdesk::Setup {
        listen: freshdesk_at,
        limits: options.limits.then(freshdesk::Limits::default),
        ..freshdesk::Setup::default()
    });
    let freshdesk = freshdesk.await.map_err(busy)?;
    let jira = jira::Jira::start(jira::Setup {
        listen: jira_at,
        limits: options.limits.then(jira::Limits::default),
        ..jira::Setup::default()
    });
    let jira = jira.await.map_err(busy)?;
    let callback = CallbackReceiver::start(callback_at).await.map_err(busy)?;
    if options.fault_injection {
        docspace.enable_fault_injection();
        zendesk.enable_fault_injection();
        freshdesk.enable_fault_injection();
        jira.enable_fault_injection();
        callback.enable_fault_injection();
    }

    let (docspace_url, zendesk_url, callback_url) = (docspace.url(), zendesk.url(), callback.url());
    let (freshdesk_url, jira_url) = (freshdesk.url(), jira.url());
    say(format!(
        "DocSpace   {docspace_url}\nZendesk    {zendesk_url}\nFreshdesk  {freshdesk_url}\n\
         Jira       {jira_url}\ncallback   {callback_url}\n\n\
         A configuration for them (ticketroom.toml):\n"
    ))?;
    let mut secrets = Secrets::written_out();
    let sections = [
        docspace.section(&mut secrets),
        zendesk.section(&[WEBHOOK_SECRET], &mut secrets),
        freshdesk.section(&[WEBHOOK_SECRET], &mut secrets),
        jira.section(&[WEBHOOK_SECRET], &mut secrets),
        callback.section("generic"),
    ];
    say(format!("{}\n{TEMPLATE}", sections.join("\n")))?;
    let faults = if options.fault_injection {
        format!(
            "\x20 # the answer to the next new room gets lost\n\
             \x20 curl {docspace_url}_simulator/faults -H 'content-type: application/json' \\\n\
             \x20   -d '{{\"call\":{{\"named\":\"create_room\"}},\"kind\":\"answer_lost\"}}'"
        )
    } else {
        "\x20 # with --fault-injection, also lost answers, error statuses and latency".to_owned()
    };
    say(format!(
        "Then, in other terminals:\n\
         \x20 ticketroom check && ticketroom serve\n\
         \x20 # what happens in the helpdesks goes to ticketroom\n\
         \x20 curl -X PUT {zendesk_url}_simulator/webhook -H 'content-type: application/json' \\\n\
         \x20   -d '{{\"endpoint\":\"http://127.0.0.1:3000/webhooks/zendesk\",\"secret\":\"{WEBHOOK_SECRET}\",\"mode\":\"events\"}}'\n\
         \x20 curl -X PUT {freshdesk_url}_simulator/webhook -H 'content-type: application/json' \\\n\
         \x20   -d '{{\"endpoint\":\"http://127.0.0.1:3000/webhooks/freshdesk\",\"header_secret\":\"{WEBHOOK_SECRET}\",\"content\":\"advanced\"}}'\n\
         \x20 curl -X PUT {jira_url}_simulator/webhook -H 'content-type: application/json' \\\n\
         \x20   -d '{{\"endpoint\":\"http://127.0.0.1:3000/webhooks/jira\",\"secret\":\"{WEBHOOK_SECRET}\",\"mode\":\"admin\"}}'\n\
         \x20 # a ticket\n\
         \x20 curl {zendesk_url}_simulator/tickets -H 'content-type: application/json' -d '{{\"subject\":\"VPN is down\"}}'\n\
         \x20 curl {freshdesk_url}_simulator/tickets -H 'content-type: application/json' -d '{{\"subject\":\"VPN is down\"}}'\n\
         \x20 curl {jira_url}_simulator/tickets -H 'content-type: application/json' -d '{{\"subject\":\"VPN is down\"}}'\n\
         \x20 curl {docspace_url}_simulator/state      # what exists now\n\
         {faults}\n\
         Ctrl-C ends it; nothing is kept."
    ))?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// What is below the sections of the systems.
const TEMPLATE: &str = r#"[template.default]
title = "Ticket #{{ ticket.key }} – {{ ticket.subject }}"
folders = ["Logs", "Attachments", "Findings"]
access = [{ group = "Support", role = "editor" }, { assignee = true, role = "content-creator" }]
"#;
