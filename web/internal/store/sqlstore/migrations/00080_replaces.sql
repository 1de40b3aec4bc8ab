-- +goose Up
-- A transfer may be replaced by another request: one of their transactions gets into a block.
CREATE TABLE sendings_now (
    pos      INTEGER PRIMARY KEY AUTOINCREMENT,
    request  TEXT NOT NULL UNIQUE,
    entity   TEXT NOT NULL,
    chain    TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('approved', 'signed', 'submitted', 'included', 'confirmed', 'failed', 'replaced', 'lapsed')),
    block    INTEGER NOT NULL,
    transfer TEXT NOT NULL,
    doc      TEXT NOT NULL
) STRICT;
INSERT INTO sendings_now (pos, request, entity, chain, state, block, transfer, doc) SELECT pos, request, entity, chain, state, block, request, doc FROM sendings;
DROP TABLE sendings;
ALTER TABLE sendings_now RENAME TO sendings;
CREATE INDEX sendings_by_state ON sendings (chain, state, pos);
CREATE INDEX sendings_by_block ON sendings (chain, block);
CREATE INDEX sendings_by_transfer ON sendings (entity, transfer, pos);
ALTER TABLE requests ADD COLUMN now TEXT NOT NULL DEFAULT 'pending'
    CHECK (now IN ('pending_initiation', 'pending', 'approved', 'rejected', 'expired', 'blocked', 'ordered', 'completed', 'failed', 'cancelled'));
UPDATE requests SET now = state;
ALTER TABLE requests DROP COLUMN state;
ALTER TABLE requests RENAME COLUMN now TO state;

-- +goose Down
ALTER TABLE requests ADD COLUMN now TEXT NOT NULL DEFAULT 'pending'
    CHECK (now IN ('pending_initiation', 'pending', 'approved', 'rejected', 'expired', 'blocked', 'ordered', 'completed', 'failed'));
UPDATE requests SET now = iif(state = 'cancelled', 'failed', state);
ALTER TABLE requests DROP COLUMN state;
ALTER TABLE requests RENAME COLUMN now TO state;
CREATE TABLE sendings_before (
    pos     INTEGER PRIMARY KEY AUTOINCREMENT,
    request TEXT NOT NULL UNIQUE,
    entity  TEXT NOT NULL,
    chain   TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('approved', 'signed', 'submitted', 'included', 'confirmed', 'failed', 'lapsed')),
    block   INTEGER NOT NULL,
    doc     TEXT NOT NULL
) STRICT;
INSERT INTO sendings_before (pos, request, entity, chain, state, block, doc)
    SELECT pos, request, entity, chain, iif(state = 'replaced', 'lapsed', state), block, json_set(doc, '$.State', iif(state = 'replaced', 'lapsed', state)) FROM sendings;
DROP TABLE sendings;
ALTER TABLE sendings_before RENAME TO sendings;
CREATE INDEX sendings_by_state ON sendings (chain, state, pos);
CREATE INDEX sendings_by_block ON sendings (chain, block);
