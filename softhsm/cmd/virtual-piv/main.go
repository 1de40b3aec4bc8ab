// Virtual-piv is a PIV card without a chip, for a shell, a CI job or tests in any
// language: it lies in a virtual reader, and is pulled and inserted by words on
// its standard input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"countersign/softhsm/modules"
	"countersign/softhsm/piv"
)

type cli struct {
	Reader string        `help:"Address of a vpcd reader that runs already, 127.0.0.1:35963 for instance. Without it: a pcscd of its own is started." placeholder:"HOST:PORT"`
	Name   string        `help:"Name of the holder; OpenSC takes it for the token's label." default:"Virtual PIV card"`
	PIN    string        `help:"PIN, 6 to 8 digits." default:"123456" env:"VIRTUAL_PIV_PIN"`
	Tries  int           `help:"Wrong PINs until it is blocked." default:"3"`
	Delay  time.Duration `help:"How long it computes with a private key." default:"0s"`
}

const description = `Puts a PIV card without a chip into a virtual reader, and prints shell exports
that lead other programs to it:

  mkfifo hand; virtual-piv --name Alice < hand > card.env & exec 3> hand
  until [ -s card.env ]; do sleep 0.1; done; . ./card.env
  pkcs11-tool --module "$PKCS11_MODULE" --login --pin "$PKCS11_PIN" --list-objects
  echo remove >&3

It takes one word a line from its standard input and answers each with the card's
state as JSON: remove, insert, unblock, state. It ends with a signal.

Needs pcscd, vsmartcard-vpcd and opensc-pkcs11 (Debian's names); not root.`

func main() {
	var c cli
	kong.Parse(&c, kong.Name("virtual-piv"), kong.Description(description))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, c, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "virtual-piv: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c cli, in io.Reader, out io.Writer) (err error) {
	card, err := piv.New(piv.Config{Name: c.Name, PIN: c.PIN, Tries: c.Tries, Delay: c.Delay})
	if err != nil {
		return err
	}
	lost := make(chan error, 1)
	if c.Reader != "" {
		card.Insert()
		go func() { lost <- card.Dial(ctx, c.Reader) }()
	} else {
		end, err := own(ctx, card, out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, end()) }()
	}
	words := make(chan string)
	go func() {
		for s := bufio.NewScanner(in); s.Scan(); {
			words <- strings.TrimSpace(s.Text())
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-lost:
			return err
		case word := <-words:
			if err := obey(card, word, out); err != nil {
				return err
			}
		}
	}
}

// own starts a pcscd for the card and prints how to reach it.
func own(ctx context.Context, card *piv.Card, out io.Writer) (end func() error, err error) {
	dir, err := os.MkdirTemp("", "piv-")
	if err != nil {
		return nil, err
	}
	m, err := modules.OpenSC(card)(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	var exports strings.Builder
	for _, v := range append(m.Env, "PKCS11_MODULE="+m.Path, "PKCS11_TOKEN="+m.Label, "PKCS11_PIN="+m.PIN) {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&exports, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	end = func() error { return errors.Join(m.Close(), os.RemoveAll(dir)) }
	if _, err := io.WriteString(out, exports.String()); err != nil {
		return nil, errors.Join(err, end())
	}
	return end, nil
}

// state is what is answered to each word.
type state struct {
	Inserted  bool         `json:"inserted"`
	TriesLeft int          `json:"tries_left"`
	Counters  piv.Counters `json:"counters"`
	Error     string       `json:"error,omitempty"`
}

func obey(card *piv.Card, word string, out io.Writer) error {
	var problem string
	switch word {
	case "insert":
		card.Insert()
	case "remove":
		card.Remove()
	case "unblock":
		card.Unblock()
	case "state":
	default:
		problem = fmt.Sprintf("no such word: %q; there are insert, remove, unblock and state", word)
	}
	return json.NewEncoder(out).Encode(state{card.Inserted(), card.TriesLeft(), card.Counters(), problem})
}
