// Package story plays a purchase from quotes to delivery against a running
// system, as the page would and without a browser, and tells each step. `make
// demo` is this story with a scripted pinentry in place of the person.
package story

import (
	"context"
	"crypto/rand"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/link"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/softhsm/e2e/page"
	"countersign/softhsm/e2e/system"
)

// pollEvery is how often a state that changes by itself is read again.
const pollEvery = 200 * time.Millisecond

// Story is a dashboard's user who has signed in.
type Story struct {
	System  *system.System
	Vault   system.Vault // of the entity that is acted for
	Gateway *page.Gateway
	Key     *link.Key // the page's
	Remote  []byte    // the bridge's key, after the pairing
	Relay   string    // the bridge's relay name: connect through the gateway; empty: on loopback
	Out     io.Writer // where the steps are told
}

// New signs in for the main entity.
func New(ctx context.Context, s *system.System, out io.Writer) (*Story, error) {
	return NewFor(ctx, s, system.Vaults[0], out)
}

// NewFor signs in for the entity of a vault.
func NewFor(ctx context.Context, s *system.System, v system.Vault, out io.Writer) (*Story, error) {
	g, err := page.SignIn(ctx, s.DashboardURL, v.Entity)
	if err != nil {
		return nil, err
	}
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return &Story{System: s, Vault: v, Gateway: g, Key: key, Out: out}, nil
}

func (s *Story) tell(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }

// Play buys for 250 EUR of ethereum, has alice and bob approve, pays, and
// returns when the crypto is in the account's ledger.
func (s *Story) Play(ctx context.Context) error {
	var entity wire.Entity
	if err := s.Gateway.Do(ctx, http.MethodGet, "/v1/entity", nil, &entity); err != nil {
		return fmt.Errorf("read the entity: %w", err)
	}
	s.tell("1. Signed in as %s, with an entity token that lives in memory only.", entity.Name)
	best, err := s.Quotes(ctx, "250")
	if err != nil {
		return err
	}
	request, err := s.Request(ctx, best.ID)
	if err != nil {
		return err
	}
	bridge, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer bridge.Close()
	if err := s.Approvals(ctx, bridge, request.ID); err != nil {
		return err
	}
	order, err := s.Order(ctx, request.ID)
	if err != nil {
		return err
	}
	if err := s.Pay(ctx, order); err != nil {
		return err
	}
	return s.Delivery(ctx, order.ID)
}

// Quotes asks the providers and returns the best offer.
func (s *Story) Quotes(ctx context.Context, amount string) (quote.Row, error) {
	query := url.Values{"from": {"EUR"}, "to": {"ethereum"}, "amount": {amount}, "payment-method": {"card"},
		"country": {"FR"}, "account": {s.Vault.Account}}
	var q wire.Quotes
	if err := s.Gateway.Do(ctx, http.MethodGet, "/v1/quotes?"+query.Encode(), nil, &q); err != nil {
		return quote.Row{}, fmt.Errorf("ask for quotes: %w", err)
	}
	s.tell("\n2. Quotes for %s EUR of ethereum, paid by card from France:", amount)
	var best quote.Row
	for _, r := range q.Quotes {
		mark := " "
		if r.Best {
			mark, best = "*", r
		}
		s.tell("   %s %-12s %s ethereum, %s EUR each", mark, r.ProviderName, r.CryptoAmount, r.UnitPrice)
	}
	for _, x := range q.Excluded {
		s.tell("   - %-12s %s", x.ProviderName, x.Message)
	}
	if best.ID == "" {
		return best, fault.New(fault.NotEligible, "no provider made an offer")
	}
	return best, nil
}

// Request pins a quote.
func (s *Story) Request(ctx context.Context, quoteID string) (wire.Request, error) {
	var r wire.Request
	if err := s.Gateway.Do(ctx, http.MethodPost, "/v1/requests", wire.RequestInput{QuoteID: quoteID, AccountID: s.Vault.Account}, &r); err != nil {
		return r, fmt.Errorf("request the purchase: %w", err)
	}
	s.tell("\n3. Requested: %s", r.Sentence)
	s.tell("   The vault's HSM made the address %s; the signer attested it (verified by the gateway: %v).", r.Address.Address, r.Address.Verified)
	s.tell("   Rule %s: %s", r.Rule.Name, strings.Join(r.Reasons, " "))
	return r, nil
}

// Connect reaches the bridge; the first time the person pairs it.
func (s *Story) Connect(ctx context.Context) (*page.Bridge, error) {
	paired := false
	cfg := page.BridgeConfig{URL: s.System.BridgeURL, Origin: s.System.DashboardURL, Key: s.Key, Remote: s.Remote,
		Paired: func(code string) {
			paired = true
			s.tell("\n4. Pairing: the page shows the code %s; the person compares it with the prompt and accepts.", code)
		}}
	if s.Relay != "" {
		cfg.Relay = &page.Relay{Gateway: s.Gateway, Name: s.Relay}
	}
	b, err := page.Connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s.Remote = b.RemoteStatic()
	if !paired {
		s.tell("\n4. The bridge knows this page: no pairing is needed.")
	}
	return b, nil
}

// Approvals has alice (secp256k1) and bob (P-256) approve; alice's second try in
// between is refused.
func (s *Story) Approvals(ctx context.Context, bridge *page.Bridge, request string) error {
	for i, p := range system.People[:2] {
		channel, err := page.OpenChannel(ctx, bridge, s.Gateway, s.Vault.Entity, p.Member)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		d, err := channel.Decide(ctx, request, "APPROVE")
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		s.tell("\n5.%d %s read in the bridge's own prompt and signed on %s:\n", i+1, p.Name, p.Curve)
		for line := range strings.Lines(d.Text) {
			s.tell("      | %s", strings.TrimRight(line, "\n"))
		}
		s.tell("\n    The signer verified it: %d of %d, %s.", len(d.Result.Approvals), d.Result.Needed, d.Result.State)
		if i == 0 {
			_, err := channel.Decide(ctx, request, "APPROVE")
			if fault.CodeOf(err) != fault.AlreadyApproved {
				return fmt.Errorf("a second approval by the same member: %w, want %s", err, fault.AlreadyApproved)
			}
			s.tell("    %s tries again and is refused: the same member twice does not count.", p.Name)
		}
		if err := channel.Close(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Order makes the order of an approved request.
func (s *Story) Order(ctx context.Context, request string) (wire.Order, error) {
	var o wire.Order
	if err := s.Gateway.Do(ctx, http.MethodPost, "/v1/orders", wire.OrderInput{RequestID: request}, &o); err != nil {
		return o, fmt.Errorf("order: %w", err)
	}
	s.tell("\n6. Order %s at %s: %s %s promised, at least %s approved.", o.ID, o.ProviderName, o.Promised.Amount, o.Promised.Asset, o.Minimum)
	return o, nil
}

var action = regexp.MustCompile(`<form method="post" action="([^"]*)"`)

// Pay follows the hand-off ticket to the provider's widget and presses its
// button; the ticket does not work a second time.
func (s *Story) Pay(ctx context.Context, o wire.Order) error {
	if o.Ticket == nil {
		return fmt.Errorf("order %s has no hand-off ticket", o.ID)
	}
	ticket := s.Gateway.Base + o.Ticket.URL
	widget, body, err := get(ctx, ticket)
	if err != nil {
		return fmt.Errorf("follow the hand-off ticket: %w", err)
	}
	if _, _, err := get(ctx, ticket); err == nil {
		return fmt.Errorf("the hand-off ticket worked twice")
	}
	form := action.FindStringSubmatch(body)
	if form == nil {
		return fmt.Errorf("the provider's page %s has no form to pay with", widget.Path)
	}
	target, err := widget.Parse(html.UnescapeString(form[1]))
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("paying at %s answered %s", o.ProviderName, res.Status)
	}
	s.tell("7. A single-use ticket led to %s's own page; paid %s %s there.", o.ProviderName, o.Fiat.Amount, o.Fiat.Currency)
	return nil
}

func get(ctx context.Context, address string) (*url.URL, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", res.Status)
	}
	return res.Request.URL, string(body), err
}

// Delivery waits until the crypto has arrived on the chain and is booked.
func (s *Story) Delivery(ctx context.Context, order string) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	var o wire.Order
	for o.State != wire.OrderCompleted {
		if err := s.Gateway.Do(ctx, http.MethodGet, "/v1/orders/"+order, nil, &o); err != nil {
			return fmt.Errorf("read the order: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the order is still %s: %w", o.State, ctx.Err())
		case <-ticker.C:
		}
	}
	s.tell("8. Delivered %s %s in transaction %s.", o.Delivered.Amount, o.Delivered.Asset, o.TxHash)
	s.tell("   Promised %s, difference %s (%s %%).", o.Promised.Amount, o.Difference, o.DifferencePct)
	var a wire.Account
	if err := s.Gateway.Do(ctx, http.MethodGet, "/v1/accounts/"+o.Account, nil, &a); err != nil {
		return fmt.Errorf("read the account: %w", err)
	}
	for _, e := range a.Entries {
		if e.Order != order {
			continue
		}
		s.tell("   Ledger: %s", e.Text)
		for _, p := range e.Postings {
			s.tell("     %-6s %-24s %s %s", p.Side, p.Ledger, p.Amount, p.Asset)
		}
		return nil
	}
	return fmt.Errorf("order %s is completed and not in the ledger of %s", order, o.Account)
}
