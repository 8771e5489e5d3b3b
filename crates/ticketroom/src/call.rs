//! What can become of a call to another system.
//!
//! A call that brought no good answer is a [`Failure`]. What matters most about it is its
//! [`SideEffect`]: either *surely nothing happened* over there, or *we don't know*. Only the former
//! may simply be tried again; for the latter somebody has to look first.
//!
//! Each [`System`] that is called declares what its failures are called and what helps against
//! them, in its own folder; [`Failure::reason`] puts that together.

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::printable::{DETAIL, printable};
use crate::reason::{Code, Reason, codes};

mod failure_codes;

pub(crate) use failure_codes::failure_codes;
pub use failure_codes::{FailureCodes, OTHER};

/// A system that is called: what its failures are called, and what helps against them.
#[derive(Debug)]
pub struct System {
    /// Its name as a person says it: `DocSpace`.
    pub name: &'static str,
    /// The codes of its failures.
    pub codes: FailureCodes,
    /// Whether it can be asked whether it accepts our credentials. A callback can only be told
    /// something.
    pub can_be_asked: bool,
    /// A code for a failure for which more is known than its cause alone tells; usually none.
    pub special: fn(&Failure) -> Option<&'static Code>,
}

impl PartialEq for System {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for System {}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Names a call for messages, metrics and fault points.
#[derive(Debug, Clone, Copy)]
pub struct CallName {
    /// Whom: `DocSpace`.
    pub system: &'static System,
    /// What: `create_room`.
    pub call: &'static str,
}

impl CallName {
    /// A failure of this call.
    #[must_use]
    pub fn failed(self, cause: Cause) -> Failure {
        Failure { system: self.system, call: self.call, cause, effect_uncertain: false }
    }
}

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whom we called.
    pub system: &'static System,
    /// What we called, as it is named in metrics and fault points: `create_room`.
    pub call: &'static str,
    /// Why it did not succeed.
    pub cause: Cause,
    /// Whether something may have happened over there, whatever the cause alone would say: another
    /// call of the same piece of work had its effect before, or the refusal proves nothing.
    pub effect_uncertain: bool,
}

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// No connection could be made: nothing was sent.
    Unreachable(String),
    /// Nothing was sent, since the claim that the call belongs to may have passed on to somebody
    /// else.
    HeldBack,
    /// Nothing was sent, since the system has not answered for a while ([`crate::breaker`]).
    BreakerOpen {
        /// The system's name in the configuration; `docspace`.
        system: String,
        /// Since when it has not answered.
        since: Timestamp,
        /// When to try again.
        until: Timestamp,
        /// How long that was from the moment of the call on.
        wait: Duration,
    },
    /// The request was sent, or may have been, and no whole answer came back.
    NoAnswer(String),
    /// 429, or our own limits say that it would be one.
    RateLimited {
        /// How long to wait, if the other side said so.
        retry_after: Option<Duration>,
        /// Which limit, in words.
        limit: String,
    },
    /// 401.
    Unauthorized,
    /// 402: a quota or an unpaid bill.
    PaymentRequired,
    /// 403. DocSpace also says this for things that don't exist.
    Forbidden,
    /// 404 or 410.
    NotFound,
    /// 409: somebody else changed it meanwhile.
    Conflict,
    /// Any other 3xx or 4xx, with what the other side said about it.
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The names of the fields or the short code that the other side objected to.
        detail: String,
    },
    /// 5xx: it may have happened all the same.
    ServerError {
        /// The HTTP status.
        status: u16,
        /// How long to wait, if the other side said so.
        retry_after: Option<Duration>,
    },
    /// A success that we could not read.
    Unintelligible(String),
    /// A success that holds something that must not be passed on, such as a link that is no http(s)
    /// address.
    Unusable(String),
    /// An earlier call brought no answer, what it asked for can't be found, and it may still take
    /// effect.
    Unsettled,
}

/// What a failed call may have done over there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideEffect {
    /// Surely nothing.
    None,
    /// Perhaps what was asked, perhaps not, perhaps later.
    Unknown,
}

impl Failure {
    /// What it means for a ticket, and what a person can do.
    #[must_use]
    pub fn reason(&self) -> Reason {
        if let (Some(text), Cause::BreakerOpen { until, .. }) = (self.silence(), &self.cause) {
            let again = format!("trying again at {}", until.strftime("%H:%M:%S UTC"));
            return self.code().with_help(text, again);
        }
        self.code().reason(self.to_string())
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        if let Some(special) = (self.system.special)(self) {
            return special;
        }
        let codes = &self.system.codes;
        match self.cause {
            Cause::HeldBack => &HELD_BACK,
            Cause::Unreachable(_) => &codes.unreachable,
            Cause::BreakerOpen { .. } => &codes.silent,
            Cause::NoAnswer(_) => &codes.no_answer,
            Cause::RateLimited { .. } => &codes.rate_limited,
            Cause::Unauthorized => &codes.unauthorized,
            Cause::PaymentRequired => &codes.payment_required,
            Cause::Forbidden => &codes.forbidden,
            Cause::NotFound => &codes.not_found,
            Cause::Conflict => &codes.conflict,
            Cause::Rejected { .. } => &codes.rejected,
            Cause::ServerError { .. } => &codes.server_error,
            Cause::Unintelligible(_) => &codes.unreadable,
            Cause::Unusable(_) => &codes.unusable,
            Cause::Unsettled => &codes.unsettled,
        }
    }

    /// A failure after another call of the same piece of work had its effect: that nothing happened
    /// can't be said of the whole, whatever can be said of this call.
    #[must_use]
    pub fn after_an_effect(self) -> Self {
        self.with_uncertain_effect()
    }

    /// A refusal that does not prove that nothing happened.
    #[must_use]
    pub fn with_uncertain_effect(self) -> Self {
        Self { effect_uncertain: true, ..self }
    }

    /// What the piece of work that the call belongs to may have done.
    #[must_use]
    pub fn side_effect(&self) -> SideEffect {
        match self.cause {
            _ if self.effect_uncertain => SideEffect::Unknown,
            Cause::NoAnswer(_)
            | Cause::ServerError { .. }
            | Cause::Unintelligible(_)
            | Cause::Unusable(_)
            | Cause::Unsettled => SideEffect::Unknown,
            Cause::Unreachable(_)
            | Cause::HeldBack
            | Cause::BreakerOpen { .. }
            | Cause::RateLimited { .. }
            | Cause::Unauthorized
            | Cause::PaymentRequired
            | Cause::Forbidden
            | Cause::NotFound
            | Cause::Conflict
            | Cause::Rejected { .. } => SideEffect::None,
        }
    }

    /// Whether trying again without anybody's help can be expected to succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.cause,
            Cause::Unreachable(_)
                | Cause::HeldBack
                | Cause::BreakerOpen { .. }
                | Cause::NoAnswer(_)
                | Cause::RateLimited { .. }
                | Cause::Conflict
                | Cause::ServerError { .. }
                | Cause::Unintelligible(_)
                | Cause::Unsettled
        )
    }

    /// Where a breaker is open: which system has not answered, and since when. Stays the same for
    /// as long as it does not.
    #[must_use]
    pub fn silence(&self) -> Option<String> {
        let Cause::BreakerOpen { system, since, until, .. } = &self.cause else { return None };
        // One portal there is; of helpdesks, there may be several of a kind.
        let name = if system.eq_ignore_ascii_case(self.system.name) {
            String::new()
        } else {
            format!(" “{system}”")
        };
        let is_today = until.as_second().div_euclid(86_400) == since.as_second().div_euclid(86_400);
        let since = since.strftime(if is_today { "%H:%M:%S" } else { "%F %H:%M:%S" });
        Some(format!("{}{name} has not answered since {since} UTC", self.system))
    }

    /// How long the other side asked us to wait, or our own breaker.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.cause {
            Cause::BreakerOpen { wait, .. } => Some(wait),
            Cause::RateLimited { retry_after, .. } | Cause::ServerError { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { system, call, cause, .. } = self;
        let call = call.replace('_', " ");
        // What the other side said may be as long as it likes, and hold anything.
        let said = |text: &str| printable(text, DETAIL);
        match cause {
            Cause::Unreachable(why) => write!(f, "{system} can't be reached ({})", said(why)),
            Cause::HeldBack => {
                write!(f, "{system} was not asked for “{call}”: this process could not renew its claims")
            }
            Cause::BreakerOpen { until, .. } => {
                let silence = self.silence().unwrap_or_default();
                write!(f, "{silence}; trying again at {}", until.strftime("%H:%M:%S UTC"))
            }
            Cause::NoAnswer(why) => write!(f, "{system} did not answer “{call}” ({})", said(why)),
            Cause::RateLimited { limit, .. } => write!(f, "{system} limits us: {}", said(limit)),
            Cause::Unauthorized => write!(f, "{system} does not accept our credentials (401, {call})"),
            Cause::PaymentRequired => {
                write!(f, "{system} refuses “{call}” because of quota or payment (402)")
            }
            Cause::Forbidden => write!(f, "{system} forbids “{call}” (403)"),
            Cause::NotFound => write!(f, "{system} does not have what “{call}” is about (404)"),
            Cause::Conflict => write!(f, "{system}: somebody else changed it meanwhile (409, {call})"),
            Cause::Rejected { status, detail } if detail.is_empty() => {
                write!(f, "{system} rejects “{call}” ({status})")
            }
            Cause::Rejected { status, detail } => {
                write!(f, "{system} rejects “{call}” ({status}): {}", said(detail))
            }
            Cause::ServerError { status, .. } => write!(f, "{system} failed at “{call}” ({status})"),
            Cause::Unsettled => {
                write!(f, "{system} did not say whether it did “{call}”, and may still do it; looking again")
            }
            Cause::Unusable(why) => write!(f, "{system} answered “{call}” with something unusable: {why}"),
            Cause::Unintelligible(why) => {
                write!(f, "{system} answered “{call}” with something unreadable: {}", said(why))
            }
        }
    }
}

impl std::error::Error for Failure {}

codes! {
    HELD_BACK = "waiting.replica.held-back", Soon,
        "The call was not sent, since this process could not renew its claims on tickets in the store in time. Another \
         process, or this one once the store can be used again, continues.",
        "";
}

/// Reads a `Retry-After` header: seconds (HTTP dates are not used by any system we call). Waits are
/// bounded by a day; DocSpace's daily limit asks for up to that.
#[must_use]
pub fn retry_after(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let seconds: f64 = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halfway_is_never_nothing() {
        let failure = Failure {
            system: &OTHER,
            call: "put_remote_link",
            cause: Cause::Conflict,
            effect_uncertain: false,
        };
        assert_eq!(failure.side_effect(), SideEffect::None);
        let halfway = failure.after_an_effect();
        assert_eq!((halfway.side_effect(), halfway.is_transient()), (SideEffect::Unknown, true));
    }

    #[test]
    fn what_the_other_side_said_is_short_and_harmless() {
        let detail = format!("\u{1b}]0;title\u{7}{}", "x".repeat(8 << 20));
        for cause in [
            Cause::Rejected { status: 400, detail: detail.clone() },
            Cause::Unintelligible(detail.clone()),
            Cause::NoAnswer(detail.clone()),
            Cause::Unreachable(detail.clone()),
            Cause::RateLimited { retry_after: None, limit: detail },
        ] {
            let failure =
                Failure { system: &OTHER, call: "comment", cause, effect_uncertain: false }.to_string();
            assert!(failure.chars().count() < 300, "{}", failure.len());
            assert!(!failure.chars().any(crate::printable::is_active), "{failure:?}");
        }
    }
}
