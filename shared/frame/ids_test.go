package frame

import (
	"testing"

	"countersign/shared/fault"
)

func TestAnIDIsUsedOnceInWhateverOrder(t *testing.T) {
	t.Parallel()
	var s IDs
	for _, id := range []uint64{3, 1, 2, 0, MaxID, 1000000} {
		if err := s.Use(id); err != nil {
			t.Errorf("%d: %v", id, err)
		}
	}
	for _, id := range []uint64{3, 1, 2, 0, MaxID, 1000000} {
		if f, _ := fault.As(s.Use(id)); f == nil || f.Code != fault.Invalid || f.Details["field"] != "id" {
			t.Errorf("%d twice: %v", id, f)
		}
	}
}

func TestAnIDBelowThoseThatAreRememberedCountsAsUsed(t *testing.T) {
	t.Parallel()
	var s IDs
	for id := uint64(1); id <= 3*MaxRemembered; id++ {
		if err := s.Use(2 * id); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.used) != MaxRemembered {
		t.Errorf("%d ids are remembered", len(s.used))
	}
	for _, tc := range []struct {
		id   uint64
		free bool
	}{{2, false}, {3, false}, {4*MaxRemembered - 1, false}, {4 * MaxRemembered, false}, {4*MaxRemembered + 1, true}, {4*MaxRemembered + 3, true}, {4*MaxRemembered + 1, false}, {6*MaxRemembered + 1, true}} {
		if err := s.Use(tc.id); (err == nil) != tc.free {
			t.Errorf("%d: %v", tc.id, err)
		}
	}
}
