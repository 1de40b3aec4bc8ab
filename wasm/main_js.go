//go:build js && wasm

// Command wasm is the core of the dashboard: the program that runs in the
// browser. It decides what is on screen and what may happen next, keeps the
// entity token in memory, and reaches the gateway and the bridge. The loader in
// wasm/js starts it and paints what it says. The exports below are the whole
// interface; wasm/js/countersign.d.ts has the same list.
package main

import (
	"context"
	"encoding/base64"
	"io"
	"syscall/js"
	"time"

	"countersign/shared/link"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/browser"
	"countersign/wasm/internal/shell"
)

// exports is the table of what JavaScript may call. None of them blocks.
var exports = []struct {
	name string
	call func(args []js.Value)
}{
	{"start", start},
	{"dispatch", dispatch},
	{"stop", stop},
}

// running is the page that this instance of the module runs: JavaScript calls
// in, so there is nowhere else to keep it.
var running *shell.Shell

var unwatch func()

func main() {
	table := js.Global().Get("Object").New()
	for _, e := range exports {
		table.Set(e.name, js.FuncOf(func(_ js.Value, args []js.Value) any {
			e.call(args)
			return nil
		}))
	}
	js.Global().Call("countersignReady", table)
	select {}
}

func start(args []js.Value) {
	if len(args) != 2 || running != nil {
		return
	}
	config, host := args[0], browser.NewHost(args[1])
	running = shell.Start(shell.Config{
		App: app.Config{
			Environment: text(config, "environment"), Origin: browser.Origin(), User: text(config.Get("user"), "name"), NewKey: newKey,
			Entity: text(config, "entity"), Entities: entities(config.Get("entities")),
			Words: app.Words{Decimal: browser.Decimal(), Country: browser.Country(), Sorted: browser.Sorted, Local: time.Local},
		},
		TokenURL: text(config, "token_url"), GatewayURL: text(config, "gateway_url"), BridgeURLs: list(config.Get("bridge_urls")),
		Origin: browser.Origin(), Path: browser.Path(),
		Host: host, Fetch: host,
		DialGateway: browser.DialGateway,
		Local:       bridgeclient.Local{Permission: host.Permission, Health: host.Health, Dial: browser.DialBridge},
		LinkKey:     func(ctx context.Context) (link.DH, error) { return host.LinkKeys(ctx) },
		Now:         time.Now, Rand: browser.Secure{}, Jitter: browser.Random(),
	})
	s := running
	unwatch = browser.Watch(browser.Life{Awake: s.Visible, Online: s.Online, Leave: s.Leave})
}

func dispatch(args []js.Value) {
	if len(args) == 2 && running != nil && args[0].Type() == js.TypeString && args[1].Type() == js.TypeString {
		running.Post(app.Acted{Action: args[0].String(), Value: args[1].String()})
	}
}

func stop([]js.Value) {
	if running == nil {
		return
	}
	unwatch()
	go running.Stop()
	running = nil
}

// newKey makes an Idempotency-Key.
func newKey() string {
	var b [16]byte
	if _, err := io.ReadFull(browser.Secure{}, b[:]); err != nil {
		panic(err) // a browser without randomness can do nothing safely
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func text(v js.Value, name string) string {
	if !v.Truthy() {
		return ""
	}
	if s := v.Get(name); s.Type() == js.TypeString {
		return s.String()
	}
	return ""
}

// entities are those of the configuration.
func entities(v js.Value) []app.EntityChoice {
	var out []app.EntityChoice
	for i := 0; v.Truthy() && i < v.Length(); i++ {
		out = append(out, app.EntityChoice{ID: text(v.Index(i), "id"), Name: text(v.Index(i), "name")})
	}
	return out
}

// maxBridges is how many addresses of a bridge are tried.
const maxBridges = 4

func list(v js.Value) []string {
	var out []string
	for i := 0; v.Truthy() && i < v.Length() && i < maxBridges; i++ {
		if v.Index(i).Type() == js.TypeString {
			out = append(out, v.Index(i).String())
		}
	}
	return out
}
