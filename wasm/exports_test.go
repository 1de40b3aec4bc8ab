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

// The table in main_js.go and the types in countersign.d.ts say the same.
func TestTheTypesNameEveryExport(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "main_js.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var table []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "exports" {
			return true
		}
		for _, row := range spec.Values[0].(*ast.CompositeLit).Elts {
			name, err := strconv.Unquote(row.(*ast.CompositeLit).Elts[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			table = append(table, name)
		}
		return false
	})
	types, err := os.ReadFile("js/countersign.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(types), "export interface Exports {")
	if !ok {
		t.Fatal("countersign.d.ts has no interface Exports")
	}
	body, _, _ = strings.Cut(body, "\n}")
	var typed []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+)\(`).FindAllStringSubmatch(body, -1) {
		typed = append(typed, m[1])
	}
	slices.Sort(table)
	slices.Sort(typed)
	if len(table) == 0 || !slices.Equal(table, typed) {
		t.Errorf("main_js.go exports %v, countersign.d.ts says %v", table, typed)
	}
}
