-- +goose Up
-- Invitations of people and programs who register as members. Times are Unix milliseconds.
CREATE TABLE invitations (
    pos          INTEGER PRIMARY KEY AUTOINCREMENT,
    entity       TEXT NOT NULL,
    member       TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    name         TEXT NOT NULL,
    role         TEXT NOT NULL,
    nature       TEXT NOT NULL,
    expires      INTEGER NOT NULL,
    registration TEXT NOT NULL,
    UNIQUE (entity, member)
) STRICT;

-- +goose Down
DROP TABLE invitations;
