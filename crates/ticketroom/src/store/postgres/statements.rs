//! The transitions in SQL, one statement each; but what is done to all tickets is done to some at a
//! time. `server_millis()` is the clock of the server: leases and what is due go by it, whichever
//! replica asks. None may cost more the more tickets there are, but those that say so; a test looks
//! at the plan of each.
//!
//! Where a claim is looked for by its number, `claimed::integer = 1` keeps PostgreSQL from going
//! through the index of all that is claimed, as it would by a plan that it made while nothing was,
//! and kept.

use crate::store::named::statements;

/// What a commit of a claim writes. Returns whether it was written.
macro_rules! save {
    ($more:literal, $due:literal) => {
        concat!(
            "WITH saved AS (
                UPDATE ticket SET
                    saves = :nth, ledger = :ledger, updated_at = :now,
                    seen = coalesce(:seen::text, seen), known_at = greatest(known_at, :changed_at), subject = coalesce(:subject::text, subject),
                    called = coalesce(:called::text, called),
                    room_id = :room_id, room_title = :room_title, room_url = :room_url, written_back = :written_back,
                    unreported = CASE WHEN unreported <= :reported_through THEN 0 ELSE unreported END,
                    due_at = ",
            $due,
            $more,
            "   WHERE number = :number AND fence = :fence AND claimed::integer = 1 AND saves < :nth
                RETURNING number
            ), noted AS (
                INSERT INTO timeline (ticket, at, kind, text)
                SELECT number, event.at, event.kind, event.text
                FROM saved, unnest(:event_times::bigint[], :event_kinds::text[], :event_texts::text[])
                    WITH ORDINALITY AS event (at, kind, text, place)
                ORDER BY place
            ), effects AS (
                INSERT INTO effect (ticket, kind, target, entry, updated_at)
                SELECT number, its.kind, its.target, its.entry, :now
                FROM saved, unnest(:effect_kinds::text[], :effect_targets::text[], :effect_entries::text[])
                    AS its (kind, target, entry)
                ON CONFLICT (ticket, kind, target)
                    DO UPDATE SET entry = excluded.entry, updated_at = excluded.updated_at
            ), reported AS (
                DELETE FROM room_event USING saved WHERE ticket = saved.number AND placed <= :reported_through
            )
            SELECT EXISTS (SELECT FROM saved)"
        )
    };
}

/// What becomes of tickets that are due without a delivery. What is only looked at goes after new
/// tickets, as if it had been tried before, and its state stands until then. Returns how many there
/// were, and where to go on; no row if nothing is left.
macro_rules! requeue {
    ($next:literal, $still:literal) => {
        concat!(
            "WITH next AS (",
            $next,
            "), marked AS (
                UPDATE ticket
                SET asked = asked + :asks, hints = hints + 1,
                    request = coalesce(:request::text, request), requests = requests + CASE WHEN :request::text IS NULL THEN 0 ELSE 1 END,
                    attempts = CASE WHEN :is_look THEN greatest(attempts, 1) ELSE 0 END,
                    state = CASE WHEN state = 'blocked' AND NOT :is_look THEN 'waiting' ELSE state END,
                    due_at = CASE WHEN claimed THEN due_at ELSE server_millis() END,
                    backfill = backfill AND :asks = 0 AND :request::text IS NULL
                FROM next WHERE ticket.number = next.number",
            $still,
            "   RETURNING ticket.number
            ), noted AS (
                INSERT INTO timeline (ticket, at, kind, text) SELECT number, server_millis(), :kind, :text FROM marked
            )
            SELECT (SELECT count(*) FROM marked), at, number FROM next ORDER BY at DESC, number DESC LIMIT 1"
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
    '$', super::parameter::Statement, super::parameter::Parameter;

    /// Returns whether the delivery is new, and that it is about a ticket.
    ///
    /// A snapshot replaces an older one only: deliveries overtake each other. Two of the same
    /// delivery at the same time both pass the first part; the second one then waits for the first
    /// one's end and fails at `delivery_repeat`.
    Accept { source, helpdesk, id, at, key, event, headers, query, body, reported, version, subject, is_echo } = "
    WITH repeat AS (
        SELECT FROM delivery
        WHERE source = :source AND delivery_id = :key
    ), known AS (
        -- We can't have written into a ticket that we don't know: what looks like an echo is none then.
        SELECT number FROM ticket WHERE :is_echo AND helpdesk = :helpdesk AND id = :id AND NOT EXISTS (SELECT FROM repeat)
    ), due AS (
        INSERT INTO ticket AS t
            (helpdesk, id, state, due_at, hints, reported, reported_version, subject, created_at, updated_at)
        SELECT :helpdesk, :id, 'waiting', server_millis(), 1, :reported::text, :version::text, coalesce(:subject::text, ''), :at, :at
        WHERE NOT EXISTS (SELECT FROM repeat) AND NOT EXISTS (SELECT FROM known)
        ON CONFLICT (helpdesk, id) DO UPDATE SET
            hints = t.hints + 1, backfill = false,
            -- One that is only looked at again after a restore is in nobody's way any more.
            attempts = CASE WHEN t.state IN ('waiting', 'blocked') THEN t.attempts ELSE 0 END,
            due_at = CASE WHEN t.claimed THEN t.due_at ELSE least(t.due_at, server_millis()) END,
            reported = CASE WHEN :reported::text IS NULL OR t.reported_version > :version::text THEN t.reported ELSE :reported::text END,
            subject = CASE WHEN :reported::text IS NULL OR :subject::text = '' OR t.reported_version > :version::text
                THEN t.subject ELSE :subject::text END,
            reported_version = CASE WHEN :reported::text IS NULL OR t.reported_version > :version::text
                THEN t.reported_version ELSE :version::text END
        RETURNING number
    ), kept AS (
        INSERT INTO delivery (source, ticket, received_at, delivery_id, event, outcome, headers, query, body)
        SELECT :source, number, :at, :key, :event, outcome, :headers, :query, :body
        FROM (SELECT number, 'accepted' AS outcome FROM due UNION ALL SELECT number, 'echo' FROM known) AS its
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM kept), true";

    /// The same for what happened in a room. Returns whether the delivery is new, and whether a
    /// ticket has the room.
    AcceptInRoom { source, room, is_echo, at, key, event, headers, query, body } = "
    WITH repeat AS (
        SELECT FROM delivery WHERE source = :source AND delivery_id = :key
    ), owner AS (
        SELECT number FROM ticket WHERE room_id = :room AND NOT EXISTS (SELECT FROM repeat)
    ), due AS (
        UPDATE ticket SET
            hints = hints + 1, backfill = false,
            attempts = CASE WHEN state IN ('waiting', 'blocked') THEN attempts ELSE 0 END,
            due_at = CASE WHEN claimed THEN due_at ELSE least(due_at, server_millis()) END
        FROM owner WHERE ticket.number = owner.number AND NOT :is_echo
    ), kept AS (
        INSERT INTO delivery (source, ticket, received_at, delivery_id, event, outcome, headers, query, body)
        SELECT :source, (SELECT number FROM owner), :at, :key, :event, CASE
                WHEN NOT EXISTS (SELECT FROM owner) THEN 'about_something_else'
                WHEN :is_echo THEN 'echo'
                ELSE 'accepted'
            END, :headers, :query, :body
        WHERE NOT EXISTS (SELECT FROM repeat)
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM kept), EXISTS (SELECT FROM owner)";

    /// What somebody did in a folder, unless we did. If nobody has the folder's room so far, it is
    /// asked for with the folder's other events. Returns a row if the delivery is new.
    AcceptInFolder { source, is_echo, at, key, event, headers, query, body, folder, kind, entry, title, done_by, done_at } = "
    WITH kept AS (
        INSERT INTO delivery (source, received_at, delivery_id, event, outcome, headers, query, body)
        VALUES (:source, :at, :key, :event, CASE WHEN :is_echo THEN 'echo' ELSE 'accepted' END, :headers, :query, :body)
        ON CONFLICT (source, delivery_id) WHERE delivery_id IS NOT NULL DO NOTHING
        RETURNING 1
    ), happened AS (
        INSERT INTO room_event (folder, kind, entry, title, done_by, done_at, received_at, due_at)
        SELECT :folder, :kind, :entry, :title, :done_by, :done_at, server_millis(), greatest(server_millis(),
            (SELECT max(due_at) FROM room_event WHERE ticket IS NULL AND folder = :folder))
        FROM kept WHERE NOT :is_echo
    )
    SELECT 1 FROM kept";

    /// Folders with events that are not placed. This grows with such folders: one after the other
    /// is looked up in the index, however many events each has.
    Unplaced { most } = "
    WITH RECURSIVE waiting (folder) AS (
        SELECT min(folder) FROM room_event WHERE ticket IS NULL
        UNION ALL
        SELECT (SELECT min(folder) FROM room_event WHERE ticket IS NULL AND folder > waiting.folder)
        FROM waiting WHERE folder IS NOT NULL
    ), since (folder, due_at) AS (
        SELECT folder, (SELECT min(due_at) FROM room_event WHERE ticket IS NULL AND folder = waiting.folder)
        FROM waiting WHERE folder IS NOT NULL
    )
    SELECT folder FROM since WHERE due_at <= server_millis() ORDER BY due_at, folder LIMIT :most";

    /// The events of a folder belong to the ticket that has a room, which is due then, or to
    /// nobody. Returns whether a ticket has it. They are locked first, so that who places them at
    /// the same time finds none left.
    Place { folder, room, kept_for, again_after } = "
    WITH waiting AS (
        SELECT number FROM room_event WHERE ticket IS NULL AND folder = :folder ORDER BY number FOR UPDATE
    ), owner AS (
        SELECT number FROM ticket WHERE room_id = :room
    ), due AS (
        UPDATE ticket SET
            hints = hints + 1, unreported = hints + 1, backfill = false,
            attempts = CASE WHEN state IN ('waiting', 'blocked') THEN attempts ELSE 0 END,
            -- One that has other events already is told of all of them when it is due.
            due_at = CASE
                WHEN claimed OR (unreported > 0 AND due_at IS NOT NULL) THEN due_at
                ELSE least(due_at, server_millis()) END
        FROM owner WHERE ticket.number = owner.number AND (SELECT count(*) FROM waiting) > 0
        RETURNING ticket.number, hints
    ), placed AS (
        UPDATE room_event SET ticket = due.number, placed = due.hints
        FROM due WHERE room_event.ticket IS NULL AND folder = :folder
    ), forgotten AS (
        DELETE FROM room_event WHERE ticket IS NULL AND folder = :folder AND NOT EXISTS (SELECT FROM owner)
            AND received_at < server_millis() - :kept_for
    ), later AS (
        UPDATE room_event SET due_at = server_millis() + :again_after
        WHERE ticket IS NULL AND folder = :folder AND NOT EXISTS (SELECT FROM owner)
            AND received_at >= server_millis() - :kept_for
    )
    SELECT EXISTS (SELECT FROM owner)";

    /// What a ticket was not told of. Each row also says what goes for all of them.
    UnreportedEvents { ticket, through, most } = "
    SELECT folder, kind, entry, title, done_by, done_at,
        count(*) OVER (), max(placed) OVER (), min(received_at) OVER (), max(received_at) OVER ()
    FROM room_event WHERE ticket = :ticket AND placed <= :through ORDER BY number LIMIT :most";

    /// Returns a row if the delivery, which is about no ticket, is new.
    Keep { source, at, key, event, headers, query, body } = "
    INSERT INTO delivery (source, received_at, delivery_id, event, outcome, headers, query, body)
    VALUES (:source, :at, :key, :event, 'about_something_else', :headers, :query, :body)
    ON CONFLICT (source, delivery_id) WHERE delivery_id IS NOT NULL DO NOTHING
    RETURNING 1";

    /// Returns a row if there is none yet with this body. Beside it, so many stay; with each so
    /// many-th, what was not understood before those goes, some at a time: their keys are between
    /// `first` and `end`. What another replica is just taking away is skipped.
    KeepNotUnderstood { source, at, key, event, problem, headers, query, body, beside, forget_every, first, end } = "
    WITH kept AS (
        INSERT INTO delivery (source, received_at, delivery_id, event, outcome, problem, headers, query, body)
        VALUES (:source, :at, :key, :event, 'not_understood', :problem, :headers, :query, :body)
        ON CONFLICT (source, delivery_id) WHERE delivery_id IS NOT NULL DO NOTHING
        RETURNING number
    ), old AS (
        SELECT number FROM delivery
        WHERE source = :source AND delivery_id > :first AND delivery_id < :end AND outcome = 'not_understood'
            AND (SELECT number % :forget_every::bigint = 0 FROM kept)
        ORDER BY number DESC LIMIT 100 OFFSET :beside FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM delivery USING old WHERE delivery.number = old.number
    )
    SELECT 1 FROM kept";

    /// `running` are tickets that the caller is at. New tickets first: a crowd that is tried in
    /// vain must not keep them waiting. Those of backfills last, and not more than `backfill`. What
    /// another replica is just claiming is skipped. A fence grows by chance: after a failover that
    /// has lost the latest commits, the next one must not be that of a claim that nobody remembers.
    /// After one, nothing is claimed before a heartbeat has noted it, and then for as long as that
    /// said ([`Heartbeat`]).
    Claim { lease, most, backfill, running } = "
    WITH known AS (
        SELECT FROM identity WHERE timeline = server_timeline() AND quiet_until <= server_millis()
    ), new AS (
        SELECT number FROM ticket
        WHERE attempts = 0 AND NOT backfill AND due_at <= server_millis() AND number <> ALL (:running) AND EXISTS (SELECT FROM known)
        ORDER BY due_at, number LIMIT :most FOR UPDATE SKIP LOCKED
    ), again AS (
        SELECT number FROM ticket
        WHERE attempts > 0 AND NOT backfill AND due_at <= server_millis() AND number <> ALL (:running) AND EXISTS (SELECT FROM known)
        ORDER BY due_at, number LIMIT :most - (SELECT count(*) FROM new) FOR UPDATE SKIP LOCKED
    ), last AS (
        SELECT number FROM ticket
        WHERE backfill AND due_at <= server_millis() AND number <> ALL (:running) AND EXISTS (SELECT FROM known)
        ORDER BY due_at, number
        LIMIT least(:backfill, :most - (SELECT count(*) FROM new) - (SELECT count(*) FROM again)) FOR UPDATE SKIP LOCKED
    ), due AS (
        SELECT number FROM new UNION ALL SELECT number FROM again UNION ALL SELECT number FROM last
    )
    UPDATE ticket SET claimed = true, fence = fence + 1 + floor(random() * 1000000000)::bigint, saves = 0, due_at = server_millis() + :lease
    FROM due WHERE ticket.number = due.number
    RETURNING ticket.number, fence, helpdesk, id, hints, reported, ledger, attempts, asked, reason, reason_code, reason_help,
        request, requests, unreported > 0, backfill";

    /// The same of some helpdesks only. The tickets of each are looked for by themselves, so a few
    /// more may be locked than are claimed; for that moment, another replica passes over them.
    ClaimOf { lease, most, backfill, running, helpdesks } = "
    WITH known AS (
        SELECT FROM identity WHERE timeline = server_timeline() AND quiet_until <= server_millis()
    ), new AS (
        SELECT its.number FROM unnest(:helpdesks::text[]) AS of (helpdesk), LATERAL (
            SELECT number, due_at FROM ticket
            WHERE helpdesk = of.helpdesk AND attempts = 0 AND NOT backfill AND due_at <= server_millis()
              AND number <> ALL (:running) AND EXISTS (SELECT FROM known)
            ORDER BY due_at, number LIMIT :most FOR UPDATE SKIP LOCKED
        ) AS its ORDER BY its.due_at, its.number LIMIT :most
    ), again AS (
        SELECT its.number FROM unnest(:helpdesks::text[]) AS of (helpdesk), LATERAL (
            SELECT number, due_at FROM ticket
            WHERE helpdesk = of.helpdesk AND attempts > 0 AND NOT backfill AND due_at <= server_millis()
              AND number <> ALL (:running) AND EXISTS (SELECT FROM known)
            ORDER BY due_at, number LIMIT :most FOR UPDATE SKIP LOCKED
        ) AS its ORDER BY its.due_at, its.number LIMIT :most - (SELECT count(*) FROM new)
    ), last AS (
        SELECT its.number FROM unnest(:helpdesks::text[]) AS of (helpdesk), LATERAL (
            SELECT number, due_at FROM ticket
            WHERE helpdesk = of.helpdesk AND backfill AND due_at <= server_millis()
              AND number <> ALL (:running) AND EXISTS (SELECT FROM known)
            ORDER BY due_at, number LIMIT :backfill FOR UPDATE SKIP LOCKED
        ) AS its ORDER BY its.due_at, its.number
        LIMIT least(:backfill, :most - (SELECT count(*) FROM new) - (SELECT count(*) FROM again))
    ), due AS (
        SELECT number FROM new UNION ALL SELECT number FROM again UNION ALL SELECT number FROM last
    )
    UPDATE ticket SET claimed = true, fence = fence + 1 + floor(random() * 1000000000)::bigint, saves = 0, due_at = server_millis() + :lease
    FROM due WHERE ticket.number = due.number
    RETURNING ticket.number, fence, helpdesk, id, hints, reported, ledger, attempts, asked, reason, reason_code, reason_help,
        request, requests, unreported > 0, backfill";

    /// A claim that can't be read ends, and its ticket is left alone for a while. What it tells the
    /// timeline once it doesn't tell again.
    SetAside { number, fence, why, code, wait } = "
    WITH claim AS (
        SELECT number, reason IS DISTINCT FROM :why AS is_news FROM ticket
        WHERE number = :number AND fence = :fence AND claimed::integer = 1 FOR UPDATE
    ), left_alone AS (
        UPDATE ticket SET claimed = false, due_at = server_millis() + :wait, attempts = greatest(attempts, 1),
            state = 'waiting', reason = :why, reason_code = :code, reason_help = NULL
        FROM claim WHERE ticket.number = claim.number
    )
    INSERT INTO timeline (ticket, at, kind, text)
    SELECT number, server_millis(), 'unreadable', :why FROM claim WHERE is_news";

    /// Returns a row if that commit was written before. To be asked afterwards, in a statement of
    /// its own: the first try may have ended while the second one waited for it.
    WrittenBefore { number, fence, nth } = "SELECT FROM ticket WHERE number = :number AND fence = :fence AND saves >= :nth";

    /// An intent or an outcome.
    Save { number, fence, nth, ledger, lease, now, seen, changed_at, subject, called, room_id, room_title, room_url, written_back, event_times, event_kinds, event_texts, effect_kinds, effect_targets, effect_entries, reported_through } = save!("", "server_millis() + :lease");

    /// The end of a run. A delivery that came while we worked is seen by another run, at once.
    /// Until then this one's findings stand, and a person's request that came meanwhile is kept.
    /// (The lease ends with it.)
    Settle { number, fence, nth, ledger, lease, now, seen, changed_at, subject, called, room_id, room_title, room_url, written_back, event_times, event_kinds, event_texts, effect_kinds, effect_targets, effect_entries, reported_through, state, reason, reason_code, reason_help, attempts, hints, asked, applied, due } = save!(
    ", claimed = false, state = :state, reason = :reason, reason_code = :reason_code, reason_help = :reason_help, attempts = :attempts, asked = greatest(asked - :asked, 0),
    request = CASE WHEN requests = :applied THEN NULL ELSE request END ",
    "CASE WHEN hints > :hints THEN server_millis() + 0 * :lease::bigint ELSE :due END"
);

    /// Renews claims. `known` is the version of the tables that the replica knows, and `quiet` for
    /// how long nothing is claimed once another server has taken over. Where a newer version has
    /// made the tables such that an older one must not work on them, nothing is renewed; the last
    /// column but one says so.
    Heartbeat { numbers, fences, lease, replica, works, known, quiet } = "
    WITH here_at_all AS (
        SELECT coalesce((SELECT serves <= :known::integer FROM ticketroom_schema), true) AS may_work
    ), renewed AS (
        UPDATE ticket SET due_at = server_millis() + :lease
        FROM unnest(:numbers::bigint[], :fences::bigint[]) AS held (number, fence)
        WHERE ticket.number = held.number AND ticket.fence = held.fence AND claimed::integer = 1
            AND (SELECT may_work FROM here_at_all)
        RETURNING ticket.number
    ), gone AS (
        DELETE FROM replica WHERE alive_until < server_millis() AND id <> :replica
    ), here AS (
        INSERT INTO replica SELECT :replica, :works, server_millis() + :lease FROM here_at_all WHERE may_work
        ON CONFLICT (id) DO UPDATE SET works = :works, alive_until = server_millis() + :lease
    ), failed_over AS (
        UPDATE identity SET timeline = server_timeline(), quiet_until = server_millis() + :quiet
        WHERE timeline <> server_timeline()
        RETURNING quiet_until
    )
    SELECT server_millis(),
        (SELECT count(*) FROM replica WHERE works AND id <> :replica AND alive_until >= server_millis()),
        (SELECT coalesce(array_agg(number), '{}') FROM renewed),
        (SELECT may_work FROM here_at_all),
        coalesce((SELECT quiet_until FROM failed_over), (SELECT quiet_until FROM identity)) - server_millis()";

    /// A replica gives up its claims, and is gone.
    Leave { numbers, fences, replica } = "
    WITH left_over AS (
        UPDATE ticket SET claimed = false, due_at = server_millis()
        FROM unnest(:numbers::bigint[], :fences::bigint[]) AS held (number, fence)
        WHERE ticket.number = held.number AND ticket.fence = held.fence AND claimed::integer = 1
    )
    DELETE FROM replica WHERE id = :replica";

    /// Returns a row if the replica has the name now.
    Reserve { name, replica, lease } = "
    INSERT INTO reservation AS r VALUES (:name, :replica, server_millis() + :lease)
    ON CONFLICT (name) DO UPDATE SET replica = :replica, until = server_millis() + :lease
    WHERE r.replica = :replica OR r.until <= server_millis()
    RETURNING 1";

    /// What is remembered under a name.
    Remembered { name } = "SELECT replica FROM reservation WHERE name = :name";

    /// A value that is remembered reserves nothing, so its time has always passed.
    Remember { name, value } = "
    INSERT INTO reservation VALUES (:name, :value, 0)
    ON CONFLICT (name) DO UPDATE SET replica = :value, until = 0";

    /// Where the blocked tickets of this moment end, in the order of their index. No row: there are
    /// none.
    LastBlocked = "
    SELECT updated_at, number FROM ticket WHERE state = 'blocked'
    ORDER BY updated_at DESC, number DESC LIMIT 1";

    /// Where all tickets of this moment end. No row: there are none.
    Last = "SELECT 0::bigint, number FROM ticket ORDER BY number DESC LIMIT 1";

    /// One ticket.
    RequeueOne { asks, request, is_look, kind, text, helpdesk, id } = requeue!("SELECT 0::bigint AS at, number FROM ticket WHERE helpdesk = :helpdesk AND id = :id", "");

    /// Some of those that are blocked, in the order of their index. Somebody may just have marked
    /// one of them.
    RequeueBlocked { asks, request, is_look, kind, text, after_at, after, last_at, last, most } = requeue!(
    "SELECT updated_at AS at, number FROM ticket
        WHERE state = 'blocked' AND (updated_at, number) > (:after_at, :after) AND (updated_at, number) <= (:last_at, :last)
        ORDER BY updated_at, number LIMIT :most",
    " AND state = 'blocked' "
);

    /// Some of all tickets.
    RequeueAll { asks, request, is_look, kind, text, after, last, most } = requeue!(
    "SELECT 0::bigint AS at, number FROM ticket WHERE number > :after AND number <= :last ORDER BY number LIMIT :most",
    ""
);

    /// Milliseconds until the next ticket can be claimed; NULL if none is due ever.
    NextDue = "
    SELECT CASE WHEN due_at IS NOT NULL THEN greatest(due_at, quiet_until) - server_millis() END
    FROM identity, (SELECT least(
        (SELECT min(due_at) FROM ticket WHERE attempts = 0 AND due_at IS NOT NULL AND NOT backfill),
        (SELECT min(due_at) FROM ticket WHERE attempts > 0 AND due_at IS NOT NULL AND NOT backfill),
        (SELECT min(due_at) FROM ticket WHERE backfill AND due_at IS NOT NULL)) AS due_at) AS next";

    /// Tickets that a listing names, each once. What nobody knew is made; what has changed is due.
    /// What may be our own doing is only looked at: after new tickets, and where it was in the
    /// order of backfills. With a `name`, all of that happens only if nobody has changed the
    /// progress under it since that turn, and it goes on to the next. Returns whether it did, the
    /// ids of those that are new and of those whose change is told, and how many were known.
    TakeIn { helpdesk, ids, changes, snapshots, subjects, versions, is_sweep, ahead, blur, backfill, ledger, kind, new_text, changed_text, name, turn, value } = "
    WITH moved AS (
        INSERT INTO progress AS p SELECT :name::text, :turn::bigint + 1, :value::text
        WHERE :name::text IS NOT NULL AND (:turn::bigint = 0 OR EXISTS (SELECT FROM progress WHERE name = :name::text))
        ON CONFLICT (name) DO UPDATE SET turn = p.turn + 1, value = :value::text WHERE p.turn = :turn::bigint
        RETURNING 1
    ), its AS (
        SELECT its.* FROM unnest(:ids::text[], :changes::bigint[], :snapshots::text[], :subjects::text[], :versions::text[])
            AS its (id, changed_at, reported, subject, version)
        WHERE :name::text IS NULL OR EXISTS (SELECT FROM moved)
    ), known AS (
        SELECT number, ticket.id, its.changed_at, its.reported, its.subject, its.version,
            :is_sweep AND its.changed_at > known_at AS is_marked,
            its.changed_at - :ahead <= updated_at + :blur AS is_ours,
            NOT claimed AND known_at > 0 AND coalesce(due_at > server_millis(), true)
                AND its.changed_at - :ahead > updated_at + :blur AS is_told
        FROM its JOIN ticket ON helpdesk = :helpdesk AND ticket.id = its.id
        ORDER BY ticket.number FOR UPDATE OF ticket
    ), made AS (
        INSERT INTO ticket
            (helpdesk, id, state, due_at, hints, known_at, reported, reported_version, subject, backfill, ledger, created_at, updated_at)
        SELECT :helpdesk, id, 'waiting', server_millis(), 1, changed_at, reported, version, coalesce(subject, ''), :backfill, :ledger,
            server_millis(), server_millis()
        FROM its WHERE id NOT IN (SELECT id FROM known) ORDER BY id
        ON CONFLICT (helpdesk, id) DO NOTHING
        RETURNING number, id
    ), marked AS (
        UPDATE ticket AS t SET
            hints = hints + 1, known_at = known.changed_at,
            reported = CASE WHEN known.reported IS NULL OR reported_version > version THEN t.reported ELSE known.reported END,
            subject = CASE WHEN known.reported IS NULL OR known.subject = '' OR reported_version > version
                THEN t.subject ELSE known.subject END,
            reported_version = CASE WHEN known.reported IS NULL OR reported_version > version THEN reported_version ELSE version END,
            attempts = CASE
                WHEN state IN ('waiting', 'blocked') THEN attempts
                WHEN is_ours THEN greatest(attempts, 1)
                ELSE 0 END,
            backfill = backfill AND (is_ours OR claimed),
            due_at = CASE WHEN claimed THEN due_at ELSE least(due_at, server_millis()) END
        FROM known WHERE t.number = known.number AND is_marked
    ), noted AS (
        INSERT INTO timeline (ticket, at, kind, text)
        SELECT number, server_millis(), :kind, :new_text FROM made
        UNION ALL
        SELECT number, server_millis(), :kind, :changed_text FROM known WHERE is_marked AND is_told
    )
    SELECT :name::text IS NULL OR EXISTS (SELECT FROM moved),
        (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM made),
        (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM known WHERE is_marked AND is_told),
        (SELECT count(*) FROM its) - (SELECT count(*) FROM made)";

    /// How far a task is.
    Progress { name } = "SELECT name, turn, value FROM progress WHERE name = :name";

    /// How far tasks are whose names are from `first` on, and before `end`.
    Progresses { first, end } = "
    SELECT name, turn, value FROM progress WHERE name >= :first AND name < :end ORDER BY name";

    /// Returns a row unless somebody else has changed it since that turn.
    SaveProgress { name, turn, value } = "
    INSERT INTO progress AS p SELECT :name::text, :turn::bigint + 1, :value::text
    WHERE :turn::bigint = 0 OR EXISTS (SELECT FROM progress WHERE name = :name::text)
    ON CONFLICT (name) DO UPDATE SET turn = p.turn + 1, value = :value::text WHERE p.turn = :turn::bigint
    RETURNING 1";

    /// Whose a room is, if it is not that ticket.
    Owner { room, other_than } = "SELECT helpdesk, id FROM ticket WHERE room_id = :room AND number <> :other_than";

    /// Whose some rooms are.
    Owners { rooms } = "SELECT room_id, helpdesk, id FROM ticket WHERE room_id = ANY (:rooms)";

    /// Deliveries before what followed from them.
    Timeline { helpdesk, id } = "
    WITH this AS (SELECT number FROM ticket WHERE helpdesk = :helpdesk AND id = :id)
    SELECT at, kind, text FROM (
        SELECT received_at AS at, 'delivery' AS kind, event || CASE
                WHEN outcome <> 'echo' THEN ''
                WHEN source = 'docspace' THEN ' (done by us)'
                ELSE ' (our own note)'
            END AS text,
            0 AS turn, number
        FROM delivery WHERE ticket = (SELECT number FROM this)
        UNION ALL
        SELECT at, kind, text, 1, number FROM timeline WHERE ticket = (SELECT number FROM this)
    ) AS entry ORDER BY at, turn, number";

    /// This grows with the tickets: two indexes are read through, but no tickets.
    Counts = "
    SELECT state, count(*) FROM ticket GROUP BY state
    UNION ALL SELECT 'working', count(*) FROM ticket WHERE claimed
    UNION ALL SELECT '-' || state, count(*) FROM ticket WHERE claimed GROUP BY state";

    /// Since when the oldest ticket is known that waits and has no link yet, but for those of
    /// backfills. Reads those that wait.
    OldestWaiting = "
    SELECT min(created_at) FROM ticket WHERE state = 'waiting' AND NOT written_back AND NOT backfill";

    /// The day's writes as they are.
    Day = "SELECT day_began_at, used, none_until FROM write_budget";

    /// The day's writes as they shall be. Returns a row unless somebody else has changed them.
    SetDay { began, used, none_until, old_began, old_used, old_none_until } = "
    UPDATE write_budget SET day_began_at = :began, used = :used, none_until = :none_until
    WHERE day_began_at = :old_began AND used = :old_used AND none_until = :old_none_until
    RETURNING 1";

    /// Commits something.
    Probe = "INSERT INTO probe VALUES (1, server_millis()) ON CONFLICT (one) DO UPDATE SET at = server_millis()";

    /// What is known of a ticket's effects of a kind.
    Effects { helpdesk, id, kind } = "
    SELECT target, entry, updated_at FROM effect
    WHERE ticket = (SELECT number FROM ticket WHERE helpdesk = :helpdesk AND id = :id) AND kind = :kind
    ORDER BY target";

    /// How tickets stand.
    Standing { helpdesk, ids } = "
    SELECT id, state, claimed FROM ticket WHERE helpdesk = :helpdesk AND id = ANY (:ids)";

    /// A ticket by its id.
    TicketById { helpdesk, id } = concat!(
        "SELECT ", record!(), " FROM ticket WHERE helpdesk = :helpdesk AND id = :id ORDER BY updated_at DESC LIMIT 1"
    );

    /// A ticket by what people call it. PostgreSQL takes a name for frequent where no ticket has
    /// one, since it knows nothing then of how names are spread: that there is one at all has to be
    /// said. It would go through an index of all tickets of the helpdesk besides, if it could.
    TicketByName { helpdesk, name } = concat!(
        "SELECT ", record!(), " FROM ticket
        WHERE helpdesk || '' = :helpdesk AND called IS NOT NULL AND lower(called) = lower(:name)
        ORDER BY updated_at DESC LIMIT 1"
    );
}
