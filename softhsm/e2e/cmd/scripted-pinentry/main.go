// Scripted-pinentry takes the place of the person in `make demo` and in tests.
// It is a pinentry program (Assuan on standard input and output) that takes its
// answers from a script and writes down what it was shown. It is for sandboxes:
// a bridge that is configured with it asks nobody.
//
// The script is a JSON file named by COUNTERSIGN_PINENTRY_SCRIPT; help.txt, which
// --help prints, has an example and says what it means.
package main

import (
	_ "embed"
	"fmt"
	"os"
)

// scriptVariable names the script.
const scriptVariable = "COUNTERSIGN_PINENTRY_SCRIPT"

//go:embed help.txt
var help string

func main() {
	if len(os.Args) > 1 && (os.Args[1] == "--help" || os.Args[1] == "-h") {
		fmt.Print(help)
		return
	}
	path := os.Getenv(scriptVariable)
	if path == "" {
		fmt.Fprintln(os.Stderr, "scripted-pinentry: set "+scriptVariable+" to the path of a script; --help shows one")
		os.Exit(2)
	}
	if err := serve(os.Stdin, os.Stdout, path); err != nil {
		fmt.Fprintln(os.Stderr, "scripted-pinentry:", err)
		os.Exit(1)
	}
}
