//go:build js && wasm

// A core for the loader's tests: it paints what it was told and can be made to
// crash.
package main

import "syscall/js"

func main() {
	var host js.Value
	starts := js.Global().Get("starts")
	if starts.IsUndefined() {
		starts = js.ValueOf(0)
	}
	js.Global().Set("starts", starts.Int()+1)
	stop := make(chan bool)
	paint := func(text string) {
		host.Call("paint", `{"path":"/requests","tree":["main",{"id":"main"},["`+text+`",["button",{"id":"crash","on":{"click":"crash"}},["crash"]],["button",{"id":"echo","on":{"click":"echo:x"}},["echo"]]]]}`)
	}
	js.Global().Call("countersignReady", map[string]any{
		"start": js.FuncOf(func(_ js.Value, args []js.Value) any {
			host = args[1]
			paint("running for " + args[0].Get("user").Get("name").String())
			return nil
		}),
		"dispatch": js.FuncOf(func(_ js.Value, args []js.Value) any {
			if args[0].String() == "crash" {
				go func() { panic("crash on demand") }()
				return nil
			}
			paint("did " + args[0].String())
			return nil
		}),
		"stop": js.FuncOf(func(js.Value, []js.Value) any { close(stop); return nil }),
	})
	<-stop
}
