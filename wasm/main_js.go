//go:build js && wasm

// Command wasm is the core of the dashboard: the program that runs in the
// browser. It keeps the entity token in memory, reaches the gateway and the bridge,
// and decides what is on screen. The loader in wasm/js starts it; from then on they
// exchange messages (wasm/internal/port). The exports below are the whole
// interface; wasm/js/port.d.ts has the same list.
package main

import (
	"context"
	"syscall/js"
	"time"

	"countersign/shared/link"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/browser"
	"countersign/wasm/internal/port"
)

// exports is the table of what JavaScript may call. None of them blocks; each returns
// nothing, or what was wrong.
var exports = []struct {
	name string
	call func(args []js.Value) error
}{
	{"start", start},
	{"send", send},
	{"stop", stop},
}

// running is the page that this instance of the module serves: JavaScript calls
// in, so there is nowhere else to keep it.
var running *port.Port

func main() {
	table := js.Global().Get("Object").New()
	for _, e := range exports {
		table.Set(e.name, js.FuncOf(func(_ js.Value, args []js.Value) any {
			if err := e.call(args); err != nil {
				return err.Error()
			}
			return nil
		}))
	}
	js.Global().Call("countersignReady", table)
	select {}
}

func start(args []js.Value) error {
	settings, err := port.ReadSettings(args[0].String())
	if err != nil {
		return err
	}
	host := browser.NewHost(args[1])
	running = port.New(port.Config{
		Settings: settings, Store: host, Post: host.Post, Words: words, Now: time.Now,
		Core: core.New(core.Config{
			GatewayURL: settings.GatewayURL, BridgeURLs: settings.BridgeURLs, Origin: settings.Origin,
			Store: host, Tokens: host, Fetch: host,
			DialGateway: browser.DialGateway,
			Local:       bridgeclient.Local{Permission: host.Permission, Health: host.Health, Dial: browser.DialBridge},
			LinkKey:     func(ctx context.Context) (link.DH, error) { return host.LinkKeys(ctx) },
			Now:         time.Now, Rand: browser.Secure{}, Jitter: browser.Random(),
		}),
	})
	return nil
}

func send(args []js.Value) error { return running.Receive(args[0].String()) }

func stop([]js.Value) error {
	running.Stop()
	return nil
}

// words are those of a language; of the browser's, when it is empty.
func words(language string) app.Words {
	l := browser.Language(language)
	decimal, second := l.Number()
	return app.Words{Decimal: decimal, Second: second, Country: l.Names("region"), Name: l.Names("currency"), Moment: l.Moment(), Sorted: l.Sorted, Local: time.Local}
}
