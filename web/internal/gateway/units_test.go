package gateway_test

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

func TestQuotesForWhatTheAccountsChainCannotHoldAreRefused(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	for _, id := range []string{"bitcoin", "ethereum/erc20/usd__coin", "polygon", "arbitrum", "solana", "doubloons"} {
		_, err := w.Gateway.Quotes(t.Context(), gatewaytest.Caller(), quote.Input{From: "EUR", To: id, Amount: "250", PaymentMethod: "card", Country: "FR"}, "acc_treasury", false, nil)
		if f, _ := fault.As(err); f == nil || f.Code != fault.Invalid || f.Details["field"] != "to" {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestAMistypedAssetIsAnsweredWithTheOneThatWasMeant(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	for id, says := range map[string]string{
		"etherium":  "not in the table of known assets; did you mean ethereum?",
		"eth":       "not in the table of known assets; did you mean ethereum?",
		"doubloons": "not in the table of known assets",
	} {
		_, err := w.Gateway.Quotes(t.Context(), gatewaytest.Caller(), quote.Input{From: "EUR", To: id, Amount: "250", PaymentMethod: "card", Country: "FR"}, "acc_treasury", false, nil)
		if f, _ := fault.As(err); f == nil || !strings.HasSuffix(f.Message, says) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// A quote for another asset may be in the database of an older version.
func TestAQuoteForWhatTheAccountCannotHoldMakesNoRequest(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	q := w.Quoted()
	err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		kept, err := tx.Quote("ent_sandbox", q.ID)
		if err != nil {
			return err
		}
		kept.Row.Asset, kept.Input.To = "bitcoin", "bitcoin"
		return tx.PutQuote(kept)
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q.ID, AccountID: "acc_treasury"}, "the-key-1")
	if f, _ := fault.As(err); f == nil || f.Code != fault.Invalid || f.Details["field"] != "quote_id" {
		t.Errorf("%v", err)
	}
}
