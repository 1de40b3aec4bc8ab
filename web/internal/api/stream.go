package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// stream writes server-sent events (HTML, 9.2).
type stream struct {
	w     http.ResponseWriter
	flush *http.ResponseController
	n     int
	err   error
}

// send writes one event; after the client went away it does nothing.
func (s *stream) send(event string, data any) {
	if s.err != nil {
		return
	}
	if s.n == 0 {
		s.w.Header().Set("Content-Type", "text/event-stream")
		s.w.Header().Set("X-Accel-Buffering", "no")
		s.w.WriteHeader(http.StatusOK)
	}
	s.n++
	body, err := json.Marshal(data)
	if err != nil {
		s.err = err
		return
	}
	s.write(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", s.n, event, body))
}

// beat writes a comment, which keeps the line open.
func (s *stream) beat() { s.write(":\n\n") }

func (s *stream) write(text string) {
	if s.err != nil {
		return
	}
	_ = s.flush.SetWriteDeadline(time.Now().Add(10 * time.Second)) // not every writer has one
	if _, s.err = io.WriteString(s.w, text); s.err == nil {
		s.err = s.flush.Flush()
	}
}
