package eip1559_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	mrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"countersign/shared/eip1559"
	"countersign/shared/eip55"
)

// key is a key in memory and its address.
func key(t testing.TB) (*secp256k1.PrivateKey, string) {
	t.Helper()
	k, err := secp256k1.GeneratePrivateKeyFromRand(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k, eip55.Of(k.PubKey().SerializeUncompressed()[1:])
}

func sign(t testing.TB, k *secp256k1.PrivateKey, digest [32]byte) []byte {
	t.Helper()
	return ecdsa.SignCompact(k, digest[:], false)[1:]
}

func random(r *mrand.Rand) eip1559.Tx {
	wei := func() *big.Int { return new(big.Int).Rsh(new(big.Int).SetUint64(r.Uint64()), uint(r.IntN(64))) }
	tx := eip1559.Tx{Chain: r.Uint64N(1 << 40), Nonce: r.Uint64N(1 << 20), Tip: wei(), FeeCap: wei(), Gas: r.Uint64N(1 << 30), Value: new(big.Int).Lsh(wei(), uint(r.IntN(64)))}
	for i := range tx.To {
		tx.To[i] = byte(r.Uint32())
	}
	tx.Data = make([]byte, r.IntN(80))
	for i := range tx.Data {
		tx.Data[i] = byte(r.Uint32())
	}
	return tx
}

func TestATransactionIsWhatGoEthereumSignsAndSends(t *testing.T) {
	t.Parallel()
	k, from := key(t)
	r := mrand.New(mrand.NewPCG(1, 2))
	for range 200 {
		tx := random(r)
		to := common.Address(tx.To)
		theirs := types.NewTx(&types.DynamicFeeTx{
			ChainID: new(big.Int).SetUint64(tx.Chain), Nonce: tx.Nonce, GasTipCap: tx.Tip, GasFeeCap: tx.FeeCap, Gas: tx.Gas, To: &to, Value: tx.Value, Data: tx.Data,
		})
		signer := types.LatestSignerForChainID(theirs.ChainId())
		digest, err := tx.Digest()
		if err != nil || common.Hash(digest) != signer.Hash(theirs) {
			t.Fatalf("%+v: the digest is %x, not %x (%v)", tx, digest, signer.Hash(theirs), err)
		}
		raw, err := tx.Sign(sign(t, k, digest), from)
		if err != nil {
			t.Fatal(err)
		}
		var sent types.Transaction
		if err := sent.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		who, err := types.Sender(signer, &sent)
		if err != nil || who.Hex() != from {
			t.Fatalf("go-ethereum says that %s sent it, not %s (%v)", who, from, err)
		}
		got, err := eip1559.Open(raw)
		if err != nil || got.From != from || got.Hash != sent.Hash().Hex() || !got.Same(tx) {
			t.Fatalf("read %+v, want %+v (%v)", got, tx, err)
		}
	}
}

func TestASignatureOfAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	tx := random(mrand.New(mrand.NewPCG(3, 4)))
	k, _ := key(t)
	_, other := key(t)
	digest, _ := tx.Digest()
	if _, err := tx.Sign(sign(t, k, digest), other); err == nil || !strings.Contains(err.Error(), other) {
		t.Errorf("it was taken for that of another: %v", err)
	}
}

func TestATransactionThatIsNotWrittenHereIsRefused(t *testing.T) {
	t.Parallel()
	k, from := key(t)
	tx := random(mrand.New(mrand.NewPCG(5, 6)))
	digest, _ := tx.Digest()
	raw, err := tx.Sign(sign(t, k, digest), from)
	if err != nil {
		t.Fatal(err)
	}
	to := common.Address(tx.To)
	listed := types.NewTx(&types.DynamicFeeTx{ChainID: big.NewInt(1), GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(2), Gas: 21000, To: &to, Value: big.NewInt(0), AccessList: types.AccessList{{Address: to}}})
	made := types.NewTx(&types.DynamicFeeTx{ChainID: big.NewInt(1), GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(2), Gas: 21000, Value: big.NewInt(0), Data: []byte{1}})
	legacy := types.NewTx(&types.LegacyTx{Gas: 21000, GasPrice: big.NewInt(1), To: &to, Value: big.NewInt(0)})
	bytesOf := func(tx *types.Transaction) []byte {
		b, err := tx.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "the type alone": {2}, "another type": append([]byte{3}, raw[1:]...), "a byte more": append(bytes.Clone(raw), 0),
		"a byte less": raw[:len(raw)-1], "too long": append(bytes.Clone(raw), make([]byte, eip1559.MaxSize)...),
		"an access list": bytesOf(listed), "a contract that is made": bytesOf(made), "a legacy transaction": bytesOf(legacy),
	} {
		if got, err := eip1559.Open(bad); err == nil {
			t.Errorf("%s was read as %+v", name, got)
		}
	}
}

func TestTheExampleOfEIP55IsAnAddress(t *testing.T) {
	t.Parallel()
	const good = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	a, err := eip1559.Address(good)
	if err != nil || hex.EncodeToString(a[:]) != strings.ToLower(good[2:]) {
		t.Errorf("read %x (%v)", a, err)
	}
	if _, err := eip1559.Address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"); err == nil {
		t.Error("a changed letter passes")
	}
}

func FuzzOpen(f *testing.F) {
	k, from := key(f)
	for seed := range uint64(4) {
		tx := random(mrand.New(mrand.NewPCG(seed, 9)))
		digest, _ := tx.Digest()
		raw, err := tx.Sign(sign(f, k, digest), from)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := eip1559.Open(raw)
		if err != nil {
			return
		}
		var theirs types.Transaction
		if err := theirs.UnmarshalBinary(raw); err != nil {
			t.Fatalf("go-ethereum refuses what was read: %v", err)
		}
		who, err := types.Sender(types.LatestSignerForChainID(theirs.ChainId()), &theirs)
		if err != nil || who.Hex() != got.From || theirs.Hash().Hex() != got.Hash {
			t.Fatalf("go-ethereum reads another transaction: %v, %v", who, err)
		}
	})
}
