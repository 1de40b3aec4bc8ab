package intent

import (
	"strings"
	"testing"
)

func sampleBuy() Buy {
	return Buy{
		Kind: KindBuy, V: 1, Account: "acc_treasury", AccountName: "Treasury", Provider: "northpay", ProviderName: "NorthPay",
		Fiat: Fiat{"250.00", "EUR"}, Crypto: Crypto{"0.0815", "ethereum"}, Minimum: "0.0799", Chain: "eip155:31337",
		Address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", PaymentMethod: "card", Country: "FR", Quote: "quo_aaaaaaaaaaaaaaaaaaaaaaaaaa",
		Purpose: "Gas for the payroll of November", Reference: "PAY-2026-11",
	}
}

func TestTotalsOfWhatIsNotAnAmountAreRefused(t *testing.T) {
	t.Parallel()
	b := sampleBuy()
	b.Minimum = "1e3"
	if all, err := Sum([]Intent{sampleBuy(), b}); err == nil {
		t.Error(all)
	}
}

func TestWhatIsOnTwoChainsIsNotOneTotal(t *testing.T) {
	t.Parallel()
	here, there := sampleBuy(), sampleBuy()
	here.Chain, there.Chain = "eip155:31337", "eip155:1"
	here.Crypto, there.Crypto = Crypto{"1", "ethereum"}, Crypto{"2", "ethereum"}
	here.Minimum, there.Minimum = "1", "2"
	sum, err := Sum([]Intent{here, there, here})
	if err != nil {
		t.Fatal(err)
	}
	var got []Total
	for _, s := range sum {
		if s.Label == LabelGet {
			got = append(got, s)
		}
	}
	if len(got) != 2 || got[0].Amount != "2" || got[1].Amount != "2" {
		t.Fatalf("%+v", got)
	}
	var values []string
	for _, l := range TotalLines(sum) {
		values = append(values, l.Value)
	}
	if text := strings.Join(values, "\n"); !strings.Contains(text, " on Sandbox chain") || !strings.Contains(text, " on Ethereum") {
		t.Errorf("the totals do not say which is where:\n%s", text)
	}
}
