package signer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// state is what the log says, and nothing else: it is built by applying entries,
// at start and after each append alike, so that a restart changes nothing.
type state struct {
	key      jws.PublicKey // the statement key
	genesis  statement.Genesis
	members  map[string]*member
	accounts map[string]statement.GenesisAccount
	requests map[string]*request
	open     map[string]*request // those without an outcome
	pools    map[string]*pool    // by account
	lines    []string
}

// member is a member with parsed keys.
type member struct {
	statement.GenesisMember
	approval jws.PublicKey
	channel  jws.PublicKey
}

// request is a governed request as the log tells it.
type request struct {
	signedlog.RequestBody
	wants    intent.Intent // the body's, opened
	created  time.Time
	votes    []governance.Approval
	accepted []accepted
	outcome  string // empty while pending
	reasons  []string
}

// accepted is a decision that was verified and logged, with the receipt that
// answers it, now and whenever the same JWS comes again.
type accepted struct {
	jws      string
	member   string
	step     int
	decision string
	at       time.Time
	seq      int64
	hash     string
	state    governance.State
	approved []string
	needed   int
}

func newState(key jws.PublicKey) *state {
	return &state{
		key: key, members: map[string]*member{}, accounts: map[string]statement.GenesisAccount{},
		requests: map[string]*request{}, open: map[string]*request{}, pools: map[string]*pool{},
	}
}

// apply takes the next entry. An error says why it cannot follow what was
// before it, and leaves the state as it was.
func (s *state) apply(e signedlog.Entry, line, hash string) error {
	var err error
	switch e.Type {
	case signedlog.Genesis:
		err = s.applyGenesis(e)
	case signedlog.Request:
		err = s.applyRequest(e)
	case signedlog.Approval:
		err = s.applyApproval(e, hash)
	case signedlog.Outcome:
		err = s.applyOutcome(e)
	case signedlog.Clock:
		err = s.applyClock(e)
	default:
		err = fmt.Errorf("type %q is not known", e.Type)
	}
	if err == nil {
		s.lines = append(s.lines, line)
	}
	return err
}

func (s *state) applyGenesis(e signedlog.Entry) error {
	g, err := statement.Decode[statement.Genesis](e.Body)
	if err != nil {
		return err
	}
	key, err := jws.FromJWK(g.Signer.Statement)
	if err != nil {
		return err
	}
	if !key.Equal(s.key) {
		return fmt.Errorf("the genesis names another statement key than the vault holds")
	}
	for _, m := range g.Members {
		approval, err := jws.FromJWK(m.Approval)
		if err != nil {
			return fmt.Errorf("approval key of %s: %w", m.Member, err)
		}
		channel, err := jws.FromJWK(m.Channel)
		if err != nil {
			return fmt.Errorf("channel key of %s: %w", m.Member, err)
		}
		s.members[m.Member] = &member{GenesisMember: m, approval: approval, channel: channel}
	}
	for _, a := range g.Accounts {
		s.accounts[a.Account] = a
		s.pools[a.Account] = newPool()
	}
	s.genesis = g
	return nil
}

func (s *state) applyRequest(e signedlog.Entry) error {
	var b signedlog.RequestBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	if s.requests[b.Request] != nil {
		return fmt.Errorf("request %s exists already", b.Request)
	}
	wants, err := intent.Open(b.Intent)
	if err != nil {
		return err
	}
	if filled, err := wants.Fill(s); err != nil || !intent.Same(filled, wants) {
		return fmt.Errorf("the intent of %s does not fit the vault", b.Request)
	}
	r := &request{RequestBody: b, wants: wants, created: time.Unix(b.Created, 0).UTC()}
	if b.Created > e.At {
		return fmt.Errorf("request %s was made after its entry", b.Request)
	}
	d := s.govern(r)
	if want := governedBy(d); d.State != governance.Pending || b.GovernedBy != want {
		return fmt.Errorf("request %s is not governed as it says: %s", b.Request, strings.Join(d.Reasons, "; "))
	}
	if to, ok := r.receives(); ok {
		if err := s.attested(b, to); err != nil {
			return err
		}
		if err := s.pools[to.Account].take(to.Address); err != nil {
			return fmt.Errorf("the address of %s: %w", b.Request, err)
		}
	}
	s.requests[b.Request], s.open[b.Request] = r, r
	return nil
}

// attested checks that the vault's own word makes an address this request's.
func (s *state) attested(b signedlog.RequestBody, to intent.Deposit) error {
	payload, err := jws.Verify(b.Attestation, statement.TypAddress, s.key)
	if err != nil {
		return err
	}
	at, err := statement.Decode[statement.Address](payload)
	if err != nil {
		return err
	}
	if at.Request != b.Request || at.Address != to.Address || at.Account != to.Account || at.Entity != s.genesis.Entity {
		return fmt.Errorf("the address of %s is not the attested one", b.Request)
	}
	if key, err := jws.FromJWK(at.PublicKey); err != nil {
		return fmt.Errorf("the key of the address of %s: %w", b.Request, err)
	} else if want, err := addressOn(to.Chain, key); err != nil || at.Address != want {
		return fmt.Errorf("the address of %s is not the one of its key", b.Request)
	}
	return nil
}

// Account implements [intent.Vault].
func (s *state) Account(id string) (intent.Account, bool) {
	a, ok := s.accounts[id]
	return intent.Account{Name: a.Name, Chain: a.Chain}, ok
}

// receives is where the request receives, if it does.
func (r *request) receives() (intent.Deposit, bool) {
	to, ok := r.wants.(intent.Receiver)
	if !ok {
		return intent.Deposit{}, false
	}
	return to.Receives(), true
}

func (s *state) applyApproval(e signedlog.Entry, hash string) error {
	var b signedlog.ApprovalBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	r, m := s.open[b.Request], s.members[b.Member]
	if r == nil || m == nil {
		return fmt.Errorf("there is no open request %s or no member %s", b.Request, b.Member)
	}
	payload, err := jws.Verify(b.JWS, statement.TypApproval, m.approval)
	if err != nil {
		return err
	}
	a, err := statement.Decode[statement.Approval](payload)
	if err != nil {
		return err
	}
	at := time.Unix(e.At, 0).UTC()
	d := s.decide(r, at)
	if a.Entity != s.genesis.Entity || a.Request != b.Request || a.Member != b.Member || a.Step != d.Step || !bytes.Equal(a.Intent, r.Intent) ||
		a.GovernedBy != r.GovernedBy || !d.MayApprove(b.Member) {
		return fmt.Errorf("the statement of %s is not for this step of %s", b.Member, b.Request)
	}
	r.votes = append(r.votes, governance.Approval{Member: b.Member, Step: a.Step, Reject: a.Decision == statement.Reject})
	d = s.decide(r, at)
	acc := accepted{
		jws: b.JWS, member: b.Member, step: a.Step, decision: a.Decision, at: at,
		seq: e.Seq, hash: hash, state: d.State, approved: []string{},
	}
	for _, p := range d.Steps {
		acc.approved = append(acc.approved, p.Approved...)
		acc.needed += p.Needed
	}
	r.accepted = append(r.accepted, acc)
	return nil
}

func (s *state) applyOutcome(e signedlog.Entry) error {
	var b signedlog.OutcomeBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	r := s.open[b.Request]
	if r == nil {
		return fmt.Errorf("there is no open request %s", b.Request)
	}
	d := s.decide(r, time.Unix(e.At, 0))
	if d.State == governance.Pending || string(d.State) != b.State {
		return fmt.Errorf("request %s is %s, not %s", b.Request, d.State, b.State)
	}
	if b.UseBy != 0 && b.UseBy != r.useBy(d) {
		return fmt.Errorf("the approval of %s does not end when its rule says", b.Request)
	}
	r.outcome, r.reasons = b.State, b.Reasons
	delete(s.open, b.Request)
	if to, ok := r.receives(); ok && d.State != governance.Approved { // the address was handed to nobody
		s.pools[to.Account].put(to.Address)
	}
	return nil
}

// applyClock takes the operator's word on the clock, which changes the time and
// nothing else.
func (s *state) applyClock(e signedlog.Entry) error {
	var b signedlog.ClockBody
	return strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody)
}

// govern finds the rule for a request that is not in the log yet.
func (s *state) govern(r *request) governance.Decision {
	fresh := *r
	fresh.GovernedBy = statement.GovernedBy{}
	return s.decide(&fresh, r.created)
}

// decide asks the rules. A request keeps the rule that it has. Who asked is the
// gateway's claim and not proven, so that the rules are not told it.
func (s *state) decide(r *request, now time.Time) governance.Decision {
	facts := r.wants.Facts()
	in := governance.Input{
		Rules: s.accounts[facts.Account].Rules, Pinned: r.GovernedBy.Rule, Facts: facts,
		Created: r.created, Expires: time.Unix(r.Expires, 0).UTC(), Now: now, Approvals: r.votes,
	}
	for _, m := range s.genesis.Members {
		if m.Role != statement.Auditor {
			in.Members = append(in.Members, governance.Member{ID: m.Member, Name: m.Name})
		}
	}
	if in.Pinned == "" {
		in.Spent = s.spent(r)
	}
	return governance.Decide(in)
}

// spent adds up what the account's other requests took, or may still take, in each
// window that its rules look at.
func (s *state) spent(r *request) []governance.Spent {
	account := r.wants.Facts().Account
	windows := s.accounts[account].Rules.Windows()
	if len(windows) == 0 {
		return nil
	}
	var others []governance.Earlier
	for _, o := range s.requests {
		if o.wants.Facts().Account == account && o != r {
			others = append(others, o.earlier())
		}
	}
	var all []governance.Spent
	for _, w := range windows {
		if sum, ok := w.Spent(r.created, others); ok {
			all = append(all, sum)
		}
	}
	return all
}

// earlier is a request as the sums of later ones look at it.
func (r *request) earlier() governance.Earlier {
	facts := r.wants.Facts()
	e := governance.Earlier{
		Amount: facts.Amount, Currency: facts.Currency, State: governance.Pending, Expires: time.Unix(r.Expires, 0),
	}
	if n := len(r.accepted); n > 0 { // the outcome is written after the last approval, and may not be yet
		e.State, e.Approved = r.accepted[n-1].state, r.accepted[n-1].at
		e.UseBy = e.Approved.Add(governance.Use(r.GovernedBy.UseWithin))
	}
	if r.outcome != "" {
		e.State = governance.State(r.outcome)
	}
	return e
}

// voted reports whether the member's decision on r is in the log.
func (r *request) voted(member string) bool {
	return slices.ContainsFunc(r.accepted, func(a accepted) bool { return a.member == member })
}

// due reports whether r may have to be closed, without asking the rules.
func (r *request) due(now time.Time) bool {
	n := len(r.accepted)
	return now.Unix() >= r.Expires || n > 0 && r.accepted[n-1].state != governance.Pending
}

// useBy is when the approval of r ends, in Unix seconds: counted from the last
// approval, so that a signer that was away adds nothing. 0 when r is not approved.
func (r *request) useBy(d governance.Decision) int64 {
	if d.State != governance.Approved {
		return 0
	}
	return r.accepted[len(r.accepted)-1].at.Add(governance.Use(d.UseWithin)).Unix()
}

func governedBy(d governance.Decision) statement.GovernedBy {
	return statement.GovernedBy{Rule: d.Rule, Version: d.Version, Digest: d.Digest, UseWithin: d.UseWithin}
}
