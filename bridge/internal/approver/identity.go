package approver

import (
	"context"
	"sync"

	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/shared/jws"
)

// identity is a member's identity with its tokens.
type identity struct {
	*member.Identity
	tokens Devices

	mu    sync.Mutex
	found map[string]keys.Key // by URI: a key survives the removal of its token
}

// key finds one of the identity's keys, and keeps the one that the certificate names.
func (id *identity) key(ctx context.Context, devices Devices, uri string, want jws.PublicKey) (keys.Key, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if k, ok := id.found[uri]; ok {
		return k, nil
	}
	k, err := devices.Key(ctx, uri)
	if err != nil || !k.PublicKey().Equal(want) {
		return k, err
	}
	if id.found == nil {
		id.found = map[string]keys.Key{}
	}
	id.found[uri] = k
	return k, nil
}

// token is the token of the approval key.
func (id *identity) token() string { return id.tokens.Token(id.ApprovalKey) }

// identity finds the identity of a member: see [member.List.Find].
func (b *Bridge) identity(entity, member string) (*identity, error) {
	found, err := b.members.Find(entity, member)
	if err != nil {
		return nil, err
	}
	for _, id := range b.identities {
		if id.Identity == found {
			return id, nil
		}
	}
	panic("every identity of the list has its tokens")
}
