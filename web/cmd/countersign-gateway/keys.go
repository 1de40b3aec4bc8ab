package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
)

// keysOf are the arguments of the verb keys.
type keysOf struct {
	verb, developer, name, scopes, key string
	expires, overlap                   time.Duration
	made                               bool
}

// keys manages the API keys of a developer in the gateway's database.
func keys(ctx context.Context, args []string, std stdio) (err error) {
	verbs := "create, list, rotate or revoke"
	if len(args) == 0 || !strings.Contains(" create list rotate revoke ", " "+args[0]+" ") {
		return fmt.Errorf("keys needs one of %s; see countersign-gateway --help", verbs)
	}
	a := keysOf{verb: args[0]}
	flags := flag.NewFlagSet("keys "+a.verb, flag.ContinueOnError)
	flags.SetOutput(std.err)
	flags.Usage = func() { _, _ = io.WriteString(std.out, usage) }
	file := flags.String("config", "", "the configuration, a JSON file")
	flags.StringVar(&a.developer, "developer", "", "whose keys they are")
	need := []string{"config", "developer"}
	switch a.verb {
	case "create":
		flags.StringVar(&a.name, "name", "", "what the key is for")
		flags.StringVar(&a.scopes, "scopes", strings.Join(wire.Scopes(), " "), "what it may do")
		flags.DurationVar(&a.expires, "expires", 0, "how long it works; 0: until it is revoked")
		need = append(need, "name")
	case "rotate", "revoke":
		flags.StringVar(&a.key, "key", "", "the id of a key")
		need = append(need, "key")
	}
	switch a.verb {
	case "revoke":
		flags.BoolVar(&a.made, "made", false, "with the keys that it made, all the way down")
	case "rotate":
		flags.DurationVar(&a.overlap, "overlap", 24*time.Hour, "how long the old key still works")
	}
	switch err := flags.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("keys %s takes no argument %q; see countersign-gateway --help", a.verb, flags.Arg(0))
	}
	for _, name := range need {
		if flags.Lookup(name).Value.String() == "" {
			return fmt.Errorf("keys %s needs -%s; see countersign-gateway --help", a.verb, name)
		}
	}
	var cfg Config
	if err := readConfig(*file, &cfg); err != nil {
		return err
	}
	db, err := sqlstore.Open(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return a.run(ctx, gateway.Keyring{Store: db, Env: cfg.Environment, Now: time.Now, Rand: rand.Reader}, std.out)
}

func (a keysOf) run(ctx context.Context, ring gateway.Keyring, out io.Writer) error {
	switch a.verb {
	case "create":
		in := wire.KeyInput{Name: a.name, Scopes: strings.Fields(a.scopes), ExpiresIn: int64(a.expires / time.Second)}
		if err := in.Validate(); err != nil {
			return err
		}
		k, err := ring.Create(ctx, a.developer, in, store.ByOperator, rand.Text())
		return shown(out, k, err)
	case "rotate":
		in := wire.RotateInput{Overlap: int64(a.overlap / time.Second)}
		if err := in.Validate(); err != nil {
			return err
		}
		k, err := ring.Rotate(ctx, a.developer, a.key, in, store.ByOperator, rand.Text())
		return shown(out, k, err)
	case "revoke":
		k, err := ring.Revoke(ctx, a.developer, a.key, a.made)
		return ended(out, k, err)
	}
	all, err := ring.List(ctx, a.developer)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tKEY\tSTATE\tMADE BY\tWITH\tCREATED\tEXPIRES\tLAST USE\tSCOPES")
	for _, k := range all.Keys {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Hint, k.State, k.MadeBy, cmp.Or(k.Maker, "-"), day(k.Created), day(k.Expires), day(k.Used), strings.Join(k.Scopes, " "))
	}
	return w.Flush()
}

// shown prints a new key.
func shown(out io.Writer, k wire.NewKey, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n%s\n", k.Key.ID, k.APIKey)
	return err
}

// ended prints a key that was revoked, and what becomes of those that it made.
func ended(out io.Writer, k wire.RevokedKey, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s does not work any more, nor do its tokens\n", k.ID)
	for _, m := range k.Made {
		says := "does not work any more either"
		if slices.Contains(k.Stay, m.ID) {
			says = "STILL WORKS"
		}
		fmt.Fprintf(out, "%s %q, which was made with %s, %s\n", m.ID, m.Name, m.Maker, says)
	}
	if len(k.Stay) > 0 {
		fmt.Fprintln(out, "the same with -made ends those that still work")
	}
	return nil
}

// day is a time in a table.
func day(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
