package consent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestAnswersAreReadStrictly(t *testing.T) {
	t.Parallel()
	for _, r := range []struct {
		name, answer, data string
		code               int // of an ERR; -1: another error
	}{
		{"ok", "OK\n", "", 0},
		{"ok with text", "OK Pleased to meet you\n", "", 0},
		{"data", "D 1234\nOK\n", "1234", 0},
		{"data in two lines", "D 12\nD 34\nOK\n", "1234", 0},
		{"escaped data", "D a%25b%0Ac%0d\nOK\n", "a%b\nc\r", 0},
		{"comments and status lines", "# hello\nS PROGRESS 1\n#\nD x\nOK\n", "x", 0},
		{"cancelled", "ERR 83886179 Operation cancelled <Pinentry>\n", "", gpgCanceled},
		{"not confirmed", "ERR 83886194 Not confirmed <Pinentry>\n", "", gpgNotConfirmed},
		{"data and then an error", "D 1234\nERR 83886179 x\n", "", gpgCanceled},
		{"an error without number", "ERR\n", "", -1},
		{"an error numbered zero", "ERR 0 fine\n", "", -1},
		{"an error with a negative number", "ERR -1 x\n", "", -1},
		{"an inquiry", "INQUIRE PIN\nOK\n", "", -1},
		{"an unknown line", "HELLO\nOK\n", "", -1},
		{"lower case", "ok\n", "", -1},
		{"an empty line", "\nOK\n", "", -1},
		{"an escape cut off", "D ab%2\nOK\n", "", -1},
		{"an escape that is none", "D ab%zz\nOK\n", "", -1},
		{"the end before OK", "D 1234\n", "", -1},
		{"OK without line feed", "OK", "", -1},
		{"nothing", "", "", -1},
		{"a line too long", "D " + strings.Repeat("1", maxAssuanLine) + "\nOK\n", "", -1},
		{"the longest line", "D " + strings.Repeat("1", maxAssuanLine-2) + "\nOK\n", strings.Repeat("1", maxAssuanLine-2), 0},
		{"more data than a PIN may have", strings.Repeat("D "+strings.Repeat("1", 500)+"\n", 3) + "OK\n", "", -1},
		{"more lines than an answer may have", strings.Repeat("# x\n", maxAssuanLines) + "OK\n", "", -1},
	} {
		data, err := newAssuan(strings.NewReader(r.answer), io.Discard).answer()
		var ae *assuanError
		switch {
		case r.code == 0 && (err != nil || string(data) != r.data):
			t.Errorf("%s: %q, %v", r.name, data, err)
		case r.code > 0 && (!errors.As(err, &ae) || ae.code != r.code):
			t.Errorf("%s: %v", r.name, err)
		case r.code < 0 && (err == nil || errors.As(err, &ae)):
			t.Errorf("%s: %q, %v", r.name, data, err)
		case r.code != 0 && data != nil:
			t.Errorf("%s: data %q beside an error", r.name, data)
		}
	}
}

func TestParametersStayOnOneLine(t *testing.T) {
	t.Parallel()
	var sent bytes.Buffer
	a := newAssuan(strings.NewReader("OK\n"), &sent)
	if _, err := a.call("SETDESC", "a%b\nBYE\r\x00"); err != nil {
		t.Fatal(err)
	}
	if got, want := sent.String(), "SETDESC a%25b%0ABYE%0D%00\n"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if _, err := a.call("SETDESC", strings.Repeat("x", maxAssuanLine)); err == nil {
		t.Error("a command longer than a line was sent")
	}
}

func TestCleanKeepsWhatAPersonReads(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"250.00 EUR → 0.1 ETH\nMünchen": "250.00 EUR → 0.1 ETH\nMünchen",
		"a\x1b[2Jb":                     "a\uFFFD[2Jb",
		"a\rb\tc\x00d\x7fe":             "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe",
		"pay \u202Eecila":               "pay \uFFFDecila",
		"a\u200Bb\u2066c\uFEFFd":        "a\uFFFDb\uFFFDc\uFFFDd",
		"a\u2028b\u00A0c\u3000d":        "a\uFFFDb\uFFFDc\uFFFDd",
		"a\xffb":                        "a\uFFFDb",
		"a\u0085b\u009bc":               "a\uFFFDb\uFFFDc",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Line("a\nb"); got != "a\uFFFDb" {
		t.Errorf("Line: %q", got)
	}
}

func FuzzAssuanAnswer(f *testing.F) {
	f.Add([]byte("OK\n"))
	f.Add([]byte("D 12%2534\nS x\n# y\nOK done\n"))
	f.Add([]byte("ERR 83886179 Operation cancelled <Pinentry>\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		data, err := newAssuan(bytes.NewReader(in), io.Discard).answer()
		if err != nil {
			if data != nil {
				t.Fatalf("data %q beside %v", data, err)
			}
			return
		}
		if len(data) > maxAssuanLine {
			t.Fatalf("%d bytes of data", len(data))
		}
		// What was read is read again from its own encoding.
		again, err := newAssuan(strings.NewReader(lines(string(data))+"OK\n"), io.Discard).answer()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q became %q, %v", data, again, err)
		}
	})
}

// lines encodes data as D lines that are short enough.
func lines(data string) string {
	var b strings.Builder
	for len(data) > 0 {
		n := min(len(data), 300)
		fmt.Fprintf(&b, "D %s\n", escape(data[:n]))
		data = data[n:]
	}
	return b.String()
}
