package effects_test

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"testing"

	"countersign/shared/effects"
	"countersign/shared/eip1559"
	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws/keytest"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/transactions.json"

type vector struct {
	Name    string           `json:"name"`
	Intent  string           `json:"intent"` // its canonical bytes
	Code    fault.Code       `json:"code,omitempty"`
	Effects *effects.Effects `json:"effects,omitempty"`
	Digest  string           `json:"digest,omitempty"`
	Nonce   uint64           `json:"nonce"`
	Fees    *gas.Fees        `json:"fees,omitempty"`
	Signing string           `json:"signing_digest,omitempty"`
	From    string           `json:"from,omitempty"`
	Raw     string           `json:"raw,omitempty"`
	Hash    string           `json:"hash,omitempty"`
}

const signer keytest.Seed = 7

func vectors(t *testing.T) (all []vector) {
	t.Helper()
	bitcoin, optimism := coin(), coin()
	bitcoin.Chain, bitcoin.Crypto.Asset, bitcoin.MaxFee.Asset = "bip122:000000000019d6689c085ae165831e93", "bitcoin", "bitcoin"
	optimism.Chain, optimism.Crypto.Asset, optimism.MaxFee.Asset = "eip155:10", "optimism", "optimism"
	stranger := coin()
	stranger.Crypto.Asset = "doubloons"
	cancel, faster := replace(coin(), intent.Cancel), replace(token(), intent.SpeedUp)
	few := &gas.Fees{Gas: 21000, FeeCap: "2000000000", Tip: "1000000000"}
	more := &gas.Fees{Gas: 70000, FeeCap: "30000000000", Tip: "1"}
	for _, v := range []vector{
		{Name: "ether", Intent: doc(coin()), Fees: few},
		{Name: "a token", Intent: doc(token()), Nonce: 7, Fees: more},
		{Name: "a coin of a chain that is not of eip155", Intent: doc(bitcoin), Code: fault.NotSupported, Fees: few},
		{Name: "a chain whose fees a transaction cannot limit", Intent: doc(optimism), Code: fault.NotSupported, Fees: few},
		{Name: "an asset that is not known", Intent: doc(stranger), Code: fault.Invalid, Fees: few},
		{Name: "fees of more than was approved", Intent: doc(coin()), Code: fault.Invalid, Fees: &gas.Fees{Gas: 21000, FeeCap: "100000000001", Tip: "1"}},
		{Name: "a cancellation", Intent: doc(cancel), Nonce: 7, Fees: more},
		{Name: "a speed-up of a token", Intent: doc(faster), Nonce: 7, Fees: more},
	} {
		all = append(all, compute(t, v))
	}
	return all
}

// replace does something about a transfer, for a fee of at most 0.0042 of the coin.
func replace(of intent.Transfer, action string) intent.Replace {
	return intent.Replace{
		Kind: intent.KindReplace, V: 1, Account: of.Account, AccountName: of.AccountName, Request: "req_bbbbbbbbbbbbbbbbbbbbbbbbbb", Action: action, Chain: of.Chain,
		From: eip55.Of(signer.PublicKey().Uncompressed()[1:]), Nonce: 7, Crypto: of.Crypto, To: of.To, FeeBefore: of.MaxFee, MaxFee: intent.Crypto{Amount: "0.0042", Asset: of.MaxFee.Asset},
	}
}

func TestASpeedUpDoesTheSameButForTheFeeAndACancellationMovesNothing(t *testing.T) {
	t.Parallel()
	for _, sent := range []intent.Transfer{coin(), token()} {
		was, faster, cancel := of(t, sent), of(t, replace(sent, intent.SpeedUp)), of(t, replace(sent, intent.Cancel))
		if faster.MaxFee == was.MaxFee {
			t.Error("the fee is the same")
		}
		if faster.MaxFee = was.MaxFee; faster != was {
			t.Errorf("%+v, then %+v", was, faster)
		}
		if cancel.Value != "0" || cancel.Data != "0x" || cancel.To != replace(sent, intent.Cancel).From || cancel.Chain != was.Chain {
			t.Errorf("%+v", cancel)
		}
	}
}

func doc(i intent.Intent) string { return string(intenttest.Doc(i)) }

// compute fills what follows from the intent, the nonce and the fees.
func compute(t *testing.T, v vector) vector {
	t.Helper()
	wants, err := intent.Open(intent.Doc(v.Intent))
	if err != nil {
		t.Fatal(err)
	}
	v.Effects, v.Digest, v.Signing, v.From, v.Raw, v.Hash = nil, "", "", "", "", ""
	code := v.Code
	v.Code = ""
	e, err := effects.Of(wants)
	if err != nil {
		v.Code = fault.CodeOf(err)
		return v
	}
	v.Effects = e
	if v.Digest, err = e.Digest(); err != nil {
		t.Fatal(err)
	}
	tip, feeCap, err := v.Fees.Prices()
	if err != nil {
		t.Fatal(err)
	}
	tx, err := e.Tx(v.Nonce, uint64(v.Fees.Gas), tip, feeCap)
	switch {
	case err != nil:
		v.Code = fault.CodeOf(err)
		return v
	case !e.Covers(tx):
		v.Code = code
		return v
	}
	digest, err := tx.Digest()
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.SignDigest(t.Context(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	v.From = eip55.Of(signer.PublicKey().Uncompressed()[1:])
	raw, err := tx.Sign(signature, v.From)
	if err != nil {
		t.Fatal(err)
	}
	read, err := eip1559.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	v.Signing, v.Raw, v.Hash = hex.EncodeToString(digest[:]), hex.EncodeToString(raw), read.Hash
	return v
}

func TestVectorsHold(t *testing.T) {
	t.Parallel()
	for _, want := range spec.Vectors(t, vectorFile, *update, vectors(t)) {
		got := compute(t, want)
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("%s:\n%s\n%s", want.Name, a, b)
		}
	}
}

func TestThePageShowsTheEffectsOfAToken(t *testing.T) {
	t.Parallel()
	example := spec.Examples(t, "transactions.md", "Effects", "json")[0]
	data, err := strictjson.Canonical(of(t, token()))
	if err != nil || string(data) != example {
		t.Errorf("the page shows\n%s\nthe code\n%s", example, data)
	}
	spec.Limit(t, "transactions.md", "transaction, signed", spec.Number(eip1559.MaxSize))
}
