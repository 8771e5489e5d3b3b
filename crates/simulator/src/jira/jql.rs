//! A subset of JQL: restrictions by project, key, id, status, people, labels and times, joined by
//! AND, OR and NOT, and an order by times or keys.
//!
//! Times are to the minute, and read in the time zone of the caller's profile, which is UTC unless
//! a test sets another one.

use std::cmp::Ordering;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::issue::{Category, Issue};
use super::site::Site;

/// A query that was understood.
#[derive(Debug)]
pub(super) struct Query {
    condition: Option<Condition>,
    order: Vec<(Field, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Project,
    Issue,
    Status,
    StatusCategory,
    Assignee,
    Reporter,
    Labels,
    Created,
    Updated,
}

#[derive(Debug)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    OneOf(Field, Vec<String>),
    Empty(Field),
    Time(Field, Vec<Ordering>, Timestamp),
}

impl Field {
    fn named(name: &str) -> Result<Self, String> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "project" => Self::Project,
            "key" | "issuekey" | "issue" | "id" => Self::Issue,
            "status" => Self::Status,
            "statuscategory" => Self::StatusCategory,
            "assignee" => Self::Assignee,
            "reporter" => Self::Reporter,
            "labels" => Self::Labels,
            "created" | "createddate" => Self::Created,
            "updated" | "updateddate" => Self::Updated,
            _ => {
                return Err(format!(
                    "Field '{name}' does not exist or you do not have permission to view it."
                ));
            }
        })
    }

    fn values(self, issue: &Issue) -> Vec<String> {
        match self {
            Self::Project => vec![issue.project.clone()],
            Self::Issue => {
                let keys = std::iter::once(&issue.key).chain(&issue.former_keys).cloned();
                keys.chain([issue.id.to_string()]).collect()
            }
            Self::Status => vec![issue.status.name().to_owned(), issue.status.id().to_string()],
            Self::StatusCategory => {
                let category = issue.status.category();
                let name = match category {
                    Category::New => "To Do",
                    Category::Indeterminate => "In Progress",
                    Category::Done => "Done",
                };
                vec![category.key().to_owned(), name.to_owned()]
            }
            Self::Assignee => issue.assignee.iter().cloned().collect(),
            Self::Reporter => issue.reporter.iter().cloned().collect(),
            Self::Labels => issue.labels.iter().cloned().collect(),
            Self::Created | Self::Updated => Vec::new(),
        }
    }

    fn time(self, issue: &Issue) -> Option<Timestamp> {
        match self {
            Self::Created => Some(issue.created),
            Self::Updated => Some(issue.updated),
            _ => None,
        }
    }
}

impl Condition {
    fn holds(&self, issue: &Issue) -> bool {
        match self {
            Self::All(all) => all.iter().all(|condition| condition.holds(issue)),
            Self::Any(any) => any.iter().any(|condition| condition.holds(issue)),
            Self::Not(condition) => !condition.holds(issue),
            Self::OneOf(field, wanted) => {
                let values = field.values(issue);
                wanted.iter().any(|wanted| values.iter().any(|value| value.eq_ignore_ascii_case(wanted)))
            }
            Self::Empty(field) => field.values(issue).is_empty(),
            Self::Time(field, allowed, limit) => {
                field.time(issue).is_some_and(|time| allowed.contains(&time.cmp(limit)))
            }
        }
    }
}

impl Query {
    /// Reads a query; the error says what is wrong with it.
    pub(super) fn parse(jql: &str, site: &Site, now: Timestamp) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(jql), place: 0, site, now };
        let starts_with_order = parser.peek_word("order");
        let condition =
            if parser.tokens.is_empty() || starts_with_order { None } else { Some(parser.any()?) };
        let order = parser.order()?;
        match parser.tokens.get(parser.place) {
            Some(token) => {
                Err(format!("Error in the JQL Query: Expecting operator but got '{}'.", token.text()))
            }
            None => Ok(Self { condition, order }),
        }
    }

    /// Whether it restricts anything at all.
    pub(super) fn is_bounded(&self) -> bool {
        self.condition.is_some()
    }

    /// Whether it is for that issue.
    pub(super) fn holds(&self, issue: &Issue) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(issue))
    }

    /// The issues it is for, in its order, the newest first without one.
    pub(super) fn find<'a>(&self, issues: impl Iterator<Item = &'a Issue>) -> Vec<&'a Issue> {
        let holds = |issue: &&Issue| self.condition.as_ref().is_none_or(|condition| condition.holds(issue));
        let mut found: Vec<&Issue> = issues.filter(holds).collect();
        found.sort_by(|one, other| {
            let in_order = self.order.iter().map(|(field, descending)| {
                let order = match field {
                    Field::Issue => one.id.cmp(&other.id),
                    field => field.time(one).cmp(&field.time(other)),
                };
                if *descending { order.reverse() } else { order }
            });
            in_order.fold(Ordering::Equal, Ordering::then).then(other.id.cmp(&one.id))
        });
        found
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(String),
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Quoted(text) | Self::Sign(text) => text,
        }
    }
}

fn tokens(jql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = jql.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' | '\'' => {
                let (text, after) = rest[1..].split_once(first).unwrap_or((&rest[1..], ""));
                tokens.push(Token::Quoted(text.to_owned()));
                rest = after.trim_start();
                continue;
            }
            '(' | ')' | ',' => 1,
            '<' | '>' | '=' | '!' => rest.find(|c| !"<>=!~".contains(c)).unwrap_or(rest.len()),
            _ => rest.find(|c: char| c.is_whitespace() || "(),<>=!\"'".contains(c)).unwrap_or(rest.len()),
        };
        let (text, after) = rest.split_at(end);
        let is_sign = "(),<>=!".contains(first);
        let text = text.to_owned();
        tokens.push(if is_sign { Token::Sign(text) } else { Token::Word(text) });
        rest = after.trim_start();
    }
    tokens
}

struct Parser<'a> {
    tokens: Vec<Token>,
    place: usize,
    site: &'a Site,
    now: Timestamp,
}

impl Parser<'_> {
    fn peek_word(&self, word: &str) -> bool {
        let token = self.tokens.get(self.place);
        matches!(token, Some(Token::Word(text)) if text.eq_ignore_ascii_case(word))
    }

    fn word(&mut self, word: &str) -> bool {
        let is_next = self.peek_word(word);
        self.place += usize::from(is_next);
        is_next
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.tokens.get(self.place), Some(Token::Sign(text)) if text == sign);
        self.place += usize::from(is_next);
        is_next
    }

    fn text(&mut self) -> Result<String, String> {
        let token = self.tokens.get(self.place).filter(|token| !matches!(token, Token::Sign(_)));
        self.place += 1;
        token.map(|token| token.text().to_owned()).ok_or_else(|| "Error in the JQL Query.".to_owned())
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut any = vec![self.all()?];
        while self.word("or") {
            any.push(self.all()?);
        }
        Ok(Condition::Any(any))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut all = vec![self.one()?];
        while self.word("and") {
            all.push(self.one()?);
        }
        Ok(Condition::All(all))
    }

    fn one(&mut self) -> Result<Condition, String> {
        if self.word("not") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.sign("(") {
            let inner = self.any()?;
            return if self.sign(")") {
                Ok(inner)
            } else {
                Err("Error in the JQL Query: ')' is missing.".to_owned())
            };
        }
        let field = Field::named(&self.text()?)?;
        if matches!(field, Field::Created | Field::Updated) {
            return self.time(field);
        }
        if self.word("is") {
            let negated = self.word("not");
            if !self.word("empty") && !self.word("null") {
                return Err("Error in the JQL Query: EMPTY is missing.".to_owned());
            }
            return Ok(negate(negated, Condition::Empty(field)));
        }
        let negated = self.word("not") || self.sign("!=");
        let values = if self.word("in") {
            self.list()?
        } else if negated || self.sign("=") {
            vec![self.text()?]
        } else {
            return Err("Error in the JQL Query: Expecting operator.".to_owned());
        };
        if field == Field::Project {
            self.know_projects(&values)?;
        }
        Ok(negate(negated, Condition::OneOf(field, values)))
    }

    /// Hidden projects don't exist for the caller.
    fn know_projects(&self, keys: &[String]) -> Result<(), String> {
        let known = |key: &&String| {
            let mut projects = self.site.projects.iter();
            projects.any(|(it, project)| it.eq_ignore_ascii_case(key) && !project.hidden)
        };
        match keys.iter().find(|key| !known(key)) {
            Some(key) => Err(format!("The value '{key}' does not exist for the field 'project'.")),
            None => Ok(()),
        }
    }

    fn list(&mut self) -> Result<Vec<String>, String> {
        let missing = || "Error in the JQL Query: the list is not one.".to_owned();
        if !self.sign("(") {
            return Err(missing());
        }
        let mut values = vec![self.text()?];
        while self.sign(",") {
            values.push(self.text()?);
        }
        if self.sign(")") { Ok(values) } else { Err(missing()) }
    }

    fn time(&mut self, field: Field) -> Result<Condition, String> {
        use Ordering::{Equal, Greater, Less};
        let operators = [
            (">=", vec![Greater, Equal]),
            ("<=", vec![Less, Equal]),
            (">", vec![Greater]),
            ("<", vec![Less]),
            ("=", vec![Equal]),
        ];
        let operator = operators.into_iter().find(|(sign, _)| self.sign(sign));
        let (_, allowed) =
            operator.ok_or_else(|| "Error in the JQL Query: Expecting operator.".to_owned())?;
        let text = self.text()?;
        let limit = time_of(&text, self.now, &self.site.zone).ok_or_else(|| {
            format!(
                "Date value '{text}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', \
                 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
            )
        })?;
        Ok(Condition::Time(field, allowed, limit))
    }

    fn order(&mut self) -> Result<Vec<(Field, bool)>, String> {
        let mut order = Vec::new();
        if !self.word("order") {
            return Ok(order);
        }
        if !self.word("by") {
            return Err("Error in the JQL Query: Expecting 'by'.".to_owned());
        }
        loop {
            let field = Field::named(&self.text()?)?;
            let descending = self.word("desc");
            if !descending {
                self.word("asc");
            }
            order.push((field, descending));
            if !self.sign(",") {
                return Ok(order);
            }
        }
    }
}

fn negate(negated: bool, condition: Condition) -> Condition {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}

/// A time to the minute, a day, or how long ago, such as `-90m`.
fn time_of(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(ago) = text.strip_prefix('-') {
        let number: i64 = ago.get(..ago.len().checked_sub(1)?)?.parse().ok()?;
        let unit = match ago.chars().last()? {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        return now.checked_sub(SignedDuration::from_secs(number.checked_mul(unit)?)).ok();
    }
    let text = text.replace('/', "-");
    let minute = DateTime::strptime("%Y-%m-%d %H:%M", &text);
    let day = || Date::strptime("%Y-%m-%d", &text).map(|date| date.at(0, 0, 0, 0));
    let time = minute.or_else(|_| day()).ok()?;
    zone.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::super::Deployment;
    use super::*;

    #[test]
    fn queries_are_understood_or_refused() {
        let (site, now) = (Site::new(Deployment::Cloud), Timestamp::UNIX_EPOCH);
        for (jql, understood) in [
            ("project = SUP AND updated >= -90m ORDER BY updated ASC", true),
            ("project in (SUP, \"HR\") and not (labels is EMPTY or labels != x) order by key desc", true),
            ("updated >= '2026-11-20 08:14' AND created<\"2026/11/20\"", true),
            ("id in (1,2)", true),
            ("ORDER BY updated", true),
            ("", true),
            ("project = XX", false),
            ("project = SUP AND", false),
            ("project SUP", false),
            ("cat = 1", false),
            ("updated >= 2026-11-20T08:14:03Z", false),
            ("updated >= \"2026-11-20 08:14:03\"", false),
            ("project = SUP updated > -1d", false),
        ] {
            assert_eq!(Query::parse(jql, &site, now).is_ok(), understood, "{jql}");
        }
    }
}
