package api

import (
	"net/http"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// signIn trades an API key for a token; kind is developer or entity.
func (r *rig) signIn(key, kind, id string) string {
	r.t.Helper()
	a := r.do("POST", "/v1/auth/tokens", `{"apiKey":"`+key+`","id":"`+id+`","userType":"`+kind+`"}`, "Authorization", "", "Idempotency-Key", "")
	return get[wire.TokenReply](r.t, a).AccessToken
}

// as is the header of a question with a token.
func as(token string) []string { return []string{"Authorization", "Bearer " + token} }

func TestKeysOverHTTP(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.token = r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox")
	made := get[wire.NewKey](t, r.do("POST", "/v1/keys", `{"name":"Reports","scopes":["tokens:entity","read"]}`))
	reports := r.signIn(made.APIKey, "entity", "ent_sandbox")
	if a := r.do("GET", "/v1/requests", "", as(reports)...); a.status != http.StatusOK {
		t.Errorf("read: %d %s", a.status, a.body)
	}
	if a := r.do("POST", "/v1/requests", `{}`, as(reports)...); a.code(t) != fault.Forbidden || !strings.Contains(a.message(t), "scope write") {
		t.Errorf("write without the scope: %d %s", a.status, a.body)
	}
	rotated := get[wire.NewKey](t, r.do("POST", "/v1/keys/"+made.Key.ID+"/rotate", `{"overlap":60}`))
	if list := get[wire.Keys](t, r.do("GET", "/v1/keys", "")); len(list.Keys) != 3 || list.Keys[0].ID != rotated.Key.ID {
		t.Errorf("%+v", list)
	}
	if v := get[wire.RevokedKey](t, r.do("DELETE", "/v1/keys/"+made.Key.ID, "")); v.State != wire.KeyRevoked || v.Made != nil {
		t.Errorf("%+v", v)
	}
	if c := r.do("GET", "/v1/requests", "", as(reports)...).code(t); c != fault.Unauthenticated {
		t.Errorf("the token of a revoked key: %s", c)
	}
	narrow := get[wire.NewKey](t, r.do("POST", "/v1/keys", `{"name":"Narrow","scopes":["tokens:developer","read"]}`))
	entity := r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox")
	for name, tc := range map[string]struct {
		method, path, body string
		want               fault.Code
		header             []string
	}{
		"an entity's token":            {"GET", "/v1/keys", "", fault.Forbidden, as(entity)},
		"a key without the scope":      {"GET", "/v1/keys", "", fault.Forbidden, as(r.signIn(narrow.APIKey, "developer", "dev_sandbox"))},
		"an entity named in the query": {"GET", "/v1/keys?entityId=ent_sandbox", "", fault.Invalid, nil},
		"another developer's key":      {"DELETE", "/v1/keys/key_ofother", "", fault.NotFound, nil},
		"an id of another kind":        {"DELETE", "/v1/keys/req_nothing", "", fault.NotFound, nil},
		"a body where there is none":   {"DELETE", "/v1/keys/" + narrow.Key.ID, "{}", fault.Invalid, nil},
		"a choice that is none":        {"DELETE", "/v1/keys/" + narrow.Key.ID + "?made=yes", "", fault.Invalid, nil},
		"a method that is not known":   {"PUT", "/v1/keys", "{}", fault.Method, nil},
		"no scopes":                    {"POST", "/v1/keys", `{"name":"N","scopes":[]}`, fault.Invalid, nil},
		"an unknown scope":             {"POST", "/v1/keys", `{"name":"N","scopes":["admin"]}`, fault.Invalid, nil},
		"a scope twice":                {"POST", "/v1/keys", `{"name":"N","scopes":["read","read"]}`, fault.Invalid, nil},
		"a name that turns the line":   {"POST", "/v1/keys", `{"name":"N\u202e","scopes":["read"]}`, fault.Invalid, nil},
		"a life of a second":           {"POST", "/v1/keys", `{"name":"N","scopes":["read"],"expires_in":1}`, fault.Invalid, nil},
		"a negative overlap":           {"POST", "/v1/keys/" + narrow.Key.ID + "/rotate", `{"overlap":-1}`, fault.Invalid, nil},
		"a key that is revoked":        {"POST", "/v1/keys/" + made.Key.ID + "/rotate", `{"overlap":0}`, fault.Conflict, nil},
		"no idempotency key":           {"POST", "/v1/keys", `{"name":"N","scopes":["read"]}`, fault.Invalid, []string{"Idempotency-Key", ""}},
	} {
		if a := r.do(tc.method, tc.path, tc.body, tc.header...); a.code(t) != tc.want || a.status != status(tc.want) {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.body, tc.want)
		}
	}
	if a := r.do("PUT", "/v1/keys/"+made.Key.ID, "{}"); a.header.Get("Allow") != "DELETE" {
		t.Errorf("Allow %q", a.header.Get("Allow"))
	}
}

func TestARevocationOverHTTPTakesWhatTheKeyMadeWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.token = r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox")
	body := `{"name":"Stolen","scopes":["tokens:developer","keys"]}`
	stolen := get[wire.NewKey](t, r.do("POST", "/v1/keys", body))
	made := get[wire.NewKey](t, r.do("POST", "/v1/keys", body, as(r.signIn(stolen.APIKey, "developer", "dev_sandbox"))...))
	token := r.signIn(made.APIKey, "developer", "dev_sandbox")
	v := get[wire.RevokedKey](t, r.do("DELETE", "/v1/keys/"+stolen.Key.ID, ""))
	if len(v.Made) != 1 || v.Made[0].ID != made.Key.ID || v.Made[0].Maker != stolen.Key.ID || len(v.Stay) != 1 || v.Stay[0] != made.Key.ID {
		t.Errorf("%+v", v)
	}
	if v := get[wire.RevokedKey](t, r.do("DELETE", "/v1/keys/"+stolen.Key.ID+"?made=true", "")); len(v.Stay) != 0 || v.Made[0].State != wire.KeyRevoked {
		t.Errorf("%+v", v)
	}
	if c := r.do("GET", "/v1/keys", "", as(token)...).code(t); c != fault.Unauthenticated {
		t.Errorf("a token of a key that the revoked one made: %s", c)
	}
}
