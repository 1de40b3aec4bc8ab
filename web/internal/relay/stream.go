package relay

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/rendezvous"
)

// waiter is a page that waits for its bridge to take the stream up.
type waiter struct {
	taken chan *websocket.Conn // gets exactly one, or nil, once the waiter was found
}

// Page serves the connection of a page until it ends. An error means that
// nothing was answered yet.
func (r *Relay) Page(w http.ResponseWriter, req *http.Request) error {
	if err := r.admit(req, frame.SubProtocol); err != nil {
		return err
	}
	secret, err := presented(req, rendezvous.Ticket)
	if err != nil {
		return err
	}
	name, err := r.spend(secret)
	if err != nil {
		return r.failed(req, err)
	}
	if err := r.begin(); err != nil {
		return err
	}
	defer r.open.Done()
	page, err := r.upgrade(w, req, frame.SubProtocol)
	if err != nil {
		return err
	}
	defer page.Close()
	bridge, done, err := r.call(name, req.Header.Get("Origin"))
	if err != nil {
		r.cfg.Log.Info("a page was not connected", "bridge", short(name), "error", err)
		shutFault(page, fault.CodeOf(err))
		defer time.AfterFunc(lingerTime, func() { page.Close() }).Stop()
		drain(page)
		return nil
	}
	defer done()
	defer bridge.Close()
	r.join(page, bridge)
	return nil
}

// call asks a bridge to take up a stream and returns its end of it. It fails
// with UNAVAILABLE and BUSY.
func (r *Relay) call(name, origin string) (stream *websocket.Conn, done func(), err error) {
	id, hash, err := r.secret()
	if err != nil {
		return nil, nil, err
	}
	wait := &waiter{taken: make(chan *websocket.Conn, 1)}
	if done, err = r.announce(name, hash, wait, rendezvous.Message{Type: rendezvous.Open, Stream: id, Origin: origin}); err != nil {
		return nil, nil, err
	}
	timer := time.NewTimer(takeUpTime)
	defer timer.Stop()
	select {
	case stream = <-wait.taken:
	case <-timer.C:
	case <-r.ctx.Done():
	}
	if stream == nil && r.find(hash) == nil {
		stream = <-wait.taken // it was found in the last moment: it gets one, or nil
	}
	if stream == nil {
		done()
		return nil, nil, fault.New(fault.Unavailable, "the bridge did not take the connection up")
	}
	return stream, done, nil
}

// announce tells a bridge of a page that waits.
func (r *Relay) announce(name string, hash [sha256.Size]byte, wait *waiter, m rendezvous.Message) (done func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.bridges.of[name]
	if b == nil {
		return nil, fault.New(fault.Unavailable, "the bridge is not connected to the gateway")
	}
	busy := fault.New(fault.Busy, "too many pages are connected to this bridge")
	if r.streams[name] >= rendezvous.MaxStreams {
		return nil, busy
	}
	select {
	case b.opens <- m:
	default: // the bridge does not read
		return nil, busy
	}
	r.bridges.reach(b)
	r.waiting[hash] = wait
	r.streams[name]++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.streams[name]--; r.streams[name] == 0 {
			delete(r.streams, name)
		}
	}, nil
}

// find removes a waiter and returns it, or nil when another did.
func (r *Relay) find(hash [sha256.Size]byte) *waiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.waiting[hash]
	delete(r.waiting, hash)
	return w
}

// Stream hands a bridge's connection to the page that waits for it. An error
// means that nothing was answered yet.
func (r *Relay) Stream(w http.ResponseWriter, req *http.Request) error {
	if err := r.admit(req, rendezvous.BridgeProtocol); err != nil {
		return err
	}
	id, err := presented(req, rendezvous.Stream)
	if err != nil {
		return err
	}
	wait := r.find(sha256.Sum256([]byte(id)))
	if wait == nil {
		return r.failed(req, fault.New(fault.TicketSpent, "no page waits for this stream"))
	}
	ws, err := r.upgrade(w, req, rendezvous.BridgeProtocol)
	wait.taken <- ws // Page closes it
	return err
}

// ending is why a direction ended, as the close frame that the other end gets.
type ending struct {
	code   int
	reason string
}

// join copies messages both ways until one end closes, and tells the other. It
// holds one message for each direction: an end that does not read stops the
// other end from sending.
func (r *Relay) join(page, bridge *websocket.Conn) {
	defer r.keepAlive(page)()
	defer r.keepAlive(bridge)()
	page.SetReadLimit(rendezvous.MaxMessage)
	bridge.SetReadLimit(rendezvous.MaxMessage)
	ended := make(chan struct{}, 2)
	var both sync.WaitGroup
	both.Go(func() { pump(page, bridge, ended) })
	both.Go(func() { pump(bridge, page, ended) })
	<-ended
	defer time.AfterFunc(lingerTime, func() { page.Close(); bridge.Close() }).Stop()
	both.Wait()
}

// pump copies messages until one end is lost, tells both why, and then reads on
// until from is closed: what is left unread would destroy the close frame on
// its way.
func pump(from, to *websocket.Conn, ended chan<- struct{}) {
	for {
		kind, data, err := from.ReadMessage()
		if err != nil {
			e := endingOf(err)
			shut(to, e.code, e.reason)
			ended <- struct{}{}
			return
		}
		code := 0
		if kind != websocket.BinaryMessage {
			code = websocket.CloseUnsupportedData
		} else if err := pass(to, data); errors.Is(err, websocket.ErrCloseSent) {
			drain(from) // to said goodbye, and the other direction tells from why
			return
		} else if err != nil {
			code = websocket.CloseGoingAway
		}
		if code != 0 {
			shut(from, code, "")
			shut(to, code, "")
			ended <- struct{}{}
			drain(from)
			return
		}
	}
}

// pass writes one message.
func pass(to *websocket.Conn, data []byte) error {
	if err := to.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	return to.WriteMessage(websocket.BinaryMessage, data)
}

// endingOf carries a close code over. 1005 (none was given) is sent as a close
// frame without one; a connection that was lost is told as 1001.
func endingOf(err error) ending {
	if c := (*websocket.CloseError)(nil); errors.As(err, &c) && c.Code != websocket.CloseAbnormalClosure && c.Code != websocket.CloseTLSHandshake {
		return ending{c.Code, c.Text}
	}
	if errors.Is(err, websocket.ErrReadLimit) {
		return ending{websocket.CloseMessageTooBig, ""}
	}
	return ending{websocket.CloseGoingAway, ""}
}

// drain reads what is left until the connection is closed.
func drain(ws *websocket.Conn) {
	for {
		if _, _, err := ws.NextReader(); err != nil {
			return
		}
	}
}
