package dialout

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign/shared/link"
	"countersign/shared/weborigin"
)

func TestNoPasswordOfAnAddressIsShown(t *testing.T) {
	t.Parallel()
	const password = "pa55-word"
	said := map[string]error{}
	for _, address := range []string{"https://user:" + password + "@gateway.example", "https://gateway.example/" + password, "http://user:" + password + "@gateway.example",
		"https://gateway.example?key=" + password, "https://user:" + password + "@gateway.example:port"} {
		_, said["gateway "+address] = ParseGateway(address)
		said["origin "+address] = weborigin.Check(address)
	}
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, proxy := range map[string]func(*http.Request) (*url.URL, error){
		"a proxy that is down":         func(*http.Request) (*url.URL, error) { return url.Parse("http://user:" + password + "@127.0.0.1:1") },
		"a proxy of an unknown scheme": func(*http.Request) (*url.URL, error) { return url.Parse("gopher://user:" + password + "@127.0.0.1:1") },
		"a proxy that is not an address": func(*http.Request) (*url.URL, error) {
			return nil, &url.Error{Op: "parse", URL: "http://user:" + password + "@proxy:port", Err: errors.New("invalid port")}
		},
	} {
		d, err := New(Config{Gateway: "https://gateway.example", Key: key, Origins: func() []string { return nil }, Handle: func(Connection) {}, Rand: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		d.dial.Proxy = proxy
		said[name] = d.Probe(context.Background())
	}
	for name, err := range said {
		if err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
