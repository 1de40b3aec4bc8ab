package signer

import (
	"context"
	"sync"

	"countersign/shared/signedlog"
	"countersign/shared/wire"
)

// notes is the newest note that was signed: whoever asks again without a new entry gets
// it again, and the token signs once.
type notes struct {
	mu   sync.Mutex
	size int64
	text string
}

// Note is the signer's note about all entries so far.
func (s *Service) Note(ctx context.Context) (wire.SignerNote, error) {
	s.mu.Lock()
	tree, entity := s.log.Tree(), s.state.Genesis.Entity
	root, err := s.state.RootKey()
	s.mu.Unlock()
	if err != nil {
		return wire.SignerNote{}, err
	}
	if s.retired() {
		return wire.SignerNote{}, signedlog.Rotated()
	}
	if err := s.log.Commit(ctx, tree.Size()); err != nil {
		return wire.SignerNote{}, err
	}
	n := &s.notes
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.size < tree.Size() {
		text, err := signedlog.SignNote(ctx, s.key, entity, root, tree)
		if err != nil {
			return wire.SignerNote{}, err
		}
		n.size, n.text = tree.Size(), text
	}
	return wire.SignerNote{Note: n.text}, nil
}
