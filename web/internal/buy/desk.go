package buy

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/name"
	"countersign/shared/quote"
)

// Desk asks providers. It is safe for concurrent use.
type Desk struct {
	cfg       Config
	providers []*provider // in the order of the configuration
}

// provider is a configured one with all that is kept about it.
type provider struct {
	Provider
	client  *client
	breaker breaker
	slots   chan struct{}
	pace    pace
	warned  atomic.Pointer[[]contradiction] // of the last hand-off that was warned of
	caps    *document[capabilities]
	assets  *document[assets]
}

type capabilities struct {
	quote.Capabilities
	deviations []string
}

type assets struct {
	ids        []string
	deviations []string
}

var slug = regexp.MustCompile(`^[a-z0-9-]{2,32}$`)

// New checks the configuration; it calls no provider.
func New(cfg Config) (*Desk, error) {
	if cfg.HTTP == nil {
		cfg.HTTP = newHTTP(cfg.Sandbox)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = newQuoteID
	}
	if cfg.Deadline <= 0 {
		cfg.Deadline = 5 * time.Second
	}
	if cfg.PerHost <= 0 {
		cfg.PerHost = 4
	}
	if cfg.Jitter == nil {
		cfg.Jitter = mrand.Float64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Desk{cfg: cfg}
	for _, p := range cfg.Providers {
		s, err := d.newProvider(p)
		if err != nil {
			return nil, err
		}
		if d.find(p.ID) != nil {
			return nil, fmt.Errorf("provider %q is configured twice", p.ID)
		}
		d.providers = append(d.providers, s)
	}
	return d, nil
}

func (d *Desk) newProvider(p Provider) (*provider, error) {
	if !slug.MatchString(p.ID) {
		return nil, fmt.Errorf("provider id %q is not 2 to 32 of a-z, 0-9 and -", p.ID)
	}
	if p.Name == "" {
		p.Name = p.ID
	}
	if why := name.Problem(p.Name); why != "" {
		return nil, fmt.Errorf("provider %s: its name %s", p.ID, why)
	}
	if p.Spelling != "" && p.Spelling != Camel && p.Spelling != Kebab && p.Spelling != Both {
		return nil, fmt.Errorf("provider %s: the spelling of its parameters is %q, and not camel, kebab or both", p.ID, p.Spelling)
	}
	for name := range p.Params {
		if !slices.ContainsFunc(liveApp(quote.HandOff{}), func(l parameter) bool { return l.name == name }) {
			return nil, fmt.Errorf("provider %s: %q is not a LiveApp parameter; such as accountAddress", p.ID, name)
		}
	}
	p.URL = strings.TrimSuffix(p.URL, "/")
	for i, base := range []string{p.URL, p.WidgetURL} {
		if i == 1 && base == "" {
			continue
		}
		u, err := url.Parse(base)
		if err != nil || !d.secure(u) || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("provider %s: the URL must be https:// without a query", p.ID)
		}
		if len(p.Hosts) == 0 || i == 1 {
			p.Hosts = append(p.Hosts[:len(p.Hosts):len(p.Hosts)], u.Host)
		}
	}
	c := &client{p: p, http: d.cfg.HTTP}
	s := &provider{Provider: p, client: c, slots: make(chan struct{}, d.cfg.PerHost)}
	s.caps = &document[capabilities]{
		endpoint: "capabilities", maxAge: capabilitiesAge, now: d.cfg.Now, jitter: d.cfg.Jitter,
		fetch: func(ctx context.Context, tag string) (Kept, bool, error) {
			return c.document(ctx, "/capabilities", tag)
		},
		parse: func(b []byte) (v capabilities, err error) {
			v.Capabilities, v.deviations, err = parseCapabilities(b)
			return v, err
		},
		size:    func(v capabilities) int { return len(v.Countries) },
		differs: func(v capabilities) []string { return v.deviations },
		log:     d.cfg.Log.With("provider", p.ID, "endpoint", "capabilities"),
	}
	s.assets = &document[assets]{
		endpoint: "crypto-currencies", maxAge: assetsAge, now: d.cfg.Now, jitter: d.cfg.Jitter,
		fetch: func(ctx context.Context, tag string) (Kept, bool, error) {
			return c.document(ctx, "/crypto-currencies", tag)
		},
		parse: func(b []byte) (v assets, err error) {
			v.ids, v.deviations, err = parseAssets(b)
			return v, err
		},
		size:    func(v assets) int { return len(v.ids) },
		differs: func(v assets) []string { return v.deviations },
		log:     d.cfg.Log.With("provider", p.ID, "endpoint", "crypto-currencies"),
	}
	s.caps.load, s.caps.save = d.memory(p.ID, "capabilities")
	s.assets.load, s.assets.save = d.memory(p.ID, "crypto-currencies")
	return s, nil
}

func (d *Desk) memory(provider, endpoint string) (
	load func(context.Context) (Kept, error), save func(context.Context, Kept) error,
) {
	m := d.cfg.Memory
	if m == nil {
		return nil, nil
	}
	load = func(ctx context.Context) (Kept, error) { return m.Load(ctx, provider, endpoint) }
	save = func(ctx context.Context, doc Kept) error {
		err := m.Save(ctx, provider, endpoint, doc)
		if err != nil {
			d.cfg.Log.Warn("keep a provider's document", "provider", provider, "endpoint", endpoint, "error", err)
		}
		return err
	}
	return load, save
}

func (d *Desk) find(id string) *provider {
	for _, s := range d.providers {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// Providers returns all providers in the order of the configuration with what
// is known about them. It reads what is missing and refreshes what is old.
func (d *Desk) Providers(ctx context.Context) []quote.Provider {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Deadline)
	defer cancel()
	out := make([]quote.Provider, len(d.providers))
	var wg sync.WaitGroup
	for i, s := range d.providers {
		wg.Go(func() { out[i] = s.describe(ctx, d.cfg.Now) })
	}
	wg.Wait()
	return out
}

// describe reads both documents of a provider, at the same time if it must.
func (p *provider) describe(ctx context.Context, now func() time.Time) quote.Provider {
	var (
		list        assets
		listFetched time.Time
		listStale   bool
	)
	var wg sync.WaitGroup
	wg.Go(func() { list, listFetched, listStale = p.assets.get(ctx) })
	caps, fetched, stale := p.caps.get(ctx)
	wg.Wait()
	out := quote.Provider{
		ID: p.ID, Name: p.Name, Freshness: quote.Unavailable, Circuit: p.breaker.state(now()), SpecDeviations: []string{},
		Documents: []quote.Document{p.caps.describe(), p.assets.describe()}, Failing: p.breaker.failing(),
	}
	for _, trouble := range []string{p.caps.trouble(), p.assets.trouble()} {
		if trouble != "" {
			out.SpecDeviations = append(out.SpecDeviations, trouble)
		}
	}
	if w := p.warned.Load(); w != nil {
		out.SpecDeviations = append(out.SpecDeviations, "hand-off despite a contradiction: "+inWords(*w))
	}
	if fetched.IsZero() || listFetched.IsZero() {
		return out
	}
	c := caps.Capabilities
	c.Assets, c.Cents = list.ids, p.Cents
	if listFetched.Before(fetched) {
		fetched = listFetched
	}
	fetched = fetched.UTC()
	out.Capabilities, out.FetchedAt, out.Freshness = &c, &fetched, quote.Fresh
	if stale || listStale {
		out.Freshness = quote.Stale
	}
	out.SpecDeviations = append(append(out.SpecDeviations, caps.deviations...), list.deviations...)
	return out
}

// invalidInput is the fault of an input that no provider could be asked with.
func invalidInput(problems []quote.Problem) error {
	e := fault.New(fault.Invalid, problems[0].Message)
	for _, p := range problems {
		e = e.With(p.Field, p.Message)
	}
	return e
}

// newQuoteID is the default of Config.NewID.
func newQuoteID() string {
	name, err := id.New(rand.Reader, id.Quote)
	if err != nil {
		panic(err) // crypto/rand ends the program instead
	}
	return name
}
