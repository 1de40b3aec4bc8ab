package secret

import (
	"bytes"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

const node = "https://operator:pa55-word@node.example:8545/v3/0123456789abcdef?apikey=qu3ry-s3cret#fr4gment"

// secrets are what must not be seen of node.
var secrets = []string{"operator", "pa55", "0123456789abcdef", "qu3ry", "fr4gment"}

func leaks(text string) bool {
	for _, s := range secrets {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

func TestAnAddressIsShownWithoutWhatItCarries(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		node:                            "https://node.example:8545/…",
		"http://127.0.0.1:8080":         "http://127.0.0.1:8080",
		"http://[::1]:8080/":            "http://[::1]:8080/",
		"https://user@[2001:db8::1]/x":  "https://[2001:db8::1]/…",
		"https://a.example?k=v":         "https://a.example/…",
		"https://us/er:pw@node.example": "https://…",
		"user:pass@host/v3/KEY":         "…",
		"":                              "…",
	} {
		if got := Host(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestErrorsWithAddressesAreRedactedWhereverTheSecretStands(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp 192.0.2.1:8545: connection refused")
	_, badPort := url.Parse(strings.Replace(node, ":8545", ":port", 1))
	for name, err := range map[string]error{
		"of net/http":            &url.Error{Op: "Post", URL: node, Err: cause},
		"of net/url":             badPort,
		"in a sentence":          errors.New("asked " + node + ", which failed"),
		"in a body of the other": errors.New(`401 Unauthorized: {"error":"project 0123456789abcdef needs qu3ry-s3cret of operator"}`),
		"two of them":            errors.New(node + " and then " + node),
		"redirected":             &url.Error{Op: "Get", URL: "http://other.example/0123456789abcdef", Err: cause},
	} {
		got := Redact(err, node)
		if leaks(got.Error()) {
			t.Errorf("%s: %s", name, got)
		}
		if !errors.Is(got, err) {
			t.Errorf("%s: the cause is lost", name)
		}
	}
	if got := Redact(&url.Error{Op: "Post", URL: node, Err: cause}, node).Error(); got != `Post "https://node.example:8545/…": `+cause.Error() {
		t.Errorf("what helps to find the fault is gone: %s", got)
	}
	if Redact(nil) != nil {
		t.Error("an error was made of nothing")
	}
}

func TestAnAddressThatIsNoneIsHiddenAsAWhole(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"https://operator:pa55 word@node.example/\x7f", "ht tp://0123456789abcdef", "%zz0123456789abcdef"} {
		_, err := url.Parse(bad)
		if err == nil {
			t.Fatalf("%q is an address", bad)
		}
		if got := Redact(err, bad).Error(); leaks(got) || strings.Contains(got, "word") {
			t.Errorf("%q: %s", bad, got)
		}
	}
}

func TestALogShowsHostsOnly(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(NewLog(&out, node)).With("bound", node)
	log.Warn("asked "+node, "error", &url.Error{Op: "Post", URL: node, Err: errors.New("0123456789abcdef")}, "text", node, "n", 7,
		slog.Group("deep", "err", errors.Join(errors.New(node))))
	if leaks(out.String()) {
		t.Error(out.String())
	}
	for _, kept := range []string{"level=WARN", "n=7", "https://node.example:8545", "deep.err="} {
		if !strings.Contains(out.String(), kept) {
			t.Errorf("%q is missing in %s", kept, out.String())
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("Post \"", "operator", "pa55-word", "0123456789abcdef")
	f.Add("", "a", "://", "@@@@@@@@@@")
	f.Fuzz(func(t *testing.T, before, user, password, key string) {
		if len(key) < leastSegment || strings.ContainsAny(key, "/.…") || strings.Contains("node.example", key) {
			return
		}
		u := url.URL{Scheme: "https", User: url.UserPassword(user, password), Host: "node.example", Path: "/v3/" + key}
		if before = strings.ReplaceAll(before, key, ""); strings.Contains(before, key) {
			return
		}
		if got := Text(before+u.String()+"\" failed", u.String()); strings.Contains(got, "/"+u.EscapedPath()[4:]) {
			t.Errorf("%q", got)
		}
	})
}
