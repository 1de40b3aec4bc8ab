package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// client asks a node by JSON-RPC 2.0 over HTTP. It believes an answer only by the
// id of its question, which is never used twice: a proxy that mixes answers up, or
// keeps one of an earlier question, is told of and not read.
type client struct {
	url  string
	http *http.Client
	last atomic.Int64
}

// question is a call, and where its result goes.
type question struct {
	method string
	args   []any
	out    any // a pointer
}

// refusal is an error that the node answers with.
type refusal struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"` // of a call that was reverted: what the contract says, in hex
}

func (e *refusal) Error() string { return e.Message }

// statusError is an HTTP status other than success.
type statusError int

func (e statusError) Error() string { return "HTTP status " + strconv.Itoa(int(e)) }

// malformed is an answer that is not what JSON-RPC says.
type malformed struct{ why string }

func (e malformed) Error() string { return "the node's answer is not what JSON-RPC says: " + e.why }

// message is one question as it is sent.
type message struct {
	Version string `json:"jsonrpc"`
	ID      int64  `json:"id"`
	Method  string `json:"method"`
	Params  []any  `json:"params"`
}

// ask sends a question, or several as a batch, and reads the answers, which may
// come in any order. One that the node refuses fails all.
func (c *client) ask(ctx context.Context, questions ...question) error {
	waiting, sent := make(map[string]question, len(questions)), make([]message, 0, len(questions))
	for _, q := range questions {
		m := message{"2.0", c.last.Add(1), q.method, q.args}
		if m.Params == nil {
			m.Params = []any{}
		}
		waiting[strconv.FormatInt(m.ID, 10)], sent = q, append(sent, m)
	}
	if len(questions) == 1 {
		text, err := c.post(ctx, sent[0])
		if err != nil {
			return err
		}
		return take(text, waiting)
	}
	text, err := c.post(ctx, sent)
	if err != nil {
		return err
	}
	answers := []json.RawMessage{text} // a refusal of the batch as a whole
	if text[0] != '{' && json.Unmarshal(text, &answers) != nil {
		return malformed{"it is not the answer to a batch"}
	}
	for _, a := range answers {
		if err := take(a, waiting); err != nil {
			return err
		}
	}
	if len(waiting) > 0 {
		return malformed{fmt.Sprintf("it leaves %d of %d questions of a batch without an answer", len(waiting), len(questions))}
	}
	return nil
}

// post sends JSON and returns the JSON that comes back.
func (c *client) post(ctx context.Context, what any) ([]byte, error) {
	body, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	res, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, statusError(res.StatusCode)
	}
	if text = bytes.TrimSpace(text); !json.Valid(text) {
		return nil, malformed{"it is not JSON"}
	}
	return text, nil
}

// take reads one answer into the question that waits for it, which then waits no
// more. Members that JSON-RPC does not know are passed over, and so is an error
// that is null, as old nodes send it beside a result.
func take(text []byte, waiting map[string]question) error {
	a, err := members(text)
	if err != nil {
		return err
	}
	if v, ok := a["jsonrpc"]; ok && string(v) != `"2.0"` { // some leave it out, which confuses nothing
		return malformed{"it is of another version"}
	}
	failed, result := a["error"], a["result"]
	if string(failed) == "null" {
		failed = nil
	}
	id := string(a["id"])
	q, ours := waiting[id]
	var refused *refusal
	switch {
	case failed != nil && result != nil && string(result) != "null":
		return malformed{"it has a result and an error"}
	case failed != nil && json.Unmarshal(failed, &refused) != nil:
		return malformed{"its error has no code and message"}
	case failed != nil && (ours || id == "null" || id == ""): // null: it could not read which question it was
		return refused
	case id == "":
		return malformed{"it does not say which question it answers"}
	case !ours:
		return malformed{"its id is that of no question that waits for an answer"}
	case result == nil:
		return malformed{"it has neither a result nor an error"}
	}
	delete(waiting, id)
	return json.Unmarshal(result, q.out)
}

// members are those of an object, by their exact names, each there once.
func members(text []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, malformed{"it is not an object"}
	}
	all := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		key, ok := name.(string)
		if _, twice := all[key]; !ok || twice {
			return nil, malformed{"it has a member twice"}
		}
		all[key] = value
	}
	return all, nil
}

// errTooLong ends the reading of an answer.
var errTooLong = errors.New("the node's answer is longer than " + strconv.Itoa(maxAnswer) + " bytes")

// bounded limits the answers of a transport.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = &limited{res.Body, maxAnswer}
	}
	return res, err
}

type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLong
	}
	n, err := l.ReadCloser.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
