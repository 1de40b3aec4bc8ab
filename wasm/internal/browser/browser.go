//go:build js && wasm

// Package browser lends the core what only a browser has: streaming fetch,
// WebSocket, the page's link key in WebCrypto (through the loader's host
// object), small storage, timers, visibility. Besides wasm/main_js.go it is the
// only package that knows syscall/js; everything above it is tested natively.
// Used by wasm/main_js.go.
package browser

import (
	"context"
	"syscall/js"

	"countersign/wasm/internal/bridgeclient"
)

// Host is what the loader lends the core (wasm/js/countersign.d.ts, Host).
type Host struct{ v js.Value }

// NewHost wraps the loader's host object.
func NewHost(v js.Value) Host { return Host{v} }

// Paint puts a picture on screen.
func (h Host) Paint(picture string) { h.v.Call("paint", picture) }

// Frame calls f once, before the next animation frame, or after a moment when
// the browser draws no frames because the page is hidden.
func (h Host) Frame(f func()) {
	var fn js.Func
	calls := 0
	fn = js.FuncOf(func(js.Value, []js.Value) any {
		if calls++; calls == 1 {
			f()
		} else {
			fn.Release()
		}
		return nil
	})
	global.Call("requestAnimationFrame", fn)
	global.Call("setTimeout", fn, 200)
}

// Open opens an address in this tab, or in a new one that cannot reach back. A
// new tab needs a person's click shortly before; when the browser refuses, it
// reports false.
func (h Host) Open(url string, newTab bool) bool {
	if !newTab {
		global.Get("location").Call("assign", url)
		return true
	}
	w, err := call(global, "open", url, "_blank")
	if err != nil || !w.Truthy() {
		return false
	}
	w.Set("opener", js.Null())
	return true
}

// Reload loads the page again.
func (h Host) Reload() { global.Get("location").Call("reload") }

// ChangeEntity loads it again for another entity.
func (h Host) ChangeEntity(id string) { h.v.Call("change", id) }

// Country gives names of countries in the person's language.
func Country() func(code string) string {
	options := object.New()
	options.Set("type", "region")
	names, err := construct(global.Get("Intl").Get("DisplayNames"), js.Undefined(), options)
	known := map[string]string{}
	return func(code string) string {
		if err != nil {
			return ""
		}
		name, ok := known[code]
		if !ok {
			if v, err := call(names, "of", code); err == nil && v.Type() == js.TypeString {
				name = v.String()
			}
			known[code] = name
		}
		return name
	}
}

// Sorted puts names in the order of the person's language; as they were when the
// browser cannot.
func Sorted(names []string) []string {
	list := global.Get("Array").New()
	for _, n := range names {
		list.Call("push", n)
	}
	if _, err := call(list, "sort", global.Get("Intl").Get("Collator").New().Get("compare")); err != nil {
		return names
	}
	sorted := make([]string, len(names))
	for i := range sorted {
		sorted[i] = list.Index(i).String()
	}
	return sorted
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

// Origin is the page's own origin, as the browser sends it in Origin headers.
func Origin() string { return global.Get("location").Get("origin").String() }

// Path is the path and query of the page's address.
func Path() string {
	l := global.Get("location")
	return l.Get("pathname").String() + l.Get("search").String()
}

// Decimal is the decimal sign of the person's language.
func Decimal() string {
	v, err := call(global.Get("Intl").Get("NumberFormat").New(), "format", 1.5)
	if err != nil {
		return "."
	}
	for _, r := range v.String() {
		if r == ',' || r == '.' || r == '٫' {
			return string(r)
		}
	}
	return "."
}

// Life is what [Watch] tells about a page.
type Life struct {
	Awake  func(visible bool)
	Online func(bool)
	Leave  func() // the page is going away, perhaps to come back from the browser's cache
}

// Watch reports until stop is called.
func Watch(life Life) (stop func()) {
	doc := global.Get("document")
	fn := func(f func()) js.Func { return js.FuncOf(func(js.Value, []js.Value) any { f(); return nil }) }
	visible := fn(func() { life.Awake(!doc.Get("hidden").Bool()) })
	watched := []struct {
		on    js.Value
		event string
		f     js.Func
	}{
		{doc, "visibilitychange", visible},
		{global, "pageshow", visible},
		{global, "online", fn(func() { life.Online(true) })},
		{global, "offline", fn(func() { life.Online(false) })},
		{global, "pagehide", fn(life.Leave)},
	}
	for _, w := range watched {
		w.on.Call("addEventListener", w.event, w.f)
	}
	return func() {
		for _, w := range watched {
			w.on.Call("removeEventListener", w.event, w.f)
			w.f.Release()
		}
	}
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
