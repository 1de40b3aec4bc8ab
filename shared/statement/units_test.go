//go:build !js

package statement

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
)

func TestUnitsThatDoNotBelongTogetherAreRefused(t *testing.T) {
	t.Parallel()
	usdc := func(b *intent.Buy) {
		b.Chain, b.Crypto.Asset, b.Crypto.Amount, b.Minimum = "eip155:1", "ethereum/erc20/usd__coin", "247.500001", "240"
	}
	for _, c := range []struct {
		name   string
		change func(*intent.Buy)
		field  string // empty: accepted
	}{
		{"the sandbox's own coin", func(*intent.Buy) {}, ""},
		{"a token on its chain", usdc, ""},
		{"an asset of another chain", func(b *intent.Buy) { b.Crypto.Asset = "bitcoin" }, "crypto.asset"},
		{"a token of another chain", func(b *intent.Buy) { usdc(b); b.Chain = "eip155:31337" }, "crypto.asset"},
		{"the coin of a sister chain", func(b *intent.Buy) { b.Crypto.Asset = "arbitrum" }, "crypto.asset"},
		{"an asset that nothing watches", func(b *intent.Buy) {
			b.Chain, b.Crypto.Asset = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "solana"
		}, "crypto.asset"},
		{"an unknown asset", func(b *intent.Buy) { b.Crypto.Asset = "ethereum/erc20/shiba" }, "crypto.asset"},
		{"an unknown chain", func(b *intent.Buy) { b.Chain = "eip155:5" }, "crypto.asset"},
		{"an amount finer than the asset", func(b *intent.Buy) { usdc(b); b.Crypto.Amount = "247.5000001" }, "crypto.amount"},
		{"a minimum finer than the asset", func(b *intent.Buy) { usdc(b); b.Minimum = "240.0000001" }, "minimum"},
		{"an unknown currency", func(b *intent.Buy) { b.Fiat.Currency = "XXX" }, "fiat.currency"},
		{"money finer than the currency", func(b *intent.Buy) { b.Fiat.Amount = "250.005" }, "fiat.amount"},
		{"yen with sen", func(b *intent.Buy) { b.Fiat.Amount, b.Fiat.Currency = "250.5", "JPY" }, "fiat.amount"},
		{"an address in lower case", func(b *intent.Buy) { b.Address = strings.ToLower(b.Address) }, ""},
		{"an address in capitals", func(b *intent.Buy) { b.Address = "0x" + strings.ToUpper(b.Address[2:]) }, ""},
		{"an address with a letter in another case", func(b *intent.Buy) { b.Address = strings.Replace(b.Address, "E", "e", 1) }, "address"},
		{"an address with a changed digit", func(b *intent.Buy) { b.Address = strings.Replace(b.Address, "4552", "4553", 1) }, "address"},
		{"an address of Bitcoin", func(b *intent.Buy) { b.Address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }, "address"},
		{"an address of Solana", func(b *intent.Buy) { b.Address = "7v91N7iZ9mNicL8WfG6cgSCKyRXydQjLh6UYBWwm6y1Q" }, "address"},
		{"an address without 0x", func(b *intent.Buy) { b.Address = b.Address[2:] }, "address"},
		{"an address with 0X", func(b *intent.Buy) { b.Address = "0X" + b.Address[2:] }, "address"},
		{"an address that is short", func(b *intent.Buy) { b.Address = b.Address[:41] }, "address"},
		{"an address that is long", func(b *intent.Buy) { b.Address += "0" }, "address"},
		{"an address with another letter", func(b *intent.Buy) { b.Address = b.Address[:41] + "g" }, "address"},
		{"the zero address", func(b *intent.Buy) { b.Address = "0x" + strings.Repeat("0", 40) }, "address"},
		{"the token's own contract", func(b *intent.Buy) { usdc(b); b.Address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48" }, "address"},
		{"the contract of another token", func(b *intent.Buy) {
			b.Chain, b.Address = "eip155:1", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
		}, "address"},
		{"the token's own contract in lower case", func(b *intent.Buy) { usdc(b); b.Address = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48" }, "address"},
		{"what is malformed in itself", func(b *intent.Buy) { b.Crypto.Amount = "1e5" }, "crypto.amount"},
	} {
		b := intenttest.Buy(sample().Intent)
		b.Chain, b.Crypto.Asset = "eip155:31337", "ethereum"
		c.change(&b)
		field := c.field
		a := sample()
		a.Intent = intenttest.Doc(b)
		err := a.CheckNow()
		f, _ := fault.As(err)
		if field == "" && err != nil || field != "" && (f == nil || f.Code != fault.StatementInvalid || f.Details["field"] != "intent."+field) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
