package vault

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// Earlier is VERSION_UNSUPPORTED: the log, or what was kept of it, has the form of an
// earlier version, which this one cannot read.
func Earlier() error {
	return fault.New(fault.Version, "the log was begun by an earlier version of this program and cannot be read by this one: keep it with the version that wrote it, and begin a new one")
}

// Apply takes the next verified entry, and the hash of its line. An error says why it cannot follow what was
// before it, and leaves the state as it was.
func (s *State) Apply(e signedlog.Entry, hash string) error {
	var err error
	switch e.Type {
	case signedlog.Genesis:
		err = s.applyGenesis(e)
	case signedlog.Request:
		err = s.applyRequest(e)
	case signedlog.Initiation:
		err = s.applyDecision(e, hash, statement.TypInitiation)
	case signedlog.Approval:
		err = s.applyDecision(e, hash, statement.TypApproval)
	case signedlog.Verdict:
		err = s.applyVerdict(e, hash)
	case signedlog.Governed:
		err = s.applyGoverned(e)
	case signedlog.Outcome:
		err = s.applyOutcome(e)
	case signedlog.Signing:
		err = s.applySigning(e)
	case signedlog.Signed:
		err = s.applySigned(e)
	case signedlog.SigningMessage:
		err = s.applySigningMessage(e)
	case signedlog.SignedMessage:
		err = s.applySignedMessage(e)
	case signedlog.Sweeping:
		err = s.applySweeping(e)
	case signedlog.Swept:
		err = s.applySwept(e)
	case signedlog.Clock:
		err = s.applyClock(e)
	case signedlog.Checkpoint:
		_, err = s.Checkpoint(e, hash)
	default:
		err = fmt.Errorf("type %q is not known", e.Type)
	}
	if err == nil {
		s.went(e, hash)
	}
	return err
}

// went says how far the state is.
func (s *State) went(e signedlog.Entry, hash string) {
	s.mark, s.at = signedlog.Mark{Size: e.Seq + 1, Head: hash}, e.At
}

// applyGenesis takes a genesis that every administrator signed.
func (s *State) applyGenesis(e signedlog.Entry) error {
	if strings.HasPrefix(string(e.Body), `{"v":`) { // without the administrators' signatures
		return Earlier()
	}
	b, err := e.Genesis()
	if err != nil {
		return err
	}
	signed, err := ceremony.Approvals(b.Genesis, b.Approvals)
	if err != nil {
		return err
	}
	if !slices.Equal(signed, b.Approvals) {
		return errors.New("the approvals of the genesis are not in its order")
	}
	g, err := statement.Decode[statement.Genesis](b.Genesis)
	if err != nil {
		return err
	}
	return s.enrol(g)
}

// enrol takes a genesis.
func (s *State) enrol(g statement.Genesis) error {
	key, err := jws.FromJWK(g.Signer.Statement)
	if err != nil {
		return err
	}
	if !key.Equal(s.key) {
		return fmt.Errorf("the genesis names another statement key than the vault holds")
	}
	v, err := found(g)
	if err != nil {
		return err
	}
	return s.know(v)
}

// know takes what is known of who decides.
func (s *State) know(v *Governance) error {
	s.Governance = v
	for _, m := range v.Members {
		if err := s.meet(m.ID); err != nil {
			return err
		}
	}
	for _, a := range v.founded() {
		s.keep(a)
	}
	return nil
}

// keep keeps what the log says of an account from now on.
func (s *State) keep(a statement.GenesisAccount) *account {
	kept := &account{GenesisAccount: a}
	kept.look(a.Rules)
	s.accounts[a.Account] = kept
	return kept
}

// meet parses the keys of the newest version of a member.
func (s *State) meet(id string) error {
	now, _ := s.Members.at(id, Newest)
	approval, err := jws.FromJWK(now.Value.Approval)
	if err != nil {
		return fmt.Errorf("approval key of %s: %w", id, err)
	}
	channel, err := jws.FromJWK(now.Value.Channel)
	if err != nil {
		return fmt.Errorf("channel key of %s: %w", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members[id] = &Member{Membership: now.Value, ApprovalKey: approval, ChannelKey: channel}
	return nil
}

func (s *State) applyRequest(e signedlog.Entry) error {
	var b signedlog.RequestBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	if known, err := s.known(b.Request); err != nil || known {
		return cmp.Or(err, fmt.Errorf("request %s exists already", b.Request))
	}
	r, err := newRequest(b)
	if err != nil {
		return err
	}
	if filled, err := r.Wants.Fill(s.knows(r.Wants)); err != nil || !intent.Same(filled, r.Wants) {
		return fmt.Errorf("the intent of %s does not fit the vault", b.Request)
	}
	if b.Created > e.At {
		return fmt.Errorf("request %s was made after its entry", b.Request)
	}
	if err := b.Recorded.Check(); err != nil {
		return fmt.Errorf("what is recorded of %s: %w", b.Request, err)
	}
	if err := s.rated(r); err != nil {
		return err
	}
	if err := s.possibleNow(r); err != nil {
		return err
	}
	if err := s.says(r, e.Seq); err != nil {
		return err
	}
	d := s.Govern(r)
	if s.excerpt {
		d = s.Decide(r, r.CreatedAt)
	}
	if _, err := s.pinned(b.GovernedBy); err != nil {
		return fmt.Errorf("what governs %s: %w", b.Request, err)
	}
	if want := r.Pin(d); !d.State.Open() || b.GovernedBy != want {
		return fmt.Errorf("request %s is not governed as it says: %s", b.Request, strings.Join(d.Reasons, "; "))
	}
	if own, ok := r.Wants.(intent.Receiver); ok {
		to := own.Receives()
		if err := s.attested(b, to); err != nil {
			return err
		}
		known, err := s.known(to.Address)
		if err != nil {
			return err
		}
		if r.number, err = s.Pool(own).take(to.Address, known); err != nil {
			return fmt.Errorf("the address of %s: %w", b.Request, err)
		}
		if !known {
			s.past.Note(to.Address, e.Seq)
		}
	}
	s.noteRate(b, r.Wants)
	s.past.Note(b.Request, e.Seq)
	r.pins = []pin{{e.Seq, b.GovernedBy, b.Expires}}
	s.open[b.Request] = r
	return nil
}

// possibleNow refuses a change that could not take effect if it were approved now.
func (s *State) possibleNow(r *Request) error {
	if c, ok := r.Wants.(intent.Change); ok {
		if err := s.possible(c); err != nil {
			return fmt.Errorf("what %s wants cannot be: %w", r.Request, err)
		}
	}
	return nil
}

// Outdated reports whether the vault changed since the impact of a request was computed, so
// that nobody approves it before that was done again.
func (s *State) Outdated(r *Request) bool {
	return r.Impact != nil && r.Impact.Log <= s.lastChange(Newest)
}

// says checks what the entry seq of a change says of its impact. What the report has, whoever
// has the log computes again.
func (s *State) says(r *Request, seq int64) error {
	switch _, changes := r.Wants.(intent.Change); {
	case !changes && r.Impact != nil:
		return fmt.Errorf("%s changes nothing in the vault, and says what it changes", r.Request)
	case !changes:
		return nil
	case r.Impact == nil:
		return Earlier()
	case r.Impact.Log > seq || s.Outdated(r):
		return fmt.Errorf("the impact of %s is not on the vault as it is", r.Request)
	}
	return r.Impact.Check()
}

// attested checks that the vault's own word makes an address this request's.
func (s *State) attested(b signedlog.RequestBody, to intent.Deposit) error {
	payload, err := s.Ahead.Verify(b.Attestation, statement.TypAddress, s.key)
	if err != nil {
		return err
	}
	at, err := statement.Decode[statement.Address](payload)
	if err != nil {
		return err
	}
	if at.Request != b.Request || at.Address != to.Address || at.Account != to.Account || at.Chain != to.Chain || at.Entity != s.Genesis.Entity {
		return fmt.Errorf("the address of %s is not the attested one", b.Request)
	}
	if key, err := jws.FromJWK(at.PublicKey); err != nil {
		return fmt.Errorf("the key of the address of %s: %w", b.Request, err)
	} else if want, err := AddressOn(to.Chain, key); err != nil || at.Address != want {
		return fmt.Errorf("the address of %s is not the one of its key", b.Request)
	}
	return nil
}

// applyGoverned takes what governs a request after a change of the vault.
func (s *State) applyGoverned(e signedlog.Entry) error {
	var b signedlog.GovernedBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	r := s.open[b.Request]
	if r == nil || !r.stale && (b.Impact == nil || !s.Outdated(r)) {
		return fmt.Errorf("there is no open request %s whose rules, or whose impact, changed", b.Request)
	}
	if b.Impact != nil {
		now := *r
		now.Impact = b.Impact
		if err := s.says(&now, e.Seq); err != nil {
			return err
		}
	}
	d := s.Decide(r, seconds(e.At))
	if s.excerpt { // as in applyRequest
		if _, err := s.pinned(b.GovernedBy); err != nil {
			return fmt.Errorf("what governs %s: %w", b.Request, err)
		}
		as := *r
		as.GovernedBy, as.stale = b.GovernedBy, false
		d = s.Decide(&as, seconds(e.At))
	}
	if d.State != governance.Approved && !d.State.Open() || b.GovernedBy != r.Pin(d) || b.Expires != d.Expires.Unix() {
		return fmt.Errorf("request %s is not governed as it says: %s", b.Request, strings.Join(d.Reasons, "; "))
	}
	r.govern(b, e)
	r.stale, r.due, r.until, r.moved = false, !d.State.Open(), d.Until(), e.At
	s.past.Note(b.Request, e.Seq)
	return nil
}

// govern pins what governs a request from an entry on.
func (r *Request) govern(b signedlog.GovernedBody, e signedlog.Entry) {
	r.GovernedBy, r.Expires = b.GovernedBy, b.Expires
	if b.Impact != nil {
		r.Impact = b.Impact
	}
	r.pins = append(r.pins, pin{e.Seq, b.GovernedBy, b.Expires})
}

func (s *State) applyOutcome(e signedlog.Entry) error {
	var b signedlog.OutcomeBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	r := s.open[b.Request]
	if r == nil {
		return fmt.Errorf("there is no open request %s", b.Request)
	}
	d := s.Decide(r, time.Unix(e.At, 0))
	if d.State.Open() || string(d.State) != b.State || r.stale && d.State == governance.Approved {
		return fmt.Errorf("request %s is %s, not %s", b.Request, d.State, b.State)
	}
	if b.UseBy != 0 && b.UseBy != r.UseBy(d) {
		return fmt.Errorf("the approval of %s does not end when its rule says", b.Request)
	}
	change, changes := r.Wants.(intent.Change)
	if err := saysKeys(b, change, d.State == governance.Approved); err != nil {
		return err
	}
	if changes && d.State == governance.Approved {
		if err := s.take(change, b.Request, e.Seq); err != nil {
			return err
		}
	}
	r.ends = cmp.Or(b.UseBy, r.UseBy(d))
	r.Outcome, r.Reasons, r.asOf = b.State, b.Reasons, e.Seq-1
	delete(s.open, b.Request)
	if a := s.accounts[r.Wants.Facts().Account]; a != nil && d.State == governance.Approved {
		for _, w := range a.spends {
			w.add(r.earlier(d))
		}
	}
	if own, ok := r.Wants.(intent.Receiver); ok && d.State != governance.Approved && !s.stranded(r) { // the address was handed to nobody
		s.Pool(own).put(Numbered{own.Receives().Address, r.number})
	}
	s.past.Note(b.Request, e.Seq)
	s.begin(r, e.At)
	s.speak(r, e.At)
	if changes && d.State == governance.Approved {
		return s.changed(change, r, e)
	}
	return nil
}

// changed asks each open request again after a change, which of wanted.
func (s *State) changed(c intent.Change, of *Request, e signedlog.Entry) error {
	object, _ := c.Of()
	if _, ok := s.Members.at(object, Newest); ok {
		if err := s.meet(object); err != nil {
			return err
		}
	}
	switch c := c.(type) {
	case intent.AccountCreate:
		s.keep(created(c)).key = of.number
	case intent.AccountEdit:
		s.accounts[c.Account].look(c.Rules)
	case intent.VaultRotateKeys:
		if err := s.rotated(); err != nil {
			return err
		}
	}
	for _, r := range s.open {
		r.stale = r.stale || !s.governs(r)
		d := s.Decide(r, seconds(e.At))
		r.due, r.until, r.moved = r.stale || !d.State.Open(), d.Until(), e.At
	}
	return nil
}

// applyClock takes the operator's word on the clock, which changes the time and
// nothing else.
func (s *State) applyClock(e signedlog.Entry) error {
	var b signedlog.ClockBody
	return strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody)
}
