//! `ticketroom webhook setup|status|remove HELPDESK`: what makes a helpdesk send to us.
//!
//! Setting up shows first what it will do. Then it makes a secret if there is none, puts it where
//! the configuration points before anybody else knows it, and does step after step, each after a
//! new look. So it can be broken off and run again, and a second run changes nothing.

use std::sync::Arc;

use secrecy::SecretString;
use serde::Serialize;
use url::Url;

use super::secret::{Keeper, generated};
use super::{Ended, Result, Setup, arrival};
use crate::call::{Cause, Failure};
use crate::cli::check_running::last_delivery;
use crate::cli::{say, say_json};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::{Config, HelpdeskConfig, HelpdeskKind};
use crate::helpdesk::setup::{self, Form, Step, Survey, Wanted};
use crate::helpdesk::{self, Helpdesk, Paces, WebhookSetup};
use crate::http::Http;
use crate::metrics::Metrics;
use crate::ticket::HelpdeskName;

/// More steps than any helpdesk needs.
const MOST_STEPS: usize = 20;

/// What each of the commands needs.
pub(super) struct Desk<'a> {
    config: &'a Config,
    configured: &'a HelpdeskConfig,
    helpdesk: Arc<dyn Helpdesk>,
    http: Http,
    clock: Arc<dyn Clock>,
    endpoint: Url,
}

impl<'a> Desk<'a> {
    pub(super) fn of(config: &'a Config, name: &HelpdeskName) -> Result<Self> {
        let Some(configured) = config.helpdesks.iter().find(|one| one.name == *name) else {
            let known: Vec<&str> = config.helpdesks.iter().map(|one| one.name.as_str()).collect();
            return Err(Ended::Misconfigured(format!(
                "no helpdesk “{name}” is configured; there are {}, and docspace",
                known.join(", ")
            )));
        };
        let endpoint = setup::endpoint(config.server.public_url.as_ref(), name)
            .map_err(|reason| Ended::Misconfigured(reason.to_string()))?;
        let http = Http::new(Metrics::new()).map_err(|error| Ended::Failed(error.to_string()))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let helpdesk =
            helpdesk::build(std::slice::from_ref(configured), &http, &clock, &Paces::default()).pop();
        let helpdesk = helpdesk.ok_or_else(|| Ended::Failed(format!("{name} can't be made")))?;
        Ok(Self { config, configured, helpdesk, http, clock, endpoint })
    }

    fn setup(&self) -> &dyn WebhookSetup {
        self.helpdesk.webhook_setup()
    }

    fn wanted<'w>(&'w self, secret: Option<&'w SecretString>, options: Option<&Setup>) -> Wanted<'w> {
        let by_triggers = options.is_some_and(|options| options.triggers);
        Wanted {
            endpoint: &self.endpoint,
            secret,
            accepted: self.configured.kind.webhook_secrets(),
            form: if by_triggers { Form::Triggers } else { Form::Events },
            renew_secret: options.is_some_and(|options| options.renew_secret),
        }
    }
}

pub(super) async fn set_up(desk: &Desk<'_>, options: &Setup) -> Result {
    if options.triggers && !matches!(desk.configured.kind, HelpdeskKind::Zendesk(_)) {
        return Err(Ended::Misconfigured("--triggers is for Zendesk; leave it out".to_owned()));
    }
    let accepted = desk.configured.kind.webhook_secrets().first().cloned();
    let takes_secret = !desk.setup().makes_the_secret() && desk.configured.secret_place.is_some();
    let new = (takes_secret && accepted.is_none()).then(generated);
    let secret = if desk.setup().makes_the_secret() { None } else { new.clone().or(accepted) };
    let mut survey = survey(desk, secret.as_ref(), Some(options)).await?;
    show(&survey)?;
    let keeper = Keeper { name: &desk.configured.name, place: desk.configured.secret_place.as_ref() };
    if new.is_some() {
        say(format!("  make a webhook secret: {}", keeper.plan()))?;
    }
    if options.dry_run {
        return say("--dry-run: nothing was changed");
    }
    if let Some(new) = &new {
        keeper.keep(new)?;
    }
    // Sent once, it is sent: whether two secrets are the same can't be seen.
    let again = Setup { renew_secret: false, ..options.clone() };
    for _ in 0..MOST_STEPS {
        let Some(Step { text, call: Some(call) }) = survey.steps.first() else { break };
        desk.setup().perform(call).await.map_err(|failure| refused(text, &failure))?;
        say(format!("done: {text}"))?;
        survey = self::survey(desk, secret.as_ref(), Some(&again)).await?;
    }
    if let Some(step) = survey.steps.first() {
        return Err(Ended::Failed(format!(
            "{} answered, and this is still to be done: {}; “ticketroom webhook status {}” shows what there is",
            desk.configured.name, step.text, desk.configured.name
        )));
    }
    if let Some(made) = &survey.secret
        && !setup::is_accepted(made, desk.configured.kind.webhook_secrets())
    {
        keeper.keep(made)?;
    }
    if survey.by_hand.is_empty() {
        say(format!("{} sends to {}", desk.configured.name, desk.endpoint))?;
    }
    if options.test {
        let known = survey.secret.as_ref().or(secret.as_ref());
        let known = known.or(desk.configured.kind.webhook_secrets().first());
        let secret = known.cloned().unwrap_or_default();
        let now = desk.clock.now();
        let delivery = desk.setup().test_delivery(&secret, now);
        arrival::test(desk.config, &desk.http, &desk.endpoint, &desk.configured.name, delivery, now).await?;
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct View<'a> {
    /// Whether all is as it should be, as far as can be seen.
    good: bool,
    /// Where the helpdesk is to send.
    url: &'a str,
    found: &'a [String],
    /// What “webhook setup” would do.
    missing: Vec<&'a str>,
    by_hand: &'a [String],
    remarks: &'a [String],
    /// Deliveries that failed, by the helpdesk's own record; null where it has none.
    failed: Option<&'a [String]>,
    /// When the running service stored a delivery last, as far as it tells.
    last_stored: Option<Timestamp>,
}

pub(super) async fn status(desk: &Desk<'_>, json: bool) -> Result {
    let secret = desk.configured.kind.webhook_secrets().first();
    let survey = survey(desk, secret, None).await?;
    let last_stored = last_delivery(desk.config, &desk.http, &desk.helpdesk.name()).await;
    if json {
        say_json(&View {
            good: survey.is_complete(),
            url: desk.endpoint.as_str(),
            found: &survey.found,
            missing: survey.steps.iter().map(|step| step.text.as_str()).collect(),
            by_hand: &survey.by_hand,
            remarks: &survey.remarks,
            failed: survey.failed.as_deref(),
            last_stored,
        })?;
    } else {
        show(&survey)?;
        match survey.failed.as_deref() {
            Some([]) => say("failed         none, by the helpdesk's own record")?,
            Some(failed) => {
                for one in failed {
                    say(format!("failed         {one}"))?;
                }
            }
            None => say("failed         the helpdesk keeps no record that our user may read")?,
        }
        if let Some(last_stored) = last_stored {
            say(format!("last stored    {last_stored}, by the service that runs here"))?;
        }
    }
    if survey.is_complete() { Ok(()) } else { Err(Ended::Failed(String::new())) }
}

pub(super) async fn remove(desk: &Desk<'_>, dry_run: bool) -> Result {
    let survey = desk.setup().removal(&desk.endpoint).await.map_err(|failure| unreadable(desk, &failure))?;
    show(&survey)?;
    if survey.steps.is_empty() && survey.by_hand.is_empty() {
        return say(format!("nothing in {} sends to {}", desk.configured.name, desk.endpoint));
    }
    if dry_run {
        return say("--dry-run: nothing was changed");
    }
    for Step { text, call } in &survey.steps {
        let Some(call) = call else { continue };
        match desk.setup().perform(call).await {
            // Somebody else was faster.
            Ok(()) | Err(Failure { cause: Cause::NotFound, .. }) => {
                say(format!("done: {text}"))?;
            }
            Err(failure) => return Err(refused(text, &failure)),
        }
    }
    Ok(())
}

fn show(survey: &Survey) -> Result {
    for found in &survey.found {
        say(format!("found: {found}"))?;
    }
    for remark in &survey.remarks {
        say(format!("note: {remark}"))?;
    }
    if survey.steps.is_empty() && survey.by_hand.is_empty() && !survey.found.is_empty() {
        say("it is as it should be: nothing to do")?;
    }
    if !survey.steps.is_empty() {
        say("to be done:")?;
    }
    for step in &survey.steps {
        say(format!("  {}", step.text))?;
    }
    if !survey.by_hand.is_empty() {
        say("by hand:")?;
    }
    for instruction in &survey.by_hand {
        say(format!("  {}", instruction.replace('\n', "\n  ")))?;
    }
    Ok(())
}

async fn survey(desk: &Desk<'_>, secret: Option<&SecretString>, options: Option<&Setup>) -> Result<Survey> {
    let wanted = desk.wanted(secret, options);
    desk.setup().survey(&wanted).await.map_err(|failure| unreadable(desk, &failure))
}

/// Why what there is can't be read.
fn unreadable(desk: &Desk<'_>, failure: &Failure) -> Ended {
    Ended::Failed(format!("{} does not say what sends to us: {}", desk.configured.name, failure.reason()))
}

fn refused(step: &str, failure: &Failure) -> Ended {
    let help = match failure.cause {
        Cause::Forbidden | Cause::Unauthorized | Cause::Rejected { .. } => {
            "are our credentials an administrator's, and may they manage webhooks? The helpdesk's page in docs/ says which rights \
             that needs"
        }
        _ => "run it again: what was done stays done",
    };
    Ended::Failed(format!("could not {step}: {failure}\n{help}"))
}
