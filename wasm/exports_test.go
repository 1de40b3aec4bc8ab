package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The tables of what JavaScript may call and the types in port.d.ts say the same.
func TestTheTypesNameEveryCall(t *testing.T) {
	t.Parallel()
	types, err := os.ReadFile("js/port.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, table, typ string }{
		{"main_js.go", "exports", "Exports"},
		{"internal/port/calls.go", "calls", "Calls"},
	} {
		_, body, ok := strings.Cut(string(types), "export interface "+c.typ+" {")
		if !ok {
			t.Fatalf("port.d.ts has no interface %s", c.typ)
		}
		body, _, _ = strings.Cut(body, "\n}")
		var typed []string
		for _, m := range regexp.MustCompile(`(?m)^  (\w+)\(`).FindAllStringSubmatch(body, -1) {
			typed = append(typed, m[1])
		}
		table := names(t, c.file, c.table)
		slices.Sort(table)
		slices.Sort(typed)
		if len(table) == 0 || !slices.Equal(table, typed) {
			t.Errorf("%s has %v, port.d.ts says %v", c.file, table, typed)
		}
	}
}

// names are the first fields of the rows of a table.
func names(t *testing.T, path, table string) (list []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != table || len(spec.Values) == 0 {
			return true
		}
		for _, row := range spec.Values[0].(*ast.CompositeLit).Elts {
			name, err := strconv.Unquote(row.(*ast.CompositeLit).Elts[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, name)
		}
		return false
	})
	return list
}
