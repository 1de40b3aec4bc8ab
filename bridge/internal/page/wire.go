package page

import (
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/frame"
)

// read dispatches frames, whose requests call answers, until the connection ends.
func (c *conn) read(call func(frame.Message) (any, error)) error {
	alive := func() { _ = c.ws.SetReadDeadline(time.Now().Add(IdleTimeout)) } // a closed socket fails the next read
	c.ws.SetPongHandler(func(string) error { alive(); return nil })
	var used frame.IDs
	for {
		alive()
		record, err := c.readBinary()
		if _, ok := fault.As(err); ok {
			return c.violation(err)
		}
		if err != nil {
			return err
		}
		plaintext, err := c.session.Open(record)
		if err != nil {
			return c.violation(err)
		}
		messages, err := frame.Decode(plaintext)
		if err != nil {
			return c.violation(err)
		}
		for _, m := range messages {
			if m.Kind() != frame.Request {
				return c.violation(fault.New(fault.Invalid, "a page sends requests only"))
			}
			if err := used.Use(*m.ID); err != nil {
				return c.violation(err)
			}
			c.dispatch(m, call)
		}
	}
}

// violation ends a connection whose other end breaks the protocol.
func (c *conn) violation(err error) error {
	c.closeWith(fault.CodeOf(err))
	return err
}

// dispatch answers one request, in its own time.
func (c *conn) dispatch(m frame.Message, call func(frame.Message) (any, error)) {
	if c.work.Err() != nil {
		return // the connection is being closed
	}
	select {
	case c.slots <- struct{}{}:
	default:
		c.send(frame.NewErrorReply(*m.ID, fault.New(fault.Busy, "too many calls are unanswered")))
		return
	}
	c.calls.Go(func() {
		defer func() {
			<-c.slots
			c.poke() // the connection may wait for this to end
		}()
		result, err := call(m)
		reply := frame.Message{}
		if err == nil {
			reply, err = frame.NewReply(*m.ID, result)
		}
		if err != nil {
			c.log.Info("refused", "method", m.Method, "error", err)
			reply = frame.NewErrorReply(*m.ID, err)
		}
		c.send(reply)
	})
}

// notify sends a notification.
func (c *conn) notify(method string, params any) {
	m, err := frame.NewNotification(method, params)
	if err != nil {
		c.log.Error("a notification could not be written", "method", method, "error", err)
		return
	}
	c.send(m)
}

// send queues a message; the writer puts what is queued into as few frames as
// it can.
func (c *conn) send(m frame.Message) {
	c.mu.Lock()
	err := c.out.Add(m)
	c.mu.Unlock()
	if err != nil { // the page does not read, or we made something that it would refuse
		c.log.Warn("the connection is closed after an error", "error", err)
		c.cancel()
		return
	}
	c.poke()
}

// end closes the connection: running calls end with their prompts, and
// what they answer is sent first.
func (c *conn) end(code fault.Code) {
	c.mu.Lock()
	c.ending = code
	c.mu.Unlock()
	c.stopWork(fault.New(code, "the bridge closes the connection"))
	time.AfterFunc(writeTimeout, c.cancel)
	c.poke()
}

func (c *conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends frames and pings until the connection ends.
func (c *conn) write() {
	defer c.cancel()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-ping.C:
			if err := c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)); err != nil {
				return
			}
		case <-c.wake:
			if !c.flush() {
				return
			}
		}
	}
}

// flush sends what is queued and reports whether the connection goes on.
func (c *conn) flush() bool {
	for {
		c.mu.Lock()
		plaintext, ending := c.out.Next(), c.ending
		c.mu.Unlock()
		if plaintext == nil {
			if ending != "" && len(c.slots) == 0 {
				c.closeWith(ending)
				return false
			}
			return true
		}
		record, err := c.session.Seal(plaintext)
		if err != nil { // read met what ended the session: it tells the page why, and ends the connection
			defer time.AfterFunc(writeTimeout, c.cancel).Stop()
			<-c.ctx.Done()
			return false
		}
		if err := c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return false
		}
		if err := c.ws.WriteMessage(websocket.BinaryMessage, record); err != nil {
			return false
		}
	}
}

// closeWith sends the close frame that names a fault. It is a hint: the other
// end may be gone, and the code is not authenticated.
func (c *conn) closeWith(code fault.Code) {
	message := websocket.FormatCloseMessage(frame.CloseCode, string(code))
	_ = c.ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(writeTimeout))
}
