package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// What is kept of the use of keys and tokens, for each developer.
const (
	UsesKept      = 10_000 // with a key or a token
	StrangersKept = 1_000  // with a wrong key
	usesFor       = 30 * 24 * time.Hour
	usesWaiting   = 10_000 // that are not written yet
)

// Visit is how a question came.
type Visit struct {
	Client string // the party that asks (package party)
	Route  string // as the table of routes has it
	ID     string // of the answer
	Proof  Proof
}

// Proof is a proof of possession (RFC 9449), for a method and a path; empty: none was
// given.
type Proof struct{ Text, Method, Path string }

// uses are what was used and is not written yet: a question does not wait for it.
type uses struct {
	mu      sync.Mutex
	waiting []store.Use
	lost    int
}

// Used notes that a developer's key or token was used; code is empty for a success.
func (g *Gateway) Used(c Caller, v Visit, code fault.Code) {
	if c.Developer == "" {
		return
	}
	g.noteUse(store.Use{Developer: c.Developer, Entity: c.Entity, Key: c.Token.KeyID}, v, string(code))
}

func (g *Gateway) noteUse(u store.Use, v Visit, code string) {
	name, err := id.New(g.cfg.Rand, id.Use)
	if err != nil {
		g.cfg.Log.Error("note the use of a key", "error", err.Error())
		return
	}
	u.ID, u.At, u.Route, u.Client, u.Request, u.Code = name, g.now(), v.Route, v.Client, v.ID, code
	g.uses.mu.Lock()
	defer g.uses.mu.Unlock()
	if len(g.uses.waiting) >= usesWaiting {
		g.uses.waiting = g.uses.waiting[1:]
		g.uses.lost++
	}
	g.uses.waiting = append(g.uses.waiting, u)
}

// writeUses writes what was used since the last time.
func (g *Gateway) writeUses(ctx context.Context) error {
	g.uses.mu.Lock()
	all, lost := g.uses.waiting, g.uses.lost
	g.uses.waiting, g.uses.lost = nil, 0
	g.uses.mu.Unlock()
	if lost > 0 {
		g.cfg.Log.Warn("the log of use is not written fast enough", "lost", lost)
	}
	if len(all) == 0 {
		return nil
	}
	err := g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		of := map[string]bool{}
		for _, u := range all {
			of[u.Developer] = true
			if err := tx.AddUse(u); err != nil {
				return err
			}
		}
		for developer := range of {
			if err := tx.TrimUses(developer, UsesKept, StrangersKept); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // they are tried again, behind what came meanwhile
		g.uses.mu.Lock()
		defer g.uses.mu.Unlock()
		keep := slices.Concat(all, g.uses.waiting)
		g.uses.waiting = keep[max(0, len(keep)-usesWaiting):]
	}
	return err
}

// UseFilter chooses uses; what is empty chooses all.
type UseFilter = store.UseFilter

// Usage is how the keys and tokens of the caller's developer were used, the newest first.
func (g *Gateway) Usage(ctx context.Context, c Caller, f UseFilter, cursor string, limit int) (wire.Page[wire.Use], error) {
	p := wire.Page[wire.Use]{Items: []wire.Use{}}
	if err := g.writeUses(ctx); err != nil {
		return p, err
	}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.Uses(c.Developer, f, cursor, limit+1)
		for i, u := range all {
			if i == limit {
				p.NextCursor = all[i-1].ID
				break
			}
			v := wire.Use{ID: u.ID, At: u.At, Key: u.Key, Entity: u.Entity, Route: u.Route, Result: u.Code, Client: u.Client, RequestID: u.Request}
			if v.Result == "" {
				v.Result = wire.UseOK
			}
			p.Items = append(p.Items, v)
		}
		return err
	})
	return p, err
}
