//! A line of the log: the time, the level, the message, and fields as `key=value` or as a JSON object.
//!
//! Values may hold text of other systems (an id, a detail of an error), so each goes through [`crate::printable`], and
//! is put into quotation marks where it could be taken for another field.

use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::LogFormat;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::printable::{LogValue, MESSAGE, printable, printed};

/// How events become lines.
pub(super) struct Line {
    pub(super) format: LogFormat,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut values = Values::default();
        event.record(&mut values);
        let (now, level) = (SystemClock.now(), *event.metadata().level());
        match self.format {
            LogFormat::Human => human(&mut writer, now, level, &values),
            LogFormat::Json => json(&mut writer, now, level, &values),
        }
    }
}

fn human(writer: &mut Writer<'_>, now: Timestamp, level: Level, values: &Values) -> fmt::Result {
    if writer.has_ansi_escapes() {
        let colour = match level {
            Level::ERROR => 31,
            Level::WARN => 33,
            Level::INFO => 32,
            _ => 34,
        };
        write!(writer, "\u{1b}[2m{now:.6}\u{1b}[0m \u{1b}[{colour}m{level:>5}\u{1b}[0m {}", values.message)?;
    } else {
        write!(writer, "{now:.6} {level:>5} {}", values.message)?;
    }
    for (name, value) in &values.fields {
        match value {
            Value::String(text) => write!(writer, " {name}={}", LogValue(text))?,
            other => write!(writer, " {name}={other}")?,
        }
    }
    writeln!(writer)
}

fn json(writer: &mut Writer<'_>, now: Timestamp, level: Level, values: &Values) -> fmt::Result {
    let message = Value::from(values.message.as_str());
    write!(writer, "{{\"timestamp\":\"{now:.6}\",\"level\":\"{level}\",\"message\":{message}")?;
    for (name, value) in &values.fields {
        write!(writer, ",\"{name}\":{value}")?;
    }
    writeln!(writer, "}}")
}

/// What an event says, made harmless.
#[derive(Default)]
struct Values {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Values {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        match (field.name(), value.into()) {
            ("message", Value::String(message)) => self.message = message,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, printed(&format_args!("{value:?}"), MESSAGE));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, printable(value, MESSAGE));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(values: &Values) -> (String, String) {
        let (mut for_people, mut as_json) = (String::new(), String::new());
        let at = Timestamp::UNIX_EPOCH;
        human(&mut Writer::new(&mut for_people), at, Level::WARN, values).unwrap();
        json(&mut Writer::new(&mut as_json), at, Level::WARN, values).unwrap();
        (for_people, as_json)
    }

    #[test]
    fn no_value_forges_a_field() {
        let values = Values {
            message: "a delivery was refused".to_owned(),
            fields: vec![
                ("ticket", Value::from("zendesk/1 state=ready")),
                ("helpdesk", Value::from("zendesk")),
                ("number", Value::from(7)),
            ],
        };
        let (for_people, as_json) = lines(&values);
        assert_eq!(
            for_people,
            "1970-01-01T00:00:00.000000Z  WARN a delivery was refused ticket=\"zendesk/1 state=ready\" \
             helpdesk=zendesk number=7\n"
        );
        let read: Value = serde_json::from_str(&as_json).unwrap();
        assert_eq!(read["ticket"], "zendesk/1 state=ready");
        assert_eq!((&read["level"], &read["number"]), (&Value::from("WARN"), &Value::from(7)));
    }
}
