// Package effects is what a transaction does on its chain, computed from a readable intent
// alone: whom it calls, what it moves, with which bytes, and the most that it may cost; and
// of a message what is signed. The signer states their digest in what approvers sign, each
// approver's bridge computes it again from what the person reads, and the signer once more
// before it signs: where two tables of assets differ, or a contract was exchanged, nobody
// signs. Pure. Spec: shared/spec/transactions.md, shared/spec/messages.md.
package effects

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/eip1559"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/strictjson"
)

// Effects are what stays the same however often a transaction is made again: nonce and
// fees are in none of it.
type Effects struct {
	V      int    `json:"v"`       // 1
	Chain  string `json:"chain"`   // CAIP-2
	To     string `json:"to"`      // the address that is called: the recipient's, or that of a token's contract
	Value  string `json:"value"`   // of the chain's coin, in its smallest unit
	Data   string `json:"data"`    // 0x and what is called with, in hexadecimal
	MaxFee string `json:"max_fee"` // the most that the chain may take, in the smallest unit of its coin
}

// Of are the effects of what an intent sends; nil when it sends nothing. It fails with
// INVALID_REQUEST when the tables of this version know its asset or its chain no more.
func Of(i intent.Intent) (*Effects, error) {
	sender, ok := i.(intent.Sender)
	if !ok {
		return nil, nil
	}
	m := sender.Sends()
	moved, why := asset.Held(m.Chain, m.What.Asset)
	if why != "" {
		return nil, fault.New(fault.Invalid, why).With("field", "crypto.asset")
	}
	chain, _ := asset.Chain(m.Chain)
	coin, _ := asset.On(m.Chain, chain.Coin)
	if m.Fee.Asset != coin.ID {
		return nil, fault.New(fault.Invalid, "fees on "+chain.Name+" are not paid in "+m.Fee.Asset).With("field", "max_fee.asset")
	}
	units, err := amount.Must(m.What.Amount).Units(moved.Places)
	if err != nil {
		return nil, err
	}
	fee, err := amount.Must(m.Fee.Amount).Units(coin.Places)
	if err != nil {
		return nil, err
	}
	e := &Effects{V: 1, Chain: m.Chain, To: m.To, Value: units, Data: "0x", MaxFee: fee}
	if contract := moved.Contract(); contract != "" {
		if e.Data, err = transfer(m.To, units); err != nil {
			return nil, err
		}
		e.To, e.Value = contract, "0"
	}
	return e, nil
}

// Digest names effects exactly: base64url of the SHA-256 of their canonical JSON.
func (e Effects) Digest() (string, error) {
	data, err := strictjson.Canonical(e)
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:]), err
}

// DigestOf is the digest of the effects of an intent, or of a message what its key signs;
// empty when it ends in neither a transaction nor a signature.
func DigestOf(i intent.Intent) (string, error) {
	if m, ok := i.(intent.Messenger); ok {
		signs, err := m.Signs()
		return signs.DigestText(), err
	}
	e, err := Of(i)
	if e == nil || err != nil {
		return "", err
	}
	return e.Digest()
}

// Check refuses a statement whose effects are not those of its intent, as this version
// computes them: STATEMENT_INVALID, field effects.
func Check(stated string, i intent.Intent) error {
	want, err := DigestOf(i)
	if err == nil && want == stated {
		return nil
	}
	why := "are not what this version of the program makes of the intent"
	if err != nil {
		why = "cannot be computed: " + err.Error()
	}
	return fault.New(fault.StatementInvalid, "the statement was refused: effects "+why).With("field", "effects")
}

// dear are chains of which a transaction pays more than its gas: for the room that it takes on
// the chain beneath, without any limit that its sender signs. What it costs at most cannot
// be said of them.
var dear = map[string]bool{"eip155:10": true, "eip155:8453": true}

// Number is the number of an eip155 chain (EIP-155). It fails with NOT_SUPPORTED for
// another chain, on which nothing can be sent yet.
func Number(chain string) (uint64, error) {
	if dear[chain] {
		return 0, fault.New(fault.NotSupported, "nothing can be sent on "+asset.ChainName(chain)+" yet: it takes a fee that a transaction cannot limit")
	}
	digits, ok := strings.CutPrefix(chain, "eip155:")
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil {
		return 0, fault.New(fault.NotSupported, "nothing can be sent on "+asset.ChainName(chain)+" yet")
	}
	return n, nil
}

// Tx is the transaction with these effects, a nonce and fees.
func (e Effects) Tx(nonce, gas uint64, tip, feeCap *big.Int) (t eip1559.Tx, err error) {
	t = eip1559.Tx{Nonce: nonce, Gas: gas, Tip: tip, FeeCap: feeCap}
	if t.Chain, err = Number(e.Chain); err != nil {
		return t, err
	}
	if t.To, err = eip1559.Address(e.To); err != nil {
		return t, err
	}
	if t.Value, err = units(e.Value); err != nil {
		return t, err
	}
	t.Data, err = hex.DecodeString(strings.TrimPrefix(e.Data, "0x"))
	return t, err
}

// Covers reports whether a transaction costs no more than the effects allow.
func (e Effects) Covers(t eip1559.Tx) bool {
	most, err := units(e.MaxFee)
	return err == nil && t.MaxFee().Cmp(most) <= 0
}

func units(s string) (*big.Int, error) {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok || n.Sign() < 0 {
		return nil, fmt.Errorf("%q is not an amount in the smallest unit", s)
	}
	return n, nil
}

// transfer is what a token's contract is called with to move units to an address: the
// selector of transfer(address,uint256) of ERC-20, and the two arguments in 32 bytes each.
func transfer(to, amount string) (string, error) {
	address, err := eip1559.Address(to)
	if err != nil {
		return "", err
	}
	n, err := units(amount)
	if err != nil {
		return "", err
	}
	if n.BitLen() > 256 {
		return "", fmt.Errorf("%s is more than a token can count", amount)
	}
	return fmt.Sprintf("0xa9059cbb%064x%064x", new(big.Int).SetBytes(address[:]), n), nil
}
