//! From source to [`Expr`] and [`Piece`]: minijinja parses, and what it parsed is taken over as far
//! as the language goes. minijinja's syntax tree is not under its promise of stable versions, so
//! its version is pinned, and this is the only file that knows it.

use minijinja::machinery::{ast, parse, parse_expr, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;

use super::error::LanguageError;
use super::expr::{Comparison, Expr, Operator, Piece};
use super::filter::{Filter, Method, Test};
use super::hint;
use super::lint;
use super::name::{self, Found};
use super::value::Value;

/// What is evaluated by recursion must not nest without end.
const DEEPEST: usize = 64;
const TOO_DEEP: &str =
    "is too long a chain, or nests too deep; use a list (ticket.key in ['a', 'b']) or several rules";

/// Reads a condition.
///
/// # Errors
/// What is wrong with it and what was meant, for the person who wrote it.
pub(crate) fn condition(source: &str) -> Result<Expr, LanguageError> {
    let parsed = lexed(source, true)
        .and_then(|()| parse_expr(source))
        .map_err(|error| syntax(&error, hint::condition(source)))?;
    let expr = expression(&parsed, 0)?;
    lint::condition(&expr)?;
    Ok(expr)
}

/// Reads a title: text with `{{ … }}` and `{% if … %}`.
///
/// # Errors
/// What is wrong with it and what was meant, for the person who wrote it.
pub(crate) fn title(source: &str) -> Result<Vec<Piece>, LanguageError> {
    let parsed = lexed(source, false)
        .and_then(|()| parse(source, "title", SyntaxConfig::default()))
        .map_err(|error| syntax(&error, hint::title(source)))?;
    let ast::Stmt::Template(template) = &parsed else {
        return Err("can't be read".into());
    };
    let pieces = pieces(&template.children, 0)?;
    lint::title(&pieces)?;
    Ok(pieces)
}

/// The parser takes a character that it doesn't know for the end of the source if it comes behind a
/// constant, and so leaves out what follows: read all of it first.
fn lexed(source: &str, is_expression: bool) -> Result<(), minijinja::Error> {
    tokenize(source, is_expression, SyntaxConfig::default()).try_for_each(|token| token.map(|_| ()))
}

fn syntax(error: &minijinja::Error, hint: Option<String>) -> String {
    let said = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    match hint {
        Some(hint) => format!("{said}; {hint}"),
        None => said,
    }
}

fn pieces(statements: &[ast::Stmt<'_>], depth: usize) -> Result<Vec<Piece>, LanguageError> {
    if depth > DEEPEST {
        return Err(TOO_DEEP.into());
    }
    statements
        .iter()
        .map(|statement| match statement {
            ast::Stmt::EmitRaw(raw) => match hint::placeholder(raw.raw) {
                Some(hint) => Err(hint.into()),
                None => Ok(Piece::Text(raw.raw.to_owned())),
            },
            ast::Stmt::EmitExpr(emit) => expression(&emit.expr, depth + 1).map(Piece::Show),
            ast::Stmt::IfCond(cond) => Ok(Piece::If {
                test: expression(&cond.expr, depth + 1)?,
                then: pieces(&cond.true_body, depth + 1)?,
                otherwise: pieces(&cond.false_body, depth + 1)?,
            }),
            _ => Err("a title can have {{ … }} and {% if … %}…{% endif %}, and no other statements".into()),
        })
        .collect()
}

fn expression(parsed: &ast::Expr<'_>, depth: usize) -> Result<Expr, LanguageError> {
    if depth > DEEPEST {
        return Err(TOO_DEEP.into());
    }
    let boxed = |parsed: &ast::Expr<'_>| expression(parsed, depth + 1).map(Box::new);
    Ok(match parsed {
        ast::Expr::Const(constant) => Expr::Const(constant_value(&constant.value)?),
        ast::Expr::Var(_) | ast::Expr::GetAttr(_) | ast::Expr::GetItem(_) => {
            return path_or_item(parsed, depth);
        }
        ast::Expr::List(list) => Expr::List(all(&list.items, depth)?),
        ast::Expr::Tuple(tuple) => Expr::List(all(&tuple.items, depth)?),
        ast::Expr::UnaryOp(operation) => match operation.op {
            ast::UnaryOpKind::Not => Expr::Not(boxed(&operation.expr)?),
            ast::UnaryOpKind::Neg => match expression(&operation.expr, depth + 1)? {
                Expr::Const(Value::Int(number)) => Expr::Const(Value::Int(number.saturating_neg())),
                Expr::Const(Value::Float(number)) => Expr::Const(Value::Float(-number)),
                other => Expr::Negative(Box::new(other)),
            },
        },
        ast::Expr::BinOp(operation) => {
            let (left, right) = (boxed(&operation.left)?, boxed(&operation.right)?);
            match operation.op {
                ast::BinOpKind::ScAnd => Expr::And(left, right),
                ast::BinOpKind::ScOr => Expr::Or(left, right),
                ast::BinOpKind::In => Expr::In(left, right),
                ast::BinOpKind::Eq => Expr::Compare(Comparison::Equal, left, right),
                ast::BinOpKind::Ne => Expr::Compare(Comparison::Unequal, left, right),
                ast::BinOpKind::Lt => Expr::Compare(Comparison::Less, left, right),
                ast::BinOpKind::Lte => Expr::Compare(Comparison::AtMost, left, right),
                ast::BinOpKind::Gt => Expr::Compare(Comparison::More, left, right),
                ast::BinOpKind::Gte => Expr::Compare(Comparison::AtLeast, left, right),
                ast::BinOpKind::Add => Expr::Calculate(Operator::Add, left, right),
                ast::BinOpKind::Sub => Expr::Calculate(Operator::Subtract, left, right),
                ast::BinOpKind::Mul => Expr::Calculate(Operator::Multiply, left, right),
                ast::BinOpKind::Div => Expr::Calculate(Operator::Divide, left, right),
                ast::BinOpKind::Rem => Expr::Calculate(Operator::Remainder, left, right),
                ast::BinOpKind::Concat => Expr::Calculate(Operator::Join, left, right),
                ast::BinOpKind::FloorDiv | ast::BinOpKind::Pow => {
                    return Err("only + - * / % calculate; there is no // and no **".into());
                }
            }
        }
        ast::Expr::Compare(chain) => chained(chain, depth)?,
        ast::Expr::IfExpr(choice) => Expr::If {
            test: boxed(&choice.test_expr)?,
            then: boxed(&choice.true_expr)?,
            otherwise: choice.false_expr.as_ref().map(boxed).transpose()?,
        },
        ast::Expr::Filter(filter) => {
            let Some(of) = &filter.expr else {
                return Err("a filter stands behind what it is about: ticket.subject | lower".into());
            };
            Expr::Filter(
                Filter::find(filter.name, filter.args.len())?,
                boxed(of)?,
                arguments(&filter.args, depth)?,
            )
        }
        ast::Expr::Test(test) => test_of(test, depth)?,
        ast::Expr::Call(call) => called(call, depth)?,
        ast::Expr::Slice(slice) => {
            if slice.step.is_some() {
                return Err("a part of a text has a beginning and an end, and no step".into());
            }
            Expr::Slice(
                boxed(&slice.expr)?,
                bound(slice.start.as_ref(), depth)?,
                bound(slice.stop.as_ref(), depth)?,
            )
        }
        ast::Expr::Map(_) => return Err("there are no maps ({…}) here".into()),
    })
}

fn all(items: &[ast::Expr<'_>], depth: usize) -> Result<Vec<Expr>, LanguageError> {
    items.iter().map(|item| expression(item, depth + 1)).collect()
}

/// `1 < x < 5` is `1 < x and x < 5`.
fn chained(chain: &ast::Compare<'_>, depth: usize) -> Result<Expr, LanguageError> {
    let mut left = expression(&chain.expr, depth + 1)?;
    let mut whole: Option<Expr> = None;
    let last = chain.ops.len().saturating_sub(1);
    if last > 1 {
        return Err(
            "a chain compares three values, such as 1 < ticket.fields.seats < 10; join more with “and”"
                .into(),
        );
    }
    for (at, operation) in chain.ops.iter().enumerate() {
        let right = expression(&operation.expr, depth + 1)?;
        // It is evaluated twice, and so must not have chains within.
        if at < last && !is_simple(&right) {
            return Err(
                "in the middle of a chain of comparisons stands a name or a value; join others with “and”"
                    .into(),
            );
        }
        let (one, other) = (Box::new(left), Box::new(right.clone()));
        let compared = match operation.op {
            ast::CompareOpKind::Eq => Expr::Compare(Comparison::Equal, one, other),
            ast::CompareOpKind::Ne => Expr::Compare(Comparison::Unequal, one, other),
            ast::CompareOpKind::Lt => Expr::Compare(Comparison::Less, one, other),
            ast::CompareOpKind::Lte => Expr::Compare(Comparison::AtMost, one, other),
            ast::CompareOpKind::Gt => Expr::Compare(Comparison::More, one, other),
            ast::CompareOpKind::Gte => Expr::Compare(Comparison::AtLeast, one, other),
            ast::CompareOpKind::In => Expr::In(one, other),
            ast::CompareOpKind::NotIn => Expr::Not(Box::new(Expr::In(one, other))),
        };
        whole = Some(match whole {
            Some(before) => Expr::And(Box::new(before), Box::new(compared)),
            None => compared,
        });
        left = right;
    }
    whole.ok_or_else(|| "compares nothing".into())
}

fn is_simple(expr: &Expr) -> bool {
    match expr {
        Expr::Name(_) | Expr::Field(_) | Expr::Const(_) => true,
        Expr::Filter(_, of, arguments) => is_simple(of) && arguments.iter().all(is_simple),
        _ => false,
    }
}

/// `ticket.requester.name`, `ticket.fields['360012345']`, `ticket.tags[0]`.
fn path_or_item(parsed: &ast::Expr<'_>, depth: usize) -> Result<Expr, LanguageError> {
    if let ast::Expr::GetAttr(attribute) = parsed
        && let Some(of) = path(&attribute.expr).filter(|of| of.starts_with("ticket.fields."))
    {
        return Err(format!("the custom field {of} has no parts, and so no “{}”", attribute.name).into());
    }
    if let Some(path) = path(parsed) {
        if let Some(field) = path.strip_prefix("ticket.fields.") {
            return Ok(Expr::Field(field.to_owned()));
        }
        return match name::find(&path)? {
            Found::Name(name) => Ok(Expr::Name(name)),
            Found::Whole if path == "ticket.fields" => Err(
                "ticket.fields needs the name of a field: ticket.fields.NAME, or ticket.fields['360012345']"
                    .into(),
            ),
            Found::Whole => Err(format!(
                "{path} is no value by itself; write one of {path}.{}",
                name::parts(&path).join(&format!(", {path}."))
            )
            .into()),
        };
    }
    match parsed {
        ast::Expr::GetItem(item) => {
            let index = match expression(&item.subscript_expr, depth + 1)? {
                Expr::Const(Value::Int(index)) => index,
                _ => {
                    return Err("only a number, or the name of a field in quotes, can stand in [ ]".into());
                }
            };
            Ok(Expr::Item(Box::new(expression(&item.expr, depth + 1)?), index))
        }
        ast::Expr::GetAttr(attribute) => {
            Err(format!("{} has no “{}”", expression(&attribute.expr, depth + 1)?, attribute.name).into())
        }
        _ => Err("can't be read".into()),
    }
}

/// The dotted path of a name; `['…']` is a dot, too.
fn path(parsed: &ast::Expr<'_>) -> Option<String> {
    match parsed {
        ast::Expr::Var(variable) => Some(variable.id.to_owned()),
        ast::Expr::GetAttr(attribute) => Some(format!("{}.{}", path(&attribute.expr)?, attribute.name)),
        ast::Expr::GetItem(item) => {
            let of = path(&item.expr)?;
            match &item.subscript_expr {
                ast::Expr::Const(constant) if constant.value.kind() == ValueKind::String => {
                    Some(format!("{of}.{}", constant.value.as_str()?))
                }
                // Zendesk's fields have numbers for names.
                ast::Expr::Const(constant) if of == "ticket.fields" => {
                    Some(format!("{of}.{}", constant.value))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn test_of(test: &ast::Test<'_>, depth: usize) -> Result<Expr, LanguageError> {
    let of = Box::new(expression(&test.expr, depth + 1)?);
    let mut given = arguments(&test.args, depth)?;
    match (test.name, given.len()) {
        ("in", 1) => Ok(Expr::In(of, Box::new(given.remove(0)))),
        ("eq" | "equalto", 1) => Ok(Expr::Compare(Comparison::Equal, of, Box::new(given.remove(0)))),
        ("ne", 1) => Ok(Expr::Compare(Comparison::Unequal, of, Box::new(given.remove(0)))),
        ("lt", 1) => Ok(Expr::Compare(Comparison::Less, of, Box::new(given.remove(0)))),
        ("le", 1) => Ok(Expr::Compare(Comparison::AtMost, of, Box::new(given.remove(0)))),
        ("gt", 1) => Ok(Expr::Compare(Comparison::More, of, Box::new(given.remove(0)))),
        ("ge", 1) => Ok(Expr::Compare(Comparison::AtLeast, of, Box::new(given.remove(0)))),
        ("true", 0) => Ok(Expr::Compare(Comparison::Equal, of, Box::new(Expr::Const(Value::Bool(true))))),
        ("false", 0) => Ok(Expr::Compare(Comparison::Equal, of, Box::new(Expr::Const(Value::Bool(false))))),
        (name, count) => Ok(Expr::Is(Test::find(name, count)?, of, given)),
    }
}

fn called(call: &ast::Call<'_>, depth: usize) -> Result<Expr, LanguageError> {
    match call.identify_call() {
        ast::CallType::Method(of, name) => {
            // “ticket.contains(…)” is about no value at all, which the first line says.
            let of = expression(of, depth + 1)?;
            Ok(Expr::Method(
                Method::find(name, call.args.len())?,
                Box::new(of),
                arguments(&call.args, depth)?,
            ))
        }
        ast::CallType::Function(name) => {
            let is_filter = Filter::find(name, 0).is_ok() || Filter::find(name, 1).is_ok();
            Err(if Method::find(name, 1).is_ok() {
                format!("{name} is written behind what it is about: ticket.subject.{name}('…')")
            } else if is_filter {
                format!("{name} is a filter: write ticket.subject | {name}")
            } else {
                format!(
                    "there is no function “{name}”, nor any other; there are filters such as ticket.subject | lower"
                )
            }.into())
        }
        ast::CallType::Object(_) => {
            Err("only a method can be called, such as ticket.subject.contains('…')".into())
        }
    }
}

fn arguments(given: &[ast::CallArg<'_>], depth: usize) -> Result<Vec<Expr>, LanguageError> {
    given
        .iter()
        .map(|argument| match argument {
            ast::CallArg::Pos(argument) => expression(argument, depth + 1),
            ast::CallArg::Kwarg(name, _) => {
                Err(format!("what stands in parentheses has no names: leave out “{name}=”").into())
            }
            _ => Err("no * and ** can stand before what is in parentheses".into()),
        })
        .collect()
}

fn bound(parsed: Option<&ast::Expr<'_>>, depth: usize) -> Result<Option<i64>, LanguageError> {
    match parsed.map(|parsed| expression(parsed, depth + 1)).transpose()? {
        None => Ok(None),
        Some(Expr::Const(Value::Int(number))) => Ok(Some(number)),
        Some(_) => Err("a part of a text is written with numbers, such as ticket.subject[:40]".into()),
    }
}

fn constant_value(value: &minijinja::Value) -> Result<Value<'static>, LanguageError> {
    Ok(match value.kind() {
        ValueKind::None | ValueKind::Undefined => Value::Missing,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => match value.as_i64() {
            Some(number) if value.is_integer() => Value::Int(number),
            _ => Value::Float(
                f64::try_from(value.clone()).map_err(|_| format!("{value} is too large a number"))?,
            ),
        },
        ValueKind::String => Value::Text(value.as_str().unwrap_or_default().to_owned().into()),
        _ => return Err("can't stand here".into()),
    })
}
