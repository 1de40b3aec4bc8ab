package doctor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/dialout/dialouttest"
	"countersign/shared/rendezvous"
)

func TestTheRelayOfTheGatewayIsLookedFor(t *testing.T) {
	t.Parallel()
	gateway := dialouttest.New(t, (*httptest.Server).Start)
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	look := func(cfg approver.Config) []Finding {
		c := &checks{Config: Config{Bridge: cfg, Timeout: 5 * time.Second}}
		c.relay(t.Context())
		return c.all
	}
	cfg := approver.Config{StateDir: t.TempDir()}
	if all := look(cfg); len(all) > 0 {
		t.Errorf("none is configured: %+v", all)
	}
	cfg.Relay.Gateway = other.URL
	if all := look(cfg); len(all) != 1 || all[0].Level != Warn || !strings.Contains(all[0].What, "404") || all[0].Remedy == "" {
		t.Errorf("what is not a gateway: %+v", all)
	}
	cfg.Relay.Gateway = gateway.Origin
	if all := look(cfg); len(all) != 1 || all[0].Level != OK || !strings.Contains(all[0].What, "when it first starts") {
		t.Errorf("before the first start: %+v", all)
	}
	name, err := approver.RelayName(cfg) // makes the key, as the first start does
	if err != nil {
		t.Fatal(err)
	}
	if all := look(cfg); len(all) != 1 || all[0].Level != OK || !strings.Contains(all[0].What, rendezvous.Show(name)) {
		t.Errorf("with a key: %+v", all)
	}
	if len(gateway.Registered) > 0 {
		t.Error("the look registered a bridge")
	}
}
