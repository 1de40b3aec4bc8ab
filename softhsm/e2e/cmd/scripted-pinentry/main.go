// Scripted-pinentry takes the place of the person in `make demo` and in tests.
// It is a pinentry program (Assuan on standard input and output) that takes its
// answers from a script and writes down what it was shown. It is for sandboxes:
// a bridge that is configured with it asks nobody.
//
// The script is a JSON file named by COUNTERSIGN_PINENTRY_SCRIPT:
//
//	{
//	  "log":     "prompts.jsonl",
//	  "pairing": ["approve"],
//	  "allow":   ["approve"],
//	  "confirm": ["approve", "decline", "hang"],
//	  "pins":    {"alice": ["0000", "123456"], "bob": ["decline"]}
//	}
//
// Each prompt takes the next answer of its list; the last one repeats, and an
// empty list declines. "approve" types the word that the prompt asks for (which is
// "reject" where a rejection is signed), "decline" closes the window, and so does
// "reject", its older name; "hang" waits until the prompt is closed from outside.
// Anything else is typed as it is, a PIN for example. The file is read at each prompt, so it may be changed at any time; how
// many answers were taken is kept beside it in <script>.used. Relative paths are
// seen from the script's folder.
//
// "pairing" is for a page that is new, "allow" for a page that wants a token which
// another page's PIN has unlocked, "confirm" for a statement.
//
// Each line of the log is a JSON object {"kind","title","text","device",
// "answer"}, with kind "pairing", "allow", "confirm" or "pin"; a PIN's answer is "pin".
package main

import (
	"fmt"
	"os"
)

// scriptVariable names the script.
const scriptVariable = "COUNTERSIGN_PINENTRY_SCRIPT"

func main() {
	path := os.Getenv(scriptVariable)
	if path == "" {
		fmt.Fprintln(os.Stderr, "scripted-pinentry: set "+scriptVariable+" to the path of a script")
		os.Exit(2)
	}
	if err := serve(os.Stdin, os.Stdout, path); err != nil {
		fmt.Fprintln(os.Stderr, "scripted-pinentry:", err)
		os.Exit(1)
	}
}
