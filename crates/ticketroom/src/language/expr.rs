//! An expression that has been read and found right, and how it is written.

use std::fmt;

use super::filter::{Filter, Method, Test};
use super::name::{Kind, Name};
use super::value::Value;

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Const(Value<'static>),
    Name(Name),
    /// A custom field.
    Field(String),
    List(Vec<Expr>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `needle in haystack`.
    In(Box<Expr>, Box<Expr>),
    Calculate(Operator, Box<Expr>, Box<Expr>),
    If {
        test: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
    Filter(Filter, Box<Expr>, Vec<Expr>),
    Is(Test, Box<Expr>, Vec<Expr>),
    Method(Method, Box<Expr>, Vec<Expr>),
    /// One entry of a list; from the end, if negative.
    Item(Box<Expr>, i64),
    /// A part of a text or list.
    Slice(Box<Expr>, Option<i64>, Option<i64>),
}

/// One part of a title.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(String),
    Show(Expr),
    If { test: Expr, then: Vec<Piece>, otherwise: Vec<Piece> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    pub(super) fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::Unequal)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Join,
}

impl Operator {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Join => "~",
        }
    }
}

impl Expr {
    /// What it holds, as far as that is known without a ticket.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Const(value) => match value {
                Value::Missing => Kind::Any,
                Value::Bool(_) => Kind::Bool,
                Value::Int(_) | Value::Float(_) => Kind::Number,
                Value::Text(_) => Kind::Text,
                Value::List(_) => Kind::List,
                Value::Time(_) => Kind::Time,
            },
            Self::Name(name) => name.kind(),
            Self::List(_) => Kind::List,
            Self::Not(_) | Self::Compare(..) | Self::In(..) | Self::Is(..) | Self::Method(..) => Kind::Bool,
            Self::Negative(_) => Kind::Number,
            Self::Calculate(Operator::Join, ..) => Kind::Text,
            Self::Calculate(Operator::Add, one, other)
                if one.kind() != Kind::Number || other.kind() != Kind::Number =>
            {
                Kind::Any
            }
            Self::Calculate(..) => Kind::Number,
            Self::Filter(filter, ..) => filter.gives(),
            Self::Field(_)
            | Self::And(..)
            | Self::Or(..)
            | Self::If { .. }
            | Self::Item(..)
            | Self::Slice(..) => Kind::Any,
        }
    }

    /// The expressions that it is directly made of.
    pub(super) fn parts(&self) -> Vec<&Expr> {
        match self {
            Self::Const(_) | Self::Name(_) | Self::Field(_) => Vec::new(),
            Self::List(items) => items.iter().collect(),
            Self::Not(of) | Self::Negative(of) | Self::Item(of, _) | Self::Slice(of, ..) => vec![of],
            Self::And(one, other)
            | Self::Or(one, other)
            | Self::Compare(_, one, other)
            | Self::In(one, other)
            | Self::Calculate(_, one, other) => vec![one, other],
            Self::If { test, then, otherwise } => {
                [test, then].into_iter().chain(otherwise).map(AsRef::as_ref).collect()
            }
            Self::Filter(_, of, arguments) | Self::Is(_, of, arguments) | Self::Method(_, of, arguments) => {
                std::iter::once(of.as_ref()).chain(arguments).collect()
            }
        }
    }
}

/// As people write it.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Const(Value::Missing) => f.write_str("none"),
            Self::Const(Value::Text(text)) => write!(f, "'{text}'"),
            Self::Const(value) => write!(f, "{value}"),
            Self::Name(name) => f.write_str(name.path()),
            Self::Field(name) if is_identifier(name) => write!(f, "ticket.fields.{name}"),
            Self::Field(name) => write!(f, "ticket.fields['{name}']"),
            Self::List(items) => write!(f, "[{}]", listed(items)),
            Self::Not(of) => write!(f, "not {of}"),
            Self::Negative(of) => write!(f, "-{of}"),
            Self::And(one, other) => write!(f, "{one} and {other}"),
            Self::Or(one, other) => write!(f, "{one} or {other}"),
            Self::Compare(how, one, other) => write!(f, "{one} {} {other}", how.as_str()),
            Self::In(needle, haystack) => write!(f, "{needle} in {haystack}"),
            Self::Calculate(how, one, other) => write!(f, "({one} {} {other})", how.as_str()),
            Self::If { test, then, otherwise: None } => write!(f, "{then} if {test}"),
            Self::If { test, then, otherwise: Some(otherwise) } => {
                write!(f, "{then} if {test} else {otherwise}")
            }
            Self::Filter(filter, of, arguments) if arguments.is_empty() => {
                write!(f, "{of} | {}", filter.name())
            }
            Self::Filter(filter, of, arguments) => {
                write!(f, "{of} | {}({})", filter.name(), listed(arguments))
            }
            Self::Is(test, of, arguments) if arguments.is_empty() => write!(f, "{of} is {}", test.name()),
            Self::Is(test, of, arguments) => write!(f, "{of} is {}({})", test.name(), listed(arguments)),
            Self::Method(method, of, arguments) => write!(f, "{of}.{}({})", method.name(), listed(arguments)),
            Self::Item(of, index) => write!(f, "{of}[{index}]"),
            Self::Slice(of, start, stop) => {
                let bound = |bound: &Option<i64>| bound.map_or_else(String::new, |bound| bound.to_string());
                write!(f, "{of}[{}:{}]", bound(start), bound(stop))
            }
        }
    }
}

fn listed(items: &[Expr]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn is_identifier(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit())
}
