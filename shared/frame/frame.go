// Package frame is the language that the page and the bridge speak inside a
// link (shared/link): JSON-RPC 2.0 requests, replies and notifications, many of
// them in one frame, in both directions.
//
// It holds the grammar, the limits, the typed parameters and results of every
// method, and the mapping between [fault.Error] and the error object. It does no
// I/O. Spec: shared/spec/frame.md. Users: bridge/internal/page (the bridge's
// end) and wasm/internal/bridgeclient (the page's end).
package frame

import (
	"reflect"
	"strconv"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// What a client puts into the WebSocket upgrade, and the application close code
// with which the bridge ends a connection. The reason of such a close frame is a
// [fault.Code]; it is not authenticated, so it is a hint for a message to the
// person and nothing else.
const (
	SubProtocol = "countersign.v1"
	Path        = "/v1/ws"
	CloseCode   = 4000
)

// Ports are where a bridge listens on 127.0.0.1 and [::1], in the order in which
// it takes the first that is free, and a page looks for it. Whose bridge answers
// is decided by its key, never by its port.
var Ports = [...]int{18427, 18437, 18447, 18457}

// The limits of one frame.
const (
	MaxFrame    = 65000     // bytes of JSON
	MaxMessages = 64        // messages
	MaxMethod   = 64        // bytes of a method's name
	MaxID       = 1<<53 - 1 // what a JSON number carries exactly everywhere
)

// Kind says which of the three shapes a message has.
type Kind int

// The shapes.
const (
	Request      Kind = iota + 1 // id, method, params
	Notification                 // method, params
	Reply                        // id and either result or error
)

// Message is one JSON-RPC 2.0 message. Params and Result are JSON objects in
// compact form.
type Message struct {
	ID     *uint64
	Method string
	Params strictjson.Raw
	Result strictjson.Raw
	Error  *Error
}

// Kind tells requests, notifications and replies apart.
func (m Message) Kind() Kind {
	switch {
	case m.Method == "":
		return Reply
	case m.ID == nil:
		return Notification
	}
	return Request
}

// NewRequest makes a request; params is one of the typed parameters.
func NewRequest(id uint64, method string, params any) (Message, error) {
	raw, err := marshal(params)
	return Message{ID: &id, Method: method, Params: raw}, err
}

// NewNotification makes a notification; params is one of the typed ones.
func NewNotification(method string, params any) (Message, error) {
	raw, err := marshal(params)
	return Message{Method: method, Params: raw}, err
}

// NewReply makes the answer to the request with this id.
func NewReply(id uint64, result any) (Message, error) {
	raw, err := marshal(result)
	return Message{ID: &id, Result: raw}, err
}

// NewErrorReply makes the refusal of the request with this id. What err carries
// beyond its public message does not leave the process.
func NewErrorReply(id uint64, err error) Message {
	return Message{ID: &id, Error: FromFault(err)}
}

// DecodeParams reads the parameters of a request or notification strictly and
// checks their ranges. v points to the type that [Methods] names for m.Method.
// It fails with INVALID_REQUEST.
func DecodeParams(m Message, v any) error { return decode(m.Params, v) }

// DecodeResult reads a reply's result strictly, or returns the error that the
// reply carries, as a *fault.Error.
func DecodeResult(m Message, v any) error {
	if m.Error != nil {
		return m.Error.Fault()
	}
	return decode(m.Result, v)
}

func decode(raw strictjson.Raw, v any) error {
	if err := strictjson.Unmarshal(raw, v, MaxFrame); err != nil {
		return err
	}
	if c, ok := v.(checker); ok {
		return c.check()
	}
	return nil
}

func marshal(v any) (strictjson.Raw, error) {
	b, err := strictjson.Canonical(v)
	if err != nil {
		return nil, fault.Annotate(err, "encode a "+reflect.TypeOf(v).String())
	}
	return b, nil
}

// envelope is a message as it stands in JSON. The fields are raw because null is
// not the same as absent.
type envelope struct {
	Version string         `json:"jsonrpc"`
	ID      strictjson.Raw `json:"id"`
	Method  strictjson.Raw `json:"method"`
	Params  strictjson.Raw `json:"params"`
	Result  strictjson.Raw `json:"result"`
	Error   strictjson.Raw `json:"error"`
}

// Decode reads one frame. A frame that breaks the grammar is refused as a whole
// with INVALID_REQUEST or PAYLOAD_TOO_LARGE; the connection ends then, because
// its sender is authenticated and does not speak this protocol.
func Decode(frame []byte) ([]Message, error) {
	var all []envelope
	if err := strictjson.Unmarshal(frame, &all, MaxFrame); err != nil {
		return nil, err
	}
	if len(all) == 0 || len(all) > MaxMessages {
		return nil, fault.New(fault.Invalid, "a frame holds 1 to "+strconv.Itoa(MaxMessages)+" messages")
	}
	msgs := make([]Message, len(all))
	for i, e := range all {
		m, err := e.message()
		if err != nil {
			return nil, fault.Annotate(err, "message "+strconv.Itoa(i)+" of the frame")
		}
		msgs[i] = m
	}
	return msgs, nil
}

func (e envelope) message() (Message, error) {
	if e.Version != "2.0" {
		return Message{}, fault.New(fault.Invalid, `the field "jsonrpc" must be "2.0"`)
	}
	var m Message
	for _, f := range []struct {
		name string
		raw  strictjson.Raw
		into any
	}{{"id", e.ID, &m.ID}, {"method", e.Method, &m.Method}, {"error", e.Error, &m.Error}} {
		if f.raw == nil {
			continue
		}
		if s := string(f.raw); s == "null" || s == `""` {
			return Message{}, fault.New(fault.Invalid, "the field "+strconv.Quote(f.name)+" is empty")
		}
		if err := strictjson.Unmarshal(f.raw, f.into, MaxFrame); err != nil {
			return Message{}, err
		}
	}
	var err error
	if m.Params, err = compact("params", e.Params); err != nil {
		return Message{}, err
	}
	if m.Result, err = compact("result", e.Result); err != nil {
		return Message{}, err
	}
	return m, m.check()
}

// compact is [object] for what is known to be JSON, and mostly is compact already.
func compact(name string, raw strictjson.Raw) (strictjson.Raw, error) {
	if len(raw) > 0 && raw[0] == '{' && !spaced(raw) {
		return raw, nil
	}
	return object(name, raw)
}

// spaced reports whether there is white space outside the strings of valid JSON.
func spaced(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case ' ', '\t', '\r', '\n':
			return true
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		}
	}
	return false
}

// object compacts a JSON object; absent stays absent.
func object(name string, raw strictjson.Raw) (strictjson.Raw, error) {
	if raw == nil {
		return nil, nil
	}
	b, err := strictjson.Compact(raw)
	if err != nil || b[0] != '{' {
		return nil, fault.New(fault.Invalid, "the field "+strconv.Quote(name)+" must be an object")
	}
	return b, nil
}

// check holds the rules of the three shapes.
func (m Message) check() error {
	switch {
	case m.ID != nil && *m.ID > MaxID:
		return fault.New(fault.Invalid, "the id is larger than "+strconv.FormatUint(MaxID, 10))
	case m.Method != "" && !validMethod(m.Method):
		return fault.New(fault.Invalid, `the field "method" is not the name of a method`)
	case m.Method != "" && (m.Params == nil || m.Result != nil || m.Error != nil):
		return fault.New(fault.Invalid, "a request or notification has params, and neither result nor error")
	case m.Method == "" && m.ID == nil:
		return fault.New(fault.Invalid, "a message has an id, a method, or both")
	case m.Method == "" && m.Params != nil:
		return fault.New(fault.Invalid, "a reply has no params")
	case m.Method == "" && (m.Result == nil) == (m.Error == nil):
		return fault.New(fault.Invalid, "a reply has either a result or an error")
	case m.Error != nil:
		return m.Error.check()
	}
	return nil
}

func validMethod(s string) bool {
	if len(s) > MaxMethod {
		return false
	}
	dots := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c == '_' && i > 0:
		case c == '.' && i > 0 && i < len(s)-1:
			dots++
		default:
			return false
		}
	}
	return dots == 1
}

// Encode writes one frame: compact JSON, fields in the order jsonrpc, id,
// method, params, result, error. It refuses what [Decode] would refuse.
func Encode(msgs []Message) ([]byte, error) {
	if len(msgs) == 0 || len(msgs) > MaxMessages {
		return nil, fault.New(fault.Invalid, "a frame holds 1 to "+strconv.Itoa(MaxMessages)+" messages")
	}
	frame := []byte{'['}
	for i, m := range msgs {
		raw, err := encodeMessage(m)
		if err != nil {
			return nil, fault.Annotate(err, "message "+strconv.Itoa(i)+" of the frame")
		}
		if i > 0 {
			frame = append(frame, ',')
		}
		frame = append(frame, raw...)
	}
	frame = append(frame, ']')
	if len(frame) > MaxFrame {
		return nil, fault.New(fault.TooLarge, "the frame is larger than "+strconv.Itoa(MaxFrame)+" bytes")
	}
	return frame, nil
}

func encodeMessage(m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	b := []byte(`{"jsonrpc":"2.0"`)
	if m.ID != nil {
		b = strconv.AppendUint(append(b, `,"id":`...), *m.ID, 10)
	}
	if m.Method != "" {
		b = append(append(append(b, `,"method":"`...), m.Method...), '"')
	}
	for _, f := range []struct {
		name string
		raw  strictjson.Raw
	}{{"params", m.Params}, {"result", m.Result}} {
		if f.raw == nil {
			continue
		}
		raw, err := object(f.name, f.raw)
		if err != nil {
			return nil, err
		}
		b = append(append(append(append(b, `,"`...), f.name...), `":`...), raw...)
	}
	if m.Error != nil {
		raw, err := marshal(m.Error)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"error":`...), raw...)
	}
	return append(b, '}'), nil
}
