package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"countersign/shared/fault"
)

// pageSize is how many entries are read at once; a page is one transaction.
const pageSize = 100

// syncState is how the last reading went.
type syncState struct {
	mu      sync.Mutex
	at      time.Time
	stopped bool
	err     error
}

func (s *syncState) set(at time.Time, stopped bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.at, s.stopped = at, stopped
	}
}

// says is a word for how the signer is: ok, stopped (it answers and decides
// nothing), log_corrupt or unavailable.
func (s *syncState) says() string {
	_, err := s.get()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case fault.CodeOf(err) == fault.LogCorrupt:
		return "log_corrupt"
	case err != nil:
		return "unavailable"
	case s.stopped:
		return "stopped"
	}
	return "ok"
}

// get returns when the log was last read, and why the last reading failed.
func (s *syncState) get() (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && s.at.IsZero() {
		return s.at, fault.New(fault.SignerDown, "the signer's log was not read yet")
	}
	return s.at, s.err
}

// Sync reads what is new in the signer's log. It fails with LOG_CORRUPT at the first
// entry that does not follow what was read before, and keeps those before it.
func (g *Gateway) Sync(ctx context.Context) error {
	g.syncMu.Lock()
	defer g.syncMu.Unlock()
	stopped := false
	err := g.readLog(ctx, &stopped)
	if ctx.Err() == nil {
		g.sync.set(g.now(), stopped, err)
	}
	return err
}

func (g *Gateway) readLog(ctx context.Context, stopped *bool) error {
	for {
		if err := g.log.Replay(ctx, g.cfg.Store); err != nil { // what another process stored
			return err
		}
		mark := g.log.Mark()
		page, err := g.cfg.Signer.Log(ctx, mark.Size-1, pageSize)
		if err != nil {
			return err
		}
		*stopped = page.Stopped != ""
		switch {
		case page.Size < mark.Size:
			return fault.New(fault.LogCorrupt, "the signer's log is shorter than it was").With("entry", fmt.Sprint(page.Size))
		case page.Size == mark.Size && page.Size > 0 && page.Head != mark.Head:
			return fault.New(fault.LogCorrupt, "the signer's log is not the one that was read before").With("entry", fmt.Sprint(page.Size-1))
		case page.Size == mark.Size:
			return nil
		case len(page.Entries) == 0:
			return fault.New(fault.LogCorrupt, "the signer's log has entries that it does not show")
		}
		lines := make([]string, len(page.Entries))
		for i, e := range page.Entries {
			lines[i] = e.JWS
		}
		if err := g.log.Append(ctx, g.cfg.Store, lines); err != nil {
			return err
		}
	}
}
