// Package chaintest is a node for tests: it speaks as much JSON-RPC as
// web/internal/chain asks for, keeps the state of every block, and does what
// real chains do to a watcher: payouts by contracts, tokens, transactions of
// unknown types, reorganisations, and answers that fail.
package chaintest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"countersign/shared/asset"
)

// Start is the time of block 0; blocks are a second apart.
var Start = time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)

type object = map[string]any

type block struct {
	fields   object
	txs      []object
	logs     []object
	balances map[string]*big.Int
	nonces   map[string]int
}

// Node is a chain. It is safe for concurrent use.
type Node struct {
	URL string
	ID  uint64 // of the chain

	mu      sync.Mutex
	blocks  []block
	next    block // is mined by the next Mine
	branch  int   // counts reorganisations, so that hashes differ
	n       int   // of transactions
	status  map[string]uint64
	price   map[string]int64 // of one gas, of what has one
	failing func(method string) error
	kept    int // states of that many newest blocks; 0: of all
	asked   map[string]int
	lag     int // blocks that are not shown yet
	hidden  int // number of a block that is not given; 0: none
	batches int // calls that one request may have; 0: any number
}

// New starts a node with block 0, until the test ends.
func New(t testing.TB, chainID uint64) *Node {
	t.Helper()
	n := &Node{ID: chainID, status: map[string]uint64{}, price: map[string]int64{}, asked: map[string]int{}}
	n.next = block{balances: map[string]*big.Int{}, nonces: map[string]int{}}
	n.Mine()
	s := httptest.NewServer(n)
	t.Cleanup(s.Close)
	n.URL = s.URL
	return n
}

func (n *Node) hash(parts ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, append(parts, n.branch)...))
	return "0x" + hex.EncodeToString(sum[:])
}

func (n *Node) transaction() string { n.n++; return n.hash("tx", n.n) }

func (n *Node) credit(to string, units *big.Int) {
	to = strings.ToLower(to)
	have := n.next.balances[to]
	if have == nil {
		have = new(big.Int)
	}
	n.next.balances[to] = new(big.Int).Add(have, units)
}

func wei(units string) *big.Int {
	v, ok := new(big.Int).SetString(units, 10)
	if !ok {
		panic("not digits: " + units)
	}
	return v
}

// Pay puts a plain transfer into the next block.
func (n *Node) Pay(to, units string) (tx string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	tx = n.transaction()
	n.pay(tx, to, units)
	return tx
}

func (n *Node) pay(tx, to, units string) {
	n.credit(to, wei(units))
	n.status[tx] = 1
	n.next.txs = append(n.next.txs, object{"hash": tx, "type": "0x2", "to": to, "value": "0x" + wei(units).Text(16)})
}

// Again puts a transaction that a reorganisation removed into the next block.
func (n *Node) Again(tx, to, units string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pay(tx, to, units)
}

// Fail puts a transfer that is reverted into the next block.
func (n *Node) Fail(to, units string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	tx := n.transaction()
	n.status[tx] = 0
	n.next.txs = append(n.next.txs, object{"hash": tx, "type": "0x2", "to": to, "value": "0x" + wei(units).Text(16)})
}

// PayOut lets a contract pay: the transaction is to the contract, and only the
// balance of the address shows what it got.
func (n *Node) PayOut(to, units string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	tx := n.transaction()
	n.status[tx] = 1
	n.credit(to, wei(units))
	n.next.txs = append(n.next.txs, object{"hash": tx, "type": "0x2", "to": "0x00000000000000000000000000000000000c0de5", "value": "0x0", "input": "0x01"})
}

// Spend takes from an address.
func (n *Node) Spend(from, units string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.credit(from, new(big.Int).Neg(wei(units)))
	n.next.nonces[strings.ToLower(from)]++
}

// Odd puts a transaction of a type into the next block that go-ethereum does not
// know, such as 0x7e of rollups; mangled fields and all.
func (n *Node) Odd(kind string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next.txs = append(n.next.txs, object{"hash": n.transaction(), "type": kind, "sourceHash": n.hash("source"), "mint": "0x0", "isSystemTx": false, "value": "0x0", "to": nil},
		object{"type": kind, "hash": 7, "value": "lots"})
}

// Token puts a transfer of a token into the next block.
func (n *Node) Token(id, to, units string) (tx string) {
	return n.SendToken(id, "0x00000000000000000000000000000000000c0de5", to, units)
}

// SendToken puts a transfer of a token of an address into the next block.
func (n *Node) SendToken(id, from, to, units string) (tx string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, _ := asset.ByID(id)
	tx = n.transaction()
	n.status[tx] = 1
	n.next.txs = append(n.next.txs, object{"hash": tx, "type": "0x2", "to": a.Contract(), "value": "0x0"})
	n.next.logs = append(n.next.logs, object{
		"address": strings.ToLower(a.Contract()), "transactionHash": tx, "data": fmt.Sprintf("0x%064x", wei(units)), "removed": false,
		"logIndex": fmt.Sprintf("0x%x", len(n.next.logs)), "topics": []string{
			"0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
			"0x" + strings.Repeat("0", 24) + strings.ToLower(strings.TrimPrefix(from, "0x")), "0x" + strings.Repeat("0", 24) + strings.ToLower(strings.TrimPrefix(to, "0x")),
		},
	})
	return tx
}

// Mine makes the next block, and returns its number.
func (n *Node) Mine() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	number, parent := len(n.blocks), "0x"+strings.Repeat("0", 64)
	if number > 0 {
		parent = n.blocks[number-1].fields["hash"].(string)
	}
	b := n.next
	hash := n.hash("block", number, parent, b.txs)
	b.fields = object{
		"number": fmt.Sprintf("0x%x", number), "hash": hash, "parentHash": parent, "timestamp": fmt.Sprintf("0x%x", Start.Unix()+int64(number)),
	}
	var bloom types.Bloom
	for _, l := range b.logs {
		l["blockHash"], l["blockNumber"] = hash, b.fields["number"]
		for _, field := range append([]string{l["address"].(string)}, l["topics"].([]string)...) {
			bloom.Add(hexutil.MustDecode(field))
		}
	}
	b.fields["logsBloom"] = hexutil.Encode(bloom[:])
	n.blocks = append(n.blocks, b)
	n.next = block{balances: maps.Clone(b.balances), nonces: maps.Clone(b.nonces)}
	return int64(number)
}

// Reorganise forgets the newest blocks and what was in them; what is mined then
// is another branch.
func (n *Node) Reorganise(depth int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.branch++
	n.blocks = n.blocks[:len(n.blocks)-depth]
	n.fresh()
}

// fresh begins the next block on top of the newest.
func (n *Node) fresh() {
	top := n.blocks[len(n.blocks)-1]
	n.next = block{balances: maps.Clone(top.balances), nonces: maps.Clone(top.nonces)}
}

// Branch is a chain as it was at some moment.
type Branch struct{ blocks []block }

// Keep and Restore leave a branch and come back to it.
func (n *Node) Keep() Branch {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Branch{slices.Clone(n.blocks)}
}

// Restore makes a branch the chain again, with the same hashes.
func (n *Node) Restore(b Branch) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks = slices.Clone(b.blocks)
	n.fresh()
}

// Break lets calls fail; nil mends it.
func (n *Node) Break(failing func(method string) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failing = failing
}

// Forget lets the node know balances at the newest blocks only.
func (n *Node) Forget(kept int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept = kept
}

// Lag lets the node show older blocks only, as one that is behind.
func (n *Node) Lag(blocks int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lag = blocks
}

// Batches limits how many calls one request may have.
func (n *Node) Batches(limit int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.batches = limit
}

// Hide lets the node count a block that it does not give.
func (n *Node) Hide(number int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hidden = number
}

// Asked is how often a method was called.
func (n *Node) Asked(method string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[method]
}

type question struct {
	ID     json.RawMessage
	Method string
	Params []any
}

// ServeHTTP answers one call or a batch.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var raw json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&raw); err != nil {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	var many []question
	if json.Unmarshal(raw, &many) == nil {
		n.mu.Lock()
		refused := n.batches > 0 && len(many) > n.batches
		n.mu.Unlock()
		if refused {
			_ = json.NewEncoder(w).Encode(object{"jsonrpc": "2.0", "id": nil, "error": object{"code": -32600, "message": "batch is too large"}})
			return
		}
		answers := make([]object, len(many))
		for i, q := range many {
			answers[i] = n.reply(q)
		}
		_ = json.NewEncoder(w).Encode(answers)
		return
	}
	var q question
	if err := json.Unmarshal(raw, &q); err != nil {
		http.Error(w, "not a call", http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(n.reply(q))
}

func (n *Node) reply(q question) object {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[q.Method]++
	out := object{"jsonrpc": "2.0", "id": q.ID}
	var err error
	if n.failing != nil {
		err = n.failing(q.Method)
	}
	if err == nil {
		out["result"], err = n.answer(q)
	}
	if err != nil {
		delete(out, "result")
		out["error"] = object{"code": -32000, "message": err.Error()}
	}
	return out
}

func (n *Node) answer(q question) (any, error) {
	switch q.Method {
	case "eth_chainId":
		return fmt.Sprintf("0x%x", n.ID), nil
	case "eth_getBlockByNumber":
		i := len(n.blocks) - 1 - n.lag
		if tag := q.Params[0].(string); tag != "latest" {
			if _, err := fmt.Sscanf(tag, "0x%x", &i); err != nil {
				return nil, err
			}
		}
		if i >= len(n.blocks)-n.lag || n.hidden > 0 && i == n.hidden && q.Params[0] != "latest" {
			return nil, nil
		}
		return n.shown(n.blocks[i], q.Params[1].(bool)), nil
	case "eth_getTransactionReceipt":
		for _, b := range n.blocks {
			for _, tx := range b.txs {
				if tx["hash"] == q.Params[0] {
					logs := []object{}
					for _, l := range b.logs {
						if l["transactionHash"] == tx["hash"] {
							logs = append(logs, l)
						}
					}
					receipt := object{"status": fmt.Sprintf("0x%x", n.status[q.Params[0].(string)]), "blockHash": b.fields["hash"], "transactionHash": tx["hash"], "logs": logs}
					if price, ok := n.price[q.Params[0].(string)]; ok {
						receipt["gasUsed"], receipt["effectiveGasPrice"] = fmt.Sprintf("0x%x", gas), fmt.Sprintf("0x%x", price)
					}
					return receipt, nil
				}
			}
		}
		return nil, nil
	case "eth_getLogs":
		b, _, err := n.byHash(q.Params[0])
		if err != nil {
			return nil, err
		}
		return append([]object{}, b.logs...), nil
	case "eth_getBalance":
		b, i, err := n.byHash(q.Params[1])
		if err != nil {
			return nil, err
		}
		if n.kept > 0 && i < len(n.blocks)-n.kept {
			return nil, fmt.Errorf("missing trie node")
		}
		have := b.balances[strings.ToLower(q.Params[0].(string))]
		if have == nil {
			have = new(big.Int)
		}
		return "0x" + have.Text(16), nil
	case "eth_call": // balanceOf of a token
		_, last, err := n.byHash(q.Params[1])
		if err != nil {
			return nil, err
		}
		if n.kept > 0 && last < len(n.blocks)-n.kept {
			return nil, fmt.Errorf("missing trie node")
		}
		call := q.Params[0].(object)
		return fmt.Sprintf("0x%064x", n.held(call["to"].(string), strings.TrimPrefix(call["data"].(string), "0x70a08231"), last)), nil
	case "eth_getTransactionCount":
		b, _, err := n.byHash(q.Params[1])
		if err != nil {
			return nil, err
		}
		return fmt.Sprintf("0x%x", b.nonces[strings.ToLower(q.Params[0].(string))]), nil
	}
	return nil, fmt.Errorf("the method %s does not exist", q.Method)
}

// held is how much of a token the holder of a topic has after a block.
func (n *Node) held(contract, topic string, last int) *big.Int {
	sum := new(big.Int)
	for _, b := range n.blocks[:last+1] {
		for _, l := range b.logs {
			topics := l["topics"].([]string)
			v := new(big.Int).SetBytes(hexutil.MustDecode(l["data"].(string)))
			if l["address"] == contract && topics[2] == "0x"+topic {
				sum.Add(sum, v)
			}
			if l["address"] == contract && topics[1] == "0x"+topic {
				sum.Sub(sum, v)
			}
		}
	}
	return sum
}

func (n *Node) byHash(filter any) (block, int, error) {
	for i, b := range n.blocks {
		if b.fields["hash"] == filter.(object)["blockHash"] {
			return b, i, nil
		}
	}
	return block{}, 0, fmt.Errorf("unknown block")
}

func (n *Node) shown(b block, full bool) object {
	out := maps.Clone(b.fields)
	txs := []any{}
	for _, tx := range b.txs {
		if full {
			txs = append(txs, tx)
		} else {
			txs = append(txs, tx["hash"])
		}
	}
	out["transactions"] = txs
	return out
}

// BalanceOf is what an address has after the newest block, in the smallest unit.
func (n *Node) BalanceOf(a string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b := n.blocks[len(n.blocks)-1].balances[strings.ToLower(a)]; b != nil {
		return b.String()
	}
	return "0"
}
