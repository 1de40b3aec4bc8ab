package buy

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unescaped decodes what is percent-encoded, wherever it stands; what is no escape
// stays as it is. plus says that + is a space.
func unescaped(s string, plus bool) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.WriteByte(c[0])
				i += 2
				continue
			}
		}
		if s[i] == '+' && plus {
			b.WriteByte(' ')
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// letters are runs of base64's letters and of its other signs, which may also separate
// it from what stands before.
var letters = regexp.MustCompile(`[0-9A-Za-z+/_\-]{8,}`)

var (
	joined   = strings.NewReplacer(" ", "+", "\n", "", "\r", "")
	standard = strings.NewReplacer("-", "+", "_", "/")
)

// asEncoded looks into what is text in base64, base32 or hexadecimal, wherever its
// letters stand: the parts of a JWT, a signed cookie, behind a prefix.
func (r *reader) asEncoded(t text) {
	if t.structured || t.link {
		return
	}
	value := joined.Replace(t.value)
	for _, run := range letters.FindAllString(value, maxSaid) {
		for from := 0; len(run)-from >= 8; from = start(run, from) {
			for _, decode := range decoders {
				content, n := decoded(run[from:], decode)
				if content != "" {
					r.value(t.name, t.within, content, t.depth)
					from += n - 1
					break
				}
			}
		}
	}
}

// decoded is the text that a run of letters begins with, and how many letters that is.
func decoded(run string, decode func(string) []byte) (content string, n int) {
	for _, length := range []int{96, len(run)} { // most runs are no text, which their beginning shows
		length = min(length, len(run))
		data := decode(run[:length])
		content, used := readable(inflated(data))
		if content == "" || length == len(run) {
			return content, max(1, length*used/max(1, len(data)))
		}
	}
	return "", 1
}

// start is where the next encoded text may begin: behind a sign, or with {".
func start(run string, from int) int {
	from = min(from+1, len(run))
	next := len(run)
	if at := strings.IndexAny(run[from-1:], "+/_-"); at >= 0 {
		next = from + at
	}
	if at := strings.Index(run[from:], "eyJ"); at >= 0 {
		next = min(next, from+at)
	}
	return next
}

// decoders decode what a text begins with.
var decoders = []func(string) []byte{
	func(s string) []byte { // hexadecimal
		digits := strings.TrimPrefix(s, "0x")
		data, _ := hex.DecodeString(digits[:leading(digits, "0123456789abcdefABCDEF")&^1])
		return data
	},
	func(s string) []byte {
		data, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s[:leading(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")])
		return data
	},
	func(s string) []byte { // base64 in either alphabet
		data, _ := base64.RawStdEncoding.DecodeString(standard.Replace(s))
		return data // as far as it goes
	},
}

// leading is how many of the first bytes are among some.
func leading(s, some string) int { return len(s) - len(strings.TrimLeft(s, some)) }

// inflated is what data was before it was compressed, or data itself.
func inflated(data []byte) []byte {
	var from io.Reader
	var err error
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		from, err = gzip.NewReader(bytes.NewReader(data))
	case len(data) > 8 && data[0] == 0x78:
		from, err = zlib.NewReader(bytes.NewReader(data))
	}
	if from == nil || err != nil {
		return data
	}
	before, _ := io.ReadAll(io.LimitReader(from, 8<<10))
	return before
}

// readable is the text that data begins with, but for single characters: what stands
// between those that cannot be read, up to where there are too many of them. used is
// how much of data that is. It is empty when there is too little.
func readable(data []byte) (content string, used int) {
	var kept []string
	var b strings.Builder
	at, size, longest, garbage, whole := 0, 0, 0, 0, true
	end := func() {
		if n := utf8.RuneCountInString(b.String()); n >= 4 {
			kept, size, longest, used = append(kept, b.String()), size+n, max(longest, n), at
		}
		b.Reset()
	}
	wide := 3*bytes.Count(data, []byte{0}) > len(data) // UTF-16
	for at < len(data) && garbage < 40 {
		c, n := utf8.DecodeRune(data[at:])
		switch {
		case c == 0 && wide || unicode.Is(unicode.Cf, c): // a byte order mark, a joiner
		case c == utf8.RuneError && n == 1 || !unicode.IsPrint(c) && !unicode.IsSpace(c):
			end()
			whole, garbage = false, garbage+2
		default:
			b.WriteRune(c)
			garbage = max(0, garbage-1)
		}
		at += n
	}
	end()
	content = strings.Join(kept, " ")
	switch structure := assigns.MatchString(content); {
	case whole && (structure || len(data) >= 24 || !strings.ContainsFunc(content, func(c rune) bool { return c > unicode.MaxASCII })):
		return content, used
	case longest >= 20 || structure && longest >= 6:
		return content, used
	}
	return "", 0 // as letters decode by chance
}

var assigns = regexp.MustCompile(`^[{\[<]["'\w!?]|[A-Za-z]{3,}["']?\s*[:=]`)
