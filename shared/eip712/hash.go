package eip712

import (
	"encoding/hex"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/sha3"
)

// Digest is what the key signs: the Keccak-256 of 0x19, 0x01, the hash of the domain and
// that of the message.
func (d Data) Digest() [32]byte {
	domain, message := d.hash(d.Domain), d.hash(d.Message)
	return keccak([]byte{0x19, 0x01}, domain[:], message[:])
}

// Separator is the hash of the domain.
func (d Data) Separator() [32]byte { return d.hash(d.Domain) }

// EncodeType is how a type is hashed: its own fields, then the types that it has inside, by
// name.
func (d Data) EncodeType(name string) string {
	inside := []string{}
	var walk func(string)
	walk = func(of string) {
		t, _ := typ(d.Types, of)
		for _, f := range t.Fields {
			if b := base(f.Type); b != name && !slices.Contains(inside, b) {
				if _, declared := typ(d.Types, b); declared {
					inside = append(inside, b)
					walk(b)
				}
			}
		}
	}
	walk(name)
	slices.Sort(inside)
	var s strings.Builder
	for _, one := range append([]string{name}, inside...) {
		t, _ := typ(d.Types, one)
		s.WriteString(one + "(")
		for i, f := range t.Fields {
			if i > 0 {
				s.WriteByte(',')
			}
			s.WriteString(f.Type + " " + f.Name)
		}
		s.WriteByte(')')
	}
	return s.String()
}

// hash is hashStruct of EIP-712.
func (d Data) hash(v Value) [32]byte {
	is := keccak([]byte(d.EncodeType(v.Type)))
	parts := [][]byte{is[:]}
	for _, m := range v.Fields {
		word := d.word(m.Value)
		parts = append(parts, word[:])
	}
	return keccak(parts...)
}

// word is the 32 bytes that stand for a value.
func (d Data) word(v Value) (w [32]byte) {
	switch v.Kind {
	case Struct:
		return d.hash(v)
	case List:
		parts := make([][]byte, len(v.Items))
		for i, x := range v.Items {
			word := d.word(x)
			parts[i] = word[:]
		}
		return keccak(parts...)
	case String:
		return keccak([]byte(v.Text))
	case Bool:
		if v.Text == "true" {
			w[31] = 1
		}
	case Uint, Int:
		n := v.Number()
		if n.Sign() < 0 { // two's complement
			n.Add(n, new(big.Int).Lsh(big.NewInt(1), 256))
		}
		n.FillBytes(w[:])
	default:
		raw, _ := hex.DecodeString(strings.ToLower(v.Text[2:])) // it was read
		switch v.Kind {
		case Bytes:
			return keccak(raw)
		case Address:
			copy(w[12:], raw)
		default:
			copy(w[:], raw)
		}
	}
	return w
}

func keccak(parts ...[]byte) (sum [32]byte) {
	h := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(sum[:0])
	return sum
}
