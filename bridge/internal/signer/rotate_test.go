package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// opens is an [OpenVault] of a vault that is open.
func opens(v Vault) OpenVault {
	return func(context.Context, Config, *slog.Logger) (Vault, func() error, error) {
		return v, func() error { return nil }, nil
	}
}

// makesKeys runs `signer rotate` for another vault, and returns the request that it writes.
func (g *rig) makesKeys(next Vault, signerFile string) (doc intent.Doc, said string, err error) {
	g.t.Helper()
	from, out, told := filepath.Join(g.t.TempDir(), "copy"), filepath.Join(g.t.TempDir(), "rotation.json"), &bytes.Buffer{}
	g.backup(from)
	if err := RotateWith(g.t.Context(), Config{StateDir: g.t.TempDir()}, from, signerFile, out, Stdio{Out: told, Err: told}, opens(next)); err != nil {
		return nil, "", err
	}
	data, err := os.ReadFile(out)
	if err != nil {
		g.t.Fatal(err)
	}
	var body struct{ Intent intent.Doc }
	if err := json.Unmarshal(data, &body); err != nil {
		g.t.Fatal(err)
	}
	return body.Intent, told.String(), nil
}

// rotates has two administrators give the vault the keys of another one.
func (g *rig) rotates(next Vault, signerFile string) (request string) {
	g.t.Helper()
	doc, _, err := g.makesKeys(next, signerFile)
	if err != nil {
		g.t.Fatal(err)
	}
	request = newRequestID(g.t)
	in := g.input(request)
	in.Intent = doc
	if code := g.call("POST", "/v1/requests", in, nil); code != "" {
		g.t.Fatal(code)
	}
	g.approves("mem_alice", request)
	g.approves("mem_bob", request)
	return request
}

// moves has the signer go on with another vault: with a copy of the log.
func (g *rig) moves(next Vault, signerFile string) (said string, err error) {
	g.t.Helper()
	from, told := g.dir, &bytes.Buffer{}
	g.stop()
	to := filepath.Join(g.t.TempDir(), "state")
	if err := RestoreWith(g.t.Context(), Config{StateDir: to}, from, signerFile, "", Stdio{Out: told, Err: told}, opens(next)); err != nil {
		g.start()
		return told.String(), err
	}
	g.on, g.dir = next, to
	g.start()
	return told.String(), nil
}

// knows has members pin the keys that the vault has now, and get certificates by them.
func (g *rig) knows() {
	g.t.Helper()
	g.enrol.File = g.service.state.FileOf()
	for id, p := range g.people {
		var c wire.Certificate
		if code := g.call("GET", "/v1/members/"+id+"/certificate", nil, &c); code != "" {
			g.t.Fatal(code)
		}
		p.Certificate = c.Certificate
	}
}

func TestAVaultGoesOnWithNewKeysInAnotherTokenAndTheLogLeadsThere(t *testing.T) {
	t.Parallel()
	g := newSegmentedRig(t)
	signerFile := g.signerFile(t)
	root := g.service.key.PublicKey()
	before, ok := g.service.state.Account(treasury)
	if !ok {
		t.Fatal("there is no account")
	}
	open := g.request(newRequestID(t))
	next := membertest.NewVault()
	request := g.rotates(next, signerFile)
	// The old token signs no more, whatever it is asked for.
	if code := g.call("POST", "/v1/requests", g.input(newRequestID(t)), nil); code != fault.Unavailable {
		t.Errorf("a request at the old token: %q", code)
	}
	if code := g.call("GET", "/v1/log/checkpoint", nil, nil); code != fault.Unavailable {
		t.Errorf("a note by the old token: %q", code)
	}
	g.stop()
	if err := g.tryStart(); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("a start with the old token: %v", err)
	}
	g.start0(t)
	if said, err := g.moves(next, signerFile); err != nil || strings.Contains(said, "LOST") {
		t.Fatalf("%v: %s", err, said)
	}
	if g.service.key.PublicKey().Equal(root) || g.service.state.Rotated() == 0 {
		t.Error("the keys are the old ones")
	}
	after, _ := g.service.state.Account(treasury)
	if after.Address == before.Address {
		t.Error("the account has its old address")
	}
	// What receives at an address of before is closed, and no such address is given again.
	if r := g.look(open.Request); r.State != "BLOCKED" || !strings.Contains(r.Reasons[0], "one of the keys that the vault had before") {
		t.Errorf("a purchase of before: %s, %q", r.State, r.Reasons)
	}
	g.knows()
	later := g.request(newRequestID(t))
	if addressOf(later) == addressOf(open) {
		t.Error("an address of the old token was given again")
	}
	if r, _, ferr := mustConnect(t, g, "mem_alice").Decide(later.Request, statement.Initiate); ferr != nil || r.State != "PENDING_APPROVAL" {
		t.Errorf("a purchase of after: %+v, %v", r, ferr)
	}
	// The note has the name of the log as it was, and the new signature.
	var note wire.SignerNote
	if code := g.call("GET", "/v1/log/checkpoint", nil, &note); code != "" {
		t.Fatal(code)
	}
	if _, err := signedlog.ReadNote(note.Note, "ent_sandbox", root, g.service.key.PublicKey()); err != nil {
		t.Error(err)
	}
	if err := g.service.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.restart()
	// Who pinned the root key before follows.
	cfg := Config{StateDir: g.dir}
	told := &bytes.Buffer{}
	if err := VerifyLog(t.Context(), cfg, signerFile, Stdio{Out: told, Err: told}); err != nil {
		t.Errorf("from the old signer.json: %v", err)
	}
	if r := g.look(request); r.State != "APPROVED" {
		t.Errorf("the rotation: %+v", r)
	}
	// And once more.
	third := membertest.NewVault()
	g.rotates(third, signerFile)
	if _, err := g.moves(third, signerFile); err != nil {
		t.Fatal(err)
	}
	g.knows()
	g.request(newRequestID(t))
	if file := g.service.state.FileOf(); file.RootKey == nil || *file.RootKey != root.JWK() {
		t.Errorf("%+v", file.RootKey)
	}
}

// start0 opens the files of a log whose signer does not start.
func (g *rig) start0(t *testing.T) {
	t.Helper()
	var err error
	if g.file, err = logfile.Open(g.dir); err != nil {
		t.Fatal(err)
	}
}

func TestNewKeysAreRefusedUnlessTheirHolderSignedThemForThisVault(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	signerFile := g.signerFile(t)
	next := membertest.NewVault()
	doc, said, err := g.makesKeys(next, signerFile)
	if err != nil {
		t.Fatal(err)
	}
	good, err := intent.Draft(doc)
	if err != nil {
		t.Fatal(err)
	}
	if keys := good.(intent.VaultRotateKeys); !strings.Contains(said, keys.Thumbprint) || !strings.Contains(said, "In words") {
		t.Errorf("it is said:\n%s", said)
	}
	if again, _, err := g.makesKeys(next, signerFile); err != nil || again == nil {
		t.Errorf("run again: %v", err)
	}
	if _, _, err := g.makesKeys(g.vault, signerFile); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("in the vault's own token: %v", err)
	}
	stranger := membertest.NewKey(t, jws.Secp256k1)
	for name, c := range map[string]struct {
		change func(*intent.VaultRotateKeys)
		code   fault.Code
	}{
		"another statement key":     {func(r *intent.VaultRotateKeys) { r.Statement = stranger.PublicKey().JWK() }, fault.SignatureInvalid},
		"another thumbprint":        {func(r *intent.VaultRotateKeys) { r.Thumbprint = stranger.PublicKey().Thumbprint() }, fault.SignatureInvalid},
		"another channel key":       {func(r *intent.VaultRotateKeys) { r.Channel[0] = stranger.PublicKey().JWK() }, fault.SignatureInvalid},
		"one channel key less":      {func(r *intent.VaultRotateKeys) { r.Channel = r.Channel[:1] }, fault.SignatureInvalid},
		"another address":           {func(r *intent.VaultRotateKeys) { r.Accounts[0].Address = "0x52908400098527886E0F7030069857D2E4169EE7" }, fault.SignatureInvalid},
		"another signature":         {func(r *intent.VaultRotateKeys) { r.Succession = g.people["mem_alice"].Certificate }, fault.SignatureInvalid},
		"keys of a later version":   {func(r *intent.VaultRotateKeys) { r.FromVersion = 2 }, fault.Conflict},
		"a key that a member holds": {func(r *intent.VaultRotateKeys) { r.Channel[0] = g.people["mem_alice"].Approval.PublicKey().JWK() }, fault.SignatureInvalid},
	} {
		in := g.input(newRequestID(t))
		in.Intent = bytes.Clone(doc)
		intenttest.Edit(&in.Intent, c.change)
		size := g.service.Status().Log.Size
		if code := g.call("POST", "/v1/requests", in, nil); code != c.code || g.service.Status().Log.Size != size {
			t.Errorf("%s: %q, want %s", name, code, c.code)
		}
	}
	// A succession of another vault.
	other := newRigOf(t, twoOfThree(), nil)
	in := other.input(newRequestID(t))
	in.Intent = doc
	if code := other.call("POST", "/v1/requests", in, nil); code != fault.SignatureInvalid {
		t.Errorf("at another vault: %q", code)
	}
}

func TestATokenTakesUpOnlyTheLogThatEndsWithItsKeys(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	signerFile := g.signerFile(t)
	next := membertest.NewVault()
	if _, _, err := g.makesKeys(next, signerFile); err != nil {
		t.Fatal(err)
	}
	// Before the administrators approved it.
	if _, err := g.moves(next, signerFile); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("keys that nobody approved: %v", err)
	}
	g.rotates(next, signerFile)
	// Another token, with keys of nobody.
	if _, err := g.movesFrom(membertest.NewVault(), signerFile); err == nil {
		t.Error("a token without keys took the log")
	}
	if _, err := g.moves(next, signerFile); err != nil {
		t.Fatal(err)
	}
	g.knows()
	g.request(newRequestID(t))
	end := g.service.Status().Log.Size
	// A copy of the new token from before it took up the log does not take the log of later.
	older := cloned(next)
	older.Data = map[string][]byte{}
	if _, err := g.movesFrom(older, signerFile); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a token that forgot where the log is: %v", err)
	}
	g.clock.add(time.Minute)
	if now := g.service.Status().Log.Size; now != end {
		t.Errorf("the log has %d entries, and had %d", now, end)
	}
}

// movesFrom tries to take up the log with another vault, and lets the signer as it is.
func (g *rig) movesFrom(next Vault, signerFile string) (said string, err error) {
	g.t.Helper()
	from, told := filepath.Join(g.t.TempDir(), "copy"), &bytes.Buffer{}
	g.backup(from)
	err = RestoreWith(g.t.Context(), Config{StateDir: filepath.Join(g.t.TempDir(), "state")}, from, signerFile, "", Stdio{Out: told, Err: told}, opens(next))
	return told.String(), err
}

// What was approved, and not signed yet, cannot be sent: the coins are with the old token.
func TestNothingIsSentFromAnAddressOfBefore(t *testing.T) {
	t.Parallel()
	g := newRig(t, purchasesAndTransfers())
	id := newRequestID(t)
	if code := g.call("POST", "/v1/requests", g.sends(id), nil); code != "" {
		t.Fatal(code)
	}
	g.approves("mem_alice", id)
	g.approves("mem_bob", id)
	if g.service.state.Sending(id) == nil {
		t.Fatal("it is not to be sent")
	}
	signerFile, next := g.signerFile(t), membertest.NewVault()
	g.rotates(next, signerFile)
	if _, err := g.moves(next, signerFile); err != nil {
		t.Fatal(err)
	}
	if g.service.state.Sending(id) != nil {
		t.Error("it is sent by a key that is not there")
	}
	if err := g.service.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.restart()
	if r := g.look(id); r.State != "APPROVED" {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
}

// A log whose keys changed otherwise than its administrators approved is refused.
func TestALogThatGoesOnWithKeysThatNobodyApprovedIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	id := g.request(newRequestID(t)).Request
	stranger := membertest.NewKey(t, jws.Secp256k1).PublicKey().JWK()
	g.clock.add(2 * time.Hour)
	if err := g.service.begin(); err != nil { // which looks at the clock
		t.Fatal(err)
	}
	g.service.mu.Unlock()
	d := g.service.state.Decide(g.service.state.Request(id), g.clock.now())
	g.log(signedlog.Outcome, signedlog.OutcomeBody{Request: id, State: string(d.State), Reasons: d.Reasons, Signer: &statement.SignerKeys{Statement: stranger, Channel: g.service.state.Signer().Channel}})
	cfg, file := g.written(t)
	err := VerifyLog(t.Context(), cfg, file, Stdio{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	if fault.CodeOf(err) != fault.LogCorrupt || !strings.Contains(err.Error(), "which it does not change") {
		t.Error(err)
	}
}

// A crash at any step of a rotation leaves one token that goes on: the old one until the outcome
// is in the log, and from then on the new one.
func TestACrashAtAnyStepOfARotationLeavesOneTokenThatGoesOn(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.segment = 3
	g.restart()
	signerFile := g.signerFile(t)
	next := membertest.NewVault()
	doc, _, err := g.makesKeys(next, signerFile)
	if err != nil {
		t.Fatal(err)
	}
	wants, err := intent.Draft(doc)
	if err != nil {
		t.Fatal(err)
	}
	c := course{wants: wants, says: twoApprove}
	f := g.roll()
	c.play(g, f.acknowledge)
	f.cut()
	g.stop()
	moved := 0
	for i, m := range f.moments {
		for _, torn := range tears(t, m) {
			again, _ := leftAt(t, g, m, torn)
			err := again.tryStart()
			switch {
			case fault.CodeOf(err) == fault.KeyUnsuited:
				moved++
			case err != nil:
				t.Errorf("moment %d, %d bytes torn: %v", i, torn, err)
				continue
			default:
				again.finishes(c)
				again.stop()
			}
			on, told, to := cloned(next), &bytes.Buffer{}, filepath.Join(t.TempDir(), "state")
			if err := RestoreWith(t.Context(), Config{StateDir: to}, again.dir, signerFile, "", Stdio{Out: told, Err: told}, opens(on)); err != nil {
				t.Errorf("moment %d, %d bytes torn: %v\n%s", i, torn, err, told)
				continue
			}
			again.on, again.vault, again.dir = on, on, to
			again.start()
			if r := again.look(testReq); r.State != "APPROVED" || len(again.service.state.Rotations) != 1 {
				t.Errorf("moment %d, %d bytes torn: %s, %d rotations", i, torn, r.State, len(again.service.state.Rotations))
			}
			again.stop()
		}
	}
	if moved == 0 || moved == len(f.moments) {
		t.Errorf("of %d moments the old token was done in %d", len(f.moments), moved)
	}
}

// finishes has everybody go on until the keys are rotated.
func (g *rig) finishes(c course) {
	g.t.Helper()
	if g.service.retired() {
		return
	}
	if code := g.call("POST", "/v1/requests", c.input(g), nil); code != "" {
		g.t.Fatal(code)
	}
	for _, s := range c.says {
		if _, _, ferr := mustConnect(g.t, g, s.member).Decide(testReq, s.decision); ferr != nil && ferr.Code != fault.AlreadyApproved {
			g.t.Fatal(ferr)
		}
	}
	if !g.service.retired() {
		g.t.Error("the keys were not rotated")
	}
}

// The new token remembers nothing: only the operator can say which end of the log is meant.
func TestANewTokenTakesUpNoLogWithAnotherHeadThanTheOperatorSays(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	signerFile, next := g.signerFile(t), membertest.NewVault()
	g.rotates(next, signerFile)
	from, to, end := filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "state"), g.service.Status().Log
	g.backup(from)
	before := cloned(next)
	restore := func(head string) error {
		return RestoreWith(t.Context(), Config{StateDir: to}, from, signerFile, head, Stdio{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, opens(next))
	}
	err := restore(signedlog.Hash([]byte(g.lines()[1])))
	if f, ok := fault.As(err); !ok || f.Code != fault.Conflict || f.Details["field"] != "head" {
		t.Errorf("with another head: %v", err)
	}
	if !maps.EqualFunc(next.Data, before.Data, bytes.Equal) || len(files(t, to)) != 0 {
		t.Error("it took up the log, or a part of it")
	}
	if err := restore(end.Head); err != nil {
		t.Errorf("with its head: %v", err)
	}
}

// What a member proved to the vault's key of before cannot be proved again: the log has it.
func TestARequestThatTheLogHasIsTheSameAfterTheKeysWereRotated(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	erin := membertest.NewMember(t, "mem_erin", "Erin", jws.P256)
	var to jws.PublicKey
	for _, j := range g.service.state.Signer().Channel {
		if k, err := jws.FromJWK(j); err == nil && k.Curve() == jws.P256 {
			to = k
		}
	}
	invite := intent.MemberInvite{Kind: intent.KindMemberInvite, V: 1, Member: erin.ID, Role: statement.Operator, Is: intent.Program, Registration: erin.RegisterFor(t, "ent_sandbox", to)}
	in := g.input(newRequestID(t))
	in.Intent = intenttest.Doc(invite)
	var first, again wire.SignerRequest
	if code := g.call("POST", "/v1/requests", in, &first); code != "" {
		t.Fatal(code)
	}
	signerFile, next := g.signerFile(t), membertest.NewVault()
	g.rotates(next, signerFile)
	if _, err := g.moves(next, signerFile); err != nil {
		t.Fatal(err)
	}
	size := g.service.Status().Log.Size
	if code := g.call("POST", "/v1/requests", in, &again); code != "" || again.Request != first.Request || !bytes.Equal(again.Intent, first.Intent) || g.service.Status().Log.Size != size {
		t.Errorf("the same again: %q, %s", code, again.Intent)
	}
	in.Request = newRequestID(t)
	if code := g.call("POST", "/v1/requests", in, nil); code != fault.SignatureInvalid {
		t.Errorf("a new one with the old proof: %q", code)
	}
}
