package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/token/tokentest"
)

func TestWhatATokenIsIsToldToItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	developer, entity := r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox"), r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox")
	stranger := r.signIn(gatewaytest.OtherKey, "developer", "dev_other")
	ask := func(as_, token string) wire.Introspection {
		t.Helper()
		return get[wire.Introspection](t, r.do("POST", "/v1/auth/introspect", `{"token":"`+token+`"}`, append(as(as_), "Idempotency-Key", "")...))
	}
	v := ask(developer, entity)
	if !v.Active || v.Subject != "ent_sandbox" || v.ClientID != "dev_sandbox" || v.TokenType != "Bearer" || v.Expires-v.IssuedAt != 900 || v.KeyID == "" ||
		v.Scope != strings.Join(wire.Scopes(), " ") || v.Audience != "countersign" || v.Env != "sandbox" {
		t.Errorf("%+v", v)
	}
	if v := ask(entity, entity); !v.Active {
		t.Error("an entity's token does not know itself")
	}
	for name, tc := range map[string][2]string{
		"a stranger": {stranger, entity}, "an entity about its developer": {entity, developer}, "a token that is none": {developer, "x.y.z"},
	} {
		a := r.do("POST", "/v1/auth/introspect", `{"token":"`+tc[1]+`"}`, as(tc[0])...)
		if string(a.body) != `{"active":false}` {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	r.Pass(16 * time.Minute)
	if v := ask(r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox"), entity); v.Active {
		t.Error("an expired token is active")
	}
}

func TestATokenIsAskedAboutAndEndedByAFormAsClientsOfTheRFCsSendIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox")
	form := append(as(r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox")), "Idempotency-Key", "", "Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	for body, want := range map[string]int{
		"token=" + token: 200, "token=" + token + "&token_type_hint=refresh_token": 200, "token=" + token + "&token=" + token: 400, "token=" + token + "&secret=x": 400, "token=%zz": 400, "token_type_hint=x": 400,
	} {
		a := r.do("POST", "/v1/auth/introspect", body, form...)
		if a.status != want || want == 200 && !get[wire.Introspection](t, a).Active {
			t.Errorf("%s: %d %s", strings.ReplaceAll(body, token, "TOKEN"), a.status, a.body)
		}
	}
	if a := r.do("POST", "/v1/auth/introspect", `{"token":"`+token+`","token_type_hint":"access_token"}`, as(token)...); !get[wire.Introspection](t, a).Active {
		t.Errorf("a hint in JSON: %s", a.body)
	}
	if !get[wire.Revoked](t, r.do("POST", "/v1/auth/revoke", "token="+token+"&token_type_hint=access_token", form...)).Revoked {
		t.Error("a form ends no token")
	}
	if get[wire.Introspection](t, r.do("POST", "/v1/auth/introspect", "token="+token, form...)).Active {
		t.Error("an ended token is active")
	}
	if a := r.do("POST", "/v1/keys", "name=x", form...); a.status != 415 {
		t.Errorf("a form elsewhere: %d", a.status)
	}
}

func TestATokenIsEnded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	developer, stranger := r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox"), r.signIn(gatewaytest.OtherKey, "developer", "dev_other")
	one, two, three := r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox"), r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox"), r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox")
	works := func(token string) bool { return r.do("GET", "/v1/entity", "", as(token)...).status == http.StatusOK }
	end := func(as_, body string) answer { return r.do("POST", "/v1/auth/revoke", body, as(as_)...) }
	for name, a := range map[string]answer{
		"a stranger":                  end(stranger, `{"token":"`+one+`"}`),
		"another of the same entity":  end(two, `{"token":"`+one+`"}`),
		"an entity's token, of all":   end(two, `{"entityId":"ent_sandbox"}`),
		"a stranger, of all":          end(stranger, `{"entityId":"ent_sandbox"}`),
		"all of an entity of nobody":  end(developer, `{"entityId":"ent_nobody"}`),
		"an entity of someone else's": end(developer, `{"entityId":"ent_other"}`),
	} {
		if a.code(t) != fault.Forbidden {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, bad := range []string{`{}`, `{"token":""}`, `{"token":"x","entityId":"ent_sandbox"}`} {
		if a := end(developer, bad); a.code(t) != fault.Invalid {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	if a := end(developer, `{"token":"x.y.z"}`); a.status != http.StatusOK {
		t.Errorf("a token that does not work: %d %s", a.status, a.body)
	}
	if !works(one) || !works(two) {
		t.Fatal("a refusal ended a token")
	}
	beside, stop := r.Beside()
	t.Cleanup(stop)
	if a := end(one, `{"token":"`+one+`"}`); a.status != http.StatusOK || works(one) || !works(two) {
		t.Errorf("a token that ends itself: %d %s", a.status, a.body)
	}
	if _, err := beside.Authenticate(context.Background(), one, gateway.Proof{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("in another process: %v", err)
	}
	if a := end(developer, `{"token":"`+two+`"}`); a.status != http.StatusOK || works(two) || !works(three) {
		t.Errorf("a developer: %d %s", a.status, a.body)
	}
	if a := end(developer, `{"entityId":"ent_sandbox"}`); a.status != http.StatusOK || works(three) || !works(r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox")) {
		t.Errorf("all of an entity: %d %s", a.status, a.body)
	}
}

func TestABoundTokenWorksWithItsKeyAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const at = "https://gateway.example"
	h, thief := tokentest.NewHolder(t), tokentest.NewHolder(t)
	body := `{"apiKey":"` + gatewaytest.APIKey + `","id":"ent_sandbox","userType":"entity"}`
	reply := get[wire.TokenReply](t, r.do("POST", "/v1/auth/tokens", body, "Authorization", "", "DPoP", h.Proof("POST", at+"/v1/auth/tokens", "", r.Now())))
	if reply.TokenType != "DPoP" {
		t.Errorf("%+v", reply)
	}
	ask := func(scheme, proof string) answer {
		return r.do("GET", "/v1/entity", "", "Authorization", scheme+" "+reply.AccessToken, "DPoP", proof)
	}
	proof := h.Proof("GET", at+"/v1/entity", reply.AccessToken, r.Now())
	if a := ask("DPoP", proof); a.status != http.StatusOK {
		t.Errorf("with its key: %d %s", a.status, a.body)
	}
	for name, a := range map[string]answer{
		"as a bearer's":        ask("Bearer", ""),
		"without a proof":      ask("DPoP", ""),
		"a bearer with proof":  ask("Bearer", h.Proof("GET", at+"/v1/entity", reply.AccessToken, r.Now())),
		"the proof again":      ask("DPoP", proof),
		"another key's":        ask("DPoP", thief.Proof("GET", at+"/v1/entity", reply.AccessToken, r.Now())),
		"for another address":  ask("DPoP", h.Proof("GET", at+"/v1/accounts", reply.AccessToken, r.Now())),
		"a bearer's, as bound": r.do("GET", "/v1/entity", "", "Authorization", "DPoP "+r.token, "DPoP", h.Proof("GET", at+"/v1/entity", r.token, r.Now())),
		"a wrong proof for a token": r.do("POST", "/v1/auth/tokens", body, "Authorization", "", "DPoP",
			h.Proof("POST", "https://evil.example/v1/auth/tokens", "", r.Now())),
	} {
		if a.code(t) != fault.Unauthenticated || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "DPoP ") {
			t.Errorf("%s: %d %s %s", name, a.status, a.header.Get("WWW-Authenticate"), a.body)
		}
	}
	v := get[wire.Introspection](t, r.do("POST", "/v1/auth/introspect", `{"token":"`+reply.AccessToken+`"}`))
	if !v.Active || v.TokenType != "DPoP" || v.Cnf == nil || v.Cnf.JKT != h.Thumbprint() {
		t.Errorf("%+v", v)
	}
}

func TestADeveloperReadsWhoUsedWhichKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	developer := r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox")
	reports := get[wire.NewKey](t, r.do("POST", "/v1/keys", `{"name":"Reports","scopes":["tokens:entity","read"]}`, as(developer)...))
	entity := r.signIn(reports.APIKey, "entity", "ent_sandbox")
	asked := r.do("GET", "/v1/orders?limit=1", "", as(entity)...)
	r.do("POST", "/v1/orders", `{}`, as(entity)...)
	r.do("GET", "/v1/accounts?entityId=ent_other", "", as(entity)...)
	r.do("POST", "/v1/auth/tokens", `{"apiKey":"a wrong key","id":"ent_sandbox","userType":"entity"}`, "Authorization", "")
	r.do("DELETE", "/v1/keys/"+reports.Key.ID, "", as(developer)...)
	r.do("GET", "/v1/orders", "", as(entity)...)

	usage := func(query string) wire.Page[wire.Use] {
		t.Helper()
		return get[wire.Page[wire.Use]](t, r.do("GET", "/v1/auth/usage"+query, "", as(developer)...))
	}
	of := usage("?key=" + reports.Key.ID)
	var said []string
	for _, u := range of.Items {
		said = append(said, u.Route+" "+u.Result)
		if u.Client != "127.0.0.1" || u.Entity != "ent_sandbox" || u.RequestID == "" || u.At.IsZero() {
			t.Errorf("%+v", u)
		}
	}
	want := "GET /v1/orders AUTHENTICATION_ERROR|GET /v1/accounts AUTHORIZATION_ERROR|POST /v1/orders AUTHORIZATION_ERROR|GET /v1/orders OK|POST /v1/auth/tokens OK"
	if got := strings.Join(said, "|"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(of.Items) == 5 && of.Items[3].RequestID != asked.header.Get("X-Request-Id") {
		t.Error("the request id is another")
	}
	if wrong := usage("?result=INVALID_API_KEY"); len(wrong.Items) != 1 || wrong.Items[0].Key != "" || wrong.Items[0].Entity != "ent_sandbox" {
		t.Errorf("%+v", wrong)
	}
	if page := usage("?result=OK&limit=1"); len(page.Items) != 1 || page.NextCursor != page.Items[0].ID || usage("?result=OK&limit=1&cursor=" + page.NextCursor).Items[0].ID == page.NextCursor {
		t.Errorf("%+v", page)
	}
	all, err := json.Marshal(usage("?entityId=ent_sandbox"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{reports.APIKey, entity, developer, "a wrong key", "limit=1"} {
		if strings.Contains(string(all), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	other := r.signIn(gatewaytest.OtherKey, "developer", "dev_other")
	if p := get[wire.Page[wire.Use]](t, r.do("GET", "/v1/auth/usage?key="+reports.Key.ID, "", as(other)...)); len(p.Items) != 0 {
		t.Errorf("another developer reads %+v", p)
	}
	for path, want := range map[string]fault.Code{"/v1/auth/usage?result=maybe": fault.Invalid, "/v1/auth/usage?cursor=key_nothing": fault.Invalid} {
		if c := r.do("GET", path, "", as(developer)...).code(t); c != want {
			t.Errorf("%s: %s", path, c)
		}
	}
	if c := r.do("GET", "/v1/auth/usage", "").code(t); c != fault.Forbidden {
		t.Errorf("an entity's token: %s", c)
	}
}
