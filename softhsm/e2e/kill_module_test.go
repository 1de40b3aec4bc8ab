package e2e

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/softhsm/e2e/soak"
)

// killModule kills the process of the bridge's PKCS#11 module, as a crash of the
// vendor's code does.
func (k *killing) killModule() {
	pids, err := soak.Modules(k.PID("bridge"))
	if err != nil || len(pids) != 1 {
		k.Errorf("the bridge has the module processes %v: %v", pids, err)
		return
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		k.Error(err)
	}
}

// found waits until the bridge has found alice's token again: after crashes in a
// row it takes its time to try the module again.
func (k *killing) found() {
	k.Helper()
	b, err := k.story.Connect(k.ctx)
	if err != nil {
		k.Fatal(err)
	}
	defer b.Close()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var info frame.BridgeInfoResult
		if err := b.Call(k.ctx, frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err != nil {
			k.Fatal(err)
		}
		if slices.ContainsFunc(info.Identities, func(i frame.Identity) bool { return i.Device == "alice" && i.Present }) {
			return
		}
		select {
		case <-tick.C:
		case <-k.ctx.Done():
			k.Fatal("the token was not found again")
		}
	}
}

// A crash of the module costs the operation under way, and nothing else: the
// bridge lives, and the next approval works.
func TestAKilledModuleCostsOneOperation(t *testing.T) {
	t.Parallel()
	k := newKilling(t)
	bridge, failed := k.PID("bridge"), 0
	works := func(moment string, during error) {
		t.Helper()
		switch code := fault.CodeOf(during); code {
		case fault.ModuleFailed:
			failed++
		case "", fault.DeviceMissing, fault.DeviceRemoved: // not under way, or noticed before
		default:
			t.Errorf("%s: %v", moment, during)
		}
		k.account()
		if k.replied[k.request] {
			k.newRequest()
		}
		k.found()
		if err := k.approve(func(string) {}); err != nil {
			t.Errorf("the next approval after %q: %v", moment, err)
		}
		k.newRequest()
		if syscall.Kill(bridge, 0) != nil || k.PID("bridge") != bridge {
			t.Fatalf("%s: the bridge is gone", moment)
		}
	}

	k.killModule()
	works("idle", nil)
	for _, step := range []string{"the channel was begun", "the channel is open", "the page has the signature"} {
		works(step, k.approve(func(now string) {
			if now == step {
				k.killModule()
			}
		}))
	}
	for tries := 0; failed == 0 && tries < 20; tries++ {
		wait := k.grows(k.journalPath(), `"event":"approved"`, k.killModule)
		err := k.approve(func(string) {})
		wait()
		works("the signature is due", err)
	}
	if failed == 0 {
		t.Error("no operation was told MODULE_FAILED: the test proves nothing")
	}
}
