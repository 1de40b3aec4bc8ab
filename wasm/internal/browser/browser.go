//go:build js && wasm

// Package browser lends the core what only a browser has: streaming fetch,
// WebSocket, the page's link key in WebCrypto (through the loader's host
// object), small storage. Besides wasm/main_js.go it is the
// only package that knows syscall/js; everything above it is tested natively.
// Used by wasm/main_js.go.
package browser

import (
	"context"
	"syscall/js"

	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/gatewayclient"
)

// Host is what the loader lends the core (wasm/js/port.d.ts, Host).
type Host struct{ v js.Value }

// NewHost wraps the loader's host object.
func NewHost(v js.Value) Host { return Host{v} }

// Post hands messages to the loader.
func (h Host) Post(messages string) { h.v.Call("post", messages) }

// Fetch asks the loader for an entity token; refused says that the gateway refused
// the one before.
func (h Host) Fetch(ctx context.Context, refused bool) (auth.Token, error) {
	p, err := call(h.v, "token", refused)
	if err != nil {
		return auth.Token{}, err
	}
	v, err := await(ctx, p)
	if err != nil {
		return auth.Token{}, gatewayclient.Unreachable(ctx, err)
	}
	return auth.Read([]byte(v.String()))
}

// Random is a number between 0 and 1, for spreading timers and nothing else.
func Random() float64 { return global.Get("Math").Call("random").Float() }

// Secure reads from the browser's cryptographic generator, which is what
// crypto/rand reads here too, with an implementation of its own in front that
// would have to be downloaded.
type Secure struct{}

// Read fills b.
func (Secure) Read(b []byte) (int, error) {
	const most = 65536 // bytes that getRandomValues gives at once
	for done := 0; done < len(b); {
		part := b[done:min(len(b), done+most)]
		v, err := call(global.Get("crypto"), "getRandomValues", bytesT.New(len(part)))
		if err != nil {
			return done, err
		}
		done += js.CopyBytesToGo(part, v)
	}
	return len(b), nil
}

// Permission asks the browser, never the person, whether this page may reach
// programs on this computer.
func (h Host) Permission(ctx context.Context) bridgeclient.Permission {
	if v, err := h.loopback(ctx, "permission"); err == nil {
		return bridgeclient.Permission(v)
	}
	return bridgeclient.Unknown
}

// Health asks what listens at an address, such as ws://127.0.0.1:18427.
func (h Host) Health(ctx context.Context, address string) string {
	abort := global.Get("AbortController").New()
	stop := context.AfterFunc(ctx, func() { abort.Call("abort") })
	defer stop()
	v, err := h.loopback(ctx, "health", address, abort.Get("signal"))
	if err != nil {
		return bridgeclient.Nothing
	}
	return v
}

func (h Host) loopback(ctx context.Context, method string, args ...any) (string, error) {
	p, err := call(h.v.Get("loopback"), method, args...)
	if err != nil {
		return "", err
	}
	v, err := await(ctx, p)
	if err != nil || v.Type() != js.TypeString {
		return "", err
	}
	return v.String(), nil
}

// Get reads a small value; empty when there is none.
func (h Host) Get(ctx context.Context, name string) (string, error) {
	p, err := call(h.v.Get("store"), "get", name)
	if err != nil {
		return "", err
	}
	v, err := await(ctx, p)
	if err != nil || v.Type() != js.TypeString {
		return "", err
	}
	return v.String(), nil
}

// Set keeps a small value across reloads. Never a token or a key.
func (h Host) Set(ctx context.Context, name, value string) error {
	p, err := call(h.v.Get("store"), "set", name, value)
	if err != nil {
		return err
	}
	_, err = await(ctx, p)
	return err
}

// Delete forgets a small value.
func (h Host) Delete(ctx context.Context, name string) error {
	p, err := call(h.v.Get("store"), "delete", name)
	if err != nil {
		return err
	}
	_, err = await(ctx, p)
	return err
}
