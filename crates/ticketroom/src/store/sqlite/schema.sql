-- Times are milliseconds since 1970 in UTC.

CREATE TABLE ticket (
    number       INTEGER PRIMARY KEY,
    helpdesk     TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    called       TEXT    COLLATE NOCASE,    -- what people call it, where that is not its id: SUP-42 in Jira
    state        TEXT    NOT NULL,          -- waiting, ready, blocked, skipped, archived
    reason       TEXT,
    reason_code  TEXT,
    reason_help  TEXT,
    due_at       INTEGER,                   -- when a worker may take it; while claimed, when the lease ends; NULL: nothing to do
    claimed      INTEGER NOT NULL DEFAULT 0,
    fence        INTEGER NOT NULL DEFAULT 0,
    saves        INTEGER NOT NULL DEFAULT 0, -- commits of the current claim: one that is tried again is written once
    hints        INTEGER NOT NULL DEFAULT 0, -- deliveries so far, and whatever else says that it is to be looked at
    asked        INTEGER NOT NULL DEFAULT 0, -- how often a person asked since the last run
    attempts     INTEGER NOT NULL DEFAULT 0,
    request         TEXT,                      -- what a person wants of its room until it is in the ledger: archive, reopen
    requests     INTEGER NOT NULL DEFAULT 0, -- requests so far
    unreported   INTEGER NOT NULL DEFAULT 0, -- the last `placed` of its room's events; 0: it was told of all
    reported         TEXT,                      -- JSON: the ticket as the last delivery had it
    reported_version TEXT,                      -- the version of that
    seen         TEXT,                      -- JSON: the ticket as its helpdesk had it
    known_at     INTEGER NOT NULL DEFAULT 0, -- its latest change that we know of, by its helpdesk's clock; 0: none
    backfill     INTEGER NOT NULL DEFAULT 0, -- it goes after all others: a backfill took it in, and nothing else has made it due since
    subject      TEXT    NOT NULL DEFAULT '',
    ledger       TEXT    NOT NULL DEFAULT '{}',
    room_id      INTEGER UNIQUE,            -- one room belongs to one ticket
    room_title   TEXT,
    room_url     TEXT,
    written_back INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (helpdesk, id)
) STRICT;
-- New tickets go before those that have been tried in vain.
CREATE INDEX ticket_new ON ticket (due_at) WHERE attempts = 0 AND due_at IS NOT NULL AND backfill = 0;
CREATE INDEX ticket_again ON ticket (due_at) WHERE attempts > 0 AND due_at IS NOT NULL AND backfill = 0;
CREATE INDEX ticket_backfill ON ticket (due_at) WHERE backfill = 1 AND due_at IS NOT NULL;
-- What is due of some helpdesks, while others have their share of the runs.
CREATE INDEX ticket_new_of ON ticket (helpdesk, due_at) WHERE attempts = 0 AND due_at IS NOT NULL AND backfill = 0;
CREATE INDEX ticket_again_of ON ticket (helpdesk, due_at) WHERE attempts > 0 AND due_at IS NOT NULL AND backfill = 0;
CREATE INDEX ticket_backfill_of ON ticket (helpdesk, due_at) WHERE backfill = 1 AND due_at IS NOT NULL;
-- A ticket is looked for by its id or its name alone.
CREATE INDEX ticket_id ON ticket (id);
CREATE INDEX ticket_called ON ticket (called) WHERE called IS NOT NULL;
-- Lists are long: whatever they are narrowed by comes from an index in the order in which it is shown.
CREATE INDEX ticket_updated ON ticket (updated_at, number);
CREATE INDEX ticket_helpdesk_updated ON ticket (helpdesk, updated_at, number);
CREATE INDEX ticket_state_updated ON ticket (state, updated_at, number);
CREATE INDEX ticket_claimed ON ticket (updated_at, number) WHERE claimed = 1;

CREATE TABLE delivery (
    number       INTEGER PRIMARY KEY,
    source       TEXT    NOT NULL,          -- a helpdesk, or docspace
    ticket       INTEGER REFERENCES ticket (number), -- NULL: not understood, in a folder, or about something else
    received_at  INTEGER NOT NULL,
    delivery_id  TEXT,                      -- its key, see `store/repeat.rs`
    event        TEXT    NOT NULL,
    outcome      TEXT    NOT NULL,          -- accepted, echo, not_understood, about_something_else
    problem      TEXT,
    headers      TEXT    NOT NULL,
    query        TEXT,
    body         BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX delivery_repeat ON delivery (source, delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX delivery_ticket ON delivery (ticket) WHERE ticket IS NOT NULL;

CREATE TABLE timeline (
    number       INTEGER PRIMARY KEY,
    ticket       INTEGER NOT NULL REFERENCES ticket (number),
    at           INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    text         TEXT    NOT NULL
) STRICT;
CREATE INDEX timeline_ticket ON timeline (ticket);

-- Effects that come in numbers, and what is known of each.
CREATE TABLE effect (
    ticket       INTEGER NOT NULL REFERENCES ticket (number),
    kind         TEXT    NOT NULL,
    target       TEXT    NOT NULL,
    entry        TEXT    NOT NULL,          -- JSON
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (ticket, kind, target)
) STRICT, WITHOUT ROWID;

-- What people did in rooms, until the ticket that has the room was told of it.
CREATE TABLE room_event (
    number       INTEGER PRIMARY KEY,
    folder       INTEGER NOT NULL,
    ticket       INTEGER REFERENCES ticket (number), -- NULL: not placed
    placed       INTEGER,                   -- the ticket's hints when it was placed: what was placed later is told later
    due_at       INTEGER NOT NULL,          -- while not placed: when to ask which room its folder is in
    kind         TEXT    NOT NULL,          -- file_added, ...
    entry        INTEGER NOT NULL,          -- the file's or folder's number in DocSpace
    title        TEXT    NOT NULL,
    done_by      TEXT    NOT NULL,          -- the user's id in DocSpace
    done_at      INTEGER NOT NULL,
    received_at  INTEGER NOT NULL           -- by the store's own clock
) STRICT;
CREATE INDEX room_event_folder ON room_event (folder, due_at) WHERE ticket IS NULL;
CREATE INDEX room_event_ticket ON room_event (ticket, number) WHERE ticket IS NOT NULL;

-- How far tasks are that go on where they stopped: sweeps, backfills.
CREATE TABLE progress (
    name         TEXT    PRIMARY KEY,
    turn         INTEGER NOT NULL,          -- how often it was written
    value        TEXT    NOT NULL           -- JSON of the task
) STRICT, WITHOUT ROWID;

-- One row: the writes of DocSpace's current day.
CREATE TABLE write_budget (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    day_began_at INTEGER NOT NULL,
    used         INTEGER NOT NULL,
    none_until   INTEGER NOT NULL
) STRICT;
INSERT INTO write_budget VALUES (1, 0, 0, 0);

CREATE TABLE probe (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    at           INTEGER NOT NULL,
    padding      BLOB    NOT NULL           -- as much as a delivery takes
) STRICT;

-- Names that one process may have at a time.
CREATE TABLE reservation (
    name         TEXT    PRIMARY KEY,
    replica      TEXT    NOT NULL,
    until        INTEGER NOT NULL
) STRICT;

-- One row: which store this is.
CREATE TABLE identity (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    id           TEXT    NOT NULL,
    copying      TEXT,                      -- the store that is being copied into this one
    backup_at    INTEGER                    -- when this was made as a backup; NULL once it is served from
) STRICT;
INSERT INTO identity VALUES (1, lower(hex(randomblob(16))), NULL, NULL);
