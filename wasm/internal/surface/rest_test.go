package surface

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/shared/link"
	"countersign/shared/link/linkkey"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
)

// quiet is a host that only counts: pictures, and how often the page looked at the clock.
type quiet struct {
	*host
	pictures, looks atomic.Int32
}

func (q *quiet) Paint(string)   { q.pictures.Add(1) }
func (q *quiet) now() time.Time { q.looks.Add(1); return time.Now() }

func TestAPageAtRestIsSeldomWorkedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, q := gateway(), &quiet{host: newHost()}
		s.tells = make(chan string)
		delete(s.paths, "/v1/clock") // its answer is not of this bubble's time
		sh := start(q, q, core.Config{Tokens: s, Fetch: s, Rand: strings.NewReader(strings.Repeat("r", 4096)), Local: silent(), Now: q.now,
			LinkKey: func(context.Context) (link.DH, error) { return linkkey.New(strings.NewReader(strings.Repeat("k", 32))) }})
		defer sh.close()
		asked := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.asked)
		}
		spent := func(d time.Duration) (looks, requests int) {
			f, n := q.looks.Load(), asked()
			time.Sleep(d)
			synctest.Wait()
			return int(q.looks.Load() - f), asked() - n
		}
		time.Sleep(2 * time.Minute) // it has loaded, and settles
		if looks, requests := spent(time.Minute); looks > 5 || requests > 0 {
			t.Errorf("a page at rest looked at the clock %d times and asked %d times in a minute", looks, requests)
		}
		sh.core.Visible(false)
		if looks, requests := spent(time.Minute); looks > 2 || requests > 0 {
			t.Errorf("a hidden page looked at the clock %d times and asked %d times in a minute", looks, requests)
		}
		n := asked()
		sh.core.Visible(true)
		synctest.Wait()
		if got := asked() - n; got < 3 {
			t.Errorf("a page that is shown again asked %d times", got)
		}
		n = asked()
		s.tells <- `{"what":"request","id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa"}`
		synctest.Wait()
		if got := asked() - n; got != 1 {
			t.Errorf("told of a change it asked %d times", got)
		}
		before := q.pictures.Load()
		sh.Post(app.Acted{Action: "buy.field:amount", Value: "250"})
		synctest.Wait()
		if q.pictures.Load() == before {
			t.Fatal("what the person did is not shown")
		}
		if looks, _ := spent(1100 * time.Millisecond); looks < 1 {
			t.Error("after a change the time is told every second")
		}
		close(s.tells)
		s.mu.Lock()
		s.tells = nil // and no other stream can be had
		s.mu.Unlock()
		if _, requests := spent(time.Minute); requests < 2 {
			t.Errorf("a page that is not told asked %d times in a minute", requests)
		}
	})
}
