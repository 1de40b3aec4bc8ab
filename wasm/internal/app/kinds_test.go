package app

import (
	"slices"
	"testing"

	"countersign/shared/intent"
)

// TestEachKindHasAScreen walks the table of kinds: each has a scene that was looked at,
// in which a request of it waits and one is approved.
func TestEachKindHasAScreen(t *testing.T) {
	t.Parallel()
	seen := map[string][]string{}
	for name := range scenes() {
		m := scene(t, name)
		for _, r := range m.request {
			if i, err := intent.Draft(r.Value.Intent); err == nil {
				seen[i.Facts().Kind] = append(seen[i.Facts().Kind], r.Value.State)
			}
		}
	}
	for _, kind := range intent.Kinds() {
		for _, state := range []string{"pending", "approved"} {
			if !slices.Contains(seen[kind], state) {
				t.Errorf("no scene shows a %s that is %s", kind, state)
			}
		}
	}
}
