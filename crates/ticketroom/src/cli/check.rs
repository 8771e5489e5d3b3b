//! `ticketroom check`: one line a finding, and what to do about it. Changes nothing.

use std::sync::Arc;

use clap::Args;

use super::check_address::{protocol, public_url};
use super::check_running::running;
use super::{Ended, Result, say, say_json};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, HelpdeskConfig, HelpdeskKind};
use crate::docspace::DocSpace;
use crate::docspace::limits::{Governor, NoBudget};
use crate::finding::{Finding, Level};
use crate::helpdesk::setup::{Form, Wanted, endpoint};
use crate::helpdesk::{Helpdesk, Paces};
use crate::http::Http;
use crate::metrics::Metrics;
use crate::reason::codes;
use crate::{docspace, helpdesk, store};

codes! {
    CONFIGURATION_ODD = "check.config.odd", Never,
        "The configuration works, and something in it should be looked at. “ticketroom serve” says the same at its start.",
        "correct the line that the message names, unless it is meant";
}

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Prints findings as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: Config, options: Options) -> Result {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let http = Http::new(Metrics::new()).map_err(|error| Ended::Failed(error.to_string()))?;
    let governor = Arc::new(Governor::new(config.docspace.limits, Arc::new(NoBudget)));
    let portal = DocSpace::configured(&config.docspace, http.clone(), governor);
    let helpdesks = helpdesk::build(&config.helpdesks, &http, &clock, &Paces::default());
    let each = helpdesks.iter().zip(&config.helpdesks);
    let helpdesk_checks = futures_util::future::join_all(each.map(|(helpdesk, configured)| {
        let (clock, config) = (Arc::clone(&clock), &config);
        async move {
            let mut findings = helpdesk.check(clock.as_ref()).await;
            // Whoever can't be reached, or refuses us, was found already.
            if findings.iter().all(|finding| finding.level() != Level::Bad) {
                findings.extend(webhook(config, configured, helpdesk.as_ref()).await);
            }
            (helpdesk.name().to_string(), findings)
        }
    }));
    let (running, public, store, mut docspace, mut helpdesks) = futures_util::join!(
        running(&config, &http),
        public_url(&config, &http),
        store::check::store(&config.store, &clock),
        docspace::check::docspace(&portal, &config.rules, clock.as_ref()),
        helpdesk_checks
    );
    // It is the cause of the failures that were found, so it replaces them.
    if let Some(finding) = protocol(&http, &config.docspace.url, &docspace).await {
        docspace = vec![finding];
    }
    let is_well = docspace.iter().all(|finding| finding.level() != Level::Bad);
    let webhook = if is_well && !config.docspace.webhook_secrets.is_empty() {
        docspace::registration::check(&portal, config.server.public_url.as_ref()).await
    } else {
        Vec::new()
    };
    for (helpdesk, (_, findings)) in config.helpdesks.iter().zip(&mut helpdesks) {
        if let Some(url) = helpdesk.kind.url()
            && let Some(finding) = protocol(&http, url, findings).await
        {
            *findings = vec![finding];
        }
    }
    let warnings = config.warnings.iter().map(|warning| Finding::Warning(CONFIGURATION_ODD.reason(warning)));
    let mut sections = vec![("configuration".to_owned(), warnings.collect::<Vec<_>>())];
    sections.push(("the running service".to_owned(), running));
    sections.push(("public_url".to_owned(), public));
    sections.push(("store".to_owned(), store));
    sections.push(("DocSpace".to_owned(), docspace));
    sections.push(("DocSpace's webhook".to_owned(), webhook));
    sections.extend(helpdesks.into_iter().map(|(name, findings)| (format!("helpdesk {name}"), findings)));
    let all = || sections.iter().flat_map(|(_, findings)| findings);
    let (bad, warnings) = (
        all().filter(|finding| finding.level() == Level::Bad).count(),
        all().filter(|finding| finding.level() == Level::Warning).count(),
    );
    if options.json {
        say_json(&as_json(&sections))?;
    } else {
        for (title, findings) in &sections {
            if findings.is_empty() {
                continue;
            }
            say(title)?;
            for finding in findings {
                say(format!("  {}", finding.to_string().replace('\n', "\n  ")))?;
            }
        }
        say(match (bad, warnings) {
            (0, 0) => "all is well".to_owned(),
            (0, warnings) => format!("works, with {}", counted(warnings, "warning", "warnings")),
            (bad, _) => format!("{} must be fixed", counted(bad, "problem", "problems")),
        })?;
    }
    if bad == 0 { Ok(()) } else { Err(Ended::Failed(String::new())) }
}

/// What is missing of a helpdesk's webhook, where it can be told where to send.
async fn webhook(config: &Config, configured: &HelpdeskConfig, helpdesk: &dyn Helpdesk) -> Vec<Finding> {
    let Ok(endpoint) = endpoint(config.server.public_url.as_ref(), &configured.name) else {
        return Vec::new();
    };
    // There is nothing to be looked at.
    if matches!(configured.kind, HelpdeskKind::Generic(_)) {
        return Vec::new();
    }
    let accepted = configured.kind.webhook_secrets();
    let secret = accepted.first();
    let wanted = Wanted { endpoint: &endpoint, secret, accepted, form: Form::Events, renew_secret: false };
    match helpdesk.webhook_setup().survey(&wanted).await {
        Ok(survey) => survey.findings(&configured.name),
        Err(failure) => vec![Finding::Warning(failure.reason())],
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn as_json(sections: &[(String, Vec<Finding>)]) -> serde_json::Value {
    let findings = sections.iter().flat_map(|(about, findings)| {
        findings.iter().map(move |finding| {
            let level = match finding.level() {
                Level::Good => "ok",
                Level::Warning => "warning",
                Level::Bad => "error",
            };
            let reason = finding.reason();
            serde_json::json!({
                "about": about,
                "level": level,
                "code": reason.map(|reason| &reason.code),
                "what": finding.what(),
                "help": reason.and_then(|reason| reason.help.as_ref()),
            })
        })
    });
    findings.collect()
}
