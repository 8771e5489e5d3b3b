//! The fields of events and of spans, made harmless when they are recorded.
//!
//! [`SpanFields`] keeps each span's fields as values in the span's extensions. [`super::line`]
//! reads them there. The formatted text that `tracing_subscriber` would keep instead can't be
//! merged with an event's fields by name, so [`NoText`] leaves it empty.

use std::fmt;

use serde_json::Value;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::printable::{MESSAGE, printable, printed};

/// What an event or a span says, made harmless. Each name occurs once.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl Values {
    /// Sets the fields of a span, and leaves the message.
    pub(super) fn take_fields_of(&mut self, span: &Self) {
        for (name, value) in &span.fields {
            self.set(name, value.clone());
        }
    }

    fn set(&mut self, name: &'static str, value: Value) {
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.fields.push((name, value)),
        }
    }

    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        match (field.name(), value.into()) {
            ("message", Value::String(message)) => self.message = message,
            (name, value) => self.set(name, value),
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

/// Keeps the fields of spans.
pub(super) struct SpanFields;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanFields {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut values = Values::default();
            attributes.record(&mut values);
            span.extensions_mut().replace(values);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(values) = span.extensions_mut().get_mut::<Values>()
        {
            record.record(values);
        }
    }
}

/// Formats no fields.
pub(super) struct NoText;

impl<'writer> FormatFields<'writer> for NoText {
    fn format_fields<R: RecordFields>(&self, _writer: Writer<'writer>, _fields: R) -> fmt::Result {
        Ok(())
    }
}
