package buy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/crypto"
	"golang.org/x/crypto/blake2b"
)

// looks is how surely a text is an address of some chain.
type looks int

const (
	noAddress looks = iota
	shaped          // one long run of letters and digits, as addresses are and much else is
	named           // a name of a name service
	likely          // its form says so, which few other texts of that length have: a digest
	surely          // nothing else has its form, or its checksum holds
)

const (
	bitcoin58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	ripple58  = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
	bech32    = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

// forms are addresses that their prefix and length tell, beside those with a checksum
// that is computed here.
var forms = []struct {
	how  looks
	form *regexp.Regexp
}{
	{surely, regexp.MustCompile(`^(?i:0x|xdc|hx|cx)[0-9A-Fa-f]{40}$`)},                             // Ethereum's family, XDC, ICON
	{surely, regexp.MustCompile(`^G[A-Z2-7]{55}$`)},                                                // Stellar
	{surely, regexp.MustCompile(`^(nano|xrb|ban)_[13][13456789a-km-uw-z]{59}$`)},                   // Nano
	{surely, regexp.MustCompile(`^(DdzFF[1-9A-HJ-NP-Za-km-z]{80,}|Ae2[1-9A-HJ-NP-Za-km-z]{56})$`)}, // Cardano's Byron
	{likely, regexp.MustCompile(`^[48][1-9A-HJ-NP-Za-km-z]{94}([1-9A-HJ-NP-Za-km-z]{11})?$`)},      // Monero
	{likely, regexp.MustCompile(`^(0x)?[0-9A-Fa-f]{40}$`)},
	{likely, regexp.MustCompile(`^0[xX][0-9A-Fa-f]{62,64}$`)},                                       // Sui, Aptos, Starknet
	{likely, regexp.MustCompile(`^([MC][A-Z2-7]{55,68}|[A-Z2-7]{58})$`)},                            // Stellar, Algorand
	{likely, regexp.MustCompile(`^[EUk0]Q[0-9A-Za-z_-]{46}$`)},                                      // TON
	{likely, regexp.MustCompile(`^[ft][0-4][a-z2-7]{38,86}$`)},                                      // Filecoin
	{likely, regexp.MustCompile(`^S[PMTN][0-9A-HJKMNP-TV-Z]{37,39}$`)},                              // Stacks
	{likely, regexp.MustCompile(`^[qp][02-9ac-hj-np-z]{41}$`)},                                      // Bitcoin Cash
	{likely, regexp.MustCompile(`^([a-z]{2,16}|ln[a-z]{2,4}[0-9]+[munp]?)1[02-9ac-hj-np-z]{38,}$`)}, // bech32, whose checksum does not hold
	{likely, regexp.MustCompile(`^(D[ske]|3[PN])[1-9A-HJ-NP-Za-km-z]{33}$`)},                        // Decred, Waves
	{shaped, regexp.MustCompile(`^\d{1,4}\.\d{1,4}\.\d{2,10}$`)},                                    // Hedera
}

// addressLike says whether s is an address, and how surely: one of the forms, base58
// with the checksum of Bitcoin's family, of Tezos or of Ripple, SS58, bech32 of any
// chain, a name of a name service; and any run of 25 or more letters and digits.
func addressLike(s string) looks {
	if len(s) < 5 || len(s) > 1100 {
		return noAddress
	}
	if icap(s) != "" || isBech32(s) || checksum58(decode58(s, bitcoin58)) || s[0] == 'r' && checksum58(decode58(s, ripple58)) || ss58(decode58(s, bitcoin58)) || monero58(s) {
		return surely
	}
	for _, f := range forms {
		if f.form.MatchString(s) {
			return f.how
		}
	}
	if at := strings.LastIndexByte(s, '.'); at > 0 && hasWord(nameServices, strings.ToLower(s[at+1:])) && !strings.ContainsAny(s, " /@") {
		return named
	}
	if run.MatchString(s) && strings.ContainsAny(s, "0123456789") {
		return shaped
	}
	return noAddress
}

// icap is the address in hexadecimal that an ICAP text (XE, two check digits, base 36)
// stands for, or empty.
func icap(s string) string {
	s = strings.TrimPrefix(strings.ToUpper(s), "IBAN:")
	if len(s) != 34 && len(s) != 35 || s[:2] != "XE" {
		return ""
	}
	var digits strings.Builder
	for _, r := range s[4:] + s[:4] {
		at := strings.IndexRune("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", r)
		if at < 0 {
			return ""
		}
		digits.WriteString(strconv.Itoa(at))
	}
	sum, _ := new(big.Int).SetString(digits.String(), 10)
	n, ok := new(big.Int).SetString(s[4:], 36)
	if sum.Mod(sum, big.NewInt(97)).Int64() != 1 || !ok || n.BitLen() > 160 {
		return ""
	}
	return "0x" + hex.EncodeToString(n.FillBytes(make([]byte, 20)))
}

// run is what an address of whatever kind is written as.
var run = regexp.MustCompile(`^[0-9A-Za-z]{25,}$`)

// nameServices are the top-level names under which a name stands for an address.
const nameServices = webNames + " x dao wallet polygon near tez ton apt sui lens klever kresus unstoppable hi go manga anime pudgy austin bald raiin binanceus arb op algo hbar ada xlm btc stx id"

// webNames are those that no host of the web is under.
const webNames = "eth crypto nft sol bnb zil 888 blockchain bitcoin"

func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// decode58 is nil for what is not in the alphabet, and for what cannot be an address.
func decode58(s, alphabet string) []byte {
	if len(s) < 25 || len(s) > 128 {
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

// checksum58 checks a hash of 20 bytes or more that stands behind a prefix of one to
// four bytes.
func checksum58(b []byte) bool {
	if len(b) < 25 || len(b) > 80 {
		return false
	}
	body, sum := b[:len(b)-4], b[len(b)-4:]
	once := sha256.Sum256(body)
	twice := sha256.Sum256(once[:])
	return bytes.Equal(twice[:4], sum)
}

// monero58 checks an address of Monero: blocks of 8 bytes in 11 digits of base58, the
// last 4 bytes a check of those before.
func monero58(s string) bool {
	if len(s) != 95 && len(s) != 106 {
		return false
	}
	var all []byte
	for from := 0; from < len(s); from += 11 {
		digits := s[from:min(from+11, len(s))]
		size := map[int]int{11: 8, 7: 5}[len(digits)]
		n := new(big.Int)
		for i := range len(digits) {
			digit := strings.IndexByte(bitcoin58, digits[i])
			if digit < 0 {
				return false
			}
			n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(digit)))
		}
		if n.BitLen() > 8*size {
			return false
		}
		all = append(all, n.FillBytes(make([]byte, size))...)
	}
	body, sum := all[:len(all)-4], all[len(all)-4:]
	return bytes.Equal(crypto.Keccak256(body)[:4], sum)
}

func ss58(b []byte) bool {
	if len(b) != 35 && len(b) != 36 {
		return false
	}
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
