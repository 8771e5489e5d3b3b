//! `ticketroom webhook remove docspace`.

use super::{Parts, Remove, Result, unreadable};
use crate::call::{Cause, Failure};
use crate::cli::say;
use crate::printable::{DETAIL, printable};

pub(super) async fn run(parts: &Parts, options: &Remove) -> Result {
    let ours = parts.registered().await?;
    if ours.is_empty() {
        return say(format!("DocSpace has no webhook for {}: nothing to do", parts.endpoint));
    }
    for webhook in ours {
        let name = printable(&webhook.name, DETAIL);
        say(format!("remove webhook “{name}” ({}) for {}", webhook.id, parts.endpoint))?;
        if options.dry_run {
            continue;
        }
        match parts.portal.delete_webhook(webhook.id).await {
            // Somebody else was faster.
            Ok(()) | Err(Failure { cause: Cause::NotFound, .. }) => {}
            Err(failure) => return Err(unreadable(&failure)),
        }
    }
    say(if options.dry_run { "--dry-run: nothing was changed" } else { "done" })
}
