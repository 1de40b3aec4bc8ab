// Package vault is what the log of one vault says, and nothing else: one pure state
// that is built by applying entries, at start and after each append alike, so that a
// restart changes nothing. [State.Apply] refuses what could not follow,
// [State.Decide] asks the rules. What is kept grows with members, rules and open
// requests, not with the log: what is over is in the log, where a [Past] finds it. It trusts no entry for being signed: it verifies the
// members' signatures and the attestations again. No clock, no I/O. The signer
// (bridge/internal/signer) decides by it. Spec: shared/spec/signedlog.md.
package vault

import (
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// State is what the entries so far say. It is not safe for concurrent use.
type State struct {
	*Governance
	// Ahead is where signatures are verified: those that [State.Look] looked at, ahead.
	// nil: each at its turn.
	Ahead    *jws.Ahead
	key      jws.PublicKey // the statement key that signs the next entry; of mu, for [State.Look]
	past     Past
	mark     signedlog.Mark
	at       int64        // of the last entry, Unix seconds
	mu       sync.RWMutex // of members, for [State.Look]
	members  map[string]*Member
	accounts map[string]*account
	keys     Pool                           // of the own keys of accounts that were created, or may be
	open     map[string]*Request            // those without an outcome
	sends    map[string]*Sending            // by request: those approved that end in a transaction, see sends.go
	messages map[string]*Message            // by request: those approved that are to be signed, see messages.go
	sweeps   map[string]*Sweeping           // by deposit address: see sweeps.go
	rates    map[governance.Valuation]int64 // the time of the newest rate that a request has, Unix seconds
	excerpt  bool                           // only some entries are applied: see [Excerpt]
}

// account is an account with what the log says of it.
type account struct {
	statement.GenesisAccount
	key    int        // the number of its own key, of one that was created
	nonce  int64      // of the next transaction of its own address
	swept  []sweptFee // of the last day, oldest first
	pool   Pool
	spends []*spends // one for each window of the rules
}

// Member is a member with parsed keys.
type Member struct {
	Membership
	ApprovalKey jws.PublicKey
	ChannelKey  jws.PublicKey
}

// Request is a governed request as the log tells it.
type Request struct {
	signedlog.RequestBody
	Wants     intent.Intent // the body's, opened
	CreatedAt time.Time
	Accepted  []Accepted // in the order of the log
	Outcome   string     // empty while pending
	Reasons   []string   // of the outcome
	Attempts  []Attempt  // to have its transaction taken into a block, of one that ends in one
	Signature *Signature // of one that ends in one; nil: it is not begun

	number int       // of the key of its address, when it receives
	pins   []pin     // that it had, the first one first
	stale  bool      // the vault changed, and it may be governed by another rule
	until  time.Time // when the delay that it is in is over; zero: it is in none
	due    bool      // the vault changed, and it may have to be closed
	moved  int64     // when the vault last changed for it, Unix seconds
	asOf   int64     // the entry after which it is looked at; 0: the newest
	ends   int64     // of an approval: when it cannot be used any more
}

// pin is what governs a request from an entry on.
type pin struct {
	Seq     int64                `json:"seq"`
	By      statement.GovernedBy `json:"governed_by"`
	Expires int64                `json:"expires"`
}

// Accepted is a decision that was verified and logged, with what its receipt says, now
// and whenever the same JWS comes again.
type Accepted struct {
	JWS      string
	Member   string
	Step     int
	Decision string             // also [statement.Initiate], at step 0; empty of a reviewer
	Verdict  governance.Verdict // of a reviewer
	Reason   string             // of a reviewer, for people
	At       time.Time
	Seq      int64
	Hash     string // of its entry
	State    governance.State
	Approved []string // member ids, of all steps
	Needed   int
}

// New is the state of an empty log that begins with a root key, which signs its entries until
// the vault's keys are rotated. past keeps what is over;
// nil: it is kept in memory.
func New(key jws.PublicKey, past Past) *State {
	if past == nil {
		past = inMemory{}
	}
	return &State{
		Governance: &Governance{}, key: key, past: past, members: map[string]*Member{}, accounts: map[string]*account{}, open: map[string]*Request{},
		sends: map[string]*Sending{}, messages: map[string]*Message{}, sweeps: map[string]*Sweeping{}, rates: map[governance.Valuation]int64{},
	}
}

// Excerpt is [New] for whoever has some entries of a log only: the genesis, all those
// about requests that changed the vault, and all those about one request. What rules ask of other requests, in windows, is not in them: that
// the rule which a request pins is the one that governs it is the signer's word.
func Excerpt(key jws.PublicKey) *State {
	s := New(key, nil)
	s.excerpt = true
	return s
}

// Member finds a member by its id; nil when there is none.
func (s *State) Member(id string) *Member { return s.members[id] }

// Request finds a request without an outcome by its id; nil when there is none. What is
// over is found by [State.Past] and [State.Recall].
func (s *State) Request(id string) *Request { return s.open[id] }

// Mark is how far the state is.
func (s *State) Mark() signedlog.Mark { return s.mark }

// Past finds what the state does not keep.
func (s *State) Past() Past { return s.past }

// Open are the requests without an outcome, by id. Callers do not change it.
func (s *State) Open() map[string]*Request { return s.open }

// Account implements [intent.Vault].
func (s *State) Account(id string) (intent.Account, bool) {
	a, ok := s.accounts[id]
	if !ok {
		return intent.Account{}, false
	}
	terms, _ := s.Accounts.at(id, Newest)
	rules, _ := s.Rules.at(id, Newest)
	return intent.Account{
		Name: terms.Value.Name, Chain: a.Chain, Address: s.addressOf(a.GenesisAccount, Newest), Tier: terms.Value.Tier, Parent: terms.Value.Parent, Sweep: terms.Value.Sweep, Version: terms.Version, Rules: rules.Value,
	}, true
}

// OwnKey is the number of the own key of an account that a request created; ok is false for
// one of the genesis.
func (s *State) OwnKey(id string) (number int, ok bool) {
	ok = slices.ContainsFunc(s.Created, func(a statement.GenesisAccount) bool { return a.Account == id })
	return s.accounts[id].key, ok
}

// Pool are the addresses among which an intent has its own: the deposit addresses of its
// account, or those of the own keys of accounts when it creates one.
func (s *State) Pool(to intent.Receiver) *Pool {
	if _, creates := to.(intent.AccountCreate); creates {
		return &s.keys
	}
	return &s.accounts[to.Receives().Account].pool
}

// AddressOn is the address of key on a chain. It fails with INVALID_REQUEST for a chain
// on which a vault makes no addresses.
func AddressOn(chain string, key jws.PublicKey) (string, error) {
	if _, err := CurveOf(chain); err != nil {
		return "", err
	}
	return eip55.Of(key.Uncompressed()[1:]), nil
}

// CurveOf is the curve of the keys of addresses on a chain. It fails as [AddressOn] does.
func CurveOf(chain string) (string, error) {
	if strings.HasPrefix(chain, "eip155:") {
		return jws.Secp256k1, nil
	}
	return "", fault.New(fault.Invalid, "the vault makes addresses on eip155 chains only").With("field", "chain")
}
