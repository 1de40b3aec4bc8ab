-- +goose Up
ALTER TABLE addresses ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
-- Each address is looked at for the first time again: tokens that came before were
-- not found.
UPDATE addresses SET swept = -1, balance = '0';

-- +goose Down
ALTER TABLE addresses DROP COLUMN sent;
