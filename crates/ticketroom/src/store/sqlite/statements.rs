//! The transitions and the questions in SQL. None may cost more the more tickets there are, but
//! those that say so; a test looks at the plan of each.

use crate::store::named::statements;

/// What becomes of a ticket that is due without a delivery. One that is only looked at goes after
/// new ones, as if it had been tried before, and its state stands until then. Returns when each
/// last changed, and its number.
macro_rules! requeue {
    ($at:literal, $which:literal) => {
        concat!(
            "UPDATE ticket
            SET asked = asked + :asks, hints = hints + 1,
                request = coalesce(:request, request), requests = requests + (:request IS NOT NULL),
                attempts = CASE WHEN :is_look THEN max(attempts, 1) ELSE 0 END,
                state = CASE WHEN state = 'blocked' AND NOT :is_look THEN 'waiting' ELSE state END,
                due_at = CASE claimed WHEN 1 THEN due_at ELSE :now END,
                backfill = CASE WHEN :asks > 0 OR :request IS NOT NULL THEN 0 ELSE backfill END
            WHERE ",
            $which,
            " RETURNING ",
            $at,
            ", number"
        )
    };
}

/// The columns of a [`TicketRecord`](crate::store::TicketRecord), in the order in which `rows`
/// reads them.
macro_rules! record {
    () => {
        "helpdesk, id, state, claimed, reason, seen, reported, room_id, room_title, room_url, written_back, attempts, due_at, \
        created_at, updated_at, number, ledger, reason_code, reason_help"
    };
}

pub(super) const RECORD: &str = record!();

statements! {
    '?', super::run::Statement, rusqlite::ToSql;

    /// A row if the delivery has been here.
    Repeat { source, key } = "
    SELECT 1 FROM delivery
    WHERE source = :source AND delivery_id = :key";

    /// A ticket's number.
    Number { helpdesk, id } = "SELECT number FROM ticket WHERE helpdesk = :helpdesk AND id = :id";

    /// The number of the ticket that has a room.
    InRoom { room } = "SELECT number FROM ticket WHERE room_id = :room";

    /// A delivery as it came.
    Keep { source, ticket, at, key, event, outcome, problem, headers, query, body } = "
    INSERT INTO delivery
    (source, ticket, received_at, delivery_id, event, outcome, problem, headers, query, body)
    VALUES (:source, :ticket, :at, :key, :event, :outcome, :problem, :headers, :query, :body)";

    /// Takes away what was not understood before the newest ones, some at a time: their keys are
    /// between `first` and `end`.
    Forget { source, first, end, kept } = "
    DELETE FROM delivery WHERE number IN (
        SELECT number FROM delivery
        WHERE source = :source AND delivery_id > :first AND delivery_id < :end AND outcome = 'not_understood'
        ORDER BY number DESC LIMIT 100 OFFSET :kept)";

    /// A ticket that nobody knows yet.
    Make { helpdesk, id, now, reported, subject, version, at } = "
    INSERT INTO ticket
    (helpdesk, id, state, due_at, hints, reported, reported_version, subject, created_at, updated_at)
    VALUES (:helpdesk, :id, 'waiting', :now, 1, :reported, :version, coalesce(:subject, ''), :at, :at)";

    /// A delivery for a ticket that is known.
    Mark { number, now, reported, subject, version } = "
    UPDATE ticket SET
        hints = hints + 1, backfill = 0,
        -- One that is only looked at again after a restore is in nobody's way any more.
        attempts = CASE WHEN state IN ('waiting', 'blocked') THEN attempts ELSE 0 END,
        due_at = CASE claimed WHEN 1 THEN due_at ELSE min(coalesce(due_at, :now), :now) END,
        reported = CASE WHEN :reported IS NULL OR reported_version > :version THEN reported ELSE :reported END,
        subject = CASE WHEN :reported IS NULL OR :subject = '' OR reported_version > :version THEN subject ELSE :subject END,
        reported_version = CASE WHEN :reported IS NULL OR reported_version > :version THEN reported_version ELSE :version END
    WHERE number = :number";

    /// `running` are tickets that the caller is at, as JSON. New tickets first: a crowd that is
    /// tried in vain must not keep them waiting. Those of backfills last, and not more than
    /// `backfill`.
    Claim { now, lease_until, most, backfill, running } = "
    UPDATE ticket SET claimed = 1, fence = fence + 1, saves = 0, due_at = :lease_until
    WHERE number IN (
        SELECT number FROM (
            SELECT * FROM (
                SELECT number, 0 AS again, due_at FROM ticket
                WHERE attempts = 0 AND due_at <= :now AND backfill = 0
                  AND number NOT IN (SELECT value FROM json_each(:running))
                ORDER BY due_at, number LIMIT :most)
            UNION ALL
            SELECT * FROM (
                SELECT number, 1 AS again, due_at FROM ticket
                WHERE attempts > 0 AND due_at <= :now AND backfill = 0
                  AND number NOT IN (SELECT value FROM json_each(:running))
                ORDER BY due_at, number LIMIT :most)
            UNION ALL
            SELECT * FROM (
                SELECT number, 2 AS again, due_at FROM ticket
                WHERE backfill = 1 AND due_at <= :now
                  AND number NOT IN (SELECT value FROM json_each(:running))
                ORDER BY due_at, number LIMIT :backfill))
        ORDER BY again, due_at, number LIMIT :most)
    RETURNING number, fence, helpdesk, id, hints, reported, ledger, attempts, asked, reason, reason_code, reason_help,
        request, requests, unreported > 0, backfill";

    /// The same of some helpdesks only, as JSON.
    ClaimOf { now, lease_until, most, backfill, running, helpdesks } = "
    UPDATE ticket SET claimed = 1, fence = fence + 1, saves = 0, due_at = :lease_until
    WHERE number IN (
        SELECT number FROM (
            SELECT * FROM (
                SELECT number, 0 AS again, due_at
                FROM json_each(:helpdesks) AS its CROSS JOIN ticket INDEXED BY ticket_new_of ON helpdesk = its.value
                WHERE attempts = 0 AND due_at <= :now AND backfill = 0
                  AND number NOT IN (SELECT value FROM json_each(:running))
                ORDER BY due_at, number LIMIT :most)
            UNION ALL
            SELECT * FROM (
                SELECT number, 1 AS again, due_at
                FROM json_each(:helpdesks) AS its CROSS JOIN ticket INDEXED BY ticket_again_of ON helpdesk = its.value
                WHERE attempts > 0 AND due_at <= :now AND backfill = 0
                  AND number NOT IN (SELECT value FROM json_each(:running))
                ORDER BY due_at, number LIMIT :most)
            UNION ALL
            SELECT * FROM (
                SELECT number, 2 AS again, due_at
                FROM json_each(:helpdesks) AS its CROSS JOIN ticket INDEXED BY ticket_backfill_of ON helpdesk = its.value
                WHERE backfill = 1 AND due_at <= :now
                  AND number NOT IN (SELECT value FROM json_each(:running))
                ORDER BY due_at, number LIMIT :backfill))
        ORDER BY again, due_at, number LIMIT :most)
    RETURNING number, fence, helpdesk, id, hints, reported, ledger, attempts, asked, reason, reason_code, reason_help,
        request, requests, unreported > 0, backfill";

    /// A claim that can't be read ends, and its ticket is left alone for a while.
    SetAside { number, why, code, until } = "
    UPDATE ticket SET claimed = 0, due_at = :until, attempts = max(attempts, 1), state = 'waiting', reason = :why,
        reason_code = :code, reason_help = NULL
    WHERE number = :number";

    /// Whether a ticket is still claimed so, and its commits so far.
    Held { number, fence } = "SELECT claimed, saves FROM ticket WHERE number = :number AND fence = :fence";

    /// An intent or an outcome.
    Save { number, ledger, lease_until, now, nth, seen, changed_at, subject, called, room_id, room_title, room_url, written_back, reported_through } = "
    UPDATE ticket SET
        ledger = :ledger, due_at = :lease_until, updated_at = :now, saves = :nth,
        seen = coalesce(:seen, seen), known_at = max(known_at, coalesce(:changed_at, 0)), subject = coalesce(:subject, subject), called = coalesce(:called, called),
        room_id = :room_id, room_title = :room_title, room_url = :room_url, written_back = :written_back,
        unreported = CASE WHEN unreported <= :reported_through THEN 0 ELSE unreported END
    WHERE number = :number";

    /// What is known of one effect.
    SaveEffect { ticket, kind, target, entry, at } = "
    INSERT INTO effect (ticket, kind, target, entry, updated_at) VALUES (:ticket, :kind, :target, :entry, :at)
    ON CONFLICT (ticket, kind, target) DO UPDATE SET entry = excluded.entry, updated_at = excluded.updated_at";

    /// The end of a run. A delivery that came while we worked is seen by another run, at once.
    /// Until then this one's findings stand, and a person's request that came meanwhile is kept.
    Settle { number, fence, state, reason, reason_code, reason_help, attempts, hints, now, due, asked, applied } = "
    UPDATE ticket SET
        claimed = 0, state = :state, reason = :reason, reason_code = :reason_code, reason_help = :reason_help, attempts = :attempts,
        due_at = CASE WHEN hints > :hints THEN :now ELSE :due END,
        asked = max(asked - :asked, 0), request = CASE WHEN requests = :applied THEN NULL ELSE request END
    WHERE number = :number AND fence = :fence";

    /// What somebody did in a folder. If nobody has the folder's room so far, it is asked for with
    /// the folder's other events.
    KeepEvent { folder, kind, entry, title, done_by, done_at, now } = "
    INSERT INTO room_event (folder, kind, entry, title, done_by, done_at, received_at, due_at)
    VALUES (:folder, :kind, :entry, :title, :done_by, :done_at, :now, max(:now, coalesce(
        (SELECT max(due_at) FROM room_event WHERE ticket IS NULL AND folder = :folder), :now)))";

    /// Folders with events that are not placed. This grows with such folders: one after the other
    /// is looked up in the index, however many events each has.
    Unplaced { now, most } = "
    WITH RECURSIVE waiting (folder) AS (
        SELECT min(folder) FROM room_event WHERE ticket IS NULL
        UNION ALL
        SELECT (SELECT min(folder) FROM room_event WHERE ticket IS NULL AND folder > waiting.folder)
        FROM waiting WHERE folder IS NOT NULL
    ), since (folder, due_at) AS (
        SELECT folder, (SELECT min(due_at) FROM room_event WHERE ticket IS NULL AND folder = waiting.folder)
        FROM waiting WHERE folder IS NOT NULL
    )
    SELECT folder FROM since WHERE due_at <= :now ORDER BY due_at, folder LIMIT :most";

    /// The events of a folder belong to a ticket.
    Place { folder, ticket } = "
    UPDATE room_event SET ticket = :ticket, placed = (SELECT hints + 1 FROM ticket WHERE number = :ticket)
    WHERE ticket IS NULL AND folder = :folder";

    /// The ticket has them as unreported. One that has others already, and is due at some time, is
    /// told of all of them then: however much happens in its room, that makes no run of its own.
    MarkUnreported { number, now } = "
    UPDATE ticket SET
        hints = hints + 1, unreported = hints + 1, backfill = 0,
        attempts = CASE WHEN state IN ('waiting', 'blocked') THEN attempts ELSE 0 END,
        due_at = CASE
            WHEN claimed = 1 OR (unreported > 0 AND due_at IS NOT NULL) THEN due_at
            ELSE min(coalesce(due_at, :now), :now) END
    WHERE number = :number";

    /// The events of a folder whose room no ticket has, but for the latest.
    ForgetEvents { folder, since } = "
    DELETE FROM room_event WHERE ticket IS NULL AND folder = :folder AND received_at < :since";

    /// The latest are asked for again.
    AskAgain { folder, at } = "UPDATE room_event SET due_at = :at WHERE ticket IS NULL AND folder = :folder";

    /// What a ticket was told of.
    Told { ticket, reported_through } = "DELETE FROM room_event WHERE ticket = :ticket AND placed <= :reported_through";

    /// What a ticket was not told of. Each row also says what goes for all of them.
    UnreportedEvents { ticket, through, most } = "
    SELECT folder, kind, entry, title, done_by, done_at,
        count(*) OVER (), max(placed) OVER (), min(received_at) OVER (), max(received_at) OVER ()
    FROM room_event WHERE ticket = :ticket AND placed <= :through ORDER BY number LIMIT :most";

    /// An entry of a timeline.
    Note { ticket, at, kind, text } = "INSERT INTO timeline (ticket, at, kind, text) VALUES (:ticket, :at, :kind, :text)";

    /// Renews a claim.
    Renew { number, fence, lease_until } = "UPDATE ticket SET due_at = :lease_until WHERE number = :number AND fence = :fence AND claimed = 1";

    /// Gives a claim up.
    LetGo { number, fence, now } = "UPDATE ticket SET claimed = 0, due_at = :now WHERE number = :number AND fence = :fence AND claimed = 1";

    /// Nobody holds any claim from now on.
    LetAllGo { now } = "UPDATE ticket SET claimed = 0, due_at = :now WHERE claimed = 1";

    /// The day's writes as they are.
    Day = "SELECT day_began_at, used, none_until FROM write_budget";

    /// The day's writes as they shall be.
    SetDay { began, used, none_until } = "UPDATE write_budget SET day_began_at = :began, used = :used, none_until = :none_until";

    /// Whose a room is, if it is not that ticket.
    Owner { room, other_than } = "SELECT helpdesk, id FROM ticket WHERE room_id = :room AND number <> :other_than";

    /// How many tickets are in each state: this grows with them. One index is read through, and
    /// another one of what is worked on; the tickets themselves, which would be all over the file,
    /// are not.
    Counts = "
    SELECT state, count(*) FROM ticket INDEXED BY ticket_state_updated GROUP BY state
    UNION ALL SELECT 'working', count(*) FROM ticket INDEXED BY ticket_claimed WHERE claimed = 1
    UNION ALL SELECT '-' || state, count(*) FROM ticket INDEXED BY ticket_claimed WHERE claimed = 1 GROUP BY state";

    /// Since when the oldest ticket is known that waits and has no link yet, but for those of
    /// backfills. Reads those that wait.
    OldestWaiting = "
    SELECT min(created_at) FROM ticket INDEXED BY ticket_state_updated
    WHERE state = 'waiting' AND written_back = 0 AND backfill = 0";

    /// When the next ticket is due.
    NextDue = "
    SELECT min(due) FROM (
        SELECT min(due_at) AS due FROM ticket WHERE attempts = 0 AND due_at IS NOT NULL AND backfill = 0
        UNION ALL
        SELECT min(due_at) FROM ticket WHERE attempts > 0 AND due_at IS NOT NULL AND backfill = 0
        UNION ALL
        SELECT min(due_at) FROM ticket WHERE backfill = 1 AND due_at IS NOT NULL)";

    /// Deliveries before what followed from them.
    Timeline { helpdesk, id } = "
    WITH this AS (SELECT number FROM ticket WHERE helpdesk = :helpdesk AND id = :id)
    SELECT received_at, 'delivery', event || CASE
            WHEN outcome <> 'echo' THEN ''
            WHEN source = 'docspace' THEN ' (done by us)'
            ELSE ' (our own note)'
        END, number
        FROM delivery WHERE ticket = (SELECT number FROM this)
    UNION ALL
    SELECT at, kind, text, number + (1 << 40) FROM timeline WHERE ticket = (SELECT number FROM this)
    ORDER BY 1, 4";

    /// Changes a row if the replica has the name now.
    Reserve { name, replica, lease_until, now } = "
    INSERT INTO reservation VALUES (:name, :replica, :lease_until)
    ON CONFLICT (name) DO UPDATE SET replica = :replica, until = :lease_until WHERE replica = :replica OR until <= :now";

    /// What is remembered under a name.
    Remembered { name } = "SELECT replica FROM reservation WHERE name = :name";

    /// A value that is remembered reserves nothing, so its time has always passed.
    Remember { name, value } = "
    INSERT INTO reservation VALUES (:name, :value, 0)
    ON CONFLICT (name) DO UPDATE SET replica = :value, until = 0";

    /// One ticket.
    RequeueOne { asks, request, is_look, now, helpdesk, id } = requeue!("0", "helpdesk = :helpdesk AND id = :id");

    /// Some of those that are blocked, in the order of their index.
    RequeueBlocked { asks, request, is_look, now, after_at, after, last_at, last, most } = requeue!(
    "updated_at",
    "number IN (
        SELECT number FROM ticket
        WHERE state = 'blocked' AND (updated_at, number) > (:after_at, :after)
            AND (updated_at, number) <= (:last_at, :last)
        ORDER BY updated_at, number LIMIT :most)"
);

    /// Some of all tickets.
    RequeueAll { asks, request, is_look, now, after, last, most } = requeue!(
    "0",
    "number IN (SELECT number FROM ticket WHERE number > :after AND number <= :last ORDER BY number LIMIT :most)"
);

    /// What decides whether a ticket that a listing names has to be looked at.
    Listed { helpdesk, id } = "
    SELECT number, claimed, due_at, known_at, updated_at FROM ticket WHERE helpdesk = :helpdesk AND id = :id";

    /// A ticket that a listing names, and that nobody knew.
    TakeIn { helpdesk, id, changed_at, reported, subject, version, backfill, ledger, now } = "
    INSERT INTO ticket
    (helpdesk, id, state, due_at, hints, known_at, reported, reported_version, subject, backfill, ledger, created_at, updated_at)
    VALUES (:helpdesk, :id, 'waiting', :now, 1, :changed_at, :reported, :version, coalesce(:subject, ''), :backfill, :ledger, :now, :now)";

    /// A ticket has changed, as a listing says. What may be our own doing is only looked at: after
    /// new tickets, and where it was in the order of backfills.
    MarkListed { number, changed_at, reported, subject, version, is_ours, now } = "
    UPDATE ticket SET
        hints = hints + 1, known_at = :changed_at,
        reported = CASE WHEN :reported IS NULL OR reported_version > :version THEN reported ELSE :reported END,
        subject = CASE WHEN :reported IS NULL OR :subject = '' OR reported_version > :version THEN subject ELSE :subject END,
        reported_version = CASE WHEN :reported IS NULL OR reported_version > :version THEN reported_version ELSE :version END,
        attempts = CASE WHEN state IN ('waiting', 'blocked') THEN attempts WHEN :is_ours THEN max(attempts, 1) ELSE 0 END,
        backfill = CASE WHEN :is_ours OR claimed THEN backfill ELSE 0 END,
        due_at = CASE claimed WHEN 1 THEN due_at ELSE min(coalesce(due_at, :now), :now) END
    WHERE number = :number";

    /// How far a task is.
    Progress { name } = "SELECT name, turn, value FROM progress WHERE name = :name";

    /// How far tasks are whose names are from `first` on, and before `end`.
    Progresses { first, end } = "
    SELECT name, turn, value FROM progress WHERE name >= :first AND name < :end ORDER BY name";

    /// Changes a row unless somebody else has changed it since that turn.
    SaveProgress { name, turn, value } = "
    INSERT INTO progress SELECT :name, :turn + 1, :value
    WHERE :turn = 0 OR EXISTS (SELECT 1 FROM progress WHERE name = :name)
    ON CONFLICT (name) DO UPDATE SET turn = turn + 1, value = :value WHERE turn = :turn";

    /// Where the blocked tickets of this moment end. No row: there are none.
    LastBlocked = "
    SELECT updated_at, number FROM ticket WHERE state = 'blocked'
    ORDER BY updated_at DESC, number DESC LIMIT 1";

    /// Where all tickets of this moment end. No row: there are none.
    Last = "SELECT 0, number FROM ticket ORDER BY number DESC LIMIT 1";

    /// As much as a delivery takes.
    Probe { now } = "
    INSERT INTO probe VALUES (1, :now, randomblob(49152))
    ON CONFLICT (one) DO UPDATE SET at = :now, padding = randomblob(49152)";

    /// What is known of a ticket's effects of a kind.
    Effects { helpdesk, id, kind } = "
    SELECT target, entry, updated_at FROM effect
    WHERE ticket = (SELECT number FROM ticket WHERE helpdesk = :helpdesk AND id = :id) AND kind = :kind
    ORDER BY target";

    /// How a ticket stands.
    Standing { helpdesk, id } = "SELECT state, claimed FROM ticket WHERE helpdesk = :helpdesk AND id = :id";

    /// A ticket by its id.
    TicketById { helpdesk, id } = concat!(
        "SELECT ", record!(), " FROM ticket WHERE id = :id AND helpdesk = :helpdesk ORDER BY updated_at DESC LIMIT 1"
    );

    /// A ticket by what people call it. SQLite would rather go through all tickets of the helpdesk,
    /// the latest first, until it meets that name.
    TicketByName { helpdesk, name } = concat!(
        "SELECT ", record!(), " FROM ticket INDEXED BY ticket_called WHERE called = :name AND helpdesk = :helpdesk
        ORDER BY updated_at DESC LIMIT 1"
    );
}
