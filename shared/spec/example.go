package spec

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// Shows reports whether a JSON example shows every field of the type of v, which
// a strict decoder has read it into: a field that a page does not show is one
// that its reader has to guess. Fields named in hidden, by path as in
// "capabilities.fiats", need not be there.
func Shows(t testing.TB, where, example string, v any, hidden ...string) {
	t.Helper()
	var got any
	if err := json.Unmarshal([]byte(example), &got); err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	skip := map[string]bool{}
	for _, h := range hidden {
		skip[h] = true
	}
	shows(t, where, "", got, reflect.TypeOf(v), skip)
}

var fromText = reflect.TypeFor[encoding.TextUnmarshaler]()

func shows(t testing.TB, where, path string, got any, typ reflect.Type, skip map[string]bool) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if skip[path] || reflect.PointerTo(typ).Implements(fromText) {
		return
	}
	switch typ.Kind() {
	case reflect.Slice:
		list, _ := got.([]any)
		if typ.Elem().Kind() == reflect.Uint8 {
			return
		}
		if len(list) == 0 && isStruct(typ.Elem()) {
			t.Errorf("%s: the example shows no element of %s", where, path)
		}
		for _, e := range list {
			shows(t, where, path, e, typ.Elem(), skip)
			break
		}
	case reflect.Struct:
		object, _ := got.(map[string]any)
		for _, f := range reflect.VisibleFields(typ) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name == "-" || len(f.Index) > 1 && f.Anonymous {
				continue
			}
			at := strings.TrimPrefix(path+"."+name, ".")
			value, there := object[name]
			if skip[at] {
				continue
			}
			if !there {
				t.Errorf("%s: the example does not show %s", where, at)
				continue
			}
			shows(t, where, at, value, f.Type, skip)
		}
	}
}

func isStruct(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}
