// Package apikey makes API keys in a form that secret scanners find without false
// alarms: a prefix that says what works with it, 30 random characters, and 6
// characters of checksum. Spec: shared/spec/tokens.md, "API keys".
// The gateway makes and accepts them; the bridge's commands make those that read.
package apikey

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// Prefixes of keys: Test is of the environment sandbox, Live of every other.
const (
	Test = "ol_test_"
	Live = "ol_live_"
)

// Pattern finds keys in a text; [WellFormed] then tells a key from what only looks
// like one.
const Pattern = `ol_(test|live)_[0-9A-Za-z]{36}`

const (
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	random   = 30 // characters, 178 bits
	check    = 6
)

// Prefix is that of the keys of an environment.
func Prefix(env string) string {
	if env == "sandbox" {
		return Test
	}
	return Live
}

// New makes a key for an environment. It fails when random does.
func New(from io.Reader, env string) (string, error) {
	body := make([]byte, 0, random)
	var raw [64]byte
	for len(body) < random {
		if _, err := io.ReadFull(from, raw[:]); err != nil {
			return "", fmt.Errorf("make an API key: %w", err)
		}
		for _, b := range raw {
			if n := int(b) & 63; n < len(alphabet) && len(body) < random { // others would make some characters likelier
				body = append(body, alphabet[n])
			}
		}
	}
	start := Prefix(env) + string(body)
	return start + sum(start), nil
}

// WellFormed reports whether a key has the form and the checksum of those that New
// makes.
func WellFormed(key string) bool {
	rest, ok := strings.CutPrefix(key, Test)
	if !ok {
		rest, ok = strings.CutPrefix(key, Live)
	}
	start := len(key) - check
	return ok && len(rest) == random+check && strings.Trim(rest, alphabet) == "" && key[start:] == sum(key[:start])
}

// Foreign reports whether a key says that it is of another environment.
func Foreign(key, env string) bool { return WellFormed(key) && !strings.HasPrefix(key, Prefix(env)) }

// Hint is how a key begins and ends: it tells keys apart and opens nothing.
func Hint(key string) string {
	if !WellFormed(key) { // of the operator's own making: it may be short
		return ""
	}
	return key[:len(Test)] + "…" + key[len(key)-4:]
}

// Verifier is what a key is known by where the key itself must not be: base64url of the
// SHA-256 of its bytes.
func Verifier(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sum is the CRC-32 (IEEE) of a text in base 62, most significant first.
func sum(text string) string {
	n := crc32.ChecksumIEEE([]byte(text))
	var out [check]byte
	for i := check - 1; i >= 0; i-- {
		out[i] = alphabet[n%62]
		n /= 62
	}
	return string(out[:])
}
