-- +goose Up
-- The nodes of the log's Merkle tree that each line completes, 32 bytes each, its leaf first; and the newest note of each signer.
ALTER TABLE log_lines ADD COLUMN nodes BLOB NOT NULL DEFAULT x'';
CREATE TABLE log_notes (
    entity TEXT PRIMARY KEY,
    size   INTEGER NOT NULL,
    note   TEXT NOT NULL
) STRICT;
-- From here on it holds who governs in every version. What it had is of a log that this version refuses by name.
DELETE FROM genesis;

-- +goose Down
DROP TABLE log_notes;
ALTER TABLE log_lines DROP COLUMN nodes;
