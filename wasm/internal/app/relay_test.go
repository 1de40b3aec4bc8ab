package app

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/rendezvous"
	"countersign/wasm/internal/bridgeclient"
)

func TestTheGatewayIsOfferedWhereTheBridgeMayBeElsewhere(t *testing.T) {
	t.Parallel()
	for problem, want := range map[bridgeclient.Problem]bool{
		bridgeclient.NotRunning: true, bridgeclient.Unanswered: true, bridgeclient.Denied: true, bridgeclient.Blocked: true,
		bridgeclient.Unsupported: true, bridgeclient.NotThere: true, bridgeclient.Misbuilt: true, bridgeclient.NoLine: true,
		bridgeclient.NotAdmitted: true, bridgeclient.OtherProgram: true, bridgeclient.KeyChanged: true,
		bridgeclient.WrongVersion: false, bridgeclient.PairingRefused: false, bridgeclient.Lost: false,
	} {
		m := bridging(failed(problem, fault.Unavailable))()
		if got := strings.Contains(m.View().Tree.Words(), "Or through the gateway"); got != want {
			t.Errorf("%s: offered %v", problem, got)
		}
	}
}

func TestATypedRelayNameLeadsToTheGatewayOnly(t *testing.T) {
	t.Parallel()
	m := bridging(failed(bridgeclient.Unsupported, fault.Unavailable))()
	name := rendezvous.Name([]byte("a bridge"))
	m.Update(Acted{Action: "bridge.name", Value: name[:20]})
	if cmds := m.Update(Acted{Action: "bridge.relay"}); len(cmds) > 0 || m.View().Announce != mistyped {
		t.Errorf("half a name: %v, said %q", cmds, m.View().Announce)
	}
	m.Update(Acted{Action: "bridge.name", Value: rendezvous.Show(name)})
	if c := command[ConnectBridge](t, m.Update(Acted{Action: "bridge.relay"})); c.Relay != name || !c.Gesture {
		t.Errorf("%+v", c)
	}
	m.Update(failed(bridgeclient.NotThere, fault.Unavailable))
	page := m.View()
	if words := page.Tree.Words(); !strings.Contains(words, "No bridge with this name waits at the gateway.") || !strings.Contains(words, "not at the gateway") {
		t.Errorf("the page says %q", words)
	}
	if !strings.Contains(page.JSON(), rendezvous.Show(name)) {
		t.Error("what was typed is gone")
	}
}

func TestALineThroughTheGatewayIsSaidSo(t *testing.T) {
	t.Parallel()
	for route, want := range map[string]bool{bridgeclient.Relay: true, bridgeclient.Loopback: false} {
		m := bridging(BridgeChanged{State: BridgeReady, Name: "bridge", Version: "1", Route: route})()
		if got := strings.Contains(m.View().Tree.Words(), "via the gateway, end-to-end encrypted"); got != want {
			t.Errorf("%s: said %v", route, got)
		}
	}
}
