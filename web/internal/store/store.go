// Package store is what the gateway keeps: pinned quotes, its read model of the
// signer's log, orders, hand-off tickets, the double-entry ledger, replies to
// idempotent questions, and where it is on each chain. The gateway's use cases
// (web/internal/gateway) are its only user; each of them puts a state change and
// its consequences in one [Store.Write]. storetest is the suite that every
// implementation passes; sqlstore is the one on SQLite. Several processes may use one.
package store

import (
	"context"
	"errors"
	"time"

	"countersign/shared/quote"
)

// ErrNotFound says that there is no such row for this entity.
var ErrNotFound = errors.New("not found")

// ErrExists says that a row with this key exists already.
var ErrExists = errors.New("exists already")

// ErrUnbalanced says that debits and credits of a booking differ.
var ErrUnbalanced = errors.New("debits and credits differ")

// Store runs transactions. A transaction that returns an error changes nothing.
type Store interface {
	Read(ctx context.Context, f func(Tx) error) error
	// Write runs one at a time.
	Write(ctx context.Context, f func(Tx) error) error
	Close() error
}

// Tx is one transaction. Every lookup fails with ErrNotFound when there is
// nothing; lookups that take an entity never see another entity's rows.
type Tx interface {
	Principals
	Banks
	Invitations
	Keys
	ReportingUses
	Uses
	Replies
	Quotes
	LogModel
	Orders
	Ledger
	Deposits
	Sendings
	Rates
	Messages
	Chains
	Clock
	Documents
	Changes
	Leases
}

// Leases say which process on this database does what only one should.
type Leases interface {
	Lease(name string) (Lease, error)
	PutLease(Lease) error           // adds or replaces
	DropLeases(holder string) error // all of a process end now; what they say stays
}

// Lease is what one process does for all.
type Lease struct {
	Name   string
	Holder string // a process
	Until  time.Time
	Says   string // what the holder found, for the others
}

// Reply is the stored answer to a question with an idempotency key.
type Reply struct {
	Scope  string // who asked
	Key    string
	Route  string
	Hash   [32]byte // of the body
	Status int      // 0: not answered yet
	Body   []byte
	At     time.Time
	// Holder is the process that is answering, until a time; empty: none is.
	Holder string
	Until  time.Time
}

// Replies are kept for a day.
type Replies interface {
	Reply(scope, key string) (Reply, error)
	PutReply(Reply) error              // adds or replaces; route, hash and time stay those of the first
	DropReply(scope, key string) error // no error when there is none
	PruneReplies(before time.Time) error
	// TrimReplies keeps the newest replies of a scope: at most rows, and at most
	// size bytes of keys and bodies.
	TrimReplies(scope string, rows int, size int64) error
}

// Quote is a quote that was shown, and the request that it is pinned in.
type Quote struct {
	ID      string
	Entity  string
	Account string
	Input   quote.Input
	Row     quote.Row
	// Request, Draft and Expires are set when a request was made of it, and are what the
	// signer is asked: then no other can be. Key is the idempotency key of that question.
	Request string
	Draft   string    // the canonical bytes of the intent, before the vault fills it
	Expires time.Time // of the request
	Key     string
}

// Quotes are kept while they are of use.
type Quotes interface {
	PutQuote(Quote) error // adds or replaces
	Quote(entity, id string) (Quote, error)
	PruneQuotes(before time.Time) error // removes those never pinned that ran out before
	// TrimQuotes keeps those quotes of an entity that were never pinned and run
	// out last, at most rows.
	TrimQuotes(entity string, rows int) error
}

// Event is one thing that happened to an order.
type Event struct {
	At   time.Time
	Type string
	Text string
}

// Order is a purchase at a provider.
type Order struct {
	ID           string
	Entity       string
	Request      string // one order each
	Account      string
	State        string
	Chain        string
	Address      string
	Provider     string // its id
	ProviderName string
	FiatAmount   string    // what is paid, a decimal
	Fiat         string    // ISO 4217
	Asset        string    // LedgerId of what is bought
	Minimum      string    // of it, as it was approved
	Row          quote.Row // the quote of the hand-off
	Input        quote.Input
	Redirect     string // the provider's address, once asked for
	Delivered    string // sum of the final deposits of the asset at the address; empty: none
	Payment      string // the ledger entry that books what was paid; empty: none does
	TxHash       string
	Created      time.Time
	Updated      time.Time
	History      []Event
	DeliveredAt  time.Time
	UseBy        int64     // Unix seconds: when its approval ends; 0 in an order of an earlier version
	Said         Said      // by its provider
	Handed       time.Time // when its buyer was last led to the provider; zero: never
}

// Said is what a provider last said of an order.
type Said struct {
	State string    // of package report; empty: nothing, or it was superseded by another hand-over
	Word  string    // the provider's own
	At    time.Time // of what it says: what is older changes nothing
	By    string    // notice or poll
	Tx    string    // that it names; empty: none
}

// Ticket is a hand-off ticket; its secret is not stored.
type Ticket struct {
	Hash     [32]byte
	Order    string
	Entity   string
	Language string
	Theme    string
	PayAgain bool // the person knows that a deposit was seen
	Expires  time.Time
	Used     bool
}

// Orders and their tickets.
type Orders interface {
	PutOrder(Order) error // adds or replaces; ErrExists for a second one of a request
	Order(entity, id string) (Order, error)
	OrderOf(entity, request string) (Order, error)
	// Orders are newest first, those of accounts alone; nil: of all.
	Orders(entity string, accounts []string, after string, limit int) ([]Order, error)
	OrderNamed(id string) (Order, error) // of whichever entity: for what its provider says
	// OrdersFrom are those of one provider, newest first.
	OrdersFrom(entity, provider, after string, limit int) ([]Order, error)
	// AwaitedOrders are those of all entities of which their providers may say more, which
	// were made since and are due to be asked about; those due for longest first.
	AwaitedOrders(now, since time.Time, limit int) ([]Order, error)
	AskOrderAt(id string, next time.Time) error // not a change of the order
	// SeeNotice keeps the id of a provider's notice, and reports whether it is new.
	SeeNotice(provider, id string, at time.Time) (bool, error)
	PruneNotices(before time.Time) error
	PutTicket(Ticket) error
	HasTicket(hash [32]byte, now time.Time) (bool, error)   // unused and in time
	TrimTickets(order string, rows int) error               // keeps the newest
	UseTicket(hash [32]byte, now time.Time) (Ticket, error) // ErrNotFound when used, expired or unknown
}

// Booking is one entry of the ledger with its postings.
type Booking struct {
	Entity  string
	Account string
	Entry   Entry
}

// Entry is what is booked at once, in a way that balances.
type Entry struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind,omitempty"`
	Text     string    `json:"text"`
	Order    string    `json:"order,omitempty"`
	Deposit  string    `json:"deposit,omitempty"`
	Reverses string    `json:"reverses,omitempty"` // id of the entry that this one takes back
	Postings []Posting `json:"postings"`
}

// Posting is one side of an entry.
type Posting struct {
	Ledger string `json:"ledger"` // vault:acc_…, provider:northpay, payments:acc_…, unasked:acc_…
	Side   string `json:"side"`   // debit or credit
	Asset  string `json:"asset"`
	Amount string `json:"amount"`
}

// Balance is what there is of an asset.
type Balance struct {
	Asset  string
	Amount string
}

// BookingFilter chooses entries; what is empty chooses all.
type BookingFilter struct {
	Account, Ledger, Asset, Kind, Order string
	From, To                            time.Time // To is not included
	Among                               []string  // accounts; nil: all, and what is of none
}

// Ledger is double entry: nothing is booked that does not balance.
type Ledger interface {
	// Book adds an entry. ErrUnbalanced when debits and credits of an asset
	// differ; ErrExists when the entry's id is booked.
	Book(Booking) error
	Booking(entity, id string) (Booking, error)
	Bookings(entity, account string, limit int) ([]Booking, error) // newest first
	// Transactions are the newest first, those after the one with id after.
	Transactions(entity string, f BookingFilter, after string, limit int) ([]Booking, error)
	// Postings are those of entries from one time to before another, the oldest entry first,
	// of entries of accounts alone; nil: of all.
	Postings(entity string, accounts []string, from, to time.Time, each func(at time.Time, p Posting) error) error
	// Movements are the entries from one time to before another that changed the ledger
	// vault:ACCOUNT, by the time at which they were booked, the oldest first.
	Movements(entity, account string, from, to time.Time, each func(Movement) error) error
	// Fees are the entries that book what transactions paid for themselves, or take it back, the
	// newest first, those after the one with id after. The filter's kind counts for nothing.
	Fees(entity string, f BookingFilter, after string, limit int) ([]Movement, error)
	DropBookings(entity, kind string) error // the sandbox's
	// Balances are of the ledger vault:ACCOUNT, without what is zero, by what was booked before
	// a time; zero: by all.
	Balances(entity, account string, before time.Time) ([]Balance, error)
}

// Chains remembers up to where each was read.
type Chains interface {
	Cursor(chain string) (string, error) // empty when never read
	PutCursor(chain, cursor string) error
}

// Clock remembers the latest time that the gateway saw.
type Clock interface {
	Seen() (time.Time, error) // ErrNotFound before the first
	PutSeen(time.Time) error  // replaces it, to the millisecond
}

// Documents are the last good documents of providers.
type Documents interface {
	Document(provider, endpoint string) (Document, error)
	PutDocument(provider, endpoint string, d Document) error
}

// Document is one as a provider sent it.
type Document struct {
	Body    []byte
	Tag     string // its ETag; empty: none
	Fetched time.Time
}
