package buy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// looks is how surely a text is an address of some chain.
type looks int

const (
	noAddress looks = iota
	likely          // its form alone says so: random text of the same length may look alike
	surely          // nothing else has its form, or its checksum holds
)

const (
	bitcoin58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	ripple58  = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
	bech32    = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

// addressLike says whether s is an address: hexadecimal of 20 bytes after 0x
// (EIP-55 or not), base58 with the checksum of Bitcoin's family, Tron or Ripple,
// 32 bytes in base58 (Solana), SS58, bech32 of any chain, a Stellar account, a
// name under .eth. Hexadecimal without 0x is as long as a SHA-1.
func addressLike(s string) looks {
	rest, prefixed := cutFold(s, "0x")
	switch {
	case len(s) < 5 || len(s) > 128:
		return noAddress
	case prefixed && len(rest) == 40 && isHexText(rest):
		return surely
	case len(s) == 40 && isHexText(s):
		return likely
	case len(s) == 56 && s[0] == 'G' && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == "":
		return surely
	case strings.HasSuffix(strings.ToLower(s), ".eth") && !strings.ContainsAny(s, " /"):
		return surely
	case isBech32(s):
		return surely
	}
	if b := decode58(s, bitcoin58); len(b) == 25 && checksum58(b) {
		return surely
	} else if len(b) == 35 && ss58(b) {
		return surely
	} else if len(b) == 32 && len(s) >= 32 {
		return likely
	}
	if b := decode58(s, ripple58); len(b) == 25 && s[0] == 'r' && checksum58(b) {
		return surely
	}
	return noAddress
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

func isHexText(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil
}

// decode58 is nil for what is not in the alphabet, and for what cannot be an address.
func decode58(s, alphabet string) []byte {
	if len(s) < 25 || len(s) > 64 {
		return nil
	}
	n, base := new(big.Int), big.NewInt(58)
	zeros, leading := 0, true
	for i := range len(s) {
		digit := strings.IndexByte(alphabet, s[i])
		if digit < 0 {
			return nil
		}
		if leading = leading && digit == 0; leading {
			zeros++
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(digit)))
	}
	return append(make([]byte, zeros), n.Bytes()...)
}

func checksum58(b []byte) bool {
	body, sum := b[:len(b)-4], b[len(b)-4:]
	once := sha256.Sum256(body)
	twice := sha256.Sum256(once[:])
	return bytes.Equal(twice[:4], sum)
}

func ss58(b []byte) bool {
	sum := blake2b.Sum512(append([]byte("SS58PRE"), b[:len(b)-2]...))
	return bytes.Equal(sum[:2], b[len(b)-2:])
}

// isBech32 checks the checksum of BIP 173 or BIP 350, for any chain.
func isBech32(s string) bool {
	lower := strings.ToLower(s)
	at := strings.LastIndexByte(lower, '1')
	if at < 1 || len(lower)-at < 8 || s != lower && s != strings.ToUpper(s) {
		return false
	}
	sum := uint32(1)
	step := func(v byte) {
		top := sum >> 25
		sum = (sum&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	for i := range at {
		step(lower[i] >> 5)
	}
	step(0)
	for i := range at {
		step(lower[i] & 31)
	}
	for i := at + 1; i < len(lower); i++ {
		v := strings.IndexByte(bech32, lower[i])
		if v < 0 {
			return false
		}
		step(byte(v))
	}
	return sum == 1 || sum == 0x2bc830a3
}
