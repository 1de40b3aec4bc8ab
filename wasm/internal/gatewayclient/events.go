package gatewayclient

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"countersign/shared/fault"
)

// The limits of an event stream.
const (
	MaxEvent  = 64 << 10 // bytes of one event's data
	MaxLine   = 64 << 10 // bytes of one line
	MaxEvents = 1000     // events of one stream
)

// Event is one server-sent event (HTML standard §9.2).
type Event struct {
	ID   string
	Name string // "message" when the stream does not say
	Data []byte
}

// Stream asks for path as an event stream and calls each for every event, in
// order, until the stream ends, each returns an error, or ctx ends. A server
// that answers with JSON instead is a fault: callers need the events.
func (c *Client) Stream(ctx context.Context, path string, each func(Event) error) error {
	return c.stream(ctx, path, func() {}, each)
}

func (c *Client) stream(ctx context.Context, path string, tell func(), each func(Event) error) error {
	res, err := c.send(ctx, Request{Method: "GET", URL: c.cfg.Base + path, Header: map[string]string{"Accept": "text/event-stream"}})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.Status/100 != 2 {
		return ReadFault(res)
	}
	if !strings.HasPrefix(res.Header("content-type"), "text/event-stream") {
		return fault.New(fault.Unavailable, "what answered is not the gateway: it sent no events").With("problem", NotAGateway)
	}
	err = ReadEvents(heard{res.Body, tell}, each)
	if err != nil && ctx.Err() != nil {
		return Unreachable(ctx, err)
	}
	return err
}

// Listen is [Client.Stream] for a stream that has no end of its own. One that brings
// nothing for as long as silence, not even a comment, has lost its gateway: TIMEOUT.
func (c *Client) Listen(ctx context.Context, path string, silence time.Duration, each func(Event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(silence, func() { cancel(fault.New(fault.Timeout, "the gateway has not been heard for too long")) })
	defer late.Stop()
	err := c.stream(ctx, path, func() { late.Reset(silence) }, each)
	if why, ok := fault.As(context.Cause(ctx)); ok {
		return why
	}
	return err
}

// heard tells of each read that brought something.
type heard struct {
	io.Reader
	tell func()
}

func (h heard) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	if n > 0 {
		h.tell()
	}
	return n, err
}

// ReadEvents parses an event stream. Comments and unknown fields are skipped, an
// event that the stream's end cuts off is dropped, as the standard says.
func ReadEvents(r io.Reader, each func(Event) error) error {
	in := lines{in: bufio.NewReaderSize(r, 4<<10)}
	var e Event
	var data bytes.Buffer
	hasData, count := false, 0
	for first := true; ; first = false {
		line, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if first {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(line) == 0 {
			if hasData {
				if count++; count > MaxEvents {
					return fault.New(fault.TooLarge, "the gateway sent more events than this page accepts")
				}
				e.Data = bytes.Clone(data.Bytes())
				if e.Name == "" {
					e.Name = "message"
				}
				if err := each(e); err != nil {
					return err
				}
			}
			e.Name, hasData = "", false
			data.Reset()
			continue
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimPrefix(value, []byte{' '})
		switch string(name) {
		case "data":
			if hasData {
				data.WriteByte('\n')
			}
			hasData = true
			data.Write(value)
			if data.Len() > MaxEvent {
				return fault.New(fault.TooLarge, "an event is larger than "+strconv.Itoa(MaxEvent)+" bytes")
			}
		case "event":
			e.Name = string(value)
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				e.ID = string(value)
			}
		}
	}
}

// lines splits a stream at \n, \r\n and \r, without waiting behind an \r for a
// \n that may not come.
type lines struct {
	in      *bufio.Reader
	afterCR bool
}

// next gives a line. A last line without an end is not given.
func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		c, err := l.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "the stream of the gateway broke off")
		}
		skip := l.afterCR && c == '\n'
		l.afterCR = c == '\r'
		switch {
		case skip:
			continue
		case c == '\n' || c == '\r':
			return line, nil
		case len(line) == MaxLine:
			return nil, fault.New(fault.TooLarge, "a line of the stream is longer than "+strconv.Itoa(MaxLine)+" bytes")
		}
		line = append(line, c)
	}
}
