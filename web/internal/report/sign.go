package report

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"countersign/shared/fault"
)

// Header is that of a notice's signature:
//
//	Countersign-Signature: t=1764000000,v1=5257a869…
//
// v1 is the HMAC-SHA256 (RFC 2104), in hexadecimal, of t, a dot and the body as it is
// sent. There may be several v1, while a provider changes its secret.
const Header = "Countersign-Signature"

// Window is how far t may be from the gateway's time.
const Window = 5 * time.Minute

const (
	maxHeader     = 1024
	maxSignatures = 8
)

// Sign is the value of the header for a body that is sent at a time.
func Sign(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(secret, t, body))
}

func mac(secret []byte, t string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(t + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Verify checks the header of a body against any of the secrets, and returns when it
// was signed. It fails with AUTHENTICATION_ERROR, whose detail reason is form, signature
// or time; the time is judged after the signature, so that a stranger learns nothing of
// the clock.
func Verify(header string, body []byte, secrets [][]byte, now time.Time) (time.Time, error) {
	bad := func(reason, message string) (time.Time, error) {
		return time.Time{}, fault.New(fault.Unauthenticated, message).With("reason", reason)
	}
	form := func() (time.Time, error) {
		return bad("form", "the header "+Header+" is not t=SECONDS,v1=HEXADECIMAL")
	}
	t := ""
	var given [][]byte
	if len(header) > maxHeader {
		return form()
	}
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			if t != "" || value == "" {
				return form()
			}
			t = value
		case "v1":
			sum, err := hex.DecodeString(value)
			if err != nil || len(sum) != sha256.Size || len(given) == maxSignatures {
				return form()
			}
			given = append(given, sum)
		default: // v0, v2: of another version
		}
	}
	seconds, err := strconv.ParseInt(t, 10, 64)
	if err != nil || seconds < 0 || strconv.FormatInt(seconds, 10) != t || len(given) == 0 {
		return form()
	}
	ok := false
	for _, secret := range secrets {
		want := mac(secret, t, body)
		for _, sum := range given {
			ok = hmac.Equal(sum, want) || ok
		}
	}
	if !ok {
		return bad("signature", "the signature is not one of this provider's secret over this body")
	}
	at := time.Unix(seconds, 0).UTC()
	if at.Sub(now).Abs() > Window {
		return bad("time", "the signature is more than 5 minutes from the gateway's time: sign again when you send again")
	}
	return at, nil
}
