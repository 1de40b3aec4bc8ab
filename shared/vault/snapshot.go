package vault

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
)

// MaxSnapshot is the longest snapshot, in bytes.
const MaxSnapshot = 256 << 20

// snapshot is the canonical form of a state. What is over is in the log, not in it.
type snapshot struct {
	V          int             `json:"v"` // 2
	Mark       signedlog.Mark  `json:"mark"`
	At         int64           `json:"at"` // of the last entry, Unix seconds
	Governance Governance      `json:"governance"`
	Accounts   []accountRecord `json:"accounts"`           // in the order of the genesis, then as they were created
	Keys       poolRecord      `json:"keys,omitzero"`      // absent: no account was to be created
	Rates      []rateRecord    `json:"rates,omitempty"`    // by source, asset and currency
	Open       []requestRecord `json:"open"`               // by id
	Sends      []Sending       `json:"sends,omitempty"`    // by request
	Messages   []Message       `json:"messages,omitempty"` // by request
	Sweeps     []Sweeping      `json:"sweeps,omitempty"`   // by address
}

type poolRecord struct {
	Next int        `json:"next"` // number of the next new key
	Free []Numbered `json:"free"`
}

type accountRecord struct {
	poolRecord
	Key    int            `json:"key,omitempty"`   // number of its own key, of one that was created
	Nonce  int64          `json:"nonce,omitempty"` // of the next transaction of its own address
	Spends []spendsRecord `json:"spends"`
	Swept  []sweptFee     `json:"swept,omitempty"` // of the last day, oldest first
}

type spendsRecord struct {
	Window governance.Velocity `json:"window"`
	Kept   []sumRecord         `json:"kept"`
}

type sumRecord struct {
	Until int64         `json:"until"`
	Sum   amount.Amount `json:"sum"`
}

// requestRecord is an open request: its entry, and those of the decisions on it.
type requestRecord struct {
	signedlog.RequestBody
	Number    int              `json:"number"` // of the key of its address
	Pins      []pin            `json:"pins"`
	Stale     bool             `json:"stale"`
	Moved     int64            `json:"moved"`
	Decisions []decisionRecord `json:"decisions"`
}

type decisionRecord struct {
	Seq    int64  `json:"seq"`
	At     int64  `json:"at"`
	Hash   string `json:"hash"`
	Member string `json:"member"`
	JWS    string `json:"jws"`
}

// Snapshot is the state in its one form, whose digest a checkpoint entry says.
func (s *State) Snapshot() ([]byte, error) {
	out := snapshot{V: 2, Mark: s.mark, At: s.at, Governance: *s.Governance, Accounts: []accountRecord{}, Open: []requestRecord{}}
	for _, g := range s.founded() {
		out.Accounts = append(out.Accounts, s.accounts[g.Account].record(s.at))
	}
	if s.keys.next > 0 {
		out.Keys = s.keys.record()
	}
	out.Rates = s.rateRecords()
	for _, id := range slices.Sorted(maps.Keys(s.open)) {
		out.Open = append(out.Open, s.open[id].record())
	}
	for _, id := range slices.Sorted(maps.Keys(s.sends)) {
		out.Sends = append(out.Sends, *s.sends[id])
	}
	for _, id := range slices.Sorted(maps.Keys(s.messages)) {
		out.Messages = append(out.Messages, *s.messages[id])
	}
	for _, address := range slices.Sorted(maps.Keys(s.sweeps)) {
		out.Sweeps = append(out.Sweeps, *s.sweeps[address])
	}
	return strictjson.Canonical(out)
}

func (p poolRecord) pool() Pool { return Pool{p.Next, append([]Numbered(nil), p.Free...)} }

func (p *Pool) record() poolRecord { return poolRecord{p.next, append([]Numbered{}, p.free...)} }

func (a *account) record(now int64) accountRecord {
	record := accountRecord{poolRecord: a.pool.record(), Key: a.key, Nonce: a.nonce, Spends: []spendsRecord{}, Swept: a.swept}
	for _, w := range a.spends {
		kept := spendsRecord{w.Velocity, []sumRecord{}}
		w = w.settled(now)
		for i, until := range w.until {
			kept.Kept = append(kept.Kept, sumRecord{until, w.sum[i]})
		}
		record.Spends = append(record.Spends, kept)
	}
	return record
}

func (r *Request) record() requestRecord {
	record := requestRecord{RequestBody: r.RequestBody, Number: r.number, Pins: r.pins, Stale: r.stale, Moved: r.moved, Decisions: []decisionRecord{}}
	for _, a := range r.Accepted {
		record.Decisions = append(record.Decisions, decisionRecord{a.Seq, a.At.Unix(), a.Hash, a.Member, a.JWS})
	}
	return record
}

// Digest is how a checkpoint entry names a snapshot.
func Digest(snapshot []byte) string {
	sum := sha256.Sum256(snapshot)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Checkpoint applies a checkpoint entry, as [State.Apply] does, and returns the snapshot
// that it vouches for. It is refused when it is of another state than this one.
func (s *State) Checkpoint(e signedlog.Entry, hash string) (snapshot []byte, err error) {
	b, err := e.Checkpoint()
	if err != nil {
		return nil, err
	}
	if snapshot, err = s.Snapshot(); err != nil {
		return nil, err
	}
	if Digest(snapshot) != b.State {
		return nil, errors.New("the checkpoint is of another state than the entries before it give")
	}
	for _, a := range s.accounts {
		for i, w := range a.spends {
			a.spends[i] = w.settled(s.at)
		}
	}
	s.went(e, hash)
	return snapshot, nil
}

// Restore is the state of a snapshot, of the log whose entries key signs, before the
// checkpoint entry, which is applied next: it shows that nothing was lost. The caller has
// compared the digest, which is why no signature in it is verified again. It fails with
// INVALID_REQUEST.
func Restore(data []byte, key jws.PublicKey, past Past) (*State, error) {
	var in snapshot
	if err := strictjson.Unmarshal(data, &in, MaxSnapshot); err != nil {
		return nil, err
	}
	s := New(key, past)
	if err := s.restore(in); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the snapshot is not of a state")
	}
	return s, nil
}

func (s *State) restore(in snapshot) error {
	if in.V != 2 {
		return fmt.Errorf("its version is %d", in.V)
	}
	if key, err := jws.FromJWK(in.Governance.Signer().Statement); err != nil || !key.Equal(s.key) {
		return errors.New("it is of another vault")
	}
	if err := in.Governance.sound(); err != nil {
		return err
	}
	if err := s.know(&in.Governance); err != nil {
		return err
	}
	if len(in.Accounts) != len(s.founded()) {
		return errors.New("it has other accounts than were founded")
	}
	for i, g := range s.founded() {
		s.accounts[g.Account].restore(in.Accounts[i])
	}
	s.keys = in.Keys.pool()
	s.mark, s.at = in.Mark, in.At
	if err := s.restoreRates(in.Rates); err != nil {
		return err
	}
	for _, record := range in.Open {
		r, err := s.reopen(record)
		if err != nil {
			return fmt.Errorf("request %s: %w", record.Request, err)
		}
		s.open[r.Request] = r
	}
	for _, sending := range in.Sends {
		if err := s.resume(sending); err != nil {
			return fmt.Errorf("the transaction of %s: %w", sending.Request, err)
		}
	}
	for _, message := range in.Messages {
		if err := s.respeak(message); err != nil {
			return fmt.Errorf("the message of %s: %w", message.Request, err)
		}
	}
	for _, sweeping := range in.Sweeps {
		if err := s.resweep(sweeping); err != nil {
			return fmt.Errorf("the sweep of %s: %w", sweeping.Address, err)
		}
	}
	for _, r := range s.open {
		if r.moved != 0 {
			d := s.Decide(r, seconds(s.at))
			r.due, r.until = r.stale || !d.State.Open(), d.Until()
		}
	}
	return nil
}

func (a *account) restore(record accountRecord) {
	a.key, a.nonce, a.pool, a.spends, a.swept = record.Key, record.Nonce, record.pool(), nil, record.Swept
	for _, list := range record.Spends {
		w := &spends{Velocity: list.Window}
		for _, one := range list.Kept {
			w.until, w.sum = append(w.until, one.Until), append(w.sum, one.Sum)
		}
		a.spends = append(a.spends, w)
	}
}

func (s *State) reopen(record requestRecord) (*Request, error) {
	r, err := newRequest(record.RequestBody)
	if err != nil {
		return nil, err
	}
	if set := r.Wants.Facts().RuleSet(); set != governance.Admin && s.accounts[set] == nil {
		return nil, errors.New("it is of no account")
	}
	if len(record.Pins) == 0 {
		return nil, errors.New("nothing governs it")
	}
	r.number, r.moved = record.Number, record.Moved
	rest := record.Pins
	for _, d := range record.Decisions {
		for len(rest) > 0 && rest[0].Seq < d.Seq { // what governed it when this was decided
			r.GovernedBy, r.Expires, rest = rest[0].By, rest[0].Expires, rest[1:]
		}
		b := signedlog.DecisionBody{Request: r.Request, Member: d.Member, JWS: d.JWS}
		a, err := decision(b)
		if err != nil {
			return nil, err
		}
		s.accept(r, b, a, Line{signedlog.Entry{Seq: d.Seq, At: d.At}, d.Hash})
	}
	r.GovernedBy, r.Expires = record.GovernedBy, record.Expires
	r.pins, r.stale = record.Pins, record.Stale
	return r, nil
}
