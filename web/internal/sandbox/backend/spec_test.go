package backend

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"countersign/shared/spec"
)

func TestTheConfigurationOfThePageHasTheFieldsOfTheSpec(t *testing.T) {
	t.Parallel()
	h, err := New(Config{GatewayURL: "http://127.0.0.1:1", Entities: []Entity{{"ent_sandbox", "Sandbox"}}, APIKeyFile: "none", BridgeURLs: []string{"ws://127.0.0.1:18427"}, UserName: "Alice",
		Hosts: []string{"dashboard.example"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "http://dashboard.example/config.json", nil))
	var sent, example map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &sent); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	const heading = "From a dashboard's back end to its page"
	if err := json.Unmarshal([]byte(spec.Examples(t, "tokens.md", heading, "json")[0]), &example); err != nil {
		t.Fatal(err)
	}
	var shown []string
	for name := range example {
		shown = append(shown, name)
	}
	fields := spec.Column(t, "tokens.md", heading, "field", 0)
	spec.Same(t, "fields of config.json", fields, shown)
	for _, row := range spec.Table(t, "tokens.md", heading, "field") {
		if _, there := sent[strings.Trim(row[0], "`")]; row[1] == "yes" && !there {
			t.Errorf("the back end does not send %s", row[0])
		}
	}
	for name := range sent {
		if !slices.Contains(fields, name) {
			t.Errorf("the page of the spec does not have %s", name)
		}
	}
}
