package buy_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/web/internal/buy"
)

func TestAHandOffLeadsToTheApprovedPurchaseOnly(t *testing.T) {
	t.Parallel()
	s := newProvider(t)
	order := quote.HandOff{Order: "ord_1", Provider: "alpha", Input: input(), Crypto: "0.1", Return: "https://dash.example/o", Theme: "dark"}
	host := strings.TrimPrefix(s.URL, "http://")
	for name, c := range map[string]struct {
		to string
		ok bool
	}{
		"its own page":        {s.URL + "/w?walletAddress=" + vault + "&amount=250&cryptoCurrency=ETH", true},
		"another host":        {"https://evil.example/w", false},
		"userinfo":            {"http://a@" + host + "/w", false},
		"another address":     {s.URL + "/w?walletAddress=0x0000000000000000000000000000000000000001", false},
		"another amount":      {s.URL + "/w?fiatAmount=2500", false},
		"another asset":       {s.URL + "/w?cryptoCurrency=bitcoin", false},
		"an address twice":    {s.URL + "/w?walletAddress=" + vault + "&walletAddress=" + vault, false},
		"a script":            {"javascript:alert(1)", false},
		"http to the outside": {"http://pay.example/w", false},
		"not an address":      {"://", false},
	} {
		answer, _ := json.Marshal(map[string]string{"rampRedirectUrl": c.to})
		s.set("/buy-redirect", func(w http.ResponseWriter, r *http.Request) {
			if q := r.URL.Query(); q.Get("ledgerTransactionId") != "ord_1" || q.Get("deeplinkUrl") != "https://dash.example/o" || q.Get("dest") != vault {
				t.Errorf("asked %s", r.URL)
			}
			body(string(answer))(w, r)
		})
		got, err := newDesk(t, buy.Config{Providers: one(s)}).Redirect(t.Context(), order)
		if (err == nil) != c.ok {
			t.Errorf("%s: %q, %v", name, got, err)
			continue
		}
		if err != nil {
			continue
		}
		u, _ := url.Parse(got)
		for k, want := range map[string]string{
			"accountAddress": vault, "cryptoCurrency": "ETH", "fiatCurrency": "EUR", "fiatAmount": "250", "cryptoAmount": "0.1", "mode": "buy",
			"paymentMethod": "card", "bankResidency": "fr", "buySessionId": "ord_1", "theme": "dark",
		} {
			if u.Query().Get(k) != want {
				t.Errorf("%s = %q, want %q", k, u.Query().Get(k), want)
			}
		}
	}
}

func TestAWidgetMayHaveItsOwnParameterNames(t *testing.T) {
	t.Parallel()
	d := newDesk(t, buy.Config{Providers: []buy.Provider{{
		ID: "alpha", URL: "https://api.alpha.example", WidgetURL: "https://pay.alpha.example/buy",
		Params: map[string]string{"accountAddress": "wallet", "mode": "", "fiatAmount": "baseAmount"},
	}}})
	got, err := d.Redirect(t.Context(), quote.HandOff{Order: "ord_1", Provider: "alpha", Input: input(), Crypto: "0.1"})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(got)
	q := u.Query()
	if u.Host != "pay.alpha.example" || q.Get("wallet") != vault || q.Get("baseAmount") != "250" || q.Has("mode") || q.Has("accountAddress") {
		t.Error(got)
	}
}

// handedOver is the address that a hand-off leads to when the provider answers with
// one, both without what is before the path.
func handedOver(t *testing.T, to string, params map[string]string) (string, error) {
	t.Helper()
	s := newProvider(t)
	answer, _ := json.Marshal(map[string]string{"rampRedirectUrl": s.URL + to})
	s.set("/buy-redirect", body(string(answer)))
	p := one(s)
	p[0].Params = params
	got, err := newDesk(t, buy.Config{Providers: p}).Redirect(t.Context(), quote.HandOff{Order: "ord_1", Provider: "alpha", Input: input(), Crypto: "0.1", Theme: "dark"})
	return strings.TrimPrefix(got, s.URL), err
}

func TestASignedAddressIsHandedOverByteForByte(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"/?currencyCode=eth&walletAddress=" + vault + "&baseCurrencyAmount=250&redirectURL=https%3A%2F%2Fdash.example%2Fo%20x&a=%7e&signature=Ab%2Bc%3D",
		"/portal?expires=1795208400&id=54e1ca2ecf4e51a8&signature=c3ab8ff13720e8ad", "/?crypto=ETH&appId=f83I&sign=b2pm%2BSn#/pay%20now", "/w?z=1&a=2&&X-Amz-Signature=c3ab8ff1", "/?b=1&hmac=c3ab8ff13720e8ad&a=%c3%a9",
	} {
		if got, err := handedOver(t, to, nil); err != nil || got != to {
			t.Errorf("%s became %s (%v)", to, got, err)
		}
	}
}

func TestWhatIsAddedStandsBehindWhatIsThere(t *testing.T) {
	t.Parallel()
	const added = "accountAddress=" + vault + "&cryptoCurrency=ethereum&fiatCurrency=EUR&fiatAmount=250&cryptoAmount=0.1&mode=buy&paymentMethod=card&bankResidency=fr&buySessionId=ord_1&theme=dark"
	for to, want := range map[string]string{
		"":                               "?" + added,
		"/w":                             "/w?" + added,
		"/w?":                            "/w?" + added,
		"/w?z=1&b=%20x%7e&":              "/w?z=1&b=%20x%7e&" + added,
		"/w?z=1&a=2+3#/page?tab=%41":     "/w?z=1&a=2+3&" + added + "#/page?tab=%41",
		"/w%2Fx?accountAddress=" + vault: "/w%2Fx?accountAddress=" + vault + strings.TrimPrefix("&"+added, "&accountAddress="+vault),
	} {
		if got, err := handedOver(t, to, nil); err != nil || got != want {
			t.Errorf("%s became %s (%v), want %s", to, got, err, want)
		}
	}
	none := map[string]string{"accountAddress": "", "cryptoCurrency": "", "fiatCurrency": "", "fiatAmount": "", "cryptoAmount": "", "mode": "", "paymentMethod": "", "bankResidency": "", "buySessionId": "", "theme": "a b&c"}
	if got, err := handedOver(t, "/w?x=1", none); err != nil || got != "/w?x=1&a%20b%26c=dark" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAnAddressThatIsTooLongIsSaidToBe(t *testing.T) {
	t.Parallel()
	for answer, code := range map[string]string{
		`{"rampRedirectUrl":"https://pay.alpha.example/?x=` + strings.Repeat("a", 4096) + `"}`: quote.MalformedJSON, `{"rampRedirectUrl":5}`: quote.MalformedJSON,
		`{"rampRedirectUrl":""}`: quote.MissingField, `{"rampRedirectUrl":null}`: quote.MissingField, `{}`: quote.MissingField,
	} {
		s, log := newProvider(t), &logged{}
		s.set("/buy-redirect", body(answer))
		d := newDesk(t, buy.Config{Providers: one(s), Log: slog.New(slog.NewTextHandler(log, nil))})
		_, err := d.Redirect(t.Context(), quote.HandOff{Order: "ord_1", Provider: "alpha", Input: input(), Crypto: "0.1"})
		if reason(err) != code || len(answer) > 4096 && !strings.Contains(log.String(), "longer than 4096 bytes") {
			t.Errorf("%.40s: %v; %s", answer, err, log)
		}
	}
}

func TestAContradictionIsNamedAndWarnedOfWhereTheProfileSaysSo(t *testing.T) {
	t.Parallel()
	const other = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
	for name, c := range map[string]struct {
		warn      []string
		params    map[string]string
		to        string
		parameter string // that refuses; empty: none does
		about     string
		said      string
	}{
		"refused":                 {nil, nil, "/w?baseCurrencyAmount=999", "baseCurrencyAmount", "amount", ""},
		"warned of":               {[]string{"baseCurrencyAmount"}, nil, "/w?baseCurrencyAmount=999", "", "", "the parameter baseCurrencyAmount is about another amount"},
		"another one is":          {[]string{"baseCurrencyAmount"}, nil, "/w?baseCurrencyAmount=999&coin=btc", "coin", "asset", ""},
		"all":                     {[]string{"*"}, nil, "/w?baseCurrencyAmount=999&coin=btc", "", "", "coin is about another asset"},
		"all but addresses":       {[]string{"*"}, nil, "/w?feeRecipient=" + other, "feeRecipient", "address", ""},
		"a doubt":                 {nil, nil, "/w?account=acc_77213", "account", "address", "account may be about another address"},
		"a doubt is warned of":    {[]string{"*"}, nil, "/w?account=acc_77213", "", "", "account may be about another address"},
		"a word for people":       {nil, nil, "/w?recipient=Alice", "", "", ""},
		"an address by its name":  {[]string{"feeRecipient"}, nil, "/w?feeRecipient=" + other, "", "", "feeRecipient is about another address"},
		"a name of its own":       {nil, map[string]string{"fiatAmount": "a"}, "/w?a=999", "a", "amount", ""},
		"a name of its own holds": {nil, map[string]string{"fiatAmount": "a"}, "/w?a=250", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, log := newProvider(t), &logged{}
			answer, _ := json.Marshal(map[string]string{"rampRedirectUrl": s.URL + c.to})
			s.set("/buy-redirect", body(string(answer)))
			p := one(s)
			p[0].Warn, p[0].Params = c.warn, c.params
			d := newDesk(t, buy.Config{Providers: p, Log: slog.New(slog.NewTextHandler(log, nil))})
			_, err := d.Redirect(t.Context(), quote.HandOff{Order: "ord_1", Provider: "alpha", Input: input(), Crypto: "0.1"})
			if c.parameter != "" {
				e, _ := fault.As(err)
				if e == nil || e.Code != fault.Provider || e.Details["reason"] != quote.EchoMismatch || e.Details["parameter"] != c.parameter || e.Details["about"] != c.about {
					t.Errorf("%v", err)
				}
			} else if err != nil {
				t.Error(err)
			}
			if c.said != "" && (!strings.Contains(log.String(), c.said) || c.parameter == "" && !strings.Contains(strings.Join(d.Providers(t.Context())[0].SpecDeviations, ";"), c.said)) {
				t.Errorf("nobody is warned of %q: %s", c.said, log)
			}
			if strings.Contains(log.String(), other) {
				t.Errorf("the value is in the log: %s", log)
			}
		})
	}
}

func TestParametersAreSpelledAsTheProviderSpellsThem(t *testing.T) {
	t.Parallel()
	const kebab = "account-address bank-residency crypto-amount crypto-currency fiat-amount fiat-currency ledger-transaction-id mode payment-method"
	const camel = "accountAddress bankResidency buySessionId cryptoAmount cryptoCurrency fiatAmount fiatCurrency mode paymentMethod"
	for name, c := range map[string]struct {
		profile buy.Provider
		query   string
		want    string
	}{
		"as today":                      {buy.Provider{}, "", camel},
		"the older set":                 {buy.Provider{Spelling: buy.Kebab}, "", kebab},
		"the older set, by its address": {buy.Provider{}, "?fiat-amount=250", kebab},
		"both":                          {buy.Provider{Spelling: buy.Both}, "", camel + " " + kebab},
		"none of them twice":            {buy.Provider{Spelling: buy.Both}, "?fiat-amount=250&accountAddress=" + vault, camel + " " + kebab},
		"the session in its other way":  {buy.Provider{Params: map[string]string{"buySessionId": "buySessionid"}}, "", strings.Replace(camel, "buySessionId", "buySessionid", 1)},
		"the session is there":          {buy.Provider{}, "?buySessionid=ord_1", strings.Replace(camel, "buySessionId", "buySessionid", 1)},
		"without one":                   {buy.Provider{Spelling: buy.Kebab, Params: map[string]string{"bankResidency": ""}}, "", strings.Replace(kebab, "bank-residency ", "", 1)},
	} {
		s := newProvider(t)
		s.set("/buy-redirect", body(`{"rampRedirectUrl":"`+s.URL+`/widget`+c.query+`"}`))
		p := c.profile
		p.ID, p.Name, p.URL = "alpha", "Alpha", s.URL
		got, err := newDesk(t, buy.Config{Providers: []buy.Provider{p}}).Redirect(t.Context(), quote.HandOff{Order: "ord_1", Provider: "alpha", Input: input(), Crypto: "0.1"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for _, n := range strings.Fields(c.want) {
			want[n] = true
		}
		if name == "none of them twice" {
			delete(want, "account-address")
			delete(want, "fiatAmount")
		}
		for n, values := range u.Query() {
			if !want[n] || len(values) != 1 {
				t.Errorf("%s: %s is %q", name, n, values)
			}
			delete(want, n)
		}
		if len(want) > 0 {
			t.Errorf("%s: %v are missing in %s", name, want, got)
		}
	}
	for _, p := range []buy.Provider{{ID: "alpha", URL: "https://a.example", Spelling: "snake"}, {ID: "alpha", URL: "https://a.example", Params: map[string]string{"[accountAddress]": "x"}}} {
		if _, err := buy.New(buy.Config{Providers: []buy.Provider{p}}); err == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}
