//! `ticketroom webhook setup docspace`: says what it will do, and does it. What is as it should be
//! stays untouched, so it may be run again at any time.

use secrecy::SecretString;

use super::address::{by_head, refused};
use super::{Ended, Parts, Result, Setup, unreadable};
use crate::call::{Cause, Failure};
use crate::cli::say;
use crate::docspace::registration::{self, differences};
use crate::docspace::triggers;
use crate::docspace::webhooks::{LONGEST_SECRET, SecretPolicy, Webhook};
use crate::printable::{DETAIL, printable};

pub(super) async fn run(parts: &Parts, options: &Setup) -> Result {
    let Some(secret) = parts.config.docspace.webhook_secrets.first() else {
        return Err(Ended::Misconfigured(format!(
            "[docspace] webhook_secret is missing, and DocSpace has to sign with one: make one of at most {LONGEST_SECRET} \
             characters, such as with “openssl rand -hex 15”, and reload the service before you register it"
        )));
    };
    let seen = by_head(&parts.http, &parts.endpoint).await;
    say(&seen)?;
    let warning = refused(&parts.endpoint).await;
    if let Some(warning) = &warning {
        say(format!("warning: {warning}"))?;
    }
    will_do(parts, secret).await?;
    let ours = parts.registered().await?;
    let there = registration::the_one(&ours);
    let changes = changes(there, options.renew_secret);
    if ours.len() > 1 {
        say(format!(
            "warning: {} webhooks send to this address, so each event comes more than once: remove all but one in DocSpace",
            ours.len()
        ))?;
    }
    if changes.is_empty() {
        return say(match there {
            Some(there) => {
                format!("webhook {} is registered and as it should be: nothing to do", called(there))
            }
            None => "nothing to do".to_owned(),
        });
    }
    say(format!("{}:", parts.portal.portal()))?;
    for change in &changes {
        say(format!("  {change}"))?;
    }
    if options.dry_run {
        return say("--dry-run: nothing was changed");
    }
    let settings = registration::settings(there, &parts.endpoint, secret);
    let done = match there {
        None => parts.portal.create_webhook(&settings).await,
        Some(there) => parts.portal.update_webhook(there.id, &settings).await,
    };
    match done {
        Ok(webhook) => say(format!("done: webhook {} sends to {}", called(&webhook), parts.endpoint)),
        Err(failure) => Err(refusal(&failure, &seen, warning.as_deref())),
    }
}

fn called(webhook: &Webhook) -> String {
    format!("“{}” ({})", printable(&webhook.name, DETAIL), webhook.id)
}

/// Checks the secret against the portal's policy, since DocSpace's refusal would not say what is
/// wrong with it.
async fn will_do(parts: &Parts, secret: &SecretString) -> Result {
    let policy = match parts.portal.secret_policy().await {
        Ok(policy) => policy,
        Err(failure) if failure.is_transient() => return Err(unreadable(&failure)),
        // Not every server tells it to a key.
        Err(_) => SecretPolicy::LEAST,
    };
    match policy.objections(secret).as_slice() {
        [] => Ok(()),
        objections => Err(Ended::Misconfigured(format!(
            "[docspace] webhook_secret {}: DocSpace takes a secret only if it meets the portal's password policy and has at most \
             {LONGEST_SECRET} characters. Make another one",
            objections.join(", and ")
        ))),
    }
}

/// What is to be changed, one line each.
fn changes(there: Option<&Webhook>, renew_secret: bool) -> Vec<String> {
    let Some(there) = there else {
        let triggers = triggers::needed_names();
        return vec![
            "register a webhook, signed with the first webhook_secret, to an address whose certificate is checked".to_owned(),
            format!("it tells of {}", triggers.join(", ")),
        ];
    };
    let mut changes: Vec<String> = differences(there)
        .iter()
        .map(|difference| format!("webhook {}: {difference}; {}", called(there), difference.change()))
        .collect();
    if renew_secret || !changes.is_empty() {
        changes.push(format!("webhook {}: give it the first webhook_secret", called(there)));
    }
    changes
}

/// Why DocSpace did not do it. It says the same of several causes, in the language of its users.
fn refusal(failure: &Failure, seen: &str, warning: Option<&str>) -> Ended {
    match &failure.cause {
        Cause::Rejected { status: 400, detail } if detail.contains("SecretKey") => {
            Ended::Misconfigured(format!(
                "DocSpace refuses the secret ({detail}): it may have at most {LONGEST_SECRET} characters"
            ))
        }
        // The server does not handle that its own HEAD request fails, so that is a server error.
        Cause::Rejected { status: 400, .. } | Cause::ServerError { .. } => {
            let warning = warning.map_or_else(String::new, |warning| format!("; {warning}"));
            Ended::Failed(format!(
                "{failure}. DocSpace says so when the address does not answer its HEAD request with 200, when it is a private \
                 address, when its certificate is not good, and when the secret does not meet the portal's password policy. \
                 Running the command again is safe. What was seen: {seen}{warning}"
            ))
        }
        Cause::Forbidden | Cause::Unauthorized => unreadable(failure),
        _ => Ended::Failed(format!(
            "{failure}. It may have been done all the same: run the command again, which looks at what is there first"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallName;
    use crate::docspace::reasons::DOCSPACE;

    #[test]
    fn refusals_are_explained_with_what_was_seen() {
        let failed = |cause| CallName { system: &DOCSPACE, call: "create_webhook" }.failed(cause);
        let rejected = |detail: &str| failed(Cause::Rejected { status: 400, detail: detail.to_owned() });
        let explained = |failure| refusal(&failure, "HEAD is answered with 405", Some("it is private"));
        let Ended::Misconfigured(text) = explained(rejected("invalid SecretKey")) else { panic!() };
        assert!(text.contains("at most 30 characters"), "{text}");
        let Ended::Failed(text) = explained(rejected("ArgumentException")) else { panic!() };
        assert!(text.contains("HEAD is answered with 405; it is private"), "{text}");
        let Ended::Misconfigured(text) = explained(failed(Cause::Forbidden)) else { panic!() };
        assert!(text.contains("full access"), "{text}");
        let Ended::Failed(text) = explained(failed(Cause::NoAnswer("timeout".to_owned()))) else { panic!() };
        assert!(text.contains("run the command again"), "{text}");
    }
}
