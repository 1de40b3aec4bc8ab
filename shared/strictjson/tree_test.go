package strictjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"countersign/shared/fault"
)

func TestATreeKeepsTheOrderAndEveryDigit(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(` {"b": [1, -9007199254740993.50e3, "a\u00e4\n"], "a": {"": null}, "t": true, "f": false} `), 200)
	if err != nil {
		t.Fatal(err)
	}
	want := Node{Kind: '{', Members: []Member{
		{"b", Node{Kind: '[', Items: []Node{{Kind: '0', Text: "1"}, {Kind: '0', Text: "-9007199254740993.50e3"}, {Kind: '"', Text: "aä\n"}}}},
		{"a", Node{Kind: '{', Members: []Member{{"", Node{Kind: 'n'}}}}}, {"t", Node{Kind: 't'}}, {"f", Node{Kind: 'f'}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if v, ok := got.Member("t"); !ok || v.Kind != 't' {
		t.Errorf("%+v %v", v, ok)
	}
	if _, ok := got.Member("x"); ok {
		t.Error("a member that is not there was found")
	}
}

func TestATreeIsReadAsStrictlyAsAMessage(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]fault.Code{
		`{"a":1,"a":2}`: fault.Invalid, `{"a":{"b":1,"\u0062":2}}`: fault.Invalid, `[1,]`: fault.Invalid, `01`: fault.Invalid, `1 2`: fault.Invalid, ``: fault.Invalid, `{"a"}`: fault.Invalid,
		"\"a\xff\"": fault.Invalid, "\"\n\"": fault.Invalid, `"\ud800"`: fault.Invalid, "\ufeff1": fault.Invalid, `nul`: fault.Invalid,
		strings.Repeat("[", 17) + strings.Repeat("]", 17): fault.Invalid, strings.Repeat("1", 201): fault.TooLarge,
	} {
		if _, err := Parse([]byte(text), 200); fault.CodeOf(err) != code {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzTree(f *testing.F) {
	for _, s := range []string{`{"a":[1,"x",null,true,{"b":-1e9}]}`, `{"a":1,"a":2}`, `"\ud83d\ude00"`, `[[[]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := Parse(data, 1<<10)
		var raw Raw
		if err2 := Unmarshal(data, &raw, 1<<10); (err == nil) != (err2 == nil) {
			t.Fatalf("%q: a tree: %v, a message: %v", data, err, err2)
		}
		if err != nil {
			return
		}
		var want any
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		if d.Decode(&want) != nil {
			t.Fatalf("%q is not JSON", data)
		}
		if got := plain(n); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v, want %v", data, got, want)
		}
	})
}

func plain(n Node) any {
	switch n.Kind {
	case '{':
		m := map[string]any{}
		for _, x := range n.Members {
			m[x.Name] = plain(x.Value)
		}
		return m
	case '[':
		l := []any{}
		for _, x := range n.Items {
			l = append(l, plain(x))
		}
		return l
	case '"':
		return n.Text
	case '0':
		return json.Number(n.Text)
	case 'n':
		return nil
	}
	return n.Kind == 't'
}
