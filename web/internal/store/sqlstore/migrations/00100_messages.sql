-- +goose Up
-- Approved requests that end in a signature under a message.
CREATE TABLE messages (
    pos     INTEGER PRIMARY KEY AUTOINCREMENT,
    request TEXT NOT NULL UNIQUE,
    entity  TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('approved', 'signed', 'lapsed')),
    doc     TEXT NOT NULL
) STRICT;
CREATE INDEX messages_by_state ON messages (entity, state, pos);

-- +goose Down
DROP TABLE messages;
