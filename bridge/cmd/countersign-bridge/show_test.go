package main

import (
	"bytes"
	"strings"
	"testing"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/shared/intent"
	"countersign/shared/name"
)

// decided is an entry as a bridge writes it.
func decided(kind string) journal.Entry {
	return journal.Entry{Seq: 14, Time: "2027-01-31T08:00:05.250Z", Event: journal.Event{Kind: kind, Origin: "https://dashboard.example.com",
		Pairing: "9f86d081884c7d65", Process: "/usr/lib/firefox/firefox (pid 4711)", Entity: "ent_sandbox", Member: "mem_alice", Device: "alice", Key: strings.Repeat("A", 43),
		Request: "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", Decision: "APPROVE", Record: intent.Record{Intent: intent.KindBuy, Price: "250000.00 EUR", Amount: "81.5", Asset: "ethereum", Minimum: "79.9",
			Counterparty: "NorthPay (northpay)", Account: "Treasury (acc_treasury)", Address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", Chain: "eip155:1", Purpose: "Gas for the payroll of November"},
		Statement: "countersign-approval+jws", Digest: strings.Repeat("0f", 32)}}
}

func TestTheJournalSaysWhatWasApprovedWithinEightyColumns(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := show(&b, decided(journal.Approved)); err != nil {
		t.Fatal(err)
	}
	want := `   14  2027-01-31 08:00:05  approved         APPROVE  member mem_alice
       pay 250 000.00 EUR for 81.5 ETH (ethereum), minimum 79.9
       from NorthPay (northpay) into Treasury (acc_treasury)
       to 0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf on Ethereum (eip155:1)
       for "Gas for the payroll of November"
       request req_aaaaaaaaaaaaaaaaaaaaaaaaaa
       site https://dashboard.example.com  pairing 9f86d081884c7d65
       program /usr/lib/firefox/firefox (pid 4711)  token alice
       key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
       signs countersign-approval+jws
       digest 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestNothingInTheJournalsListIsCutOffOrBreaksItsLines(t *testing.T) {
	t.Parallel()
	long := decided(journal.Declined)
	long.Code, long.Process = "DECLINED", "/home/alice/"+strings.Repeat("folder/", 60)+"a program with spaces\x1b[2J (pid 1)"
	long.Counterparty, long.Account = strings.Repeat("界", 64)+" (northpay)", strings.Repeat("word ", 12)+"(acc_treasury)"
	older := decided(journal.Signed)
	older.Price, older.Amount, older.Asset, older.Minimum, older.Counterparty, older.Account, older.Address, older.Chain = "", "", "", "", "", "", "", ""
	older.Purpose = ""
	for _, e := range []journal.Entry{long, older, {Time: "2027-01-31T08:00:05.250Z", Event: journal.Event{Kind: journal.Started}}} {
		var b bytes.Buffer
		if err := show(&b, e); err != nil {
			t.Fatal(err)
		}
		letters := strings.NewReplacer(" ", "", "\n", "").Replace(b.String())
		for _, value := range []string{e.Member, e.Request, e.Address, e.Digest, strings.ReplaceAll(e.Counterparty, " ", ""), strings.Repeat("folder/", 60)} {
			if e.Process == long.Process && !strings.Contains(letters, value) {
				t.Errorf("no %q in\n%s", value, b.String())
			}
		}
		for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
			if fold.Columns(line) > 80 || strings.Contains(line, "\x1b") || (i > 0) != strings.HasPrefix(line, showIndent) {
				t.Errorf("%d columns: %q", fold.Columns(line), line)
			}
		}
	}
}

func TestTheLabelOfAKeyMakesNoLineOfThePrompt(t *testing.T) {
	t.Parallel()
	q := deletion(keys.Info{Device: device.Identity{Label: "alice\nCurve:      P-256"}.Shown(), Label: name.Shown("old\nThumbprint: " + strings.Repeat("B", 43))}, "secp256k1", strings.Repeat("A", 43), "unused")
	for _, label := range []string{"\nToken:", "\nKey:", "\nCurve:", "\nThumbprint:"} {
		if strings.Count(q.Text, label) != 1 {
			t.Errorf("%q in\n%s", label, q.Text)
		}
	}
}
