-- +goose Up
-- Which key made an API key ('' for none, or of an earlier version), and which client a sandbox (a SHA-256, empty likewise).
ALTER TABLE api_keys ADD COLUMN maker TEXT NOT NULL DEFAULT '';
ALTER TABLE developers ADD COLUMN client BLOB NOT NULL DEFAULT x'';

-- +goose Down
ALTER TABLE developers DROP COLUMN client;
ALTER TABLE api_keys DROP COLUMN maker;
