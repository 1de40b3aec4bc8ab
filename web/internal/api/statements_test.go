package api

import (
	"archive/zip"
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/extract"
	"countersign/web/internal/gateway/gatewaytest"
)

func TestAStatementIsDownloadedInEachFormat(t *testing.T) {
	t.Parallel()
	r, treasury, _ := books(t)
	path := "/v1/accounts/" + gatewaytest.Account + "/statements"
	s := get[wire.AccountStatement](t, r.do("GET", path, ""))
	if len(s.Lines) != 1 || s.Lines[0].Amount != "0.1" || s.Lines[0].Order != treasury.ID || s.Lines[0].Counterparty != "NorthPay" || s.Lines[0].Request != treasury.Request || len(s.Closing) != 1 || s.Complete {
		t.Fatalf("%+v", s)
	}
	for format, kind := range map[string]string{"csv": "text/csv; charset=utf-8; header=present", "jsonl": "application/jsonl", "camt.053": "application/xml", "zip": "application/zip"} {
		a := r.do("GET", path+"?format="+format, "")
		if a.status != http.StatusOK || a.header.Get("Content-Type") != kind || !strings.HasPrefix(a.header.Get("Content-Disposition"), `attachment; filename="acc_treasury_20261101_`) || a.header.Get("Cache-Control") != "no-store" || len(a.body) == 0 {
			t.Errorf("%s: %d %v %.80s", format, a.status, a.header, a.body)
		}
	}
	if a := r.do("GET", path, "", "Accept", "text/html, text/csv;q=0.9"); !strings.HasPrefix(string(a.body), "timestamp_utc,") {
		t.Errorf("Accept: text/csv gives %.80s", a.body)
	}
	if a := r.do("GET", path+"?from=2026-10-01&to=2026-11-01&format=csv", ""); !strings.Contains(a.header.Get("Content-Disposition"), "acc_treasury_20261001_20261101.csv") || strings.Count(string(a.body), "\r\n") != 1 {
		t.Errorf("a month before: %v %s", a.header, a.body)
	}
	has := get[wire.AccountBalances](t, r.do("GET", "/v1/accounts/"+gatewaytest.Account+"/balances", ""))
	if len(has.Balances) != 1 || has.Balances[0].Amount != "0.1" {
		t.Errorf("now: %+v", has)
	}
	if has := get[wire.AccountBalances](t, r.do("GET", "/v1/accounts/"+gatewaytest.Account+"/balances?at=2026-11-01", "")); len(has.Balances) != 0 {
		t.Errorf("before: %+v", has)
	}
	for query, field := range map[string]string{
		"statements?format=pdf": "format", "statements?currency=euro": "currency", "statements?from=2026-12-01": "from", "statements?from=soon": "from", "balances?at=soon": "at", "balances?at=1970-01-01": "at",
		"balances?currency=ETH": "currency", "statements?from=2026-11-02&to=2026-11-01": "from",
	} {
		a := r.do("GET", "/v1/accounts/"+gatewaytest.Account+"/"+query, "")
		var p wire.Problem
		if err := json.Unmarshal(a.body, &p); err != nil || p.Error.Code != fault.Invalid || p.Error.Details["field"] != field {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	token := get[wire.TokenReply](t, r.trade(r.reporter("acc_trading").APIKey)).AccessToken
	if a := r.as(token, "GET", path+"?format=zip", ""); a.status != http.StatusNotFound {
		t.Errorf("of another account: %d %s", a.status, a.body)
	}
	if a := r.as(token, "GET", "/v1/accounts/acc_trading/statements?format=csv", ""); a.status != http.StatusOK || strings.Contains(string(a.body), gatewaytest.Account) {
		t.Errorf("of its own: %d %s", a.status, a.body)
	}
}

// Whoever keeps the archive can check it later with the gateway's published keys alone, as the
// page says; and no gateway takes a manifest for a token.
func TestTheManifestOfAStatementIsCheckedWithThePublishedKeys(t *testing.T) {
	t.Parallel()
	r, _, _ := books(t)
	a := r.do("GET", "/v1/accounts/"+gatewaytest.Account+"/statements?format=zip", "")
	z, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		in, err := f.Open()
		if err == nil {
			files[f.Name], err = io.ReadAll(in)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	signed := string(files["manifest.jws"])
	parts := strings.Split(signed, ".")
	bytesOf := func(text string) []byte {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var head struct{ Alg, Kid, Typ string }
	if err := json.Unmarshal(bytesOf(parts[0]), &head); err != nil || head.Alg != "RS256" || head.Typ != extract.TypManifest {
		t.Fatalf("%s: %v", parts[0], err)
	}
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	if err := json.Unmarshal(r.do("GET", "/.well-known/jwks.json", "").body, &set); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(set.Keys, func(k struct{ Kid, N, E string }) bool { return k.Kid == head.Kid })
	key := rsa.PublicKey{N: new(big.Int).SetBytes(bytesOf(set.Keys[i].N)), E: int(new(big.Int).SetBytes(bytesOf(set.Keys[i].E)).Int64())}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&key, crypto.SHA256, digest[:], bytesOf(parts[2])); err != nil {
		t.Fatal(err)
	}
	var m extract.Manifest
	if err := json.Unmarshal(bytesOf(parts[1]), &m); err != nil || !bytes.Equal(bytesOf(parts[1]), files["manifest.json"]) || len(m.Files) != 3 || m.Account != gatewaytest.Account || m.Whole {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, f := range m.Files {
		if sum := sha256.Sum256(files[f.Name]); base64.RawURLEncoding.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s is another file", f.Name)
		}
	}
	if a := r.as(signed, "GET", "/v1/accounts", ""); a.code(t) != fault.Unauthenticated {
		t.Errorf("as a token: %d %s", a.status, a.body)
	}
	if _, err := r.Tokens.Sign("at+jwt", []byte("{}")); err == nil {
		t.Error("something else is signed as a token")
	}
}
