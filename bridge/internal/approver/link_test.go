package approver

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"countersign/bridge/internal/consent"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
)

// rawPage is a page that does not keep to the rules.
type rawPage struct {
	t       *testing.T
	ws      *websocket.Conn
	session *link.Session
}

func (g *rig) raw(t *testing.T) *rawPage {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{frame.SubProtocol}}
	ws, _, err := d.DialContext(t.Context(), g.url+frame.Path, http.Header{"Origin": {origin}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return &rawPage{t: t, ws: ws}
}

func (p *rawPage) handshake(key *link.Key) {
	p.t.Helper()
	i, err := link.NewInitiator(link.InitiatorConfig{DH: key, Origin: origin, Rand: rand.Reader})
	if err != nil {
		p.t.Fatal(err)
	}
	first, err := i.Start()
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(first)
	_, second, err := p.ws.ReadMessage()
	if err != nil {
		p.t.Fatal(err)
	}
	third, session, err := i.Finish(second)
	if err != nil {
		p.t.Fatal(err)
	}
	p.session = session
	p.write(third)
}

func (p *rawPage) write(data []byte) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.BinaryMessage, data); err != nil {
		p.t.Fatal(err)
	}
}

func (p *rawPage) sealed(plaintext string) []byte {
	p.t.Helper()
	record, err := p.session.Seal([]byte(plaintext))
	if err != nil {
		p.t.Fatal(err)
	}
	return record
}

// next reads one frame; ok is false when the connection was closed, with why.
func (p *rawPage) next() (messages []frame.Message, why fault.Code, ok bool) {
	p.t.Helper()
	_, record, err := p.ws.ReadMessage()
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		if closed.Code != frame.CloseCode {
			p.t.Errorf("close code %d", closed.Code)
		}
		return nil, fault.Code(closed.Text), false
	}
	if err != nil {
		p.t.Fatal(err)
	}
	plaintext, err := p.session.Open(record)
	if err != nil {
		p.t.Fatal(err)
	}
	if messages, err = frame.Decode(plaintext); err != nil {
		p.t.Fatal(err)
	}
	return messages, "", true
}

func TestAPageThatBreaksTheProtocolIsCutOff(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.mustConnect()
	call := `{"jsonrpc":"2.0","id":1,"method":"bridge.info","params":{}}`
	for name, r := range map[string]struct {
		send func(*rawPage) []byte
		want fault.Code
	}{
		"not JSON":            {func(p *rawPage) []byte { return p.sealed("hello") }, fault.Invalid},
		"no message":          {func(p *rawPage) []byte { return p.sealed("[]") }, fault.Invalid},
		"not a list":          {func(p *rawPage) []byte { return p.sealed(call) }, fault.Invalid},
		"an unknown field":    {func(p *rawPage) []byte { return p.sealed(`[{"x":1,` + call[1:] + `]`) }, fault.Invalid},
		"a field twice":       {func(p *rawPage) []byte { return p.sealed(`[{"id":2,` + call[1:] + `]`) }, fault.Invalid},
		"trailing data":       {func(p *rawPage) []byte { return p.sealed(`[` + call + `] ` + `x`) }, fault.Invalid},
		"a notification":      {func(p *rawPage) []byte { return p.sealed(`[{"jsonrpc":"2.0","method":"bridge.info","params":{}}]`) }, fault.Invalid},
		"a reply":             {func(p *rawPage) []byte { return p.sealed(`[{"jsonrpc":"2.0","id":1,"result":{}}]`) }, fault.Invalid},
		"a flipped bit":       {func(p *rawPage) []byte { b := p.sealed("[" + call + "]"); b[0] ^= 1; return b }, fault.RecordInvalid},
		"a replayed record":   {func(p *rawPage) []byte { b := p.sealed("[" + call + "]"); p.write(b); return b }, fault.RecordInvalid},
		"a record left out":   {func(p *rawPage) []byte { p.sealed("[" + call + "]"); return p.sealed("[" + call + "]") }, fault.RecordInvalid},
		"nothing in a record": {func(*rawPage) []byte { return []byte{} }, fault.RecordInvalid},
	} {
		p := g.raw(t)
		p.handshake(g.pageKey)
		p.write(r.send(p))
		for {
			if _, why, ok := p.next(); !ok {
				if why != r.want {
					t.Errorf("%s: closed with %s", name, why)
				}
				break
			}
		}
	}
}

func TestAHandshakeThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	for name, r := range map[string]struct {
		kind int
		data []byte
		want fault.Code
	}{
		"text":            {websocket.TextMessage, []byte("hello"), fault.RecordInvalid},
		"too short":       {websocket.BinaryMessage, []byte{1, 1, 2, 3}, fault.RecordInvalid},
		"another version": {websocket.BinaryMessage, make([]byte, link.Message1Size), fault.Version},
	} {
		p := g.raw(t)
		if err := p.ws.WriteMessage(r.kind, r.data); err != nil {
			t.Fatal(err)
		}
		if _, why, ok := p.next(); ok || why != r.want {
			t.Errorf("%s: %s", name, why)
		}
	}
}

func TestAnUnpairedPageMayCallNothing(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	opened, closed := make(chan struct{}, 1), make(chan struct{}, 1)
	g.person.answer(hang(opened, closed))
	p := g.raw(t)
	p.handshake(g.pageKey)
	<-opened
	p.write(p.sealed(`[{"jsonrpc":"2.0","id":1,"method":"bridge.info","params":{}},{"jsonrpc":"2.0","id":2,"method":"channel.open","params":{"entity":"ent_sandbox","member":"mem_alice"}}]`))
	for refused := 0; refused < 2; {
		messages, why, ok := p.next()
		if !ok {
			t.Fatalf("closed: %s", why)
		}
		for _, m := range messages {
			if m.Kind() != frame.Reply {
				continue
			}
			refused++
			wantCode(t, "a call", frame.DecodeResult(m, &struct{}{}), fault.NotPaired)
		}
	}
	p.ws.Close()
	<-closed // the pairing's prompt closes with the page
}

func TestThePageLearnsWhereThePromptIs(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	var codes []string
	g.person.answer(func(_ context.Context, q consent.Question) error { codes = append(codes, q.Text); return nil })
	p := g.raw(t)
	p.handshake(g.pageKey)
	var seen []string
	for len(seen) < 4 {
		messages, why, ok := p.next()
		if !ok {
			t.Fatalf("closed: %s", why)
		}
		for _, m := range messages {
			seen = append(seen, m.Method+" "+string(m.Params))
		}
	}
	want := []string{
		`link.state {"state":"pairing","bridge":"Countersign bridge","version":"` + Version + `"}`,
		`prompt.opened {"kind":"pairing","where":"terminal","left":300}`,
		`prompt.closed {"kind":"pairing","where":"terminal"}`,
		`link.state {"state":"ready","bridge":"Countersign bridge","version":"` + Version + `"}`,
	}
	for i := range want {
		if seen[i] != want[i] {
			t.Errorf("%d: %s, want %s", i, seen[i], want[i])
		}
	}
	code := p.session.Code()
	if len(codes) != 1 || !strings.Contains(codes[0], code[:3]+" "+code[3:]) {
		t.Errorf("shown %q, code %s", codes, code)
	}
}
