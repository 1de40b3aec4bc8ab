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

// quiet is a host that counts how often the page was worked out.
type quiet struct {
	*host
	frames, pictures atomic.Int32
}

func (q *quiet) Frame(f func()) { q.frames.Add(1); f() }
func (q *quiet) Paint(string)   { q.pictures.Add(1) }

func TestAPageAtRestIsSeldomWorkedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, q := gateway(), &quiet{host: newHost()}
		s.tells = make(chan string)
		delete(s.paths, "/v1/clock") // its answer is not of this bubble's time
		sh := start(q, q, core.Config{Tokens: s, Fetch: s, Rand: strings.NewReader(strings.Repeat("r", 4096)), Local: silent(),
			LinkKey: func(context.Context) (link.DH, error) { return linkkey.New(strings.NewReader(strings.Repeat("k", 32))) }})
		defer sh.close()
		asked := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.asked)
		}
		spent := func(d time.Duration) (frames, requests int) {
			f, n := q.frames.Load(), asked()
			time.Sleep(d)
			synctest.Wait()
			return int(q.frames.Load() - f), asked() - n
		}
		time.Sleep(2 * time.Minute) // it has loaded, and settles
		if frames, requests := spent(time.Minute); frames > 5 || requests > 0 {
			t.Errorf("a page at rest was worked out %d times and asked %d times in a minute", frames, requests)
		}
		sh.core.Visible(false)
		if frames, requests := spent(time.Minute); frames > 2 || requests > 0 {
			t.Errorf("a hidden page was worked out %d times and asked %d times in a minute", frames, requests)
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
		if frames, _ := spent(1100 * time.Millisecond); frames < 1 {
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
