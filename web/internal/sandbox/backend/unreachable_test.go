package backend

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAGatewayThatCannotBeReachedHasTheStatusOfItsCode(t *testing.T) {
	t.Parallel()
	h, err := New(Config{
		GatewayURL: "http://127.0.0.1:1", Entities: []Entity{{"ent_sandbox", "Sandbox"}}, APIKeyFile: "none", Hosts: []string{"example.com"}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/clock", http.NoBody))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"UNAVAILABLE"`) { // shared/spec/wire.md, Errors
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
