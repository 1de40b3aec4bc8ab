package statement

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/strictjson"
)

const listFile = "../spec/vectors/list.json"

// listVector is one row of shared/spec/vectors/list.json.
type listVector struct {
	Name       string   `json:"name"`
	Statements []string `json:"statements"`
	Asked      int      `json:"asked"`
	Valid      bool     `json:"valid"`
	Field      string   `json:"field,omitempty"` // that is to blame, where one is
	Text       string   `json:"text,omitempty"`
}

// purchases are three that differ in all that concerns money.
func purchases() []Approval {
	a, b, c := sample(), sample(), sample()
	b.Request, b.Step, b.Expires, b.GovernedBy.RuleSet = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb", 2, iat+300, "acc_ops"
	intenttest.Edit(&b.Intent, func(b *intent.Buy) {
		b.Fiat, b.Crypto, b.Minimum = intent.Fiat{Amount: "1000", Currency: "USD"}, intent.Crypto{Amount: "990.123456789012345678", Asset: "ethereum/erc20/usd__coin"}, "980"
		b.Account, b.AccountName, b.Chain = "acc_ops", "Operations", "eip155:1"
	})
	c.Request = "req_cccccccccccccccccccccccccc"
	intenttest.Edit(&c.Intent, func(b *intent.Buy) {
		b.Fiat, b.Crypto, b.Minimum = intent.Fiat{Amount: "0.5", Currency: "EUR"}, intent.Crypto{Amount: "0.000000000000000001", Asset: "ethereum"}, "0.000000000000000001"
		b.Provider, b.ProviderName, b.PaymentMethod, b.Country = "coinharbor", "Coinharbor", "sepa", "DE"
		b.Quote, b.Address = "quo_cccccccccccccccccccccccccc", "0x52908400098527886E0F7030069857D2E4169EE7"
	})
	return []Approval{a, b, c}
}

// many are n purchases of providers and for accounts with this name; a long name
// comes with a long asset and address.
func many(n int, name string) []Approval {
	all := make([]Approval, n)
	for i := range all {
		a := sample()
		a.Request = "req_" + strings.Repeat("x", 38) + strconv.Itoa(10+i)
		intenttest.Edit(&a.Intent, func(b *intent.Buy) {
			b.AccountName, b.ProviderName = name, name
			if len(name) > 64 {
				b.Crypto.Asset, b.Address = strings.Repeat("a", 64), strings.Repeat("1", 100)
				b.Provider, b.PaymentMethod = strings.Repeat("p", 64), strings.Repeat("m", 64)
			}
		})
		all[i] = a
	}
	return all
}

func listVectors(t testing.TB) []listVector {
	t.Helper()
	three := purchases()
	rejected := purchases()
	for i := range rejected {
		rejected[i].Decision = Reject
	}
	rows := []struct {
		name  string
		list  []Approval
		asked int
		field string
	}{
		{"three purchases", three, 3, ""},
		{"two of three purchases", three[:2], 3, ""},
		{"one of two purchases", three[:1], 2, ""},
		{"three rejections", rejected, 3, ""},
		{"sixteen purchases", many(16, "Treasury"), 16, ""},
		{"a purchase and a transfer", []Approval{three[1], sampleTransfer()}, 2, ""},
		{"none", nil, 2, ""},
		{"seventeen purchases", many(17, "Treasury"), 17, ""},
		{"more text than a prompt shows", many(16, strings.Repeat("界", 64)), 16, ""},
		{"a request twice", []Approval{three[0], three[0]}, 2, "request"},
		{"two decisions", []Approval{three[0], rejected[1]}, 2, "decision"},
	}
	for _, e := range []struct {
		field string
		edit  func(*Approval)
	}{
		{"entity", func(a *Approval) { a.Entity = "ent_other" }},
		{"entity_name", func(a *Approval) { a.EntityName = "Other Ltd" }},
		{"member", func(a *Approval) { a.Member = "mem_eve" }},
		{"member_name", func(a *Approval) { a.MemberName = "Eve" }},
		{"key", func(a *Approval) { a.Key = hashB }},
	} {
		list := purchases()
		e.edit(&list[2])
		rows = append(rows, struct {
			name  string
			list  []Approval
			asked int
			field string
		}{"another " + e.field, list, 3, e.field})
	}
	var all []listVector
	for _, r := range rows {
		v := listVector{Name: r.name, Statements: []string{}, Asked: r.asked, Field: r.field}
		for _, a := range r.list {
			v.Statements = append(v.Statements, canonical(t, a))
		}
		text, err := ListText(r.list, r.asked)
		if v.Valid = err == nil; v.Valid {
			v.Text = text
		}
		all = append(all, v)
	}
	return all
}

func TestListVectorsHold(t *testing.T) {
	t.Parallel()
	if *update {
		data, err := json.MarshalIndent(listVectors(t), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(listFile, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(listFile)
	if err != nil {
		t.Fatal(err)
	}
	var all []listVector
	if err := strictjson.Unmarshal(data, &all, 1<<20); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(listVectors(t), all); diff != "" {
		t.Errorf("the vectors differ from the code; -update writes them (- code, + file):\n%s", diff)
	}
	for _, v := range all {
		var list []Approval
		for _, s := range v.Statements {
			a, err := Decode[Approval]([]byte(s))
			if err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
			list = append(list, a)
		}
		text, err := ListText(list, v.Asked)
		if f, _ := fault.As(err); v.Valid != (err == nil) || text != v.Text || f != nil && (f.Code != fault.StatementInvalid || f.Details["field"] != v.Field) {
			t.Errorf("%s: %v\n%s", v.Name, err, text)
		}
	}
}

func TestAListSaysEverythingThatConcernsMoneyAndTheExactTotals(t *testing.T) {
	t.Parallel()
	want := strings.TrimPrefix(`
Decision      APPROVE 3 purchases
Listed        3 of 5: nothing is signed for the others
Asked by      Sandbox Ltd (ent_sandbox); which person is not proven
You sign as   Bob (mem_bob)
With key      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA

1 of 3
You pay       250.00 EUR by card, FR
You get       0.0815 ETH (ethereum)
Minimum       0.0799 ETH (ethereum)
From          NorthPay (northpay)
Into account  Treasury (acc_treasury)
To address    0x 7E5F 4552 091A 6912 5d5D fCb7 b8C2 6590 2939 5Bdf
On chain      Sandbox chain (eip155:31337)
Request       req_aaaaaaaaaaaaaaaaaaaaaaaaaa
Step          1
Valid until   2026-11-20 21:09:00 UTC

2 of 3
You pay       1 000 USD by card, FR
You get       990.123456789012345678 USDC (ethereum/erc20/usd__coin)
Minimum       980 USDC (ethereum/erc20/usd__coin)
From          NorthPay (northpay)
Into account  Operations (acc_ops)
To address    0x 7E5F 4552 091A 6912 5d5D fCb7 b8C2 6590 2939 5Bdf
On chain      Ethereum (eip155:1)
Request       req_bbbbbbbbbbbbbbbbbbbbbbbbbb
Step          2
Valid until   2026-11-20 21:05:00 UTC

3 of 3
You pay       0.5 EUR by sepa, DE
You get       0.000000000000000001 ETH (ethereum)
Minimum       0.000000000000000001 ETH (ethereum)
From          Coinharbor (coinharbor)
Into account  Treasury (acc_treasury)
To address    0x 5290 8400 0985 2788 6E0F 7030 0698 57D2 E416 9EE7
On chain      Sandbox chain (eip155:31337)
Request       req_cccccccccccccccccccccccccc
Step          1
Valid until   2026-11-20 21:09:00 UTC

Total of 3 purchases
You pay       250.50 EUR
You pay       1 000 USD
You get       0.081500000000000001 ETH (ethereum)
You get       990.123456789012345678 USDC (ethereum/erc20/usd__coin)
Minimum       0.079900000000000001 ETH (ethereum)
Minimum       980 USDC (ethereum/erc20/usd__coin)
Usable for    24 hours after the last approval`, "\n")
	got, err := ListText(purchases(), 5)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestAListOfSeveralKindsIsOfRequestsWithATotalForEachLabel(t *testing.T) {
	t.Parallel()
	text, err := ListText([]Approval{sampleTransfer(), purchases()[1]}, 2)
	for _, part := range []string{
		"Decision      APPROVE 2 requests\n",
		"\n1 of 2\nYou send      1.5 ETH (ethereum)\nFee at most   0.0021 ETH (ethereum)\nFrom account  Treasury (acc_treasury)\n",
		"On chain      Sandbox chain (eip155:31337)\nFor           \"Invoice 2026-117\"\nReference     \"PO-4711\"\nRequest       req_aaaaaaaaaaaaaaaaaaaaaaaaaa\n",
		"\nTotal of 2 requests\nYou send      1.5 ETH (ethereum)\nFee at most   0.0021 ETH (ethereum)\nYou pay       1 000 USD\nYou get       990.123456789012345678 USDC (ethereum/erc20/usd__coin)\n",
	} {
		if err != nil || !strings.Contains(text, part) {
			t.Errorf("%v: no\n%s\nin\n%s", err, part, text)
		}
	}
}

func TestAListSaysWhichApprovalsAreUsableForHowLong(t *testing.T) {
	t.Parallel()
	list := purchases()
	list[1].GovernedBy.UseWithin = 3600
	text, err := ListText(list, len(list))
	want := "\nUsable for    24 hours after the last approval (1, 3)\nUsable for    1 hour after the last approval (2)"
	if err != nil || !strings.HasSuffix(text, want) {
		t.Errorf("%v\n%s", err, text)
	}
}

// FuzzListText checks that no statement can break a line of the list, or hide
// one: what a person reads has the same lines whatever the fields say.
func FuzzListText(f *testing.F) {
	f.Add([]byte(canonicalOf(f, 0)), []byte(canonicalOf(f, 1)))
	f.Add([]byte(canonicalOf(f, 1)), []byte(canonical(f, sampleTransfer())))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		a, err := Decode[Approval](one)
		if err != nil {
			return
		}
		b, err := Decode[Approval](two)
		if err != nil {
			return
		}
		list := []Approval{a, b}
		text, err := ListText(list, 2)
		if err != nil {
			return
		}
		lines, err := ListLines(list, 2)
		if err != nil {
			t.Fatal(err)
		}
		hasTheLines(t, text, lines)
	})
}

func canonicalOf(t testing.TB, i int) string { return canonical(t, purchases()[i]) }
