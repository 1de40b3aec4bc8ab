package claims

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"countersign/shared/fault"
)

const (
	goodHeader = `{"alg":"RS256","kid":"k1","typ":"at+jwt"}`
	goodClaims = `{"iss":"http://g","aud":"countersign","sub":"ent_sandbox","iat":1795000000,"exp":1795000900,"jti":"j","userType":"entity","developerId":"dev_sandbox","entityId":"ent_sandbox","env":"sandbox","tv":1}`
)

func token(header, claims string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(claims)) + "." + e([]byte("signature1"))
}

func TestReadGivesWhatTheTokenSays(t *testing.T) {
	t.Parallel()
	h, c, err := Read(token(goodHeader, goodClaims))
	if err != nil {
		t.Fatal(err)
	}
	if h.Kid != "k1" || c.EntityID != "ent_sandbox" || c.Until().Unix() != 1795000900 {
		t.Errorf("read %+v %+v", h, c)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	swap := func(old, new string) string { return token(goodHeader, strings.Replace(goodClaims, old, new, 1)) }
	head := func(h string) string { return token(h, goodClaims) }
	good := token(goodHeader, goodClaims)
	for name, tok := range map[string]string{
		"nothing":                  "",
		"two parts":                good[:strings.LastIndex(good, ".")],
		"four parts":               good + ".x",
		"a line break":             good[:len(good)-3] + "\n" + good[len(good)-3:],
		"padding":                  good + "=",
		"another last character":   good[:len(good)-1] + "-",
		"many dots":                strings.Repeat(".", MaxToken),
		"too long":                 good + strings.Repeat("A", MaxToken),
		"none":                     head(`{"alg":"none","kid":"k1","typ":"at+jwt"}`),
		"HS256":                    head(`{"alg":"HS256","kid":"k1","typ":"at+jwt"}`),
		"another purpose":          head(`{"alg":"RS256","kid":"k1","typ":"JWT"}`),
		"crit":                     head(`{"alg":"RS256","kid":"k1","typ":"at+jwt","crit":["x"]}`),
		"an embedded key":          head(`{"alg":"RS256","kid":"k1","typ":"at+jwt","jwk":{}}`),
		"no kid":                   head(`{"alg":"RS256","typ":"at+jwt"}`),
		"exp twice":                swap(`"tv":1`, `"tv":1,"exp":4102444800`),
		"EXP in another case":      swap(`"tv":1`, `"tv":1,"EXP":4102444800`),
		"entityId in another case": swap(`"tv":1`, `"tv":1,"ENTITYID":"b"`),
		"exp zero":                 swap(`"exp":1795000900`, `"exp":0`),
		"exp before iat":           swap(`"exp":1795000900`, `"exp":1`),
		"exp a float":              swap(`"exp":1795000900`, `"exp":1795000900.5`),
		"exp a string":             swap(`"exp":1795000900`, `"exp":"1795000900"`),
		"exp beyond time":          swap(`"exp":1795000900`, `"exp":9223372036854775807`),
		"no jti":                   swap(`"jti":"j",`, ``),
		"aud a number":             swap(`"aud":"countersign"`, `"aud":12345`),
		"aud a list":               swap(`"aud":"countersign"`, `"aud":["countersign"]`),
		"sub of somebody else":     swap(`"sub":"ent_sandbox"`, `"sub":"ent_other"`),
		"another user type":        swap(`"userType":"entity"`, `"userType":"admin"`),
		"an unknown claim":         swap(`"tv":1`, `"tv":1,"scope":"all"`),
		"trailing data":            token(goodHeader, goodClaims+"{}"),
	} {
		_, c, err := Read(tok)
		if fault.CodeOf(err) != fault.Unauthenticated || c != (Claims{}) {
			t.Errorf("%s: claims %+v, error %v", name, c, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(token(goodHeader, goodClaims))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, s string) {
		h, c, err := Read(s)
		if err != nil {
			return
		}
		hb, err1 := json.Marshal(h)
		cb, err2 := json.Marshal(c)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		h2, c2, err := Read(token(string(hb), string(cb)))
		if err != nil || h2 != h || c2 != c {
			t.Fatalf("read again: %+v %+v %v", h2, c2, err)
		}
	})
}
