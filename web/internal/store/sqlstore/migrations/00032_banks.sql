-- +goose Up
-- The sandbox's developers expire, and have connections to pretend banks. Times are Unix milliseconds, 0 for none.
ALTER TABLE developers ADD COLUMN proof BLOB NOT NULL DEFAULT x'';
ALTER TABLE developers ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;
CREATE TABLE bank_items (
    pos            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT NOT NULL UNIQUE,
    entity         TEXT NOT NULL,
    currency       TEXT NOT NULL,
    login_required INTEGER NOT NULL CHECK (login_required IN (0, 1)),
    connected      INTEGER NOT NULL,
    synced         INTEGER NOT NULL
) STRICT;
CREATE INDEX bank_items_by_entity ON bank_items (entity, pos);
CREATE TABLE bank_links (
    hash    BLOB PRIMARY KEY CHECK (length(hash) = 32),
    kind    TEXT NOT NULL CHECK (kind IN ('link', 'public')),
    entity  TEXT NOT NULL,
    item    TEXT NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER NOT NULL
) STRICT;
CREATE INDEX bank_links_by_entity ON bank_links (entity);

-- +goose Down
DROP TABLE bank_links;
DROP TABLE bank_items;
ALTER TABLE developers DROP COLUMN expires;
ALTER TABLE developers DROP COLUMN proof;
