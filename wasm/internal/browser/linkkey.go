//go:build js && wasm

package browser

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"syscall/js"

	"countersign/shared/fault"
	"countersign/shared/link"
)

// LinkKeys is X25519 in WebCrypto: the page's static key, not extractable and
// kept in IndexedDB by the loader, and ephemeral keys, which this package names
// by handles. Its calls wait for promises, so never from a js.Func.
type LinkKeys struct {
	ctx    context.Context
	host   js.Value
	own    js.Value
	public []byte

	mu        sync.Mutex
	next      uint64
	ephemeral map[uint64]js.Value
}

var _ link.DH = (*LinkKeys)(nil)

// LinkKeys opens the page's static key, or makes it on the first visit.
func (h Host) LinkKeys(ctx context.Context) (*LinkKeys, error) {
	host := h.v.Get("link")
	p, err := call(host, "static")
	if err != nil {
		return nil, fault.Annotate(err, "open the page's link key")
	}
	own, err := await(ctx, p)
	if err != nil {
		return nil, fault.Annotate(err, "open the page's link key")
	}
	return &LinkKeys{
		ctx: context.WithoutCancel(ctx), host: host, own: own,
		public: toGo(own.Get("publicKey")), ephemeral: map[uint64]js.Value{},
	}, nil
}

// Static is the public half of the page's key.
func (k *LinkKeys) Static() []byte { return append([]byte(nil), k.public...) }

// Generate makes an ephemeral pair in WebCrypto; the private half is a handle.
func (k *LinkKeys) Generate(io.Reader) (private, public []byte, err error) {
	p, err := call(k.host, "generate")
	if err != nil {
		return nil, nil, err
	}
	pair, err := await(k.ctx, p)
	if err != nil {
		return nil, nil, fault.Annotate(err, "make an ephemeral key")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next++
	k.ephemeral[k.next] = pair
	return binary.BigEndian.AppendUint64(nil, k.next), toGo(pair.Get("publicKey")), nil
}

// DH derives with the ephemeral key of the handle, or with the static key when
// the handle is empty.
func (k *LinkKeys) DH(private, public []byte) ([]byte, error) {
	key := k.own
	if len(private) != 0 {
		if len(private) != 8 {
			return nil, errors.New("browser: not a handle of an ephemeral key")
		}
		k.mu.Lock()
		pair, ok := k.ephemeral[binary.BigEndian.Uint64(private)]
		k.mu.Unlock()
		if !ok {
			return nil, errors.New("browser: the ephemeral key is not known")
		}
		key = pair
	}
	p, err := call(k.host, "derive", key, toJS(public))
	if err != nil {
		return nil, err
	}
	secret, err := await(k.ctx, p)
	if err != nil {
		return nil, fault.Annotate(err, "derive")
	}
	return toGo(secret), nil
}

// Forget drops the ephemeral keys, when the handshake that made them is over.
func (k *LinkKeys) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.ephemeral)
}
