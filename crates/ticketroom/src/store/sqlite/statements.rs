//! The transitions and the questions in SQL. None may cost more the more tickets there are, but those that say so; a test
//! looks at the plan of each.

/// ?1 helpdesk, ?2 key, ?3 the sender's id alone, as earlier versions kept it, ?4 body. A row if it has been here.
pub(super) const REPEAT: &str = "
    SELECT 1 FROM delivery
    WHERE helpdesk = ?1 AND delivery_id IN (?2, ?3) AND (delivery_id = ?2 OR body = ?4)";

/// ?1 helpdesk, ?2 ticket id.
pub(super) const NUMBER: &str = "SELECT number FROM ticket WHERE helpdesk = ?1 AND id = ?2";

/// ?1 room.
pub(super) const IN_ROOM: &str = "SELECT number FROM ticket WHERE room_id = ?1";

/// A delivery as it came.
pub(super) const KEEP: &str = "
    INSERT INTO delivery
    (helpdesk, ticket, received_at, delivery_id, event, outcome, problem, headers, query, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// ?1 helpdesk, ?2 and ?3 between which keys, ?4 how many stay. Takes away what was not understood before the newest ones,
/// some at a time.
pub(super) const FORGET: &str = "
    DELETE FROM delivery WHERE number IN (
        SELECT number FROM delivery
        WHERE helpdesk = ?1 AND delivery_id > ?2 AND delivery_id < ?3 AND outcome = 'not_understood'
        ORDER BY number DESC LIMIT 100 OFFSET ?4)";

/// ?1 helpdesk, ?2 ticket id, ?3 since when it is due, ?4 snapshot, ?5 its subject, ?6 its version, ?7 when it was told of.
pub(super) const MAKE: &str = "
    INSERT INTO ticket
    (helpdesk, id, state, due_at, hints, told, told_version, subject, created_at, updated_at)
    VALUES (?1, ?2, 'waiting', ?3, 1, ?4, ?6, coalesce(?5, ''), ?7, ?7)";

/// A delivery for a ticket that is known.
pub(super) const MARK: &str = "
    UPDATE ticket SET
        hints = hints + 1,
        -- One that is only looked at again after a restore is in nobody's way any more.
        attempts = CASE WHEN state IN ('waiting', 'blocked') THEN attempts ELSE 0 END,
        due_at = CASE claimed WHEN 1 THEN due_at ELSE min(coalesce(due_at, :now), :now) END,
        told = CASE WHEN :told IS NULL OR told_version > :version THEN told ELSE :told END,
        subject = CASE WHEN :told IS NULL OR :subject = '' OR told_version > :version THEN subject ELSE :subject END,
        told_version = CASE WHEN :told IS NULL OR told_version > :version THEN told_version ELSE :version END
    WHERE number = :number";

/// ?1 time, ?2 end of the lease, ?3 most, ?4 tickets that the caller is at, as JSON. New tickets first: a crowd that is
/// tried in vain must not keep them waiting.
pub(super) const CLAIM: &str = "
    UPDATE ticket SET claimed = 1, fence = fence + 1, saves = 0, due_at = ?2
    WHERE number IN (
        SELECT number FROM (
            SELECT * FROM (
                SELECT number, 0 AS again, due_at FROM ticket
                WHERE attempts = 0 AND due_at <= ?1
                  AND number NOT IN (SELECT value FROM json_each(?4))
                ORDER BY due_at, number LIMIT ?3)
            UNION ALL
            SELECT * FROM (
                SELECT number, 1 AS again, due_at FROM ticket
                WHERE attempts > 0 AND due_at <= ?1
                  AND number NOT IN (SELECT value FROM json_each(?4))
                ORDER BY due_at, number LIMIT ?3))
        ORDER BY again, due_at, number LIMIT ?3)
    RETURNING number, fence, helpdesk, id, hints, told, ledger, attempts, asked, reason";

/// The same of some helpdesks only, ?5 as JSON.
pub(super) const CLAIM_OF: &str = "
    UPDATE ticket SET claimed = 1, fence = fence + 1, saves = 0, due_at = ?2
    WHERE number IN (
        SELECT number FROM (
            SELECT * FROM (
                SELECT number, 0 AS again, due_at
                FROM json_each(?5) AS its CROSS JOIN ticket INDEXED BY ticket_new_of ON helpdesk = its.value
                WHERE attempts = 0 AND due_at <= ?1
                  AND number NOT IN (SELECT value FROM json_each(?4))
                ORDER BY due_at, number LIMIT ?3)
            UNION ALL
            SELECT * FROM (
                SELECT number, 1 AS again, due_at
                FROM json_each(?5) AS its CROSS JOIN ticket INDEXED BY ticket_again_of ON helpdesk = its.value
                WHERE attempts > 0 AND due_at <= ?1
                  AND number NOT IN (SELECT value FROM json_each(?4))
                ORDER BY due_at, number LIMIT ?3))
        ORDER BY again, due_at, number LIMIT ?3)
    RETURNING number, fence, helpdesk, id, hints, told, ledger, attempts, asked, reason";

/// A claim that can't be read ends, and its ticket is left alone for a while. ?1 number, ?2 why, ?3 until when.
pub(super) const SET_ASIDE: &str = "
    UPDATE ticket SET claimed = 0, due_at = ?3, attempts = max(attempts, 1), state = 'waiting', reason = ?2
    WHERE number = ?1";

/// ?1 number, ?2 fence. Whether it is still claimed so, and its commits so far.
pub(super) const HELD: &str = "SELECT claimed, saves FROM ticket WHERE number = ?1 AND fence = ?2";

/// An intent or an outcome.
pub(super) const SAVE: &str = "
    UPDATE ticket SET
        ledger = :ledger, due_at = :lease_until, updated_at = :now, saves = :nth,
        seen = coalesce(:seen, seen), subject = coalesce(:subject, subject), called = coalesce(:called, called),
        room_id = :room_id, room_title = :room_title, room_url = :room_url, written_back = :written_back
    WHERE number = :number";

/// The end of a run. A delivery that came while we worked is seen by another run, at once. Until then this one's findings
/// stand, and a person's wish that came meanwhile is kept.
pub(super) const SETTLE: &str = "
    UPDATE ticket SET
        claimed = 0, state = :state, reason = :reason, attempts = :attempts,
        due_at = CASE WHEN hints > :hints THEN :now ELSE :due END,
        asked = max(asked - :asked, 0)
    WHERE number = :number AND fence = :fence";

/// ?1 ticket, ?2 time, ?3 kind, ?4 text.
pub(super) const NOTE: &str = "INSERT INTO timeline (ticket, at, kind, text) VALUES (?1, ?2, ?3, ?4)";

/// ?1 number, ?2 fence, ?3 end of the lease.
pub(super) const RENEW: &str =
    "UPDATE ticket SET due_at = ?3 WHERE number = ?1 AND fence = ?2 AND claimed = 1";

/// ?1 number, ?2 fence, ?3 time.
pub(super) const LET_GO: &str =
    "UPDATE ticket SET claimed = 0, due_at = ?3 WHERE number = ?1 AND fence = ?2 AND claimed = 1";

/// Nobody holds any claim from ?1 on.
pub(super) const LET_ALL_GO: &str = "UPDATE ticket SET claimed = 0, due_at = ?1 WHERE claimed = 1";

/// The day's writes as they are.
pub(super) const DAY: &str = "SELECT day_began_at, used, none_until FROM write_budget";

/// The day's writes as they shall be.
pub(super) const SET_DAY: &str = "UPDATE write_budget SET day_began_at = ?1, used = ?2, none_until = ?3";

/// ?1 room, ?2 a ticket that doesn't count.
pub(super) const OWNER: &str = "SELECT helpdesk, id FROM ticket WHERE room_id = ?1 AND number <> ?2";

/// How many tickets are in each state: this grows with them. One index is read through, and another one of what is worked
/// on; the tickets themselves, which would be all over the file, are not.
pub(super) const COUNTS: &str = "
    SELECT state, count(*) FROM ticket INDEXED BY ticket_state_updated GROUP BY state
    UNION ALL SELECT 'working', count(*) FROM ticket INDEXED BY ticket_claimed WHERE claimed = 1
    UNION ALL SELECT '-' || state, count(*) FROM ticket INDEXED BY ticket_claimed WHERE claimed = 1 GROUP BY state";

/// Since when the oldest ticket is known that waits and has no link yet. Reads those that wait.
pub(super) const OLDEST_WAITING: &str = "
    SELECT min(created_at) FROM ticket INDEXED BY ticket_state_updated
    WHERE state = 'waiting' AND written_back = 0";

/// When the next ticket is due.
pub(super) const NEXT_DUE: &str = "
    SELECT min(due) FROM (
        SELECT min(due_at) AS due FROM ticket WHERE attempts = 0 AND due_at IS NOT NULL
        UNION ALL
        SELECT min(due_at) FROM ticket WHERE attempts > 0 AND due_at IS NOT NULL)";

/// ?1 helpdesk, ?2 ticket id. Deliveries before what followed from them.
pub(super) const TIMELINE: &str = "
    WITH this AS (SELECT number FROM ticket WHERE helpdesk = ?1 AND id = ?2)
    SELECT received_at, 'delivery', event || CASE WHEN outcome <> 'echo' THEN '' WHEN helpdesk = 'docspace' THEN ' (done by us)' ELSE ' (our own note)' END, number
        FROM delivery WHERE ticket = (SELECT number FROM this)
    UNION ALL
    SELECT at, kind, text, number + (1 << 40) FROM timeline WHERE ticket = (SELECT number FROM this)
    ORDER BY 1, 4";

/// ?1 name, ?2 replica, ?3 end of the lease, ?4 time. Changes a row if the replica has it now.
pub(super) const RESERVE: &str = "
    INSERT INTO reservation VALUES (?1, ?2, ?3)
    ON CONFLICT (name) DO UPDATE SET replica = ?2, until = ?3 WHERE replica = ?2 OR until <= ?4";

/// ?1 name.
pub(super) const REMEMBERED: &str = "SELECT replica FROM reservation WHERE name = ?1";

/// ?1 name, ?2 value. A value that is remembered reserves nothing, so its time has always passed.
pub(super) const REMEMBER: &str = "
    INSERT INTO reservation VALUES (?1, ?2, 0)
    ON CONFLICT (name) DO UPDATE SET replica = ?2, until = 0";

/// What becomes of a ticket that is due without a delivery. One that is only looked at goes after new ones, as if it had been
/// tried before, and its state stands until then. Returns when each last changed, and its number.
macro_rules! requeue {
    ($at:literal, $which:literal) => {
        concat!(
            "UPDATE ticket
            SET asked = asked + :wishes, hints = hints + 1,
                attempts = CASE WHEN :is_look THEN max(attempts, 1) ELSE 0 END,
                state = CASE WHEN state = 'blocked' AND NOT :is_look THEN 'waiting' ELSE state END,
                due_at = CASE claimed WHEN 1 THEN due_at ELSE :now END
            WHERE ",
            $which,
            " RETURNING ",
            $at,
            ", number"
        )
    };
}

/// One ticket.
pub(super) const REQUEUE_ONE: &str = requeue!("0", "helpdesk = :helpdesk AND id = :id");

/// Some of those that are blocked, in the order of their index.
pub(super) const REQUEUE_BLOCKED: &str = requeue!(
    "updated_at",
    "number IN (
        SELECT number FROM ticket
        WHERE state = 'blocked' AND (updated_at, number) > (:after_at, :after)
            AND (updated_at, number) <= (:last_at, :last)
        ORDER BY updated_at, number LIMIT :most)"
);

/// Some of all tickets.
pub(super) const REQUEUE_ALL: &str = requeue!(
    "0",
    "number IN (SELECT number FROM ticket WHERE number > :after AND number <= :last ORDER BY number LIMIT :most)"
);

/// Where the blocked tickets of this moment end. No row: there are none.
pub(super) const LAST_BLOCKED: &str = "
    SELECT updated_at, number FROM ticket WHERE state = 'blocked'
    ORDER BY updated_at DESC, number DESC LIMIT 1";

/// Where all tickets of this moment end. No row: there are none.
pub(super) const LAST: &str = "SELECT 0, number FROM ticket ORDER BY number DESC LIMIT 1";

/// ?1 time. As much as a delivery takes.
pub(super) const PROBE: &str = "
    INSERT INTO probe VALUES (1, ?1, randomblob(49152))
    ON CONFLICT (one) DO UPDATE SET at = ?1, padding = randomblob(49152)";

/// All of them, by their names.
#[cfg(test)]
pub(in crate::store) const ALL: [(&str, &str); 33] = [
    ("REPEAT", REPEAT),
    ("NUMBER", NUMBER),
    ("IN_ROOM", IN_ROOM),
    ("KEEP", KEEP),
    ("FORGET", FORGET),
    ("MAKE", MAKE),
    ("MARK", MARK),
    ("CLAIM", CLAIM),
    ("CLAIM_OF", CLAIM_OF),
    ("SET_ASIDE", SET_ASIDE),
    ("HELD", HELD),
    ("SAVE", SAVE),
    ("SETTLE", SETTLE),
    ("NOTE", NOTE),
    ("RENEW", RENEW),
    ("LET_GO", LET_GO),
    ("LET_ALL_GO", LET_ALL_GO),
    ("DAY", DAY),
    ("SET_DAY", SET_DAY),
    ("OWNER", OWNER),
    ("COUNTS", COUNTS),
    ("OLDEST_WAITING", OLDEST_WAITING),
    ("NEXT_DUE", NEXT_DUE),
    ("TIMELINE", TIMELINE),
    ("RESERVE", RESERVE),
    ("REMEMBERED", REMEMBERED),
    ("REMEMBER", REMEMBER),
    ("REQUEUE_ONE", REQUEUE_ONE),
    ("REQUEUE_BLOCKED", REQUEUE_BLOCKED),
    ("REQUEUE_ALL", REQUEUE_ALL),
    ("LAST_BLOCKED", LAST_BLOCKED),
    ("LAST", LAST),
    ("PROBE", PROBE),
];
