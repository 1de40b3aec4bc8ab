//go:build linux

package device

import (
	"context"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

// What is slow is not dead: a machine that is busy, a process that is stopped, another
// program that uses the token.

// busy keeps the machine's processors and this program's busy until the test ends.
func busy(t *testing.T) {
	t.Helper()
	for range 2 * runtime.NumCPU() {
		loop := exec.Command("sh", "-c", "while :; do :; done")
		if err := loop.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = loop.Process.Kill()
			_ = loop.Wait() // it was killed
		})
		go func() {
			for t.Context().Err() == nil {
			}
		}()
	}
}

func TestABusyMachineLosesNoLogin(t *testing.T) {
	soft := softhsm.New(t, softhsm.Spec{Label: "busy", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	devices, err := Open(Config{Modules: Modules(soft.Module), Poll: 5 * time.Millisecond, silent: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = devices.Close() })
	d := unlock(t, devices, soft.Label, soft.PIN)
	key, err := devices.Key(t.Context(), "pkcs11:token=busy;object=both")
	if err != nil {
		t.Fatal(err)
	}
	pid := pidOf(d)
	busy(t)
	load, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range 16 {
		running.Go(func() { signsUntil(t, load, key) })
	}
	running.Go(func() { logsInUntil(t, load, soft) })
	for range 20 { // it is stopped wherever it is, for a moment
		stop(t, pid)
		<-time.After(20 * time.Millisecond)
		resume(t, pid)
		<-time.After(100 * time.Millisecond)
	}
	stop(t, pid)
	<-time.After(5 * time.Second) // longer than it may be silent
	resume(t, pid)
	<-time.After(2 * time.Second)
	end()
	running.Wait()
	if s := d.State(t.Context()); !s.Present || s.Locked || pidOf(d) != pid {
		t.Errorf("%+v in process %d, which was %d", s, pidOf(d), pid)
	}
}

func signsUntil(t *testing.T, end context.Context, key keys.Key) {
	for end.Err() == nil {
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
			t.Error(err)
			return
		}
	}
}

// logsInUntil is another program that uses the token: SoftHSM writes the token's file at
// each login.
func logsInUntil(t *testing.T, end context.Context, soft *softhsm.Token) {
	other, err := Open(Config{Modules: Modules(soft.Module), Poll: time.Hour})
	if err != nil {
		t.Error(err)
		return
	}
	defer other.Close()
	d, err := other.Device(t.Context(), "pkcs11:token="+soft.Label)
	if err != nil {
		t.Error(err)
		return
	}
	for end.Err() == nil {
		_ = d.Login(t.Context(), []byte(soft.PIN), false) // it may misread the file, too
	}
}

func resume(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

func TestAProcessThatIsStoppedForGoodIsReplaced(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "stopped", Keys: []softhsm.Key{both(jws.P256)}})
	_, d, key := openFaulty(t, f, Config{Poll: time.Hour, silent: time.Second / 5})
	stop(t, pidOf(d))
	_, err := key.SignDigest(t.Context(), make([]byte, 32))
	wantFault(t, err, fault.ModuleFailed, map[string]string{"how": "timeout"})
	eventually(t, func() error { return d.Login(t.Context(), []byte(f.Token.PIN), false) })
}

func TestASlowModuleIsNotDead(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "slow", Keys: []softhsm.Key{both(jws.P256)}})
	_, d, key := openFaulty(t, f, Config{Poll: 5 * time.Millisecond, silent: 3 * time.Second})
	pid := pidOf(d)
	f.Set(faults.Delay("C_GetTokenInfo", 500*time.Millisecond), faults.Delay("C_GetSlotList", time.Second), faults.Delay("C_GetSlotInfo", 500*time.Millisecond))
	busy(t)
	load, end := context.WithTimeout(t.Context(), 5*time.Second)
	defer end()
	var running sync.WaitGroup
	for range 16 {
		running.Go(func() { signsUntil(t, load, key) })
	}
	running.Wait()
	f.Set()
	if s := d.State(t.Context()); !s.Present || s.Locked || pidOf(d) != pid {
		t.Errorf("%+v in process %d, which was %d", s, pidOf(d), pid)
	}
}
