package main

import (
	"fmt"
	"runtime/debug"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/muesli/roff"

	"countersign/bridge/internal/approver"
)

// manCommand is hidden: packages use it to build the manual page.
type manCommand struct{}

// Run writes the manual page, in section 1.
func (manCommand) Run(app *kong.Kong, std stdio) error {
	_, err := fmt.Fprint(std.out, mangokong.NewManPage(1, app.Model).Build(roff.NewDocument()))
	return err
}

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

type versionCommand struct{}

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
