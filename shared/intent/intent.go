// Package intent is what a request wants: one envelope and one file per kind. An
// intent is canonical JSON with kind and v first; what carries it (a statement, an
// entry of the log, a body of HTTP, a row) carries those bytes, a [Doc], and
// compares digests. A kind says what its fields are and what is wrong with them,
// what rules look at, and what a person reads. Pure: no clock, no I/O. The signer
// fills, governs and logs intents, the approver's bridge and the page show them,
// the gateway makes them of quotes. Spec: shared/spec/intent.md.
package intent

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/strictjson"
)

// MaxSize is the longest intent, in bytes.
const MaxSize = 8 << 10

// Doc is an intent as it travels: its canonical bytes.
type Doc = strictjson.Raw

// Intent is one intent of a known kind, decoded.
type Intent interface {
	// CheckFields checks each field alone: what an intent of any age must satisfy.
	// Errors are *[field.Problem].
	CheckFields() error
	// CheckNow holds a checked intent against the tables of today (shared/asset).
	// It is asked of new intents, and by whoever signs; one of an old log is not
	// judged by it. Errors are *[field.Problem].
	CheckNow() error
	// Fill returns the intent with the fields that the vault alone knows. A draft has
	// them empty. It fails with NOT_FOUND.
	Fill(Vault) (Intent, error)
	// Facts are what rules look at.
	Facts() governance.Facts
	// Noun names the kind: "purchase".
	Noun() string
	// Title is the intent in one sentence, without a full stop.
	Title() string
	// Summary is what moves, in a few words.
	Summary() string
	// Lines are what a person reads about the intent alone.
	Lines() []Line
	// Why is what the asker says about it; empty when they said nothing. It proves
	// nothing, and stands apart from the lines.
	Why() Why
	// Totals are what a list of intents adds up.
	Totals() []Total
	// Record is what the journal keeps of it.
	Record() Record
}

// Why is what an asker says about an intent, in their own words: what it is for, and
// what it is called in their books, such as the number of an invoice.
type Why struct{ Purpose, Reference string }

// check checks both as words (shared/name).
func (y Why) check(c *field.Checks) {
	c.Words(y.Purpose, "purpose")
	c.Words(y.Reference, "reference")
}

// Receiver is an intent that has an address of the vault's own, which no other
// request has while this one may be used.
type Receiver interface {
	Intent
	Receives() Deposit
	// To returns the intent with another address.
	To(address string) Intent
}

// Deposit is where a [Receiver] receives.
type Deposit struct{ Account, Chain, Address string }

// Sender is an intent that ends in a transaction of its account's own address.
type Sender interface {
	Intent
	Sends() Movement
}

// Movement is what a [Sender] moves: shared/effects says what that is on the chain.
type Movement struct {
	Account, Chain string
	What           Crypto
	To             string // the address that receives it
	Fee            Crypto // the most that the chain may take, in its coin
}

// KindMessage is the kind of an intent to have an account's key sign a message.
const KindMessage = "message"

// Messenger is an intent that ends in a signature of its account's own key under a message,
// and in no transaction.
type Messenger interface {
	Intent
	Signs() (ToSign, error)
}

// ToSign is what a [Messenger] has signed, computed from what people read of it.
type ToSign struct {
	Account, Chain, Address string // whose key
	Digest                  [32]byte
}

// DigestText is the digest as entries and statements have it: base64url.
func (s ToSign) DigestText() string { return base64.RawURLEncoding.EncodeToString(s.Digest[:]) }

// Drafted is an intent that the vault fills from what changes, so that the same draft is
// filled otherwise later.
type Drafted interface {
	Intent
	// Drafted is the intent without what the vault fills, as it was asked for.
	Drafted() Intent
}

// Vault is what the intents of a vault are filled from.
type Vault interface {
	// Account finds an account by its id.
	Account(id string) (Account, bool)
	// Sent finds the signed transaction of a transfer by its request. It fails with CONFLICT,
	// field request, when it has none, or when that is over.
	Sent(request string) (Sent, error)
	// Person finds a member by its id.
	Person(id string) (Person, bool)
	// Registered reads a registration for this vault, and verifies it. It fails with
	// INVALID_REQUEST, STATEMENT_INVALID and SIGNATURE_INVALID.
	Registered(registration string) (Registrant, error)
	// Group and Whitelist find one by its id, and its version; 0: there never was one.
	// One that was removed has a version and is empty.
	Group(id string) (governance.Group, int)
	Whitelist(id string) (governance.List, int)
	// ReportingKey finds one by its id.
	ReportingKey(id string) ReportingKey
	Admins() Admins
	// Keys are the vault's own.
	Keys() OwnKeys
}

// OwnKeys are the vault's own keys: the thumbprint of its statement key, and their version.
type OwnKeys struct {
	Thumbprint string
	Version    int
}

// Account is what a vault knows of an account.
type Account struct {
	Name, Chain string
	Address     string // of its own key
	Tier        string // [Treasury], [Trading]; empty: none
	Parent      string // the account that funds it; empty: none
	Sweep       *Sweep // nil: none
	Version     int
	Rules       governance.Set // the newest
}

// kind is a row of the table of kinds. head is how the bytes of its intents begin, up to
// the end of the version.
type kind struct {
	name, head string
	decode     func([]byte) (Intent, error)
	tell       func(Record) []string // what [Record.Tell] says of one
}

// kinds is the table: a new kind is a file with its type, and a row here, or among
// toldKinds.
var kinds = append([]kind{
	{KindBuy, `{"kind":"buy","v":1`, decode[Buy], tellBuy},
	{KindTransfer, `{"kind":"transfer","v":1`, decode[Transfer], tellTransfer},
}, toldKinds...)

// Kinds are the names of all kinds.
func Kinds() (all []string) {
	for _, k := range kinds {
		all = append(all, k.name)
	}
	return all
}

func decode[T Intent](data []byte) (Intent, error) {
	var v T
	err := strictjson.UnmarshalCanonical(data, &v, MaxSize)
	return v, err
}

// Draft reads a document whose fields may be empty or wrong: what somebody asks a
// signer for. It fails with INTENT_UNSUPPORTED for a kind or a version that is not
// known, and with INVALID_REQUEST (details field) for what is not canonical JSON of
// its kind.
func Draft(d Doc) (Intent, error) {
	for _, k := range kinds {
		if rest, ok := strings.CutPrefix(string(d), k.head); ok && (rest == "" || strings.IndexByte("0123456789.eE", rest[0]) < 0) {
			return k.decode(d)
		}
	}
	if !strings.HasPrefix(string(d), `{"kind":"`) {
		return nil, fault.New(fault.Invalid, "the intent is not canonical JSON that begins with kind and v").With("field", "kind")
	}
	return nil, fault.New(fault.IntentUnsupported, "this version knows no intent of this kind and version").With("field", "kind")
}

// Open reads an intent and checks each of its fields. It fails as [Draft] does, and
// with INVALID_REQUEST, details field, for a field that is wrong. For whatever it
// accepts [Encode] returns the same bytes.
func Open(d Doc) (Intent, error) {
	i, err := Draft(d)
	if err != nil {
		return nil, err
	}
	return i, Refused(i.CheckFields())
}

// As is [Open] for an intent that must be of one kind. It fails with CONFLICT when it
// is of another.
func As[T Intent](d Doc) (T, error) {
	var none T
	i, err := Open(d)
	if err != nil {
		return none, err
	}
	v, ok := i.(T)
	if !ok {
		return none, fault.New(fault.Conflict, "the request is a "+i.Noun()+", not a "+none.Noun())
	}
	return v, nil
}

// Refused is a problem of an intent as INVALID_REQUEST, details field; other errors
// stay what they are.
func Refused(err error) error {
	if p, ok := err.(*field.Problem); ok {
		return fault.New(fault.Invalid, p.Error()).With("field", p.Field)
	}
	return err
}

// Encode returns the canonical bytes of an intent, whether or not it is complete.
func Encode(i Intent) (Doc, error) {
	d, err := strictjson.Canonical(i)
	if err == nil && len(d) > MaxSize {
		err = fault.New(fault.TooLarge, "the intent is longer than "+strconv.Itoa(MaxSize)+" bytes")
	}
	return d, err
}

// Same reports whether two intents have the same bytes.
func Same(a, b Intent) bool {
	one, err := Encode(a)
	two, err2 := Encode(b)
	return err == nil && err2 == nil && bytes.Equal(one, two)
}

// Digest names an intent exactly: base64url of the SHA-256 of its bytes.
func Digest(d Doc) string {
	sum := sha256.Sum256(d)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// One is what an intent is called, with its article: "a transfer", "an account change".
func One(i Intent) string {
	noun := i.Noun()
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
