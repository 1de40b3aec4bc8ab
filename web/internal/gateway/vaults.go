package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
)

// pageSize is how many entries are read at once; a page is one transaction.
const pageSize = 100

// restsFor is how long a stored log that does not hold is not verified again.
const restsFor = time.Minute

// Vault is the vault of one entity: the line to its signer, and whose log is believed.
type Vault struct {
	Entity string
	Key    jws.PublicKey // the signer's statement key, from the signer file
	Root   jws.PublicKey // with which its log begins; zero: the Key
	Signer Signer
	// Reviewers are where the programs are that judge requests, by member id.
	Reviewers map[string]string
	// Sources are where the programs are that sign rates, by member id.
	Sources map[string]string
}

// vault is one that is followed, and how that goes.
type vault struct {
	Vault

	reading sync.Mutex // one reading at a time
	log     *projection.Projection
	paused  map[string]pause // questions to reviewers, by their JWS; of [Gateway.AskReviewers] alone
	fetched map[string]pause // rates, by their source, asset and currency; of [Gateway.FetchRates] alone
	rests   time.Time        // until when the stored log, which does not hold, is not verified again

	mu      sync.Mutex
	at      time.Time // of the last reading that succeeded; zero: none did
	stopped bool
	err     error // of the last reading
}

// newVaults knows one vault for each entity.
func newVaults(all []Vault, log *slog.Logger) (map[string]*vault, error) {
	vaults := map[string]*vault{}
	for _, v := range all {
		switch {
		case v.Entity == "" || v.Signer == nil:
			return nil, errors.New("a vault needs its entity and its signer")
		case vaults[v.Entity] != nil:
			return nil, fmt.Errorf("two signers are of one entity, %s", v.Entity)
		}
		if v.Root.IsZero() {
			v.Root = v.Key
		}
		vaults[v.Entity] = &vault{Vault: v, log: projection.New(v.Entity, v.Root, v.Key, log), paused: map[string]pause{}, fetched: map[string]pause{}}
	}
	return vaults, nil
}

// vault is that of an entity. It fails with ENTITY_NOT_ENROLLED when no signer of this
// gateway is its.
func (g *Gateway) vault(entity string) (*vault, error) {
	if v := g.vaults[entity]; v != nil {
		return v, nil
	}
	return nil, fault.New(fault.EntityUnknown, "no vault's signer of this gateway knows this entity")
}

// States of a signer: it answers; it answers and decides nothing until its clock is
// right; its log is not the one that was read before; it does not answer; the entity
// has none.
const (
	signerOK      = "ok"
	signerStopped = "stopped"
	signerCorrupt = "log_corrupt"
	signerDown    = "unavailable"
	signerNone    = "none"
)

// gravity orders the states of a signer, the worst last.
var gravity = []string{signerOK, signerStopped, signerDown, signerCorrupt}

// says is how the signer is.
func (v *vault) says() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case fault.CodeOf(v.err) == fault.LogCorrupt:
		return signerCorrupt
	case v.err != nil || v.at.IsZero():
		return signerDown
	case v.stopped:
		return signerStopped
	}
	return signerOK
}

// read returns when the log was last read, and why the last reading failed.
func (v *vault) read() (time.Time, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil && v.at.IsZero() {
		return v.at, fault.New(fault.SignerDown, "the signer's log was not read yet")
	}
	return v.at, v.err
}

// doubted fails with LOG_CORRUPT when the log is not the one that was read before.
func (v *vault) doubted() error {
	if v == nil {
		return nil // the entity has no signer any more: what it approved stands
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	why, ok := fault.As(v.err)
	if !ok || why.Code != fault.LogCorrupt {
		return nil
	}
	return fault.New(fault.LogCorrupt, "the log of the vault's signer is not the one that was read before: nothing is handed over until its operator has looked into it").
		With("entry", why.Details["entry"])
}

// health is how the signers are, by entity, and the word for all of them: the worst.
func (g *Gateway) signers() (all []wire.SignerHealth, worst string) {
	all, worst = []wire.SignerHealth{}, signerOK
	for _, entity := range slices.Sorted(maps.Keys(g.vaults)) {
		v := g.vaults[entity]
		h := wire.SignerHealth{Entity: entity, Status: v.says()}
		if at, _ := v.read(); !at.IsZero() {
			h.SyncedAt = &at
		}
		if all = append(all, h); slices.Index(gravity, h.Status) > slices.Index(gravity, worst) {
			worst = h.Status
		}
	}
	return all, worst
}

// SyncAll reads what is new in the logs of all signers, at the same time: one that
// does not answer keeps no other waiting.
func (g *Gateway) SyncAll(ctx context.Context) error {
	failed := make([]error, len(g.vaults))
	var wg sync.WaitGroup
	for i, entity := range slices.Sorted(maps.Keys(g.vaults)) {
		wg.Go(func() {
			if err := g.Sync(ctx, entity); err != nil {
				failed[i] = fmt.Errorf("%s: %w", entity, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// Sync reads what is new in the log of an entity's signer. It fails with LOG_CORRUPT at
// the first entry that does not follow what was read before, and keeps those before it.
func (g *Gateway) Sync(ctx context.Context, entity string) error {
	v, err := g.vault(entity)
	if err != nil {
		return err
	}
	v.reading.Lock()
	defer v.reading.Unlock()
	stopped, err := g.readLog(ctx, v)
	if ctx.Err() == nil {
		v.note(g.now(), stopped, err)
	}
	return err
}

// note keeps how a reading ended.
func (v *vault) note(at time.Time, stopped bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err = err; err == nil {
		v.at, v.stopped = at, stopped
	}
}

// replay applies what is stored. Where that does not hold, it is not verified again for a
// minute: a long log takes long.
func (g *Gateway) replay(ctx context.Context, v *vault) error {
	if g.now().Before(v.rests) {
		_, err := v.read()
		return err
	}
	err := v.log.Replay(ctx, g.cfg.Store)
	if fault.CodeOf(err) == fault.LogCorrupt {
		v.rests = g.now().Add(restsFor)
	}
	return err
}

func (g *Gateway) readLog(ctx context.Context, v *vault) (stopped bool, err error) {
	for {
		if err := g.replay(ctx, v); err != nil { // what another process stored
			return false, err
		}
		mark := v.log.Mark()
		page, err := v.Signer.Log(ctx, mark.Size-1, pageSize)
		if err != nil {
			return false, err
		}
		switch {
		case page.Size < mark.Size:
			return false, fault.New(fault.LogCorrupt, fmt.Sprintf("the signer's log is shorter than it was: it has %d entries, and %d were read. It was rewound, or restored from an older copy", page.Size, mark.Size)).With("entry", fmt.Sprint(page.Size))
		case page.Size == mark.Size && page.Size > 0 && page.Head != mark.Head:
			return false, fault.New(fault.LogCorrupt, "the signer's log is not the one that was read before").With("entry", fmt.Sprint(page.Size-1))
		case page.Size == mark.Size:
			return page.Stopped != "", nil
		case len(page.Entries) == 0:
			return false, fault.New(fault.LogCorrupt, "the signer's log has entries that it does not show")
		}
		lines := make([]string, len(page.Entries))
		for i, e := range page.Entries {
			lines[i] = e.JWS
		}
		if err := v.log.Append(ctx, g.cfg.Store, lines); err != nil {
			return false, err
		}
	}
}
