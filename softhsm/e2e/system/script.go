package system

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Answers are what the scripted pinentry answers: see
// softhsm/e2e/cmd/scripted-pinentry. An empty list approves, and PINs that are
// not given are the right ones.
type Answers struct {
	Pairing []string            `json:"pairing"`
	Allow   []string            `json:"allow"` // another page uses an unlocked token
	Confirm []string            `json:"confirm"`
	PINs    map[string][]string `json:"pins"`
}

// ScriptEnv is what the bridge, and so the scripted pinentry, must have in its
// environment.
func ScriptEnv(path string) []string { return []string{"COUNTERSIGN_PINENTRY_SCRIPT=" + path} }

// PromptLog is where the scripted pinentry writes down what it was shown.
func PromptLog(script string) string { return filepath.Join(filepath.Dir(script), "prompts.jsonl") }

// Script writes the script at path; what it counted of an older one is
// forgotten. It may be called at any time.
func (s *State) Script(path string, a Answers) error {
	if len(a.Pairing) == 0 {
		a.Pairing = []string{"approve"}
	}
	if len(a.Allow) == 0 {
		a.Allow = []string{"approve"}
	}
	if len(a.Confirm) == 0 {
		a.Confirm = []string{"approve"}
	}
	pins := map[string][]string{}
	for _, p := range People {
		pins[p.Token] = []string{s.PIN(p.Token)}
	}
	for token, answers := range a.PINs {
		pins[token] = answers
	}
	a.PINs = pins
	b, err := json.Marshal(struct {
		Log string `json:"log"`
		Answers
	}{PromptLog(path), a})
	if err != nil {
		return err
	}
	if err := os.Remove(path + ".used"); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path) // a prompt that reads it now reads the old one or the new one
}
