-- +goose Up
-- Approved requests that end in a transaction, and the hashes of what was signed of each.
CREATE TABLE sendings (
    pos     INTEGER PRIMARY KEY AUTOINCREMENT,
    request TEXT NOT NULL UNIQUE,
    entity  TEXT NOT NULL,
    chain   TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('approved', 'signed', 'submitted', 'included', 'confirmed', 'failed', 'lapsed')),
    block   INTEGER NOT NULL,
    doc     TEXT NOT NULL
) STRICT;
CREATE INDEX sendings_by_state ON sendings (chain, state, pos);
CREATE INDEX sendings_by_block ON sendings (chain, block);
CREATE TABLE sending_hashes (
    chain   TEXT NOT NULL,
    hash    TEXT NOT NULL,
    request TEXT NOT NULL,
    PRIMARY KEY (chain, hash)
) STRICT;
-- A transaction may fail in its block.
ALTER TABLE requests ADD COLUMN now TEXT NOT NULL DEFAULT 'pending'
    CHECK (now IN ('pending_initiation', 'pending', 'approved', 'rejected', 'expired', 'blocked', 'ordered', 'completed', 'failed'));
UPDATE requests SET now = state;
ALTER TABLE requests DROP COLUMN state;
ALTER TABLE requests RENAME COLUMN now TO state;

-- +goose Down
ALTER TABLE requests ADD COLUMN now TEXT NOT NULL DEFAULT 'pending'
    CHECK (now IN ('pending_initiation', 'pending', 'approved', 'rejected', 'expired', 'blocked', 'ordered', 'completed'));
UPDATE requests SET now = iif(state = 'failed', 'approved', state);
ALTER TABLE requests DROP COLUMN state;
ALTER TABLE requests RENAME COLUMN now TO state;
DROP TABLE sending_hashes;
DROP TABLE sendings;
