package vault

import (
	"errors"
	"fmt"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
)

// Past finds the entries about what the state does not keep: requests that are closed,
// and addresses that were given away. Its errors are those of its storage.
type Past interface {
	// Note remembers that an entry is about name: a request or an address. Entries come
	// in the order of the log.
	Note(name string, seq int64)
	// Find returns the entries about name, in the order of the log.
	Find(name string) ([]int64, error)
}

// inMemory is a Past for whoever reads a log once.
type inMemory map[string][]int64

func (m inMemory) Note(name string, seq int64)       { m[name] = append(m[name], seq) }
func (m inMemory) Find(name string) ([]int64, error) { return m[name], nil }

// known reports whether an earlier entry was about name.
func (s *State) known(name string) (bool, error) {
	all, err := s.past.Find(name)
	if err != nil {
		return false, fmt.Errorf("find what the log says of %s: %w", name, err)
	}
	return len(all) > 0, nil
}

// Line is a verified entry and the hash of its line.
type Line struct {
	signedlog.Entry
	Hash string
}

// Recall is a request that is closed, from the entries that [State.Past] finds by its id.
// That they follow from each other was verified when they were written. It fails with
// LOG_CORRUPT when they are not the entries of one closed request.
func (s *State) Recall(id string, lines []Line) (*Request, error) {
	r, err := s.recall(id, lines)
	if err == nil && r.Outcome == "" {
		err = errors.New("the outcome is missing")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.LogCorrupt, "the index of the log does not fit the log: it finds other entries than those of "+id).With("part", "index")
	}
	return r, nil
}

func (s *State) recall(id string, lines []Line) (r *Request, err error) {
	for i, l := range lines {
		switch {
		case (i == 0) != (l.Type == signedlog.Request) || r != nil && (r.Outcome != "") != Behind(l.Type):
			return nil, fmt.Errorf("entry %d does not follow", l.Seq)
		case l.Type == signedlog.Request:
			var b signedlog.RequestBody
			if err = strictjson.UnmarshalCanonical(l.Body, &b, signedlog.MaxBody); err != nil {
				return nil, err
			}
			if r, err = newRequest(b); err != nil {
				return nil, err
			}
		case l.Type == signedlog.Initiation, l.Type == signedlog.Approval, l.Type == signedlog.Verdict:
			var b signedlog.DecisionBody
			if err := strictjson.UnmarshalCanonical(l.Body, &b, signedlog.MaxBody); err != nil {
				return nil, err
			}
			a, err := decision(b)
			if err != nil {
				return nil, err
			}
			if b.Request != id {
				return nil, fmt.Errorf("entry %d is about %s", l.Seq, b.Request)
			}
			s.accept(r, b, a, l)
		case l.Type == signedlog.Governed:
			var b signedlog.GovernedBody
			if err := strictjson.UnmarshalCanonical(l.Body, &b, signedlog.MaxBody); err != nil {
				return nil, err
			}
			if b.Request != id {
				return nil, fmt.Errorf("entry %d is about %s", l.Seq, b.Request)
			}
			r.govern(b, l.Entry)
			r.moved = l.At
		case l.Type == signedlog.Outcome:
			var b signedlog.OutcomeBody
			if err := strictjson.UnmarshalCanonical(l.Body, &b, signedlog.MaxBody); err != nil {
				return nil, err
			}
			if b.Request != id {
				return nil, fmt.Errorf("entry %d is about %s", l.Seq, b.Request)
			}
			r.Outcome, r.Reasons, r.asOf, r.ends = b.State, b.Reasons, l.Seq-1, b.UseBy
			if b.UseBy == 0 && b.State == string(governance.Approved) { // as an earlier version wrote it
				r.ends = r.approvedAt(r.Accepted[len(r.Accepted)-1].At).Add(governance.Use(r.GovernedBy.UseWithin)).Unix()
			}
		case sends(l.Type):
			if r.Attempts, err = sent(r.Attempts, l.Entry, id); err != nil {
				return nil, err
			}
		case speaks(l.Type):
			if r.Signature, err = spoken(r.Signature, l.Entry, id); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("entry %d is a %s", l.Seq, l.Type)
		}
	}
	if r == nil || r.Request != id {
		return nil, errors.New("the request itself is missing")
	}
	return r, nil
}

// newRequest is a request as its entry says it.
func newRequest(b signedlog.RequestBody) (*Request, error) {
	wants, err := intent.Open(b.Intent)
	if err != nil {
		return nil, err
	}
	return &Request{RequestBody: b, Wants: wants, CreatedAt: seconds(b.Created)}, nil
}
