package doctor

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	kinds "countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
	"countersign/softhsm/fault"
)

// The tests of this file share the module, so none is parallel
// but the last, whose modules are their own.

func spec(label string) softhsm.Spec {
	return softhsm.Spec{Label: label, Keys: []softhsm.Key{
		{Label: "approval", Curve: softhsm.Secp256k1, Sign: true}, {Label: "channel", Curve: softhsm.Secp256k1, Derive: true}}}
}

func public(t *testing.T, module, uri string) jws.PublicKey {
	t.Helper()
	d, err := device.Open(device.Config{Modules: device.Modules(module)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var k keys.Key
	if k, err = d.Key(t.Context(), uri); err != nil {
		t.Fatal(err)
	}
	return k.PublicKey()
}

func TestModulesTokensKeysCurvesAndMechanismsAreListed(t *testing.T) {
	token := softhsm.New(t, spec("alice"))
	cfg := patient(t)
	cfg.Bridge.Modules = []string{token.Module, "/nonexistent/module.so", "/proc/self/exe"}
	approval := public(t, token.Module, "pkcs11:token=alice;object=approval")
	enrol(t, &cfg, "alice", approval, memory(t).PublicKey(), time.Now().Add(365*24*time.Hour))
	all := diagnose(t, cfg)
	expect(t, all, "module:"+token.Module, OK, "loads and shows 1 token")
	expect(t, all, "module:/nonexistent/module.so", Bad, "no such file")
	expect(t, all, "module:/proc/self/exe", Bad, "cannot be used")
	expect(t, all, "token:alice", OK, `"alice" (SoftHSM project SoftHSM v2) is there`)
	expect(t, all, "mechanisms:alice", OK, "CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, CKM_ECDH1_DERIVE")
	expect(t, all, "curves:alice", OK, "2 keys on secp256k1")
	expect(t, all, "key:mem_alice:approval", OK, "is there")
	expect(t, all, "key:mem_alice:channel", Bad, "not the one in the certificate")
}

func TestASoftHSMWithoutTokensIsToldApartFromAReaderWithoutACard(t *testing.T) {
	token := softhsm.New(t, spec("alice"))
	cfg := patient(t)
	cfg.Bridge.Modules = []string{token.Module}
	enrol(t, &cfg, "alice", memory(t).PublicKey(), memory(t).PublicKey(), time.Now().Add(365*24*time.Hour))
	empty := t.TempDir()
	conf := filepath.Join(empty, "softhsm2.conf")
	write(t, conf, "directories.tokendir = "+empty+"\n")
	t.Setenv("SOFTHSM2_CONF", conf)
	all := diagnose(t, cfg)
	id := "module:" + token.Module
	expect(t, all, id, Warn, "shows no token")
	expect(t, all, "key:mem_alice:approval", Warn, "is not plugged in")
	for _, id := range []string{id, "key:mem_alice:approval", "key:mem_alice:channel"} {
		if says := all[id].Remedy; !strings.Contains(says, "SOFTHSM2_CONF") || !strings.Contains(says, conf) || strings.Contains(says, "Plug") {
			t.Errorf("%s does not say where SoftHSM looks: %s", id, says)
		}
	}
	if says := plugIn("/usr/lib/opensc-pkcs11.so"); !strings.Contains(says, "Plug the token in") || strings.Contains(says, "SOFTHSM2_CONF") {
		t.Errorf("of a smart card's module: %s", says)
	}
}

func TestWhatToDoAboutATokenThatIsMissingDependsOnTheModulesThatShowNone(t *testing.T) {
	t.Parallel()
	const card, files = "/usr/lib/opensc-pkcs11.so", "/usr/lib/softhsm/libsofthsm2.so"
	for name, r := range map[string]struct {
		empty *device.Empty // nil: each module shows a token
		plug  bool
		says  string
		not   string
	}{
		"another token is there":       {nil, true, "Its label must be", "SOFTHSM2_CONF"},
		"no card":                      {&device.Empty{Modules: []string{card}, All: true}, true, "pcscd", "SOFTHSM2_CONF"},
		"no token in files":            {&device.Empty{Modules: []string{files}, All: true}, false, "SOFTHSM2_CONF", "Plug"},
		"neither":                      {&device.Empty{Modules: []string{card, files}, All: true}, true, "SOFTHSM2_CONF", "pcscd"},
		"a card, and none in files":    {&device.Empty{Modules: []string{files}}, true, "SOFTHSM2_CONF", "pcscd"},
		"tokens in files, and no card": {&device.Empty{Modules: []string{card}}, true, "Its label must be", "SOFTHSM2_CONF"},
	} {
		err := kinds.New(kinds.DeviceMissing, "the token is not plugged in")
		if r.empty != nil {
			err = kinds.Wrap(r.empty, kinds.DeviceMissing, "the token is not plugged in")
		}
		if says := RemedyFor(err); strings.Contains(says, "Plug the token in") != r.plug || !strings.Contains(says, r.says) || strings.Contains(says, r.not) {
			t.Errorf("%s: %s", name, says)
		}
	}
}

func TestPINFlagsAndWhatATokenLacksAreSaid(t *testing.T) {
	const ecdh, ecdsa = 0x1050, 0x1041
	for name, r := range map[string]struct {
		fault fault.Fault
		id    string
		level Level
		says  string
	}{
		"the last try":  {fault.Flags(0x00020000), "token:alice", Warn, "one more wrong PIN locks"},
		"locked":        {fault.Flags(0x00040000), "token:alice", Bad, "is locked after too many"},
		"a wrong PIN":   {fault.Flags(0x00010000), "token:alice", Warn, "a wrong PIN was given"},
		"to be changed": {fault.Flags(0x00080000), "token:alice", Bad, "must be changed"},
		"read only":     {fault.Flags(0x00000002), "token:alice", Warn, "is write-protected"},
		"a pad":         {fault.Flags(0x00000100), "token:alice", OK, "with a pad for its PIN"},
		"no ECDH":       {fault.Lacks(ecdh), "mechanisms:alice", Warn, "lacks CKM_ECDH1_DERIVE"},
		"no signatures": {fault.Lacks(ecdsa), "mechanisms:alice", Bad, "lacks CKM_ECDSA"},
		"no mechanisms": {fault.Fail("C_GetMechanismList", 0x30), "mechanisms:alice", Bad, "does not say what it can do"},
	} {
		t.Run(name, func(t *testing.T) {
			f := softhsm.NewFaulty(t, spec("alice"))
			f.Set(r.fault)
			cfg := patient(t)
			cfg.Bridge.Modules = []string{f.Module}
			expect(t, diagnose(t, cfg), r.id, r.level, r.says)
		})
	}
}

func TestAModuleThatHangsOrCrashesIsAFindingAndHidesNoOther(t *testing.T) {
	sound := softhsm.New(t, spec("bob"))
	for name, r := range map[string]struct {
		fault fault.Fault
		says  string
	}{
		"hangs at the start":   {fault.Hang("C_Initialize"), "hangs"},
		"hangs at its slots":   {fault.Hang("C_GetSlotList"), "hangs"},
		"crashes at the start": {fault.Crash("C_Initialize"), "crashes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := softhsm.NewFaulty(t, spec("alice"))
			f.Set(r.fault)
			cfg := patient(t)
			cfg.Timeout = time.Second
			cfg.Bridge.Modules = []string{f.Module, sound.Module}
			start := time.Now()
			all := diagnose(t, cfg)
			expect(t, all, "module:"+f.Module, Bad, r.says)
			expect(t, all, "token:bob", OK, "is there")
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("the doctor took %s", took)
			}
		})
	}
}
