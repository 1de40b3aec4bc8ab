package app

import (
	"countersign/shared/asset"
	"countersign/shared/intent"
	"countersign/shared/wire"
	"countersign/wasm/internal/view"
)

// screen is how the intent of a request is shown. A kind with a look of its own has
// one; every other is shown by its lines.
type screen interface {
	// row is the intent in a list: what it is, where it goes, and how much.
	row(w Words) (title, sub string, amount view.Node)
	heading(w Words) []any
	// facts are its details; attested stands by an address of the vault's own.
	facts(w Words, attested view.Node) []any
}

// screenOf chooses the screen of an intent. The page checks nothing of it: the signer did,
// and the bridge will.
func screenOf(r wire.Request) screen {
	switch i, _ := intent.Draft(r.Intent); i := i.(type) {
	case intent.Buy:
		return buyScreen{i}
	case intent.Transfer:
		return sendScreen{i}
	default:
		return plainScreen{r.Sentence, i, r.Lines}
	}
}

// bought is the purchase that a request is about; the zero Buy of one of another kind.
func bought(d intent.Doc) intent.Buy {
	i, _ := intent.Draft(d)
	b, _ := i.(intent.Buy)
	return b
}

type buyScreen struct{ b intent.Buy }

func (s buyScreen) row(w Words) (title, sub string, amount view.Node) {
	b := s.b
	return w.fiat(b.Fiat.Amount, b.Fiat.Currency) + " of " + assetOf(b.Crypto.Asset).Name, b.ProviderName + " · " + b.AccountName, w.crypto(b.Crypto.Amount, b.Crypto.Asset, "")
}

func (s buyScreen) heading(w Words) []any {
	b := s.b
	return []any{"Buy ", w.crypto(b.Crypto.Amount, b.Crypto.Asset, ""), " for ", view.El("strong", "", w.fiat(b.Fiat.Amount, b.Fiat.Currency)),
		" from ", view.El("strong", "", b.ProviderName), " into ", view.El("strong", "", b.AccountName)}
}

func (s buyScreen) facts(w Words, attested view.Node) []any {
	b, unit := s.b, assetOf(s.b.Crypto.Asset).Ticker
	return []any{
		fact("You pay", w.fiat(b.Fiat.Amount, b.Fiat.Currency)+", "+methodName(b.PaymentMethod)),
		fact("You get", w.exact(b.Crypto.Amount, unit, "")),
		fact("Minimum", w.exact(b.Minimum, unit, "")),
		fact("To address", view.El("div", "stack is-tight", address(b.Address), attested)),
		fact("On chain", asset.ChainName(b.Chain)+" ", view.El("span", "mono", b.Chain)),
		fact("Quote", identifier(b.Quote)),
	}
}

type sendScreen struct{ t intent.Transfer }

func (s sendScreen) row(w Words) (title, sub string, amount view.Node) {
	t := s.t
	return "Send to " + abridged(t.To.Address), t.AccountName, w.crypto(t.Crypto.Amount, t.Crypto.Asset, "")
}

// abridged is an address for a list, from which one click leads to all of it.
func abridged(a string) string {
	if len(a) < 24 {
		return a
	}
	return a[:10] + "…" + a[len(a)-8:]
}

func (s sendScreen) heading(w Words) []any {
	t := s.t
	return []any{"Send ", w.crypto(t.Crypto.Amount, t.Crypto.Asset, ""), " from ", view.El("strong", "", t.AccountName)}
}

func (s sendScreen) facts(w Words, _ view.Node) []any {
	t := s.t
	return []any{
		fact(intent.LabelSend, w.exact(t.Crypto.Amount, assetOf(t.Crypto.Asset).Ticker, "")),
		fact(intent.LabelFee, w.exact(t.MaxFee.Amount, assetOf(t.MaxFee.Asset).Ticker, "")),
		fact("To address", address(t.To.Address)),
		fact("On chain", asset.ChainName(t.Chain)+" ", view.El("span", "mono", t.Chain)),
	}
}

// plainScreen is for a kind without a look of its own; i is nil for one that this page
// does not know, and lines are what the gateway says of it.
type plainScreen struct {
	sentence string
	i        intent.Intent
	lines    []wire.Line
}

func (s plainScreen) row(Words) (title, sub string, amount view.Node) {
	return s.sentence, "", view.Node{}
}

func (s plainScreen) heading(Words) []any { return []any{s.sentence} }

func (s plainScreen) facts(Words, view.Node) (all []any) {
	for _, l := range s.lines {
		all = append(all, fact(l.Label, l.Value))
	}
	if len(s.lines) > 0 {
		return all
	}
	if s.i == nil {
		return []any{fact("Unknown", "This page does not know this kind of request. Reload it; the bridge shows in full what you sign.")}
	}
	for _, l := range s.i.Lines() {
		all = append(all, fact(l.Label, l.Value))
	}
	return all
}

// joined sets two parts of a line apart with a dot, where there are two.
func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + " · " + b
}
