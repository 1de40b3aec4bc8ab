package approver

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// certify writes the certificate of a member.
func (v *farEnd) certify(m *owner, file string, expires time.Time) {
	v.t.Helper()
	cert, err := statement.Encode(statement.Member{V: 1, Type: "member", Entity: entity, Member: m.id, Name: m.label, Role: statement.Operator,
		Approval: m.approval.PublicKey().JWK(), Channel: m.channel.PublicKey().JWK(), ChannelIn: statement.InToken,
		IssuedAt: expires.AddDate(-2, 0, -1).Unix(), Expires: expires.Unix()})
	if err != nil {
		v.t.Fatal(err)
	}
	token, err := jws.Sign(v.t.Context(), v.key, statement.TypMember, cert)
	if err != nil {
		v.t.Fatal(err)
	}
	put(v.t, file, token+"\n")
}

func put(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// lines is a log that a test reads.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }

// members are the identities that a page is told of.
func (g *rig) members() string {
	g.t.Helper()
	var info frame.BridgeInfoResult
	if err := g.mustConnect().Call(g.t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err != nil {
		g.t.Fatal(err)
	}
	var all []string
	for _, id := range info.Identities {
		all = append(all, id.Member)
	}
	return strings.Join(all, " ")
}

func TestAnIdentityThatCannotBeUsedCostsNoOther(t *testing.T) {
	t.Parallel()
	text := func(s string) func(*rig) { return func(g *rig) { put(g.t, g.cfg.Identities[0].CertificateFile, s) } }
	uri := func(s string) func(*rig) { return func(g *rig) { g.cfg.Identities[0].ApprovalKey = s } }
	for name, r := range map[string]struct {
		spoil func(*rig)
		code  fault.Code
		says  string
	}{
		"expired": {func(g *rig) {
			g.vault.certify(g.vault.members["mem_alice"], g.cfg.Identities[0].CertificateFile, time.Now().Add(-time.Minute))
		}, fault.CertificateBad, "expired on"},
		"gone":       {func(g *rig) { g.cfg.Identities[0].CertificateFile += ".gone" }, fault.CertificateBad, "no such file"},
		"a folder":   {func(g *rig) { g.cfg.Identities[0].CertificateFile = g.cfg.StateDir }, fault.CertificateBad, "is a directory"},
		"unnamed":    {func(g *rig) { g.cfg.Identities[0].CertificateFile = "" }, fault.CertificateBad, "read the certificate"},
		"empty":      {text(""), fault.CertificateBad, "not from the pinned signer"},
		"garbage":    {text("\x00\xff garbage"), fault.CertificateBad, "not from the pinned signer"},
		"too large":  {text(strings.Repeat("x", statefile.Max+1)), fault.CertificateBad, "larger than"},
		"unreadable": {func(g *rig) { g.cfg.Identities[0].CertificateFile += "\x00" }, fault.CertificateBad, "read the certificate"},
		"of another vault": {func(g *rig) {
			other := &farEnd{t: g.t, key: memory(g.t, jws.P256)}
			other.certify(g.vault.members["mem_alice"], g.cfg.Identities[0].CertificateFile, time.Now().Add(time.Hour))
		}, fault.CertificateBad, "not from the pinned signer"},
		"of another member":                  {func(g *rig) { g.cfg.Identities[0].CertificateFile = g.cfg.Identities[1].CertificateFile }, fault.CertificateBad, "mem_bob"},
		"in another entity":                  {func(g *rig) { g.cfg.Identities[0].Entity = "ent_other" }, fault.CertificateBad, "certificate and signer are for"},
		"with a PIN in its URI":              {uri("pkcs11:token=alice;object=approval?pin-value=4711"), fault.Invalid, "approval_key: "},
		"with a PIN's file in its URI":       {uri("pkcs11:token=alice;object=approval?pin-source=file:/4711"), fault.Invalid, "the bridge asks for the PIN"},
		"with a URI that is none":            {uri("alice 4711"), fault.Invalid, "does not start with pkcs11:"},
		"without a URI":                      {uri(""), fault.Invalid, "approval_key: "},
		"with a bad URI for its channel key": {func(g *rig) { g.cfg.Identities[0].ChannelKey = "4711" }, fault.Invalid, "channel_key: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &lines{}
			g := newRig(t, r.spoil, func(g *rig) { g.log = log })
			if got := g.members(); got != "mem_bob" {
				t.Errorf("the page is told of %q", got)
			}
			b := g.mustConnect()
			if _, err := g.mustOpen(b, "mem_bob").decide(t.Context(), "req_0001", statement.Approve); err != nil {
				t.Error(err)
			}
			err := b.Call(t.Context(), frame.ChannelOpen, frame.ChannelOpenParams{Entity: g.cfg.Identities[0].Entity, Member: "mem_alice"}, &frame.ChannelOpenResult{})
			wantCode(t, "open it all the same", err, r.code)
			if f, _ := fault.As(err); f == nil || strings.Contains(f.Message, g.cfg.StateDir) {
				t.Errorf("the page is told of files: %v", err)
			}
			if said := log.String(); strings.Count(said, "an identity is left out") != 1 || !strings.Contains(said, "member=mem_alice") || !strings.Contains(said, r.says) || strings.Contains(said, "4711") {
				t.Errorf("the log, without one line that says %q: %s", r.says, said)
			}
			list, err := g.cfg.Members()
			all, out := list.All, list.Out
			if r.says == "expired on" {
				if err != nil || len(all) != 2 || fault.CodeOf(all[0].Valid(time.Now())) != r.code || all[1].Valid(time.Now()) != nil || len(out) != 0 {
					t.Errorf("the commands see %+v, %+v, %v", all, out, err)
				}
				return
			}
			if err != nil || len(all) != 1 || all[0].Member != "mem_bob" || len(out) != 1 || out[0].Member != "mem_alice" || out[0].Code != r.code || !strings.Contains(out[0].Err.Error(), r.says) {
				t.Errorf("the commands see %+v, %+v, %v", all, out, err)
			}
		})
	}
}

func TestACertificateThatExpiresWhileTheBridgeRunsCostsItsIdentityOnly(t *testing.T) {
	t.Parallel()
	log, clock := &lines{}, &sync.Mutex{}
	ahead := time.Duration(0)
	pass := func(d time.Duration) { clock.Lock(); defer clock.Unlock(); ahead += d }
	g := newRig(t, func(g *rig) {
		g.log = log
		g.cfg.IdleLock = "100ms" // it keeps house four times as often
		g.now = func() time.Time { clock.Lock(); defer clock.Unlock(); return time.Now().Add(ahead) }
		g.vault.certify(g.vault.members["mem_alice"], g.cfg.Identities[0].CertificateFile, time.Now().Add(time.Minute))
	})
	if got := g.members(); got != "mem_alice mem_bob" {
		t.Errorf("before: %q", got)
	}
	b := g.mustConnect()
	open := g.mustOpen(b, "mem_alice")
	if _, err := open.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	pass(time.Minute)
	if got := g.members(); got != "mem_bob" {
		t.Errorf("afterwards: %q", got)
	}
	_, err := open.decide(t.Context(), "req_0002", statement.Approve)
	wantCode(t, "in the channel that is open", err, fault.CertificateBad)
	_, err = g.open(b, "mem_alice")
	wantCode(t, "in another channel", err, fault.CertificateBad)
	if f, _ := fault.As(err); f == nil || !strings.Contains(f.Message, "expired on") || !strings.Contains(f.Message, "this computer's clock says") {
		t.Errorf("%v does not say why", err)
	}
	if shown, _ := g.person.questions(); len(shown) != 1+1 { // the pairing, and what came before
		t.Errorf("asked %q", shown)
	}
	for !strings.Contains(log.String(), "an identity is left out") {
		<-time.After(5 * time.Millisecond)
	}
	if said := log.String(); strings.Count(said, "an identity is left out") != 1 || strings.Contains(said, "no identity can be used") {
		t.Errorf("the log: %s", said)
	}
}

func TestABridgeWithoutAnIdentityThatCanBeUsedStartsAndSaysSo(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*rig){
		"all are unreadable": func(g *rig) {
			for i := range g.cfg.Identities {
				put(g.t, g.cfg.Identities[i].CertificateFile, "")
			}
		},
		"one has expired": func(g *rig) {
			put(g.t, g.cfg.Identities[1].CertificateFile, "")
			g.vault.certify(g.vault.members["mem_alice"], g.cfg.Identities[0].CertificateFile, time.Now().Add(-time.Hour))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &lines{}
			g := newRig(t, spoil, func(g *rig) { g.log = log })
			if got := g.members(); got != "" { // the page pairs
				t.Errorf("the page is told of %q", got)
			}
			if strings.Count(log.String(), "no identity can be used") != 1 {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

func TestMoreIdentitiesThanAPageMayBeToldOfCostNoOther(t *testing.T) {
	t.Parallel()
	var many []*owner
	for i := range frame.MaxIdentities + 2 {
		many = append(many, &owner{id: fmt.Sprintf("mem_%04d", i), label: fmt.Sprintf("token%d", i), approval: memory(t, jws.P256), channel: memory(t, jws.P256)})
	}
	g := newRigOf(t, many)
	if got := strings.Fields(g.members()); len(got) != frame.MaxIdentities || got[0] != "mem_0000" {
		t.Errorf("the page is told of %q", got)
	}
	_, err := g.open(g.mustConnect(), many[frame.MaxIdentities].id)
	wantCode(t, "one more", err, fault.Invalid)
}

func TestWhatConcernsAllIdentitiesStopsTheStart(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	write(t, filepath.Join(g.cfg.StateDir, "nameless.json"), vault.SignerFile{Entity: entity})
	put(t, filepath.Join(g.cfg.StateDir, "garbage.json"), "{")
	for name, r := range map[string]struct {
		spoil func(*Config)
		says  string
	}{
		"the signer's file is gone":       {func(c *Config) { c.SignerFile += ".gone" }, "read the signer's keys"},
		"the signer's file is garbage":    {func(c *Config) { c.SignerFile = filepath.Join(c.StateDir, "garbage.json") }, "garbage.json"},
		"the signer's file lacks a key":   {func(c *Config) { c.SignerFile = filepath.Join(c.StateDir, "nameless.json") }, "nameless.json"},
		"one member of one entity, twice": {func(c *Config) { c.Identities = append(c.Identities, c.Identities[0]) }, "mem_alice of " + entity + " is listed twice"},
	} {
		cfg := g.cfg
		r.spoil(&cfg)
		_, err := New(cfg, Deps{Log: slog.New(slog.DiscardHandler)})
		_, again := cfg.Members()
		if err == nil || !strings.Contains(err.Error(), r.says) || again == nil || !strings.Contains(again.Error(), r.says) {
			t.Errorf("%s: %v, and the commands: %v", name, err, errors.Unwrap(again))
		}
	}
}
