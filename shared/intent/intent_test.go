package intent

import (
	"cmp"
	"encoding/json"
	"flag"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/spec"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/intent.json"

// vector is one row of shared/spec/vectors/intent.json.
type vector struct {
	Name    string            `json:"name"`
	Doc     string            `json:"doc"`
	Valid   bool              `json:"valid"`
	Code    fault.Code        `json:"code,omitempty"`
	Field   string            `json:"field,omitempty"`
	Digest  string            `json:"digest,omitempty"`
	Title   string            `json:"title,omitempty"`
	Summary string            `json:"summary,omitempty"`
	Lines   []line            `json:"lines,omitempty"`
	Facts   *governance.Facts `json:"facts,omitempty"`
}

type line struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// samples are one good intent of each kind.
var samples = map[string]Intent{KindBuy: sampleBuy(), KindTransfer: sampleTransfer(), KindReplace: sampleReplace()}

func doc(t testing.TB, i Intent) string {
	t.Helper()
	d, err := Encode(i)
	if err != nil {
		t.Fatal(err)
	}
	return string(d)
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	for _, kind := range Kinds() {
		all = append(all, vector{Name: "a " + kind, Doc: doc(t, samples[kind])})
	}
	faster := sampleReplace()
	faster.Action = SpeedUp
	all = append(all, vector{Name: "a replace that speeds up", Doc: doc(t, faster)})
	faster.MaxFee = faster.FeeBefore
	all = append(all, vector{Name: "a replace that speeds up for no higher fee", Doc: doc(t, faster)})
	swept := samples[KindAccountCreate].(AccountCreate)
	swept.Sweep = &Sweep{MaxFee: "0.001", PerDay: "0.0001"}
	all = append(all, vector{Name: "a account.create with a standing rule that allows no sweep", Doc: doc(t, swept)})
	good := doc(t, sampleBuy())
	for _, r := range []struct{ name, doc string }{
		{"no kind", "{}"},
		{"nothing", ""},
		{"an unknown kind", `{"kind":"sell","v":1}`},
		{"a later version", strings.Replace(good, `"v":1`, `"v":2`, 1)},
		{"a version of two digits that begins as one that is known", strings.Replace(good, `"v":1`, `"v":10`, 1)},
		{"a kind and a version without fields", `{"kind":"buy","v":1}`},
		{"a known version that white space follows", strings.Replace(good, `"v":1`, `"v":1 `, 1)},
		{"a known version that is cut there", `{"kind":"buy","v":1`},
		{"a version as text", strings.Replace(good, `"v":1`, `"v":"1"`, 1)},
		{"the version before the kind", strings.Replace(good, `"kind":"buy","v":1`, `"v":1,"kind":"buy"`, 1)},
		{"white space", strings.Replace(good, ",", ", ", 2)},
		{"fields in another order", strings.Replace(good, `"payment_method":"card","country":"FR"`, `"country":"FR","payment_method":"card"`, 1)},
		{"an escape that JSON does not need", strings.Replace(good, "Treasury", `\u0054reasury`, 1)},
		{"a field of no kind", strings.Replace(good, `"v":1,`, `"v":1,"note":"x",`, 1)},
		{"a field twice", strings.Replace(good, `"country":"FR"`, `"country":"FR","country":"DE"`, 1)},
		{"two intents", good + good},
		{"a draft", strings.Replace(good, `"account_name":"Treasury"`, `"account_name":""`, 1)},
		{"an amount as a number", strings.Replace(good, `"250.00"`, `250.00`, 1)},
	} {
		all = append(all, vector{Name: r.name, Doc: r.doc})
	}
	for i := range all {
		read(&all[i])
	}
	return all
}

// read says what the code makes of a document.
func read(v *vector) {
	i, err := Open(Doc(v.Doc))
	if f, ok := fault.As(err); ok {
		v.Code, v.Field = f.Code, f.Details["field"]
		return
	}
	facts := i.Facts()
	v.Valid, v.Digest, v.Title, v.Summary, v.Facts = true, Digest(Doc(v.Doc)), i.Title(), i.Summary(), &facts
	for _, l := range i.Lines() {
		v.Lines = append(v.Lines, line{l.Label, l.Value})
	}
}

func TestVectorsHold(t *testing.T) {
	t.Parallel()
	want := vectors(t)
	all := spec.Vectors(t, vectorFile, *update, want)
	if diff := gocmp.Diff(want, all); diff != "" {
		t.Errorf("the vectors differ from the code; -update writes them (- code, + file):\n%s", diff)
	}
}

// form is a JSON Schema of an object, or a reference to one.
type form struct {
	Ref        string          `json:"$ref"`
	Required   []string        `json:"required"`
	Properties map[string]form `json:"properties"`
}

// formOf lists the fields of a form by their paths, and whether each must be there.
func formOf(defs map[string]form, f form) map[string]bool {
	all := map[string]bool{}
	for name, p := range f.Properties {
		if p.Ref != "" {
			p = defs[strings.TrimPrefix(p.Ref, "#/$defs/")]
		}
		all[name] = slices.Contains(f.Required, name)
		for inner, required := range formOf(defs, p) {
			all[name+"."+inner] = required
		}
	}
	return all
}

// fields lists those of a type in the same way.
func fields(of reflect.Type) map[string]bool {
	all := map[string]bool{}
	for f := range of.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		all[name] = !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero")
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct {
			for inner, required := range fields(of) {
				all[name+"."+inner] = required
			}
		}
	}
	return all
}

// TestEachKindIsComplete walks the table of kinds: what a kind must have besides its
// file here. Its prompt is asked for by shared/statement, its longest statement and its
// executor by bridge/internal/signer, its screen by wasm/internal/app.
func TestEachKindIsComplete(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	var schema struct {
		OneOf []form          `json:"oneOf"`
		Defs  map[string]form `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(spec.Page(t, "schemas/intent.json")), &schema); err != nil {
		t.Fatal(err)
	}
	if len(schema.OneOf) != len(Kinds()) {
		t.Errorf("schemas/intent.json allows %d kinds of %d", len(schema.OneOf), len(Kinds()))
	}
	for _, kind := range Kinds() {
		if form, ok := schema.Defs[kind]; !ok {
			t.Errorf("schemas/intent.json has no form of %s", kind)
		} else if diff := gocmp.Diff(fields(reflect.TypeOf(samples[kind])), formOf(schema.Defs, form)); diff != "" {
			t.Errorf("the form of %s differs from its type (- type, + schemas/intent.json):\n%s", kind, diff)
		}
		i, ok := samples[kind]
		if !ok {
			t.Errorf("%s has no sample", kind)
			continue
		}
		page := spec.Examples(t, "intent.md", kind+", version 1", "json")
		if len(page) == 0 {
			t.Fatalf("intent.md has no example of %s", kind)
		}
		if _, err := Open(Doc(page[0])); err != nil {
			t.Errorf("the page's example of %s: %v", kind, err)
		}
		spec.Shows(t, kind, page[0], i, "purpose", "reference", "text", "hex", "typed_data", "before", "rules.rules", "rules.holidays", "rules.rate_source", "keys.proven", "keys.driver", "parent", "parent_name")
		found := false
		for _, v := range all {
			found = found || v.Valid && v.Facts.Kind == kind
		}
		if !found {
			t.Errorf("no vector shows %s", kind)
		}
		_, changes := i.(Change)
		if i.Noun() == "" || i.Title() == "" || i.Summary() == "" || len(i.Lines()) == 0 || (len(i.Totals()) == 0) != (changes || kind == KindMessage) {
			t.Errorf("%s says too little: %q, %q", kind, i.Title(), i.Summary())
		}
		r := i.Record()
		if r.Intent != kind || (r.Account == "") != changes || len(r.Tell()) == 0 {
			t.Errorf("%s leaves the journal %+v", kind, r)
		}
	}
	spec.Limit(t, "intent.md", "intent", spec.Number(MaxSize))
}

// An intent is read only when its kind is known, and refused by its length before it is
// read.
func TestAnIntentThatIsTooLongIsCalledTooLarge(t *testing.T) {
	t.Parallel()
	known := `{"kind":"buy","v":1,"account":"` + strings.Repeat("a", MaxSize) + `"}`
	for doc, want := range map[string]fault.Code{
		known:             fault.TooLarge,
		known[:MaxSize]:   fault.Invalid,
		known[:MaxSize+1]: fault.TooLarge, // whatever else is wrong
		`{"kind":"sell"` + known[len(`{"kind":"buy"`):]: fault.IntentUnsupported,
		known[1:]: fault.Invalid,
	} {
		_, err := Open(Doc(doc))
		if f, _ := fault.As(err); f == nil || f.Code != want || want == fault.TooLarge && f.Details["field"] != "" {
			t.Errorf("%.40s… of %d bytes: %v, want %s", doc, len(doc), err, want)
		}
	}
	if cell := spec.Row(t, "intent.md", "Limits", "what", "intent")[1]; !strings.Contains(cell, "`"+string(fault.TooLarge)+"`") {
		t.Errorf("intent.md says %q", cell)
	}
}

// FuzzOpen checks that what a reader accepts has one form only, and that each refusal
// has a code.
func FuzzOpen(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		i, err := Open(data)
		if err != nil {
			if c := fault.CodeOf(err); c != fault.Invalid && c != fault.IntentUnsupported && c != fault.TooLarge {
				t.Errorf("code of %v", err)
			}
			return
		}
		if back, err := Encode(i); err != nil || string(back) != string(data) {
			t.Errorf("%s came back as %s, %v", data, back, err)
		}
		if _, err := Sum([]Intent{i, i}); err != nil {
			t.Error(err)
		}
		for _, l := range i.Lines() {
			if strings.ContainsAny(l.Label+l.Value, "\n\r") || cmp.Or(l.Label, l.Value) == "" {
				t.Errorf("a line %+v", l)
			}
		}
	})
}

func TestAnIntentIsCalledWithTheArticleOfItsNoun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		is   Intent
		want string
	}{{sampleTransfer(), "a transfer"}, {AccountEdit{}, "an account change"}, {AdminRulePut{}, "an admin rule change"}, {MemberInvite{}, "a new member"}} {
		if got := One(c.is); got != c.want {
			t.Errorf("%T is %q, want %q", c.is, got, c.want)
		}
	}
}
