package amount_test

import (
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"

	"countersign/shared/amount"
)

type pair struct {
	A, B, Sum, Difference, Product string
}

type rounded struct {
	A, B        string
	Places      int
	Floor, Ceil string
}

type vectors struct {
	Canonical, Refused []string
	Numbers            []struct{ Number, Is string }
	NotNumbers         []string `json:"not_numbers"`
	Sums               []pair
	Quotients          []rounded
	Rescaled           []rounded
	Formatted          []struct{ A, Text string }
}

func load(t *testing.T) vectors {
	t.Helper()
	data, err := os.ReadFile("../spec/vectors/amount.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseTakesTheCanonicalFormOnly(t *testing.T) {
	t.Parallel()
	v := load(t)
	for _, s := range v.Canonical {
		if a, err := amount.Parse(s); err != nil || a.String() != s {
			t.Errorf("%q: %q, %v", s, a, err)
		}
	}
	for _, s := range v.Refused {
		if a, err := amount.Parse(s); err == nil {
			t.Errorf("%q was read as %q", s, a)
		} else if s != "" && len(s) > 3 && strings.Contains(err.Error(), s) {
			t.Errorf("the error for %q repeats it", s)
		}
	}
}

func TestParseNumberTakesJSONNumbers(t *testing.T) {
	t.Parallel()
	v := load(t)
	for _, n := range v.Numbers {
		if a, err := amount.ParseNumber(n.Number); err != nil || a.String() != n.Is {
			t.Errorf("%q: %q, %v; want %q", n.Number, a, err, n.Is)
		}
	}
	for _, s := range v.NotNumbers {
		if a, err := amount.ParseNumber(s); err == nil {
			t.Errorf("%q was read as %q", s, a)
		}
	}
}

func TestArithmeticIsExact(t *testing.T) {
	t.Parallel()
	v := load(t)
	for _, c := range v.Sums {
		a, b := amount.Must(c.A), amount.Must(c.B)
		if got := a.Add(b).String(); got != c.Sum {
			t.Errorf("%s + %s = %s, want %s", a, b, got, c.Sum)
		}
		if got := a.Sub(b).String(); got != c.Difference {
			t.Errorf("%s - %s = %s, want %s", a, b, got, c.Difference)
		}
		if got := a.Mul(b).String(); got != c.Product {
			t.Errorf("%s × %s = %s, want %s", a, b, got, c.Product)
		}
	}
	for _, c := range v.Quotients {
		a, b := amount.Must(c.A), amount.Must(c.B)
		if f, u := a.Div(b, c.Places, amount.Floor).String(), a.Div(b, c.Places, amount.Ceil).String(); f != c.Floor || u != c.Ceil {
			t.Errorf("%s ÷ %s = %s, %s; want %s, %s", a, b, f, u, c.Floor, c.Ceil)
		}
	}
	for _, c := range v.Rescaled {
		a := amount.Must(c.A)
		if f, u := a.Rescale(c.Places, amount.Floor).String(), a.Rescale(c.Places, amount.Ceil).String(); f != c.Floor || u != c.Ceil {
			t.Errorf("%s at %d places = %s, %s; want %s, %s", a, c.Places, f, u, c.Floor, c.Ceil)
		}
	}
	if got := amount.Must("0.09490004").MulRatio(98, 100, 8, amount.Floor).String(); got != "0.09300203" {
		t.Errorf("98 %% = %s", got)
	}
}

func TestFormattingIsForPeople(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Formatted {
		if got := amount.Must(c.A).Format(amount.Plain()); got != c.Text {
			t.Errorf("%s is written %s, want %s", c.A, got, c.Text)
		}
	}
	for currency, want := range map[string]string{"EUR": "EUR 1,250.00", "JPY": "JPY 1,250", "KWD": "KWD 1,250.000"} {
		if got := amount.Money(amount.Must("1250"), currency); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestUnitsCountAsChainsDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ amount, units string }{{"1.5", "1500000000000000000"}, {"0", "0"}, {"0.000000000000000001", "1"}} {
		u, err := amount.Must(c.amount).Units(18)
		if err != nil || u != c.units {
			t.Errorf("%s is %s wei, %v", c.amount, u, err)
		}
		back, err := amount.FromUnits(u, 18)
		if err != nil || back.Cmp(amount.Must(c.amount)) != 0 {
			t.Errorf("%s wei is %s, %v", u, back, err)
		}
	}
	for _, s := range []string{"0.0000000000000000001", "-1"} {
		if u, err := amount.Must(s).Units(18); err == nil {
			t.Errorf("%s is %s wei", s, u)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-1.50", "250", "0.015", "1e5", "00", "99999999999999999999.99"} {
		f.Add(s, "3.7")
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		a, err := amount.Parse(s)
		if err != nil {
			return
		}
		if a.String() != s {
			t.Fatalf("%q became %q", s, a)
		}
		b, err := amount.Parse(other)
		if err != nil {
			return
		}
		// math/big, which the code avoids for its size, is the judge.
		x, _ := new(big.Rat).SetString(s)
		y, _ := new(big.Rat).SetString(other)
		check := func(op string, got amount.Amount, want *big.Rat) {
			if g, ok := new(big.Rat).SetString(got.String()); !ok || g.Cmp(want) != 0 {
				t.Fatalf("%s %s %s = %s", a, op, b, got)
			}
		}
		check("+", a.Add(b), new(big.Rat).Add(x, y))
		check("-", a.Sub(b), new(big.Rat).Sub(x, y))
		check("×", a.Mul(b), new(big.Rat).Mul(x, y))
		if a.Cmp(b) != x.Cmp(y) {
			t.Fatalf("%s <> %s = %d", a, b, a.Cmp(b))
		}
		if b.IsZero() {
			return
		}
		exact := new(big.Rat).Quo(x, y)
		lo, _ := new(big.Rat).SetString(a.Div(b, 6, amount.Floor).String())
		hi, _ := new(big.Rat).SetString(a.Div(b, 6, amount.Ceil).String())
		step := big.NewRat(1, 1_000_000)
		if lo.Cmp(exact) > 0 || hi.Cmp(exact) < 0 || new(big.Rat).Sub(hi, lo).Cmp(step) > 0 {
			t.Fatalf("%s ÷ %s is not between %s and %s", a, b, lo, hi)
		}
	})
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"0", "1.2e-7", "-5E+2", "1e999", "0.2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := amount.ParseNumber(s)
		if err != nil {
			return
		}
		if b, err := amount.Parse(a.String()); err != nil || b.Cmp(a) != 0 {
			t.Fatalf("%q gave %q, which is not canonical: %v", s, a, err)
		}
		want, ok := new(big.Rat).SetString(s)
		got, _ := new(big.Rat).SetString(a.String())
		if !ok || want.Cmp(got) != 0 {
			t.Fatalf("%q was read as %s", s, a)
		}
	})
}
