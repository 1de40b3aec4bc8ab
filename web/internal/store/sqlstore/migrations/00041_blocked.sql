-- +goose Up
-- An open request that a change of the vault denies is blocked.
ALTER TABLE requests ADD COLUMN now TEXT NOT NULL DEFAULT 'pending'
    CHECK (now IN ('pending_initiation', 'pending', 'approved', 'rejected', 'expired', 'blocked', 'ordered', 'completed'));
UPDATE requests SET now = state;
ALTER TABLE requests DROP COLUMN state;
ALTER TABLE requests RENAME COLUMN now TO state;

-- +goose Down
ALTER TABLE requests ADD COLUMN now TEXT NOT NULL DEFAULT 'pending'
    CHECK (now IN ('pending_initiation', 'pending', 'approved', 'rejected', 'expired', 'ordered', 'completed'));
UPDATE requests SET now = iif(state = 'blocked', 'rejected', state);
ALTER TABLE requests DROP COLUMN state;
ALTER TABLE requests RENAME COLUMN now TO state;
