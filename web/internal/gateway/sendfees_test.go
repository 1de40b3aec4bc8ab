package gateway

import (
	"math/big"
	"testing"

	"countersign/web/internal/chain"
)

func TestAFirstFeeLeavesRoomForASecondOneWhereItGetsIntoABlockSoon(t *testing.T) {
	t.Parallel()
	gwei := func(n int64) *big.Int { return big.NewInt(n * 1_000_000_000) }
	now := chain.Fees{Base: gwei(20), Normal: chain.Fee{Tip: gwei(1), Cap: gwei(41)}}
	for name, c := range map[string]struct{ feeCap, most, want *big.Int }{
		"approved at the usual fee":       {gwei(41), gwei(41), big.NewInt(36_444_444_442)},
		"approved with room":              {gwei(41), gwei(90), gwei(41)},
		"approved with none to spare":     {gwei(27), gwei(27), gwei(27)},
		"approved at less than is usual":  {gwei(30), gwei(30), big.NewInt(26_666_666_664)},
		"approved for nothing but a wait": {gwei(1), gwei(1), gwei(1)},
	} {
		got := roomy(c.feeCap, c.most, now)
		if got.Cmp(c.want) != 0 {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if second := raised(new(big.Int), got.String()); name == "approved at the usual fee" && second.Cmp(c.most) > 0 {
			t.Errorf("%s: the second is %s, of %s", name, second, c.most)
		}
	}
}
