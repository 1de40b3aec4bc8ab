package hostile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/receipt"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// step is a record of a channel, by where it is in the course of an approval.
type step string

const (
	first     step = "act 1"
	second    step = "act 2"
	third     step = "act 3"
	welcome   step = "welcome"
	get       step = "question"
	served    step = "statement"
	submit    step = "signature"
	receipted step = "receipt"
)

// gateway stands between the vault and everybody else, and is honest until a row has it
// alter something.
type gateway struct {
	world  *world
	signer http.Handler

	alter   map[step]func(*line, []byte) []byte // records on their way
	route   func(string) string                 // which channel a record is for
	asks    func(*wire.SignerRequestInput)      // what is asked of the signer
	shows   func(path string, answer any) any   // an answer about the vault
	carries func(*files)                        // before a vault begins
	stores  func(*receipt.File)                 // a receipt
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// call calls the signer.
func (g *gateway) call(method, path string, in, out any) error {
	body, err := json.Marshal(in)
	g.world.must(err)
	w := httptest.NewRecorder()
	g.signer.ServeHTTP(w, httptest.NewRequestWithContext(g.world.t.Context(), method, path, bytes.NewReader(body)))
	if w.Code != http.StatusOK {
		var p wire.Problem
		g.world.must(strictjson.Unmarshal(w.Body.Bytes(), &p, 1<<20))
		return refuses(atSigner, p.Fault())
	}
	g.world.must(strictjson.Unmarshal(w.Body.Bytes(), out, 1<<20))
	return nil
}

func (g *gateway) pass(l *line, at step, record []byte) []byte {
	if alter := g.alter[at]; alter != nil {
		delete(g.alter, at) // what it does meanwhile is honest
		return alter(l, record)
	}
	return record
}

// begin carries act 1 to the signer, and act 2 back.
func (g *gateway) begin(l *line, record []byte) ([]byte, error) {
	var opened wire.SignerChannel
	if err := g.call("POST", "/v1/channels", wire.SignerRecord{Record: encode(g.pass(l, first, record))}, &opened); err != nil {
		return nil, err
	}
	l.route = opened.Channel
	answer, err := base64.RawURLEncoding.DecodeString(opened.Record)
	g.world.must(err)
	return g.pass(l, second, answer), nil
}

// deliver hands a record to the signer.
func (g *gateway) deliver(route string, record []byte) ([]byte, error) {
	var reply wire.SignerReply
	if err := g.call("POST", "/v1/channels/"+route+"/records", wire.SignerRecord{Record: encode(record)}, &reply); err != nil {
		return nil, err
	}
	answer, err := base64.RawURLEncoding.DecodeString(reply.Record)
	g.world.must(err)
	return answer, nil
}

// relay carries a record to the signer, and its answer back.
func (g *gateway) relay(l *line, up, down step, record []byte) ([]byte, error) {
	record = g.pass(l, up, record)
	route := l.route
	if g.route != nil {
		route = g.route(route)
	}
	answer, err := g.deliver(route, record)
	if err != nil {
		return nil, err
	}
	return g.pass(l, down, answer), nil
}

// request asks the signer for what a page wants.
func (g *gateway) request(id string, wants intent.Intent) error {
	in := wire.SignerRequestInput{Request: id, Intent: intenttest.Doc(wants), ExpiresAt: g.world.clock().Add(time.Hour)}
	if g.asks != nil {
		g.asks(&in)
	}
	return g.call("POST", "/v1/requests", in, new(wire.SignerRequest))
}

// RoundTrip answers an auditor.
func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	var answer any
	q := r.URL.Query()
	lines := g.world.lines()
	switch r.URL.Path {
	case "/v1/log":
		page := wire.LogPage{Entries: []wire.LogEntry{}}
		for i := number(q.Get("after")) + 1; i < int64(len(lines)); i++ {
			page.Entries = append(page.Entries, wire.LogEntry{Seq: i, JWS: lines[i]})
		}
		answer = page
	case "/v1/log/checkpoint":
		var note wire.SignerNote
		if err := g.call("GET", "/v1/log/checkpoint", nil, &note); err != nil {
			return nil, err
		}
		c := wire.LogCheckpoint{Note: note.Note, Proof: []string{}}
		if since := number(q.Get("since")); since > 0 {
			c.Proof = follows(lines, since)
		}
		answer = c
	default:
		answer = g.says(r.URL.Path, g.world.replay(lines))
	}
	if g.shows != nil {
		answer = g.shows(r.URL.Path, answer)
	}
	w := httptest.NewRecorder()
	if p, ok := answer.(wire.Problem); ok {
		w.WriteHeader(http.StatusConflict)
		answer = p
	}
	err := json.NewEncoder(w).Encode(answer)
	return w.Result(), err
}

// says is what it has read of the log.
func (g *gateway) says(path string, t told) any {
	now := t.state.Current()
	switch path {
	case "/v1/entity":
		e := wire.Entity{ID: now.Entity, Name: now.EntityName}
		e.Log.Size, e.Log.Head = t.mark.Size, t.mark.Head
		for _, m := range now.Members {
			e.Members = append(e.Members, wire.Member{ID: m.Member, Name: m.Name, Role: m.Role, Key: t.state.Member(m.Member).ApprovalKey.Thumbprint()})
		}
		return e
	case "/v1/accounts":
		var all wire.Accounts
		for _, a := range now.Accounts {
			all.Accounts = append(all.Accounts, wire.Account{ID: a.Account, Name: a.Name, Chain: a.Chain, Address: a.Address, Rules: a.Rules})
		}
		return all
	case "/v1/vault":
		var v wire.Vault
		for _, k := range t.state.ReportingKeys {
			is, _ := t.state.Reporting(k.ID)
			v.ReportingKeys = append(v.ReportingKeys, wire.VaultReportingKey{
				Since: wire.Since{Version: t.state.ReportingKey(k.ID).Version}, ID: k.ID, Name: is.Name, State: is.State, Reads: is.Scope, Accounts: is.Accounts, Verifier: is.Verifier,
			})
		}
		return v
	}
	var page wire.Page[wire.Request]
	for id, r := range t.requests {
		by := r.GovernedBy
		shown := wire.Request{ID: id, State: map[string]string{"": wire.RequestPending, "APPROVED": wire.RequestApproved, "REJECTED": wire.RequestRejected}[r.Outcome],
			Intent: r.Intent, IntentDigest: intent.Digest(r.Intent), Impact: r.Impact, CreatedAt: r.CreatedAt, ExpiresAt: time.Unix(r.Expires, 0).UTC(),
			Rule: wire.Rule{RuleSet: by.RuleSet, Version: by.Version, Digest: by.Digest, Name: by.Rule}}
		if to, ok := r.Receives(); ok {
			shown.Address = &wire.DepositInfo{Chain: to.Chain, Address: to.Address, Attestation: r.Attestation}
		}
		for _, d := range r.Accepted {
			shown.History = append(shown.History, wire.Event{Type: "approval", Seq: d.Seq})
		}
		page.Items = append(page.Items, shown)
	}
	return page
}

func number(text string) (n int64) {
	_ = json.Unmarshal([]byte(text), &n) // absent is 0
	return n
}

// hashes reads the tree over lines.
func hashes(lines []string) tlog.HashReader {
	var all []tlog.Hash
	var tree signedlog.Tree
	for _, line := range lines {
		var more []tlog.Hash
		tree, more = tree.Add(line)
		all = append(all, more...)
	}
	return tlog.HashReaderFunc(func(at []int64) (found []tlog.Hash, err error) {
		for _, i := range at {
			found = append(found, all[i])
		}
		return found, nil
	})
}

// follows proves that lines go on after the first before.
func follows(lines []string, before int64) []string {
	proof, err := tlog.ProveTree(int64(len(lines)), before, hashes(lines))
	if err != nil {
		return []string{}
	}
	return signedlog.HashTexts(proof)
}

// receipt makes the receipt of a request, which rests on changes of the vault.
func (g *gateway) receipt(request string, changes ...string) []byte {
	lines := g.world.lines()
	t := g.world.replay(lines)
	var note wire.SignerNote
	g.world.must(g.call("GET", "/v1/log/checkpoint", nil, &note))
	f := receipt.File{V: 1, Type: "receipt", Request: request, Note: note.Note}
	about := append([]int64{0}, t.about[request]...)
	for _, c := range changes {
		about = append(about, t.about[c]...)
	}
	slices.Sort(about)
	for _, seq := range about {
		f.Lines = append(f.Lines, g.line(lines, seq))
	}
	if g.stores != nil {
		g.stores(&f)
	}
	data, err := receipt.Encode(f)
	g.world.must(err)
	return data
}

// line is a line of a receipt.
func (g *gateway) line(lines []string, seq int64) receipt.Line {
	path, err := tlog.ProveRecord(int64(len(lines)), seq, hashes(lines))
	g.world.must(err)
	return receipt.Line{Seq: seq, JWS: lines[seq], Path: signedlog.HashTexts(path)}
}
