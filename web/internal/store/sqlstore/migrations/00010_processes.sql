-- +goose Up
-- Several processes on one database: who does what at present, and until when.
CREATE TABLE leases (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL,
    says   TEXT NOT NULL
) STRICT;
ALTER TABLE replies ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE replies ADD COLUMN until INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE replies DROP COLUMN until;
ALTER TABLE replies DROP COLUMN holder;
DROP TABLE leases;
