package buy

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"countersign/shared/amount"
	"countersign/shared/quote"
)

type documentCase[T any] struct {
	Name, Doc  string
	Is         T
	Deviations []string
	Refused    string
	Crypto     string
	UnitPrice  string `json:"unit_price"`
	Warnings   []string
}

type documentVectors struct {
	Capabilities []documentCase[quote.Capabilities]
	Assets       []documentCase[[]string]
	Question     quote.Input
	Quotes       []documentCase[struct{}]
}

func loadVectors(tb testing.TB) documentVectors {
	tb.Helper()
	data, err := os.ReadFile("../../../shared/spec/vectors/provider.json")
	if err != nil {
		tb.Fatal(err)
	}
	var v documentVectors
	if err := json.Unmarshal(data, &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func codeOf(err error) string {
	var e *invalidAnswer
	if errors.As(err, &e) {
		return e.code
	}
	return ""
}

func TestDocumentsOfProvidersAreReadInOneForm(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	for _, c := range v.Capabilities {
		got, deviations, err := parseCapabilities([]byte(c.Doc))
		if codeOf(err) != c.Refused || (err != nil) != (c.Refused != "") {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if err != nil {
			continue
		}
		if d := cmp.Diff(c.Is, got, cmpopts.EquateEmpty()) + cmp.Diff(c.Deviations, deviations, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: %s", c.Name, d)
		}
	}
	for _, c := range v.Assets {
		got, deviations, err := parseAssets([]byte(c.Doc))
		if codeOf(err) != c.Refused || (err != nil) != (c.Refused != "") {
			t.Errorf("%s: %v", c.Name, err)
		}
		if d := cmp.Diff(c.Is, got, cmpopts.EquateEmpty()) + cmp.Diff(c.Deviations, deviations, cmpopts.EquateEmpty()); err == nil && d != "" {
			t.Errorf("%s: %s", c.Name, d)
		}
	}
	for _, c := range v.Quotes {
		row, _, err := parseQuote([]byte(c.Doc), v.Question)
		if codeOf(err) != c.Refused || (err != nil) != (c.Refused != "") {
			t.Errorf("%s: %v", c.Name, err)
		}
		if err == nil && (row.CryptoAmount != c.Crypto || row.UnitPrice != c.UnitPrice || !cmp.Equal(row.Warnings, c.Warnings)) {
			t.Errorf("%s: %+v", c.Name, row)
		}
	}
}

func FuzzParseCapabilities(f *testing.F) {
	for _, c := range loadVectors(f).Capabilities {
		f.Add([]byte(c.Doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := parseCapabilities(data)
		if err != nil {
			if codeOf(err) == "" {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		for _, l := range c.Fiats {
			if amount.Must(l.Min).Cmp(amount.Must(l.Max)) > 0 {
				t.Fatalf("limits %+v", l)
			}
		}
	})
}

func FuzzParseAssets(f *testing.F) {
	for _, c := range loadVectors(f).Assets {
		f.Add([]byte(c.Doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ids, _, err := parseAssets(data)
		if err == nil && len(ids) == 0 {
			t.Fatal("an empty list was accepted")
		}
		for _, id := range ids {
			if !quote.AssetID(id) {
				t.Fatalf("%q is not a LedgerId", id)
			}
		}
	})
}

func FuzzParseQuote(f *testing.F) {
	v := loadVectors(f)
	for _, c := range v.Quotes {
		f.Add([]byte(c.Doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		row, _, err := parseQuote(data, v.Question)
		if err != nil {
			return
		}
		a, err := amount.Parse(row.CryptoAmount)
		if err != nil || a.Sign() <= 0 || a.Places() > row.AssetPlaces || row.FiatAmount != v.Question.Amount {
			t.Fatalf("accepted %+v: %v", row, err)
		}
	})
}

func FuzzParseRedirect(f *testing.F) {
	f.Add([]byte(`{"rampRedirectUrl":"https://pay.example/?a=b"}`))
	f.Add([]byte(`{"rampRedirectUrl":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseRedirect(data); err == nil && s == "" {
			t.Fatal("an empty address was accepted")
		}
	})
}
