//go:build !js

package strictjson

import (
	"bytes"
	"encoding/json/jsontext"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"countersign/shared/fault"
)

type shout string

func (s shout) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(s))), nil }

func (s *shout) UnmarshalText(b []byte) error {
	if len(b) > 8 {
		return errKind
	}
	*s = shout(strings.ToUpper(string(b)))
	return nil
}

type octets []byte

func (o octets) MarshalText() ([]byte, error) { return []byte("x" + string(o)), nil }

func (o *octets) UnmarshalText(b []byte) error { *o = append(octets{}, b...); return nil }

type Promoted struct {
	Deep string `json:"deep"`
	Name string `json:"name"`
}

// wide has every kind of type that the protocols have.
type wide struct {
	Name string `json:"name"`
	Promoted
	Hidden string `json:"-"`
	Plain  string
	Flag   bool              `json:"flag,omitempty"`
	Small  int8              `json:"small"`
	Big    int64             `json:"big,omitempty"`
	Id     *uint64           `json:"id,omitempty"`
	Byte   uint8             `json:"byte"`
	At     time.Time         `json:"at"`
	Till   *time.Time        `json:"till,omitempty"`
	Loud   shout             `json:"loud"`
	Louder *shout            `json:"louder"`
	Octets octets            `json:"octets,omitempty"`
	Bytes  []byte            `json:"bytes"`
	Raw    Raw               `json:"raw,omitempty"`
	RawTo  *Raw              `json:"raw_to"`
	Inner  *inner            `json:"inner,omitempty"`
	Inners []inner           `json:"inners"`
	Lists  [][]string        `json:"lists"`
	Tags   map[string]string `json:"tags,omitempty"`
	Table  map[shout]inner   `json:"-"`
	Nested map[string][]int  `json:"nested"`
	Zero   inner             `json:"zero,omitzero"`
}

var wideSeeds = []string{
	`{"name":"a","deep":"b","Plain":"c","flag":true,"small":-128,"big":9007199254740993,"id":0,"byte":255,"at":"2026-11-20T21:00:00Z","till":"2026-11-20T21:00:00.123+01:00"}`,
	`{"loud":"abc","louder":"def","octets":"a\u0062","bytes":"AAEC","raw":{ "a" : [1, 2.5e-3, "x y\"" ]},"raw_to":1,"inner":{"currency":"E\u20acR"},"inners":[{},null,{"currency":"\ud83d\ude00"}]}`,
	`{"lists":[[],null,["a","\ud800","\ud800\u0041","\udc00x"]],"tags":{"b":"2","a":"1\u2028\n\u0001<&>"},"nested":{"":[1,2],"x":null}}`,
	`{"name":null,"flag":null,"small":null,"id":null,"at":null,"till":null,"loud":null,"louder":null,"octets":null,"bytes":null,"raw":null,"raw_to":null,"inner":null,"inners":null,"tags":null}`,
	`{"zero":{}}`, `{"zero":{"currency":"EUR"}}`, `{"zero":null}`, `{"zero":[]}`,
	`{"small":128}`, `{"small":1.0}`, `{"small":1e2}`, `{"byte":-1}`, `{"byte":256}`, `{"id":18446744073709551616}`, `{"id":18446744073709551615}`, `{"big":-0}`, `{"big":"1"}`,
	`{"flag":1}`, `{"at":"yesterday"}`, `{"at":1}`, `{"at":"2026-11-20T21:00:00\u005a"}`, `{"loud":"far too long"}`, `{"loud":1}`, `{"loud":{}}`, `{"octets":[1]}`, `{"bytes":"*"}`, `{"bytes":[1,2,255]}`,
	`{"raw":01}`, `{"raw":tru}`, `{"raw":-}`, `{"raw":1.}`, `{"raw":"\x"}`, `{"raw":"\u12"}`, "{\"raw\":\"\n\"}", `{"raw":[1,]}`, `{"raw":{"a"}}`, `{"inners":{}}`, `{"tags":[]}`, `{"inner":[]}`, `{"lists":["a"]}`, `{"inner":"a"}`,
	`null`, `[]`, `"a"`, `1`, ``, ` {} `, `{}x`,
}

// What runs in the browser reads, refuses and writes as encoding/json/v2 does, which
// runs everywhere else.
func FuzzLeanIsLikeTheStandardLibrary(f *testing.F) {
	for _, seed := range wideSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sameString(t, string(data))
		if !utf8.Valid(data) || deep(data) {
			return // refused before
		}
		var got, want wide
		a, b := leanUnmarshal(data, &got), decode(data, &want)
		if !sameFault(a, b) {
			t.Fatalf("%s: %v, want %v", data, a, b)
		}
		if tight, err := leanCompact(data); (err == nil) != Raw(data).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("%s: %v", data, err)
		} else if theirs, _ := compact(data); err == nil && !bytes.Equal(tight, theirs) {
			t.Fatalf("%s, want %s", tight, theirs)
		}
		if a != nil {
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %+v, want %+v", data, got, want)
		}
		mine, err := leanEncode(got)
		theirs, err2 := encode(want)
		if err != nil || err2 != nil || !bytes.Equal(mine, theirs) {
			t.Fatalf("%s (%v), want %s (%v)", mine, err, theirs, err2)
		}
	})
}

// sameFault reports whether a person is told the same.
func sameFault(a, b error) bool {
	x, isX := fault.As(a)
	y, isY := fault.As(b)
	return isX == isY && (!isX || x.Code == y.Code && x.Message == y.Message && reflect.DeepEqual(x.Details, y.Details)) && (a == nil) == (b == nil)
}

func sameString(t *testing.T, s string) {
	t.Helper()
	mine := appendText(nil, s)
	if theirs, err := encode(s); err != nil || !bytes.Equal(mine, theirs) {
		t.Fatalf("%s, want %s (%v)", mine, theirs, err)
	}
	if got, err := leanUnquote(mine); err != nil || utf8.ValidString(s) && got != s {
		t.Fatalf("%q (%v), want %q", got, err, s)
	}
}

func TestLeanRefusesTypesThatTheProtocolsDoNotHave(t *testing.T) {
	t.Parallel()
	if _, err := leanEncode(struct{ F float64 }{1}); err == nil {
		t.Error("a floating-point number was written")
	}
	var v struct{ F float64 }
	if leanDecode([]byte(`{"F":1}`), &v) == nil {
		t.Error("a floating-point number was read")
	}
}

func TestAnArrayOfBytesIsAListOfNumbersInWhatIsStored(t *testing.T) {
	t.Parallel()
	type row struct{ Hash [2]byte }
	data, err := Canonical(row{[2]byte{1, 255}})
	var again row
	if err != nil || string(data) != `{"Hash":[1,255]}` || Unmarshal(data, &again, 100) != nil || again.Hash != [2]byte{1, 255} {
		t.Errorf("%s, %v, %v", data, again, err)
	}
}
