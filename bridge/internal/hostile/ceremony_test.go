package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"countersign/bridge/internal/signer"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// files is what is carried between a signer and its administrators before the vault begins.
type files struct {
	registrations []string // of three members
	genesis       []byte   // for Carol to sign
	signed        []string // by all three
}

// begins is a flow in which three members register, and begin a vault that they read. They and
// the operator carry what they make to each other through the gateway.
var begins = flow{"begins a vault", func(w *world) error {
	dir, ctx := w.t.TempDir(), w.t.Context()
	carried := func(f files) files {
		if w.gateway.carries != nil {
			w.gateway.carries(&f)
		}
		return f
	}
	var made files
	people := membertest.Members(w.t)
	for _, m := range people {
		token, err := ceremony.Register(ctx, m.Approval, registration(m))
		w.must(err)
		made.registrations = append(made.registrations, token)
	}
	draft := signer.Draft{Entity: entity, EntityName: "Sandbox Ltd", AdminRule: statement.AdminRule{Quorum: 2},
		Accounts: []signer.DraftAccount{{Account: treasury, Name: "Treasury", Chain: chain, Rules: rules()}}}
	draft.Accounts[0].Rules.Rules = draft.Accounts[0].Rules.Rules[:1]
	for _, token := range carried(made).registrations {
		draft.Registered = append(draft.Registered, signer.Registered{Role: statement.Admin, Registration: token})
	}
	text, err := json.Marshal(draft)
	w.must(err)
	path := filepath.Join(dir, "draft.json")
	w.must(os.WriteFile(path, text, 0o600))
	v := membertest.NewVault()
	open := func(context.Context, signer.Config, *slog.Logger) (signer.Vault, func() error, error) {
		return v, func() error { return nil }, nil
	}
	cfg, said := signer.Config{StateDir: filepath.Join(dir, "state")}, signer.Stdio{Out: io.Discard, Err: io.Discard}
	if err := signer.InitWith(ctx, cfg, path, dir, said, open); err != nil {
		return refuses(atSigner, err)
	}
	genesis, err := os.ReadFile(filepath.Join(dir, "genesis-draft.json"))
	w.must(err)
	made.signed = membertest.Signed(w.t, genesis, people[:2])
	made.genesis = genesis
	made.signed = append(made.signed, membertest.Signed(w.t, carried(made).genesis, people[2:])...)
	var paths []string
	for i, token := range carried(made).signed {
		path := filepath.Join(dir, fmt.Sprint(i, ".jws"))
		w.must(os.WriteFile(path, []byte(token+"\n"), 0o600))
		paths = append(paths, path)
	}
	return refuses(atSigner, signer.CompleteWith(ctx, cfg, dir, paths, said, open))
}}

func registration(m *membertest.Member) statement.Registration {
	return statement.Registration{V: 1, Type: "registration", Entity: entity, Member: m.ID, Name: m.Name,
		Approval: m.Approval.PublicKey().JWK(), Channel: m.Channel.PublicKey().JWK(), ChannelIn: statement.InToken, IssuedAt: 1_795_208_400}
}

// ceremonies is what the gateway does to how a vault begins.
func ceremonies() []row {
	carries := func(does string, change func(*world, *files), code fault.Code, detail string) row {
		return row{does, begins, func(w *world) error {
			w.gateway.carries = func(f *files) { change(w, f) }
			return nil
		}, atSigner, code, detail}
	}
	return []row{
		carries("signs a registration with a key of its own", func(w *world, f *files) {
			r, _, err := ceremony.Registered(f.registrations[0])
			w.must(err)
			r.Channel = membertest.NewKey(w.t, jws.Secp256k1).PublicKey().JWK()
			payload, err := statement.Encode(r)
			w.must(err)
			f.registrations[0], err = jws.Sign(w.t.Context(), membertest.NewKey(w.t, jws.Secp256k1), statement.TypRegistration, payload)
			w.must(err)
		}, fault.SignatureInvalid, ""),
		carries("gives a registration for another vault", func(w *world, f *files) {
			m := membertest.Members(w.t)[0]
			r := registration(m)
			r.Entity = "ent_other"
			var err error
			f.registrations[0], err = ceremony.Register(w.t.Context(), m.Approval, r)
			w.must(err)
		}, fault.Invalid, "field=registered"),
		carries("gives the registration of one member twice", func(_ *world, f *files) { f.registrations[1] = f.registrations[0] }, fault.StatementInvalid, "field=members.mem_alice.member"),
		carries("gives an administrator another genesis to sign", func(w *world, f *files) {
			if f.genesis == nil {
				return
			}
			g, err := statement.Decode[statement.Genesis](f.genesis)
			w.must(err)
			g.EntityName = "Sandbox GmbH"
			f.genesis, err = statement.Encode(g)
			w.must(err)
		}, fault.SignatureInvalid, ""),
		carries("drops the signature of an administrator", func(_ *world, f *files) {
			if len(f.signed) == 3 {
				f.signed = f.signed[:2]
			}
		}, fault.SignatureInvalid, ""),
		carries("gives the signature of one administrator for that of another", func(_ *world, f *files) {
			if len(f.signed) == 3 {
				f.signed[2] = f.signed[0]
			}
		}, fault.SignatureInvalid, ""),
	}
}
