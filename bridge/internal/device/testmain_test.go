package device

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// helperVariable has the test program be a bridge that a test kills: the path of a
// module, and the label and PIN of its token.
const helperVariable = "DEVICE_TEST_BRIDGE"

func TestMain(m *testing.M) {
	if Child() {
		return
	}
	if what := os.Getenv(helperVariable); what != "" {
		if err := bridge(strings.Split(what, "\n")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	if err := os.Setenv("GORACE", "halt_on_error=1 atexit_sleep_ms=0"); err != nil { // a race in a module's process is a crash of it
		panic(err)
	}
	os.Exit(m.Run())
}

// bridge removes its own program, as a newer version does that is installed over
// it, tells the process of its module, and signs until it is killed.
func bridge(token []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Remove(self); err != nil {
		return err
	}
	devices, err := Open(Config{Modules: Modules(token[0]), Poll: time.Hour})
	if err != nil {
		return err
	}
	d, err := devices.Device(context.Background(), "pkcs11:token="+token[1])
	if err != nil {
		return err
	}
	if err := d.Login(context.Background(), []byte(token[2]), false); err != nil {
		return err
	}
	key, err := devices.Key(context.Background(), "pkcs11:object=both")
	if err != nil {
		return err
	}
	fmt.Println(pidOf(d))
	for err == nil {
		_, err = key.SignDigest(context.Background(), make([]byte, 32))
	}
	return err
}

// processOf is the process that runs a token's module.
func processOf(d *Device) *process {
	d.module.mu.Lock()
	defer d.module.mu.Unlock()
	return d.module.engine.(*process)
}

func pidOf(d *Device) int { return processOf(d).cmd.Process.Pid }
