package effects_test

import (
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/intent"
)

const (
	recipient = "0x52908400098527886E0F7030069857D2E4169EE7"
	usdc      = "ethereum/erc20/usd__coin"
	contract  = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
)

func coin() intent.Transfer {
	return intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: "acc_treasury", AccountName: "Treasury", Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"}, Chain: "eip155:31337",
		To: intent.Recipient{Address: recipient}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"},
	}
}

func token() intent.Transfer {
	t := coin()
	t.Chain, t.Crypto = "eip155:1", intent.Crypto{Amount: "17.25", Asset: usdc}
	return t
}

func of(t *testing.T, i intent.Intent) effects.Effects {
	t.Helper()
	e, err := effects.Of(i)
	if err != nil {
		t.Fatal(err)
	}
	return *e
}

func TestTheChainsOwnCoinGoesToTheRecipientInItsSmallestUnit(t *testing.T) {
	t.Parallel()
	want := effects.Effects{V: 1, Chain: "eip155:31337", To: recipient, Value: "1500000000000000000", Data: "0x", MaxFee: "2100000000000000"}
	if got := of(t, coin()); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestATokenIsMovedByACallOfItsContractAsTheABIPacksIt(t *testing.T) {
	t.Parallel()
	erc20, err := abi.JSON(strings.NewReader(`[{"type":"function","name":"transfer","inputs":[{"name":"to","type":"address"},{"name":"value","type":"uint256"}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := erc20.Pack("transfer", common.HexToAddress(recipient), big.NewInt(17_250_000))
	if err != nil {
		t.Fatal(err)
	}
	want := effects.Effects{V: 1, Chain: "eip155:1", To: contract, Value: "0", Data: "0x" + hex.EncodeToString(packed), MaxFee: "2100000000000000"}
	if got := of(t, token()); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestEverythingThatATransactionDoesChangesTheDigest(t *testing.T) {
	t.Parallel()
	digests := map[string]string{}
	for name, change := range map[string]func(*intent.Transfer){
		"as it is":      func(*intent.Transfer) {},
		"amount":        func(t *intent.Transfer) { t.Crypto.Amount = "17.26" },
		"recipient":     func(t *intent.Transfer) { t.To.Address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" },
		"asset":         func(t *intent.Transfer) { t.Crypto = intent.Crypto{Amount: "17.25", Asset: "ethereum"} },
		"another token": func(t *intent.Transfer) { t.Crypto.Asset = "ethereum/erc20/usd_tether__erc20_" },
		"chain":         func(t *intent.Transfer) { *t = coin() },
		"fee":           func(t *intent.Transfer) { t.MaxFee.Amount = "0.0022" },
	} {
		x := token()
		change(&x)
		d, err := of(t, x).Digest()
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := digests[d]; ok {
			t.Errorf("%q has the digest of %q", name, other)
		}
		digests[d] = name
	}
}

func TestAStatementWithOtherEffectsIsRefused(t *testing.T) {
	t.Parallel()
	right, err := of(t, token()).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := effects.Check(right, token()); err != nil {
		t.Error(err)
	}
	if err := effects.Check("", intent.Buy{}); err != nil {
		t.Errorf("what sends nothing has effects: %v", err)
	}
	for name, c := range map[string]struct {
		stated string
		wants  intent.Intent
	}{
		"of another transfer": {right, coin()}, "none": {"", token()}, "of what sends nothing": {right, intent.Buy{}},
		"of an asset that is not known": {right, intent.Transfer{Chain: "eip155:1", Crypto: intent.Crypto{Amount: "1", Asset: "doubloons"}}},
	} {
		err := effects.Check(c.stated, c.wants)
		if f, ok := fault.As(err); !ok || f.Code != fault.StatementInvalid || f.Details["field"] != "effects" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATransactionCostsNoMoreThanItsEffectsAllow(t *testing.T) {
	t.Parallel()
	e := of(t, coin()) // 2,100,000 gwei: 100 gwei for each of 21,000 gas
	for gwei, want := range map[int64]bool{99: true, 100: true, 101: false} {
		tx, err := e.Tx(7, 21000, big.NewInt(1), new(big.Int).Mul(big.NewInt(gwei), big.NewInt(1e9)))
		if err != nil || tx.Chain != 31337 || tx.Nonce != 7 || tx.Value.String() != e.Value || common.Address(tx.To).Hex() != recipient {
			t.Fatalf("%+v: %v", tx, err)
		}
		if got := e.Covers(tx); got != want {
			t.Errorf("%d gwei is covered: %v", gwei, got)
		}
	}
}

func TestNothingIsSentOnAChainThatIsNotLikeEthereum(t *testing.T) {
	t.Parallel()
	if _, err := effects.Number("bip122:000000000019d6689c085ae165831e93"); fault.CodeOf(err) != fault.NotSupported {
		t.Errorf("got %v", err)
	}
}
