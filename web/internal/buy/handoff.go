package buy

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"countersign/shared/asset"
	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/quote"
)

// Redirect returns the address of the provider's widget for this order, with
// the LiveApp parameters in the provider's own names. The address is checked:
// an allowed host, https, and nothing in it that contradicts the order.
func (d *Desk) Redirect(ctx context.Context, o quote.HandOff) (string, error) {
	in, err := check(o.Input)
	if err != nil {
		return "", err
	}
	o.Input = in
	s := d.find(o.Provider)
	switch {
	case s == nil:
		return "", fault.New(fault.NotFound, "there is no such provider")
	case o.Order == "" || in.Dest == "":
		return "", fault.New(fault.Invalid, "a hand-off needs an order and a deposit address")
	case o.Return != "" && !d.returnable(o.Return):
		return "", fault.New(fault.Invalid, "the address to return to is not a page")
	}
	base := s.WidgetURL
	if base == "" {
		ctx, cancel := context.WithTimeout(ctx, d.cfg.Deadline)
		defer cancel()
		if base, err = s.redirect(ctx, o); err != nil {
			stage, code, message, _ := failure(err)
			d.cfg.Log.Info("no hand-off", "provider", s.ID, "stage", stage, "code", code, "error", err)
			return "", fault.Wrap(err, fault.Provider, s.Name+" "+message+".").With("reason", code)
		}
	}
	u, err := url.Parse(base)
	if err != nil || !d.secure(u) || !slices.Contains(s.Hosts, u.Host) {
		return "", fault.New(fault.Provider, s.Name+" wanted to lead to a place that is not its own.").With("reason", "HOST_NOT_ALLOWED")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || strings.ContainsAny(u.RawQuery, ";") {
		return "", s.astray("")
	}
	found, err := contradictions(u, o, s.Params)
	if err != nil {
		return "", s.astray("")
	}
	if refused, warned := s.judge(found); len(refused) > 0 {
		d.cfg.Log.Warn("no hand-off", "provider", s.ID, "order", o.Order, "code", quote.EchoMismatch, "what", inWords(refused))
		return "", s.astray(inWords(refused)).With("parameter", shown(refused[0].parameter)).With("about", refused[0].about)
	} else if len(warned) > 0 {
		d.cfg.Log.Warn("hand-off despite a contradiction", "provider", s.ID, "order", o.Order, "what", inWords(warned))
		s.warned.Store(&warned)
	}
	return s.completed(base, query, o), nil
}

// completed adds the LiveApp parameters that an address lacks, behind its query. What
// is there stays as it is, byte for byte: the provider may have signed it. Nothing is
// added to an address with a signature, which may be over the whole query.
func (p *provider) completed(address string, query url.Values, o quote.HandOff) string {
	for name := range query {
		if anyOf(words(name), "signature sig sign hmac") {
			return address
		}
	}
	before, fragment, fragmented := strings.Cut(address, "#")
	spelling := p.spelling(query)
	for _, param := range liveApp(o) {
		for _, name := range p.names(param, spelling, query) {
			switch {
			case !strings.Contains(before, "?"):
				before += "?"
			case !strings.HasSuffix(before, "?") && !strings.HasSuffix(before, "&"):
				before += "&"
			}
			before += escaped(name) + "=" + escaped(param.value)
		}
	}
	if fragmented {
		before += "#" + fragment
	}
	return before
}

// escaped is a name or a value in a query, with a space as %20, which all read alike.
func escaped(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func (p *provider) redirect(ctx context.Context, o quote.HandOff) (string, error) {
	q := question(o.Input)
	q.Set("ledgerTransactionId", o.Order)
	if o.Return != "" {
		q.Set("deeplinkUrl", o.Return)
	}
	if o.QuoteRef != "" {
		q.Set("quoteId", o.QuoteRef)
	}
	data, err := p.client.get(ctx, "/buy-redirect", q, true)
	if err != nil {
		return "", err
	}
	return parseRedirect(data)
}

// astray is the refusal of an address that is about something else.
func (p *provider) astray(what string) *fault.Error {
	text := p.Name + " wanted to lead to another purchase than the one that was approved"
	if what != "" {
		text += ": " + what
	}
	return fault.New(fault.Provider, text+".").With("reason", quote.EchoMismatch)
}

// judge separates the contradictions that refuse a hand-off from those that the
// provider's profile only warns of.
func (p *provider) judge(found []contradiction) (refused, warned []contradiction) {
	for _, c := range found {
		if c.parameter != "" && slices.Contains(p.Warn, c.parameter) || (c.doubt || c.about != aboutAddress) && slices.Contains(p.Warn, "*") {
			warned = append(warned, c)
		} else {
			refused = append(refused, c)
		}
	}
	return refused, warned
}

// secure reports whether an address of a provider may be used: https, or http
// to this machine in the sandbox; a host and nothing else before it.
func (d *Desk) secure(u *url.URL) bool {
	if u.Host == "" || u.User != nil || u.Opaque != "" {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	return u.Scheme == "http" && d.cfg.Sandbox && loopback(u.Hostname())
}

func (d *Desk) returnable(s string) bool {
	u, err := url.Parse(s)
	return err == nil && d.secure(u) && len(s) <= 1024
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func isHex(s string) bool { return strings.HasPrefix(s, "0x") }

// destination checks a deposit address as far as the chain of the asset has
// rules here: 20 bytes in hex for Ethereum's family, with a right checksum when
// letters are in both cases (EIP-55).
func destination(in quote.Input) bool {
	bought, _ := asset.ByID(in.To)
	if in.Dest == "" || !strings.HasPrefix(bought.Chain, "eip155:") {
		return true
	}
	return eip55.Valid(in.Dest)
}
