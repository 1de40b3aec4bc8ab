package e2e

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"countersign/softhsm/e2e/story"
)

var shell = regexp.MustCompile("(?s)```sh\n(.*?)```")

// What a back office does, line by line as the gateway's README has it: only where
// the sandbox is differs.
func TestTheBackOfficeOfTheREADMEBuys(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(top, "web/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "## From a back office\n")
	section, _, _ = strings.Cut(section, "\n## ")
	script := "set -euo pipefail\n"
	for _, block := range shell.FindAllStringSubmatch(section, -1) {
		script += block[1]
	}
	r := start(t)
	const where = "STATE=.run GATEWAY=http://127.0.0.1:8080\n"
	if !strings.Contains(script, where) {
		t.Fatalf("the README does not say where the sandbox is:\n%s", script)
	}
	script = strings.Replace(script, where, "STATE='"+r.State.Dir+"' GATEWAY="+r.DashboardURL+"\n", 1)
	const requested = "echo $REQUEST\n"
	if !strings.Contains(script, requested) {
		t.Fatalf("the README does not say which request it made:\n%s", script)
	}
	script = strings.Replace(script, requested, requested+"TOKEN=expired\n", 1) // the approvers may take longer than a token is valid
	cmd := exec.CommandContext(r.ctx, "bash", "-c", script)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		said += line
		if request := strings.TrimSpace(line); strings.HasPrefix(request, "req_") {
			r.approve(request)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s\n%s", err, stderr.String(), said)
	}
	for _, want := range []string{`{"accounts":[{"id":"acc_treasury"`, "\n" + `"state":"approved"` + "\n", `"ticket":{"url":"/v1/redirect/`} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %s:\n%s", want, said)
		}
	}
}

// approve has the approvers decide on a request.
func (r *rig) approve(request string) {
	r.Helper()
	s, err := story.New(r.ctx, r.System, io.Discard)
	if err != nil {
		r.Fatal(err)
	}
	bridge, err := s.Connect(r.ctx)
	if err != nil {
		r.Fatal(err)
	}
	defer bridge.Close()
	if err := s.Approvals(r.ctx, bridge, request); err != nil {
		r.Fatal(err)
	}
}
