use std::sync::Barrier;

use super::*;
use crate::clock::ManualClock;
use crate::metrics::Format;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// What happens to a breaker, and what follows.
enum Line {
    /// At that second, this call is sent.
    Sent(&'static str, i64),
    /// At that second, a call is refused until then.
    Refused(i64, i64),
    /// This call ends so at that second, and this change follows.
    Ended(&'static str, i64, Verdict, Option<Change>),
}

use Line::{Ended, Refused as RefusedUntil, Sent};
use Verdict::{Answers, Fails, Unknown};

/// Plays the lines; pauses have their whole length.
fn play(lines: Vec<Line>) {
    let mut state = State::default();
    let mut calls = HashMap::new();
    for (number, line) in lines.into_iter().enumerate() {
        match line {
            Sent(call, second) => {
                let admitted = state.admit(at(second));
                calls.insert(call, admitted.unwrap_or_else(|refused| panic!("line {number}: {refused:?}")));
            }
            RefusedUntil(second, until) => {
                let refused = state.admit(at(second)).unwrap_err();
                assert_eq!(refused.until, at(until), "line {number}");
                assert_eq!(refused.wait.as_secs(), u64::try_from(until - second).unwrap(), "line {number}");
            }
            Ended(call, second, verdict, expected) => {
                let change = state.ended(calls[call], verdict, at(second), |pause| pause);
                assert_eq!(change, expected, "line {number}");
            }
        }
    }
}

fn opened(since: i64, until: i64) -> Option<Change> {
    Some(Change::Opened { since: at(since), until: at(until) })
}

fn closed(since: i64) -> Option<Change> {
    Some(Change::Closed { since: at(since) })
}

/// Five calls that are sent together at 0 and fail at 20: it is open until 25.
fn five_fail() -> Vec<Line> {
    vec![
        Sent("a", 0),
        Sent("b", 0),
        Sent("c", 0),
        Sent("d", 1),
        Sent("e", 1),
        Ended("a", 20, Fails, None),
        Ended("b", 20, Fails, None),
        Ended("c", 20, Fails, None),
        Ended("d", 20, Fails, None),
        Ended("e", 20, Fails, opened(0, 25)),
    ]
}

fn after_five(lines: Vec<Line>) -> Vec<Line> {
    five_fail().into_iter().chain(lines).collect()
}

#[test]
fn it_opens_after_five_in_a_row_and_a_probe_closes_it() {
    play(after_five(vec![
        RefusedUntil(20, 25),
        RefusedUntil(24, 25),
        Sent("probe", 25),
        RefusedUntil(26, 27),
        Ended("probe", 27, Answers, closed(0)),
        Sent("next", 27),
    ]));
}

#[test]
fn each_probe_that_fails_doubles_the_pause_up_to_a_minute() {
    let mut lines = five_fail();
    let mut now = 25;
    for pause in [10, 20, 40, 60, 60, 60] {
        lines.push(Sent("probe", now));
        lines.push(Ended("probe", now + 20, Fails, None));
        lines.push(RefusedUntil(now + 20, now + 20 + pause));
        now += 20 + pause;
    }
    lines.push(Sent("probe", now));
    lines.push(Ended("probe", now + 1, Answers, closed(0)));
    // It has forgotten all that.
    for call in ["f", "g", "h", "i"] {
        lines.push(Sent(call, now + 1));
        lines.push(Ended(call, now + 2, Fails, None));
    }
    lines.push(Sent("j", now + 2));
    lines.push(Ended("j", now + 3, Fails, opened(now + 1, now + 8)));
    play(lines);
}

#[test]
fn an_answer_in_between_begins_the_count_anew() {
    let mut lines = Vec::new();
    for round in 0..3 {
        for call in ["a", "b", "c", "d"] {
            lines.push(Sent(call, round));
            lines.push(Ended(call, round, Fails, None));
        }
        lines.push(Sent("answered", round));
        lines.push(Ended("answered", round, Answers, None));
    }
    play(lines);
}

#[test]
fn failures_that_are_long_ago_do_not_count() {
    // One ticket that is tried again and again.
    let seldom = (0..40).flat_map(|n| [Sent("a", n * 20), Ended("a", n * 20 + 19, Fails, None)]);
    play(seldom.collect());
}

#[test]
fn calls_that_were_under_way_at_the_opening_prolong_nothing() {
    let mut lines: Vec<_> = ["late 1", "late 2", "late 3"].map(|call| Sent(call, 2)).into_iter().collect();
    lines.extend(after_five(vec![
        Ended("late 1", 22, Fails, None),
        RefusedUntil(24, 25),
        Sent("probe", 25),
        // This is not the probe.
        Ended("late 2", 26, Fails, None),
        Ended("probe", 27, Answers, closed(0)),
        Ended("late 3", 28, Fails, None),
    ]));
    // That one does not count among the next five.
    for call in ["f", "g", "h", "i"] {
        lines.push(Sent(call, 28));
        lines.push(Ended(call, 29, Fails, None));
    }
    lines.push(Sent("sent all the same", 29));
    play(lines);
}

#[test]
fn an_answer_to_a_call_that_was_under_way_closes_it() {
    let open = vec![Ended("late", 21, Answers, closed(0)), Sent("next", 21)];
    play(std::iter::once(Sent("late", 2)).chain(after_five(open)).collect());
    let probing = vec![
        Sent("probe", 25),
        Ended("late", 26, Answers, closed(0)),
        Ended("probe", 45, Fails, None),
        Sent("next", 46),
    ];
    play(std::iter::once(Sent("late", 2)).chain(after_five(probing)).collect());
}

#[test]
fn a_probe_that_is_given_up_leaves_its_place_to_the_next() {
    play(after_five(vec![
        Sent("probe", 25),
        Ended("probe", 30, Unknown, None),
        Sent("another", 30),
        // What became of the first one does not matter any more.
        Ended("probe", 31, Fails, None),
        RefusedUntil(31, 32),
        Ended("another", 50, Fails, None),
        RefusedUntil(51, 60),
    ]));
}

#[test]
fn calls_that_are_given_up_say_nothing() {
    let mut lines = five_fail();
    lines.pop();
    lines.push(Ended("e", 20, Unknown, None));
    lines.push(Sent("f", 21));
    lines.push(Ended("f", 22, Fails, opened(0, 27)));
    play(lines);
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_it_open() {
    play(after_five(vec![Sent("probe", -3600), Ended("probe", -3599, Answers, closed(0))]));
}

#[test]
fn what_counts_is_whether_the_system_answers() {
    let some = String::new;
    for (ended, expected) in [
        (Ok(200), Answers),
        (Ok(401), Answers),
        (Ok(404), Answers),
        (Ok(429), Answers),
        (Ok(500), Answers),
        (Ok(502), Fails),
        (Ok(503), Fails),
        (Ok(504), Fails),
        (Ok(522), Fails),
        (Err(Cause::Unreachable(some())), Fails),
        (Err(Cause::NoAnswer(some())), Fails),
        (Err(Cause::HeldBack), Unknown),
    ] {
        assert_eq!(verdict(ended.as_ref().map(|status| *status)), expected, "{ended:?}");
    }
}

fn breakers() -> (Breakers, Arc<ManualClock>, Metrics) {
    let (clock, metrics) = (Arc::new(ManualClock::at(at(0))), Metrics::new());
    let breakers = Breakers::new(Arc::<ManualClock>::clone(&clock), Chance::seeded(1), metrics.clone());
    (breakers, clock, metrics)
}

fn fail(breaker: &Breaker, times: usize) {
    for _ in 0..times {
        breaker.admit("Zendesk").unwrap().ended(Fails);
    }
}

#[test]
fn one_of_many_callers_at_once_is_the_probe() {
    let (breakers, clock, metrics) = breakers();
    let breaker = breakers.of("zendesk-eu");
    let shown = |open: u8| format!("ticketroom_breaker_open{{system=\"zendesk-eu\"}} {open}\n");
    assert!(metrics.text(Format::Prometheus).contains(&shown(0)), "{}", metrics.text(Format::Prometheus));
    fail(&breaker, THRESHOLD);
    assert!(metrics.text(Format::Prometheus).contains(&shown(1)), "{}", metrics.text(Format::Prometheus));
    assert!(breaker.admit("Zendesk").is_err());
    for round in 0..20 {
        clock.advance(LONGEST_PAUSE);
        let together = Barrier::new(8);
        let call = || {
            together.wait();
            let pass = breaker.admit("Zendesk").ok();
            // Nobody ends before all have asked.
            together.wait();
            pass.map(|pass| pass.ended(Fails)).is_some()
        };
        let sent = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..8).map(|_| scope.spawn(call)).collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).filter(|sent| *sent).count()
        });
        assert_eq!(sent, 1, "round {round}");
    }
    clock.advance(LONGEST_PAUSE);
    breaker.admit("Zendesk").unwrap().ended(Answers);
    assert!(metrics.text(Format::Prometheus).contains(&shown(0)), "{}", metrics.text(Format::Prometheus));
    assert_eq!(breakers.gate("zendesk-eu"), Gate::Open);
}

#[test]
fn each_system_has_its_own_and_says_in_words_why_nothing_is_sent() {
    let (breakers, clock, _) = breakers();
    let (one, other) = (breakers.of("zendesk-eu"), breakers.of("docspace"));
    fail(&one, THRESHOLD);
    assert!(other.admit("DocSpace").is_ok() && other.refuses().is_ok());
    let failed = |system, cause| crate::call::CallName { system, call: "x" }.failed(cause);
    let failure = failed(&crate::helpdesk::zendesk::reasons::ZENDESK, one.refuses().unwrap_err());
    let text = failure.to_string();
    assert!(
        text.starts_with("Zendesk “zendesk-eu” has not answered since 08:00:00 UTC; trying again at 08:00:0"),
        "{text}"
    );
    assert!(text.contains(&failure.silence().unwrap()));
    assert!(failure.is_transient() && failure.side_effect() == crate::call::SideEffect::None);
    assert!(failure.retry_after().is_some_and(|wait| wait <= FIRST_PAUSE && wait >= FIRST_PAUSE / 2));
    clock.advance(Duration::from_secs(100_000));
    fail(&other, THRESHOLD);
    clock.advance(Duration::from_secs(100_000));
    drop(other.admit("DocSpace").unwrap());
    let pass = other.admit("DocSpace").unwrap();
    let text = failed(&crate::docspace::reasons::DOCSPACE, other.refuses().unwrap_err()).to_string();
    assert_eq!(text, "DocSpace has not answered since 2027-01-16 11:46:40 UTC; trying again at 15:33:21 UTC");
    pass.ended(Unknown);
}

#[test]
fn a_system_that_is_configured_anew_keeps_its_breaker_until_it_is_forgotten() {
    let (breakers, _, metrics) = breakers();
    fail(&breakers.of("desk"), THRESHOLD);
    let line = |metrics: &Metrics| {
        let text = metrics.text(crate::metrics::Format::Prometheus);
        text.lines().find(|line| line.starts_with("ticketroom_breaker_open{")).map(str::to_owned)
    };
    let again = breakers.of("desk");
    assert!(again.refuses().is_err());
    assert_eq!(line(&metrics).as_deref(), Some("ticketroom_breaker_open{system=\"desk\"} 1"));
    breakers.forget("desk");
    assert_eq!(line(&metrics), None);
    assert!(again.refuses().is_ok(), "a call that is still made is one of a system that is not known");
}

#[test]
fn without_breakers_every_call_is_sent() {
    let breaker = Breaker::default();
    fail(&breaker, 100);
    assert!(breaker.refuses().is_ok());
}
