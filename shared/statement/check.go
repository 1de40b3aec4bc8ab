package statement

import (
	"encoding/base64"
	"strconv"
	"strings"

	"countersign/shared/id"
	"countersign/shared/name"
)

// Limits on single fields.
const (
	maxSlug     = 64
	maxMembers  = 64
	maxAccounts = 64
	minTime     = 1_577_836_800 // 2020-01-01: earlier is a mistake
	maxTime     = 4_102_444_800 // 2100-01-01: later is most likely in milliseconds
	maxStep     = 16
)

func itoa(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// checks runs in order and stops at the first that fails.
type checks struct{ err error }

func (c *checks) that(ok bool, field, why string) {
	if c.err == nil && !ok {
		c.err = invalid(field, why)
	}
}

func (c *checks) kind(v int, typ, want string) {
	c.that(v == 1, "v", "is not version 1")
	c.that(typ == want, "type", "is not "+want)
}

func (c *checks) id(prefix, s, field string) {
	c.that(id.Is(prefix, s), field, "is not an id that starts with "+prefix+"_")
}

func (c *checks) name(s, field string) {
	why := name.Problem(s)
	c.that(why == "", field, why)
}

func (c *checks) slug(s, field string) { c.that(isSlug(s), field, "is not a slug") }

func (c *checks) hash(s, field string) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	c.that(err == nil && len(b) == 32 && len(s) == 43, field, "is not 32 bytes of base64url")
}

func (c *checks) time(t int64, field string) {
	c.that(t >= minTime && t < maxTime, field, "is not a time in Unix seconds")
}

func (c *checks) key(k JWK, field string) {
	c.that(k.Kty == "EC", field+".kty", "is not EC")
	c.that(k.Crv == "secp256k1" || k.Crv == "P-256", field+".crv", "is not secp256k1 or P-256")
	c.hash(k.X, field+".x")
	c.hash(k.Y, field+".y")
}

func isSlug(s string) bool {
	if s == "" || len(s) > maxSlug {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-./") == ""
}

func isCurrency(s string) bool {
	return len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func isCountry(s string) bool {
	return len(s) == 2 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// isChain accepts CAIP-2: namespace:reference.
func isChain(s string) bool {
	ns, ref, ok := strings.Cut(s, ":")
	return ok && len(ns) >= 3 && len(ns) <= 8 && len(ref) >= 1 && len(ref) <= 32 &&
		strings.Trim(ns, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		strings.Trim(ref, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

func isAddress(s string) bool {
	return len(s) >= 20 && len(s) <= 100 &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func isHex32(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
