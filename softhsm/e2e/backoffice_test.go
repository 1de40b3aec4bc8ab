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
	r := start(t)
	script := r.commandsOf("From a back office")
	const requested = "echo $REQUEST\n"
	if !strings.Contains(script, requested) {
		t.Fatalf("the README does not say which request it made:\n%s", script)
	}
	said := r.plays(strings.Replace(script, requested, requested+"TOKEN=expired\n", 1)) // the approvers may take longer than a token is valid
	for _, want := range []string{`{"accounts":[{"id":"acc_treasury"`, "\n" + `"state":"approved"` + "\n", `"ticket":{"url":"/v1/redirect/`} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %s:\n%s", want, said)
		}
	}
}

// What a back office that only reads does, line by line as the gateway's README has it, with
// a key that the sandbox's administrators approve.
func TestTheBackOfficeOfTheREADMEReads(t *testing.T) {
	t.Parallel()
	r := start(t)
	said := r.plays(r.commandsOf("A back office that only reads"))
	for _, want := range []string{`{"accounts":[{"id":"acc_treasury"`, `{"items":[`, "id,account,kind,sentence,", `{"record":"statement","entity":"ent_sandbox","account":{"id":"acc_treasury"`} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %s:\n%s", want, said)
		}
	}
}

// commandsOf are the commands of a section of the gateway's README, for this sandbox.
func (r *rig) commandsOf(section string) string {
	r.Helper()
	readme, err := os.ReadFile(filepath.Join(top, "web/README.md"))
	if err != nil {
		r.Fatal(err)
	}
	_, text, _ := strings.Cut(string(readme), "## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	script := "set -euo pipefail\n"
	for _, block := range shell.FindAllStringSubmatch(text, -1) {
		script += block[1]
	}
	const where = "STATE=.run GATEWAY=http://127.0.0.1:8080\n"
	if !strings.Contains(script, where) {
		r.Fatalf("the README does not say where the sandbox is:\n%s", script)
	}
	return strings.Replace(script, where, "STATE='"+r.State.Dir+"' GATEWAY="+r.DashboardURL+"\n", 1)
}

// plays runs a script; each request that it names in a line of its own, the approvers approve.
func (r *rig) plays(script string) (said string) {
	r.Helper()
	bin, err := programs()
	if err != nil {
		r.Fatal(err)
	}
	cmd := exec.CommandContext(r.ctx, "bash", "-c", script)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TMPDIR="+r.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
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
			r.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		r.Fatalf("%v: %s\n%s", err, stderr.String(), said)
	}
	return said
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
