//! Which tickets are wanted, as a condition in SQL: only what is asked for stands in it, so that
//! the database can use the index that fits. What people type is always a parameter. The limit and
//! the offset are not, since the plan hangs on them; so there is no end of such statements, and
//! none is kept prepared.

use super::{State, TicketQuery};

/// What the two databases write differently.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// Before the number of a parameter.
    pub(super) parameter: char,
    /// A ticket that somebody is at, and one that nobody is at.
    pub(super) claimed: [&'static str; 2],
    /// The name that people call a ticket by, for comparing without case.
    pub(super) called: fn(&str) -> String,
    /// Whether a column has a text in it, and whether it has so without case.
    pub(super) contains: fn(&str, &str) -> String,
    /// The same without regard to case.
    pub(super) contains_any_case: fn(&str, &str) -> String,
}

/// The end of a statement, from `WHERE` on, and the texts of its parameters. The limit and the
/// offset are part of it.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) parameters: Vec<String>,
}

/// What `query` asks for.
pub(super) fn condition(query: &TicketQuery, dialect: Dialect) -> Condition {
    let mut parameters = Vec::new();
    let mut parameter = |text: &str| {
        parameters.push(text.to_owned());
        format!("{}{}", dialect.parameter, parameters.len())
    };
    let mut parts = Vec::new();
    if let Some(helpdesk) = &query.helpdesk {
        parts.push(format!("helpdesk = {}", parameter(helpdesk.as_str())));
    }
    let [claimed, free] = dialect.claimed;
    match query.state {
        None => {}
        Some(State::Working) => parts.push(claimed.to_owned()),
        Some(state) => parts.push(format!("state = {} AND {free}", parameter(state.as_str()))),
    }
    if let Some(id) = &query.id {
        let id = parameter(id.as_str());
        // As two questions, each of which has its index, and neither of which may be answered by
        // reading all tickets in the order in which they are shown.
        parts.push(format!(
            "number IN (SELECT number FROM ticket WHERE id = {id} UNION SELECT number FROM ticket WHERE {})",
            (dialect.called)(&id)
        ));
    }
    if let Some(text) = query.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let text = parameter(text);
        parts.push(format!(
            "(id = {text} OR {} OR {} OR {})",
            (dialect.called)(&text),
            (dialect.contains)("id", &text),
            (dialect.contains_any_case)("subject", &text),
        ));
    }
    let parts = if parts.is_empty() { String::new() } else { format!("WHERE {} ", parts.join(" AND ")) };
    let sql =
        format!("{parts}ORDER BY updated_at DESC, number DESC LIMIT {} OFFSET {}", query.limit, query.offset);
    Condition { sql, parameters }
}
