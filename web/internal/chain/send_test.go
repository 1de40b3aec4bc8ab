package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
)

// script is what a node answers to each method: a result, or "error" and its object.
// What is not in it is a method that the node does not have.
type script map[string]string

// sending is a sender on a chain whose node answers by a script. The node's address has
// a key in it.
func sending(t *testing.T, s script) *Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m message
		_ = json.Unmarshal(body, &m)
		answer, ok := s[m.Method]
		if m.Method == "eth_chainId" && !ok {
			answer, ok = `"0x1"`, true
		}
		if !ok {
			answer = `error{"code":-32601,"message":"the method does not exist"}`
		}
		member := "result"
		if refused, is := strings.CutPrefix(answer, "error"); is {
			member, answer = "error", refused
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%d,%q:%s}`, m.ID, member, answer)
	}))
	t.Cleanup(server.Close)
	sender, err := NewSender(Config{RPC: server.URL + "/v3/" + secretKey, Chain: "eip155:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sender.Close)
	return sender
}

const secretKey = "f00dcafe0123456789"

func TestFeesAreOfWhatOthersPay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script
		want string // base, then tip and cap of each speed; or part of the error
	}{
		"the median of three blocks": {script{"eth_feeHistory": `{"baseFeePerGas":["0xa","0xa","0xa","0x14"],"gasUsedRatio":[0.5,0.5,0.5],
			"reward":[["0x1","0x5","0x9"],["0x2","0x6","0x64"],["0x3","0x7","0xb"]]}`}, "20: 2 42, 6 46, 11 51"},
		"without the blocks that were empty": {script{"eth_feeHistory": `{"baseFeePerGas":["0xa","0xa","0xa","0x14"],"gasUsedRatio":[0,0.5,0],
			"reward":[["0x0","0x0","0x0"],["0x2","0x6","0x64"],["0x0","0x0","0x0"]]}`}, "20: 2 42, 6 46, 100 140"},
		"all were empty": {script{"eth_feeHistory": `{"baseFeePerGas":["0xa","0x14"],"gasUsedRatio":[0],"reward":[["0x0","0x0","0x0"]]}`,
			"eth_maxPriorityFeePerGas": `"0x8"`}, "20: 4 44, 8 48, 16 56"},
		"no tip at all": {script{"eth_feeHistory": `{"baseFeePerGas":["0x0","0x0"],"gasUsedRatio":[1],"reward":[["0x0","0x0","0x0"]]}`}, "0: 1 1, 1 1, 1 1"},
		"a faster one is not cheaper": {script{"eth_feeHistory": `{"baseFeePerGas":["0xa","0x14"],"gasUsedRatio":[1],
			"reward":[["0x9","0x5","0x1"]]}`}, "20: 9 49, 9 49, 9 49"},
		"of a node that knows one price":    {script{"eth_gasPrice": `"0x64"`}, "0: 50 50, 100 100, 200 200"},
		"of one that answers with nothing":  {script{"eth_feeHistory": `null`, "eth_gasPrice": `"0x64"`}, "0: 50 50, 100 100, 200 200"},
		"more than can be meant":            {script{"eth_gasPrice": `"0x2386f26fc10000"`}, "cannot be right"},
		"nothing that a fee can be made of": {script{}, "does not exist"},
		"no number":                         {script{"eth_gasPrice": `null`}, "no answer"},
		"a negative one":                    {script{"eth_gasPrice": `"-0x1"`}, "not what JSON-RPC says"},
	} {
		f, err := sending(t, c.script).Fees(t.Context())
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprintf("%d: %d %d, %d %d, %d %d", f.Base, f.Slow.Tip, f.Slow.Cap, f.Normal.Tip, f.Normal.Cap, f.Fast.Tip, f.Fast.Cap)
		}
		if err == nil && got != c.want || err != nil && !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
}

func TestARaisedFeeIsATenthMore(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]int64{{1, 2}, {9, 10}, {10, 11}, {11, 13}, {100, 110}, {101, 112}, {0, 0}} {
		f := Fee{big.NewInt(c[0]), big.NewInt(c[0])}.Raised()
		if f.Tip.Int64() != c[1] || f.Cap.Int64() != c[1] {
			t.Errorf("%d: %d, %d", c[0], f.Tip, f.Cap)
		}
	}
	f := Fee{big.NewInt(5), big.NewInt(6)}.AtLeast(Fee{big.NewInt(9), big.NewInt(4)})
	if f.Tip.Int64() != 9 || f.Cap.Int64() != 9 { // a tip above the cap is refused by nodes
		t.Errorf("%d, %d", f.Tip, f.Cap)
	}
	if most := f.Most(21_000); most.Int64() != 189_000 {
		t.Errorf("%d", most)
	}
}

func TestACallThatWouldFailIsFoundBeforeItIsSigned(t *testing.T) {
	t.Parallel()
	word := func(n int) string { return fmt.Sprintf("%064x", n) }
	revert := func(data string) script {
		return script{"eth_call": `error{"code":3,"message":"execution reverted","data":"` + data + `"}`}
	}
	text := func(s string) string {
		return "0x08c379a0" + word(32) + word(len(s)) + hexutil.Encode(common.RightPadBytes([]byte(s), (len(s)+31)/32*32))[2:]
	}
	transfer := append(selector("transfer(address,uint256)"), make([]byte, 64)...)
	for name, c := range map[string]struct {
		script
		want string // of the error; empty: none
		kind error  // nil: a revert
	}{
		"a text":                     {revert(text("paused until noon")), "refuses it: paused until noon", nil},
		"a text that moves a cursor": {revert(text("a\x1b[2Jb\nc")), "refuses it: a [2Jb c", nil},
		"a text without end":         {revert(text(strings.Repeat("x", 5000))), "refuses it: " + strings.Repeat("x", maxText), nil},
		"a failed check":             {revert("0x4e487b71" + word(0x11)), "arithmetic", nil},
		"an error of tokens":         {revert(hexutil.Encode(selector("ERC20InsufficientBalance(address,uint256,uint256)")) + word(1)), "the sender has less", nil},
		"another error":              {revert("0xdeadbeef"), "error 0xdeadbeef", nil},
		"nothing":                    {revert("0x"), "does not say why", nil},
		"in words only":              {script{"eth_call": `error{"code":-32000,"message":"execution reverted: not today"}`}, "refuses it: not today", nil},
		"false":                      {script{"eth_call": `"0x` + word(0) + `"`}, "answers with false", nil},
		"no funds":                   {script{"eth_call": `"0x"`, "eth_estimateGas": `error{"code":-32000,"message":"insufficient funds for transfer"}`}, "less than", ErrFunds},
		"no funds for gas":           {script{"eth_call": `"0x"`, "eth_estimateGas": `error{"code":-32000,"message":"gas required exceeds allowance (0)"}`}, "less than", ErrFunds},
		"too much gas":               {script{"eth_call": `"0x"`, "eth_estimateGas": `"0xffffffffffffffff"`}, "cannot be right", ErrAnswer},
		"too little":                 {script{"eth_call": `"0x"`, "eth_estimateGas": `"0x1"`}, "cannot be right", ErrAnswer},
		"all is well":                {script{"eth_call": `"0x` + word(1) + `"`, "eth_estimateGas": `"0xea60"`}, "", nil},
		"a token that says nothing":  {script{"eth_call": `"0x"`, "eth_estimateGas": `"0xea60"`}, "", nil},
	} {
		gas, err := sending(t, c.script).Estimate(t.Context(), Call{Data: transfer})
		var reverted *RevertError
		switch {
		case c.want == "" && (err != nil || gas != 72_000):
			t.Errorf("%s: %d, %v", name, gas, err)
		case c.want == "":
		case err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\x1b"):
			t.Errorf("%s: %v", name, err)
		case c.kind == nil && !errors.As(err, &reverted) || c.kind != nil && !errors.Is(err, c.kind):
			t.Errorf("%s: %v is of another kind", name, err)
		}
	}
}

func TestThePlainTransferHasNoMargin(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]uint64{"0x5208": params.TxGas, "0x5209": 25_201, "0x7530": 36_000} {
		got, err := sending(t, script{"eth_estimateGas": `"` + answer + `"`}).Estimate(t.Context(), Call{Value: big.NewInt(1)})
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", answer, got, err)
		}
	}
}

func TestCodeMakesAContractUnlessAKeyRemains(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"0x": false, "0x00": true, "0x6001": true, "0xef0100" + strings.Repeat("ab", 20): false, "0xef0100": true} {
		if got, err := sending(t, script{"eth_getCode": `"` + code + `"`}).Contract(t.Context(), common.Address{}); err != nil || got != want {
			t.Errorf("%s: %v, %v", code, got, err)
		}
	}
}

// signedTx is a transaction on chain 1.
func signedTx(t *testing.T) ([]byte, common.Hash) {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	tx := types.MustSignNewTx(key, types.LatestSignerForChainID(common.Big1), &types.DynamicFeeTx{
		ChainID: common.Big1, Nonce: 4, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(2), Gas: params.TxGas, To: &common.Address{},
	})
	raw, err := tx.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return raw, tx.Hash()
}

// The words of many nodes, each for each outcome that they have words for.
func TestWhatNodesSayOfATransaction(t *testing.T) {
	t.Parallel()
	raw, hash := signedTx(t)
	seen := map[Outcome]bool{}
	for said, want := range map[string]Outcome{
		"already known":                                                                Accepted, // geth, reth
		"ALREADY_EXISTS: already known":                                                Accepted, // Erigon
		"Known transaction":                                                            Accepted, // Besu
		"AlreadyKnown":                                                                 Accepted, // Nethermind
		"unknown transaction type":                                                     Malformed,
		"nonce too low: next nonce 5, tx nonce 4":                                      Displaced,
		"OldNonce, Current nonce: 5, nonce of rejected tx: 4":                          Displaced,
		"Nonce too low":                                                                Displaced,
		"NonceGap, Future nonce. Expected nonce: 3":                                    TooSoon,
		"nonce too high: address 0xab, tx: 4 state: 3":                                 TooSoon, // Arbitrum
		"gapped-nonce tx from delegated accounts":                                      TooSoon,
		"replacement transaction underpriced":                                          Underpriced,
		"Replacement transaction underpriced":                                          Underpriced,
		"ReplacementNotAllowed":                                                        Underpriced,
		"could not replace existing tx":                                                Underpriced,
		"future transaction tries to replace pending":                                  Underpriced,
		"transaction underpriced: gas tip cap 1, minimum needed 5":                     TooCheap,
		"transaction gas price below minimum: gas tip cap 0, minimum needed 1":         TooCheap,
		"Gas price below configured minimum gas price":                                 TooCheap,
		"FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 2":                 TooCheap,
		"max fee per gas less than block base fee: address 0xab":                       TooCheap,
		"txpool is full":                                                               Full,
		"account limit exceeded: pooled 16 txs":                                        Full,
		"in-flight transaction limit reached for delegated accounts":                   Full,
		"sequencer pending tx pool full, please try again":                             Full,
		"tx fee (2.10 ether) exceeds the configured cap (1.00 ether)":                  NodeCap,
		"Transaction fee cap exceeded":                                                 NodeCap,
		"insufficient funds for gas * price + value: balance 0, tx cost 9, overshot 9": NoFunds,
		"Upfront cost exceeds account balance":                                         NoFunds,
		"InsufficientFunds, Account balance: 0, cumulative cost: 9":                    NoFunds,
		"not enough funds for gas":                                                     NoFunds,
		"intrinsic gas too low: gas 1, minimum needed 21000":                           Malformed,
		"Intrinsic gas exceeds gas limit":                                              Malformed,
		"insufficient gas for floor data gas cost: gas 1":                              Malformed,
		"max priority fee per gas higher than max fee per gas":                         Malformed,
		"invalid sender: invalid chain id for signer: have 2 want 1":                   Malformed,
		"invalid transaction v, r, s values":                                           Malformed,
		"exceeds block gas limit":                                                      Malformed,
		"GasLimitExceeded, Gas limit: 1, gas limit of rejected tx: 2":                  Malformed,
		"oversized data: transaction size 131073, limit 131072":                        Malformed,
		"transaction type not supported":                                               Malformed,
		"rlp: expected input list for types.DynamicFeeTx":                              Malformed,
		"daily request limit exceeded":                                                 Unreachable,
		"Too Many Requests":                                                            Unreachable,
		"the moon is full":                                                             Unclear,
		"":                                                                             Unclear,
		"execution reverted":                                                           Unclear,
	} {
		text, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		sender := sending(t, script{
			"eth_sendRawTransaction": `error{"code":-32000,"message":` + string(text) + `}`, "eth_getTransactionByHash": `null`,
		})
		got, err := sender.Broadcast(t.Context(), raw)
		seen[got] = true
		if got != want || (err == nil) != got.Sent() || err != nil && (!strings.Contains(err.Error(), hash.Hex()) || strings.Contains(err.Error(), secretKey)) {
			t.Errorf("%q: %q, not %q: %v", said, got, want, err)
		}
	}
	seen[Included] = true // where the chain has it: below
	for _, o := range Outcomes() {
		if !seen[o] {
			t.Errorf("no words mean %q", o)
		}
		if o.Sent() && o.Again() {
			t.Errorf("%q is sent and is to be sent again", o)
		}
	}
}

func TestAUsedNonceIsOftenOfTheTransactionItself(t *testing.T) {
	t.Parallel()
	raw, hash := signedTx(t)
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(&tx)
	if err != nil {
		t.Fatal(err)
	}
	with := func(more string) string { return strings.TrimSuffix(string(data), "}") + "," + more + "}" }
	block := "0x" + strings.Repeat("b1", 32)
	for name, c := range map[string]struct {
		found string
		want  Outcome
	}{
		"in a block":     {with(`"blockHash":"` + block + `","blockNumber":"0x9"`), Included},
		"waits":          {with(`"blockHash":null,"blockNumber":null`), Accepted},
		"another one":    {`null`, Displaced},
		"one that lies":  {strings.Replace(string(data), `"nonce":"0x4"`, `"nonce":"0x5"`, 1), Unclear},
		"one that fails": {`error{"code":-32000,"message":"not now"}`, Unclear},
	} {
		sender := sending(t, script{
			"eth_sendRawTransaction": `error{"code":-32000,"message":"nonce too low"}`, "eth_getTransactionByHash": c.found,
			"eth_getBlockByNumber":      `{"number":"0x9","hash":"` + block + `","parentHash":"` + block + `","timestamp":"0x1"}`,
			"eth_getTransactionReceipt": `{"status":"0x1","transactionHash":"` + hash.Hex() + `","blockHash":"` + block + `","gasUsed":"0x5208","effectiveGasPrice":"0x2","l1Fee":"0x3","logs":[]}`,
		})
		if got, err := sender.Broadcast(t.Context(), raw); got != c.want || (err == nil) != got.Sent() {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if c.want == Included {
			if seen, err := sender.Find(t.Context(), hash); err != nil || seen.Fee.Int64() != 42_003 { // with what a rollup takes for the chain below
				t.Errorf("%+v, %v", seen, err)
			}
		}
	}
}

func TestANodeThatCannotBeAskedTakesTheSameBytesLater(t *testing.T) {
	t.Parallel()
	raw, _ := signedTx(t)
	answering := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL + "/v3/" + secretKey
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	chainID := func(w http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		var m message
		_ = json.Unmarshal(body, &m)
		if m.Method == "eth_chainId" {
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%d,"result":"0x1"}`, m.ID)
		}
		return m.Method == "eth_chainId"
	}
	for name, c := range map[string]struct {
		url  string
		want Outcome
	}{
		"nobody": {closed.URL + "/v3/" + secretKey, Unreachable},
		"a status": {answering(func(w http.ResponseWriter, r *http.Request) {
			if !chainID(w, r) {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}), Unreachable},
		"a connection that ends": {answering(func(w http.ResponseWriter, r *http.Request) {
			if !chainID(w, r) {
				panic(http.ErrAbortHandler)
			}
		}), Unreachable},
		"no JSON": {answering(func(w http.ResponseWriter, r *http.Request) {
			if !chainID(w, r) {
				fmt.Fprint(w, "<html>"+secretKey)
			}
		}), Unclear},
		"another chain": {answering(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"0x2"}`)
		}), Unreachable},
	} {
		s, err := NewSender(Config{RPC: c.url, Chain: "eip155:1"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Broadcast(t.Context(), raw)
		if got != c.want || !got.Again() || err == nil || strings.Contains(err.Error(), secretKey) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		s.Close()
	}
}

// Whatever a node answers, a transaction that is found is the one that was asked for,
// unless its type is not known, and what it cost is not negative.
func FuzzFind(f *testing.F) {
	f.Add([]byte(`{"type":"0x2","chainId":"0x1","nonce":"0x4","to":"0x0000000000000000000000000000000000000000","gas":"0x5208","gasPrice":null,"maxPriorityFeePerGas":"0x1","maxFeePerGas":"0x2","value":"0x0","input":"0x","accessList":[],"v":"0x0","r":"0x1","s":"0x1","yParity":"0x0","hash":"0x01","blockHash":"0x02","blockNumber":"0x9"}`),
		[]byte(`{"status":"0x1","gasUsed":"0x5208","effectiveGasPrice":"0x2","l1Fee":"0x3","logs":[{"address":"0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48","topics":["`+transferTopic+`","0x","0x"],"data":"0x1","logIndex":"0x0"}]}`))
	f.Add([]byte(`{"type":"0x7e","hash":"0x01"}`), []byte(`{"status":"0x2","gasUsed":null}`))
	s, err := NewSender(Config{RPC: "http://127.0.0.1:1", Chain: "eip155:1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, tx, receipt []byte) {
		got, at, err := s.decode(tx)
		if err == nil && got != nil && got.Hash() != at.Hash {
			t.Errorf("%v for %v", got.Hash(), at.Hash)
		}
		var r rawReceipt
		seen := Seen{Tx: got}
		if json.Unmarshal(receipt, &r) == nil && s.cost("", r, &seen) == nil {
			if seen.Fee.Sign() < 0 || got != nil && seen.GasUsed > got.Gas() {
				t.Errorf("%+v", seen)
			}
			for _, m := range seen.Transfers {
				if m.Units.Sign() < 0 || m.Units.BitLen() > 256 {
					t.Errorf("%+v", m)
				}
			}
		}
	})
}
