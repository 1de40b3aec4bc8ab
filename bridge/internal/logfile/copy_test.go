package logfile

import (
	"os"
	"path/filepath"
	"testing"

	"countersign/shared/fault"
)

func TestACopyIsBroughtUpToDateAndReplacesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		there map[int64]string
		code  fault.Code
		want  map[int64]string // with CONFLICT: nothing was changed
	}{
		"there is none":             {nil, "", map[int64]string{0: "a\nb\n", 2: "c\n"}},
		"it ends in the middle":     {map[int64]string{0: "a\nb"}, "", map[int64]string{0: "a\nb\n", 2: "c\n"}},
		"it is up to date":          {map[int64]string{0: "a\nb\n", 2: "c\n"}, "", map[int64]string{0: "a\nb\n", 2: "c\n"}},
		"it has another line":       {map[int64]string{0: "a\nx\n"}, fault.Conflict, map[int64]string{0: "a\nx\n"}},
		"it has more lines":         {map[int64]string{0: "a\nb\n", 2: "c\nd\n"}, fault.Conflict, map[int64]string{0: "a\nb\n", 2: "c\nd\n"}},
		"it has another segment":    {map[int64]string{0: "a\nb\n", 3: "d\n"}, fault.Conflict, map[int64]string{0: "a\nb\n", 3: "d\n"}},
		"its last line is cut off":  {map[int64]string{0: "a\nb\n", 2: ""}, "", map[int64]string{0: "a\nb\n", 2: "c\n"}},
		"what was cut off is other": {map[int64]string{0: "a\nb\n", 2: "cx"}, fault.Conflict, map[int64]string{0: "a\nb\n", 2: "cx"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := t.TempDir(), filepath.Join(t.TempDir(), "new", "copy")
			write(t, from, map[int64]string{0: "a\nb\n", 2: "c\nd"}) // half a line is written just now
			if c.there != nil {
				write(t, to, c.there)
			}
			segments, err := Segments(from)
			if err != nil {
				t.Fatal(err)
			}
			if err := segments[1].Trim(); err != nil {
				t.Fatal(err)
			}
			if err := Copy(segments, to); fault.CodeOf(err) != c.code {
				t.Errorf("%v, want %q", err, c.code)
			}
			left, err := Segments(to)
			if err != nil || len(left) != len(c.want) {
				t.Errorf("%d segments: %v", len(left), err)
			}
			for _, s := range left {
				if data, err := os.ReadFile(s.Path); err != nil || string(data) != c.want[s.First] {
					t.Errorf("%s is %q, want %q: %v", s.Path, data, c.want[s.First], err)
				}
			}
		})
	}
}

func write(t *testing.T, dir string, segments map[int64]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for first, text := range segments {
		if err := os.WriteFile(filepath.Join(dir, Name(first)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
