-- +goose Up
CREATE TABLE changes (
    pos    INTEGER PRIMARY KEY AUTOINCREMENT,
    entity TEXT NOT NULL,
    what   TEXT NOT NULL,
    id     TEXT NOT NULL
) STRICT;
CREATE INDEX changes_by_entity ON changes (entity, pos);

-- +goose Down
DROP TABLE changes;
