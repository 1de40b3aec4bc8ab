package jws

import "sync"

// Ahead verifies tokens before it is their turn, so that what reads many of them in
// order can have all cores verify them. The nil Ahead verifies each at its turn.
type Ahead struct{ done sync.Map } // by token

type verified struct {
	typ     string
	key     PublicKey
	payload []byte
}

// Look verifies a token, and remembers it when it is good. Its methods may be called
// by several goroutines.
func (a *Ahead) Look(token, typ string, key PublicKey) ([]byte, error) {
	payload, err := Verify(token, typ, key)
	if err == nil {
		a.done.Store(token, verified{typ, key, payload})
	}
	return payload, err
}

// Verify is [Verify], and costs nothing when this token was looked at for this purpose
// and key. It is then forgotten.
func (a *Ahead) Verify(token, typ string, key PublicKey) ([]byte, error) {
	if a != nil {
		if v, ok := a.done.LoadAndDelete(token); ok && v.(verified).typ == typ && v.(verified).key.Equal(key) {
			return v.(verified).payload, nil
		}
	}
	return Verify(token, typ, key)
}

// Forget forgets a token that was looked at, when it has no turn.
func (a *Ahead) Forget(token string) {
	if a != nil {
		a.done.Delete(token)
	}
}
