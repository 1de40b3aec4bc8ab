package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// ceremonyOf is a ceremony that has not begun, on a vault in memory that a test may break.
type ceremonyOf struct {
	*rig
	mem  *brittle
	cfg  Config
	dir  string // of what init writes
	said bytes.Buffer
}

// brittle is a vault that is gone after so many changes, as its process is when it is killed.
type brittle struct {
	*membertest.Vault
	left int // changes; negative: any number
}

var errGone = errors.New("the process was killed")

func (b *brittle) use() error {
	if b.left == 0 {
		return errGone
	}
	b.left--
	return nil
}

func (b *brittle) Generate(ctx context.Context, t device.Template) (keys.Key, error) {
	if err := b.use(); err != nil {
		return nil, err
	}
	return b.Vault.Generate(ctx, t)
}

func (b *brittle) PutData(ctx context.Context, label string, data []byte) error {
	if err := b.use(); err != nil {
		return err
	}
	return b.Vault.PutData(ctx, label, data)
}

func newCeremony(t *testing.T) *ceremonyOf {
	t.Helper()
	dir := t.TempDir()
	c := &ceremonyOf{
		rig: &rig{t: t, people: map[string]*membertest.Member{}, clock: &clock{}}, mem: &brittle{membertest.NewVault(), -1},
		cfg: Config{Socket: filepath.Join(dir, "s.sock"), StateDir: filepath.Join(dir, "state"), SameUser: true}, dir: filepath.Join(dir, "enrolment"),
	}
	c.write(c.draft(twoOfThree()))
	return c
}

func (c *ceremonyOf) path() string { return filepath.Join(filepath.Dir(c.dir), "draft.json") }

func (c *ceremonyOf) write(d Draft) {
	c.t.Helper()
	text, err := json.Marshal(d)
	if err == nil {
		err = os.WriteFile(c.path(), text, 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *ceremonyOf) open(context.Context, Config, *slog.Logger) (Vault, func() error, error) {
	return c.mem, func() error { return nil }, nil
}

func (c *ceremonyOf) init() error {
	c.said.Reset()
	return InitWith(c.t.Context(), c.cfg, c.path(), c.dir, Stdio{Out: &c.said, Err: io.Discard}, c.open)
}

func (c *ceremonyOf) complete(files ...string) error {
	c.said.Reset()
	return CompleteWith(c.t.Context(), c.cfg, c.dir, files, Stdio{Out: &c.said, Err: io.Discard}, c.open)
}

func (c *ceremonyOf) genesis() []byte {
	c.t.Helper()
	data, err := os.ReadFile(filepath.Join(c.dir, draftName))
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

// refuses fails unless a completion is refused, says why, and leaves nothing behind.
func (c *ceremonyOf) refuses(name string, says string, files ...string) {
	c.t.Helper()
	if err := c.complete(files...); err == nil || !strings.Contains(err.Error(), says) {
		c.t.Errorf("%s: %v", name, err)
	}
	if mark, err := (watermark{c.mem}).Get(c.t.Context()); err != nil || mark.Size != 0 {
		c.t.Errorf("%s: the vault has begun: %+v, %v", name, mark, err)
	}
	for _, left := range []string{fileName, "mem_alice.jws"} {
		if _, err := os.Stat(filepath.Join(c.dir, left)); !os.IsNotExist(err) {
			c.t.Errorf("%s: %s was written", name, left)
		}
	}
}

// file keeps what somebody signed.
func (c *ceremonyOf) file(token string) string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "signed.jws")
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

func (c *ceremonyOf) sign(key jws.Signer, genesis []byte) string {
	c.t.Helper()
	token, err := ceremony.Sign(c.t.Context(), key, genesis, 1_795_208_400)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.file(token)
}

func TestAVaultBeginsWhenEveryAdministratorSignedItsGenesis(t *testing.T) {
	t.Parallel()
	c := newCeremony(t)
	if err := c.init(); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"It is not a vault yet", "In words", "In digits", "Alice (mem_alice), Bob (mem_bob), Carol (mem_carol)"} {
		if !strings.Contains(c.said.String(), says) {
			t.Errorf("init said %q, without %q", &c.said, says)
		}
	}
	if strings.Contains(c.said.String(), "SANDBOX") {
		t.Errorf("a vault that is not a sandbox: %s", &c.said)
	}
	c.genesis()
	files := c.signedFiles(c.dir)
	slices.Reverse(files) // the order does not matter
	if err := c.complete(files...); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(c.said.String(), "signed by 3 administrators") {
		t.Errorf("complete said %q", &c.said)
	}
	c.readEnrolment(c.dir)
	startProgram(t, c.cfg, c.open).end()
}

func TestAVaultDoesNotBeginWithoutEachSignatureOrWithAnother(t *testing.T) {
	t.Parallel()
	c := newCeremony(t)
	if err := c.init(); err != nil {
		t.Fatal(err)
	}
	genesis, files := c.genesis(), c.signedFiles(c.dir)
	alice, bob, carol := files[0], files[1], files[2]
	stranger := membertest.NewKey(t, jws.Secp256k1)
	foreign, err := statement.Decode[statement.Genesis](genesis)
	if err != nil {
		t.Fatal(err)
	}
	changed := foreign
	changed.EntityName = "Sandbox Limited"
	other, err := statement.Encode(changed)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Members = append(slices.Clone(foreign.Members), statement.GenesisMember{Member: "mem_mallory", Name: "Mallory", Role: statement.Admin,
		Approval: stranger.PublicKey().JWK(), Channel: membertest.NewKey(t, jws.P256).PublicKey().JWK(), ChannelIn: statement.InToken})
	mallory, err := statement.Encode(foreign)
	if err != nil {
		t.Fatal(err)
	}
	c.refuses("nobody", "3 of its 3 administrators have not signed: Alice (mem_alice), Bob (mem_bob), Carol (mem_carol)")
	c.refuses("one is missing", "1 of its 3 administrators have not signed: Carol (mem_carol)", alice, bob)
	c.refuses("one twice", "Alice (mem_alice) has signed twice", alice, bob, alice)
	c.refuses("one more, who is none", "mem_mallory is not an administrator of this genesis", alice, bob, carol, c.sign(stranger, mallory))
	c.refuses("one of another draft", "Carol (mem_carol) signed another draft than this one", alice, bob, c.sign(c.people["mem_carol"].Approval, other))
	c.refuses("a file that is none", "what is signed is not the approval of a genesis", alice, bob, c.file("e30.e30.e30"))
	c.refuses("a file that is long", "is longer than", alice, bob, c.file(strings.Repeat("a", ceremony.MaxApproval+1)))
	payload, err := statement.Encode(statement.GenesisApproval{V: 1, Type: "genesis-approval", Entity: "ent_sandbox", Genesis: ceremony.Digest(genesis),
		Member: "mem_carol", Key: c.people["mem_carol"].Approval.PublicKey().Thumbprint(), IssuedAt: 1_795_208_400})
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]struct {
		key *membertest.Key
		typ string
	}{"in the name of another": {stranger, statement.TypGenesisApproval}, "signed for another purpose": {c.people["mem_carol"].Approval, statement.TypApproval}} {
		token, err := jws.Sign(t.Context(), by.key, by.typ, payload)
		if err != nil {
			t.Fatal(err)
		}
		c.refuses(name, "the signature of Carol (mem_carol) is not by their approval key", alice, bob, c.file(token))
	}
	if err := os.WriteFile(filepath.Join(c.dir, draftName), other, 0o644); err != nil {
		t.Fatal(err)
	}
	c.refuses("a draft that was changed afterwards", "Alice (mem_alice) signed another draft than this one", files...)
	c.refuses("a draft that was exchanged, and signed", "is not the one that `signer init` wrote last",
		c.sign(c.people["mem_alice"].Approval, other), c.sign(c.people["mem_bob"].Approval, other), c.sign(c.people["mem_carol"].Approval, other))
	if err := os.WriteFile(filepath.Join(c.dir, draftName), genesis, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.complete(files...); err != nil {
		t.Errorf("after all of it: %v", err)
	}
}

func TestAMemberWhoRegisteredIsInTheDraftWithTheKeysThatTheySigned(t *testing.T) {
	t.Parallel()
	c := newCeremony(t)
	d := c.draft(twoOfThree())
	carol := d.Members[2]
	sign := func(entity string, key *membertest.Key) string {
		token, err := ceremony.Register(t.Context(), key, statement.Registration{V: 1, Type: "registration", Entity: entity, Member: carol.Member, Name: carol.Name,
			Approval: key.PublicKey().JWK(), Channel: carol.Channel, ChannelIn: carol.ChannelIn, IssuedAt: 1_795_208_400})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	d.Members = d.Members[:2]
	good := sign(d.Entity, c.people["mem_carol"].Approval)
	for says, token := range map[string]string{"registered for ent_other": sign("ent_other", c.people["mem_carol"].Approval), "registration 1 of the draft": good[:len(good)-4] + "AAAA"} {
		d.Registered = []Registered{{statement.Admin, token}}
		c.write(d)
		if err := c.init(); err == nil || !strings.Contains(err.Error(), says) || len(c.mem.Keys) > 0 {
			t.Errorf("%s: %v, with %d keys", says, err, len(c.mem.Keys))
		}
	}
	d.Registered = []Registered{{statement.Admin, good}}
	c.write(d)
	if err := c.init(); err != nil {
		t.Fatal(err)
	}
	g, err := statement.Decode[statement.Genesis](c.genesis())
	if err != nil || len(g.Members) != 3 || g.Members[2] != carol {
		t.Errorf("the members are %+v, %v", g.Members, err)
	}
	if said, err := ceremony.Registrant(good); err != nil || !strings.Contains(c.said.String(), said) {
		t.Errorf("init said %s, %v", &c.said, err)
	}
}

// TestACeremonyThatIsKilledAtAnyStepIsTakenUpAgain kills init, and complete, before each change
// of the token, and at each file that is written.
func TestACeremonyThatIsKilledAtAnyStepIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	steps := 0
	for ; ; steps++ {
		c := newCeremony(t)
		c.mem.left = steps
		err := c.init()
		if err == nil {
			break
		}
		if !errors.Is(err, errGone) {
			t.Fatalf("killed at step %d: %v", steps, err)
		}
		c.mem.left = -1
		if err := c.init(); err != nil {
			t.Fatalf("again after step %d: %v", steps, err)
		}
		if err := c.complete(c.signedFiles(c.dir)...); err != nil {
			t.Errorf("after step %d: %v", steps, err)
		}
	}
	if steps != 5 { // three keys of the signer, one of the account, the digest
		t.Errorf("init has %d steps", steps)
	}

	c := newCeremony(t)
	if err := c.init(); err != nil {
		t.Fatal(err)
	}
	genesis, signed := c.genesis(), c.signedFiles(c.dir)
	if err := c.init(); err != nil || !bytes.Equal(c.genesis(), genesis) {
		t.Errorf("a second init: %v", err)
	}
	if err := os.Remove(filepath.Join(c.dir, draftName)); err != nil { // killed before the file
		t.Fatal(err)
	}
	if err := c.init(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(c.genesis(), genesis) { // another second
		signed = c.signedFiles(c.dir)
	}
	d := c.draft(twoOfThree())
	d.EntityName = "Sandbox Limited"
	c.write(d)
	if err := c.init(); fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), "Remove it to begin again") {
		t.Errorf("an init with another draft: %v", err)
	}
	c.write(c.draft(twoOfThree()))
	blocked := filepath.Join(c.dir, "mem_bob.jws") // no certificate can be written there
	if err := os.Mkdir(blocked, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.complete(signed...); err == nil {
		t.Error("it was completed without its certificates")
	}
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	c.mem.left = 0 // the genesis is in the file, and the watermark has not moved
	if err := c.complete(signed...); !errors.Is(err, errGone) {
		t.Errorf("killed before the watermark: %v", err)
	}
	c.mem.left = -1
	if err := c.complete(signed...); err != nil {
		t.Fatal(err)
	}
	startProgram(t, c.cfg, c.open).end()
}
