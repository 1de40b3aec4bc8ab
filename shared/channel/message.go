package channel

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/strictjson"
)

// The types of message inside a record.
const (
	TypeWelcome   = "welcome"
	TypeGet       = "statement.get"
	TypeStatement = "statement"
	TypeSubmit    = "statement.submit"
	TypeReceipt   = "receipt"
	TypeError     = "error"
)

// The limits of fields.
const (
	MaxStatement = 16384 // bytes of a statement
	MaxJWS       = 24000 // bytes of a signed statement
	maxName      = 200
	maxApprovals = 64
	maxMessage   = 1000
)

// Message is one of *Welcome, *StatementGet, *Statement, *StatementSubmit,
// *Receipt and *Error.
type Message interface {
	kind() string
	check() error
}

// Bytes is base64url without padding in JSON.
type Bytes []byte

// MarshalText writes base64url without padding.
func (b Bytes) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(b)), nil
}

// UnmarshalText reads canonical base64url without padding.
func (b *Bytes) UnmarshalText(text []byte) error {
	v, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || base64.RawURLEncoding.EncodedLen(len(v)) != len(text) {
		return fault.New(fault.Invalid, "bytes must be base64url without padding")
	}
	*b = v
	return nil
}

// Welcome is the signer's first record: the handshake is complete, the
// certificate of act 3 was accepted.
type Welcome struct {
	Entity     string `json:"entity"`
	EntityName string `json:"entity_name"`
	Member     string `json:"member"`
	Log        Log    `json:"log"`
}

// Log is where the signer's log stands.
type Log struct {
	Size uint64 `json:"size"`
	Head Bytes  `json:"head"` // hash of the last entry, 32 bytes
}

// StatementGet asks for the statement that this member would sign.
type StatementGet struct {
	Request  string `json:"request"`
	Decision string `json:"decision"` // APPROVE, REJECT or INITIATE
}

// Statement has the exact bytes to sign.
type Statement struct {
	Statement Bytes `json:"statement"`
}

// StatementSubmit has the signed statement: a compact JWS.
type StatementSubmit struct {
	JWS string `json:"jws"`
}

// Receipt says that the signer verified the statement and appended it to its
// log, and how the request stands.
type Receipt struct {
	Request   string   `json:"request"`
	State     string   `json:"state"`
	Approvals []string `json:"approvals"` // ids of the members whose approval counts
	Needed    int      `json:"needed"`    // how many approvals the request needs in all
	Entry     Entry    `json:"entry"`
}

// Entry is one entry of the signer's log.
type Entry struct {
	Seq  uint64 `json:"seq"`
	Hash Bytes  `json:"hash"` // 32 bytes
}

// Error is the signer's refusal of the message before it.
type Error struct{ fault.Body }

// NewError is the message for err; what is not meant to be shown stays behind.
func NewError(err error) *Error {
	e := &Error{fault.BodyOf(err, "something went wrong in the signer; its log says what")}
	if len(e.Message) > maxMessage {
		e.Message = strings.ToValidUTF8(e.Message[:maxMessage], "")
	}
	if e.check() != nil {
		e.Details = nil // they are a help, never needed
	}
	return e
}

// Encode writes a message: {"type":…,…}, compact, fields in the order of the
// types. It refuses what [Decode] would refuse.
func Encode(m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.kind(), err)
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.kind(), err)
	}
	out := append([]byte(`{"type":"`+m.kind()+`",`), bytes.TrimSpace(body.Bytes())[1:]...)
	if len(out) > MaxPlaintext {
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("a message has at most %d bytes", MaxPlaintext))
	}
	return out, nil
}

// Decode reads a message strictly. It fails with INVALID_REQUEST or
// PAYLOAD_TOO_LARGE.
func Decode(data []byte) (Message, error) {
	var fields map[string]strictjson.Raw
	if err := strictjson.Unmarshal(data, &fields, MaxPlaintext); err != nil {
		return nil, err
	}
	var kind string
	if err := json.Unmarshal(fields["type"], &kind); err != nil {
		return nil, fault.New(fault.Invalid, `the field "type" is missing`)
	}
	m := newMessage(kind)
	if m == nil {
		return nil, fault.New(fault.Invalid, "the message has an unknown type")
	}
	delete(fields, "type")
	rest, err := json.Marshal(fields)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the message is not valid JSON")
	}
	// Marshal may write a character in six bytes; the size was checked above.
	if err := strictjson.Unmarshal(rest, m, 6*MaxPlaintext); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

func newMessage(kind string) Message {
	switch kind {
	case TypeWelcome:
		return new(Welcome)
	case TypeGet:
		return new(StatementGet)
	case TypeStatement:
		return new(Statement)
	case TypeSubmit:
		return new(StatementSubmit)
	case TypeReceipt:
		return new(Receipt)
	case TypeError:
		return new(Error)
	}
	return nil
}

func (*Welcome) kind() string         { return TypeWelcome }
func (*StatementGet) kind() string    { return TypeGet }
func (*Statement) kind() string       { return TypeStatement }
func (*StatementSubmit) kind() string { return TypeSubmit }
func (*Receipt) kind() string         { return TypeReceipt }
func (*Error) kind() string           { return TypeError }

func (m *Welcome) check() error {
	return all(rule("entity", id.Is(id.Entity, m.Entity)), rule("member", id.Is(id.Member, m.Member)),
		rule("entity_name", m.EntityName != "" && len(m.EntityName) <= maxName), rule("log", len(m.Log.Head) == 32))
}

func (m *StatementGet) check() error {
	return all(rule("request", id.Is(id.Request, m.Request)), rule("decision", m.Decision == "APPROVE" || m.Decision == "REJECT" || m.Decision == "INITIATE"))
}

func (m *Statement) check() error {
	return rule("statement", len(m.Statement) > 0 && len(m.Statement) <= MaxStatement)
}

func (m *StatementSubmit) check() error {
	return rule("jws", m.JWS != "" && len(m.JWS) <= MaxJWS)
}

func (m *Receipt) check() error {
	for _, a := range m.Approvals {
		if !id.Is(id.Member, a) {
			return rule("approvals", false)
		}
	}
	return all(rule("request", id.Is(id.Request, m.Request)), rule("state", m.State != "" && len(m.State) <= maxName),
		rule("approvals", len(m.Approvals) <= maxApprovals), rule("needed", m.Needed >= 0 && m.Needed <= maxApprovals),
		rule("entry", len(m.Entry.Hash) == 32))
}

func (m *Error) check() error {
	if len(m.Details) == 0 {
		m.Details = nil // so that an error has one form
	}
	ok := len(m.Details) <= 16
	for k, v := range m.Details {
		ok = ok && k != "" && len(k) <= maxMessage && len(v) <= maxMessage
	}
	return all(rule("code", m.Code != "" && len(m.Code) <= 64), rule("message", len(m.Message) <= maxMessage), rule("details", ok))
}

func all(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func rule(field string, ok bool) error {
	if ok {
		return nil
	}
	return fault.New(fault.Invalid, fmt.Sprintf("the field %q is not valid", field)).With("field", field)
}
