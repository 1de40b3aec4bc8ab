package weborigin

import (
	"fmt"
	"strings"
	"testing"
)

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"https://dashboard.example.com", "http://127.0.0.1:8080", "http://[::1]:1", "https://xn--mnchen-3ya.example", "https://a@b", "null", "https://[::1", "https://1.2.3.4", "https://my_dashboard.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if Check(s) != nil {
			return
		}
		if strings.ToLower(s) != s || strings.ContainsAny(s, "@\\ ,*%?#\x00") || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "/") {
			t.Fatalf("%q was accepted", s)
		}
		for _, c := range []byte(s) {
			if c >= 0x80 {
				t.Fatalf("%q was accepted", s)
			}
		}
		if strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "http://127.0.0.1") && !strings.HasPrefix(s, "http://localhost") && !strings.HasPrefix(s, "http://[::1]") {
			t.Fatalf("%q was accepted", s)
		}
	})
}

func TestOriginsAreAcceptedAsBrowsersSendThem(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"https://my_dashboard.example.com", "https://_internal.example", "https://a_.b_c.example:8443", "https://dash_board", "https://host_1.corp_lan",
		"https://xn--mnchen-3ya.example", "https://1.2.3.4:8443", "https://host.1a", "https://host.0xg", "https://[2001:db8::1]",
		"http://localhost:8080", "http://[::1]:1"} {
		if err := Check(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"https://My_dashboard.example", "https://my dashboard.example", "https://my%5fdashboard.example", "https://a..example", "https://münchen.example",
		"https://host.1", "https://host.0x1f", "https://1.2.3", "https://0x7f.1", "https://1.2.3.04", "https://a_b.example.", "https://a_b.example:443", "http://a_b.example",
		"http://local_host", "https://a_b.example/", "https://*.a_b.example", "https://a,b.example", "https://[2001:DB8::1]", "https://a_b.example:08443"} {
		if err := Check(s); err == nil {
			t.Errorf("%s: %v, want INVALID_REQUEST", s, err)
		}
	}
}

func ExampleCheck() {
	fmt.Println(Check("https://dashboard.example.com/"))
	// Output: INVALID_REQUEST: origin "https://dashboard.example.com/": it must end after host and port, without a path or slash
}
