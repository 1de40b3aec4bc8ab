//go:build js && wasm

// A core for the loader's tests: it paints what it was told and can be made to
// crash.
package main

import "syscall/js"

func main() {
	var host js.Value
	user := ""
	starts := js.Global().Get("starts")
	if starts.IsUndefined() {
		starts = js.ValueOf(0)
	}
	js.Global().Set("starts", starts.Int()+1)
	stop := make(chan bool)
	json := js.Global().Get("JSON")
	paint := func(surface js.Value, text string) {
		host.Call("post", `[{"surface":`+js.Global().Call("String", surface).String()+`,"picture":{"path":"/requests","tree":["main",{"id":"main"},["`+text+`",["button",{"id":"crash","on":{"click":"crash"}},["crash"]],["button",{"id":"echo","on":{"click":"echo:x"}},["echo"]]]]}}]`)
	}
	js.Global().Call("countersignReady", map[string]any{
		"start": js.FuncOf(func(_ js.Value, args []js.Value) any {
			user, host = json.Call("parse", args[0]).Get("user").String(), args[1]
			return nil
		}),
		"send": js.FuncOf(func(_ js.Value, args []js.Value) any {
			messages := json.Call("parse", args[0])
			for i := range messages.Length() {
				m := messages.Index(i)
				act := m.Get("act")
				switch {
				case m.Get("open").Truthy():
					paint(m.Get("surface"), "running for "+user)
				case !act.Truthy():
				case act.Index(0).String() == "crash":
					go func() { panic("crash on demand") }()
				default:
					paint(m.Get("surface"), "did "+act.Index(0).String())
				}
			}
			return nil
		}),
		"stop": js.FuncOf(func(js.Value, []js.Value) any { close(stop); return nil }),
	})
	<-stop
}
