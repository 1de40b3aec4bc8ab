package statement

import (
	"encoding/base64"
	"strconv"
	"strings"

	"countersign/shared/field"
	"countersign/shared/jwk"
)

// Limits on single fields.
const (
	minTime = 1_577_836_800 // 2020-01-01: earlier is a mistake
	maxTime = 4_102_444_800 // 2100-01-01: later is most likely in milliseconds
	maxStep = 16
)

// MaxObjects is how many groups a vault has at most, and how many whitelists; MaxMembers
// how many members, without those who were revoked.
const (
	MaxObjects = 64
	MaxMembers = 64
)

func itoa(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// checks are the checks of a statement's fields; [checks.failed] is what they come to.
type checks struct{ field.Checks }

// failed is the first mistake as STATEMENT_INVALID, or nil.
func (c *checks) failed() error {
	if p := c.Problem; p != nil {
		return invalid(p.Field, p.Why)
	}
	return nil
}

func (c *checks) kind(version, v int, typ, want string) {
	c.That(v == version, "v", "is not version "+itoa(version))
	c.That(typ == want, "type", "is not "+want)
}

func (c *checks) hash(s, field string) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	c.That(err == nil && len(b) == 32 && len(s) == 43, field, "is not 32 bytes of base64url")
}

func (c *checks) time(t int64, field string) {
	c.That(t >= minTime && t < maxTime, field, "is not a time in Unix seconds")
}

func (c *checks) key(k jwk.Key, field string) {
	c.That(k.Kty == "EC", field+".kty", "is not EC")
	c.That(k.Crv == "secp256k1" || k.Crv == "P-256", field+".crv", "is not secp256k1 or P-256")
	c.hash(k.X, field+".x")
	c.hash(k.Y, field+".y")
}

func isHex32(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
