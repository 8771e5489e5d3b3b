//! Plans and backfills as lines.

use std::time::Duration;

use crate::backfill::Job;
use crate::backfill::plan::{First, Plan, WRITES_PER_ROOM};
use crate::backfill::view::BackfillView;
use crate::docspace::limits::Limits;
use crate::printable::printable;

/// Texts of tickets in a line.
const SHOWN: usize = 80;

/// What a backfill comes to.
pub(super) fn plan(job: &Job, plan: &Plan, limits: &Limits) -> String {
    let about = if plan.extrapolated { "about " } else { "" };
    let until = job.span.until.map_or_else(String::new, |until| format!(", before {until}"));
    let at_least = if plan.listed_all { "" } else { "more than " };
    let mut lines =
        vec![format!("helpdesk  {}", job.helpdesk), format!("created   since {}{until}", job.span.since)];
    lines.extend(job.condition.as_ref().map(|condition| format!("where     {}", printable(condition, 200))));
    lines.extend([
        format!("listed    {at_least}{} tickets that have changed since then", plan.listed),
        format!("known     {} of them, which are left alone", plan.known),
        format!("match     {about}{} of the others", plan.matching),
        format!("rooms     {about}{} of those would get one by the rules of today", plan.rooms),
        format!("writes    {about}{} to DocSpace, {WRITES_PER_ROOM} for each room", plan.writes),
        match plan.hours {
            Some(hours) => format!(
                "time      about {} with what is left of {} writes a day beside {} that are kept for tickets that come in",
                spoken(hours),
                limits.writes_per_day,
                limits.reserved_writes
            ),
            None => "time      it never ends: [backfill] reserve keeps all writes of a day for tickets that come in"
                .to_owned(),
        },
        if job.quiet {
            "notes     none: the link only goes into its field".to_owned()
        } else {
            "notes     an internal note with the link for each; --no-note leaves them out".to_owned()
        },
    ]);
    if plan.extrapolated {
        let unknown = plan.listed - plan.known;
        lines.push(format!(
            "basis     a sample: {} of the {unknown} tickets that are not known were read, and the others are taken to be \
             like them",
            plan.observed
        ));
    } else {
        lines.push(format!("basis     all {} tickets that are not known were read", plan.observed));
    }
    if plan.undecided > 0 {
        lines.push(format!("undecided {} of these can't be read or decided about", plan.undecided));
    }
    if !plan.first.is_empty() {
        let of = if plan.extrapolated { "the sample's first" } else { "the first" };
        lines.extend([String::new(), format!("{of} {}:", plan.first.len())]);
        lines.extend(plan.first.iter().map(first));
    }
    lines.join("\n")
}

fn first(one: &First) -> String {
    let name = one.key.clone().unwrap_or_else(|| one.id.to_string());
    let what = match (&one.template, &one.why_none) {
        (Some(template), _) => format!("template {template}"),
        (None, Some(why)) => format!("no room: {}", printable(why, SHOWN)),
        (None, None) => "no room".to_owned(),
    };
    format!("  {}  {}  ({what})", printable(&name, 40), printable(&one.subject, SHOWN))
}

fn spoken(hours: f64) -> String {
    if hours < 1.0 {
        format!("{:.0} minutes", (hours * 60.0).ceil().max(1.0))
    } else if hours < 48.0 {
        format!("{hours:.1} hours")
    } else {
        format!("{:.0} hours ({:.1} days)", hours, hours / 24.0)
    }
}

/// All backfills, a paragraph each.
pub(super) fn backfills(views: &[BackfillView]) -> String {
    views.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

fn one(view: &BackfillView) -> String {
    let until = view.until.map_or_else(String::new, |until| format!(" before {until}"));
    let mut lines = vec![format!(
        "{}  {}  {}  created since {}{until}",
        view.id,
        view.state.as_str(),
        view.helpdesk,
        view.since
    )];
    lines.extend(view.r#where.as_ref().map(|condition| format!("  where     {}", printable(condition, 200))));
    lines.push(format!(
        "  listed    {}: {} known, {} not wanted, {} undecided",
        view.listed, view.known, view.left_out, view.undecided
    ));
    let expected = view.expected.map_or_else(String::new, |expected| format!(" of about {expected}"));
    lines.push(format!(
        "  taken in  {}{expected}: {} ready, {} without a room, {} archived, {} blocked, {} open",
        view.taken_in, view.ready, view.without_room, view.archived, view.blocked, view.open
    ));
    lines.extend(view.seconds_left.map(|left| {
        format!("  left      about {}", humantime::format_duration(Duration::from_secs(left.max(1))))
    }));
    lines.extend(view.reason.as_ref().map(|reason| format!("  waits     {}", printable(reason, 300))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::{BackfillId, Listed, Span};
    use crate::clock::Timestamp;

    fn job() -> Job {
        let span = Span::parse("2026-01-01", Some("2026-01-31")).unwrap();
        let condition = Some("ticket.priority == 'urgent'".to_owned());
        Job::new("zendesk".parse().unwrap(), span, condition, true, Some(2500), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_plan_says_what_it_rests_on_and_escapes_what_it_quotes() {
        let first = |id: &str, subject: &str, template: Option<&str>, why: Option<&str>| First {
            id: id.parse().unwrap(),
            key: None,
            subject: subject.to_owned(),
            created: None,
            template: template.map(str::to_owned),
            why_none: why.map(str::to_owned),
        };
        let plan = Plan {
            listed: 10_100,
            listed_all: true,
            known: 100,
            observed: 200,
            undecided: 1,
            matching: 2500,
            rooms: 2000,
            extrapolated: true,
            writes: 6000,
            hours: Some(18.0),
            first: vec![
                first("7", "VPN\u{1b}[31m", Some("default"), None),
                first("8", "old", None, Some("it is closed")),
            ],
        };
        insta::assert_snapshot!(super::plan(&job(), &plan, &Limits::default()));
        let all = Plan { extrapolated: false, observed: 10_000, hours: None, first: vec![], ..plan };
        let text = super::plan(&job(), &all, &Limits::default());
        assert!(text.contains("all 10000 tickets that are not known were read"), "{text}");
        assert!(text.contains("it never ends"), "{text}");
    }

    #[test]
    fn hours_are_said_as_people_say_them() {
        assert_eq!(spoken(0.0), "1 minutes");
        assert_eq!(spoken(1.26), "1.3 hours");
        assert_eq!(spoken(90.0), "90 hours (3.8 days)");
    }

    #[test]
    fn a_backfill_says_how_far_it_is() {
        let mut job = job();
        job.counts.listed = 500;
        job.counts.taken_in = 120;
        job.counts.ready = 100;
        let listed = Listed { id: BackfillId::new(uuid::Uuid::nil()), turn: 3, job };
        insta::assert_snapshot!(backfills(&[BackfillView::new(&listed, Timestamp::UNIX_EPOCH)]));
    }
}
