//go:build js && wasm

package browser

import (
	"context"
	"io"
	"syscall/js"

	"countersign/wasm/internal/gatewayclient"
)

var _ gatewayclient.Fetch = Host{}

// Do sends r with the page's fetch, and streams the answer. It follows no redirects, sends cookies to the page's own origin
// only, and aborts when ctx ends, also while the body is being read.
func (h Host) Do(ctx context.Context, r gatewayclient.Request) (*gatewayclient.Response, error) {
	abort := global.Get("AbortController").New()
	options := object.New()
	options.Set("method", r.Method)
	options.Set("redirect", "error")
	options.Set("credentials", "same-origin")
	options.Set("cache", "no-store")
	options.Set("signal", abort.Get("signal"))
	headers := object.New()
	for k, v := range r.Header {
		headers.Set(k, v)
	}
	options.Set("headers", headers)
	if r.Body != nil {
		options.Set("body", string(r.Body))
	}
	stop := context.AfterFunc(ctx, func() { abort.Call("abort") })
	promise, err := call(h.v, "fetch", r.URL, options)
	if err != nil {
		stop()
		return nil, err
	}
	res, err := await(ctx, promise)
	if err != nil {
		stop()
		return nil, err
	}
	out := &gatewayclient.Response{Status: res.Get("status").Int(), Header: func(name string) string {
		v := res.Get("headers").Call("get", name)
		if v.Type() != js.TypeString {
			return ""
		}
		return v.String()
	}}
	out.Body = &body{ctx: ctx, stop: stop, abort: abort}
	if stream := res.Get("body"); stream.Truthy() {
		out.Body.(*body).reader = stream.Call("getReader")
	}
	return out, nil
}

type body struct {
	ctx    context.Context
	stop   func() bool
	abort  js.Value
	reader js.Value
	rest   []byte
	err    error
}

func (b *body) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		if b.reader.IsUndefined() {
			return 0, io.EOF
		}
		chunk, err := await(b.ctx, b.reader.Call("read"))
		switch {
		case err != nil:
			b.err = err
		case chunk.Get("done").Bool():
			b.err = io.EOF
		default:
			b.rest = toGo(chunk.Get("value"))
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *body) Close() error {
	b.stop()
	if b.err == nil {
		b.err = io.EOF
		b.abort.Call("abort")
	}
	return nil
}
