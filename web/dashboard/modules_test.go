package dashboard

import (
	"os/exec"
	"testing"
)

// What needs no browser is tested by Node: the palette and the types.
func TestModules(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("node", "--test", "../../wasm/js").CombinedOutput(); err != nil {
		t.Errorf("node --test wasm/js: %v\n%s", err, out)
	}
}
