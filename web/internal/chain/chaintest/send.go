package chaintest

import (
	"math/big"
	"strings"
)

// gas is what each transaction that [Node.Send] makes uses.
const gas = 21_000

// Send puts a transaction of an address into the next block, with its fee, which is
// returned in the smallest unit. Its type is one that has no signature to check.
func (n *Node) Send(from, to, units string, price int64) (tx, fee string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	tx = n.transaction()
	n.pay(tx, to, units)
	from = strings.ToLower(from)
	mined, paid := n.next.txs[len(n.next.txs)-1], new(big.Int).Mul(big.NewInt(gas), big.NewInt(price))
	mined["from"], mined["type"] = from, "0x7e"
	n.price[tx] = price
	n.credit(from, new(big.Int).Neg(new(big.Int).Add(wei(units), paid)))
	n.next.nonces[from]++
	return tx, paid.String()
}
