package port

import (
	"context"
	"strconv"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/bridgeclient"
)

// Args are the arguments of all calls; each says which it needs.
type Args struct {
	ID        string       `json:"id,omitempty"` // of what is asked for
	Input     *quote.Input `json:"input,omitempty"`
	Account   string       `json:"account,omitempty"`
	Quote     string       `json:"quote,omitempty"`
	Purpose   string       `json:"purpose,omitempty"`
	Reference string       `json:"reference,omitempty"`
	Key       string       `json:"key,omitempty"` // Idempotency-Key
	State     string       `json:"state,omitempty"`
	Cursor    string       `json:"cursor,omitempty"`
	Requests  []string     `json:"requests,omitempty"`
	Member    string       `json:"member,omitempty"`
	Decision  string       `json:"decision,omitempty"` // frame.Approve, Reject, Initiate
	PayAgain  bool         `json:"pay_again,omitempty"`
	Relay     string       `json:"relay,omitempty"`
	Gesture   bool         `json:"gesture,omitempty"`
}

// asked is one call.
type asked struct {
	*Args
	ctx  context.Context
	core *core.Core
	port *Port
	n    string // the number of the call
}

// step reports how a call goes.
func (a asked) step(v any) { a.port.say("id", a.n, "step", encode(v)) }

// calls is the table of what JavaScript may call; wasm/js/port.d.ts has the same list.
// What a call returns is told as JSON: bodies of the gateway's API as shared/wire has
// them. Each ends when it is cancelled.
var calls = []struct {
	name string
	do   func(asked) (any, error)
}{
	{"session", session},
	{"providers", func(a asked) (any, error) { return core.Get[wire.Providers](a.ctx, a.core, "/v1/providers") }},
	{"quotes", quotes},
	{"makeRequest", makeRequest},
	{"requests", func(a asked) (any, error) {
		return core.Get[wire.Page[wire.Request]](a.ctx, a.core, "/v1/requests?limit=100"+given("state", a.State)+given("cursor", a.Cursor))
	}},
	{"request", func(a asked) (any, error) { return one[wire.Request](a, "/v1/requests/") }},
	{"makeOrder", makeOrder},
	{"makeTicket", makeTicket},
	{"orders", func(a asked) (any, error) {
		return core.Get[wire.Page[wire.Order]](a.ctx, a.core, "/v1/orders?limit=100"+given("cursor", a.Cursor))
	}},
	{"order", func(a asked) (any, error) { return one[wire.Order](a, "/v1/orders/") }},
	{"accounts", func(a asked) (any, error) { return core.Get[wire.Accounts](a.ctx, a.core, "/v1/accounts") }},
	{"account", func(a asked) (any, error) { return one[wire.Account](a, "/v1/accounts/") }},
	{"decide", decide},
	{"connect", connect},
	{"stopConnecting", func(a asked) (any, error) { a.core.StopConnecting(); return nil, nil }},
	{"forget", func(a asked) (any, error) { return nil, a.core.Forget(a.ctx) }},
	{"listen", func(a asked) (any, error) { return a.core.Listen(), nil }},
	{"renew", func(a asked) (any, error) { return nil, a.core.Renew() }},
}

// given is a further parameter of a query; nothing without a value, which the gateway
// refuses.
func given(name, value string) string {
	if value == "" {
		return ""
	}
	return "&" + name + "=" + core.Escape(value)
}

// call begins a call.
func (p *Port) call(m *message) {
	a := asked{Args: m.Args, core: p.cfg.Core, port: p, n: strconv.FormatInt(m.ID, 10)}
	if a.Args == nil {
		a.Args = &Args{}
	}
	ctx, cancel := context.WithCancel(p.ctx)
	a.ctx = ctx
	p.mu.Lock()
	p.calls[m.ID] = cancel
	p.mu.Unlock()
	go func() {
		defer p.end(m.ID)
		v, err := run(m.Call, a)
		if err != nil {
			p.say("id", a.n, "error", encode(p.problem(err)))
			return
		}
		p.say("id", a.n, "ok", encode(v))
	}()
}

func run(name string, a asked) (any, error) {
	for i := range calls {
		if calls[i].name == name {
			return calls[i].do(a)
		}
	}
	return nil, fault.New(fault.NotSupported, "the core has no such call")
}

// end cancels a call that has not ended.
func (p *Port) end(n int64) {
	p.mu.Lock()
	cancel := p.calls[n]
	delete(p.calls, n)
	p.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// one asks for what an id names.
func one[T any](a asked, path string) (v T, err error) {
	if !id.Valid(a.ID) {
		return v, fault.New(fault.Invalid, "that is not an id").With("field", "id")
	}
	return core.Get[T](a.ctx, a.core, path+a.ID)
}

// Session is who is signed in.
type Session struct {
	Entity wire.Entity `json:"entity"`
	Until  time.Time   `json:"until"`
}

func session(a asked) (any, error) {
	e, err := core.Get[wire.Entity](a.ctx, a.core, "/v1/entity")
	return Session{e, a.core.Until()}, err
}

// Offer is a step of quotes: one provider's answer.
type Offer struct {
	Row *quote.Row      `json:"row,omitempty"`
	Out *quote.Excluded `json:"out,omitempty"`
}

func quotes(a asked) (any, error) {
	if a.Input == nil {
		return nil, fault.New(fault.Invalid, "what to buy is missing").With("field", "input")
	}
	result, err := a.core.Quotes(a.ctx, *a.Input, a.Account, func(o core.Offer) { a.step(Offer(o)) })
	if err != nil {
		return nil, err
	}
	return *result, nil
}

func makeRequest(a asked) (any, error) {
	var r wire.Request
	err := a.core.Post(a.ctx, "/v1/requests", a.Key, wire.RequestInput{QuoteID: a.Quote, AccountID: a.Account, Purpose: a.Purpose, Reference: a.Reference}, &r)
	return r, err
}

func makeOrder(a asked) (any, error) {
	var o wire.Order
	err := a.core.Post(a.ctx, "/v1/orders", a.Key, wire.OrderInput{RequestID: a.ID}, &o)
	return o, err
}

func makeTicket(a asked) (any, error) {
	var o wire.Order
	if !id.Valid(a.ID) {
		return nil, fault.New(fault.Invalid, "that is not an id").With("field", "id")
	}
	err := a.core.Post(a.ctx, "/v1/orders/"+a.ID+"/tickets", a.Key, wire.TicketInput{PayAgain: a.PayAgain}, &o)
	return o, err
}

// Step is how a decision goes. One of the fields says what happened.
type Step struct {
	Prompt  *Prompt  `json:"prompt,omitempty"` // the bridge's prompt opened, or closed
	Lines   string   `json:"lines,omitempty"`  // that it shows
	Signed  bool     `json:"signed,omitempty"`
	Of      int      `json:"of,omitempty"` // how many the bridge is done with, of how many
	Have    int      `json:"have,omitempty"`
	Verdict *Verdict `json:"verdict,omitempty"`
}

// Prompt is the bridge's.
type Prompt struct {
	Open  bool       `json:"open"`
	Kind  string     `json:"kind"`
	Where string     `json:"where"`
	Again bool       `json:"again"` // the PIN before was wrong
	Ends  *time.Time `json:"ends,omitempty"`
}

// Verdict is what the signer recorded about a request, or why it did not.
type Verdict struct {
	Request string   `json:"request"`
	State   string   `json:"state,omitempty"`
	Have    int      `json:"have"` // approvals
	Of      int      `json:"of"`   // that are needed
	Lines   string   `json:"lines,omitempty"`
	Error   *Problem `json:"error,omitempty"`
}

// decide takes one decision, or several as one list. Each request's verdict is a step.
func decide(a asked) (any, error) {
	if len(a.Requests) == 0 || len(a.Requests) > frame.MaxBatch {
		return nil, fault.New(fault.Invalid, "one decision is about 1 to "+strconv.Itoa(frame.MaxBatch)+" requests").With("field", "requests")
	}
	for _, r := range a.Requests {
		if !id.Is(id.Request, r) {
			return nil, fault.New(fault.Invalid, "that is not the id of a request").With("field", "requests")
		}
	}
	e, err := core.Get[wire.Entity](a.ctx, a.core, "/v1/entity")
	if err != nil {
		return nil, err
	}
	d := core.Decision{Entity: e.ID, Member: a.Member, Decision: a.Decision, Requests: a.Requests}
	if len(d.Requests) > 1 {
		a.core.DecideAll(a.ctx, d, a.moved)
		return nil, nil
	}
	r, err := a.core.Decide(a.ctx, d, a.moved)
	if err != nil {
		return nil, err
	}
	a.step(Step{Verdict: &Verdict{Request: d.Requests[0], State: r.State, Have: len(r.Approvals), Of: r.Needed, Lines: r.Text}})
	return nil, nil
}

// moved tells how a decision goes.
func (a asked) moved(event any) {
	switch e := event.(type) {
	case core.PromptChanged:
		p := &Prompt{Open: e.Open, Kind: e.Kind, Where: e.Where, Again: e.Again}
		if !e.Ends.IsZero() {
			p.Ends = &e.Ends
		}
		a.step(Step{Prompt: p})
	case core.PromptShown:
		a.step(Step{Lines: e.Text})
	case core.DecisionMoved:
		a.step(Step{Signed: true})
	case core.BatchMoved:
		a.step(Step{Have: e.Done, Of: e.Of})
	case core.ItemEnded:
		v := &Verdict{Request: e.Request, State: e.State, Have: e.Done, Of: e.Needed, Lines: e.Text}
		if e.Err != nil {
			p := a.port.problem(e.Err)
			v.Error = &p
		}
		a.step(Step{Verdict: v})
	}
}

// connect looks for the bridge; the event bridge tells how it goes.
func connect(a asked) (any, error) {
	a.core.Connect(core.Connect{Gesture: a.Gesture, Relay: a.Relay}, a.port.told)
	return nil, nil
}

// problem is an error as JavaScript reads it, in the page's words.
func (p *Port) problem(err error) Problem {
	f, words := app.Explain(err, p.cfg.Settings.Origin)
	if why := bridgeclient.ProblemOf(err); why != "" {
		f = f.With("problem", string(why))
	}
	out := Problem{Body: fault.BodyOf(f, ""), Remedy: strings.TrimSpace(words.Safe + " " + words.Do)}
	out.Message = words.Title
	return out
}
