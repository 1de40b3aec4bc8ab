package pretend

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/amount"
	"countersign/shared/quote"
	"countersign/shared/strictjson"
)

// Chain is how a provider delivers.
type Chain interface {
	// Send transfers value (in wei) to an address from the provider's own funds.
	Send(provider string, to common.Address, value *big.Int) (tx string, err error)
	// Sent finds a transfer that was made before.
	Sent(to common.Address, value *big.Int) (tx string, ok bool)
}

// Config says where the providers are.
type Config struct {
	Base  string // URL under which they are served, without a slash at the end
	Dir   string // where orders are kept
	Chain Chain
	Now   func() time.Time
	// Notify sends the body of a notice of a provider; it does not wait. nil: none are sent.
	Notify func(provider string, body []byte)
}

// Faults are ways in which a provider can be told to misbehave:
// PUT /_control/{provider} with this as JSON.
type Faults struct {
	Down         bool  `json:"down,omitempty"`          // 503 to everything
	DelayMS      int64 `json:"delay_ms,omitempty"`      // on top of its own
	Malformed    bool  `json:"malformed,omitempty"`     // quotes that are not JSON
	WrongEcho    bool  `json:"wrong_echo,omitempty"`    // quotes for another currency
	PricePercent int64 `json:"price_percent,omitempty"` // the price moved by this much
	Expired      bool  `json:"expired,omitempty"`       // quotes that have run out already
}

// Server is the three providers.
type Server struct {
	cfg    Config
	orders *orders

	mu     sync.Mutex
	faults map[string]Faults
	firm   map[string]promise // by quoteId
}

// promise is a firm quote: until it ends, an order for the same gets its price.
type promise struct {
	in     quote.Input
	crypto amount.Amount
	end    time.Time
}

// New opens the orders of before.
func New(cfg Config) (*Server, error) {
	o, err := openOrders(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return &Server{cfg: cfg, orders: o, faults: map[string]Faults{}, firm: map[string]promise{}}, nil
}

// Handler serves the providers at /{id}/… and their faults at /_control/{id}.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "Sandbox providers: /"+strings.Join(IDs(), ", /"))
	})
	for _, p := range profiles() {
		mux.HandleFunc("GET /"+p.id+"/capabilities", s.guard(p, s.capabilities))
		mux.HandleFunc("GET /"+p.id+"/crypto-currencies", s.guard(p, s.assets))
		if p.singular {
			mux.HandleFunc("GET /"+p.id+"/quote", s.guard(p, s.quote))
		}
		if p.plural {
			mux.HandleFunc("GET /"+p.id+"/quotes", s.guard(p, s.quote))
		}
		mux.HandleFunc("GET /"+p.id+"/buy-redirect", s.guard(p, s.redirect))
		if p.tellsOrders {
			mux.HandleFunc("GET /"+p.id+"/orders/{id}", s.guard(p, s.order))
		}
		mux.HandleFunc("PUT /_control/"+p.id+"/orders/{id}", s.force(p))
		mux.HandleFunc("GET /"+p.id+"/widget", s.guard(p, s.widget))
		mux.HandleFunc("POST /"+p.id+"/widget", s.guard(p, s.pay))
		mux.HandleFunc("GET /"+p.id+"/widget.css", stylesheet(p))
		mux.HandleFunc("GET /_control/"+p.id, func(w http.ResponseWriter, _ *http.Request) { answer(w, s.fault(p.id)) })
		mux.HandleFunc("PUT /_control/"+p.id, s.control(p))
	}
	return mux
}

func (s *Server) fault(id string) Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults[id]
}

// control is for tests and curl; a page of another origin cannot send this
// content type without asking, and is not answered.
func (s *Server) control(p profile) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(io.LimitReader(r.Body, 4097))
		var f Faults
		if err != nil || r.Header.Get("Origin") != "" || strictjson.Unmarshal(data, &f, 4096) != nil || f.PricePercent <= -100 || f.PricePercent > 1000 {
			plain(w, http.StatusBadRequest, "Send the faults as JSON, such as {\"down\":true}; {} ends them.")
			return
		}
		s.mu.Lock()
		s.faults[p.id] = f
		s.mu.Unlock()
		answer(w, f)
	}
}

type handler func(w http.ResponseWriter, r *http.Request, p profile, f Faults)

func (s *Server) guard(p profile, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := s.fault(p.id)
		if f.Down {
			failed(w, http.StatusServiceUnavailable, "down for maintenance")
			return
		}
		h(w, r, p, f)
	}
}

func (s *Server) capabilities(w http.ResponseWriter, r *http.Request, p profile, _ Faults) {
	type method struct {
		Name string `json:"name"`
	}
	var fiats, countries []any
	for _, l := range p.limits {
		fiats = append(fiats, map[string]any{"fiat": l.fiat, "minAmount": json.Number(l.min), "maxAmount": json.Number(l.max)})
	}
	for _, c := range p.countries {
		var methods []method
		for _, m := range p.methods {
			methods = append(methods, method{m})
		}
		countries = append(countries, map[string]any{"country": c, "paymentMethods": methods})
	}
	name := "countriesCapabilities"
	if p.exampleNames {
		name = "countryCapabilities"
	}
	document(w, r, map[string]any{"fiatCurrencyCapabilities": fiats, name: countries})
}

func (s *Server) assets(w http.ResponseWriter, r *http.Request, p profile, _ Faults) {
	if !p.objects {
		document(w, r, p.assets)
		return
	}
	var list []any
	for _, id := range p.assets {
		kind := "coin"
		if strings.Contains(id, "/") {
			kind = "token"
		}
		chain, _, _ := strings.Cut(id, "/")
		list = append(list, map[string]any{"id": id, "type": kind, "blockchain": chain})
	}
	document(w, r, list)
}

// question reads the six parameters of the contract. What is wrong is said as
// the contract says it: text/plain, naming the parameter.
func (p profile) question(w http.ResponseWriter, q url.Values) (in quote.Input, ok bool) {
	bad := func(name string) (quote.Input, bool) {
		plain(w, http.StatusBadRequest, "Invalid value for: query parameter "+name)
		return in, false
	}
	for _, name := range []string{"from", "to", "payment-method", "amount", "country", "dest"} {
		if len(q[name]) != 1 {
			return bad(name)
		}
	}
	in, problems := quote.Normalise(quote.Input{
		From: q.Get("from"), To: q.Get("to"), PaymentMethod: q.Get("payment-method"), Amount: q.Get("amount"), Country: q.Get("country"), Dest: q.Get("dest"),
	})
	if len(problems) > 0 {
		return bad(strings.ReplaceAll(problems[0].Field, "_", "-"))
	}
	spend := amount.Must(in.Amount) // Normalise left digits only
	switch {
	case !p.takes(in.From, spend):
		return bad("amount")
	case !contains(p.assets, in.To):
		return bad("to")
	case !contains(p.countries, in.Country):
		return bad("country")
	case !p.accepts(in.PaymentMethod):
		return bad("payment-method")
	}
	return in, true
}

func (p profile) takes(fiat string, spend amount.Amount) bool {
	for _, l := range p.limits {
		if strings.EqualFold(l.fiat, fiat) {
			return spend.Cmp(amount.Must(l.min)) >= 0 && spend.Cmp(amount.Must(l.max)) <= 0
		}
	}
	return false
}

func (p profile) accepts(method string) bool {
	return contains(p.methods, method) || method == "card" && contains(p.methods, "visa")
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

func (s *Server) quote(w http.ResponseWriter, r *http.Request, p profile, f Faults) {
	in, ok := p.question(w, r.URL.Query())
	if !ok || !wait(r.Context(), p.delay+time.Duration(f.DelayMS)*time.Millisecond) {
		return
	}
	if f.Malformed {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"from":"EUR","to":`)
		return
	}
	crypto, fee := p.price(in.From, in.To, amount.Must(in.Amount), f.PricePercent)
	if f.WrongEcho {
		in.From = "JPY"
	}
	out := map[string]any{
		"from": in.From, "to": in.To, "fiatAmount": json.Number(in.Amount), "cryptoAmount": json.Number(crypto.String()),
	}
	if p.extension || f.Expired {
		expires := s.cfg.Now().Add(firmFor)
		if f.Expired {
			expires = s.cfg.Now().Add(-time.Second)
		}
		out["expiresAt"] = expires.UTC().Format(time.RFC3339)
	}
	if p.extension {
		out["quoteId"] = s.promise(in, crypto)
		out["feeBreakdown"] = []any{map[string]any{"type": "provider", "amount": fee.String(), "currency": in.From}}
		out["kyc"], out["priceType"], out["settlementSeconds"] = "light", "firm", map[string]int{"min": 10, "max": 120}
	}
	answer(w, out)
}

// firmFor is how long a firm quote is kept.
const firmFor = 45 * time.Second

// promise remembers a firm quote and names it.
func (s *Server) promise(in quote.Input, crypto amount.Amount) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	maps.DeleteFunc(s.firm, func(_ string, p promise) bool { return p.end.Before(now) })
	id := "np-" + strings.ToLower(rand.Text()[:12])
	in.Dest = "" // the quote is as good for another address
	s.firm[id] = promise{in, crypto, now.Add(firmFor)}
	return id
}

func (s *Server) promised(id string, in quote.Input) (amount.Amount, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.firm[id]
	in.Dest = ""
	return p.crypto, ok && p.in == in && !p.end.Before(s.cfg.Now())
}

// redirect places the order at the promised price, or else that of now, and answers with the widget's
// address, in the parameter names that this provider uses.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, p profile, f Faults) {
	q := r.URL.Query()
	in, ok := p.question(w, q)
	if !ok {
		return
	}
	id := q.Get("ledgerTransactionId")
	if len(q["ledgerTransactionId"]) != 1 || id == "" || len(id) > 64 {
		plain(w, http.StatusBadRequest, "Invalid value for: query parameter ledgerTransactionId")
		return
	}
	back := q.Get("deeplinkUrl")
	if u, err := url.Parse(back); err != nil || back != "" && u.Scheme != "http" && u.Scheme != "https" {
		plain(w, http.StatusBadRequest, "Invalid value for: query parameter deeplinkUrl")
		return
	}
	crypto, promised := s.promised(q.Get("quoteId"), in)
	if !promised {
		crypto, _ = p.price(in.From, in.To, amount.Must(in.Amount), f.PricePercent)
	}
	o, ok, err := s.orders.place(order{
		Provider: p.id, ID: id, Fiat: in.From, Amount: in.Amount, Asset: in.To, Crypto: crypto.String(), Address: in.Dest,
		Method: in.PaymentMethod, Country: in.Country, Return: back, CreatedAt: s.cfg.Now().UTC(),
	})
	switch {
	case err != nil:
		failed(w, http.StatusInternalServerError, "the order could not be kept")
		return
	case !ok:
		plain(w, http.StatusBadRequest, "Invalid value for: query parameter ledgerTransactionId")
		return
	}
	names := []string{"walletAddress", "cryptoCurrency", "fiatCurrency", "fiatAmount", "paymentMethod", "externalOrderId", "partnerRedirectUrl"}
	if p.kebab {
		names = []string{"account-address", "crypto-currency", "fiat-currency", "fiat-amount", "payment-method", "ledger-transaction-id", "return-url"}
	}
	target := url.Values{"order": {o.Token}}
	for i, v := range []string{o.Address, o.Asset, o.Fiat, o.Amount, o.Method, o.ID, o.Return} {
		if v != "" {
			target.Set(names[i], v)
		}
	}
	if o.Events == 1 {
		s.tell(p, o)
	}
	answer(w, map[string]string{"rampRedirectUrl": s.cfg.Base + "/" + p.id + "/widget?" + target.Encode()})
}

// wait reports whether the time passed with the client still there.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func failed(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": status, "message": message})
}

func plain(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, message)
}
