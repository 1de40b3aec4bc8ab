package main

import (
	"strings"
	"testing"

	"countersign/shared/rendezvous"
)

func TestTheRelayNameIsPrintedToBeTyped(t *testing.T) {
	t.Parallel()
	path := config(t, func(c map[string]any) { c["relay"] = map[string]any{"gateway": "https://gateway.example"} })
	code, first, errs := command(t, "relay", "--config", path)
	shown, rest, _ := strings.Cut(first, "\n")
	if name, err := rendezvous.Parse(shown); code != 0 || errs != "" || err != nil || rendezvous.Show(name) != shown || rest != "at https://gateway.example\n" {
		t.Errorf("%d, %q, %q, %v", code, first, errs, err)
	}
	if _, again, _ := command(t, "relay", "--config", path); again != first {
		t.Errorf("the name changed: %q, then %q", first, again)
	}
}

func TestWithoutAGatewayThereIsNoRelayName(t *testing.T) {
	t.Parallel()
	if code, out, errs := command(t, "relay", "--config", config(t, nil)); code != 1 || out != "" || !strings.Contains(errs, `"relay": {"gateway"`) {
		t.Errorf("%d, %q, %q", code, out, errs)
	}
}

func TestAGatewayWithoutHTTPSIsRefused(t *testing.T) {
	t.Parallel()
	path := config(t, func(c map[string]any) { c["relay"] = map[string]any{"gateway": "http://gateway.example"} })
	for _, args := range [][]string{{"relay"}, {"approver"}, {"doctor"}} {
		if code, _, errs := command(t, append(args, "--config", path)...); code != 1 || !strings.Contains(errs, "it must be https") {
			t.Errorf("%q: %d, %q", args, code, errs)
		}
	}
}
