package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What an auditor does, line by line as the bridge's README has it: only where the sandbox
// is differs.
func TestTheAuditorOfTheREADMEFindsWhatWasApproved(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(top, "bridge/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "## Receipts and audits\n")
	section, _, _ = strings.Cut(section, "\n## ")
	script := "set -euo pipefail\n"
	for _, block := range shell.FindAllStringSubmatch(section, -1) {
		script += block[1]
	}
	r := start(t)
	if err := newStory(t, r).Play(r.ctx); err != nil {
		t.Fatal(err)
	}
	const where = "STATE=.run GATEWAY=http://127.0.0.1:8080\n"
	if !strings.Contains(script, where) {
		t.Fatalf("the README does not say where the sandbox is:\n%s", script)
	}
	script = strings.Replace(script, where, "STATE='"+r.State.Dir+"' GATEWAY="+r.DashboardURL+"\n", 1)
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	run := func(script string) (string, error) {
		t.Helper()
		cmd := exec.CommandContext(r.ctx, "bash", "-c", script)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TMPDIR="+t.TempDir())
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		err := cmd.Run()
		return said.String(), err
	}
	said, err := run(script)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, want := range []string{
		"Everything above is verified, but for what the gateway says.", "Approved by   Alice", `, "completed"`, "verified from the genesis in ",
		"This is the first note that this witness sees", "\n— witness.example.com ",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	const verify = "countersign-bridge receipt verify"
	said, err = run(strings.Replace(script, verify, "sed -i 's/req_/req-/' $TOKEN.receipt\n"+verify, 1))
	if err == nil || !strings.Contains(said, "the receipt was refused: ") {
		t.Errorf("a receipt that was changed: %v, %s", err, said)
	}
}
