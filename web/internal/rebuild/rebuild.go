// Package rebuild makes those rows of the gateway's database again that follow from the
// signers' logs, and says which differ. It reads each log from its genesis into a database
// beside the gateway's, as web/internal/projection does for the gateway.
// web/cmd/countersign-gateway is its user.
package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
)

// Config says what is rebuilt.
type Config struct {
	Path   string // of the gateway's database
	Vaults []gateway.Vault
	Log    *slog.Logger
	Out    io.Writer
	Now    func() time.Time
}

// ErrDiffers says that the database is not as the logs say.
var ErrDiffers = errors.New("the database is not as the signers' logs say: countersign-gateway migrate rebuild makes those rows again")

// shown is how many differences of an entity are named.
const shown = 20

// Check compares the database with the logs, as far as it has read them, and names what
// differs. It changes nothing, and fails with [ErrDiffers].
func Check(ctx context.Context, cfg Config) (err error) {
	db, err := sqlstore.View(cfg.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Current(ctx); err != nil {
		return err
	}
	return cfg.beside(ctx, func(fresh *sqlstore.Store, file string) error {
		var differs error
		for _, v := range cfg.Vaults {
			kept, err := mark(ctx, db, v.Entity)
			if err != nil {
				return err
			}
			if _, err := cfg.read(ctx, fresh, v, kept.Size); err != nil {
				return err
			}
			if err := resume(ctx, fresh, db, v.Entity); err != nil {
				return err
			}
			all, err := db.Differences(ctx, file, v.Entity)
			if err != nil {
				return err
			}
			if len(all) > 0 {
				differs = ErrDiffers
			}
			if err := cfg.tell(v.Entity, kept.Size, all); err != nil {
				return err
			}
		}
		return differs
	})
}

// tell says what differs.
func (cfg Config) tell(entity string, size int64, all []sqlstore.Difference) error {
	switch {
	case len(all) == 0 && size == 0:
		_, err := fmt.Fprintf(cfg.Out, "%s: nothing of its log was read yet\n", entity)
		return err
	case len(all) == 0:
		_, err := fmt.Fprintf(cfg.Out, "%s: as its log says, to entry %d\n", entity, size-1)
		return err
	}
	for i, d := range all {
		if i == shown {
			_, err := fmt.Fprintf(cfg.Out, "%s: %d more rows differ\n", entity, len(all)-shown)
			return err
		}
		why := "differs from the log"
		switch {
		case !d.Has:
			why = "is missing"
		case !d.Says:
			why = "is not in the log"
		}
		if _, err := fmt.Fprintf(cfg.Out, "%s: %s %s %s\n", entity, d.Table, d.Key, why); err != nil {
			return err
		}
	}
	return nil
}

// Run makes the rows of the logs again, in the database that is there or in a new one. What
// else the database has stays. It fails with LOG_CORRUPT, and changes nothing of that
// entity, when the database has an entry that the signer's key signed and the signer does
// not have: its log was rewound, or is another one.
func Run(ctx context.Context, cfg Config) (err error) {
	_, err = os.Stat(cfg.Path)
	begins := errors.Is(err, fs.ErrNotExist)
	db, err := sqlstore.Open(ctx, cfg.Path)
	if err != nil {
		return damaged(err)
	}
	defer func() {
		err = errors.Join(damaged(err), db.Close())
		if err != nil && begins { // the next run begins, too
			err = errors.Join(err, os.Remove(cfg.Path))
		}
	}()
	return cfg.beside(ctx, func(fresh *sqlstore.Store, file string) error {
		for _, v := range cfg.Vaults {
			keys, err := cfg.read(ctx, fresh, v, math.MaxInt64)
			if err != nil {
				return err
			}
			if err := resume(ctx, fresh, db, v.Entity); err != nil {
				return err
			}
			all, err := db.Differences(ctx, file, v.Entity)
			if err != nil {
				return err
			}
			if err := db.TakeLog(ctx, file, v.Entity, unsigned(keys)); err != nil {
				return fmt.Errorf("%s: %w", v.Entity, err)
			}
			at, err := mark(ctx, db, v.Entity)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(cfg.Out, "%s: made again, to entry %d; rows that differed: %d\n", v.Entity, at.Size-1, len(all)); err != nil {
				return err
			}
		}
		if begins {
			if _, err := fmt.Fprint(cfg.Out, lost); err != nil {
				return err
			}
		}
		return cfg.usable(ctx, db)
	})
}

// damaged says what to do about a database that cannot be read.
func damaged(err error) error {
	if !sqlstore.Damaged(err) {
		return err
	}
	return fmt.Errorf("%w. Nothing was changed: the database is damaged. Restore a backup; or move it away, with its -wal and -shm, and run this again, which makes a new one of the logs", err)
}

// lost says what a new database does not have.
const lost = "This is a new database. It has what the signers' logs say: members, rules, accounts, addresses, requests, decisions and signed transactions. " +
	"What became of the transactions, and what each address has, the gateway reads from the chains when it starts. " +
	"Orders, the ledger, quotes, the sandbox's developers, and keys that are not in the configuration were in the old one only.\n"

// usable names the requests that can still be handed over to a provider: whether one was
// already, an older database does not know. What ends in a transaction can be signed but once.
func (cfg Config) usable(ctx context.Context, db store.Store) error {
	return db.Read(ctx, func(tx store.Tx) error {
		for _, v := range cfg.Vaults {
			for after := ""; ; {
				page, err := tx.Requests(v.Entity, store.RequestFilter{State: wire.RequestApproved}, after, 100)
				if err != nil {
					return err
				}
				for _, r := range page {
					if after = r.ID; r.UseBy <= cfg.Now().Unix() {
						continue
					}
					if _, err := tx.Sending(v.Entity, r.ID); !errors.Is(err, store.ErrNotFound) {
						if err != nil {
							return err
						}
						continue
					}
					if _, err := fmt.Fprintf(cfg.Out, "%s: %s is approved until %s, and this database has no order of it. If it had one before, it would be bought twice: ask its provider\n",
						v.Entity, r.ID, time.Unix(r.UseBy, 0).UTC().Format(time.RFC3339)); err != nil {
						return err
					}
				}
				if len(page) == 0 {
					break
				}
			}
		}
		return nil
	})
}

// beside runs f with a database in a folder beside the gateway's, which is removed.
func (cfg Config) beside(ctx context.Context, f func(fresh *sqlstore.Store, file string) error) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(cfg.Path), "rebuild-")
	if err != nil {
		return fmt.Errorf("make a folder for what is read of the logs: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "fresh.db")
	fresh, err := sqlstore.Open(ctx, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	return f(fresh, file)
}

// pageSize is how many entries are read at once.
const pageSize = 100

// read reads the first entries of a log, at most size, into a database. It returns the keys
// that signed the log, and those that the gateway is told sign it.
func (cfg Config) read(ctx context.Context, db store.Store, v gateway.Vault, size int64) ([]jws.PublicKey, error) {
	if v.Root.IsZero() {
		v.Root = v.Key
	}
	p := projection.New(v.Entity, v.Root, v.Key, cfg.Log)
	if err := p.Replay(ctx, db); err != nil { // which is nothing yet
		return nil, err
	}
	if err := cfg.append(ctx, db, p, v, size); err != nil {
		return nil, err
	}
	keys := []jws.PublicKey{v.Root, v.Key}
	if p.Mark().Size == 0 {
		return keys, nil
	}
	had, err := p.Keys()
	return append(keys, had...), err
}

// append reads the next entries of a log, until a database has size of them, or all.
func (cfg Config) append(ctx context.Context, db store.Store, p *projection.Projection, v gateway.Vault, size int64) error {
	for {
		at := p.Mark().Size
		page, err := v.Signer.Log(ctx, at-1, pageSize)
		if err != nil {
			return fmt.Errorf("read the log of %s: %w", v.Entity, err)
		}
		left := min(page.Size, size) - at
		if left <= 0 {
			return nil
		}
		var lines []string
		for _, e := range page.Entries[:min(left, int64(len(page.Entries)))] {
			lines = append(lines, e.JWS)
		}
		if len(lines) == 0 {
			return fault.New(fault.LogCorrupt, "the signer's log has entries that it does not show")
		}
		if err := p.Append(ctx, db, lines); err != nil {
			return fmt.Errorf("read the log of %s: %w", v.Entity, err)
		}
	}
}

// unsigned refuses to drop a line that the signer signed, with a key that the vault has or had.
func unsigned(keys []jws.PublicKey) func(store.Line) error {
	return func(l store.Line) error {
		for _, key := range keys {
			if e, err := signedlog.Read(l.Text, key); err == nil && e.Seq == l.Seq {
				return fault.New(fault.LogCorrupt, fmt.Sprintf("the database has entry %d, which the signer signed, and the signer does not have it: its log was rewound, or is another one. "+
					"Nothing was changed: restore the signer's log first", e.Seq)).With("entry", fmt.Sprint(e.Seq))
			}
		}
		return nil // it was damaged
	}
}

func mark(ctx context.Context, db store.Store, entity string) (m store.Mark, err error) {
	err = db.Read(ctx, func(tx store.Tx) (err error) { m, err = tx.Mark(entity); return err })
	return m, err
}
