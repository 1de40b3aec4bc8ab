// Softhsm-token makes a SoftHSM token with keys, for a person or a CI job, and
// prints what to export so that other programs find it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"countersign/shared/shell"
	"countersign/shared/strictjson"
	"countersign/softhsm"
)

// maxSpecs is the longest list of descriptions that is read, in bytes.
const maxSpecs = 1 << 20

type cli struct {
	Dir   string   `help:"Folder for the configuration and the tokens; made when missing." default:".softhsm" type:"path"`
	Label string   `help:"Label of the token." default:"test"`
	PIN   string   `help:"User PIN; random when empty." env:"SOFTHSM_TOKEN_PIN"`
	Key   []string `help:"A key: LABEL:CURVE[:USE], CURVE secp256k1 or P-256, USE sign or derive. May be repeated." default:"approval:secp256k1:sign,channel:secp256k1:derive" placeholder:"LABEL:CURVE:USE"`
	Plant string   `help:"Act on a token without its PIN: a list of acts as JSON, from this file (- for standard input). For tests of programs that must not believe what they find." placeholder:"FILE"`
	JSON  string   `help:"Read token descriptions as JSON from this file (- for standard input) and print the store as JSON." placeholder:"FILE"`
}

const description = `Makes a SoftHSM token and prints shell exports:

  eval "$(softhsm-token --label alice --key approval:P-256:sign)"
  pkcs11-tool --module "$PKCS11_MODULE" --token-label "$PKCS11_TOKEN" --login --pin "$PKCS11_PIN" --list-objects

The PIN it prints is for tests: never put a key that matters into SoftHSM.`

func main() {
	var c cli
	kong.Parse(&c, kong.Name("softhsm-token"), kong.Description(description))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, c, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "softhsm-token: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c cli, in io.Reader, out io.Writer) error {
	if c.JSON != "" {
		return runJSON(ctx, c, in, out)
	}
	if c.Plant != "" {
		return runPlant(ctx, c, in)
	}
	spec := softhsm.Spec{Label: c.Label, PIN: c.PIN}
	for _, k := range c.Key {
		key, err := parseKey(k)
		if err != nil {
			return err
		}
		spec.Keys = append(spec.Keys, key)
	}
	store, err := softhsm.Provision(ctx, c.Dir, spec)
	if err != nil {
		return err
	}
	t := store.Tokens[0]
	for _, e := range [][2]string{{"SOFTHSM2_CONF", store.Conf}, {"PKCS11_MODULE", store.Module}, {"PKCS11_TOKEN", t.Label}, {"PKCS11_PIN", t.PIN}} {
		fmt.Fprintf(out, "export %s=%s\n", e[0], shell.Word(e[1]))
	}
	return nil
}

func runJSON(ctx context.Context, c cli, in io.Reader, out io.Writer) error {
	var specs []softhsm.Spec
	if err := readJSON(c.JSON, in, &specs); err != nil {
		return fmt.Errorf("read the token descriptions: %w", err)
	}
	store, err := softhsm.Provision(ctx, c.Dir, specs...)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(store)
}

func runPlant(ctx context.Context, c cli, in io.Reader) error {
	var acts []softhsm.Planted
	if err := readJSON(c.Plant, in, &acts); err != nil {
		return fmt.Errorf("read what to plant: %w", err)
	}
	store, err := softhsm.Provision(ctx, c.Dir)
	if err != nil {
		return err
	}
	return store.Plant(ctx, c.Label, acts...)
}

// readJSON reads a file, or in for "-".
func readJSON(path string, in io.Reader, v any) error {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxSpecs+1))
	if err != nil {
		return err
	}
	if err := strictjson.UnmarshalFile(data, v, maxSpecs); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func parseKey(s string) (softhsm.Key, error) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return softhsm.Key{}, fmt.Errorf("key %q: write LABEL:CURVE or LABEL:CURVE:USE", s)
	}
	k := softhsm.Key{Label: parts[0], Curve: parts[1], Sign: true}
	if len(parts) == 3 {
		switch parts[2] {
		case "sign":
		case "derive":
			k.Sign, k.Derive = false, true
		default:
			return softhsm.Key{}, fmt.Errorf("key %q: the use is sign or derive", s)
		}
	}
	return k, nil
}
