-- +goose Up
-- When an entry was booked, in Unix milliseconds, so that the ledger is read by time.
ALTER TABLE ledger_entries ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
UPDATE ledger_entries SET at = COALESCE(CAST(round(unixepoch(json_extract(doc, '$.Entry.at'), 'subsec') * 1000) AS INTEGER), 0);
CREATE INDEX ledger_entries_by_entity ON ledger_entries (entity, pos);
CREATE INDEX ledger_entries_by_time ON ledger_entries (entity, at);

-- +goose Down
DROP INDEX ledger_entries_by_time;
DROP INDEX ledger_entries_by_entity;
ALTER TABLE ledger_entries DROP COLUMN at;
