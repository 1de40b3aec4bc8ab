package report

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/spec"
)

type vectors struct {
	Secret string `json:"secret"`
	Signed []struct {
		Name    string    `json:"name"`
		Header  string    `json:"header"`
		Body    string    `json:"body"`
		Now     time.Time `json:"now"`
		Refused string    `json:"refused"`
	} `json:"signed"`
	Documents []struct {
		Name string `json:"name"`
		Doc  string `json:"doc"`
		Is   *struct {
			Order string    `json:"order"`
			State string    `json:"state"`
			Word  string    `json:"word"`
			At    time.Time `json:"at"`
			Tx    string    `json:"tx"`
		} `json:"is"`
		Refused string `json:"refused"`
	} `json:"documents"`
	Histories []struct {
		Name     string `json:"name"`
		Arrivals []struct {
			State string    `json:"state"`
			At    time.Time `json:"at"`
		} `json:"arrivals"`
		End string `json:"end"`
	} `json:"histories"`
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("../../../shared/spec/vectors/notice.json")
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestASignatureIsOfTheSecretTheTimeAndTheBody(t *testing.T) {
	t.Parallel()
	v := load(t)
	for _, c := range v.Signed {
		_, err := Verify(c.Header, []byte(c.Body), [][]byte{[]byte(v.Secret)}, c.Now)
		reason := ""
		if f, ok := fault.As(err); ok {
			reason = f.Details["reason"]
		}
		if reason != c.Refused || (err != nil) != (c.Refused != "") || err != nil && fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v, want %q", c.Name, err, c.Refused)
		}
	}
	if len(v.Signed) < 15 {
		t.Errorf("only %d headers", len(v.Signed))
	}
}

func TestTheSecretBeforeSignsTooAndNoSecretSignsNothing(t *testing.T) {
	t.Parallel()
	now, body := time.Unix(1795208520, 0), []byte(`{}`)
	header := Sign([]byte("the older secret"), now, body)
	if _, err := Verify(header, body, [][]byte{[]byte("the newer secret"), []byte("the older secret")}, now); err != nil {
		t.Error(err)
	}
	if _, err := Verify(header, body, nil, now); fault.CodeOf(err) != fault.Unauthenticated {
		t.Error("a provider without a secret is believed:", err)
	}
	if _, err := Verify("t=1795208520"+strings.Repeat(","+header[strings.Index(header, "v1"):], 9), body, [][]byte{[]byte("the older secret")}, now); err == nil {
		t.Error("nine signatures are read")
	}
}

func TestADocumentIsReadInEachOfItsSpellings(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Documents {
		n, err := ParseNotice([]byte(`{"id":"evt_1","order":`+c.Doc+`}`), nil)
		if c.Is == nil {
			f, _ := fault.As(err)
			if fault.CodeOf(err) != fault.Invalid || f.Details["field"] != c.Refused {
				t.Errorf("%s: %v, want the field %s", c.Name, err, c.Refused)
			}
			continue
		}
		r := n.Report
		if err != nil || n.ID != "evt_1" || r.Order != c.Is.Order || r.State != c.Is.State || r.Word != c.Is.Word || !r.At.Equal(c.Is.At) || r.Tx != c.Is.Tx {
			t.Errorf("%s: %+v, %v", c.Name, r, err)
		}
	}
}

func TestANoticeIsStrict(t *testing.T) {
	t.Parallel()
	const order = `{"id":"ord_aaaaaaaaaaaaaaaaaaaaaaaaaa","state":"pending"}`
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"id":"evt_1"}`, `{"order":` + order + `}`, `{"id":"","order":` + order + `}`, `{"id":"a b","order":` + order + `}`,
		`{"id":"evt_1","order":null}`, `{"id":"evt_1","order":"ord"}`, `{"id":"evt_1","order":` + order + `,"more":1}`, `{"id":"evt_1","id":"evt_2","order":` + order + `}`,
		`{"ID":"evt_1","order":` + order + `}`, `{"id":"evt_1","order":` + order + `} ` + `x`, `{"id":"evt_1","order":{"id":"ord_aaa","id":"ord_bbb","state":"pending"}}`,
		`{"id":"` + strings.Repeat("x", 129) + `","order":` + order + `}`, `{"id":"evt_1","order":` + order + strings.Repeat(" ", MaxBody) + `}`,
	} {
		if _, err := ParseNotice([]byte(body), nil); fault.CodeOf(err) != fault.Invalid && fault.CodeOf(err) != fault.TooLarge {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

func TestReportsEndInTheSameStateInWhicheverOrderTheyArrive(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Histories {
		var permute func(done, rest []int)
		permute = func(done, rest []int) {
			if len(rest) == 0 {
				state, at := "", time.Time{}
				for range 2 { // and each of them twice
					for _, i := range done {
						if r := c.Arrivals[i]; Newer(r.State, r.At, state, at) {
							state, at = r.State, r.At
						}
					}
				}
				if state != c.End {
					t.Errorf("%s, in the order %v: %s", c.Name, done, state)
				}
			}
			for i := range rest {
				others := append(append([]int{}, rest[:i]...), rest[i+1:]...)
				permute(append(append([]int{}, done...), rest[i]), others)
			}
		}
		all := make([]int, len(c.Arrivals))
		for i := range all {
			all[i] = i
		}
		permute(nil, all)
	}
}

func TestAProvidersOwnWordsGoBeforeThoseOfAll(t *testing.T) {
	t.Parallel()
	own := Words{"ON_ICE": OnHold, "settled": Processing}
	for word, want := range map[string]string{"on_ice": OnHold, "SETTLED": Processing, "done": Completed, "on_fire": Unknown} {
		if got := own.state(word); got != want {
			t.Errorf("%s means %s, want %s", word, got, want)
		}
	}
	if own.Check() != "" || (Words{"x": "gone"}).Check() != "x" || (Words{"x": Unknown}).Check() != "x" {
		t.Error("a state that is none is not found")
	}
}

func TestADocumentAboutSomethingElseThanTheOrderIsNamed(t *testing.T) {
	t.Parallel()
	const address = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
	for want, r := range map[string]Report{
		"":                        {Fiat: "EUR", FiatAmount: "249", Asset: "eth", Address: strings.ToLower(address)},
		"order.fiat.currency":     {Fiat: "USD"},
		"order.fiat.amount":       {Fiat: "EUR", FiatAmount: "250.01"},
		"order.crypto.currency":   {Asset: "bitcoin"},
		"order.userWalletAddress": {Address: "0x52908400098527886E0F7030069857D2E4169EE7"},
	} {
		if got := r.Contradicts("EUR", "250", "ethereum", address); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}

func TestThePageHasTheWordsOfEachState(t *testing.T) {
	t.Parallel()
	var order []string
	for _, row := range spec.Table(t, "notices.md", "States", "state") {
		state := spec.Words(row[0])[0]
		order = append(order, state)
		if state == Unknown {
			continue
		}
		var code []string
		for word, s := range words {
			if s == state {
				code = append(code, word)
			}
		}
		spec.Same(t, state, spec.Words(row[1]), code)
	}
	if got := strings.Join(append(order[len(order)-1:], order[:len(order)-1]...), " "); got != strings.Join(states, " ") {
		t.Errorf("the order of the page is %s, that of the code %v", got, states)
	}
}

func TestThePageHasTheLimitsOfNotices(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "notices.md", "body of a notice, and a document", spec.Number(MaxBody))
	spec.Limit(t, "notices.md", "a text in it", spec.Number(maxText))
	spec.Limit(t, "notices.md", "`Countersign-Signature`", spec.Number(maxHeader), spec.Number(maxSignatures))
	spec.Limit(t, "notices.md", "distance of `t` from the gateway's time", spec.Number(int(Window.Seconds())))
}

func FuzzNotice(f *testing.F) {
	for _, d := range load(f).Documents {
		f.Add([]byte(`{"id":"evt_1","order":`+d.Doc+`}`), "t=1795208520,v1=00")
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		now := time.Unix(1795208520, 0)
		if _, err := Verify(header, body, [][]byte{[]byte("hook-secret-0123456789")}, now); err == nil {
			t.Fatal("a signature was guessed")
		}
		if _, err := Verify(Sign([]byte("hook-secret-0123456789"), now, body), body, [][]byte{[]byte("hook-secret-0123456789")}, now); err != nil {
			t.Fatal(err)
		}
		n, err := ParseNotice(body, nil)
		if err != nil {
			if f, ok := fault.As(err); !ok || f.Code != fault.Invalid && f.Code != fault.TooLarge {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(body) > MaxBody || n.ID == "" || place(n.Report.State) < 0 || n.Report.Word == "" || n.Report.Order == "" {
			t.Fatalf("%+v", n)
		}
	})
}
