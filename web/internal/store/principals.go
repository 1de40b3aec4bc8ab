package store

import "time"

// Developer is who holds API keys, and acts for entities.
type Developer struct {
	ID      string
	Name    string
	Version int64     // grows; tokens of another version are revoked
	MadeBy  string    // ByConfiguration or BySandbox
	Proof   [32]byte  // SHA-256 of what names the question that made it; zero but for the sandbox
	Client  [32]byte  // SHA-256 of the client that asked the sandbox for it; zero: another made it, or an earlier version
	Expires time.Time // when it and all that it has are removed; zero: never
	Tier    string    // whose limits it has; empty: those of the gateway's own developers
	// Disabled: it was removed from where it was made. It has no access; what it
	// did is kept.
	Disabled bool
}

// Who makes developers, keys and entities.
const (
	ByConfiguration = "configuration"
	BySandbox       = "sandbox"
	ByDeveloper     = "developer" // through the API
	ByOperator      = "operator"  // with the program, on the gateway's computer
)

// Key is an API key; its secret is not stored.
type Key struct {
	ID        string // key_…
	Developer string
	Name      string
	Hash      [32]byte // SHA-256
	Hint      string   // how it begins and ends, to tell keys apart
	Scopes    string   // with spaces between them
	MadeBy    string
	Created   time.Time
	Expires   time.Time // zero: never
	Used      time.Time // to the minute; zero: never
	Revoked   time.Time // zero: it is not
	Replaces  string    // the key that was rotated into this one; empty: none was
	Maker     string    // the key with whose token it was made; empty: with none, or by an earlier version
}

// Keys are the API keys of developers.
type Keys interface {
	PutKey(Key) error // adds, or replaces by id
	Key(developer, id string) (Key, error)
	KeyWith(developer string, hash [32]byte) (Key, error) // the newest
	Keys(developer string) ([]Key, error)                 // the newest first
	DropKey(developer, id string) error                   // no error when there is none

	RevokeToken(id string, expires time.Time) error // by its jti; again is not an error
	TokenRevoked(id string) (bool, error)
	PruneRevoked(before time.Time) error // those that expired before
}

// ReportingUses say when the reporting keys of a vault were last traded for a token. The
// keys themselves are in the log.
type ReportingUses interface {
	PutReportingUse(entity, key string, at time.Time) error // adds or replaces
	ReportingUses(entity string) (map[string]time.Time, error)
}

// BankItem is a connection to a pretend bank of the sandbox.
type BankItem struct {
	ID            string
	Entity        string
	Currency      string
	LoginRequired bool
	Connected     time.Time
	Synced        time.Time // up to when what moved is booked
}

// BankLink is a token of the flow that makes a connection; its secret is not stored.
type BankLink struct {
	Hash    [32]byte
	Kind    string
	Entity  string
	Item    string // that it mends; empty: it makes one
	Expires time.Time
}

// Banks are the pretend ones of the sandbox.
type Banks interface {
	PutBankItem(BankItem) error // adds or replaces
	BankItem(entity, id string) (BankItem, error)
	BankItems(entity string) ([]BankItem, error) // the oldest first
	PutBankLink(BankLink) error
	UseBankLink(entity, kind string, hash [32]byte, now time.Time) (BankLink, error) // once; ErrNotFound when used, expired or unknown
	TrimBankLinks(entity string, rows int) error                                     // keeps the newest
	DropBanks(entity string) error                                                   // items and links
}

// Use is one use of an API key or a token.
type Use struct {
	ID        string // use_…
	Developer string
	Entity    string // in whose name; may be empty
	Key       string // empty: a wrong one
	At        time.Time
	Route     string
	Code      string // of a refusal; empty: it was answered
	Client    string
	Request   string // id of the answer
}

// UseFilter chooses uses; what is empty chooses all.
type UseFilter struct{ Key, Entity, Code string }

// UseAnswered is the Code of a filter for what was answered.
const UseAnswered = "OK"

// Uses are the log of use.
type Uses interface {
	AddUse(Use) error
	// Uses are the newest first, those after the one with id after.
	Uses(developer string, f UseFilter, after string, limit int) ([]Use, error)
	// TrimUses keeps the newest of a developer: rows with a key, strangers without.
	TrimUses(developer string, rows, strangers int) error
	PruneUses(before time.Time) error
}

// Entity belongs to one developer.
type Entity struct {
	ID         string
	Developer  string
	Name       string
	Version    int64 // grows; a token of an entity has the sum of this and its developer's
	Disabled   bool  // as of a developer
	MadeBy     string
	ExternalID string // the developer's own name for it, one entity each; may be empty
	Type       string // its legal form; may be empty
	Created    time.Time
	Updated    time.Time
}

// Principals are developers and their entities.
type Principals interface {
	PutDeveloper(Developer) error // adds or replaces
	Developer(id string) (Developer, error)
	Developers() ([]Developer, error) // all, the oldest first
	PutEntity(Entity) error           // adds or replaces; ErrExists when another enabled one of the developer has the external id
	Entity(id string) (Entity, error)
	EntitiesOf(developer string) ([]Entity, error)
	// DropDeveloper removes a developer with its keys, its log of use, its entities, and
	// their replies, bank connections and entries in the ledger.
	DropDeveloper(id string) error
}
