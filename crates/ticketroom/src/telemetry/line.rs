//! A line of the log: the time, the level, the message, and fields as `key=value` or as a JSON
//! object.
//!
//! The fields of the spans around an event come first, the outermost span's before the inner ones',
//! then those of the event. A name appears once: the event's value replaces the span's, and an
//! inner span's value an outer one's.
//!
//! Values may hold text of other systems (an id, a detail of an error), so each goes through
//! [`crate::printable`], and is put into quotation marks where it could be taken for another field.

use std::fmt;

use serde_json::Value;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::LogFormat;
use super::fields::Values;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::printable::LogValue;

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
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut values = Values::default();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<Values>() {
                values.take_fields_of(of_span);
            }
        }
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

#[cfg(test)]
mod tests {
    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::super::fields::{NoText, SpanFields};
    use super::*;

    fn lines(values: &Values) -> (String, String) {
        let (mut for_people, mut as_json) = (String::new(), String::new());
        let at = Timestamp::UNIX_EPOCH;
        human(&mut Writer::new(&mut for_people), at, Level::WARN, values).unwrap();
        json(&mut Writer::new(&mut as_json), at, Level::WARN, values).unwrap();
        (for_people, as_json)
    }

    /// What is logged by `log`, with spans of every level.
    fn logged(format: LogFormat, log: impl FnOnce()) -> String {
        let lines = tempfile::NamedTempFile::new().unwrap();
        let writer = std::sync::Mutex::new(lines.reopen().unwrap());
        let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
        let layer = layer.fmt_fields(NoText).event_format(Line { format });
        let subscriber = tracing_subscriber::registry().with(SpanFields).with(layer);
        tracing::subscriber::with_default(subscriber, log);
        std::fs::read_to_string(lines.path()).unwrap()
    }

    #[test]
    fn a_line_has_the_fields_of_its_spans_once() {
        let log = || {
            let run =
                tracing::error_span!("run", ticket = "zendesk/1 run=9", run = 3, status = Empty).entered();
            let _inner = tracing::error_span!("inner", run = 4, part = "a").entered();
            tracing::warn!(ticket = "zendesk/2", step = "create_room", "failed");
            run.record("status", 200);
            run.record("status", 503);
            tracing::info!("ended");
        };
        let for_people = logged(LogFormat::Human, log);
        let without_time: Vec<_> =
            for_people.lines().map(|line| line.split_once('Z').unwrap().1.trim_start()).collect();
        assert_eq!(
            without_time,
            [
                "WARN failed ticket=zendesk/2 run=4 part=a step=create_room",
                "INFO ended ticket=\"zendesk/1 run=9\" run=4 status=503 part=a",
            ]
        );
        let as_json = logged(LogFormat::Json, log);
        let (_, fields) = as_json.lines().next().unwrap().split_once("\"message\":").unwrap();
        assert_eq!(
            fields, r#""failed","ticket":"zendesk/2","run":4,"part":"a","step":"create_room"}"#,
            "{as_json}"
        );
        let ended: Value = serde_json::from_str(as_json.lines().nth(1).unwrap()).unwrap();
        assert_eq!(
            (&ended["ticket"], &ended["status"]),
            (&Value::from("zendesk/1 run=9"), &Value::from(503))
        );
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
