package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/apikey"
	"countersign/shared/claims"
	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// The page "Authentication" of the API that this one follows, sentence by sentence: what
// stands in quotation marks is what its reader may rely on here.

// "You must include an authentication token with every API request."
func TestEveryRequestNeedsAToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	asked := 0
	for _, rt := range routes {
		if rt.access == open || rt.access == noBrowser || rt.access == signed {
			continue
		}
		method, path, _ := strings.Cut(rt.pattern, " ")
		a := r.do(method, strings.NewReplacer("{id}", "x", "{ticket}", "x").Replace(path), "", "Authorization", "")
		if a.status != http.StatusUnauthorized || a.message(t) != "Authorization header is required" {
			t.Errorf("%s: %d %s", rt.pattern, a.status, a.body)
		}
		asked++
	}
	if asked < 20 {
		t.Errorf("%d addresses were asked", asked)
	}
}

// "API keys are used to generate JWT tokens for authenticating requests." "Each account
// can have multiple API keys for different environments and purposes."
func TestAnAccountHasSeveralAPIKeysForDifferentPurposes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	developer := as(r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox"))
	for name, scopes := range map[string]string{"Back office": `["tokens:entity","read","write"]`, "Reports": `["tokens:entity","read"]`} {
		k := get[wire.NewKey](t, r.do("POST", "/v1/keys", `{"name":"`+name+`","scopes":`+scopes+`}`, developer...))
		if k.Key.Env != "sandbox" || !strings.HasPrefix(k.APIKey, apikey.Test) {
			t.Errorf("the key says %q, for the environment %q", k.APIKey[:8], k.Key.Env)
		}
		token := r.signIn(k.APIKey, "entity", "ent_sandbox")
		if strings.Count(token, ".") != 2 {
			t.Errorf("%s: %q is not a JWT", name, token)
		}
		if a := r.do("GET", "/v1/accounts", "", as(token)...); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// "Your API keys carry significant privileges. Never share your API keys in publicly
// accessible areas such as GitHub, client-side code": a page gets nothing for one.
func TestAnAPIKeyInAPageIsOfNoUse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, rt := range routes {
		if method, path, _ := strings.Cut(rt.pattern, " "); rt.access == noBrowser {
			a := r.do(method, path, `{"apiKey":"`+gatewaytest.APIKey+`","id":"dev_sandbox","userType":"developer"}`, "Origin", "https://page.example", "Authorization", "")
			if a.code(t) != fault.Forbidden || !strings.Contains(a.message(t), "back end") {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
	}
}

// "Tokens can be for developers, or for entities. Developer tokens are authorized to take
// action on behalf of any entity associated with their developer."
func TestADeveloperTokenActsForEachEntityOfItsDeveloper(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	developer := as(r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox"))
	second := get[wire.EntityReply](t, r.do("POST", "/v1/entities", `{"legalName":"Branch"}`, developer...)).Entity
	for _, entity := range []string{"ent_sandbox", second.ID} {
		if v := get[wire.Entity](t, r.do("GET", "/v1/entity?entityId="+entity, "", developer...)); v.ID != entity {
			t.Errorf("it acts for %s", v.ID)
		}
	}
	if a := r.do("GET", "/v1/entity?entityId=ent_other", "", developer...); a.code(t) != fault.Forbidden {
		t.Errorf("an entity of another developer: %d %s", a.status, a.body)
	}
}

// "To generate a JWT developer token, make a POST request to the token generation
// endpoint": with the example's body, answered with the example's members.
func TestTheExampleOfADeveloperToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.do("POST", "/v1/auth/tokens", `{
 "apiKey": "`+gatewaytest.APIKey+`",
 "id": "dev_sandbox",
 "userType": "developer"
}`, "Authorization", "", "Idempotency-Key", "")
	var reply map[string]any
	if err := json.Unmarshal(a.body, &reply); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if got := slices.Sorted(maps.Keys(reply)); !slices.Equal(got, []string{"access_token", "expires_in", "token_type"}) ||
		reply["token_type"] != "Bearer" || reply["expires_in"] != float64(3600) {
		t.Errorf("%s", a.body)
	}
	header, _, err := claims.Read(reply["access_token"].(string))
	if err != nil || header.Alg != "RS256" || !strings.HasPrefix(reply["access_token"].(string), "eyJhbGciOiJSUzI1NiIsInR5cCI6") {
		t.Errorf("%+v %v", header, err)
	}
}

// "Example request using bearer token authentication": GET /v1/transactions with the
// example's headers.
func TestTheExampleOfABearerToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox")
	a := r.do("GET", "/v1/transactions", "", "Authorization", "Bearer "+token, "Content-Type", "application/json")
	if p := get[wire.Page[wire.Transaction]](t, a); p.Items == nil {
		t.Errorf("%s", a.body)
	}
}

// "Many API endpoints require you to specify which entity's data you're working with. You
// can provide the entity ID as a query parameter": and each of them takes it.
func TestTheEntityIsNamedAsAQueryParameter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	developer := as(r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox"))
	for _, rt := range routes {
		method, path, _ := strings.Cut(rt.pattern, " ")
		if !rt.ofEntity() || rt.wait == 0 {
			continue
		}
		path = strings.NewReplacer("{id}", "x").Replace(path)
		without, with := r.do(method, path, "", developer...), r.do(method, path+"?entityId=ent_sandbox", "", developer...)
		if without.status != http.StatusBadRequest || without.code(t) != fault.EntityContext {
			t.Errorf("%s without an entity: %d %s", rt.pattern, without.status, without.body)
		}
		if with.status >= 400 && slices.Contains([]fault.Code{fault.EntityContext, fault.Forbidden, fault.Unauthenticated}, with.code(t)) {
			t.Errorf("%s with one: %d %s", rt.pattern, with.status, with.body)
		}
	}
}

// "You'll likely want to generate entity-scoped tokens for your users to be able to access
// only their own entity's data": with the example's body.
func TestTheExampleOfAnEntityScopedToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	reply := get[wire.TokenReply](t, r.do("POST", "/v1/entities/auth/generate-token", `{
 "apiKey": "`+gatewaytest.APIKey+`",
 "id": "ent_sandbox",
 "userType": "entity"
}`, "Authorization", "", "Idempotency-Key", ""))
	own := as(reply.AccessToken)
	if v := get[wire.Entity](t, r.do("GET", "/v1/entity", "", own...)); v.ID != "ent_sandbox" {
		t.Errorf("%+v", v)
	}
	if a := r.do("GET", "/v1/entity?entityId=ent_other", "", own...); a.code(t) != fault.Forbidden {
		t.Errorf("another entity: %d %s", a.status, a.body)
	}
}

// "If your authentication is invalid or expired …", "If you're missing the Authorization
// header …", "If your API key is invalid or expired …", "If you're trying to access a
// resource you don't have permission for …": statuses, codes and messages to the letter.
func TestTheFourErrorBodiesToTheLetter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	developer := as(r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox"))
	entity := r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox")
	short := get[wire.NewKey](t, r.do("POST", "/v1/keys", `{"name":"Short","scopes":["tokens:entity","read"],"expires_in":60}`, developer...))
	expired := r.signIn(short.APIKey, "entity", "ent_sandbox")
	r.Pass(2 * time.Minute)
	trade := func(key string) answer {
		return r.do("POST", "/v1/auth/tokens", `{"apiKey":"`+key+`","id":"ent_sandbox","userType":"entity"}`, "Authorization", "")
	}
	for name, tc := range map[string]struct {
		a      answer
		status int
		body   string
	}{
		"an invalid token":        {r.do("GET", "/v1/transactions", "", as("x.y.z")...), 401, `{"error":{"code":"AUTHENTICATION_ERROR","message":"Invalid authentication token"}}`},
		"an expired token":        {r.do("GET", "/v1/transactions", "", as(expired)...), 401, `{"error":{"code":"AUTHENTICATION_ERROR","message":"Invalid authentication token"}}`},
		"no header":               {r.do("GET", "/v1/transactions", "", "Authorization", ""), 401, `{"error":{"code":"AUTHENTICATION_ERROR","message":"Authorization header is required"}}`},
		"an invalid API key":      {trade("wrong"), 401, `{"error":{"code":"INVALID_API_KEY","message":"API key is invalid or expired"}}`},
		"an expired API key":      {trade(short.APIKey), 401, `{"error":{"code":"INVALID_API_KEY","message":"API key is invalid or expired"}}`},
		"an entity's token there": {r.do("GET", "/v1/entities", "", as(entity)...), 403, `{"error":{"code":"AUTHORIZATION_ERROR","message":"Entity tokens cannot access developer routes"}}`},
	} {
		var p struct {
			Error map[string]any `json:"error"`
		}
		if err := json.Unmarshal(tc.a.body, &p); err != nil {
			t.Fatalf("%s: %s", name, tc.a.body)
		}
		for _, ours := range []string{"request_id", "details"} { // beside what the page has
			delete(p.Error, ours)
		}
		if body, err := json.Marshal(p); err != nil || tc.a.status != tc.status || string(body) != tc.body {
			t.Errorf("%s: %d %s, want %d %s", name, tc.a.status, tc.a.body, tc.status, tc.body)
		}
	}
}

// "Monitor API usage: Regularly review your API logs to detect any unauthorized or
// suspicious activity."
func TestADeveloperSeesThatSomebodyTriesKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 3 {
		r.do("POST", "/v1/auth/tokens", `{"apiKey":"guess","id":"dev_sandbox","userType":"developer"}`, "Authorization", "")
	}
	developer := as(r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox"))
	if p := get[wire.Page[wire.Use]](t, r.do("GET", "/v1/auth/usage?result=INVALID_API_KEY", "", developer...)); len(p.Items) != 3 || p.Items[0].Client == "" {
		t.Errorf("%+v", p)
	}
}

// "Set short token lifetimes: Request new tokens periodically to limit the impact of token
// exposure."
func TestTokensLiveAnHourAtMost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for kind, id := range map[string]string{"developer": "dev_sandbox", "entity": "ent_sandbox"} {
		token := r.signIn(gatewaytest.APIKey, kind, id)
		if _, c, err := claims.Read(token); err != nil || c.Expires-c.IssuedAt > 3600 {
			t.Errorf("%s: %+v %v", kind, c, err)
		}
	}
}
