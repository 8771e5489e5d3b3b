//! What a ticket would get if it came now, for `tickets explain`.

use serde::Serialize;

use crate::rule::{RuleError, Rules, Verdict};
use crate::ticket::{Ticket, TicketKey};

/// What a ticket would get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The name of the rule that decides, or its condition; `None` when no rule matches.
    pub rule: Option<String>,
    /// The room; `None` when the ticket gets none.
    pub room: Option<RoomPreview>,
}

/// The room that a ticket would get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoomPreview {
    /// The template's name.
    pub template: String,
    /// The title, in DocSpace's form.
    pub title: String,
    /// The room type's name.
    pub room_type: &'static str,
    /// The folders' paths.
    pub folders: Vec<String>,
    /// Who gets in, and as what.
    pub access: Vec<String>,
}

/// Tells what a ticket would get if it came now.
///
/// # Errors
/// When a rule can't be evaluated for this ticket.
pub fn preview(rules: &Rules, key: &TicketKey, ticket: &Ticket) -> Result<Preview, RuleError> {
    let decision = rules.decide(key, ticket)?;
    let room = match decision.verdict {
        Verdict::Skip => None,
        Verdict::Use(template) => Some(RoomPreview {
            template: template.name.clone(),
            title: template.room_title(key, ticket),
            room_type: template.room_type.as_str(),
            folders: template.folders.paths().map(|path| path.join("/")).collect(),
            access: template
                .grants(key, ticket)
                .iter()
                .map(|grant| format!("{} as {}", grant.subject, grant.role.as_str()))
                .collect(),
        }),
    };
    Ok(Preview { rule: decision.because.map(str::to_owned), room })
}
