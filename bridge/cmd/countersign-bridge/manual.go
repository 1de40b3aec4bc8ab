package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// manCommand is hidden: packages use it to build the manual page.
type manCommand struct{}

// Run writes the manual page, in section 1, in the language of man(7).
func (manCommand) Run(app *kong.Kong, std stdio) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH COUNTERSIGN-BRIDGE 1 \"\" \"countersign-bridge\"\n.SH NAME\ncountersign\\-bridge \\- approve with a key that never leaves your token\n")
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B countersign\\-bridge\n.I command\n[flags]\n.SH DESCRIPTION\n")
	writeText(&b, app.Model.Help)
	b.WriteString(".SH COMMANDS\n")
	for _, leaf := range app.Model.Leaves(true) {
		fmt.Fprintf(&b, ".SS %s\n%s\n.PP\n", roff(leaf.Summary()), roff(leaf.Help))
		writeText(&b, leaf.Detail)
		for _, flag := range leaf.Flags {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(flag.String()), roff(flag.Help))
		}
	}
	b.WriteString(".SH EXIT STATUS\n0 when it did what it was asked, 1 when not, 2 when it was not understood.\n")
	b.WriteString(".SH FILES\n.TP\n.I ~/.config/countersign/bridge.json\nThe configuration of the approver, when \\-\\-config does not name another.\n")
	b.WriteString(".SH SEE ALSO\n/usr/share/doc/countersign\\-bridge/README.md, pinentry(1), pkcs11\\-tool(1)\n")
	_, err := io.WriteString(std.out, b.String())
	return err
}

// writeText writes paragraphs, and indented lines as they are.
func writeText(b *strings.Builder, text string) {
	verbatim := false
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		line = strings.TrimRight(line, "\n")
		if indented := strings.HasPrefix(line, "  "); indented != verbatim && line != "" {
			b.WriteString(map[bool]string{true: ".PP\n.nf\n.RS 4\n", false: ".RE\n.fi\n"}[indented])
			verbatim = indented
		}
		if line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(strings.TrimPrefix(line, "  ")) + "\n")
	}
	if verbatim {
		b.WriteString(".RE\n.fi\n")
	}
	b.WriteString(".PP\n")
}

// roff escapes what man(7) would read as its own.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
