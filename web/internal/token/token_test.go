package token

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/shared/claims"
	"countersign/shared/fault"
	"countersign/web/internal/gateway"
)

var b64 = base64.RawURLEncoding

// issuer is one with its own key, at a fixed time.
type issuer struct {
	*Issuer
	t   testing.TB
	key *rsa.PrivateKey
	now time.Time
}

func newIssuer(t testing.TB, changes ...func(*Config)) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key, now: time.Unix(1795000000, 0)}
	cfg := Config{
		Key: key, Issuer: "https://g.example", Audience: "countersign", Env: "sandbox", Now: func() time.Time { return i.now }, Rand: rand.Reader,
	}
	for _, change := range changes {
		change(&cfg)
	}
	i.Issuer, err = New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *issuer) sign(header, body string) string {
	i.t.Helper()
	input := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(body))
	sum := sha256.Sum256([]byte(input))
	sig, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	if err != nil {
		i.t.Fatal(err)
	}
	return input + "." + b64.EncodeToString(sig)
}

func (i *issuer) good() (token, header, body string) {
	i.t.Helper()
	token, _, err := i.Mint(i.t.Context(), gateway.Subject{Developer: "dev_a", Entity: "ent_a", Version: 1})
	if err != nil {
		i.t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	h, err1 := b64.DecodeString(parts[0])
	b, err2 := b64.DecodeString(parts[1])
	if err1 != nil || err2 != nil {
		i.t.Fatal(err1, err2)
	}
	return token, string(h), string(b)
}

func TestAMintedTokenVerifies(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for s, want := range map[gateway.Subject]time.Duration{
		{Developer: "dev_a", Entity: "ent_a", Version: 3}: EntityLife, {Developer: "dev_a", Version: 3}: DeveloperLife,
	} {
		token, life, err := i.Mint(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		c, err := i.Verify(token)
		if err != nil {
			t.Fatal(err)
		}
		if life != want || c.Expires-c.IssuedAt != int64(want.Seconds()) || c.DeveloperID != s.Developer || c.EntityID != s.Entity || c.Version != 3 {
			t.Errorf("%+v: life %v, claims %+v", s, life, c)
		}
	}
}

// The rows of "measured pitfalls" of JWT libraries, and what belongs to them.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	good, header, body := i.good()
	claim := func(old, new string) string {
		changed := strings.Replace(body, old, new, 1)
		if changed == body {
			t.Fatalf("the claims %s have no %s", body, old)
		}
		return i.sign(header, changed)
	}
	head := func(h string) string { return i.sign(h, body) }
	kid := i.kid
	hs := func() string {
		der, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		input := b64.EncodeToString([]byte(`{"alg":"HS256","kid":"`+kid+`","typ":"at+jwt"}`)) + "." + b64.EncodeToString([]byte(body))
		mac.Write([]byte(input))
		return input + "." + b64.EncodeToString(mac.Sum(nil))
	}
	last := good[len(good)-1]
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	next := string(alphabet[strings.IndexByte(alphabet, last)^1])
	stranger := newIssuer(t)
	for name, token := range map[string]string{
		"1 exp is zero":               claim(`"exp":1795000900`, `"exp":0`),
		"1 no exp":                    claim(`"exp":1795000900,`, ``),
		"2 a case variant of exp":     claim(`"tv":1`, `"tv":1,"EXP":4102444800`),
		"2 a case variant of entity":  claim(`"tv":1`, `"tv":1,"ENTITYID":"b"`),
		"3 exp twice":                 claim(`"tv":1`, `"tv":1,"exp":4102444800`),
		"4 crit":                      head(`{"alg":"RS256","kid":"` + kid + `","typ":"at+jwt","crit":["exp"]}`),
		"5 a token of another kind":   head(`{"alg":"RS256","kid":"` + kid + `","typ":"JWT"}`),
		"5 without typ":               head(`{"alg":"RS256","kid":"` + kid + `"}`),
		"6 aud is a number":           claim(`"aud":"countersign"`, `"aud":12345`),
		"6 another audience":          claim(`"aud":"countersign"`, `"aud":"webhooks"`),
		"7 another issuer":            claim(`"iss":"https://g.example"`, `"iss":"https://h.example"`),
		"8 iat in the future":         claim(`"iat":1795000000,"exp":1795000900`, `"iat":1795000100,"exp":1795000900`),
		"9 HS256 with the public key": hs(),
		"10 ES256":                    head(`{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"}`),
		"10 PS256":                    head(`{"alg":"PS256","kid":"` + kid + `","typ":"at+jwt"}`),
		"11 another last character":   good[:len(good)-1] + next,
		"12 a line break inside":      good[:len(good)-9] + "\n" + good[len(good)-9:],
		"12 a carriage return":        good[:len(good)-9] + "\r" + good[len(good)-9:],
		"14 none":                     b64.EncodeToString([]byte(`{"alg":"none","kid":"`+kid+`","typ":"at+jwt"}`)) + "." + b64.EncodeToString([]byte(body)) + ".",
		"dots without end":            strings.Repeat(".", 1<<20),
		"an unknown kid":              head(`{"alg":"RS256","kid":"other","typ":"at+jwt"}`),
		"its own key":                 head(`{"alg":"RS256","kid":"` + kid + `","typ":"at+jwt","jwk":{"kty":"RSA"}}`),
		"a key by address":            head(`{"alg":"RS256","kid":"` + kid + `","typ":"at+jwt","jku":"https://x"}`),
		"another environment":         claim(`"env":"sandbox"`, `"env":"live"`),
		"a life beyond policy":        claim(`"exp":1795000900`, `"exp":1795003601`),
		"another entity":              claim(`"entityId":"ent_a"`, `"entityId":"ent_b"`),
		"signed by a stranger":        stranger.sign(header, body),
		"a changed claim":             good[:len(good)/2] + "A" + good[len(good)/2+1:],
		"nothing":                     "",
	} {
		c, err := i.Verify(token)
		if fault.CodeOf(err) != fault.Unauthenticated || c != (claims.Claims{}) {
			t.Errorf("%s: claims %+v, error %v", name, c, err)
		}
		if f, _ := fault.As(err); len(f.Details) != 0 {
			t.Errorf("%s: it is told which check failed: %v", name, f.Details)
		}
	}
	i.now = i.now.Add(EntityLife + Leeway - time.Second)
	if _, err := i.Verify(good); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	i.now = i.now.Add(2 * time.Second)
	if c, err := i.Verify(good); err == nil || c != (claims.Claims{}) { // 13: claims only without an error
		t.Errorf("13 an expired token: %+v %v", c, err)
	}
	// Only of one of ours it is told that it has expired.
	for name, r := range map[string]struct{ token, reason string }{
		"ours":                      {good, "expired"},
		"another issuer's":          {stranger.sign(header, body), ""},
		"with a changed signature":  {good[:len(good)-2] + "AA", ""},
		"of another environment":    {claim(`"env":"sandbox"`, `"env":"live"`), ""},
		"with a claim that is none": {claim(`"exp":1795000900`, `"exp":0`), ""},
	} {
		_, err := i.Verify(r.token)
		if f, _ := fault.As(err); f.Code != fault.Unauthenticated || f.Details["reason"] != r.reason {
			t.Errorf("an expired token %s: %v, %v", name, err, f.Details)
		}
	}
}

func TestNewRefusesWhatWouldSwitchAChecksOff(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for name, change := range map[string]func(*Config){
		"no issuer":   func(c *Config) { c.Issuer = "" },
		"no audience": func(c *Config) { c.Audience = "" },
		"no env":      func(c *Config) { c.Env = "" },
		"no key":      func(c *Config) { c.Key = nil },
		"a short key": func(c *Config) { c.Others = []*rsa.PublicKey{{N: big.NewInt(3233), E: 17}} },
	} {
		cfg := i.cfg
		if change(&cfg); true {
			if _, err := New(cfg); err == nil {
				t.Errorf("%s was accepted", name)
			}
		}
	}
}

func TestKeySetVerifiesBothKeysDuringRotation(t *testing.T) {
	t.Parallel()
	old := newIssuer(t)
	token, _, _ := old.good()
	cfg := newIssuer(t).cfg
	cfg.Others, cfg.Now = []*rsa.PublicKey{&old.key.PublicKey}, func() time.Time { return old.now }
	i, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Verify(token); err != nil {
		t.Error(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(i.JWKS(), &set); err != nil || len(set.Keys) != 2 || set.Keys[0]["kid"] == set.Keys[1]["kid"] || set.Keys[0]["d"] != "" {
		t.Errorf("key set %s: %v", i.JWKS(), err)
	}
}

func TestKeyFileMustBelongToItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token.pem")
	if _, _, err := LoadKey(KeyConfig{Location: path}); err == nil {
		t.Error("a missing key was made without leave")
	}
	var notice strings.Builder
	made, _, err := LoadKey(KeyConfig{Location: path, Create: true, Notice: &notice})
	if err != nil || strings.Count(notice.String(), "\n") != 1 {
		t.Fatalf("%v, notice %q", err, notice.String())
	}
	again, closeKey, err := LoadKey(KeyConfig{Location: path})
	if err != nil || !made.Public().(*rsa.PublicKey).Equal(again.Public()) || closeKey() != nil {
		t.Errorf("read again: %v", err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := LoadKey(KeyConfig{Location: path, Create: true}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	i := newIssuer(f)
	good, _, _ := i.good()
	f.Add(good)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := i.Verify(token); err == nil && token != good {
			t.Fatalf("another token verifies: %q %+v", token, c)
		}
	})
}
