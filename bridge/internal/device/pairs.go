package device

import (
	"context"

	"countersign/bridge/internal/hsm"
)

// Origin says where the private half of a key pair came from and what it may do.
type Origin = hsm.Origin

// Pair is a key pair that was found by its private half, and has proven itself.
type Pair struct {
	Key    *Key // nil: the token shows no public half that is its own, or not on a curve of ours
	Origin Origin
}

// Pairs looks for the key pairs with a label among the private objects of the
// token, which only the PIN can make, for a program that owns its token: it does
// not believe anything that can be planted without the PIN. strangers is how
// many objects of that label anybody could have made. The token must be unlocked.
func (d *Device) Pairs(ctx context.Context, label string) (pairs []Pair, strangers int, err error) {
	info, r, err := ask[pairsInfo](ctx, d, (*module).read, opPairs, func(number uint32) any { return dataCall{Token: number, Label: label} })
	if err != nil {
		return nil, 0, err
	}
	for _, i := range info.Pairs {
		p := Pair{Origin: i.Origin}
		if i.Known {
			if p.Key, err = d.use(d.key(i.Key, r)); err != nil {
				return nil, 0, err
			}
		}
		pairs = append(pairs, p)
	}
	return pairs, info.Strangers, nil
}
