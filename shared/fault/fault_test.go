package fault

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"testing"
)

func TestEveryDeclaredCodeIsInTheSet(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == "Code" {
			declared += len(spec.Names)
		}
		return true
	})
	seen := map[Code]bool{}
	for _, c := range Codes() {
		if seen[c] {
			t.Errorf("code %s is listed twice", c)
		}
		seen[c] = true
	}
	if declared == 0 || declared != len(seen) {
		t.Errorf("%d codes are declared and %d are listed", declared, len(seen))
	}
}

func TestCodeOfFindsTheOutermostFault(t *testing.T) {
	inner := New(NotFound, "no such order")
	for name, tc := range map[string]struct {
		err  error
		want Code
	}{
		"nil":             {nil, ""},
		"plain error":     {io.EOF, Internal},
		"fault":           {inner, NotFound},
		"wrapped by fmt":  {fmt.Errorf("load: %w", inner), NotFound},
		"fault in fault":  {Wrap(inner, Unavailable, "try later"), Unavailable},
		"with a detail":   {inner.With("id", "x"), NotFound},
		"joined with EOF": {errors.Join(io.EOF, inner), NotFound},
	} {
		if got := CodeOf(tc.err); got != tc.want {
			t.Errorf("%s: code %q, want %q", name, got, tc.want)
		}
	}
}

func TestTheCauseIsFoundButNotInTheMessage(t *testing.T) {
	e := Wrap(io.ErrUnexpectedEOF, Provider, "the provider did not answer")
	if !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if e.Message != "the provider did not answer" {
		t.Errorf("message %q", e.Message)
	}
	if a, b := e.With("k", "v"), e; a.Details["k"] != "v" || b.Details != nil {
		t.Error("With must not change the original")
	}
}
