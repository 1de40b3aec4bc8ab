//go:build js && wasm && verify

// Command verify is the second module of the browser: it verifies a receipt
// (shared/receipt) with the vault's root key, and reads nothing else. Only a page that
// shows a receipt loads it: it holds what the core does without, such as secp256k1, and is
// built with the tag verify, which brings the kinds and the checks that the core leaves out. It
// calls countersignVerifier with a function verify(file: Uint8Array, root: string), which
// returns the JSON of an [answer].
package main

import (
	"syscall/js"

	"countersign/shared/fault"
	"countersign/shared/receipt"
	"countersign/shared/strictjson"
)

// answer is what a page shows of a receipt.
type answer struct {
	Lines   []line      `json:"lines,omitempty"` // for a person, as receipt.Report has them
	Text    string      `json:"text,omitempty"`  // the same as one text
	Request string      `json:"request,omitempty"`
	Outcome string      `json:"outcome,omitempty"` // APPROVED, REJECTED, EXPIRED
	Error   *fault.Body `json:"error,omitempty"`   // why it was refused; details part says where
}

type line struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

func main() {
	js.Global().Call("countersignVerifier", js.FuncOf(func(_ js.Value, args []js.Value) any {
		data, err := strictjson.Canonical(verify(args))
		if err != nil {
			panic(err) // strings are written always
		}
		return string(data)
	}))
	select {}
}

func verify(args []js.Value) (a answer) {
	refused := func(err error) answer {
		b := fault.BodyOf(err, "the receipt cannot be read")
		return answer{Error: &b}
	}
	if n := args[0].Length(); n > receipt.MaxSize {
		return refused(fault.New(fault.Invalid, "the receipt was refused: it is too long").With("part", "file"))
	}
	file := make([]byte, args[0].Length())
	js.CopyBytesToGo(file, args[0])
	r, err := receipt.Verify(file, args[1].String())
	if err != nil {
		return refused(err)
	}
	for _, l := range r.Lines() {
		a.Lines = append(a.Lines, line{l.Label, l.Value})
	}
	a.Text, a.Request, a.Outcome = r.Text(), r.Request.Request, r.Request.Outcome
	return a
}
