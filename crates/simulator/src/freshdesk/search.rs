//! The search for tickets. The query is between double quotes, has up to 512 characters, and
//! restricts fields: `status:2 AND (created_at:>'2026-11-20' OR tag:'vip')`. `:>` and `:<` include
//! their value. Times are days, in UTC.
//!
//! It finds at most 300 tickets, and no total tells more than that there are more. Its index lags:
//! what has changed in the last minutes is missing. So are the archive, the trash and spam.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::{Account, Ticket};
use super::api::{ok, validation_failed};
use super::listing::{invalid, link, number};
use crate::http::{Answer, Request};
use crate::selection;

const PAGE: usize = 30;
const LAST_PAGE: usize = 10;
const LONGEST_QUERY: usize = 512;

pub(super) fn answer(account: &Account, request: &Request, lag: SignedDuration, now: Timestamp) -> Answer {
    let page = match number(
        request,
        "page",
        1,
        LAST_PAGE,
        "It should be a Positive Integer less than or equal to 10",
    ) {
        Ok(page) => page,
        Err(invalid) => return validation_failed(&[invalid]),
    };
    let given = request.query("query").unwrap_or_default();
    let quoted = given.strip_prefix('"').and_then(|given| given.strip_suffix('"'));
    let query = quoted.filter(|query| query.chars().count() <= LONGEST_QUERY);
    let Some(condition) = query.and_then(Condition::parse) else {
        return validation_failed(&[invalid("query", "Query should be of format - query=\"key:value\"")]);
    };
    let newest = now.saturating_sub(lag).unwrap_or(Timestamp::MIN);
    let found: Vec<&Ticket> = account
        .tickets
        .values()
        .filter(|ticket| !ticket.purged && !ticket.archived && !ticket.deleted && !ticket.spam)
        .filter(|ticket| ticket.updated <= newest && condition.holds(ticket))
        .collect();
    let total = found.len();
    // The newest first.
    let shown = selection::page(found, (page - 1) * PAGE, PAGE, |one, other| {
        (other.created, other.id).cmp(&(one.created, one.id))
    });
    let shown: Vec<Value> = shown.into_iter().map(Ticket::json).collect();
    let answer = ok(&json!({ "results": shown, "total": total }));
    if total > page * PAGE && page < LAST_PAGE {
        answer.with("link", &link(request, page + 1))
    } else {
        answer
    }
}

#[derive(Debug)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// `status:2`
    Number(Field, Option<u64>),
    /// `tag:'vip'`
    Text(String, String),
    /// `updated_at:>'2026-11-20'`
    Day(Time, Compared, Date),
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Status,
    Priority,
    Agent,
    Group,
}

#[derive(Debug, Clone, Copy)]
enum Time {
    Created,
    Updated,
    Due,
}

#[derive(Debug, Clone, Copy)]
enum Compared {
    From,
    Until,
    On,
}

impl Condition {
    fn parse(query: &str) -> Option<Self> {
        let mut rest = query.trim();
        let condition = any(&mut rest)?;
        rest.is_empty().then_some(condition)
    }

    fn holds(&self, ticket: &Ticket) -> bool {
        match self {
            Self::All(all) => all.iter().all(|condition| condition.holds(ticket)),
            Self::Any(any) => any.iter().any(|condition| condition.holds(ticket)),
            Self::Number(field, wanted) => {
                *wanted
                    == match field {
                        Field::Status => Some(ticket.status),
                        Field::Priority => Some(ticket.priority),
                        Field::Agent => ticket.responder,
                        Field::Group => ticket.group,
                    }
            }
            Self::Text(field, wanted) if field == "tag" => ticket.tags.contains(wanted),
            Self::Text(field, wanted) => {
                ticket.fields.get(field).and_then(Value::as_str) == Some(wanted.as_str())
            }
            Self::Day(time, compared, day) => {
                let at = match time {
                    Time::Created | Time::Due => ticket.created,
                    Time::Updated => ticket.updated,
                };
                let of_ticket = at.to_zoned_datetime(TimeZone::UTC).date();
                match compared {
                    Compared::From => of_ticket >= *day,
                    Compared::Until => of_ticket <= *day,
                    Compared::On => of_ticket == *day,
                }
            }
        }
    }
}

fn any(rest: &mut &str) -> Option<Condition> {
    joined(rest, "OR", all).map(Condition::Any)
}

fn all(rest: &mut &str) -> Option<Condition> {
    joined(rest, "AND", one).map(Condition::All)
}

fn joined(rest: &mut &str, word: &str, part: fn(&mut &str) -> Option<Condition>) -> Option<Vec<Condition>> {
    let mut parts = vec![part(rest)?];
    while let Some(after) = rest.strip_prefix(word) {
        *rest = after.trim_start();
        parts.push(part(rest)?);
    }
    Some(parts)
}

fn one(rest: &mut &str) -> Option<Condition> {
    if let Some(inner) = rest.strip_prefix('(') {
        *rest = inner.trim_start();
        let condition = any(rest)?;
        *rest = rest.strip_prefix(')')?.trim_start();
        return Some(condition);
    }
    let (field, after) = rest.split_once(':')?;
    let (compared, after) = match after.strip_prefix('>') {
        Some(after) => (Compared::From, after),
        None => after.strip_prefix('<').map_or((Compared::On, after), |after| (Compared::Until, after)),
    };
    let (value, after) = match after.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'')?,
        None => after.split_at(after.find([' ', ')']).unwrap_or(after.len())),
    };
    *rest = after.trim_start();
    condition(field.trim(), compared, value)
}

fn condition(field: &str, compared: Compared, value: &str) -> Option<Condition> {
    let number = || if value == "null" { Some(None) } else { value.parse().ok().map(Some) };
    let day = || Date::strptime("%Y-%m-%d", value).ok();
    Some(match field {
        "status" => Condition::Number(Field::Status, number()?),
        "priority" => Condition::Number(Field::Priority, number()?),
        "agent_id" => Condition::Number(Field::Agent, number()?),
        "group_id" => Condition::Number(Field::Group, number()?),
        "created_at" => Condition::Day(Time::Created, compared, day()?),
        "updated_at" => Condition::Day(Time::Updated, compared, day()?),
        "due_by" => Condition::Day(Time::Due, compared, day()?),
        "tag" => Condition::Text(field.to_owned(), value.to_owned()),
        custom if custom.starts_with("cf_") => Condition::Text(custom.to_owned(), value.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_understood_or_refused() {
        for (query, understood) in [
            ("status:2", true),
            ("created_at:>'2026-11-20' AND status:2", true),
            ("(status:2 OR status:3) AND tag:'vip' AND cf_room:'x y'", true),
            ("agent_id:null", true),
            ("", false),
            ("status", false),
            ("status:open", false),
            ("subject:'x'", false),
            ("created_at:>'2026-11-20T08:00:00Z'", false),
            ("status:2 AND", false),
            ("(status:2", false),
            ("status:2 status:3", false),
        ] {
            assert_eq!(Condition::parse(query).is_some(), understood, "{query}");
        }
    }
}
