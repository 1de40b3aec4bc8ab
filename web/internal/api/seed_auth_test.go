package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// The names of the parts are the sentences of the older page on authentication, in its order.
func TestTheAuthenticationPageSentenceBySentence(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	sentence := func(name string, f func(t *testing.T)) {
		t.Helper()
		t.Run(name, f)
	}
	entityToken := r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox")
	developerToken := r.signIn(gatewaytest.APIKey, "developer", "dev_sandbox")
	body := func(a answer) string {
		t.Helper()
		var p struct {
			Error struct {
				Code, Message string
			}
		}
		if err := json.Unmarshal(a.body, &p); err != nil {
			t.Errorf("%s: %v", a.body, err)
		}
		return p.Error.Code + ": " + p.Error.Message
	}

	sentence("The API uses JWT tokens: you must include an authentication token with every API request", func(t *testing.T) {
		checked := 0
		for _, rt := range routes {
			method, path, _ := strings.Cut(rt.pattern, " ")
			if rt.access == open || rt.access == noBrowser || rt.access == signed {
				continue
			}
			checked++
			a := r.do(method, strings.ReplaceAll(path, "{id}", "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"), "", "Authorization", "")
			if a.status != http.StatusUnauthorized || a.code(t) != fault.Unauthenticated {
				t.Errorf("%s: %d %s", rt.pattern, a.status, a.body)
			}
		}
		if checked < 25 {
			t.Errorf("only %d routes need a token", checked)
		}
	})
	sentence("API keys are used to generate JWT tokens for authenticating requests", func(t *testing.T) {
		parts := strings.Split(entityToken, ".")
		head, err := base64.RawURLEncoding.DecodeString(parts[0])
		if err != nil || len(parts) != 3 || !strings.Contains(string(head), `"alg":"RS256"`) {
			t.Errorf("%s: %v", head, err)
		}
		if a := r.do("POST", "/v1/auth/tokens", `{"apiKey":"ol_test_wrong0123456789","id":"ent_sandbox","userType":"entity"}`, "Authorization", ""); a.code(t) != fault.InvalidAPIKey || a.status != http.StatusUnauthorized {
			t.Errorf("a wrong key: %d %s", a.status, a.body)
		}
	})
	sentence("Each account can have multiple API keys for different environments and purposes", func(t *testing.T) {
		reports := get[wire.NewKey](t, r.do("POST", "/v1/keys", `{"name":"Reports","scopes":["tokens:entity","read"]}`, as(developerToken)...))
		token := r.signIn(reports.APIKey, "entity", "ent_sandbox")
		if a := r.do("GET", "/v1/requests", "", as(token)...); a.status != http.StatusOK {
			t.Errorf("its purpose: %d %s", a.status, a.body)
		}
		if a := r.do("POST", "/v1/requests", `{}`, as(token)...); a.code(t) != fault.Forbidden {
			t.Errorf("another purpose: %d %s", a.status, a.body)
		}
		if !strings.Contains(reports.APIKey, "_test_") {
			t.Errorf("a key of the sandbox does not say so: %.8s…", reports.APIKey)
		}
	})
	sentence("Never share your API keys in publicly accessible areas such as client-side code", func(t *testing.T) {
		a := r.do("POST", "/v1/auth/tokens", `{"apiKey":"`+gatewaytest.APIKey+`","id":"ent_sandbox","userType":"entity"}`, "Authorization", "", "Origin", "https://app.example")
		if a.status != http.StatusForbidden || !strings.Contains(string(a.body), "must not be in a page") {
			t.Errorf("a page: %d %s", a.status, a.body)
		}
	})
	sentence("To generate a JWT token, make a POST request to the token generation endpoint: it returns a JWT token", func(t *testing.T) {
		for path, in := range map[string]string{
			"/v1/developers/auth/generate-token": `{"developerId":"dev_sandbox","apiKey":"` + gatewaytest.APIKey + `"}`,
			"/v1/entities/auth/generate-token":   `{"entityId":"ent_sandbox","apiKey":"` + gatewaytest.APIKey + `","developerId":"dev_sandbox"}`,
			"/v1/auth/tokens":                    `{"userType":"entity","id":"ent_sandbox","apiKey":"` + gatewaytest.APIKey + `","developerId":"dev_sandbox"}`,
		} {
			reply := get[wire.TokenReply](t, r.do("POST", path, in, "Authorization", "", "Idempotency-Key", ""))
			if reply.TokenType != "Bearer" || reply.ExpiresIn <= 0 || strings.Count(reply.AccessToken, ".") != 2 {
				t.Errorf("%s: %+v", path, reply)
			}
			if a := r.do("GET", path, ""); a.status != http.StatusMethodNotAllowed {
				t.Errorf("GET %s: %d", path, a.status)
			}
		}
	})
	sentence("All API requests must include the JWT token in the Authorization header", func(t *testing.T) {
		if a := r.do("GET", "/v1/entity", "", as(entityToken)...); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
		for name, header := range map[string][]string{
			"as another scheme": {"Authorization", "Basic " + entityToken}, "without a scheme": {"Authorization", entityToken}, "in another header": {"Authorization", "", "X-Access-Token", entityToken},
		} {
			if a := r.do("GET", "/v1/entity", "", header...); a.status != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, a.status)
			}
		}
		if a := r.do("GET", "/v1/entity?access_token="+entityToken, "", "Authorization", ""); a.status != http.StatusUnauthorized {
			t.Errorf("in the address: %d", a.status)
		}
	})
	sentence("Entity context: you can provide the entity ID as a query parameter", func(t *testing.T) {
		if v := get[wire.Entity](t, r.do("GET", "/v1/entity?entityId=ent_sandbox", "", as(developerToken)...)); v.ID != "ent_sandbox" {
			t.Errorf("%+v", v)
		}
	})
	sentence("Entity-scoped tokens: your users access only their own entity's data", func(t *testing.T) {
		if v := get[wire.Entity](t, r.do("GET", "/v1/entity", "", as(entityToken)...)); v.ID != "ent_sandbox" {
			t.Errorf("%+v", v)
		}
		if a := r.do("GET", "/v1/entity?entityId=ent_other", "", as(entityToken)...); a.status != http.StatusForbidden {
			t.Errorf("another entity: %d %s", a.status, a.body)
		}
		if a := r.do("GET", "/v1/keys", "", as(entityToken)...); a.status != http.StatusForbidden || body(a) != "AUTHORIZATION_ERROR: Entity tokens cannot access developer routes" {
			t.Errorf("a developer's route: %d %s", a.status, a.body)
		}
	})
	sentence("If your authentication is invalid or expired, the API returns a 401 Unauthorized response", func(t *testing.T) {
		for name, c := range map[string][2]string{
			"no header": {"", "AUTHENTICATION_ERROR: Authorization header is required"}, "no token": {"Bearer x.y.z", "AUTHENTICATION_ERROR: Invalid authentication token"},
		} {
			a := r.do("GET", "/v1/entity", "", "Authorization", c[0])
			if a.status != http.StatusUnauthorized || body(a) != c[1] || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
	sentence("If you're missing the required entity context, the API returns a 400 Bad Request response", func(t *testing.T) {
		if a := r.do("GET", "/v1/entity", "", as(developerToken)...); a.status != http.StatusBadRequest || a.code(t) != fault.EntityContext {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	sentence("Sandbox: a new environment with a developer account, entity, ledger structure, bank connections and a JWT token", func(t *testing.T) {
		a := r.do("POST", "/v1/sandbox", `{"name":"Acme","developer_id":"acme-1"}`, "Authorization", "")
		var made struct {
			Success bool
			Data    struct {
				Developer struct{ ID, APIKey string }
				Entity    struct{ ID string }
				Ledger    struct{ ID string }
				Banks     []map[string]any `json:"plaidAccounts"`
				Token     string
			}
		}
		if err := json.Unmarshal(a.body, &made); err != nil || !made.Success || made.Data.Developer.ID == "" || made.Data.Entity.ID == "" || made.Data.Ledger.ID == "" || len(made.Data.Banks) == 0 {
			t.Fatalf("%v: %s", err, a.body)
		}
		if a := r.do("GET", "/v1/entity?entityId="+made.Data.Entity.ID, "", as(made.Data.Token)...); a.status != http.StatusOK {
			t.Errorf("its token: %d %s", a.status, a.body)
		}
		if strings.Contains(strings.ToLower(string(a.body)), "accesstoken") || strings.Contains(strings.ToLower(string(a.body)), "access_token") {
			t.Errorf("it gives a bank's token away: %s", a.body)
		}
	})
	sentence("Store API keys securely", func(t *testing.T) {
		for _, file := range []string{r.Path, r.Path + "-wal"} {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(data, []byte(gatewaytest.APIKey)) || bytes.Contains(data, []byte(entityToken)) {
				t.Errorf("%s has a key or a token", file)
			}
		}
	})
	sentence("Monitor API usage: regularly review your API logs to detect unauthorized or suspicious activity", func(t *testing.T) {
		r.do("GET", "/v1/entity?entityId=ent_other", "", as(entityToken)...)
		a := r.do("GET", "/v1/auth/usage", "", as(developerToken)...)
		if a.status != http.StatusOK || !strings.Contains(string(a.body), "/v1/entity") {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	sentence("Set short token lifetimes: request new tokens periodically to limit the impact of token exposure", func(t *testing.T) {
		r.Pass(15*time.Minute + time.Minute)
		if a := r.do("GET", "/v1/entity", "", as(entityToken)...); a.status != http.StatusUnauthorized {
			t.Errorf("an entity's token after 16 minutes: %d", a.status)
		}
		r.Pass(time.Hour)
		if a := r.do("GET", "/v1/entity?entityId=ent_sandbox", "", as(developerToken)...); a.status != http.StatusUnauthorized {
			t.Errorf("a developer's token after an hour: %d", a.status)
		}
		if again := r.signIn(gatewaytest.APIKey, "entity", "ent_sandbox"); r.do("GET", "/v1/entity", "", as(again)...).status != http.StatusOK {
			t.Error("a new token does not work")
		}
	})
}
