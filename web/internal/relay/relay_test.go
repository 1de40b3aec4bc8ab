package relay

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/rendezvous"
)

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestPageAndBridgePairThroughTheGatewayAndItReadsNothing(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	page := g.page(b.name)
	key := must[*link.Key](t)(link.NewKey(rand.Reader))
	i := must[*link.Initiator](t)(link.NewInitiator(link.InitiatorConfig{DH: key, Origin: origin, Rand: rand.Reader}))
	say(t, page, string(must[[]byte](t)(i.Start())))
	stream := b.next()
	if o := <-b.origins; o != origin {
		t.Errorf("the bridge was told the origin %q", o)
	}
	r := must[*link.Responder](t)(link.NewResponder(link.ResponderConfig{DH: b.key, Origin: origin, Rand: rand.Reader}))
	read := func(ws *websocket.Conn) []byte {
		t.Helper()
		_, data, err := ws.ReadMessage()
		return must[[]byte](t)(data, err)
	}
	say(t, stream, string(must[[]byte](t)(r.Accept(read(stream)))))
	third, ours, err := i.Finish(read(page))
	if err != nil {
		t.Fatal(err)
	}
	say(t, page, string(third))
	theirs := must[*link.Session](t)(r.Finish(read(stream)))
	if ours.Code() != theirs.Code() {
		t.Errorf("codes %s and %s", ours.Code(), theirs.Code())
	}
	if rendezvous.Name(ours.RemoteStatic()) != b.name {
		t.Error("the name does not commit to the key")
	}
	secret := bytes.Repeat([]byte("approve "), 8000) // most of a record
	record := must[[]byte](t)(ours.Seal(secret))
	say(t, page, string(record))
	if got := must[[]byte](t)(theirs.Open(read(stream))); !bytes.Equal(got, secret) {
		t.Errorf("%d bytes arrived", len(got))
	}
	for range 100 { // both ways, in order
		say(t, stream, string(must[[]byte](t)(theirs.Seal([]byte("reply")))))
	}
	for range 100 {
		if got := must[[]byte](t)(ours.Open(read(page))); string(got) != "reply" {
			t.Errorf("read %q", got)
		}
	}
	if log := g.log.String(); strings.Contains(log, b.name) || !strings.Contains(log, short(b.name)) {
		t.Errorf("the log names the bridge: %s", log)
	}
}

func TestATicketWorksOnceAndNotForLong(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	used, old := g.ticket(b.name), g.ticket(b.name)
	g.mustDial(rendezvous.PagePath, origin, frame.SubProtocol, rendezvous.Ticket(used))
	g.later(ticketLife)
	for what, protocols := range map[string][]string{
		"used": {rendezvous.Ticket(used)}, "expired": {rendezvous.Ticket(old)},
		"invented": {rendezvous.Ticket(rendezvous.Bytes(make([]byte, 32)))}, "the name": {rendezvous.Ticket(b.name)},
	} {
		if ws, code := g.dial(rendezvous.PagePath, origin, append([]string{frame.SubProtocol}, protocols...)...); ws != nil || code != fault.TicketSpent {
			t.Errorf("%s: %s", what, code)
		}
	}
	one, two := rendezvous.Ticket(g.ticket(b.name)), rendezvous.Ticket(g.ticket(b.name))
	for what, protocols := range map[string][]string{"none": {}, "empty": {rendezvous.Ticket("")}, "two at once": {one, two}, "a stream": {rendezvous.Stream("x")}} {
		if ws, code := g.dial(rendezvous.PagePath, origin, append([]string{frame.SubProtocol}, protocols...)...); ws != nil || code != fault.Version {
			t.Errorf("%s: %s", what, code)
		}
	}
}

func TestAStreamIsTakenUpOnceAndOnlyByWhoWasTold(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	g.page(b.name)
	b.next()
	for what, id := range map[string]string{"invented": rendezvous.Bytes(make([]byte, 32)), "a name": b.name} {
		if ws, code := g.dial(rendezvous.StreamPath, "", rendezvous.BridgeProtocol, rendezvous.Stream(id)); ws != nil || code != fault.TicketSpent {
			t.Errorf("%s: %s", what, code)
		}
	}
	if ws, code := g.dial(rendezvous.StreamPath, "", rendezvous.BridgeProtocol); ws != nil || code != fault.Version {
		t.Errorf("none: %s", code)
	}
}

func TestUnknownAndOfflineBridgesLookTheSame(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	b.control.Close()
	<-b.ended
	gone := func() error { // the gateway notices in its own time
		for {
			if _, err := g.Ticket("ent_sandbox", b.name); err != nil {
				return err
			}
			g.later(time.Minute)
		}
	}
	_, unknown := g.Ticket("ent_sandbox", rendezvous.Name(make([]byte, 32)))
	if offline := gone(); fault.CodeOf(offline) != fault.Unavailable || offline.Error() != unknown.Error() {
		t.Errorf("offline %v, unknown %v", offline, unknown)
	}
}

func TestAPageWhoseBridgeWentAwayIsTold(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	ticket := g.ticket(b.name)
	g.Relay.mu.Lock()
	control := g.bridges.of[b.name]
	g.Relay.mu.Unlock()
	g.remove(control)
	page := g.mustDial(rendezvous.PagePath, origin, frame.SubProtocol, rendezvous.Ticket(ticket))
	say(t, page, "message 1, which nobody reads")
	wantClosed(t, "the page", page, frame.CloseCode, string(fault.Unavailable))
}

func TestOnlyTheOwnerOfAKeyIsRegistered(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	key, other := must[*link.Key](t)(link.NewKey(rand.Reader)), must[*link.Key](t)(link.NewKey(rand.Reader))
	text := func(m rendezvous.Message) []byte { return must[[]byte](t)(m.Encode()) }
	for what, c := range map[string]struct {
		answer func(b *testBridge, challenge []byte) []byte
		want   fault.Code
	}{
		"another key's proof": {func(b *testBridge, challenge []byte) []byte {
			b.key = other
			m := must[rendezvous.Message](t)(rendezvous.DecodeMessage(b.register(challenge, self), rendezvous.Register))
			m.Key = rendezvous.Bytes(key.Static())
			return text(m)
		}, fault.SignatureInvalid},
		"a proof for another gateway": {func(b *testBridge, challenge []byte) []byte { return b.register(challenge, "https://evil.example") }, fault.SignatureInvalid},
		"a proof of another connection": {func(b *testBridge, _ []byte) []byte {
			return b.register(must[*link.Key](t)(link.NewKey(rand.Reader)).Static(), self)
		}, fault.SignatureInvalid},
		"a key of low order": {func(*testBridge, []byte) []byte {
			zero := rendezvous.Bytes(make([]byte, 32))
			return text(rendezvous.Message{Type: rendezvous.Register, Key: zero, Proof: zero})
		}, fault.SignatureInvalid},
		"no proof":         {func(*testBridge, []byte) []byte { return []byte(`{"type":"register","key":"AAAA"}`) }, fault.Invalid},
		"another message":  {func(*testBridge, []byte) []byte { return []byte(`{"type":"registered"}`) }, fault.Invalid},
		"an unknown field": {func(*testBridge, []byte) []byte { return []byte(`{"type":"register","name":"x"}`) }, fault.Invalid},
		"no JSON":          {func(*testBridge, []byte) []byte { return []byte(`hello`) }, fault.Invalid},
	} {
		b := &testBridge{g: g, key: key, control: g.mustDial(rendezvous.BridgePath, "", rendezvous.BridgeProtocol)}
		if err := b.control.WriteMessage(websocket.TextMessage, c.answer(b, b.challenge())); err != nil {
			t.Fatal(err)
		}
		wantClosed(t, what, b.control, frame.CloseCode, string(c.want))
	}
	if _, err := g.Ticket("ent_sandbox", rendezvous.Name(key.Static())); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("the bridge is known: %v", err)
	}
}

func TestARegisteredBridgeThatTalksIsCutOff(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	if err := b.control.WriteMessage(websocket.TextMessage, []byte(`{"type":"registered"}`)); err != nil {
		t.Fatal(err)
	}
	if c := (*websocket.CloseError)(nil); !errors.As(<-b.ended, &c) || c.Text != string(fault.Invalid) {
		t.Errorf("closed with %v", c)
	}
}

func TestTheNewestConnectionOfABridgeWins(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	old := g.bridge()
	kept := g.page(old.name)
	stream := old.next()
	b := g.bridgeWith(old.key)
	if c := (*websocket.CloseError)(nil); !errors.As(<-old.ended, &c) || c.Code != frame.CloseCode || c.Text != string(fault.Conflict) {
		t.Errorf("the older connection was closed with %v", c)
	}
	page := g.page(b.name)
	say(t, page, "hello")
	hear(t, b.next(), "hello")
	say(t, kept, "the stream of before goes on")
	hear(t, stream, "the stream of before goes on")
}

// An end that is sending in the very moment learns the reason, and not that the
// connection was lost: what it sends meets a connection that said goodbye.
func TestAnEndThatIsSendingLearnsWhyTheOtherOneClosed(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	for turn := range 100 {
		g.later(time.Minute)
		from, to := g.page(b.name), b.next()
		<-b.origins
		if turn%2 == 0 {
			from, to = to, from
		}
		sending := make(chan struct{})
		go func() {
			defer close(sending)
			for to.WriteMessage(websocket.BinaryMessage, []byte("more")) == nil {
			}
		}()
		_, _, err := from.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		shut(from, frame.CloseCode, string(fault.PairingRefused))
		wantClosed(t, "while it sends", to, frame.CloseCode, string(fault.PairingRefused))
		to.Close()
		from.Close()
		<-sending
	}
}

func TestTheCloseCodeIsCarriedOver(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	for what, c := range map[string]struct {
		end    func(ws *websocket.Conn)
		code   int
		reason string
	}{
		"a fault":  {func(ws *websocket.Conn) { shut(ws, frame.CloseCode, string(fault.PairingRefused)) }, frame.CloseCode, string(fault.PairingRefused)},
		"normally": {func(ws *websocket.Conn) { shut(ws, websocket.CloseNormalClosure, "") }, websocket.CloseNormalClosure, ""},
		"no code":  {func(ws *websocket.Conn) { shut(ws, websocket.CloseNoStatusReceived, "") }, websocket.CloseNoStatusReceived, ""},
		"lost":     {func(ws *websocket.Conn) { ws.Close() }, websocket.CloseGoingAway, ""},
		"text": {func(ws *websocket.Conn) { _ = ws.WriteMessage(websocket.TextMessage, []byte("hello")) },
			websocket.CloseUnsupportedData, ""},
		"too large": {func(ws *websocket.Conn) {
			_ = ws.WriteMessage(websocket.BinaryMessage, make([]byte, rendezvous.MaxMessage+1))
		}, websocket.CloseMessageTooBig, ""},
	} {
		for _, fromPage := range []bool{true, false} {
			g.later(time.Minute) // the limits are not what is shown here
			page := g.page(b.name)
			from, to := page, b.next()
			if !fromPage {
				from, to = to, from
			}
			say(t, to, "unread")
			say(t, from, "the last message")
			c.end(from)
			hear(t, to, "the last message")
			wantClosed(t, what, to, c.code, c.reason)
		}
	}
}

func TestAMessageOfTheLargestRecordPasses(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	page := g.page(b.name)
	record := strings.Repeat("x", link.MaxRecord)
	say(t, page, record)
	hear(t, b.next(), record)
}

func TestAReaderThatDoesNotReadStopsOnlyItsSender(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	page := g.page(b.name)
	stream := b.next()
	sent := 0
	message := make([]byte, 60_000)
	for ; sent < 1<<30; sent += len(message) {
		if err := stream.SetWriteDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if err := stream.WriteMessage(websocket.BinaryMessage, message); err != nil {
			break
		}
	}
	if sent > 64<<20 { // the sockets' own buffers
		t.Errorf("%d bytes were taken for a page that reads nothing", sent)
	}
	other := g.page(b.name)
	say(t, other, "not held up")
	hear(t, b.next(), "not held up")
	page.Close()
}

func TestABridgeHasSixteenStreams(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	var last, stream *websocket.Conn
	for range rendezvous.MaxStreams {
		last = g.page(b.name)
		stream = b.next()
	}
	more := g.page(b.name)
	wantClosed(t, "one more", more, frame.CloseCode, string(fault.Busy))
	last.Close()
	wantClosed(t, "the bridge's end", stream, websocket.CloseGoingAway, "")
	for { // its place is free a moment later
		g.later(time.Minute)
		page := g.page(b.name)
		busy := make(chan error, 1)
		go func() {
			_, _, err := page.ReadMessage()
			busy <- err
		}()
		select {
		case <-b.streams:
			return
		case <-busy:
		}
	}
}

func TestOnlyPagesOfADashboardAndOnlyBridgesAreAdmitted(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	for _, from := range []string{"", "null", "https://evil.example", "https://app.example.evil.example", "http://app.example", "https://app.example:8443",
		"https://APP.example", "https://app.example/", origin + "\n" + origin} {
		if ws, code := g.dial(rendezvous.PagePath, from, frame.SubProtocol, rendezvous.Ticket("x")); ws != nil || code != fault.OriginRefused {
			t.Errorf("a page of %q: %s", from, code)
		}
	}
	for _, path := range []string{rendezvous.BridgePath, rendezvous.StreamPath} {
		if ws, code := g.dial(path, origin, rendezvous.BridgeProtocol); ws != nil || code != fault.OriginRefused {
			t.Errorf("a browser at %s: %s", path, code)
		}
		if ws, code := g.dial(path, "", "chat"); ws != nil || code != fault.Version {
			t.Errorf("another protocol at %s: %s", path, code)
		}
	}
	if ws, code := g.dial(rendezvous.PagePath, origin, rendezvous.BridgeProtocol, rendezvous.Ticket(g.ticket(b.name))); ws != nil || code != fault.Version {
		t.Errorf("a page with a bridge's protocol: %s", code)
	}
}

func TestWhoAsksTooOftenWaits(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	for range ticketsName {
		g.ticket(b.name)
	}
	if _, err := g.Ticket("ent_sandbox", b.name); fault.CodeOf(err) != fault.Limited {
		t.Errorf("for one name: %v", err)
	}
	if _, err := g.Ticket("ent_other", b.name); err != nil {
		t.Errorf("another entity waits too: %v", err)
	}
	for range ticketsEntity {
		_, _ = g.Ticket("ent_busy", rendezvous.Name(nil))
	}
	if _, err := g.Ticket("ent_busy", rendezvous.Name([]byte("another"))); fault.CodeOf(err) != fault.Limited {
		t.Errorf("for one entity: %v", err)
	}
	g.later(time.Minute)
	madeUp := rendezvous.Bytes(make([]byte, rendezvous.SecretSize))
	for range failures {
		g.dial(rendezvous.StreamPath, "", rendezvous.BridgeProtocol, rendezvous.Stream(madeUp))
	}
	if _, code := g.dial(rendezvous.StreamPath, "", rendezvous.BridgeProtocol, rendezvous.Stream(madeUp)); code != fault.Limited {
		t.Errorf("from one address: %s", code)
	}
	if _, code := g.dial(rendezvous.PagePath, origin, frame.SubProtocol, rendezvous.Ticket(madeUp)); code != fault.Limited {
		t.Errorf("with another kind of failure from that address: %s", code)
	}
	page := g.page(b.name) // who has a ticket, or a key, is not kept out by that
	say(t, page, "hello")
	hear(t, b.next(), "hello")
	g.bridge()
}

func TestSuccessesAreNotCounted(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	for range failures + 10 {
		g.later(4 * time.Second) // for the tickets
		page := g.page(b.name)
		stream := b.next()
		<-b.origins
		page.Close()
		wantClosed(t, "the bridge", stream, websocket.CloseGoingAway, "")
		stream.Close()
	}
}

func TestAnEndThatIsSilentIsClosed(t *testing.T) {
	t.Parallel()
	g := newRig(t, time.Second)
	b := g.bridge()
	page := g.page(b.name)
	stream := b.next()
	stream.SetPingHandler(func(string) error { return nil }) // as a computer that sleeps
	wantClosed(t, "the page", page, websocket.CloseGoingAway, "")
	quiet := g.page(b.name) // and the control connection, which answers, lives on
	say(t, quiet, "still there")
	hear(t, b.next(), "still there")
}

func TestNothingIsLeftOfPagesThatCameAndWent(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	for i := range 100 {
		if i%ticketsName == 0 {
			g.later(time.Minute)
		}
		page := g.page(b.name)
		stream := b.next()
		<-b.origins
		shut(page, websocket.CloseNormalClosure, "")
		wantClosed(t, "the stream", stream, websocket.CloseNormalClosure, "")
		stream.Close()
	}
	for { // the last one ends in its own time
		g.Relay.mu.Lock()
		left := len(g.streams) + len(g.waiting) + len(g.tickets)
		g.Relay.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatalf("%d things are left", left)
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	g := newRig(t, 0)
	b := g.bridge()
	page := g.page(b.name)
	stream := b.next()
	g.Close()
	wantClosed(t, "the page", page, websocket.CloseGoingAway, "")
	wantClosed(t, "the stream", stream, websocket.CloseGoingAway, "")
	if c := (*websocket.CloseError)(nil); !errors.As(<-b.ended, &c) || c.Code != websocket.CloseGoingAway {
		t.Errorf("the control connection: %v", c)
	}
	if ws, code := g.dial(rendezvous.BridgePath, "", rendezvous.BridgeProtocol); ws != nil || code != fault.Unavailable {
		t.Errorf("a bridge after it: %s", code)
	}
}
