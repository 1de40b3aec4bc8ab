package token

import (
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/spec"
	"countersign/web/internal/gateway"
	"countersign/web/internal/token/tokentest"
)

const (
	path    = "/v1/transactions"
	address = "https://g.example" + path
)

func TestAProofIsOfItsKeyAndWorksOnce(t *testing.T) {
	t.Parallel()
	i, h := newIssuer(t), tokentest.NewHolder(t)
	for name, token := range map[string]string{"for a token": "", "with a token": "a.b.c"} {
		proof := h.Proof("GET", address+"?entityId=ent_a#x", token, i.now)
		if key, err := i.Prove(proof, "GET", path, token); err != nil || key != h.Thumbprint() {
			t.Errorf("%s: %q %v", name, key, err)
		}
		if _, err := i.Prove(proof, "GET", path, token); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: a second time: %v", name, err)
		}
	}
	again := h.Proof("GET", "HTTPS://G.example"+path, "", i.now.Add(-ProofSlack))
	if _, err := i.Prove(again, "GET", path, ""); err != nil {
		t.Errorf("the origin in capitals, a minute ago: %v", err)
	}
	i.now = i.now.Add(time.Hour)
	if len(i.proofs.at) != 3 {
		t.Errorf("%d proofs are kept", len(i.proofs.at))
	}
	if _, err := i.Prove(h.Proof("GET", address, "", i.now), "GET", path, ""); err != nil || len(i.proofs.at) != 1 || i.proofs.order.Len() != 1 {
		t.Errorf("%d proofs are kept after an hour, %v", len(i.proofs.at), err)
	}
}

func TestAProofNamesAnAddressAsItsClientSeesIt(t *testing.T) {
	t.Parallel()
	h := tokentest.NewHolder(t)
	for _, tc := range []struct {
		issuer, named string
		ok            bool
	}{
		{"https://g.example/pay", "https://g.example/pay" + path, true},
		{"https://g.example/pay/", "https://g.example/pay" + path, true},
		{"https://g.example/pay", "https://app.example" + path, true},
		{"https://g.example/pay", "https://app.example/pay" + path, false},
		{"https://g.example/pay", "https://g.example" + path, false},
		{"https://g.example/pay", "https://g.example/other" + path, false},
		{"https://g.example", "https://g.example:443" + path, true},
		{"https://g.example:443", "https://g.example" + path, true},
		{"https://g.example", "https://g.example:80" + path, false},
		{"https://g.example", "https://g.example:8443" + path, false},
		{"https://g.example", "http://g.example" + path, false},
	} {
		i := newIssuer(t, func(c *Config) { c.Issuer, c.Origins = tc.issuer, []string{"https://app.example"} })
		if _, err := i.Prove(h.Proof("GET", tc.named, "", i.now), "GET", path, ""); (err == nil) != tc.ok {
			t.Errorf("%s at %s: %v", tc.named, tc.issuer, err)
		}
	}
}

func TestAProofIsRefused(t *testing.T) {
	t.Parallel()
	i, h := newIssuer(t), tokentest.NewHolder(t)
	make := func(change func(header, claims map[string]any)) string {
		return h.Proof("GET", address, "a.b.c", i.now, change)
	}
	good := make(func(_, _ map[string]any) {})
	head, rest, _ := strings.Cut(good, ".")
	for name, proof := range map[string]string{
		"nothing":                       "",
		"no JWS":                        "a.b",
		"four parts":                    good + ".x",
		"a line break":                  good + "\n",
		"another signature":             good[:len(good)-4] + "AAAA",
		"another header":                "eyJhbGciOiJub25lIn0." + rest,
		"too long":                      head + strings.Repeat("A", MaxProof) + "." + rest,
		"another type":                  make(func(h, _ map[string]any) { h["typ"] = "jwt" }),
		"no type":                       make(func(h, _ map[string]any) { delete(h, "typ") }),
		"a symmetric algorithm":         make(func(h, _ map[string]any) { h["alg"] = "HS256" }),
		"no algorithm":                  make(func(h, _ map[string]any) { h["alg"] = "none" }),
		"a header that is not known":    make(func(h, _ map[string]any) { h["crit"] = []string{"x"} }),
		"no key":                        make(func(h, _ map[string]any) { delete(h, "jwk") }),
		"another curve":                 make(func(h, _ map[string]any) { h["jwk"] = with(h["jwk"], "crv", "secp256k1") }),
		"a private key":                 make(func(h, _ map[string]any) { h["jwk"] = with(h["jwk"], "d", "AAAA") }),
		"a point that is not on it":     make(func(h, _ map[string]any) { h["jwk"] = with(h["jwk"], "x", strings.Repeat("A", 43)) }),
		"another key":                   make(func(h, _ map[string]any) { h["jwk"] = tokentest.NewHolder(t).JWK }),
		"another method":                make(func(_, c map[string]any) { c["htm"] = "POST" }),
		"another path":                  make(func(_, c map[string]any) { c["htu"] = address + "/x" }),
		"another host":                  make(func(_, c map[string]any) { c["htu"] = "https://evil.example" + path }),
		"a user in the address":         make(func(_, c map[string]any) { c["htu"] = "https://u@g.example" + path }),
		"an address that is none":       make(func(_, c map[string]any) { c["htu"] = "%" }),
		"an older one":                  make(func(_, c map[string]any) { c["iat"] = i.now.Add(-ProofSlack - time.Second).Unix() }),
		"one of the future":             make(func(_, c map[string]any) { c["iat"] = i.now.Add(ProofSlack + time.Second).Unix() }),
		"no time":                       make(func(_, c map[string]any) { delete(c, "iat") }),
		"no id":                         make(func(_, c map[string]any) { delete(c, "jti") }),
		"a long id":                     make(func(_, c map[string]any) { c["jti"] = strings.Repeat("a", 129) }),
		"no token":                      make(func(_, c map[string]any) { delete(c, "ath") }),
		"another token":                 make(func(_, c map[string]any) { c["ath"] = "AAAA" }),
		"a claim that is not known":     make(func(_, c map[string]any) { c["nonce2"] = "x" }),
		"a claim in another upper case": make(func(_, c map[string]any) { c["HTM"] = "GET" }),
	} {
		_, err := i.Prove(proof, "GET", path, "a.b.c")
		if f, ok := fault.As(err); !ok || f.Code != fault.Unauthenticated || f.Details["reason"] != "proof" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := i.Prove(good, "GET", path, "a.b.c"); err != nil {
		t.Errorf("a refusal used the proof up: %v", err)
	}
}

// with is a key with another member.
func with(key any, name, value string) map[string]any {
	out := map[string]any{name: value}
	for k, v := range key.(map[string]any) {
		if k != name {
			out[k] = v
		}
	}
	return out
}

func TestABoundTokenNamesItsKey(t *testing.T) {
	t.Parallel()
	i, h := newIssuer(t), tokentest.NewHolder(t)
	token, _, err := i.Mint(t.Context(), gateway.Subject{Developer: "dev_a", Version: 1, JKT: h.Thumbprint()})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := i.Verify(token); err != nil || c.Cnf == nil || c.Cnf.JKT != h.Thumbprint() {
		t.Errorf("%+v %v", c, err)
	}
}

func TestThePageHasTheLimitsOfProofs(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "tokens.md", "proof of possession", spec.Number(MaxProof), "60", spec.Number(proofsKept))
}

func FuzzProve(f *testing.F) {
	i, h := newIssuer(f), tokentest.NewHolder(f)
	f.Add(h.Proof("GET", address, "", i.now))
	f.Add("a.b.c")
	size := len(h.Thumbprint())
	f.Fuzz(func(t *testing.T, proof string) { // in processes of their own, with other keys
		key, err := i.Prove(proof, "GET", path, "")
		if (err == nil) != (len(key) == size) || err != nil && fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%q: %q %v", proof, key, err)
		}
	})
}
