package doctor

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/member"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// The doctor says no "ok" where the bridge refuses.

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func made(t *testing.T, f *softhsm.Faulty, label string) jws.PublicKey {
	t.Helper()
	k, ok := f.Token.Key(label)
	if !ok {
		t.Fatalf("no key %q", label)
	}
	p, err := jws.FromSEC1(k.Curve, k.Public)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheDoctorRefusesWhatTheBridgeRefuses(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		modules func(t *testing.T, f *softhsm.Faulty) []string
		id      string
		level   Level
		says    string
	}{
		"two tokens of one label": {func(t *testing.T, f *softhsm.Faulty) []string {
			return []string{f.Module, softhsm.NewFaulty(t, spec("alice")).Module}
		}, "key:mem_alice:approval", Bad, "2 tokens match"},
		"one token through two modules": {func(t *testing.T, f *softhsm.Faulty) []string {
			again := filepath.Join(t.TempDir(), "again.so")
			copyFile(t, f.Module, again)
			copyFile(t, strings.TrimSuffix(f.Module, ".so")+".control", strings.TrimSuffix(again, ".so")+".control")
			return []string{f.Module, again}
		}, "twice:alice", Bad, "shows through 2 modules"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := softhsm.NewFaulty(t, spec("alice"))
			cfg := patient(t)
			cfg.Bridge.Modules = r.modules(t, f)
			enrol(t, &cfg, "alice", made(t, f, "approval"), made(t, f, "channel"), time.Now().Add(365*24*time.Hour))
			expect(t, diagnose(t, cfg), r.id, r.level, r.says)
			devices, err := device.Open(device.Config{Modules: cfg.Bridge.DeviceModules()})
			if err == nil {
				_, err = devices.Key(t.Context(), "pkcs11:token=alice;object=approval")
				if err := devices.Close(); err != nil {
					t.Error(err)
				}
			}
			if err == nil {
				t.Error("the bridge does not refuse it")
			}
		})
	}
}

// A file by two paths is loaded once, and both paths are named.
func TestTheDoctorWarnsOfAModuleThatTheBridgeLeavesOut(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("alice"))
	link := filepath.Join(t.TempDir(), "link.so")
	if err := os.Symlink(f.Module, link); err != nil {
		t.Fatal(err)
	}
	cfg := patient(t)
	cfg.Bridge.Modules = []string{f.Module, link}
	enrol(t, &cfg, "alice", made(t, f, "approval"), made(t, f, "channel"), time.Now().Add(365*24*time.Hour))
	all := diagnose(t, cfg)
	expect(t, all, "twice:"+link, Warn, "the PKCS#11 module "+link+" is listed twice: it is the same file as "+f.Module)
	expect(t, all, "key:mem_alice:approval", OK, "is there")
	if _, ok := all["twice:alice"]; ok {
		t.Errorf("its token is said to show twice: %+v", all["twice:alice"])
	}
	for id, finding := range all {
		if finding.Level == Bad {
			t.Errorf("%s: %+v", id, finding)
		}
	}
}

// serve is a bridge that runs and sees something.
func serve(t *testing.T, cfg Config, address string, seen ...control.Note) {
	t.Helper()
	s, err := control.Claim(t.Context(), control.Config{StateDir: cfg.Bridge.StateDir, Version: approver.Version})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	h := control.Handlers{}
	control.Handle(h, control.Seen, func(context.Context, control.None) (control.SeenResult, error) {
		return control.SeenResult{Notes: append([]control.Note{}, seen...)}, nil
	})
	s.Serve([]string{"ws://" + address}, h)
}

// Whether a person can be asked is up to the bridge that runs, and not to the shell.
func TestTheRunningBridgeSaysWhereItAsks(t *testing.T) {
	t.Parallel()
	cfg := patient(t)
	cfg.Bridge.Modules = nil
	cfg.Bridge.Prompt, cfg.Bridge.Pinentry = "", ""
	serve(t, cfg, "127.0.0.1:1", []control.Note{{ID: control.Prompt, Code: "PROMPT_UNAVAILABLE", Message: "it cannot ask its user"}}...)
	expect(t, diagnose(t, cfg), "bridge:prompt", Bad, "it cannot ask its user")
}

func TestTheRunningBridgeIsAskedWhatItSees(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("alice"))
	cfg := patient(t)
	cfg.Bridge.Modules = []string{f.Module}
	serve(t, cfg, "127.0.0.1:1", []control.Note{{ID: "token:alice", Message: "the token is locked"}, {ID: "key:mem_alice:approval", Code: "DEVICE_NOT_FOUND", Message: "not plugged in"},
		{ID: "key:mem_bob:approval", Code: "INVALID_REQUEST", Message: "2 tokens match"}, {ID: "object:alice:x", Remark: true, Message: "the public key is ignored"},
		{ID: "module:/x.so", Code: "DEVICE_ERROR", Message: "cannot be used"}, {ID: "twice:/y.so", Remark: true, Message: "it is the same file"}}...)
	all := diagnose(t, cfg)
	expect(t, all, "token:alice", OK, "is there") // this shell sees it
	expect(t, all, "bridge:token:alice", OK, "the token is locked")
	expect(t, all, "bridge:key:mem_alice:approval", Warn, "not plugged in")
	expect(t, all, "bridge:key:mem_bob:approval", Bad, "2 tokens match")
	expect(t, all, "bridge:object:alice:x", Warn, "is ignored")
	expect(t, all, "bridge:module:/x.so", Bad, "cannot be used")
	expect(t, all, "bridge:twice:/y.so", Warn, "it is the same file")
	if !strings.Contains(all["bridge:twice:/y.so"].Remedy, "once") {
		t.Errorf("%+v", all["bridge:twice:/y.so"])
	}
}

// The doctor and the bridge read the identities with the same code, and the bridge that
// runs says which it leaves out.
func TestTheDoctorSaysWhichIdentitiesTheBridgeLeavesOut(t *testing.T) {
	t.Parallel()
	spoiled := func(spoil func(*member.Config)) map[string]Finding {
		cfg := patient(t)
		enrol(t, &cfg, "alice", memory(t).PublicKey(), memory(t).PublicKey(), time.Now().Add(365*24*time.Hour))
		other := cfg.Bridge.Identities[0]
		other.Member = "mem_bob"
		spoil(&other)
		cfg.Bridge.Identities = append(cfg.Bridge.Identities, other)
		return diagnose(t, cfg)
	}
	for name, r := range map[string]struct {
		spoil func(*member.Config)
		says  string
	}{
		"of another member": {func(*member.Config) {}, "certificate and signer are for"},
		"gone":              {func(ic *member.Config) { ic.CertificateFile += ".gone" }, "read the certificate"},
		"a bad URI":         {func(ic *member.Config) { ic.ApprovalKey = "alice" }, "approval_key: "},
	} {
		all := spoiled(r.spoil)
		expect(t, all, "certificate:mem_bob", Bad, "the bridge leaves out the identity mem_bob: "+r.says)
		expect(t, all, "certificate:mem_alice", OK, "is good until")
		if _, ok := all["identities"]; ok {
			t.Errorf("%s: the doctor says that the bridge does not start", name)
		}
	}
	cfg := patient(t)
	enrol(t, &cfg, "alice", memory(t).PublicKey(), memory(t).PublicKey(), time.Now().Add(time.Hour))
	cfg.Bridge.SignerFile += ".gone"
	expect(t, diagnose(t, cfg), "identities", Bad, "the bridge does not start: read the signer's keys")
}
