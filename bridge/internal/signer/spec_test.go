package signer

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/spec"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
)

func TestThePageHasTheConfigurationTheDraftAndTheSignerFile(t *testing.T) {
	t.Parallel()
	var fields []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	spec.Same(t, "configuration", spec.Column(t, "signer-link.md", "The configuration", "field", 0), fields)
	for heading, v := range map[string]any{"The configuration": new(Config), "The draft": new(Draft), "signer.json": new(vault.SignerFile)} {
		example := spec.Examples(t, "signer-link.md", heading, "json")[0]
		if err := strictjson.Unmarshal([]byte(example), v, 1<<20); err != nil {
			t.Errorf("%s: %v", heading, err)
		}
		if heading != "The configuration" {
			spec.Shows(t, heading, example, v, "accounts.rules", "accounts.tier", "accounts.parent", "accounts.sweep", "groups", "whitelists", "registered", "root_key")
		}
	}
}

func TestThePageHasTheLimitsOfTheSigner(t *testing.T) {
	t.Parallel()
	limit := func(name string, numbers ...string) { t.Helper(); spec.Limit(t, "signer-link.md", name, numbers...) }
	limit("body", spec.Number(maxBody))
	limit("head of a request", fmt.Sprintf("%d KiB", maxHead>>10))
	limit("reading, writing, an idle connection", fmt.Sprintf("%.0f s", readTime.Seconds()), fmt.Sprintf("%.0f s", writeTime.Seconds()), fmt.Sprintf("%.0f min", idleConn.Minutes()))
	limit("handshakes that wait for act 3", fmt.Sprint(maxHandshakes), fmt.Sprintf("%.0f s", handshakeTime.Seconds()))
	limit("channels of one member", fmt.Sprint(perMember))
	limit("channel unused", fmt.Sprintf("%.0f min", idleTime.Minutes()))
	limit("statements served and unanswered", fmt.Sprint(maxOutstanding))
	limit("open requests of the entity", spec.Number(defaultOpen), spec.Number(mostOpen))
	limit("new requests of the entity", fmt.Sprint(defaultPerMinute), spec.Number(mostPerMinute))
	spec.Limit(t, "signedlog.md", "entries of a segment before its checkpoint", spec.Number(DefaultSegment))
}

func TestAnInvalidMessageIsAnsweredInsideTheChannelWhichLivesOn(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	l := mustConnect(t, g, "mem_alice")
	g.request("req_aaaaaaaa")
	for _, message := range []string{"", "{", "[]", `{"type":"hello"}`, `{"type":"statement.get","request":"req_aaaaaaaa"}`, `{"type":"statement.get","request":"mem_alice","decision":"APPROVE"}`,
		`{"type":"statement.get","request":"req_aaaaaaaa","decision":"APPROVE"} {}`, `{"type":"error","code":"CANCELLED","message":""}`} {
		record, err := l.Session.Seal([]byte(message))
		if err != nil {
			t.Fatal(err)
		}
		m, code := l.Send(record)
		if e, ok := m.(*channel.Error); !ok || code != "" || fault.Code(e.Code) != fault.Invalid {
			t.Errorf("%q: %v, outside %q", message, m, code)
		}
	}
	if _, err := l.Statement("req_aaaaaaaa", statement.Approve); err != nil {
		t.Errorf("after that: %v", err)
	}
	if _, code := l.Send(make([]byte, 40)); code == "" {
		t.Error("a record that does not open is answered inside")
	}
}

func TestThePageHasTheStatusOfEveryCodeOfTheSigner(t *testing.T) {
	t.Parallel()
	page := map[string]string{}
	for _, row := range spec.Table(t, "signer-link.md", "Checks of the calls, in order", "status") {
		for _, code := range spec.Words(row[1]) {
			page[code] = row[0]
		}
	}
	for _, c := range fault.Codes() {
		want := page[string(c)]
		if want == "" {
			want = "500"
		}
		if got := fmt.Sprint(statusOf(c)); got != want {
			t.Errorf("%s: the page says %s, the signer %s", c, want, got)
		}
		delete(page, string(c))
	}
	if len(page) > 0 {
		t.Errorf("the page has codes that do not exist: %v", page)
	}
}
