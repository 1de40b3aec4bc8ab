package surface

import (
	"context"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/quoteui"
)

// do carries a command out, or starts to.
func (s *Surface) do(c app.Command) {
	switch c := c.(type) {
	case app.StopQuotes:
		s.stop(&s.quotes)
	case app.StopDeciding:
		s.stop(&s.decision)
	case app.StopConnecting:
		s.cfg.Core.StopConnecting()
	case app.Listen:
		if s.cfg.Core.Listen() {
			s.Post(app.Listening{On: true})
		}
	case app.StopListening:
		s.cfg.Core.StopListening()
	case app.ConnectBridge:
		s.asks(c.Gesture)
		s.cfg.Core.Connect(core.Connect{Gesture: c.Gesture, Relay: c.Relay}, s.told)
	case app.ForgetBridge:
		s.asks(true)
		s.cfg.Core.Connect(core.Connect{Gesture: true, Forget: true}, s.told)
	case app.AskQuotes:
		go s.quote(s.begun(&s.quotes), c)
	case app.Decide:
		go s.decide(s.begun(&s.decision), c)
	case app.DecideAll:
		go s.cfg.Core.DecideAll(s.begun(&s.decision), core.Decision{Entity: c.Entity, Member: c.Member, Decision: c.Decision, Requests: c.Requests}, s.told)
	case app.Tell:
		s.cfg.Host.Tell(c.What, c.Detail)
	default:
		go s.later(c)
	}
}

// stop cancels what runs, begun begins it again.
func (s *Surface) stop(running *context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *running != nil {
		(*running)()
		*running = nil
	}
}

func (s *Surface) begun(running *context.CancelFunc) context.Context {
	s.stop(running)
	ctx, cancel := context.WithCancel(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	*running = cancel
	return ctx
}

func (s *Surface) later(c app.Command) {
	switch c := c.(type) {
	case app.Load:
		value, err := s.load(c)
		s.Post(app.Loaded{What: c.What, ID: c.ID, Value: value, Err: err})
	case app.MakeRequest:
		var r wire.Request
		err := s.cfg.Core.Post(s.ctx, "/v1/requests", c.Key, wire.RequestInput{QuoteID: c.Quote, AccountID: c.Account, Purpose: c.Purpose, Reference: c.Reference}, &r)
		s.Post(app.RequestMade{Operation: c.Operation, Request: r, Err: err})
	case app.MakeOrder:
		var o wire.Order
		err := s.cfg.Core.Post(s.ctx, "/v1/orders", c.Key, wire.OrderInput{RequestID: c.Request}, &o)
		s.Post(app.OrderMade{Operation: c.Operation, Order: o, Err: err})
	case app.MakeTicket:
		var o wire.Order
		err := s.cfg.Core.Post(s.ctx, "/v1/orders/"+c.Order+"/tickets", c.Key, wire.TicketInput{PayAgain: c.PayAgain}, &o)
		s.Post(app.OrderMade{Operation: c.Operation, Order: o, Err: err})
	case app.AskDevices:
		s.cfg.Core.AskDevices()
	case app.RenewToken:
		_ = s.cfg.Core.Renew() // the core tells
	case app.SaveForm:
		if text, err := strictjson.Canonical(c.Form); err == nil && s.cfg.Form == nil {
			_ = s.cfg.Store.Set(s.ctx, storeForm, string(text)) // a browser without storage forgets the form
		}
	case app.After:
		if s.sleep(c.Delay) {
			s.Post(app.Waited{Name: c.Name, Seq: c.Seq})
		}
	case app.MeasureClock:
		s.cfg.Core.MeasureClock()
	}
}

func readForm(text string) *quoteui.Form {
	var f quoteui.Form
	if strictjson.Unmarshal([]byte(text), &f, 4<<10) != nil {
		return nil
	}
	return &f
}

func (s *Surface) load(c app.Load) (any, error) {
	switch c.What {
	case app.TheEntity:
		return get[wire.Entity](s, "/v1/entity")
	case app.TheProviders:
		p, err := get[wire.Providers](s, "/v1/providers")
		return p.Providers, err
	case app.TheRequests:
		return s.requests()
	case app.TheOlder:
		return get[wire.Page[wire.Request]](s, "/v1/requests?limit=100&cursor="+c.ID)
	case app.TheRequest:
		return get[wire.Request](s, "/v1/requests/"+c.ID)
	case app.TheOrders:
		p, err := get[wire.Page[wire.Order]](s, "/v1/orders?limit=100")
		return p.Items, err
	case app.TheOrder:
		return get[wire.Order](s, "/v1/orders/"+c.ID)
	case app.TheAccounts:
		a, err := get[wire.Accounts](s, "/v1/accounts")
		return a.Accounts, err
	case app.TheAccount:
		return get[wire.Account](s, "/v1/accounts/"+c.ID)
	case app.TheStatement:
		request, member, _ := strings.Cut(c.ID, " ")
		p, err := get[wire.StatementPreview](s, "/v1/requests/"+request+"/statement?member="+member)
		return p.Text, err
	}
	return nil, fault.New(fault.Internal, "the page asked for something that it does not know")
}

// maxPages is how many pages of open requests are read, of each state.
const maxPages = 20

// requests are the newest ones and, when there are more, all that somebody still has to
// do something about.
func (s *Surface) requests() (any, error) {
	all, err := get[wire.Page[wire.Request]](s, "/v1/requests?limit=100")
	if err != nil || all.NextCursor == "" {
		return all, err
	}
	seen := map[string]bool{}
	for _, r := range all.Items {
		seen[r.ID] = true
	}
	for _, state := range []string{wire.RequestUnsent, wire.RequestPending, wire.RequestApproved, wire.RequestOrdered} {
		cursor := ""
		for range maxPages {
			p, err := get[wire.Page[wire.Request]](s, "/v1/requests?limit=100&state="+state+cursor)
			if err != nil {
				return nil, err
			}
			for _, r := range p.Items {
				if !seen[r.ID] {
					seen[r.ID] = true
					all.Items = append(all.Items, r)
				}
			}
			if p.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + p.NextCursor
		}
	}
	return all, nil
}

func get[T any](s *Surface, path string) (T, error) { return core.Get[T](s.ctx, s.cfg.Core, path) }

func (s *Surface) quote(ctx context.Context, c app.AskQuotes) {
	result, err := s.cfg.Core.Quotes(ctx, c.Input, c.Account, func(o core.Offer) {
		offer := quoteui.Offer{Row: o.Row, Out: o.Out}
		if o.Row != nil {
			offer.Provider, offer.Name = o.Row.Provider, o.Row.ProviderName
		} else {
			offer.Provider, offer.Name = o.Out.Provider, o.Out.ProviderName
		}
		s.Post(app.OfferCame{Seq: c.Seq, Offer: offer})
	})
	s.Post(app.QuotesEnded{Seq: c.Seq, Result: result, Err: err})
}

func (s *Surface) decide(ctx context.Context, c app.Decide) {
	result, err := s.cfg.Core.Decide(ctx, core.Decision{Entity: c.Entity, Member: c.Member, Decision: c.Decision, Requests: []string{c.Request}}, s.told)
	if err != nil {
		s.Post(app.DecisionEnded{Err: err})
		return
	}
	s.Post(app.DecisionEnded{Text: result.Text, State: result.State, Done: len(result.Approvals), Needed: result.Needed})
}
