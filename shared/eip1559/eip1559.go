// Package eip1559 is transactions of eip155 chains in the one form in which a vault
// signs them: type 2 of EIP-2718, as EIP-1559 has it, with an empty access list. It writes
// the bytes that are signed and those that are sent, and reads the latter strictly. The
// encoding is go-ethereum's rlp; tests hold each transaction against go-ethereum's
// core/types, which is too large for the browser, where receipts are verified too. Pure.
// shared/vault, shared/receipt and the signer use it.
// Spec: shared/spec/transactions.md.
package eip1559

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/rlp"
	"golang.org/x/crypto/sha3"

	"countersign/shared/ecrecover"
	"countersign/shared/eip55"
)

// MaxSize is the longest signed transaction, in bytes.
const MaxSize = 1 << 10

// form is the type of the transaction, its first byte (EIP-2718).
const form = 2

// Tx is a transaction that is not signed. Amounts are in the smallest unit of the
// chain's coin, and not negative.
type Tx struct {
	Chain  uint64   // the chain's number (EIP-155)
	Nonce  uint64   // how many transactions the sender sent before
	Tip    *big.Int // the most that goes to whoever puts it into a block, for each gas
	FeeCap *big.Int // the most that is paid for each gas
	Gas    uint64   // the most gas that it may use
	To     [20]byte // whom it calls
	Value  *big.Int // what it moves of the coin
	Data   []byte   // what it calls with
}

// Signed is a signed transaction that was read.
type Signed struct {
	Tx
	From string // the sender's address, with its check (EIP-55)
	Hash string // how the chain names it: 0x and 64 digits
}

// unsigned is what is signed, in order.
type unsigned struct {
	Chain      *big.Int
	Nonce      uint64
	Tip        *big.Int
	FeeCap     *big.Int
	Gas        uint64
	To         [20]byte
	Value      *big.Int
	Data       []byte
	AccessList []struct{}
}

// fields is what is sent, in order. (rlp does not unfold an embedded struct.)
type fields struct {
	Chain      *big.Int
	Nonce      uint64
	Tip        *big.Int
	FeeCap     *big.Int
	Gas        uint64
	To         [20]byte
	Value      *big.Int
	Data       []byte
	AccessList []struct{}
	V          uint64
	R, S       *big.Int
}

func (t Tx) unsigned() unsigned {
	return unsigned{new(big.Int).SetUint64(t.Chain), t.Nonce, t.Tip, t.FeeCap, t.Gas, t.To, t.Value, t.Data, nil}
}

// MaxFee is the most that the transaction can cost beside what it moves.
func (t Tx) MaxFee() *big.Int { return new(big.Int).Mul(t.FeeCap, new(big.Int).SetUint64(t.Gas)) }

// Digest is what its sender signs: Keccak-256 of the type and the fields.
func (t Tx) Digest() ([32]byte, error) {
	data, err := encode(t.unsigned())
	if err != nil {
		return [32]byte{}, err
	}
	return keccak(data), nil
}

// Sign adds the sender's signature of the digest, r and s of 32 bytes each, s in the lower
// half, and returns the bytes to send. It fails when the signature is not that of from.
func (t Tx) Sign(signature []byte, from string) (raw []byte, err error) {
	digest, err := t.Digest()
	if err != nil {
		return nil, err
	}
	v, err := ecrecover.V(digest, signature, from)
	if err != nil {
		return nil, err
	}
	u := t.unsigned()
	return encode(fields{u.Chain, u.Nonce, u.Tip, u.FeeCap, u.Gas, u.To, u.Value, u.Data, nil, v, new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])})
}

// Open reads a signed transaction. It refuses what [Tx.Sign] would not have written.
func Open(raw []byte) (s Signed, err error) {
	switch {
	case len(raw) > MaxSize:
		return s, fmt.Errorf("the transaction is longer than %d bytes", MaxSize)
	case len(raw) == 0 || raw[0] != form:
		return s, errors.New("the transaction is not of type 2 (EIP-1559)")
	}
	var in fields
	if err := rlp.DecodeBytes(raw[1:], &in); err != nil {
		return s, fmt.Errorf("the transaction is not encoded as EIP-1559 says: %w", err)
	}
	if !in.Chain.IsUint64() {
		return s, errors.New("the number of its chain is too large")
	}
	if again, err := encode(in); err != nil || !bytes.Equal(again, raw) {
		return s, errors.New("the transaction is not encoded canonically")
	}
	s.Tx = Tx{in.Chain.Uint64(), in.Nonce, in.Tip, in.FeeCap, in.Gas, in.To, in.Value, in.Data}
	digest, err := s.Digest()
	if err != nil {
		return s, err
	}
	if s.From, err = ecrecover.Address(digest, in.V, in.R, in.S); err != nil {
		return s, err
	}
	sum := keccak(raw)
	s.Hash = "0x" + hex.EncodeToString(sum[:])
	return s, nil
}

// Same reports whether two transactions are the same but for their signatures.
func (t Tx) Same(o Tx) bool {
	a, err := t.Digest()
	b, err2 := o.Digest()
	return err == nil && err2 == nil && a == b
}

// Address reads an address of 0x and 40 digits, whose check, if it has one, holds.
func Address(s string) (a [20]byte, err error) {
	if !eip55.Valid(s) {
		return a, fmt.Errorf("%q is not an address", s)
	}
	_, err = hex.Decode(a[:], []byte(strings.ToLower(s[2:])))
	return a, err
}

func encode(v any) ([]byte, error) {
	list, err := rlp.EncodeToBytes(v)
	if err != nil {
		return nil, err
	}
	if len(list)+1 > MaxSize {
		return nil, fmt.Errorf("the transaction is longer than %d bytes", MaxSize)
	}
	return append([]byte{form}, list...), nil
}

func keccak(data []byte) (sum [32]byte) {
	h := sha3.NewLegacyKeccak256()
	h.Write(data)
	h.Sum(sum[:0])
	return sum
}
