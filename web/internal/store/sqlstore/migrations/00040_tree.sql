-- +goose Up
-- The nodes of the log's Merkle tree that each line completes, 32 bytes each, its leaf first; and the newest note of each signer.
ALTER TABLE log_lines ADD COLUMN nodes BLOB NOT NULL DEFAULT x'';
CREATE TABLE log_notes (
    entity TEXT PRIMARY KEY,
    size   INTEGER NOT NULL,
    note   TEXT NOT NULL
) STRICT;

-- +goose Down
DROP TABLE log_notes;
ALTER TABLE log_lines DROP COLUMN nodes;
