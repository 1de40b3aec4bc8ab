//go:build js && wasm

// The smallest program that can do something in a browser: what the size of the
// core is measured against.
package main

import "syscall/js"

func main() {
	js.Global().Set("add", js.FuncOf(func(_ js.Value, args []js.Value) any { return args[0].Int() + args[1].Int() }))
	select {}
}
