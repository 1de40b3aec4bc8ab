package api

import (
	"crypto/ecdh"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/rendezvous"
	"countersign/shared/wire"
)

func TestATicketForARelayNeedsATokenAndABridge(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"name":"` + rendezvous.Name(nil) + `"}`
	for what, c := range map[string]struct {
		body   string
		header []string
		status int
		code   fault.Code
	}{
		"no token":          {body, []string{"Authorization", ""}, http.StatusUnauthorized, fault.Unauthenticated},
		"no name":           {`{}`, nil, http.StatusBadRequest, fault.Invalid},
		"a name as shown":   {`{"name":"` + rendezvous.Show(rendezvous.Name(nil)) + `"}`, nil, http.StatusBadRequest, fault.Invalid},
		"an unknown field":  {`{"name":"` + rendezvous.Name(nil) + `","x":1}`, nil, http.StatusBadRequest, fault.Invalid},
		"nobody of a name":  {body, nil, http.StatusServiceUnavailable, fault.Unavailable},
		"no idempotency":    {body, []string{"Idempotency-Key", ""}, http.StatusBadRequest, fault.Invalid},
		"another media typ": {body, []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType, fault.MediaType},
	} {
		if a := r.do("POST", "/v1/relays", c.body, c.header...); a.status != c.status || a.code(t) != c.code {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
}

func TestTheWebSocketsOfTheRelayRefuseWhatTheyAreNotFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}
	for what, c := range map[string]struct {
		path   string
		header []string
		status int
		code   fault.Code
	}{
		"a page of nowhere":     {"/v1/relays/page", append([]string{"Sec-WebSocket-Protocol", "countersign.v1, ticket.x"}, upgrade...), http.StatusForbidden, fault.OriginRefused},
		"a page without ticket": {"/v1/relays/page", append([]string{"Origin", "https://app.example", "Sec-WebSocket-Protocol", "countersign.v1"}, upgrade...), http.StatusBadRequest, fault.Version},
		"a ticket in a query":   {"/v1/relays/page?ticket=x", append([]string{"Origin", "https://app.example", "Sec-WebSocket-Protocol", "countersign.v1"}, upgrade...), http.StatusBadRequest, fault.Invalid},
		"a bridge in a browser": {"/v1/relays/bridge", append([]string{"Origin", "https://app.example", "Sec-WebSocket-Protocol", "countersign.relay.v1"}, upgrade...), http.StatusForbidden, fault.OriginRefused},
		"another version":       {"/v1/relays/bridge", append([]string{"Sec-WebSocket-Protocol", "countersign.relay.v2"}, upgrade...), http.StatusBadRequest, fault.Version},
		"no WebSocket":          {"/v1/relays/bridge", []string{"Sec-WebSocket-Protocol", "countersign.relay.v1"}, http.StatusBadRequest, fault.Invalid},
		"a stream of nobody":    {"/v1/relays/stream", append([]string{"Sec-WebSocket-Protocol", "countersign.relay.v1, stream.x"}, upgrade...), http.StatusGone, fault.TicketSpent},
	} {
		if a := r.do("GET", c.path, "", c.header...); a.status != c.status || a.code(t) != c.code {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
}

func TestABridgeRegistersOverTheAPIAndATicketIsNeverTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := websocket.Dialer{Subprotocols: []string{rendezvous.BridgeProtocol}}
	ws, _, err := d.DialContext(t.Context(), "ws"+strings.TrimPrefix(r.url, "http")+rendezvous.BridgePath, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	next := func(kind string) rendezvous.Message {
		t.Helper()
		_, data, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		m, err := rendezvous.DecodeMessage(data, kind)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	challenge := rendezvous.ParseBytes(next(rendezvous.Challenge).Key, 32)
	public, err := ecdh.X25519().NewPublicKey(challenge)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := key.ECDH(public)
	if err != nil {
		t.Fatal(err)
	}
	static := key.PublicKey().Bytes()
	proof := rendezvous.Proof(secret, challenge, static, "https://gateway.example")
	if err := ws.WriteJSON(rendezvous.Message{Type: rendezvous.Register, Key: rendezvous.Bytes(static), Proof: rendezvous.Bytes(proof)}); err != nil {
		t.Fatal(err)
	}
	next(rendezvous.Registered)
	seen := map[string]bool{}
	for range 3 { // the same question again, as after a lost answer
		ticket := get[wire.RelayTicket](t, r.do("POST", "/v1/relays", `{"name":"`+rendezvous.Name(static)+`"}`, "Idempotency-Key", "the-same-key"))
		if seen[ticket.Ticket] || len(ticket.Ticket) != 43 || ticket.ExpiresAt.IsZero() {
			t.Errorf("ticket %+v", ticket)
		}
		seen[ticket.Ticket] = true
	}
}
