package vault

import (
	"fmt"
	"slices"

	"countersign/shared/ceremony"
	"countersign/shared/intent"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// Rotation gave the vault other keys than it had before.
type Rotation struct {
	Seq      int64                `json:"seq"`     // of the outcome entry: the last that the old statement key signed
	Request  string               `json:"request"` // whose approval it was
	Signer   statement.SignerKeys `json:"signer"`
	Accounts []intent.NewAddress  `json:"accounts"` // with the addresses of their new own keys
}

// Signer are the vault's own keys now.
func (v *Governance) Signer() statement.SignerKeys { return v.signerAt(Newest) }

// signerAt are the keys after an entry.
func (v *Governance) signerAt(seq int64) statement.SignerKeys {
	keys := v.Genesis.Signer
	for _, r := range v.Rotations {
		if r.Seq <= seq {
			keys = r.Signer
		}
	}
	return keys
}

// NoteKey is the statement key that signs a note about the first size entries of the log.
func (v *Governance) NoteKey(size int64) (jws.PublicKey, error) {
	return jws.FromJWK(v.signerAt(size - 1).Statement)
}

// StatementKeys are those that the vault had, the root key first.
func (v *Governance) StatementKeys() []jwk.Key {
	all := []jwk.Key{v.Genesis.Signer.Statement}
	for _, r := range v.Rotations {
		all = append(all, r.Signer.Statement)
	}
	return all
}

// EntryKey is the statement key that signed an entry of the log.
func (v *Governance) EntryKey(seq int64) (jws.PublicKey, error) { return v.NoteKey(seq) }

// RootKey is the statement key with which the log began.
func (v *Governance) RootKey() (jws.PublicKey, error) { return jws.FromJWK(v.Genesis.Signer.Statement) }

// Rotated is the newest entry with which the vault got other keys; 0: none did.
func (v *Governance) Rotated() int64 {
	if n := len(v.Rotations); n > 0 {
		return v.Rotations[n-1].Seq
	}
	return 0
}

// addressOf is the address of the own key of an account after an entry.
func (v *Governance) addressOf(a statement.GenesisAccount, seq int64) string {
	address := a.Address
	for _, r := range v.Rotations {
		if r.Seq > seq {
			break
		}
		for _, other := range r.Accounts {
			if other.Account == a.Account {
				address = other.Address
			}
		}
	}
	return address
}

// Keys implements [intent.Vault].
func (v *Governance) Keys() intent.OwnKeys {
	key, err := jws.FromJWK(v.Signer().Statement)
	if err != nil {
		return intent.OwnKeys{}
	}
	return intent.OwnKeys{Thumbprint: key.Thumbprint(), Version: len(v.Rotations) + 1}
}

// ownKeys are all keys that the vault has or had.
func (v *Governance) ownKeys() (all []jwk.Key) {
	add := func(k statement.SignerKeys) { all = append(append(all, k.Statement), k.Channel...) }
	add(v.Genesis.Signer)
	for _, r := range v.Rotations {
		add(r.Signer)
	}
	return all
}

// possibleKeys reports why the vault cannot have other keys.
func (v *Governance) possibleKeys(r intent.VaultRotateKeys) error {
	if err := ceremony.Succeeds(r, v.Genesis.Entity); err != nil {
		return err
	}
	now := v.Signer()
	if r.Statement.Crv != now.Statement.Crv || len(r.Channel) != len(now.Channel) {
		return bad("statement", "is not on the curve of the one before, or channel keys are missing")
	}
	for i, k := range r.Channel {
		if k.Crv != now.Channel[i].Crv {
			return bad("channel", "has keys on other curves than those before")
		}
	}
	for _, k := range append([]jwk.Key{r.Statement}, r.Channel...) {
		if holder := v.holder(k); holder != "" {
			return bad("statement", "or a channel key is or was that of "+holder+", or its negative: each key has one holder and one purpose, for good")
		}
	}
	accounts := v.founded()
	if len(r.Accounts) != len(accounts) {
		return bad("accounts", "are not all accounts of the vault")
	}
	seen := map[string]bool{}
	for i, a := range accounts {
		at := fmt.Sprintf("accounts.%d.", i)
		one := r.Accounts[i]
		if one.Account != a.Account {
			return bad(at+"account", "is not "+a.Account+": they are in the order of the vault")
		}
		if why := intent.AddressProblem(a.Chain, one.Address); why != "" {
			return bad(at+"address", why)
		}
		was := v.addressOf(a, Newest)
		if one.Address == was || seen[a.Chain+one.Address] {
			return bad(at+"address", "is that of another key")
		}
		seen[a.Chain+one.Address] = true
	}
	return nil
}

// rotate takes other keys of the vault, with the outcome entry seq of a request.
func (v *Governance) rotate(r intent.VaultRotateKeys, request string, seq int64) error {
	if r.FromVersion != len(v.Rotations)+1 {
		return fmt.Errorf("version %d of the vault's keys does not follow version %d", r.FromVersion+1, len(v.Rotations)+1)
	}
	v.Rotations = append(v.Rotations, Rotation{Seq: seq, Request: request, Signer: statement.SignerKeys{Statement: r.Statement, Channel: r.Channel}, Accounts: slices.Clone(r.Accounts)})
	return nil
}

// saysKeys reports whether an outcome entry says of the vault's keys what its request does.
func saysKeys(b signedlog.OutcomeBody, change intent.Change, approved bool) error {
	r, rotates := change.(intent.VaultRotateKeys)
	switch rotates = rotates && approved; {
	case !rotates && b.Signer == nil:
		return nil
	case !rotates:
		return fmt.Errorf("the outcome of %s has keys of the vault, which it does not change", b.Request)
	case b.Signer == nil || b.Signer.Statement != r.Statement || !slices.Equal(b.Signer.Channel, r.Channel):
		return fmt.Errorf("the outcome of %s has other keys of the vault than were approved", b.Request)
	}
	return nil
}

// rotated goes on with the keys that the vault has now: entries are signed by them, no address
// of before is given again, whose key is in the old token, and nothing is sent from one.
func (s *State) rotated() error {
	key, err := jws.FromJWK(s.Signer().Statement)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.key = key
	s.mu.Unlock()
	s.keys.free = nil
	for _, a := range s.accounts {
		a.pool.free, a.nonce = nil, 0
	}
	clear(s.sends)
	clear(s.messages)
	clear(s.sweeps)
	return nil
}

// Key is the statement key that signs the next entry.
func (s *State) Key() jws.PublicKey {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.key
}

// stranded reports whether a request that is open receives at an address, or is to be signed
// by one, whose key the vault does not have any more.
func (s *State) stranded(r *Request) bool {
	_, receives := r.Wants.(intent.Receiver)
	_, signs := r.Wants.(intent.Messenger)
	return (receives || signs) && len(r.pins) > 0 && r.pins[0].Seq <= s.Rotated() && s.Rotated() > 0
}
