package control

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"countersign/bridge/internal/instance"
)

// A command that waited for others has all its patience left for a bridge that begins.
func TestPatienceWithOneDoesNotUseUpThatWithAnother(t *testing.T) {
	t.Parallel()
	held := &instance.Held{Who: &instance.Holder{PID: 1}}
	starts := &unreached{held: held, cause: errors.New("no such file")}
	for name, r := range map[string]struct {
		meets func(after time.Duration) error
		took  time.Duration // about, until it ends
		fails bool
	}{
		"other commands, then a bridge that begins": {func(after time.Duration) error {
			switch {
			case after < 9*time.Second:
				return held
			case after < 13*time.Second:
				return starts
			}
			return nil
		}, 13 * time.Second, false},
		"a bridge that does not answer": {func(time.Duration) error { return starts }, reachTimeout, true},
		"other commands for ever":       {func(time.Duration) error { return held }, takeTimeout, true},
		"both in turns, for ever": {func(after time.Duration) error {
			if after/time.Second%2 == 0 {
				return held
			}
			return starts
		}, patienceTime, true},
		"what is wrong at once": {func(time.Duration) error { return errors.New("no such folder") }, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				err := patiently(t.Context(), func() error { return r.meets(time.Since(began)) })
				if took := time.Since(began); (err != nil) != r.fails || took < r.took || took > r.took+time.Second {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}
