package e2e

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/softhsm/e2e/soak"
	"countersign/softhsm/e2e/system"
)

// modulePID is the process of the bridge's PKCS#11 module.
func (k *killing) modulePID() int {
	pids, err := soak.Modules(k.PID("bridge"))
	if err != nil || len(pids) != 1 {
		k.Fatalf("the bridge has the module processes %v: %v", pids, err)
	}
	return pids[0]
}

// killModule kills the process of the module, as a crash of the vendor's code does.
func (k *killing) killModule() { k.signal(k.modulePID(), syscall.SIGKILL) }

func (k *killing) signal(pid int, signal syscall.Signal) {
	if err := syscall.Kill(pid, signal); err != nil {
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

// A crash of the module costs the running operation, and nothing else: the
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
		case "", fault.DeviceMissing, fault.DeviceRemoved: // not running, or noticed before
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
	// From the prompt on it takes the person's answer and a line in the journal
	// until the key is used: the process is mostly stopped by then. That an operation
	// running is told MODULE_FAILED is shown, every time, by the tests of
	// bridge/internal/device and bridge/internal/approver.
	for tries := 0; failed == 0 && tries < 4; tries++ {
		module := k.modulePID()
		wait := k.grows(system.PromptLog(k.script), `"kind":"confirm"`, func() {
			k.signal(module, syscall.SIGSTOP)  // the next call is running when it is killed
			time.Sleep(200 * time.Millisecond) // a call that is not answered cannot be seen from outside
			k.signal(module, syscall.SIGKILL)
		})
		err := k.approve(func(string) {})
		wait()
		works("the signature is due", err)
	}
	t.Logf("%d operations were told MODULE_FAILED", failed)
}
