// Package site is about which sites may ask the person at this computer: their pages
// that are paired (pairings.json), those that the person blocked (blocks.json), and how
// often each may ask for nothing. bridge/internal/page asks it before each prompt; the
// commands pairings and origins change the lists, through bridge/internal/control.
package site

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"countersign/bridge/internal/alarm"
	"countersign/shared/fault"
)

// Config is what a gate works with.
type Config struct {
	Blocks *Blocks
	Now    func() time.Time
	Log    *slog.Logger
}

// Gate lets sites ask, or not.
type Gate struct {
	Config
	limits   *limits
	silenced *alarm.Alarms // by site: it may not ask any more
	unstored sync.Map      // sites that are blocked and could not be written to Blocks
}

// NewGate lets every site ask that is not blocked.
func NewGate(cfg Config) *Gate {
	return &Gate{Config: cfg, limits: newLimits(cfg.Now), silenced: alarm.New()}
}

// Admit lets a site have one prompt, until stop is called. watched ends when the site
// may not ask any more: [alarm.Because] says why. It fails with RATE_LIMITED.
func (g *Gate) Admit(ctx context.Context, site string) (watched context.Context, stop func(), err error) {
	watched, stop = g.silenced.Watch(ctx, site) // first: what uses the limit up meanwhile ends this prompt
	if limited := g.limits.admit(site); limited != nil {
		stop()
		return nil, nil, limited
	}
	return watched, stop, nil
}

// Vain notes that a prompt of a site came to nothing. When that was one too many, what
// the site has waiting ends: it would be asked next.
func (g *Gate) Vain(site string) {
	g.limits.charge(site)
	if limited := g.limits.admit(site); limited != nil {
		g.silenced.Ring(site, limited)
	}
}

// Block blocks a site from now on, and ends what it has waiting because of why.
func (g *Gate) Block(site string, why *fault.Error) {
	if err := g.Blocks.Add(site, g.Now()); err != nil {
		g.Log.Error("the block could not be stored: it ends with this run of the bridge", "site", site, "error", err)
		g.unstored.Store(site, true)
	}
	g.silenced.Ring(site, why)
}

// Check fails with SITE_BLOCKED when a site is blocked; one that a gateway claims is
// blocked with the site itself, and not the other way round.
func (g *Gate) Check(origin, gateway string) error {
	for _, site := range []string{origin, Name(origin, gateway)} {
		blocked, err := g.Blocks.Has(site)
		if err != nil {
			return err
		}
		if _, unstored := g.unstored.Load(site); blocked || unstored {
			return fault.New(fault.SiteBlocked, "this site was blocked at the bridge's prompt; to take that back: countersign-bridge origins unblock "+origin)
		}
	}
	return nil
}
