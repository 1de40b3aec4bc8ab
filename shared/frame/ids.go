package frame

import (
	"slices"

	"countersign/shared/fault"
)

// MaxRemembered is how many ids of requests [IDs] remembers.
const MaxRemembered = 1024

// IDs remembers which ids of requests a connection has used. Of more than
// [MaxRemembered] it keeps the largest, and takes every smaller one as used. It
// is for one goroutine at a time.
type IDs struct {
	used []uint64 // rising
	free uint64   // everything below it counts as used
}

// Use notes an id. It fails with INVALID_REQUEST when it was used before: two
// replies could not be told apart.
func (s *IDs) Use(id uint64) error {
	i, found := slices.BinarySearch(s.used, id)
	if found || id < s.free {
		return fault.New(fault.Invalid, "the id of the request was used before on this connection").With("field", "id")
	}
	s.used = slices.Insert(s.used, i, id)
	if len(s.used) > MaxRemembered {
		s.free = s.used[0] + 1
		s.used = slices.Delete(s.used, 0, 1)
	}
	return nil
}
