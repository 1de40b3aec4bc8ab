package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/softhsm"
)

// vaultsOf are initialised vaults in memory, by their state directories.
type vaultsOf struct {
	t    *testing.T
	cfgs []Config
	mem  map[string]Vault
	fail atomic.Pointer[func(cfg Config) error] // of opening one
	pins map[string]*atomic.Int64               // how often each was opened
}

func newVaults(t *testing.T, entities ...string) *vaultsOf {
	t.Helper()
	v := &vaultsOf{t: t, mem: map[string]Vault{}, pins: map[string]*atomic.Int64{}}
	dir, err := os.MkdirTemp("", "cs") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, entity := range entities {
		at := filepath.Join(dir, entity)
		cfg := Config{Socket: at + ".sock", StateDir: at, Token: "pkcs11:token=" + entity, SameUser: true}
		v.mem[at], v.pins[at] = membertest.NewVault(), new(atomic.Int64)
		enrol(t, cfg, entity, v.open)
		v.cfgs = append(v.cfgs, cfg)
	}
	return v
}

// enrol initialises a vault for an entity.
func enrol(t *testing.T, cfg Config, entity string, open OpenVault) {
	t.Helper()
	g := &rig{t: t, people: map[string]*membertest.Member{}, clock: &clock{}}
	draft := g.draft(twoOfThree())
	draft.Entity = entity
	g.initWith(cfg, draft, open)
}

func (v *vaultsOf) open(_ context.Context, cfg Config, _ *slog.Logger) (Vault, func() error, error) {
	v.pins[cfg.StateDir].Add(1)
	if fail := v.fail.Load(); fail != nil {
		if err := (*fail)(cfg); err != nil {
			return nil, nil, err
		}
	}
	return v.mem[cfg.StateDir], func() error { return nil }, nil
}

// entity asks the signer at a socket who it is, as soon as it answers.
func (v *vaultsOf) entity(cfg Config) string {
	v.t.Helper()
	return entityAt(v.t, cfg)
}

func entityAt(t *testing.T, cfg Config) string {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", cfg.Socket)
	}}}
	for {
		res, err := c.Get("http://signer/v1/status")
		if err != nil {
			select {
			case <-t.Context().Done():
				t.Fatal(err)
			case <-time.After(5 * time.Millisecond):
			}
			continue
		}
		defer res.Body.Close()
		var s wire.SignerStatus
		if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
			t.Fatal(err)
		}
		return s.Entity
	}
}

func (v *vaultsOf) start() (said *syncBuffer, stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done, said := make(chan error, 1), new(syncBuffer)
	one := &oneAtATime{w: said}
	go func() {
		done <- several{v.open, time.Millisecond}.run(ctx, v.cfgs, Stdio{Out: one, Err: one})
	}()
	return said, func() error { cancel(); return <-done }
}

func TestOneProcessServesSeveralVaultsEachOnItsOwnSocket(t *testing.T) {
	t.Parallel()
	v := newVaults(t, "ent_one", "ent_two")
	said, stop := v.start()
	for i, want := range []string{"ent_one", "ent_two"} {
		if got := v.entity(v.cfgs[i]); got != want {
			t.Errorf("at the socket of %s is %s", want, got)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	for _, cfg := range v.cfgs {
		if !strings.Contains(said.String(), "listening on unix:"+cfg.Socket+"\n") {
			t.Errorf("it does not say where %s is: %s", cfg.Token, said)
		}
		if _, err := os.Stat(cfg.Socket); !os.IsNotExist(err) {
			t.Errorf("a socket is left behind: %v", err)
		}
	}
}

func TestAVaultThatCannotBeServedCostsNoOther(t *testing.T) {
	t.Parallel()
	v := newVaults(t, "ent_one", "ent_two")
	log := filepath.Join(v.cfgs[0].StateDir, "log-000000000000.jws")
	line, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, bytes.Replace(line, []byte("."), []byte(".A"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	said, stop := v.start()
	if got := v.entity(v.cfgs[1]); got != "ent_two" {
		t.Errorf("served is %s", got)
	}
	for !strings.Contains(said.String(), "the vault is not served") { // or it is stopped before it has read the log
		time.Sleep(time.Millisecond)
	}
	err = stop()
	if fault.CodeOf(err) != fault.LogCorrupt || !strings.Contains(err.Error(), v.cfgs[0].StateDir) || !strings.Contains(said.String(), `vault=`+v.cfgs[0].StateDir) {
		t.Errorf("%v; it says %s", err, said)
	}
	if n := v.pins[v.cfgs[0].StateDir].Load(); n > 3 { // init, complete, and once
		t.Errorf("a log that was changed was opened %d times", n)
	}
}

func TestAVaultWhoseTokenComesBackIsServed(t *testing.T) {
	t.Parallel()
	v := newVaults(t, "ent_one", "ent_two")
	gone := func(cfg Config) error {
		if cfg.StateDir == v.cfgs[0].StateDir {
			return fault.New(fault.DeviceMissing, "the token is not there")
		}
		return nil
	}
	v.fail.Store(&gone)
	_, stop := v.start()
	for v.pins[v.cfgs[0].StateDir].Load() < 5 { // it is tried again
		time.Sleep(time.Millisecond)
	}
	v.fail.Store(nil)
	if got := v.entity(v.cfgs[0]); got != "ent_one" {
		t.Errorf("served is %s", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestARefusedPINIsNotTriedAgainWithAnotherVaultBeside(t *testing.T) {
	t.Parallel()
	v := newVaults(t, "ent_one", "ent_two")
	wrong := func(cfg Config) error {
		if cfg.StateDir == v.cfgs[0].StateDir {
			return fault.New(fault.PINIncorrect, "the PIN is wrong")
		}
		return nil
	}
	v.fail.Store(&wrong)
	_, stop := v.start()
	v.entity(v.cfgs[1])
	if err := stop(); fault.CodeOf(err) != fault.PINIncorrect {
		t.Error(err)
	}
	if n := v.pins[v.cfgs[0].StateDir].Load(); n > 3 {
		t.Errorf("the PIN was given %d times", n-2)
	}
}

func TestVaultsThatShareWhatIsOnesAreRefused(t *testing.T) {
	t.Parallel()
	a := Config{Socket: "/a.sock", StateDir: "/a", Module: "m", Token: "a"}
	b := Config{Socket: "/b.sock", StateDir: "/b", Module: "m", Token: "b"}
	for field, change := range map[string]func(*Config){
		"socket": func(c *Config) { c.Socket = a.Socket }, "state_dir": func(c *Config) { c.StateDir = a.StateDir }, "token": func(c *Config) { c.Token = a.Token },
	} {
		c := b
		change(&c)
		err := several{}.run(t.Context(), []Config{a, c}, Stdio{})
		f, ok := fault.As(err)
		if !ok || f.Code != fault.Invalid || f.Details["field"] != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := (several{}).run(t.Context(), nil, Stdio{}); err == nil || errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The test is not parallel: SoftHSM has one configuration in a process.
func TestOneProcessServesTwoTokensOfOneModule(t *testing.T) {
	dir, err := os.MkdirTemp("", "cs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	store, err := softhsm.Provision(t.Context(), filepath.Join(dir, "tokens"), softhsm.Spec{Label: "one"}, softhsm.Spec{Label: "two"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range store.Env() {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	var all []Config
	for _, token := range store.Tokens {
		at := filepath.Join(dir, token.Label)
		if err := os.WriteFile(at+".pin", []byte(token.PIN+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := Config{Socket: at + ".sock", StateDir: at, Module: store.Module, Token: "pkcs11:token=" + token.Label, PINFile: at + ".pin", SameUser: true}
		enrol(t, cfg, "ent_"+token.Label, openHSM)
		all = append(all, cfg)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- RunAll(ctx, all, Stdio{Out: io.Discard, Err: io.Discard}) }()
	for i, want := range []string{"ent_one", "ent_two"} {
		if got := entityAt(t, all[i]); got != want {
			t.Errorf("at the socket of %s is %s", want, got)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
