package frame

import (
	"runtime"
	"strings"
	"testing"

	"countersign/shared/fault"
)

// What a page that is authenticated and hostile may put into one record. Each is
// refused, in time and memory that the size of a frame bounds.
func TestAFrameThatIsABombIsRefusedCheaply(t *testing.T) {
	// Not parallel: it measures what is allocated.
	in := func(params string) string {
		return `[{"jsonrpc":"2.0","id":1,"method":"channel.open","params":` + params + `}]`
	}
	fill := func(head, unit, tail string) string {
		return head + strings.Repeat(unit, (MaxFrame-len(head)-len(tail))/len(unit)) + tail
	}
	for name, r := range map[string]struct {
		frame string
		want  fault.Code
	}{
		"arrays without end":                  {fill("", "[", ""), fault.Invalid},
		"objects without end":                 {fill("", `{"a":`, ""), fault.Invalid},
		"nested params":                       {in(strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000)), fault.Invalid},
		"nested arrays in params":             {in(`{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}"), fault.Invalid},
		"closing brackets":                    {fill("[", "]", ""), fault.Invalid},
		"commas":                              {fill("[", ",", "]"), fault.Invalid},
		"thousands of empty messages":         {fill("[{}", ",{}", "]"), fault.Invalid},
		"thousands of fields":                 {in(fill(`{"a":1`, `,"b":1`, "}")[:60000] + "}"), fault.Invalid},
		"one field thousands of times":        {in(strings.TrimSuffix(strings.Repeat(`{"entity":"x","entity":`, 2000), ":") + strings.Repeat("}", 2000)), fault.Invalid},
		"a number of 60,000 digits":           {`[{"jsonrpc":"2.0","id":` + strings.Repeat("9", 60000) + `,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"a number that is huge":               {`[{"jsonrpc":"2.0","id":1e1000000000,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"a number that is tiny":               {`[{"jsonrpc":"2.0","id":1e-1000000000,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"a number of 1 GiB":                   {`[{"jsonrpc":"2.0","id":1073741824.0,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"a negative zero":                     {`[{"jsonrpc":"2.0","id":-0,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"not a number":                        {`[{"jsonrpc":"2.0","id":NaN,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"half a surrogate pair":               {in(`{"entity":"\ud800","member":"m"}`), fault.Invalid},
		"overlong UTF-8":                      {in("{\"entity\":\"\xc0\xaf\",\"member\":\"m\"}"), fault.Invalid},
		"UTF-8 of a surrogate":                {in("{\"entity\":\"\xed\xa0\x80\",\"member\":\"m\"}"), fault.Invalid},
		"a byte order mark":                   {"\xef\xbb\xbf" + in(`{"entity":"e","member":"m"}`), fault.Invalid},
		"a zero byte":                         {in("{\"entity\":\"\x00\",\"member\":\"m\"}"), fault.Invalid},
		"UTF-16":                              {"\xff\xfe[\x00]\x00", fault.Invalid},
		"a comment":                           {"/*" + in(`{}`) + "*/", fault.Invalid},
		"a string without an end":             {fill(`["`, "a", ""), fault.Invalid},
		"escapes without an end":              {fill(`["`, `\u0000`, `"]`), fault.Invalid},
		"a method of 60,000 bytes":            {`[{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("a", 60000) + `","params":{}}]`, fault.Invalid},
		"one byte more than a frame may have": {strings.Repeat(" ", MaxFrame+1), fault.TooLarge},
		"16 MiB":                              {strings.Repeat(" ", 16<<20), fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte(r.frame)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			msgs, err := Decode(data)
			if err == nil && len(msgs) == 1 { // the envelope is fine: the method must refuse
				err = DecodeParams(msgs[0], &ChannelOpenParams{})
			}
			runtime.ReadMemStats(&after)
			if fault.CodeOf(err) != r.want {
				t.Errorf("%v, want %s", err, r.want)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 512*MaxFrame {
				t.Errorf("%d bytes were allocated", grown)
			}
		})
	}
}
