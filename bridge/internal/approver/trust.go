package approver

import (
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"

	"countersign/bridge/internal/access"
	"countersign/shared/fault"
)

// Judged is something that says what this bridge does, or learns what it knows, and
// which other user could change it.
type Judged struct {
	ID string // as doctor names it: "config", "module:/usr/lib/…", "state:journal.log"
	access.Verdict
}

// Judge looks at the configuration, the modules and the prompt, which learn PINs, the
// signer's file, the certificates, and the state directory with what is in it.
func (c Config) Judge() (all []Judged) {
	add := func(id, path string) {
		if path != "" {
			all = append(all, Judged{id, access.Others(path)})
		}
	}
	add("config", c.file)
	add("signer_file", c.SignerFile)
	for _, i := range c.Identities {
		add("certificate:"+i.Member, i.CertificateFile)
		add("signer_file:"+i.Member, i.SignerFile)
	}
	for _, m := range c.Modules {
		if strings.Contains(m, "/") { // the loader finds another
			add("module:"+m, m)
		}
	}
	if c.Prompt != "terminal" {
		name := c.Pinentry
		if name == "" {
			name = "pinentry"
		}
		if path, err := exec.LookPath(name); err == nil {
			add("prompt", path)
		}
	}
	for _, v := range access.State(c.StateDir) {
		id := "state"
		if v.Path != c.StateDir {
			id += ":" + filepath.Base(v.Path)
		}
		all = append(all, Judged{id, v})
	}
	return all
}

// Trust fails with AUTHORIZATION_ERROR when another user could change what this bridge
// does, and says how to end that. log, which may be nil, is told of what stops nothing.
func (c Config) Trust(log *slog.Logger) error {
	var first string
	others := 0
	for _, j := range c.Judge() {
		switch {
		case j.Refuse != "" && first == "":
			first = j.Refuse
		case j.Refuse != "":
			others++
		case j.Warn != "" && log != nil:
			log.Warn("another user could change what this bridge does", "who", j.Warn)
		}
	}
	switch {
	case first == "":
		return nil
	case others > 0:
		first += fmt.Sprintf(" (and %d more: countersign-bridge doctor)", others)
	}
	return fault.New(fault.Forbidden, first)
}
