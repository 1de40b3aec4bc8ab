// Package control is how commands speak to a running bridge: over one local socket of
// mode 0600, with one request and one answer for each connection, as lines of strict
// JSON. The bridge owns the files of its state directory while it runs; while none
// runs, a command takes the lock (bridge/internal/instance), and the same handlers
// work on the files. A second start of the bridge asks here, too, and leaves.
//
// Another user's bridge is never talked to: its socket is in a folder that only they
// can enter, and both ends check the user at the other end. What a command may do here
// is what its user could do to the files.
//
// [Claim] and [Server] are the bridge's end, which bridge/internal/approver runs;
// [Client] and [Call] the commands' (bridge/cmd/countersign-bridge, and
// bridge/internal/doctor). methods.go is the whole table. Spec: shared/spec/control.md.
package control

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// Protocol is the version of everything here. The envelopes below stay as they are, so
// that two versions can tell each other apart.
const Protocol = 1

// The limits of the socket.
const (
	MaxRequest     = 64 << 10 // bytes of a request
	MaxAnswer      = 1 << 20  // bytes of an answer
	maxConnections = 16       // whose requests are answered at once, and as many that wait for the journal; one more is BUSY
	maxSilent      = 256      // connections whose request has not come; the oldest makes room
	requestTimeout = 5 * time.Second
	answerTimeout  = 10 * time.Second      // in which a bridge sends something
	aliveEvery     = 2 * time.Second       // how often it does while it has no answer yet
	longestAnswer  = 5 * time.Minute       // how long a command waits for the answer
	drainTime      = 50 * time.Millisecond // for who came to a socket that ends
	watchEvery     = time.Second           // how often a bridge looks whether lock and socket are its own
	maxNotes       = 500
)

// Bridge is a running bridge, as it describes itself.
type Bridge struct {
	PID     int      `json:"pid"`
	Listen  []string `json:"listen"` // "ws://127.0.0.1:18427"
	Started string   `json:"started"`
	Version string   `json:"version"` // of the program, for people
}

// String is "listening on ws://127.0.0.1:18427, pid 4711".
func (b Bridge) String() string {
	return fmt.Sprintf("listening on %s, pid %d", strings.Join(b.Listen, " "), b.PID)
}

// Running is the error of [Claim] when this person's bridge runs already. To the
// person it is not an error: their bridge is there.
type Running struct{ Bridge Bridge }

// Error says which bridge it is.
func (r *Running) Error() string { return "a bridge of yours runs already: " + r.Bridge.String() }

// request is what a command asks.
type request struct {
	V      int            `json:"v"` // [Protocol]
	Method string         `json:"method"`
	Config string         `json:"config,omitempty"` // the command's configuration file, absolute; empty: whatever the bridge has
	Params strictjson.Raw `json:"params"`
}

// answer is what the bridge answers: a result, or an error.
type answer struct {
	V      int            `json:"v"`
	Result strictjson.Raw `json:"result,omitempty"`
	Error  *fault.Body    `json:"error,omitempty"`
}

func decodeRequest(line []byte) (request, error) {
	var r request
	err := strictjson.Unmarshal(line, &r, MaxRequest)
	switch {
	case err != nil:
		return request{}, err
	case r.V != Protocol:
		return request{}, fault.New(fault.Version, fmt.Sprintf("the command speaks version %d of the control socket and this bridge version %d: run both from one installation, and start the bridge again", r.V, Protocol))
	case r.Method == "" || !object(r.Params):
		return request{}, fault.New(fault.Invalid, "a request has a method and an object of params")
	}
	return r, nil
}

func decodeAnswer(line []byte) (strictjson.Raw, error) {
	var a answer
	err := strictjson.Unmarshal(line, &a, MaxAnswer)
	switch {
	case err != nil:
		return nil, err
	case a.V != Protocol:
		return nil, fault.New(fault.Version, fmt.Sprintf("the running bridge speaks version %d of the control socket and this command version %d: start the bridge again", a.V, Protocol))
	case a.Error != nil && a.Result == nil:
		return nil, a.Error.Fault()
	case a.Error != nil || !object(a.Result):
		return nil, fault.New(fault.Invalid, "an answer has either an object as result or an error")
	}
	return a.Result, nil
}

func object(raw strictjson.Raw) bool { return len(raw) > 0 && raw[0] == '{' }

// encodeLine is a value as one line of at most limit bytes.
func encodeLine(v any, limit int) ([]byte, error) {
	line, err := strictjson.Canonical(v)
	if err != nil {
		return nil, err
	}
	if len(line) > limit {
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("a message on the control socket would be longer than %d bytes", limit))
	}
	return append(line, '\n'), nil
}

// readLine reads one line of at most limit bytes, without its end.
func readLine(r io.Reader, limit int) ([]byte, error) {
	in := io.LimitReader(r, int64(limit)+1)
	var line []byte
	for buf := make([]byte, 4<<10); ; {
		n, err := in.Read(buf)
		line = append(line, buf[:n]...)
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			if i != len(line)-1 {
				return nil, fault.New(fault.Invalid, "a connection carries one line each way")
			}
			return line[:i], nil
		}
		switch {
		case len(line) > limit:
			return nil, fault.New(fault.TooLarge, fmt.Sprintf("a message on the control socket is longer than %d bytes", limit))
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
	}
}
