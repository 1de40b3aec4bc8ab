//go:build js && wasm

package browser

import (
	"context"
	"errors"
	"syscall/js"
)

var (
	global = js.Global()
	object = js.Global().Get("Object")
	bytesT = js.Global().Get("Uint8Array")
)

// await blocks the goroutine until the promise settles. It must not be called
// from inside a js.Func.
func await(ctx context.Context, promise js.Value) (js.Value, error) {
	type outcome struct {
		value js.Value
		err   error
	}
	done := make(chan outcome, 1)
	var then, fail js.Func
	release := func() { then.Release(); fail.Release() }
	then = js.FuncOf(func(_ js.Value, args []js.Value) any {
		defer release()
		v := js.Undefined()
		if len(args) > 0 {
			v = args[0]
		}
		done <- outcome{value: v}
		return nil
	})
	fail = js.FuncOf(func(_ js.Value, args []js.Value) any {
		defer release()
		done <- outcome{err: reason(args)}
		return nil
	})
	promise.Call("then", then, fail)
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return js.Undefined(), ctx.Err()
	}
}

func reason(args []js.Value) error {
	if len(args) == 0 || args[0].IsUndefined() || args[0].IsNull() {
		return errors.New("the browser gave no reason")
	}
	if m := args[0].Get("message"); m.Type() == js.TypeString {
		return errors.New(args[0].Get("name").String() + ": " + m.String())
	}
	return errors.New(args[0].String())
}

// call calls a method and turns a thrown exception into an error.
func call(v js.Value, method string, args ...any) (out js.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(js.Error); ok {
				err = reason([]js.Value{e.Value})
				return
			}
			err = thrown(method, r)
		}
	}()
	return v.Call(method, args...), nil
}

// thrown is the error for a panic of syscall/js that is not an exception.
func thrown(where string, r any) error {
	why := "it failed"
	switch r := r.(type) {
	case error:
		why = r.Error()
	case string:
		why = r
	}
	return errors.New("browser: " + where + ": " + why)
}

func toGo(v js.Value) []byte {
	b := make([]byte, v.Get("byteLength").Int())
	js.CopyBytesToGo(b, v)
	return b
}

func toJS(b []byte) js.Value {
	v := bytesT.New(len(b))
	js.CopyBytesToJS(v, b)
	return v
}
