//go:build !js

package statement

import (
	"strings"
	"testing"

	"countersign/shared/fault"
)

func TestUnitsThatDoNotBelongTogetherAreRefused(t *testing.T) {
	t.Parallel()
	usdc := func(b *Buy) {
		b.Chain, b.Crypto.Asset, b.Crypto.Amount, b.Minimum = "eip155:1", "ethereum/erc20/usd__coin", "247.500001", "240"
	}
	for _, c := range []struct {
		name   string
		change func(*Buy)
		field  string // empty: accepted
	}{
		{"the sandbox's own coin", func(*Buy) {}, ""},
		{"a token on its chain", usdc, ""},
		{"an asset of another chain", func(b *Buy) { b.Crypto.Asset = "bitcoin" }, "intent.crypto.asset"},
		{"a token of another chain", func(b *Buy) { usdc(b); b.Chain = "eip155:31337" }, "intent.crypto.asset"},
		{"the coin of a sister chain", func(b *Buy) { b.Crypto.Asset = "arbitrum" }, "intent.crypto.asset"},
		{"an asset that nothing watches", func(b *Buy) {
			b.Chain, b.Crypto.Asset = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "solana"
		}, "intent.crypto.asset"},
		{"an asset that nobody knows", func(b *Buy) { b.Crypto.Asset = "ethereum/erc20/shiba" }, "intent.crypto.asset"},
		{"a chain that nobody knows", func(b *Buy) { b.Chain = "eip155:5" }, "intent.crypto.asset"},
		{"an amount finer than the asset", func(b *Buy) { usdc(b); b.Crypto.Amount = "247.5000001" }, "intent.crypto.amount"},
		{"a minimum finer than the asset", func(b *Buy) { usdc(b); b.Minimum = "240.0000001" }, "intent.minimum"},
		{"a currency that is none", func(b *Buy) { b.Fiat.Currency = "XXX" }, "intent.fiat.currency"},
		{"money finer than the currency", func(b *Buy) { b.Fiat.Amount = "250.005" }, "intent.fiat.amount"},
		{"yen with sen", func(b *Buy) { b.Fiat.Amount, b.Fiat.Currency = "250.5", "JPY" }, "intent.fiat.amount"},
		{"an address in lower case", func(b *Buy) { b.Address = strings.ToLower(b.Address) }, ""},
		{"an address in capitals", func(b *Buy) { b.Address = "0x" + strings.ToUpper(b.Address[2:]) }, ""},
		{"an address with a letter in another case", func(b *Buy) { b.Address = strings.Replace(b.Address, "E", "e", 1) }, "intent.address"},
		{"an address with a changed digit", func(b *Buy) { b.Address = strings.Replace(b.Address, "4552", "4553", 1) }, "intent.address"},
		{"an address of Bitcoin", func(b *Buy) { b.Address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }, "intent.address"},
		{"an address of Solana", func(b *Buy) { b.Address = "7v91N7iZ9mNicL8WfG6cgSCKyRXydQjLh6UYBWwm6y1Q" }, "intent.address"},
		{"an address without 0x", func(b *Buy) { b.Address = b.Address[2:] }, "intent.address"},
		{"an address with 0X", func(b *Buy) { b.Address = "0X" + b.Address[2:] }, "intent.address"},
		{"an address that is short", func(b *Buy) { b.Address = b.Address[:41] }, "intent.address"},
		{"an address that is long", func(b *Buy) { b.Address += "0" }, "intent.address"},
		{"an address with another letter", func(b *Buy) { b.Address = b.Address[:41] + "g" }, "intent.address"},
		{"the zero address", func(b *Buy) { b.Address = "0x" + strings.Repeat("0", 40) }, "intent.address"},
		{"the token's own contract", func(b *Buy) { usdc(b); b.Address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48" }, "intent.address"},
		{"the contract of another token", func(b *Buy) {
			b.Chain, b.Address = "eip155:1", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
		}, "intent.address"},
		{"the token's own contract in lower case", func(b *Buy) { usdc(b); b.Address = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48" }, "intent.address"},
		{"what is malformed in itself", func(b *Buy) { b.Crypto.Amount = "1e5" }, "intent.crypto.amount"},
	} {
		b := sample().Intent
		b.Chain, b.Crypto.Asset = "eip155:31337", "ethereum"
		c.change(&b)
		err := b.CheckUnits("intent.")
		f, _ := fault.As(err)
		if c.field == "" && err != nil || c.field != "" && (f == nil || f.Code != fault.StatementInvalid || f.Details["field"] != c.field) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
