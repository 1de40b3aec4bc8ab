package approver

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
)

// A bridge whose only module is not installed yet runs, says so, and needs no restart.
func TestABridgeWithoutAModuleThatLoadsRunsAndUsesItWhenItAppears(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{
		{Label: "approval", Curve: jws.P256, Sign: true}, {Label: "channel", Curve: jws.P256, Derive: true}}})
	elsewhere, err := device.Open(device.Config{Modules: device.Modules(f.Module)})
	if err != nil {
		t.Fatal(err)
	}
	m := enrolled(t, unlock.Devices{Devices: elsewhere}, "pkcs11:token=alice")
	if err := elsewhere.Close(); err != nil {
		t.Fatal(err)
	}

	log, late := &lines{}, filepath.Join(t.TempDir(), "late.so")
	d, closeDevices, err := unlock.OpenDevices(device.Config{Modules: device.Modules(late), Poll: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeDevices(); err != nil {
			t.Error(err)
		}
	})
	if said := log.String(); strings.Count(said, "no PKCS#11 module can be used") != 1 || strings.Count(said, "its tokens are left out") != 1 || !strings.Contains(said, late) {
		t.Errorf("the log: %s", said)
	}
	g := start(t, d, []*owner{m})
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte(f.Token.PIN), nil }
	b := g.mustConnect()
	if info := g.info(b, "mem_alice"); info.Present {
		t.Errorf("the page is told %+v", info)
	}
	_, err = g.open(b, "mem_alice")
	wantCode(t, "without the module", err, fault.DeviceMissing)
	codes := map[string]string{}
	for _, n := range g.bridge.seen(t.Context()) {
		codes[n.ID] = string(n.Code)
	}
	if codes["module:"+late] != string(fault.DeviceFailed) {
		t.Errorf("the doctor is told %v", codes)
	}

	if err := os.Symlink(f.Module, late); err != nil { // it is installed
		t.Fatal(err)
	}
	for !g.info(b, "mem_alice").Present {
		<-time.After(5 * time.Millisecond)
	}
	if _, err := g.mustOpen(b, "mem_alice").decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Error(err)
	}
}
