-- +goose Up
CREATE TABLE clock (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seen INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE clock;
