//! The transitions in SQL, one statement each; but what is done to all tickets is done to some at a time. `server_millis()`
//! is the clock of the server: leases and what is due go by it, whichever replica asks. None may cost more the more tickets
//! there are, but those that say so; a test looks at the plan of each.
//!
//! Where a claim is looked for by its number, `claimed::integer = 1` keeps PostgreSQL from going through the index of all that is
//! claimed, as it would by a plan that it made while nothing was, and kept.

/// $1 helpdesk, $2 ticket id, $3 time, $4 key, $5 event, $6 headers, $7 query, $8 body, $9 snapshot, $10 its
/// version, $11 its subject, $12 whether it looks like an echo, $13 the sender's id alone, as earlier versions keep it.
/// Returns whether the delivery is new, and that it is about a ticket.
///
/// A snapshot replaces an older one only: deliveries overtake each other. Two of the same delivery at the same time
/// both pass the first part; the second one then waits for the first one's end and fails at `delivery_repeat`.
pub(super) const ACCEPT: &str = "
    WITH repeat AS (
        SELECT FROM delivery
        WHERE helpdesk = $1 AND delivery_id = ANY (ARRAY[$4, $13]) AND (delivery_id = $4 OR body = $8)
    ), known AS (
        -- We can't have written into a ticket that we don't know: what looks like an echo is none then.
        SELECT number FROM ticket WHERE $12 AND helpdesk = $1 AND id = $2 AND NOT EXISTS (SELECT FROM repeat)
    ), due AS (
        INSERT INTO ticket AS t
            (helpdesk, id, state, due_at, hints, told, told_version, subject, created_at, updated_at)
        SELECT $1, $2, 'waiting', server_millis(), 1, $9::text, $10::text, coalesce($11::text, ''), $3, $3
        WHERE NOT EXISTS (SELECT FROM repeat) AND NOT EXISTS (SELECT FROM known)
        ON CONFLICT (helpdesk, id) DO UPDATE SET
            hints = t.hints + 1,
            -- One that is only looked at again after a restore is in nobody's way any more.
            attempts = CASE WHEN t.state IN ('waiting', 'blocked') THEN t.attempts ELSE 0 END,
            due_at = CASE WHEN t.claimed THEN t.due_at ELSE least(t.due_at, server_millis()) END,
            told = CASE WHEN $9::text IS NULL OR t.told_version > $10::text THEN t.told ELSE $9::text END,
            subject = CASE WHEN $9::text IS NULL OR $11::text = '' OR t.told_version > $10::text
                THEN t.subject ELSE $11::text END,
            told_version = CASE WHEN $9::text IS NULL OR t.told_version > $10::text
                THEN t.told_version ELSE $10::text END
        RETURNING number
    ), kept AS (
        INSERT INTO delivery (helpdesk, ticket, received_at, delivery_id, event, outcome, headers, query, body)
        SELECT $1, number, $3, $4, $5, outcome, $6, $7, $8
        FROM (SELECT number, 'accepted' AS outcome FROM due UNION ALL SELECT number, 'echo' FROM known) AS its
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM kept), true";

/// $1 source, $2 room, $3 time, $4 key, $5 event, $6 headers, $7 query, $8 body, $9 whether it is an echo, $10 the sender's id
/// alone. Returns whether the delivery is new, and whether a ticket has the room. Two of the same delivery as in [`ACCEPT`].
pub(super) const ACCEPT_IN_ROOM: &str = "
    WITH repeat AS (
        SELECT FROM delivery
        WHERE helpdesk = $1 AND delivery_id = ANY (ARRAY[$4, $10]) AND (delivery_id = $4 OR body = $8)
    ), owner AS (
        SELECT number FROM ticket WHERE room_id = $2 AND NOT EXISTS (SELECT FROM repeat)
    ), due AS (
        UPDATE ticket SET
            hints = hints + 1,
            attempts = CASE WHEN state IN ('waiting', 'blocked') THEN attempts ELSE 0 END,
            due_at = CASE WHEN claimed THEN due_at ELSE least(due_at, server_millis()) END
        FROM owner WHERE ticket.number = owner.number AND NOT $9
    ), kept AS (
        INSERT INTO delivery (helpdesk, ticket, received_at, delivery_id, event, outcome, headers, query, body)
        SELECT $1, (SELECT number FROM owner), $3, $4, $5, CASE
                WHEN NOT EXISTS (SELECT FROM owner) THEN 'about_something_else'
                WHEN $9 THEN 'echo'
                ELSE 'accepted'
            END, $6, $7, $8
        WHERE NOT EXISTS (SELECT FROM repeat)
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM kept), EXISTS (SELECT FROM owner)";

/// $1 helpdesk, $2 time, $3 key, $4 event, $5 headers, $6 query, $7 body, $8 the sender's id alone, as earlier versions keep
/// it. Returns a row if the delivery, which is about no ticket, is new.
pub(super) const KEEP: &str = "
    INSERT INTO delivery (helpdesk, received_at, delivery_id, event, outcome, headers, query, body)
    SELECT $1, $2, $3, $4, 'about_something_else', $5, $6, $7
    WHERE NOT EXISTS (SELECT FROM delivery WHERE helpdesk = $1 AND delivery_id = $8 AND body = $7)
    ON CONFLICT (helpdesk, delivery_id) WHERE delivery_id IS NOT NULL DO NOTHING
    RETURNING 1";

/// $1 helpdesk, $2 time, $3 key, $4 event, $5 problem, $6 headers, $7 query, $8 body, $9 how many stay beside it, $10 with each
/// of how many the others go, $11 and $12 between which keys they are. Returns a row if there is none yet with this body. What
/// was not understood before the newest ones goes some at a time; what another replica is just taking away is skipped.
pub(super) const KEEP_NOT_UNDERSTOOD: &str = "
    WITH kept AS (
        INSERT INTO delivery (helpdesk, received_at, delivery_id, event, outcome, problem, headers, query, body)
        VALUES ($1, $2, $3, $4, 'not_understood', $5, $6, $7, $8)
        ON CONFLICT (helpdesk, delivery_id) WHERE delivery_id IS NOT NULL DO NOTHING
        RETURNING number
    ), old AS (
        SELECT number FROM delivery
        WHERE helpdesk = $1 AND delivery_id > $11 AND delivery_id < $12 AND outcome = 'not_understood'
            AND (SELECT number % $10::bigint = 0 FROM kept)
        ORDER BY number DESC LIMIT 100 OFFSET $9 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM delivery USING old WHERE delivery.number = old.number
    )
    SELECT 1 FROM kept";

/// $1 lease in milliseconds, $2 most, $3 tickets that the caller is at. New tickets first: a crowd that is tried in
/// vain must not keep them waiting. What another replica is just claiming is skipped. A fence grows by chance: after a
/// failover that has lost the latest commits, the next one must not be that of a claim that nobody remembers. After
/// one, nothing is claimed before a sign of life has noted it, and then for as long as that said ([`HEARTBEAT`]).
pub(super) const CLAIM: &str = "
    WITH known AS (
        SELECT FROM identity WHERE timeline = server_timeline() AND quiet_until <= server_millis()
    ), new AS (
        SELECT number FROM ticket
        WHERE attempts = 0 AND due_at <= server_millis() AND number <> ALL ($3) AND EXISTS (SELECT FROM known)
        ORDER BY due_at, number LIMIT $2 FOR UPDATE SKIP LOCKED
    ), again AS (
        SELECT number FROM ticket
        WHERE attempts > 0 AND due_at <= server_millis() AND number <> ALL ($3) AND EXISTS (SELECT FROM known)
        ORDER BY due_at, number LIMIT $2 - (SELECT count(*) FROM new) FOR UPDATE SKIP LOCKED
    ), due AS (
        SELECT number FROM new UNION ALL SELECT number FROM again
    )
    UPDATE ticket SET claimed = true, fence = fence + 1 + floor(random() * 1000000000)::bigint, saves = 0, due_at = server_millis() + $1
    FROM due WHERE ticket.number = due.number
    RETURNING ticket.number, fence, helpdesk, id, hints, told, ledger, attempts, asked, reason";

/// The same of some helpdesks only, $4. The tickets of each are looked for by themselves, so a few more may be locked than are
/// claimed; for that moment, another replica passes over them.
pub(super) const CLAIM_OF: &str = "
    WITH known AS (
        SELECT FROM identity WHERE timeline = server_timeline() AND quiet_until <= server_millis()
    ), new AS (
        SELECT its.number FROM unnest($4::text[]) AS of (helpdesk), LATERAL (
            SELECT number, due_at FROM ticket
            WHERE helpdesk = of.helpdesk AND attempts = 0 AND due_at <= server_millis()
              AND number <> ALL ($3) AND EXISTS (SELECT FROM known)
            ORDER BY due_at, number LIMIT $2 FOR UPDATE SKIP LOCKED
        ) AS its ORDER BY its.due_at, its.number LIMIT $2
    ), again AS (
        SELECT its.number FROM unnest($4::text[]) AS of (helpdesk), LATERAL (
            SELECT number, due_at FROM ticket
            WHERE helpdesk = of.helpdesk AND attempts > 0 AND due_at <= server_millis()
              AND number <> ALL ($3) AND EXISTS (SELECT FROM known)
            ORDER BY due_at, number LIMIT $2 FOR UPDATE SKIP LOCKED
        ) AS its ORDER BY its.due_at, its.number LIMIT $2 - (SELECT count(*) FROM new)
    ), due AS (
        SELECT number FROM new UNION ALL SELECT number FROM again
    )
    UPDATE ticket SET claimed = true, fence = fence + 1 + floor(random() * 1000000000)::bigint, saves = 0, due_at = server_millis() + $1
    FROM due WHERE ticket.number = due.number
    RETURNING ticket.number, fence, helpdesk, id, hints, told, ledger, attempts, asked, reason";

/// A claim that can't be read ends, and its ticket is left alone for a while. $1 number, $2 fence, $3 why, $4 for how long in
/// milliseconds. What it tells the timeline once it doesn't tell again.
pub(super) const SET_ASIDE: &str = "
    WITH claim AS (
        SELECT number, reason IS DISTINCT FROM $3 AS is_news FROM ticket
        WHERE number = $1 AND fence = $2 AND claimed::integer = 1 FOR UPDATE
    ), left_alone AS (
        UPDATE ticket SET claimed = false, due_at = server_millis() + $4, attempts = greatest(attempts, 1),
            state = 'waiting', reason = $3
        FROM claim WHERE ticket.number = claim.number
    )
    INSERT INTO timeline (ticket, at, kind, text)
    SELECT number, server_millis(), 'unreadable', $3 FROM claim WHERE is_news";

/// What a commit of a claim writes. $1 number, $2 fence, $3 which commit it is, $4 ledger, $5 lease in milliseconds,
/// $6 time, $7 the ticket as seen, $8 its subject, $9 its name, $10 to $12 room, $13 whether the link is in the ticket,
/// $14 to $16 times, kinds and texts of events. Returns whether it was written.
macro_rules! save {
    ($more:literal, $due:literal) => {
        concat!(
            "WITH saved AS (
                UPDATE ticket SET
                    saves = $3, ledger = $4, updated_at = $6,
                    seen = coalesce($7::text, seen), subject = coalesce($8::text, subject),
                    called = coalesce($9::text, called),
                    room_id = $10, room_title = $11, room_url = $12, written_back = $13,
                    due_at = ",
            $due,
            $more,
            "   WHERE number = $1 AND fence = $2 AND claimed::integer = 1 AND saves < $3
                RETURNING number
            ), noted AS (
                INSERT INTO timeline (ticket, at, kind, text)
                SELECT number, event.at, event.kind, event.text
                FROM saved, unnest($14::bigint[], $15::text[], $16::text[])
                    WITH ORDINALITY AS event (at, kind, text, place)
                ORDER BY place
            )
            SELECT EXISTS (SELECT FROM saved)"
        )
    };
}

/// $1 number, $2 fence, $3 which commit. Returns a row if that commit was written before. To be asked afterwards, in a
/// statement of its own: the first try may have ended while the second one waited for it.
pub(super) const WRITTEN_BEFORE: &str = "SELECT FROM ticket WHERE number = $1 AND fence = $2 AND saves >= $3";

/// An intent or an outcome.
pub(super) const SAVE: &str = save!("", "server_millis() + $5");

/// The end of a run: $17 state, $18 reason, $19 attempts, $20 hints when it was claimed, $21 wishes heard, $22 when it
/// is due. A delivery that came while we worked is seen by another run, at once. Until then this one's findings stand,
/// and a person's wish that came meanwhile is kept. (The lease in $5 ends with it.)
pub(super) const SETTLE: &str = save!(
    ", claimed = false, state = $17, reason = $18, attempts = $19, asked = greatest(asked - $21, 0) ",
    "CASE WHEN hints > $20 THEN server_millis() + 0 * $5::bigint ELSE $22 END"
);

/// $1 and $2 numbers and fences, $3 lease in milliseconds, $4 replica, $5 whether it works, $6 the version of the tables that
/// it knows, $7 for how many milliseconds nothing is claimed once another server has taken over. Where a newer version has
/// made the tables such that an older one must not work on them, nothing is renewed; the last column but one says so.
pub(super) const HEARTBEAT: &str = "
    WITH here_at_all AS (
        SELECT coalesce((SELECT serves <= $6::integer FROM ticketroom_schema), true) AS may_work
    ), renewed AS (
        UPDATE ticket SET due_at = server_millis() + $3
        FROM unnest($1::bigint[], $2::bigint[]) AS held (number, fence)
        WHERE ticket.number = held.number AND ticket.fence = held.fence AND claimed::integer = 1
            AND (SELECT may_work FROM here_at_all)
        RETURNING ticket.number
    ), gone AS (
        DELETE FROM replica WHERE alive_until < server_millis() AND id <> $4
    ), here AS (
        INSERT INTO replica SELECT $4, $5, server_millis() + $3 FROM here_at_all WHERE may_work
        ON CONFLICT (id) DO UPDATE SET works = $5, alive_until = server_millis() + $3
    ), failed_over AS (
        UPDATE identity SET timeline = server_timeline(), quiet_until = server_millis() + $7
        WHERE timeline <> server_timeline()
        RETURNING quiet_until
    )
    SELECT server_millis(),
        (SELECT count(*) FROM replica WHERE works AND id <> $4 AND alive_until >= server_millis()),
        (SELECT coalesce(array_agg(number), '{}') FROM renewed),
        (SELECT may_work FROM here_at_all),
        coalesce((SELECT quiet_until FROM failed_over), (SELECT quiet_until FROM identity)) - server_millis()";

/// $1 and $2 numbers and fences, $3 replica.
pub(super) const LEAVE: &str = "
    WITH left_over AS (
        UPDATE ticket SET claimed = false, due_at = server_millis()
        FROM unnest($1::bigint[], $2::bigint[]) AS held (number, fence)
        WHERE ticket.number = held.number AND ticket.fence = held.fence AND claimed::integer = 1
    )
    DELETE FROM replica WHERE id = $3";

/// $1 name, $2 replica, $3 lease in milliseconds. Returns a row if the replica has it now.
pub(super) const RESERVE: &str = "
    INSERT INTO reservation AS r VALUES ($1, $2, server_millis() + $3)
    ON CONFLICT (name) DO UPDATE SET replica = $2, until = server_millis() + $3
    WHERE r.replica = $2 OR r.until <= server_millis()
    RETURNING 1";

/// $1 name.
pub(super) const REMEMBERED: &str = "SELECT replica FROM reservation WHERE name = $1";

/// $1 name, $2 value. A value that is remembered reserves nothing, so its time has always passed.
pub(super) const REMEMBER: &str = "
    INSERT INTO reservation VALUES ($1, $2, 0)
    ON CONFLICT (name) DO UPDATE SET replica = $2, until = 0";

/// Where the blocked tickets of this moment end, in the order of their index. No row: there are none.
pub(super) const LAST_BLOCKED: &str = "
    SELECT updated_at, number FROM ticket WHERE state = 'blocked'
    ORDER BY updated_at DESC, number DESC LIMIT 1";

/// Where all tickets of this moment end. No row: there are none.
pub(in crate::store) const LAST: &str = "SELECT 0::bigint, number FROM ticket ORDER BY number DESC LIMIT 1";

/// What becomes of tickets that are due without a delivery. $1 how many wishes that is, $2 whether they are only looked
/// at, $3 and $4 kind and text for the timeline. What is only looked at goes after new tickets, as if it had been tried before,
/// and its state stands until then. Returns how many there were, and where to go on; no row if nothing is left.
macro_rules! requeue {
    ($next:literal, $still:literal) => {
        concat!(
            "WITH next AS (",
            $next,
            "), marked AS (
                UPDATE ticket
                SET asked = asked + $1, hints = hints + 1,
                    attempts = CASE WHEN $2 THEN greatest(attempts, 1) ELSE 0 END,
                    state = CASE WHEN state = 'blocked' AND NOT $2 THEN 'waiting' ELSE state END,
                    due_at = CASE WHEN claimed THEN due_at ELSE server_millis() END
                FROM next WHERE ticket.number = next.number",
            $still,
            "   RETURNING ticket.number
            ), noted AS (
                INSERT INTO timeline (ticket, at, kind, text) SELECT number, server_millis(), $3, $4 FROM marked
            )
            SELECT (SELECT count(*) FROM marked), at, number FROM next ORDER BY at DESC, number DESC LIMIT 1"
        )
    };
}

/// One ticket: $5 helpdesk, $6 ticket id.
pub(super) const REQUEUE_ONE: &str =
    requeue!("SELECT 0::bigint AS at, number FROM ticket WHERE helpdesk = $5 AND id = $6", "");

/// Some of those that are blocked, in the order of their index: $5 and $6 behind which one to begin, $7 and $8 the last one, $9
/// how many. Somebody may just have marked one of them.
pub(super) const REQUEUE_BLOCKED: &str = requeue!(
    "SELECT updated_at AS at, number FROM ticket
        WHERE state = 'blocked' AND (updated_at, number) > ($5, $6) AND (updated_at, number) <= ($7, $8)
        ORDER BY updated_at, number LIMIT $9",
    " AND state = 'blocked' "
);

/// Some of all tickets: $5 behind which number to begin, $6 the last one, $7 how many.
pub(in crate::store) const REQUEUE_ALL: &str = requeue!(
    "SELECT 0::bigint AS at, number FROM ticket WHERE number > $5 AND number <= $6 ORDER BY number LIMIT $7",
    ""
);

/// Milliseconds until the next ticket can be claimed; NULL if none is due ever.
pub(super) const NEXT_DUE: &str = "
    SELECT CASE WHEN due_at IS NOT NULL THEN greatest(due_at, quiet_until) - server_millis() END
    FROM identity, (SELECT least(
        (SELECT min(due_at) FROM ticket WHERE attempts = 0 AND due_at IS NOT NULL),
        (SELECT min(due_at) FROM ticket WHERE attempts > 0 AND due_at IS NOT NULL)) AS due_at) AS next";

/// $1 room, $2 a ticket that doesn't count.
pub(super) const OWNER: &str = "SELECT helpdesk, id FROM ticket WHERE room_id = $1 AND number <> $2";

/// $1 rooms.
pub(super) const OWNERS: &str = "SELECT room_id, helpdesk, id FROM ticket WHERE room_id = ANY ($1)";

/// $1 helpdesk, $2 ticket id. Deliveries before what followed from them.
pub(super) const TIMELINE: &str = "
    WITH this AS (SELECT number FROM ticket WHERE helpdesk = $1 AND id = $2)
    SELECT at, kind, text FROM (
        SELECT received_at AS at, 'delivery' AS kind, event || CASE WHEN outcome <> 'echo' THEN '' WHEN helpdesk = 'docspace' THEN ' (done by us)' ELSE ' (our own note)' END AS text,
            0 AS turn, number
        FROM delivery WHERE ticket = (SELECT number FROM this)
        UNION ALL
        SELECT at, kind, text, 1, number FROM timeline WHERE ticket = (SELECT number FROM this)
    ) AS entry ORDER BY at, turn, number";

/// This grows with the tickets: two indexes are read through, but no tickets.
pub(super) const COUNTS: &str = "
    SELECT state, count(*) FROM ticket GROUP BY state
    UNION ALL SELECT 'working', count(*) FROM ticket WHERE claimed
    UNION ALL SELECT '-' || state, count(*) FROM ticket WHERE claimed GROUP BY state";

/// Since when the oldest ticket is known that waits and has no link yet. Reads those that wait.
pub(super) const OLDEST_WAITING: &str = "
    SELECT min(created_at) FROM ticket WHERE state = 'waiting' AND NOT written_back";

/// The day's writes as they are.
pub(in crate::store) const DAY: &str = "SELECT day_began_at, used, none_until FROM write_budget";

/// $1 to $3 the day's writes as they shall be, $4 to $6 as they were. Returns a row
/// unless somebody else has changed them.
pub(super) const SET_DAY: &str = "
    UPDATE write_budget SET day_began_at = $1, used = $2, none_until = $3
    WHERE day_began_at = $4 AND used = $5 AND none_until = $6
    RETURNING 1";

/// Commits something.
pub(super) const PROBE: &str =
    "INSERT INTO probe VALUES (1, server_millis()) ON CONFLICT (one) DO UPDATE SET at = server_millis()";

/// All of them, by their names.
#[cfg(test)]
pub(in crate::store) const ALL: [(&str, &str); 29] = [
    ("ACCEPT", ACCEPT),
    ("ACCEPT_IN_ROOM", ACCEPT_IN_ROOM),
    ("KEEP", KEEP),
    ("KEEP_NOT_UNDERSTOOD", KEEP_NOT_UNDERSTOOD),
    ("CLAIM", CLAIM),
    ("CLAIM_OF", CLAIM_OF),
    ("SET_ASIDE", SET_ASIDE),
    ("WRITTEN_BEFORE", WRITTEN_BEFORE),
    ("SAVE", SAVE),
    ("SETTLE", SETTLE),
    ("HEARTBEAT", HEARTBEAT),
    ("LEAVE", LEAVE),
    ("RESERVE", RESERVE),
    ("REMEMBERED", REMEMBERED),
    ("REMEMBER", REMEMBER),
    ("LAST_BLOCKED", LAST_BLOCKED),
    ("LAST", LAST),
    ("REQUEUE_ONE", REQUEUE_ONE),
    ("REQUEUE_BLOCKED", REQUEUE_BLOCKED),
    ("REQUEUE_ALL", REQUEUE_ALL),
    ("NEXT_DUE", NEXT_DUE),
    ("OWNER", OWNER),
    ("OWNERS", OWNERS),
    ("TIMELINE", TIMELINE),
    ("COUNTS", COUNTS),
    ("OLDEST_WAITING", OLDEST_WAITING),
    ("DAY", DAY),
    ("SET_DAY", SET_DAY),
    ("PROBE", PROBE),
];
