package surface

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/shared/link"
	"countersign/shared/link/linkkey"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/gatewayclient"
)

// screen is a host with frames that come when the test says so; it notes pictures and
// what the gateway is asked.
type screen struct {
	*host
	*server
	mu     sync.Mutex
	noted  []string
	frames []func()
}

func (s *screen) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noted = append(s.noted, what)
}

func (s *screen) Paint(string) { s.note("picture") }

func (s *screen) Do(ctx context.Context, r gatewayclient.Request) (*gatewayclient.Response, error) {
	path, _, _ := strings.Cut(r.URL, "?")
	s.note(path)
	return s.server.Do(ctx, r)
}

func (s *screen) Frame(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = append(s.frames, f)
}

// frame lets a frame come, and waits until the page is at rest.
func (s *screen) frame() {
	s.mu.Lock()
	all := s.frames
	s.frames = nil
	s.mu.Unlock()
	for _, f := range all {
		f()
	}
	synctest.Wait()
}

// since returns what was noted since it was asked last.
func (s *screen) since() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.noted
	s.noted = nil
	return all
}

func TestAPictureIsPaintedAtOnceAndTheNextInTheNextFrame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &screen{host: newHost(), server: gateway()}
		delete(s.paths, "/v1/clock") // its answer is not of this bubble's time
		s.tells = make(chan string)
		sh := start(s, s, core.Config{Tokens: s, Fetch: s, Rand: strings.NewReader(strings.Repeat("r", 4096)), Local: silent(),
			LinkKey: func(context.Context) (link.DH, error) { return linkkey.New(strings.NewReader(strings.Repeat("k", 32))) }})
		defer sh.close()
		time.Sleep(time.Second) // it has loaded
		synctest.Wait()
		s.frame()
		s.frame()
		s.since()
		for range 3 {
			sh.Post(app.Acted{Action: "help"})
			synctest.Wait()
		}
		if got := s.since(); !slices.Equal(got, []string{"picture"}) {
			t.Errorf("in one frame there were %v", got)
		}
		sh.Post(app.Acted{Action: "help"})
		if s.frame(); !slices.Equal(s.since(), []string{"picture"}) {
			t.Error("what was done further is not painted in the next frame")
		}
		if s.frame(); len(s.since()) > 0 {
			t.Error("a frame without news is painted")
		}
		sh.Post(app.Acted{Action: "buy.field:amount", Value: "250"})
		sh.Post(app.Acted{Action: "buy.ask"})
		if got := s.since(); !slices.Equal(got, []string{"/v1/quotes"}) {
			t.Errorf("before the frame it did %v", got)
		}
		if s.frame(); !slices.Equal(s.since(), []string{"picture"}) {
			t.Error("that it asks is not painted in the next frame")
		}
	})
}
