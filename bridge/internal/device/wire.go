package device

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"countersign/bridge/internal/hsm"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/name"
	"countersign/shared/strictjson"
)

// Between the bridge and the process of a module run messages in both directions,
// over a socket that both inherit: a length (4 bytes, big-endian, of what
// follows), the number of the call (8 bytes), what it is (1 byte), and a body.
// The two uses of a key, which are many, have bodies in binary; the rest is JSON.
// The body of opLogin holds a PIN; it is wiped where it was written and read.

// maxBody is the longest body, in bytes: a list of 10,000 keys fits.
const maxBody = 8 << 20

// maxPIN is the longest PIN, in bytes.
const maxPIN = 255

// header is length, number and kind.
const header = 4 + 8 + 1

// The kinds of messages: calls by the bridge…
const (
	opStart  byte = iota + 1 // startCall: load the module
	opPulse                  // empty: is a call stuck? one byte
	opLook                   // lookCall: look for a missing token
	opState                  // tokenCall: hsm.State
	opLogin                  // binary: number of the token (4), mode (1), PIN
	opLogout                 // tokenCall
	opFind                   // findCall: keyInfo
	opKeys                   // tokenCall: keyList
	opMake                   // makeCall: keyInfo
	opDelete                 // keyCall
	opCertificates
	opMechanisms // tokenCall: []uint
	opCurves     // tokenCall: []string
	opData       // dataCall: bytes
	opPutData    // dataCall
	opSign       // binary: number of the key (4), mode (1), length of the PIN (1), PIN, digest (32)
	opDerive     // binary: number of the key (4), point (65)
	opPairs      // dataCall: pairsInfo
	opCancel     // the caller of the call with this number has gone; no answer
)

// …and what its process says.
const (
	saysOK     byte = iota + 64 // the result of the call
	saysError                   // failure: why there is none
	saysChange                  // tokenInfo: a token came or went; number 0
)

// The modes of a PIN in opLogin and opSign.
const (
	pinNone  byte = iota // the key does not want one
	pinTyped             // it follows
	pinFinal             // it follows, and the person knows that it may lock the token
	pinPad               // on the reader
)

type startCall struct {
	Path     string `json:"path"`
	Reserved string `json:"reserved"`
	Poll     int64  `json:"poll"`    // ns
	Timeout  int64  `json:"timeout"` // ns
}

type tokenCall struct {
	Token uint32 `json:"token"`
}

type lookCall struct {
	Known bool `json:"known"`
}

type findCall struct {
	Token uint32 `json:"token"`
	URI   string `json:"uri"`
	// Curve and Want are the public key that the bridge believes already (SEC 1,
	// compressed); empty: none.
	Curve string `json:"curve"`
	Want  []byte `json:"want"`
}

type makeCall struct {
	Token    uint32       `json:"token"`
	Template hsm.Template `json:"template"`
}

type keyCall struct {
	Key uint32 `json:"key"`
}

type dataCall struct {
	Token uint32 `json:"token"`
	Label string `json:"label"`
	Data  []byte `json:"data"`
}

// tokenInfo is a token, by the number that its process gave it.
type tokenInfo struct {
	Number   uint32       `json:"number"`
	Identity hsm.Identity `json:"identity"`
	Present  bool         `json:"present"`
}

// keyInfo is a key, by the number that its process gave it.
type keyInfo struct {
	Number     uint32 `json:"number"`
	Curve      string `json:"curve"`
	Point      []byte `json:"point"` // SEC 1, compressed
	Label      []byte `json:"label"` // CKA_LABEL as the token has it, which may be no text
	ID         []byte `json:"id"`
	CanSign    bool   `json:"can_sign"`
	CanDerive  bool   `json:"can_derive"`
	AlwaysAuth bool   `json:"always_auth"`
	// Unprotected: see keys.Info. Proven: the private half proved the point.
	Unprotected bool `json:"unprotected"`
	Proven      bool `json:"proven"`
}

// keyList is what a token shows, and what of it was left out.
type keyList struct {
	Keys    []keyInfo     `json:"keys"`
	Omitted []hsm.Omitted `json:"omitted"`
	Doubts  []hsm.Omitted `json:"doubts"`
}

func (k keyInfo) info(device string) keys.Info {
	return keys.Info{Device: device, Label: name.Shown(string(k.Label)), ID: k.ID, CanSign: k.CanSign, CanDerive: k.CanDerive, AlwaysAuth: k.AlwaysAuth, Unprotected: k.Unprotected}
}

// pairsInfo is what [Device.Pairs] returns.
type pairsInfo struct {
	Pairs     []pairInfo `json:"pairs"`
	Strangers int        `json:"strangers"`
}

// pairInfo is a key pair; Known says whether it has a public half, and so a Key.
type pairInfo struct {
	Known  bool       `json:"known"`
	Key    keyInfo    `json:"key"`
	Origin hsm.Origin `json:"origin"`
}

// failure is a *fault.Error on its way.
type failure struct {
	fault.Body
	Cause string `json:"cause,omitempty"` // for the log
}

func failureOf(err error) failure {
	f, ok := fault.As(err)
	if !ok {
		f = fault.Wrap(err, fault.DeviceFailed, "the token could not do the operation")
	}
	w := failure{Body: fault.BodyOf(f, "")}
	if cause := errors.Unwrap(f); cause != nil {
		w.Cause = cause.Error()
	}
	return w
}

func (w failure) fault() error {
	if !fault.Known(w.Code) {
		return errGarbage
	}
	f := fault.New(w.Code, w.Message)
	if w.Cause != "" {
		f = fault.Wrap(errors.New(w.Cause), w.Code, w.Message)
	}
	f.Details = w.Details
	return f
}

// errGarbage is what a process says unasked or that is not in the
// grammar: its memory is not to be trusted any more.
var errGarbage = errors.New("it sent something that is not a message")

func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err == nil && len(data) > maxBody {
		err = fault.New(fault.TooLarge, "the token has more objects than can be listed")
	}
	return data, err
}

func decode[T any](body []byte) (v T, err error) {
	if err := strictjson.Unmarshal(body, &v, maxBody); err != nil {
		return v, fmt.Errorf("%w: %w", errGarbage, err)
	}
	return v, nil
}

// writeMessage writes one message with one call and wipes its copy of the body.
func writeMessage(w io.Writer, number uint64, kind byte, body []byte) error {
	m := make([]byte, header+len(body))
	binary.BigEndian.PutUint32(m, uint32(len(body)+header-4))
	binary.BigEndian.PutUint64(m[4:], number)
	m[12] = kind
	copy(m[header:], body)
	_, err := w.Write(m)
	clear(m)
	return err
}

// reader reads messages, with one read for as many as have come. It wipes what it has
// handed out: it may be a secret.
type reader struct {
	from    io.Reader
	buffer  [4096]byte
	at, end int // what was read and is not handed out yet
}

// fill reads until n bytes are there, of at most the buffer's length.
func (r *reader) fill(n int) error {
	if r.end-r.at >= n {
		return nil
	}
	kept := copy(r.buffer[:], r.buffer[r.at:r.end])
	clear(r.buffer[kept:r.end])
	r.at, r.end = 0, kept
	read, err := io.ReadAtLeast(r.from, r.buffer[kept:], n-kept)
	r.end += read
	return err
}

// take hands out bytes that are there.
func (r *reader) take(to []byte) int {
	n := copy(to, r.buffer[r.at:r.end])
	clear(r.buffer[r.at : r.at+n])
	r.at += n
	return n
}

// message is the next message. Its body is the caller's.
func (r *reader) message() (number uint64, kind byte, body []byte, err error) {
	if err := r.fill(header); err != nil {
		return 0, 0, nil, err
	}
	var head [header]byte
	r.take(head[:])
	n := binary.BigEndian.Uint32(head[:])
	if n < header-4 || n > header-4+maxBody {
		return 0, 0, nil, errGarbage
	}
	body = make([]byte, n-(header-4))
	if _, err := io.ReadFull(r.from, body[r.take(body):]); err != nil {
		return 0, 0, nil, err
	}
	return binary.BigEndian.Uint64(head[4:]), head[12], body, nil
}

// loginBody is the body of opLogin.
func loginBody(token uint32, mode byte, pin []byte) []byte {
	body := binary.BigEndian.AppendUint32(make([]byte, 0, 5+len(pin)), token)
	return append(append(body, mode), pin...)
}

func parseLogin(body []byte) (token uint32, pin *hsm.PIN, err error) {
	if len(body) < 5 {
		return 0, nil, errGarbage
	}
	pin, err = parsePIN(body[4], body[5:])
	if pin == nil {
		err = errGarbage
	}
	return binary.BigEndian.Uint32(body), pin, err
}

func parsePIN(mode byte, digits []byte) (*hsm.PIN, error) {
	switch {
	case mode == pinNone && len(digits) == 0:
		return nil, nil
	case mode == pinTyped || mode == pinFinal:
		return &hsm.PIN{Digits: digits, Final: mode == pinFinal}, nil
	case mode == pinPad && len(digits) == 0:
		return &hsm.PIN{Final: true}, nil
	}
	return nil, errGarbage
}

// signBody is the body of opSign.
func signBody(key uint32, mode byte, pin, digest []byte) []byte {
	body := binary.BigEndian.AppendUint32(make([]byte, 0, 6+len(pin)+len(digest)), key)
	return append(append(append(body, mode, byte(len(pin))), pin...), digest...)
}

func parseSign(body []byte) (key uint32, pin *hsm.PIN, digest []byte, err error) {
	if len(body) < 6 || len(body) != 6+int(body[5])+32 {
		return 0, nil, nil, errGarbage
	}
	n := int(body[5])
	pin, err = parsePIN(body[4], body[6:6+n])
	return binary.BigEndian.Uint32(body), pin, body[6+n:], err
}

// deriveBody is the body of opDerive.
func deriveBody(key uint32, point []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(point)), key), point...)
}

func parseDerive(body []byte) (key uint32, point []byte, err error) {
	if len(body) != 4+65 {
		return 0, nil, errGarbage
	}
	return binary.BigEndian.Uint32(body), body[4:], nil
}
