package softhsm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// tool is the program cmd/softhsm-token, which the go command builds and keeps. It is
// asked for it once in a process: it looks at every source file of the program each
// time, and a test run makes hundreds of tokens.
var tool = sync.OnceValues(func() (string, error) {
	// What it has just built, it runs from a folder that it removes; what it has kept,
	// from where it stays.
	for range 2 {
		cmd := exec.Command("go", "run", "-exec", "echo", "countersign/softhsm/cmd/softhsm-token")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("softhsm: build softhsm-token: %w\n%s", err, stderr.String())
		}
		path := strings.TrimSuffix(string(out), "\n")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("softhsm: the go command does not keep softhsm-token, which it built")
})
