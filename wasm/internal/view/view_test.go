package view

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestWhatIsEmptyIsLeftOut(t *testing.T) {
	t.Parallel()
	n := El("p", "", Node{}, Attr{}, Flag("hidden", false), If(false, Text("no")), "yes", []Node{{}, Text("!")})
	if got := (Page{Tree: n}).JSON(); got != `{"title":"","announce":"","tree":["p",{},["yes","!"]]}` {
		t.Error(got)
	}
}

func TestPartsOfAGroupGather(t *testing.T) {
	t.Parallel()
	n := El("input", "input is-big", On("input", "a:b"), On("change", "c"), Prop("checked", true), CSS("--progress", "0.5"), A("id", "x"), A("id", "y"))
	want := `["input",{"class":"input is-big","on":{"input":"a:b","change":"c"},"prop":{"checked":true},"css":{"--progress":"0.5"},"id":"y"},[]]`
	if got := string(n.append(nil)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Whatever a server sends stays text: the picture is JSON that decodes to it.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "<script>", "\"\\\n\x00\x7f", "\u2028é\u202f", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got [3]any
		if err := json.Unmarshal(El("p", "x"+s, A("title", s), "x"+s).append(nil), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		text := got[2].([]any)[0].(string)
		if utf8.ValidString(s) && (text != "x"+s || got[1].(map[string]any)["title"] != s) {
			t.Fatalf("%q became %q", s, text)
		}
	})
}
