package shell

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/gatewayclient"
	"countersign/wasm/internal/quoteui"
)

// The time limits of calls to the gateway.
const (
	callTime   = 20 * time.Second
	streamTime = 30 * time.Second
)

// do carries a command out, or starts to.
func (s *Shell) do(c app.Command) {
	switch c := c.(type) {
	case app.StopQuotes:
		s.stopQuotes()
	case app.StopDeciding:
		s.mu.Lock()
		stop := s.decision
		s.mu.Unlock()
		if stop != nil {
			stop()
		}
	case app.StopConnecting:
		s.stopConnecting()
	case app.Listen:
		go s.listen(s.newStream())
	case app.StopListening:
		s.stopListening()
	case app.AskQuotes:
		ctx := s.newQuestion()
		go s.quote(ctx, c)
	case app.Open:
		_ = s.cfg.Host.Open(s.cfg.GatewayURL+c.URL, c.NewTab) // the page shows the link too
	case app.Reload:
		s.cfg.Host.Reload()
	case app.ChangeEntity:
		s.cfg.Host.ChangeEntity(c.ID)
	default:
		go s.later(c)
	}
}

func (s *Shell) later(c app.Command) {
	switch c := c.(type) {
	case app.Load:
		s.load(c)
	case app.MakeRequest:
		var r wire.Request
		err := s.post("/v1/requests", c.Key, wire.RequestInput{QuoteID: c.Quote, AccountID: c.Account, Purpose: c.Purpose}, &r)
		s.Post(app.RequestMade{Operation: c.Operation, Request: r, Err: err})
	case app.MakeOrder:
		var o wire.Order
		err := s.post("/v1/orders", c.Key, wire.OrderInput{RequestID: c.Request}, &o)
		s.Post(app.OrderMade{Operation: c.Operation, Order: o, Err: err})
	case app.MakeTicket:
		var o wire.Order
		err := s.post("/v1/orders/"+c.Order+"/tickets", c.Key, wire.TicketInput{PayAgain: c.PayAgain}, &o)
		s.Post(app.OrderMade{Operation: c.Operation, Order: o, Err: err})
	case app.ConnectBridge:
		s.connect(c, false)
	case app.ForgetBridge:
		s.connect(app.ConnectBridge{Gesture: true}, true)
	case app.AskDevices:
		s.devices()
	case app.Decide:
		s.decide(c)
	case app.DecideAll:
		s.decideAll(c)
	case app.RenewToken:
		_ = s.renewNow() // the keeper reports
	case app.SaveForm:
		if text, err := strictjson.Canonical(c.Form); err == nil {
			_ = s.cfg.Host.Set(s.ctx, storeForm, string(text)) // a browser without storage forgets the form
		}
	case app.After:
		if s.sleep(c.Delay) {
			s.Post(app.Waited{Name: c.Name, Seq: c.Seq})
		}
	case app.MeasureClock:
		s.measure()
	}
}

func readForm(text string) *quoteui.Form {
	var f quoteui.Form
	if strictjson.Unmarshal([]byte(text), &f, 4<<10) != nil {
		return nil
	}
	return &f
}

func (s *Shell) post(path, key string, in, out any) error {
	ctx, cancel := context.WithTimeout(s.ctx, callTime)
	defer cancel()
	return s.gateway.Post(ctx, path, key, in, out)
}

func (s *Shell) load(c app.Load) {
	ctx, cancel := context.WithTimeout(s.ctx, callTime)
	defer cancel()
	value, err := s.fetch(ctx, c)
	s.Post(app.Loaded{What: c.What, ID: c.ID, Value: value, Err: err})
}

func (s *Shell) fetch(ctx context.Context, c app.Load) (any, error) {
	switch c.What {
	case app.TheEntity:
		return get[wire.Entity](ctx, s, "/v1/entity")
	case app.TheProviders:
		p, err := get[wire.Providers](ctx, s, "/v1/providers")
		return p.Providers, err
	case app.TheRequests:
		p, err := get[wire.Page[wire.Request]](ctx, s, "/v1/requests?limit=100")
		return p.Items, err
	case app.TheRequest:
		return get[wire.Request](ctx, s, "/v1/requests/"+c.ID)
	case app.TheOrders:
		p, err := get[wire.Page[wire.Order]](ctx, s, "/v1/orders?limit=100")
		return p.Items, err
	case app.TheOrder:
		return get[wire.Order](ctx, s, "/v1/orders/"+c.ID)
	case app.TheAccounts:
		a, err := get[wire.Accounts](ctx, s, "/v1/accounts")
		return a.Accounts, err
	case app.TheAccount:
		return get[wire.Account](ctx, s, "/v1/accounts/"+c.ID)
	case app.TheStatement:
		request, member, _ := strings.Cut(c.ID, " ")
		p, err := get[wire.StatementPreview](ctx, s, "/v1/requests/"+request+"/statement?member="+member)
		return p.Text, err
	}
	return nil, fault.New(fault.Internal, "the page asked for something that it does not know")
}

func get[T any](ctx context.Context, s *Shell, path string) (T, error) {
	var v T
	err := s.gateway.Get(ctx, path, &v)
	return v, err
}

// measure compares the server's clock with this computer's: the middle of the
// round trip is when the server looked.
func (s *Shell) measure() {
	ctx, cancel := context.WithTimeout(s.ctx, callTime)
	defer cancel()
	asked := s.cfg.Now()
	c, err := get[wire.Clock](ctx, s, "/v1/clock")
	answered := s.cfg.Now()
	if err == nil && answered.Sub(asked) < 5*time.Second {
		s.Post(app.ClockSet{Skew: c.Now.Sub(asked.Add(answered.Sub(asked) / 2))})
	}
}

func (s *Shell) stopQuotes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quotes != nil {
		s.quotes()
		s.quotes = nil
	}
}

// newQuestion gives the earlier question up, so that its answers stop.
func (s *Shell) newQuestion() context.Context {
	s.stopQuotes()
	ctx, cancel := context.WithTimeout(s.ctx, streamTime)
	s.mu.Lock()
	s.quotes = cancel
	s.mu.Unlock()
	return ctx
}

func (s *Shell) quote(ctx context.Context, c app.AskQuotes) {
	q := "/v1/quotes?from=" + escape(c.Input.From) + "&to=" + escape(c.Input.To) + "&amount=" + escape(c.Input.Amount) +
		"&payment-method=" + escape(c.Input.PaymentMethod) + "&country=" + escape(c.Input.Country) + "&account=" + escape(c.Account)
	var result *quote.Result
	err := s.gateway.Stream(ctx, q, func(e gatewayclient.Event) error {
		switch e.Name {
		case wire.EventQuote:
			var row quote.Row
			if err := strictjson.Unmarshal(e.Data, &row, gatewayclient.MaxEvent); err != nil {
				return err
			}
			s.Post(app.OfferCame{Seq: c.Seq, Offer: quoteui.Offer{Provider: row.Provider, Name: row.ProviderName, Row: &row}})
		case wire.EventExcluded:
			var out quote.Excluded
			if err := strictjson.Unmarshal(e.Data, &out, gatewayclient.MaxEvent); err != nil {
				return err
			}
			s.Post(app.OfferCame{Seq: c.Seq, Offer: quoteui.Offer{Provider: out.Provider, Name: out.ProviderName, Out: &out}})
		case wire.EventDone:
			var done wire.Quotes
			if err := strictjson.Unmarshal(e.Data, &done, gatewayclient.MaxEvent); err != nil {
				return err
			}
			result = &done.Result
		case wire.EventError:
			var p wire.Problem
			if err := strictjson.Unmarshal(e.Data, &p, gatewayclient.MaxEvent); err != nil {
				return err
			}
			return p.Fault()
		}
		return nil
	})
	if err == nil && result == nil {
		err = fault.New(fault.Unavailable, "the stream of prices broke off")
	}
	s.Post(app.QuotesEnded{Seq: c.Seq, Result: result, Err: err})
}

// escape writes a value of a query (RFC 3986 §2.3).
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// source asks the dashboard's back end for an entity token; the API key stays
// there.
type source struct {
	fetch gatewayclient.Fetch
	url   string
}

func (t source) Fetch(ctx context.Context) (auth.Token, error) {
	res, err := t.fetch.Do(ctx, gatewayclient.Request{Method: "POST", URL: t.url, Header: map[string]string{"Accept": "application/json"}})
	if err != nil {
		return auth.Token{}, gatewayclient.Unreachable(ctx, err)
	}
	var reply wire.TokenReply
	if err := gatewayclient.Decode(res, &reply); err != nil {
		return auth.Token{}, err
	}
	if !strings.EqualFold(reply.TokenType, "Bearer") || reply.ExpiresIn <= 0 || reply.ExpiresIn > 1<<31 {
		return auth.Token{}, fault.New(fault.Unauthenticated, "the dashboard's back end gave no usable token")
	}
	return auth.Token{Value: reply.AccessToken, Lifetime: time.Duration(reply.ExpiresIn) * time.Second}, nil
}

// records carries the channel's records to the signer, for the relay.
type records struct{ gateway *gatewayclient.Client }

// OpenChannel is POST /v1/channels.
func (r records) OpenChannel(ctx context.Context, record []byte) (string, []byte, error) {
	var out wire.Channel
	if err := r.gateway.Post(ctx, "/v1/channels", "", wire.RecordInput{Record: base64.RawURLEncoding.EncodeToString(record)}, &out); err != nil {
		return "", nil, err
	}
	if !id.Is(id.Channel, out.Channel) {
		return "", nil, fault.New(fault.Internal, "the gateway gave the channel no name")
	}
	answer, err := unrecord(out.Record)
	return out.Channel, answer, err
}

// SendRecord is POST /v1/channels/{id}/records.
func (r records) SendRecord(ctx context.Context, channel string, record []byte) ([]byte, error) {
	var out wire.Record
	if err := r.gateway.Post(ctx, "/v1/channels/"+channel+"/records", "", wire.RecordInput{Record: base64.RawURLEncoding.EncodeToString(record)}, &out); err != nil {
		return nil, err
	}
	return unrecord(out.Record)
}

func unrecord(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil, fault.New(fault.RecordInvalid, "the gateway sent a record that is not base64url")
	}
	return b, nil
}
