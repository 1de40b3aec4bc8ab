-- +goose Up
-- What a checkpoint of the log vouches for, and which lines are about what.
CREATE TABLE snapshots (
    entity TEXT PRIMARY KEY,
    seq    INTEGER NOT NULL,
    doc    BLOB NOT NULL
) STRICT;
CREATE TABLE log_names (
    entity TEXT NOT NULL,
    name   TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (entity, name, seq)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE log_names;
DROP TABLE snapshots;
