package control

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"countersign/shared/strictjson"
)

// reply is the way back to a command. While its answer is not there, it gets a space now
// and then, which JSON ignores: the bridge lives, and works on it.
type reply struct {
	c net.Conn

	mu   sync.Mutex
	said bool
}

// watch returns when ctx ends, or the command left. One that closed its own half of the
// connection only still reads.
func (r *reply) watch(ctx context.Context) {
	ended := make(chan bool, 1)
	go func() {
		n, _ := r.c.Read(make([]byte, 1)) // ends with the connection
		ended <- n == 0
	}()
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case half := <-ended:
			if !half { // a second line
				return
			}
		case <-tick.C:
		}
		if !r.alive() {
			return
		}
	}
}

// alive reports whether a space can be sent.
func (r *reply) alive() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said || r.send([]byte{' '})
}

// say writes the answer; who asked may have left.
func (r *reply) say(result strictjson.Raw, err error) {
	line, fails := encodeLine(answerOf(result, err), MaxAnswer)
	if fails != nil {
		line, fails = encodeLine(answerOf(nil, fails), MaxAnswer)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said = true; fails == nil {
		r.send(line)
	}
}

func (r *reply) send(data []byte) bool {
	if r.c.SetWriteDeadline(time.Now().Add(requestTimeout)) != nil {
		return false
	}
	_, err := r.c.Write(data)
	return err == nil
}

// silent are the connections that have not sent their request yet, the oldest first. When
// there are too many, the oldest makes room: a command sends its request at once.
type silent struct {
	mu   sync.Mutex
	list []net.Conn
}

func (s *silent) add(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) >= maxSilent {
		_ = s.list[0].SetReadDeadline(time.Now()) // it may have gone
		s.list = slices.Delete(s.list, 0, 1)
	}
	s.list = append(s.list, c)
}

// remove reports whether a connection was still there, and had not to make room.
func (s *silent) remove(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.list, c)
	if i >= 0 {
		s.list = slices.Delete(s.list, i, i+1)
	}
	return i >= 0
}
