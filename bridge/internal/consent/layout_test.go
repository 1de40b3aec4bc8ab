package consent

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"countersign/bridge/internal/fold"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/name"
	"countersign/shared/statement"
)

// purchase is what a person is asked about, with a name that tries to become a
// line of its own.
func purchase(account string) statement.Approval {
	hash := strings.Repeat("A", 43)
	return statement.Approval{
		V: 2, Type: "approval", Entity: "ent_sandbox", EntityName: "Sandbox Ltd", Request: "req_" + strings.Repeat("a", 26), Step: 1,
		Decision: statement.Approve, Member: "mem_bob", MemberName: "Bob", Key: hash,
		GovernedBy: statement.GovernedBy{RuleSet: "acc_treasury", Version: 3, Digest: hash, Rule: "purchases"},
		Intent: intenttest.Doc(intent.Buy{Kind: intent.KindBuy, V: 1, Account: "acc_treasury", AccountName: account, Provider: "northpay", ProviderName: "NorthPay",
			Fiat: intent.Fiat{Amount: "2500000.00", Currency: "EUR"}, Crypto: intent.Crypto{Amount: "815.5", Asset: "ethereum"}, Minimum: "799", Chain: "eip155:1",
			Address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", PaymentMethod: "card", Country: "FR", Quote: "quo_" + strings.Repeat("a", 26)}),
		Nonce: strings.Repeat("0f", 32), IssuedAt: 1_795_208_400, NotBefore: 1_795_208_340, Expires: 1_795_208_940, Channel: hash, Log: statement.Log{Size: 2, Head: hash},
	}
}

func textOf(a statement.Approval) string {
	text, err := statement.Text(a)
	if err != nil {
		panic(err)
	}
	return text
}

// labels are what lines may begin with.
func labels(a statement.Approval) (all []string) {
	lines, err := statement.Lines(a)
	if err != nil {
		panic(err)
	}
	for _, l := range lines {
		all = append(all, l.Label+" ")
	}
	return all
}

// tails are ends of names that look like lines.
var tails = []string{"You pay 25.00 EUR", "Decision APPROVE", "> You pay 25.00", "北京清算有限公司 You pay 25.00 EUR", strings.Repeat("界", 40), strings.Repeat("W", 64)}

func TestANameCannotBecomeALineOfTheStatement(t *testing.T) {
	t.Parallel()
	for _, tail := range tails {
		for pad := range 60 {
			hasOnlyItsOwnLines(t, purchase(padded(tail, pad, name.MaxCharacters)))
		}
	}
}

func TestAPurposeCannotBecomeALineOfTheStatement(t *testing.T) {
	t.Parallel()
	for _, tail := range append(tails, `" You pay 25.00 EUR "`, strings.Repeat("W", 140)) {
		for pad := range 136 {
			a := purchase("Treasury")
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Purpose = padded(tail, pad, name.MaxWords) })
			hasOnlyItsOwnLines(t, a)
		}
	}
}

// padded is a text that ends with tail, as far as it has room.
func padded(tail string, pad, most int) string {
	s := tail
	if pad > 0 {
		s = strings.Repeat("x", pad) + " " + tail
	}
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most])
	}
	return strings.TrimSpace(s)
}

// hasOnlyItsOwnLines fails when, however wide the prompt is, a line begins as none of the
// statement does, or as one does that is there already.
func hasOnlyItsOwnLines(t *testing.T, a statement.Approval) {
	t.Helper()
	text, own := textOf(a), labels(a)
	for _, columns := range []int{narrowest, 58, pinentryWidth, terminalWidth} {
		seen := map[string]int{}
		for _, line := range layout(text, columns) {
			if fold.Columns(line) > columns {
				t.Fatalf("%d columns: %q has %d", columns, line, fold.Columns(line))
			}
			label := slices.IndexFunc(own, func(l string) bool { return strings.HasPrefix(line, l) })
			switch {
			case label >= 0:
				seen[own[label]]++
			case !strings.HasPrefix(line, ">"+strings.Repeat(" ", 13)):
				t.Fatalf("%d columns: a line of its own: %q in\n%s", columns, line, text)
			}
		}
		for label, n := range seen {
			if n != 1 {
				t.Fatalf("%d columns: %d lines %q of\n%s", columns, n, label, text)
			}
		}
		if len(seen) != len(own) {
			t.Fatalf("%d columns: %d labels of\n%s", columns, len(seen), text)
		}
	}
}

func TestWordsAndAmountsAreNotBroken(t *testing.T) {
	t.Parallel()
	got := layout("Into account  The treasury of a company whose name has many words and more (acc_treasury)\nYou pay       "+strings.Repeat("x", 60)+" 1 234 567.89 EUR\n"+
		"A line of prose that is longer than the terminal is wide goes on behind spaces, as this one does.\nWith key      "+strings.Repeat("K", 90), 80)
	want := []string{
		"Into account  The treasury of a company whose name has many words and more",
		">             (acc_treasury)",
		"You pay       " + strings.Repeat("x", 60),
		">             1 234 567.89 EUR",
		"A line of prose that is longer than the terminal is wide goes on behind spaces,",
		">   as this one does.",
		"With key      " + strings.Repeat("K", 66),
		">             " + strings.Repeat("K", 24),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAListIsPagedItemByItemAndEndsWithItsTotals(t *testing.T) {
	t.Parallel()
	var list []statement.Approval
	for i := range 5 {
		a := purchase("Treasury")
		a.Request = fmt.Sprintf("req_%026d", i)
		list = append(list, a)
	}
	text, err := statement.ListText(list, 5)
	if err != nil {
		t.Fatal(err)
	}
	got := pages(layout(text, terminalWidth), func(lines []string) bool { return len(lines) <= 18 })
	if len(got) != 6 {
		t.Fatalf("%d pages: %q", len(got), got)
	}
	for i, page := range got[:5] {
		if all := strings.Join(page, "\n"); !strings.Contains(all, fmt.Sprintf("%d of 5\n", i+1)) || strings.Count(all, "To address") != 1 || strings.Contains(all, "Total") {
			t.Errorf("page %d:\n%s", i+1, all)
		}
	}
	if all := strings.Join(got[5], "\n"); all != "Total of 5 purchases\nYou pay       12 500 000.00 EUR\nYou get       4 077.5 ETH (ethereum)\nMinimum       3 995 ETH (ethereum)\nUsable for    24 hours after the last approval" {
		t.Errorf("the last page:\n%s", all)
	}
	if !strings.HasPrefix(got[0][0], "Decision") {
		t.Errorf("the first page:\n%q", got[0])
	}
}

func TestTheReadmeShowsThePromptAsItIs(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, ok := strings.Cut(string(readme), "=== Approve a purchase of Example Ltd ===\n\n")
	sample, _, found := strings.Cut(sample, "\n> approve\n")
	if !ok || !found {
		t.Fatal("the README shows no prompt")
	}
	a := purchase("Treasury for the second and the third quarter of this year")
	a.Entity, a.EntityName, a.Member, a.MemberName, a.GovernedBy.Rule, a.GovernedBy.Version = "ent_example", "Example Ltd", "mem_alice", "Alice", "two of three", 1
	intenttest.Edit(&a.Intent, func(b *intent.Buy) {
		b.Fiat.Amount, b.Crypto.Amount, b.Minimum, b.Quote = "25000.00", "8.15", "7.99", "quo_hf3ir7hvcs6frjyuk5widzlegf"
	})
	a.Request = "req_av52hinwsjjgvk2zvqvoftau5w"
	a.Key, a.Expires = "jXIUWZxfAbTouanqZzuKNKSzlVWlKxYixPamSp1xdZ4", time.Date(2027, 1, 31, 8, 9, 3, 0, time.UTC).Unix()
	want := strings.Join(layout(textOf(a), terminalWidth), "\n") + "\n\n" + Question{Site: "https://dashboard.example.com"}.howTo()
	if sample != want {
		t.Errorf("the README has\n%s\nand the prompt\n%s", sample, want)
	}
}

func TestAPageOfPinentryFitsATerminalAndItsLine(t *testing.T) {
	t.Parallel()
	var list []statement.Approval
	for i := range 16 {
		a := purchase(strings.Repeat("界", 64))
		a.Request = fmt.Sprintf("req_%026d", i)
		list = append(list, a)
	}
	many, err := statement.ListText(list, 16)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		most int
	}{"a purchase": {textOf(purchase("Treasury")), 1}, "long names": {textOf(purchase(strings.Repeat("界", 64))), 2}, "a list": {many, 18}} {
		parts, how := new(Pinentry).pages(Question{Site: "https://dashboard.example.com", Text: c.text})
		if len(parts) > c.most {
			t.Errorf("%s: %d pages, want at most %d", name, len(parts), c.most)
		}
		for i, part := range parts {
			shown := strings.Join(part, "\n") + "\n"
			if i == len(parts)-1 {
				shown += "\n" + how
			}
			if n := len(strings.Split(shown, "\n")); n > 18 || len("SETDESC "+escape(shown)) > maxAssuanLine {
				t.Errorf("%s, page %d: %d lines, %d bytes", name, i+1, n, len(escape(shown)))
			}
		}
	}
}

func TestPagesLoseNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "one line", "a\nb\nc", strings.Repeat("0123456789\n", 40), "x\n" + strings.Repeat("y", 250) + "\nz", strings.Repeat("block\nof lines\n\n", 30), "a\n\n" + strings.Repeat("0123456789\n", 40), "\n\n\na"} {
		lines := layout(text, 80)
		var back []string
		for _, p := range pages(lines, func(lines []string) bool { return len(lines) <= 7 }) {
			if len(p) > 7 || len(p) == 0 {
				t.Errorf("a page of %d lines: %q", len(p), p)
			}
			back = append(back, p...)
		}
		if !slices.Equal(back, lines) {
			t.Errorf("pages of %q make %q", text, back)
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add("Into account  Treasury You pay 25.00 EUR (acc_treasury)\nprose", 40)
	f.Add(strings.Repeat(" ", 90)+"far right", 0)
	f.Add("A  \u1112\u1161\u11ab 北京 e\u0301\u0302\u0303", 5)
	f.Fuzz(func(t *testing.T, text string, columns int) {
		columns = narrowest + (columns&0xff)%(terminalWidth-narrowest)
		text = Clean(text)
		letters := func(s string) string { return strings.NewReplacer(" ", "", "\n", "", ">", "").Replace(s) }
		lines := layout(text, columns)
		for _, l := range lines {
			if fold.Columns(l) > columns || strings.Contains(l, "\n") {
				t.Errorf("%d columns: %q", columns, l)
			}
		}
		if got := letters(strings.Join(lines, "")); got != letters(text) {
			t.Errorf("%q became %q", text, got)
		}
	})
}
