// Package gas is what a transaction of an eip155 chain pays for being taken into a block
// (EIP-1559). It is a value: the signer's log, the signer link and the gateway carry it.
// Spec: shared/spec/transactions.md.
package gas

import (
	"errors"
	"math/big"
)

// Bounds of [Fees].
const (
	Min       = 21_000 // what every transaction uses
	Max       = 30_000_000
	maxDigits = 30 // of a price
)

// Fees are what may differ between two attempts to have the same transaction taken into a
// block. Prices are in the smallest unit of the chain's coin, decimal.
type Fees struct {
	Gas    int64  `json:"gas"`                      // the most that it may use
	FeeCap string `json:"max_fee_per_gas"`          // the most that is paid for each
	Tip    string `json:"max_priority_fee_per_gas"` // the most of that which goes to whoever puts it into a block
}

// Prices are both prices as numbers. It fails when they are not what a transaction can have:
// the message names the field.
func (f Fees) Prices() (tip, feeCap *big.Int, err error) {
	if f.Gas < Min || f.Gas > Max {
		return nil, nil, errors.New("gas is not from 21000 to 30000000")
	}
	if feeCap, err = price(f.FeeCap); err != nil {
		return nil, nil, errors.New("max_fee_per_gas " + err.Error())
	}
	if tip, err = price(f.Tip); err != nil {
		return nil, nil, errors.New("max_priority_fee_per_gas " + err.Error())
	}
	if tip.Cmp(feeCap) > 0 {
		return nil, nil, errors.New("max_priority_fee_per_gas is more than max_fee_per_gas")
	}
	return tip, feeCap, nil
}

func price(s string) (*big.Int, error) {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok || len(s) > maxDigits || n.Sign() < 0 || n.String() != s {
		return nil, errors.New("is not a whole number of the coin's smallest unit")
	}
	return n, nil
}

// Above reports whether both prices are a tenth above those of an attempt before it, and more
// than them: a node takes no other in its place (geth's --txpool.pricebump).
func (f Fees) Above(before Fees) bool {
	tip, feeCap, err := f.Prices()
	wasTip, wasCap, err2 := before.Prices()
	return err == nil && err2 == nil && tenth(tip, wasTip) && tenth(feeCap, wasCap)
}

func tenth(now, was *big.Int) bool {
	ten, eleven := new(big.Int).Mul(now, big.NewInt(10)), new(big.Int).Mul(was, big.NewInt(11))
	return now.Cmp(was) > 0 && ten.Cmp(eleven) >= 0
}
