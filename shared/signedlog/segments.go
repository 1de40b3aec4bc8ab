package signedlog

import (
	"fmt"
	"io"
	"math"

	"countersign/shared/fault"
)

// Segments are the lines of a log in files, each of which is named by the number of its
// first entry.
type Segments interface {
	// Segments returns their names, in order.
	Segments() ([]int64, error)
	// Open returns all bytes of a segment.
	Open(first int64) (io.ReadCloser, error)
}

// Walk verifies the segments from where the chain is, as [Chain.Verify] does: each ends
// with a checkpoint, except the last, and no other entry is one. It fails with LOG_CORRUPT,
// details part=segment when one is missing.
func (c *Chain) Walk(segments Segments, visit Visit) (Mark, error) {
	last, err := c.walk(segments, math.MaxInt64, visit)
	if err == nil && last.torn {
		err = corrupt(c.Mark.Size, nil, "is cut off")
	}
	return c.Mark, err
}

// end is where a log ends.
type end struct {
	first int64 // entry of the last segment
	good  int64 // bytes of whole lines in it
	torn  bool  // others follow
	next  int64 // first entry of the segment to which the next entry belongs
}

// walk verifies segments. What is torn behind the entries that were acknowledged is no
// error.
func (c *Chain) walk(segments Segments, acknowledged int64, visit Visit) (last end, err error) {
	names, err := segments.Segments()
	if err != nil {
		return end{}, fmt.Errorf("find the segments of the log: %w", err)
	}
	last.next = c.Mark.Size
	for _, first := range names {
		if first < last.next {
			continue // before the checkpoint
		}
		n := c.Mark.Size
		switch {
		case last.torn:
			return end{}, corrupt(n, nil, "is cut off")
		case first != n:
			return end{}, fault.New(fault.LogCorrupt, fmt.Sprintf("the log is corrupt: the segment that begins with entry %d is missing, and the one with entry %d is there", n, first)).
				With("entry", fmt.Sprint(n)).With("part", "segment")
		case first != last.next:
			return end{}, corrupt(first, nil, "begins a segment, and no checkpoint is before it")
		}
		last.first = first
		if last.good, last.torn, err = c.readSegment(segments, first, acknowledged, func(e Entry, line, hash string) error {
			if first != last.next {
				return corrupt(e.Seq, nil, "follows a checkpoint in the same segment")
			}
			if e.Type == Checkpoint {
				last.next = e.Seq + 1
			}
			if visit == nil {
				return nil
			}
			return visit(e, line, hash)
		}); err != nil {
			return end{}, err
		}
	}
	return last, nil
}

func (c *Chain) readSegment(segments Segments, first, acknowledged int64, visit Visit) (good int64, torn bool, err error) {
	r, err := segments.Open(first)
	if err != nil {
		return 0, false, fmt.Errorf("open the log: %w", err)
	}
	good, torn, err = c.read(r, visit, acknowledged)
	if cerr := r.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close the log: %w", cerr)
	}
	return good, torn, err
}
