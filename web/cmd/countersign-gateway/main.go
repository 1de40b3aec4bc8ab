// Command countersign-gateway serves the HTTP API and the dashboard, and in the
// sandbox the world around them. It is trusted for availability only: it cannot
// approve anything and holds no key that could. Spec: shared/spec/wire.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"countersign/shared/secret"
	"countersign/shared/strictjson"
	"countersign/web/internal/gateway"
	"countersign/web/internal/sandbox"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
)

const usage = `countersign-gateway - HTTP API, quotes and orders for vaults whose keys it does not hold

Usage:
  countersign-gateway serve   -config FILE   serve the API and the dashboard
  countersign-gateway migrate -config FILE   bring the database up to date, then exit
  countersign-gateway migrate rebuild -config FILE [-check]
                                             read the signers' logs from their genesis and make the rows
                                             again that follow from them: in the database that is there,
                                             which keeps all else, or in a new one. No gateway may be
                                             running. -check changes nothing, names the rows that differ,
                                             and exits with status 1 when one does
  countersign-gateway backup  -config FILE -to FILE
                                             copy the database into a new file, consistent, while the
                                             gateway runs. To restore it, stop the gateway, move the
                                             database away with its -wal and -shm, and put the copy there
  countersign-gateway reconcile -config FILE [-json]
                                             compare the books with the chains, at the block to which each was
                                             read, and with the signers' logs, and name each difference with
                                             account, asset, amounts and hash. It changes nothing, and the gateway
                                             may be running. A chain whose node does not answer is not compared,
                                             which is no difference. Exits with status 1 when something differs
  countersign-gateway resume  -config FILE   confirm that this computer's clock is right, when the
                                             gateway saw a later time before
  countersign-gateway keys    create|list|rotate|revoke -config FILE -developer ID …
                                             manage the API keys of a developer
  countersign-gateway sandbox -config FILE   serve pretend providers, a pretend chain and
                                             the small dashboard back end that holds the API key
  countersign-gateway providers lint URL [-api-key-file FILE] [-hosts HOST,…] [-orders PATH] [-json]
                                             try a provider's endpoints against the contract, and each of its
                                             contradictions: status 1 when a gateway cannot use them, 2 when
                                             nothing could be checked. -from -to -amount -country -method -dest
                                             say what to ask for; -deadline how long to wait for an answer
  countersign-gateway providers simulate [-listen ADDRESS] [-upstream URL]
                                             serve a provider that gets one thing wrong at each address
  countersign-gateway providers notices URL -secret-file FILE -order ORDER
                                             send a gateway notices about an order: late, twice, badly signed

It prints "listening on URL" for each address once it is ready; SIGINT or SIGTERM
stops it after it has answered the requests that it has.

The keys of a developer; what create and rotate print is the key itself, this once, and the
gateway may be running:
  keys create  … -name NAME [-scopes "tokens:entity read write"] [-expires 8760h]
               without -scopes it has all; without -expires it works until it is revoked
  keys list    …                             WITH is the key with whose token a key was made
  keys rotate  … -key key_… [-overlap 24h]   its successor; the old one works for the overlap
  keys revoke  … -key key_… [-made]          it and its tokens end within a second; it says what
               the key made, and with -made ends all of that, and what that made, as well

The file for serve, migrate, backup, reconcile, resume and keys is JSON; every name is known or refused:
  listen              address of the API, such as 127.0.0.1:8080; port 0 picks a free one
  database            SQLite file, made with mode 0600
  signers             [{"socket":"/run/…/signer.sock","file":"signer.json"}]: one for each entity.
                      socket is the unix socket of its countersign-bridge signer; file is what
                      "countersign-bridge signer complete" wrote: whose entity it is, and whose log
                      is believed. "reviewers":{"mem_…":"https://…"} says where the programs
                      are whose verdict its rules wait for, "rates":{"mem_…":"https://…"}
                      where those are that sign rates
  token_key           signs tokens: a PEM file (PKCS #8, RSA, mode 0600; made when missing in
                      the sandbox), or pkcs11:token=…;object=…?module-path=/usr/lib/….so
  token_key_pin_file  the PIN for a pkcs11: key
  other_token_keys    PEM files of further keys whose tokens are accepted, and which are published:
                      the next one before it signs, the last one until its tokens have ended
  public_url          where people open the dashboard, and bridges dial the relay; also the
                      issuer of tokens. It is https outside the sandbox, but on this computer
  dashboards          origins of dashboards elsewhere, such as ["https://desk.example.com"]: their pages
                      may use the API, its streams, the relay, and the core that is served here
  trusted_proxies     addresses and networks of proxies whose X-Forwarded-For or Forwarded says
                      where a request comes from: ["127.0.0.1","10.0.0.0/8"]. Without it all
                      strangers behind a proxy share one budget of failures
  environment         sandbox, or the name of another one; a token works in one only
  developers          [{"id","name","api_key_file","tier","entities":["ent_…"]}]: api_key_file may be absent; then
                      "countersign-gateway keys create" makes the first key. tier bounds what it
                      asks: developer, professional or enterprise; absent for your own
  providers           [{"id","name","url","api_key_file","warn":["feeAddress"]}]: warn names parameters
                      of the provider's hand-off that may say something else than the order,
                      which otherwise refuses the hand-off; "*" is all but addresses.
                      spelling is that of its widget's parameters: camel (accountAddress), kebab
                      (account-address) or both; params gives other names to some, or none:
                      {"buySessionId":"buySessionid","theme":""}. widget_url is the widget of one without
                      /buy-redirect, hosts are where its widget may be, quote_path is /quote or /quotes.
                      notice_secret_file is what it signs its notices about orders with, which it
                      sends to PUBLIC_URL/v1/providers/ID/notices; a second line is the secret before
                      it. orders_path ("/orders") is where it is asked how an order is. states are
                      words of its own: {"ON_ICE":"on_hold"}
  chains              [{"chain":"eip155:31337","rpc":"http://…","confirmations":1}]: whose deposits
                      are seen. rpc is a node's address; confirmations, needed for each chain,
                      is how many blocks make a deposit final, its own included: 12 on
                      Ethereum, say; 1 in the sandbox, whose one node reorganises only when told.
                      What arrives on a chain that is not listed is not seen, so nothing can
                      be bought into an account on it

Files with keys and PINs must be readable by their owner alone (mode 0600); a file of
root's also by a group (0640), as systemd's LoadCredential and Kubernetes' fsGroup make
them. The program stops at any other, and says what to run.

Example:
  countersign-gateway serve -config gateway.json
`

type stdio struct{ out, err io.Writer }

func main() {
	if err := secret.Undumpable(); err != nil { // it holds the key of tokens
		fmt.Fprintln(os.Stderr, "countersign-gateway:", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], stdio{os.Stdout, os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "countersign-gateway:", err)
		os.Exit(exitStatus(err))
	}
}

// exitStatus is 1, and 2 when a provider could not be checked.
func exitStatus(err error) int {
	if errors.Is(err, errCannot) {
		return 2
	}
	return 1
}

// run is the program without its process.
func run(ctx context.Context, args []string, std stdio) (err error) {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		_, err := io.WriteString(std.out, usage)
		return err
	}
	verb := args[0]
	switch verb {
	case "keys":
		return keys(ctx, args[1:], std)
	case "providers":
		return providersVerb(ctx, args[1:], std)
	case "backup":
		return backup(ctx, args[1:], std)
	case "reconcile":
		return reconcileVerb(ctx, args[1:], std)
	case "migrate":
		if len(args) > 1 && args[1] == "rebuild" {
			return rebuildVerb(ctx, args[2:], std)
		}
	}
	file, ok, err := arguments(verb, args[1:], std, nil)
	if err != nil || !ok {
		return err
	}
	switch verb {
	case "serve":
		var cfg Config
		if err := readConfig(file, &cfg); err != nil {
			return err
		}
		return serve(ctx, cfg, std)
	case "migrate", "resume":
		var cfg Config
		if err := readConfig(file, &cfg); err != nil {
			return err
		}
		db, err := sqlstore.Open(ctx, cfg.Database)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		if verb == "resume" {
			return resume(ctx, db, std)
		}
		fmt.Fprintf(std.out, "%s is up to date\n", cfg.Database)
		return nil
	case "sandbox":
		var cfg sandbox.Config
		if err := readConfig(file, &cfg); err != nil {
			return err
		}
		return sandbox.Run(ctx, cfg, sandbox.Stdio{Out: std.out, Err: std.err})
	}
	return fmt.Errorf("there is no %q: use serve, migrate, backup, reconcile, resume, keys, providers or sandbox; see countersign-gateway --help", verb)
}

// arguments reads the flags of a verb, to which more may add, and returns the path of the
// configuration; ok is false when only help was asked for.
func arguments(verb string, args []string, std stdio, more func(*flag.FlagSet)) (file string, ok bool, err error) {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(std.err)
	flags.Usage = func() { _, _ = io.WriteString(std.out, usage) }
	flags.StringVar(&file, "config", "", "the configuration, a JSON file")
	if more != nil {
		more(flags)
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return "", false, nil
	case err != nil:
		return "", false, err
	case flags.NArg() > 0:
		return "", false, fmt.Errorf("%s takes no argument %q; see countersign-gateway --help", verb, flags.Arg(0))
	case file == "":
		return "", false, fmt.Errorf("%s needs -config FILE; see countersign-gateway --help", verb)
	}
	return file, true, nil
}

// resume is the operator's word that the clock is right.
func resume(ctx context.Context, db store.Store, std stdio) error {
	now := time.Now()
	seen, ok, err := gateway.Resume(ctx, db, now)
	switch {
	case err != nil:
		return err
	case !ok:
		fmt.Fprintln(std.out, "there is nothing to confirm: the clock is not behind what the gateway saw")
	default:
		fmt.Fprintf(std.out, "confirmed: it is %s, although the gateway saw %s. A gateway that runs goes on within ten seconds\n",
			now.UTC().Format(time.RFC3339), seen.Format(time.RFC3339))
	}
	return nil
}

func readConfig(path string, cfg any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if err := strictjson.UnmarshalFile(raw, cfg, 1<<20); err != nil {
		return fmt.Errorf("read the configuration %s: %w", path, err)
	}
	return nil
}
