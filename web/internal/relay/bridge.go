package relay

import (
	"container/list"
	"crypto/ecdh"
	"crypto/hmac"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/rendezvous"
	"countersign/web/internal/party"
)

// bridge is the control connection of one bridge.
type bridge struct {
	name   string
	client string // the party that it dialled from
	ws     *websocket.Conn
	opens  chan rendezvous.Message // pages that wait
	gone   chan fault.Code         // gets why the bridge lost its place, once

	place *list.Element // in the registry, until a page reached it
}

// Bridge serves the control connection of a bridge until it ends. An error
// means that nothing was answered yet.
func (r *Relay) Bridge(w http.ResponseWriter, req *http.Request) error {
	if err := r.admit(req, rendezvous.BridgeProtocol); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	defer r.open.Done()
	ws, err := r.upgrade(w, req, rendezvous.BridgeProtocol)
	if err != nil {
		return err
	}
	defer ws.Close()
	ws.SetReadLimit(rendezvous.MaxControl)
	name, err := r.prove(ws)
	if err != nil {
		err = r.failed(req, err)
		r.cfg.Log.Warn("a bridge was not registered", "error", err)
		code := fault.CodeOf(err)
		if _, ok := fault.As(err); !ok {
			code = fault.Timeout
		}
		shutFault(ws, code)
		return nil
	}
	b := &bridge{name: name, client: party.Of(req), ws: ws, opens: make(chan rendezvous.Message, rendezvous.MaxStreams), gone: make(chan fault.Code, 1)}
	if err := r.add(b); err != nil {
		shutFault(ws, fault.CodeOf(err))
		return nil
	}
	log := r.cfg.Log.With("bridge", short(name))
	log.Info("a bridge is connected")
	r.serveBridge(b)
	r.remove(b)
	log.Info("a bridge is gone")
	return nil
}

// prove is register with a place among those that have not proved a key yet.
func (r *Relay) prove(ws *websocket.Conn) (string, error) {
	p := &pending{func() { ws.Close() }}
	r.mu.Lock()
	dropped := r.bridges.wait(p)
	r.mu.Unlock()
	if dropped != nil {
		dropped.drop()
	}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.bridges.done(p)
	}()
	return r.register(ws)
}

// register has the bridge prove its key and returns its name. A fault names what
// is wrong with the proof; any other error is a connection that ended or was
// silent.
func (r *Relay) register(ws *websocket.Conn) (string, error) {
	defer r.keepAlive(ws)()
	deadline := time.Now().Add(registerTime)
	ws.SetPongHandler(nil) // a pong gives no more time to register
	ws.SetPingHandler(nil)
	if err := ws.SetReadDeadline(deadline); err != nil {
		return "", err
	}
	key, err := ecdh.X25519().GenerateKey(r.cfg.Rand)
	if err != nil {
		return "", fmt.Errorf("make a challenge: %w", err)
	}
	challenge := key.PublicKey().Bytes()
	if err := send(ws, rendezvous.Message{Type: rendezvous.Challenge, Key: rendezvous.Bytes(challenge)}); err != nil {
		return "", err
	}
	kind, data, err := ws.ReadMessage()
	if err != nil {
		return "", err
	}
	if kind != websocket.TextMessage {
		return "", fault.New(fault.Invalid, "control messages are text")
	}
	m, err := rendezvous.DecodeMessage(data, rendezvous.Register)
	if err != nil {
		return "", err
	}
	static := rendezvous.ParseBytes(m.Key, len(challenge))
	public, err := ecdh.X25519().NewPublicKey(static)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "this is not a key")
	}
	secret, err := key.ECDH(public)
	if err != nil {
		return "", fault.Wrap(err, fault.SignatureInvalid, "the key is of low order")
	}
	want := rendezvous.Proof(secret, challenge, static, r.cfg.Gateway)
	if !hmac.Equal(rendezvous.ParseBytes(m.Proof, len(want)), want) {
		return "", fault.New(fault.SignatureInvalid, "the proof is not for this key, this connection and "+r.cfg.Gateway)
	}
	return rendezvous.Name(static), nil
}

// add makes a bridge known. The newest connection wins: only the owner of the
// key gets here, so the older one is what a changed network left behind.
func (r *Relay) add(b *bridge) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bridges.put(b)
}

func (r *Relay) remove(b *bridge) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bridges.drop(b)
}

// serveBridge tells the bridge of pages until the connection ends.
func (r *Relay) serveBridge(b *bridge) {
	defer r.keepAlive(b.ws)()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, _, err := b.ws.ReadMessage(); err == nil {
			shutFault(b.ws, fault.Invalid) // a registered bridge has nothing to say
		}
	}()
	defer func() { b.ws.Close(); <-ended }()
	if send(b.ws, rendezvous.Message{Type: rendezvous.Registered}) != nil {
		return
	}
	for {
		select {
		case <-ended:
			return
		case code := <-b.gone:
			shutFault(b.ws, code)
			return
		case m := <-b.opens:
			if send(b.ws, m) != nil {
				return
			}
		}
	}
}

func send(ws *websocket.Conn, m rendezvous.Message) error {
	data, err := m.Encode()
	if err != nil {
		return err
	}
	if err := ws.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	return ws.WriteMessage(websocket.TextMessage, data)
}
