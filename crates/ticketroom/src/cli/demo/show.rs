//! What the demo shows: harmless text, as wide as the terminal, in colour where there is one.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{Result, print};
use crate::clock::{Timestamp, until};
use crate::printable::{column, fit};
use crate::store::{Queries, State, TicketQuery};

/// Where nobody tells how wide it is.
const WIDTH: usize = 80;
/// Columns of a ticket's name.
const NAME: usize = 15;
/// How often the store is looked at.
const LOOK: Duration = Duration::from_millis(40);

/// How something is shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Plain,
    Faint,
    Bold,
    Good,
    Bad,
}

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    colours: bool,
    width: usize,
}

impl Screen {
    pub(super) fn new() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colours = std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb;
        let size = terminal_size::terminal_size_of(std::io::stdout());
        let width = size.map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(40, 120));
        Self { colours, width }
    }

    /// The text as harmless text, in a style.
    fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            _ if !self.colours => None,
            Style::Plain => None,
            Style::Faint => Some("2"),
            Style::Bold => Some("1"),
            Style::Good => Some("32"),
            Style::Bad => Some("33"),
        };
        match code {
            Some(code) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            None => text.to_owned(),
        }
    }

    /// Prints lines of text of our own; what doesn't fit is cut.
    pub(super) fn say(self, style: Style, text: &str) -> Result {
        for line in text.split('\n') {
            print(&self.paint(style, &fit(line, self.width)))?;
        }
        Ok(())
    }

    /// Prints a line that is to be copied, however long it is.
    pub(super) fn say_whole(self, text: &str) -> Result {
        print(&fit(text, usize::MAX))
    }

    /// Begins a part of the demo.
    pub(super) fn begin(self, text: &str) -> Result {
        let (title, rest) = text.split_once('\n').unwrap_or((text, ""));
        print("")?;
        self.say(Style::Bold, title)?;
        if rest.is_empty() { Ok(()) } else { self.say(Style::Faint, rest) }
    }

    /// Something that happened to a ticket.
    pub(super) fn happened(self, since: Duration, ticket: &str, style: Style, text: &str) -> Result {
        let time = format!("{:>7.3} s", since.as_secs_f64());
        let name = column(ticket, NAME);
        let left = self.width.saturating_sub(time.len() + NAME + 4);
        print(&format!(
            "{}  {name}  {}",
            self.paint(Style::Faint, &time),
            self.paint(style, &fit(text, left))
        ))
    }
}

/// Shows what the store tells of tickets, as it comes in.
pub(super) struct Watcher {
    pub(super) store: Arc<dyn Queries>,
    pub(super) screen: Screen,
    pub(super) began: Timestamp,
    /// How much of each timeline was shown, and how the ticket stood last.
    seen: HashMap<String, (usize, Option<State>)>,
}

impl Watcher {
    pub(super) fn new(store: Arc<dyn Queries>, screen: Screen, began: Timestamp) -> Self {
        Self { store, screen, began, seen: HashMap::new() }
    }

    /// Goes on until nobody reads it.
    pub(super) async fn watch(&mut self) -> Result {
        loop {
            self.look().await?;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Shows what is new since the last look.
    pub(super) async fn look(&mut self) -> Result {
        // While the store can't be read, there is nothing to show.
        let query = TicketQuery { limit: 50, ..TicketQuery::default() };
        let Ok(records) = self.store.tickets(&query).await else { return Ok(()) };
        // A part of the demo may end in the middle of a look, so what was shown is noted once it
        // is.
        let (mut news, mut seen) = (Vec::new(), self.seen.clone());
        for record in records {
            let ticket = record.key.to_string();
            let (shown, state) = seen.entry(ticket.clone()).or_default();
            let Ok(timeline) = self.store.timeline(&record.key).await else { continue };
            for entry in timeline.iter().skip(*shown) {
                let (style, text) = match entry.kind.as_str() {
                    "delivery" => (Style::Faint, format!("a delivery came in: {}", entry.text)),
                    "failed" | "blocked" => (Style::Bad, entry.text.clone()),
                    _ => (Style::Plain, entry.text.clone()),
                };
                news.push((entry.at, ticket.clone(), style, text));
            }
            *shown = timeline.len();
            // A ticket that is looked at again and found well is no news.
            if *state != Some(record.state) && record.state == State::Ready {
                let at = timeline.last().map_or(record.updated, |entry| entry.at.max(record.updated));
                news.push((at, ticket, Style::Good, "ready".to_owned()));
            }
            if record.state != State::Working {
                *state = Some(record.state);
            }
        }
        news.sort_by_key(|(at, ..)| *at);
        for (at, ticket, style, text) in news {
            self.screen.happened(until(self.began, at), &ticket, style, &text)?;
        }
        self.seen = seen;
        Ok(())
    }
}
