package strictjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
)

type inner struct {
	Currency string `json:"currency"`
}

type body struct {
	Name   string            `json:"name"`
	Amount *inner            `json:"amount,omitempty"`
	List   []inner           `json:"list,omitempty"`
	Open   Raw               `json:"open,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
}

func TestUnmarshalRefusesWhatTwoPartiesCouldReadDifferently(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   string
		want fault.Code // empty: accepted
	}{
		"plain":                   {`{"name":"a"}`, ""},
		"nested":                  {`{"name":"a","amount":{"currency":"EUR"},"list":[{"currency":"x"}]}`, ""},
		"open value":              {`{"open":{"any":{"thing":[1,2]}}}`, ""},
		"map":                     {`{"tags":{"A":"1","a":"2"}}`, ""},
		"unknown field":           {`{"nome":"a"}`, fault.Invalid},
		"unknown nested field":    {`{"amount":{"curr":"EUR"}}`, fault.Invalid},
		"unknown field in list":   {`{"list":[{"curr":"EUR"}]}`, fault.Invalid},
		"other case":              {`{"Name":"a"}`, fault.Invalid},
		"duplicate":               {`{"name":"a","name":"b"}`, fault.Invalid},
		"duplicate by escape":     {`{"name":"a","n\u0061me":"b"}`, fault.Invalid},
		"duplicate nested":        {`{"amount":{"currency":"a","currency":"b"}}`, fault.Invalid},
		"duplicate in open value": {`{"open":{"a":1,"a":2}}`, fault.Invalid},
		"duplicate in map":        {`{"tags":{"a":"1","a":"2"}}`, fault.Invalid},
		"wrong type":              {`{"name":1}`, fault.Invalid},
		"trailing value":          {`{"name":"a"} {}`, fault.Invalid},
		"trailing garbage":        {`{"name":"a"}x`, fault.Invalid},
		"byte order mark":         {"\ufeff" + `{"name":"a"}`, fault.Invalid},
		"cut short":               {`{"name":"a"`, fault.Invalid},
		"empty":                   {``, fault.Invalid},
		"array for object":        {`[]`, fault.Invalid},
		"invalid UTF-8":           {"{\"name\":\"\xff\"}", fault.Invalid},
		"half a surrogate pair":   {`{"name":"\ud83d"}`, fault.Invalid},
		"the second half alone":   {`{"name":"\ude00"}`, fault.Invalid},
		"halves in wrong order":   {`{"name":"\ude00\ud83d"}`, fault.Invalid},
		"a surrogate pair":        {`{"name":"\ud83d\ude00"}`, ""},
		"bytes as numbers":        {`{"bytes":[1]}`, fault.Invalid},
		"just deep enough":        {`{"open":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `}`, ""},
		"one level too deep":      {`{"open":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, fault.Invalid},
		"brackets in a text":      {`{"name":"` + strings.Repeat("[", 40) + `\""}`, ""},
		"too deep":                {`{"open":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, fault.Invalid},
		"over the limit":          {`{"name":"` + strings.Repeat("a", 500) + `"}`, fault.TooLarge},
	} {
		var b body
		if got := fault.CodeOf(Unmarshal([]byte(tc.in), &b, 400)); got != tc.want {
			t.Errorf("%s: code %q, want %q", name, got, tc.want)
		}
	}
}

type manner int

func (m *manner) UnmarshalText(text []byte) error {
	if string(text) == "kind" {
		return nil
	}
	return fault.New(fault.Invalid, "a manner is kind")
}

type every struct {
	body
	Count  int        `json:"count,omitempty"`
	Small  uint8      `json:"small,omitempty"`
	Yes    bool       `json:"yes,omitempty"`
	At     *time.Time `json:"at,omitempty"`
	Manner manner     `json:"manner,omitempty"`
	Bytes  []byte     `json:"bytes,omitempty"`
	Many   []every    `json:"many,omitempty"`
}

func TestAByteOrderMarkIsCalledByItsName(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"\ufeff{}", "\ufeff", "\ufeff\ufeffnull"} {
		var v body
		if f, ok := fault.As(Unmarshal([]byte(in), &v, 100)); !ok || !strings.Contains(f.Message, "byte order mark") {
			t.Errorf("%q: %v", in, f)
		}
	}
}

func TestARefusalNamesTheFieldByItsPathAndTheTypeInWordsOfJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct{ field, message string }{
		`{"name":1}`:                          {"name", `field "name" must be a text`},
		`{"amount":{"currency":true}}`:        {"amount.currency", `field "amount.currency" must be a text`},
		`{"amount":[]}`:                       {"amount", `field "amount" must be an object`},
		`{"list":{}}`:                         {"list", `field "list" must be a list`},
		`{"list":[{},{"currency":{}}]}`:       {"list.1.currency", `field "list.1.currency" must be a text`},
		`{"list":[{},{"curr":"EUR"}]}`:        {"list.1.curr", `unknown field "list.1.curr"`},
		`{"list":[{},7]}`:                     {"list.1", `field "list.1" must be an object`},
		`{"many":[{"many":[{"count":"1"}]}]}`: {"many.0.many.0.count", `field "many.0.many.0.count" must be a whole number`},
		`{"tags":{"a":1}}`:                    {"tags.a", `field "tags.a" must be a text`},
		`{"count":1.5}`:                       {"count", `field "count" must be a whole number in range`},
		`{"count":null,"small":-1}`:           {"small", `field "small" must be a whole number in range`},
		`{"small":300}`:                       {"small", `field "small" must be a whole number in range`},
		`{"yes":"true"}`:                      {"yes", `field "yes" must be true or false`},
		`{"at":1}`:                            {"at", `field "at" must be a text`},
		`{"at":"yesterday"}`:                  {"at", `field "at" is not in its form`},
		`{"manner":{}}`:                       {"manner", `field "manner" must be a text`},
		`{"manner":"rude"}`:                   {"manner", `field "manner" is not in its form: a manner is kind`},
		`{"bytes":1}`:                         {"bytes", `field "bytes" must be bytes in base64`},
		`[]`:                                  {"", "the message must be an object"},
		`null`:                                {"", "the message must be an object"},
		` null `:                              {"", "the message must be an object"},
		`"secret"`:                            {"", "the message must be an object"},
		`1`:                                   {"", "the message must be an object"},
		`{"name":tru}`:                        {"name", `field "name" must be a text`},
		`{"open":tru}`:                        {"", "the message is not valid JSON"},
		`{"name":"\x"}`:                       {"", "the message is not valid JSON"},
	} {
		var v every
		e, ok := fault.As(Unmarshal([]byte(in), &v, 4096))
		if !ok || e.Code != fault.Invalid || e.Message != want.message || e.Details["field"] != want.field {
			t.Errorf("%s: %v, want %v", in, e, want)
		}
		if _, there := e.Details["field"]; there != (want.field != "") {
			t.Errorf("%s: the details are %v", in, e.Details)
		}
	}
}

func TestNullIsNoMessage(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		"an object": &body{}, "a text": new(string), "true or false": new(bool), "a whole number": new(int),
	} {
		if f, ok := fault.As(Unmarshal([]byte("null"), v, 100)); !ok || f.Code != fault.Invalid || f.Message != "the message must be "+want {
			t.Errorf("into %T: %v", v, f)
		}
		if f, ok := fault.As(UnmarshalCanonical([]byte("null"), v, 100)); !ok || f.Code != fault.Invalid {
			t.Errorf("canonical, into %T: %v", v, f)
		}
	}
	for _, v := range []any{new(any), new(Raw), new(*body), new([]byte), new(map[string]string)} { // which may be anything, or absent
		if err := Unmarshal([]byte("null"), v, 100); err != nil {
			t.Errorf("into %T: %v", v, err)
		}
	}
}

func TestNullIsWhatAnAbsentFieldIs(t *testing.T) {
	t.Parallel()
	v := every{Count: 7, Yes: true, Bytes: []byte{1}, At: new(time.Time)}
	v.Name, v.Tags = "a", map[string]string{"a": "b"}
	if err := Unmarshal([]byte(`{"name":null,"tags":null,"count":null,"yes":null,"bytes":null,"at":null}`), &v, 4096); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v, every{}) {
		t.Errorf("%+v", v)
	}
}

func TestTheCanonicalFormIsTheSameOnBothEnds(t *testing.T) {
	t.Parallel()
	v := every{Count: 0, Yes: true, Manner: 0}
	v.Name, v.List, v.Open = "é\u2028<&>\x7f\x01\"\xff", []inner{{}}, Raw(`{ "b" : 1.0e2, "\u0061":"\u003c" }`)
	v.Tags = map[string]string{"b": "2", "a": "1"}
	const want = `{"name":"é\u2028<&>` + "\x7f" + `\u0001\"` + "\ufffd" + `","list":[{"currency":""}],"open":{"b":1.0e2,"\u0061":"\u003c"},"tags":{"a":"1","b":"2"},"yes":true}`
	if got, err := Canonical(v); err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
}

func TestAMessageNeverRepeatsAValue(t *testing.T) {
	t.Parallel()
	var b body
	err := Unmarshal([]byte(`{"name":{"secret-pin-1234":1}}`), &b, 400)
	if e, ok := fault.As(err); !ok || strings.Contains(e.Message, "1234") {
		t.Errorf("message %v", err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"name":"a","amount":{"currency":"EUR"},"tags":{"a":"b"}}`))
	f.Add([]byte(`{"open":[[[{"a":1}]]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b body
		if Unmarshal(data, &b, 4096) != nil {
			return
		}
		again, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		var c body
		if err := Unmarshal(again, &c, 8192*6); err != nil {
			t.Fatalf("%s was accepted, its encoding %s was not: %v", data, again, err)
		}
	})
}
