package main

import (
	"fmt"
	"runtime/debug"

	kongcompletion "github.com/jotaen/kong-completion"

	"countersign/bridge/internal/approver"
)

// completionCommand is the library's, with our words.
type completionCommand struct {
	kongcompletion.Completion
}

// Help is shown by `countersign-bridge completion --help`.
func (completionCommand) Help() string {
	return `Completion of commands, flags and files in your shell. The package installs it for
bash; for the others, or without the package:

  eval "$(countersign-bridge completion bash --code)"      in ~/.bashrc
  eval "$(countersign-bridge completion zsh --code)"       in ~/.zshrc
  countersign-bridge completion fish --code | source       in ~/.config/fish/config.fish`
}

// versionCommand takes the configuration that all commands take, and needs none.
type versionCommand struct {
	configFlag
}

// Run prints the version, and what the program was built from.
func (versionCommand) Run(std stdio) error {
	_, err := fmt.Fprintln(std.out, "countersign-bridge", approver.Version)
	info, ok := debug.ReadBuildInfo()
	if err != nil || !ok {
		return err
	}
	built := map[string]string{}
	for _, s := range info.Settings {
		built[s.Key] = s.Value
	}
	if built["vcs.revision"] != "" {
		changed := ""
		if built["vcs.modified"] == "true" {
			changed = ", with changes"
		}
		if _, err := fmt.Fprintf(std.out, "from %s of %s%s\n", built["vcs.revision"], built["vcs.time"], changed); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(std.out, "built by %s for %s/%s\n", info.GoVersion, built["GOOS"], built["GOARCH"])
	return err
}
