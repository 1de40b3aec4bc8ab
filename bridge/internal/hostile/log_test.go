package hostile

import (
	"fmt"
	"slices"
	"strings"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/receipt"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// shown changes one answer about the vault.
func shown[T any](path string, change func(*world, *T)) func(*world) error {
	return func(w *world) error {
		w.gateway.shows = func(asked string, answer any) any {
			if asked != path {
				return answer
			}
			a := answer.(T)
			change(w, &a)
			return a
		}
		return nil
	}
}

// entries changes the entries that it shows.
func entries(change func(*world, []wire.LogEntry) []wire.LogEntry) func(*world) error {
	return shown("/v1/log", func(w *world, p *wire.LogPage) { p.Entries = change(w, p.Entries) })
}

// noted changes the note that it shows.
func noted(change func(*world, *wire.LogCheckpoint)) func(*world) error {
	return shown("/v1/log/checkpoint", change)
}

// foreign is the log of another vault with the same names.
func foreign(w *world) *world { return lived(w.t) }

// own is a note about the log that the gateway signed.
func own(w *world) string {
	key := membertest.NewKey(w.t, jws.Secp256k1)
	var tree signedlog.Tree
	for _, line := range w.lines() {
		tree, _ = tree.Add(line)
	}
	note, err := signedlog.SignNote(w.t.Context(), key, entity, key.PublicKey(), tree)
	w.must(err)
	origin := func(k jws.PublicKey) string { return signedlog.Origin(entity, k) }
	return strings.ReplaceAll(note, origin(key.PublicKey()), origin(w.statementKey()))
}

// resigned is an entry that the gateway signed.
func resigned(w *world, line string) string {
	payload, err := jws.Payload(line)
	w.must(err)
	token, err := jws.Sign(w.t.Context(), membertest.NewKey(w.t, jws.Secp256k1), statement.TypEntry, payload)
	w.must(err)
	return token
}

// firstNote is the note about the genesis alone.
func firstNote(w *world) string {
	var tree signedlog.Tree
	tree, _ = tree.Add(w.lines()[0])
	for _, k := range w.vault.Keys {
		if k.PublicKey().JWK() == w.file.StatementKey {
			note, err := signedlog.SignNote(w.t.Context(), k, entity, k.PublicKey(), tree)
			w.must(err)
			return note
		}
	}
	return ""
}

// the entries of a world that lived, by number
const (
	change, approvesChange, againstChange, outcomeOfChange = 1, 2, 3, 4
	ask, approvesOne, approvesTwo, outcome                 = 5, 6, 7, 8
	waits                                                  = 9
)

// logs is what the gateway does to what it shows of the vault and its log.
func logs() []row {
	bad := func(seq int) string { return fmt.Sprint("entry=", seq) }
	corrupt := func(does string, how func(*world) error, detail string) row {
		return row{does, audits, how, auditor, fault.LogCorrupt, detail}
	}
	differs := func(does string, how func(*world) error) row {
		return row{does, audits, how, auditor, fault.Conflict, ""}
	}
	rewound := func(does string, how func(*world) error) row {
		return row{does, watches, how, witness, fault.LogCorrupt, "part=note"}
	}
	requests := func(change func(*wire.Request)) func(*world) error {
		return shown("/v1/requests", func(w *world, p *wire.Page[wire.Request]) {
			change(&p.Items[slices.IndexFunc(p.Items, func(r wire.Request) bool { return r.ID == bought })])
		})
	}
	return []row{
		corrupt("hides the newest entry", entries(func(_ *world, e []wire.LogEntry) []wire.LogEntry { return e[:max(0, len(e)-1)] }), bad(waits)),
		corrupt("hides an entry in the middle", entries(func(_ *world, e []wire.LogEntry) []wire.LogEntry { return without(e, approvesTwo) }), bad(approvesTwo)),
		corrupt("exchanges two entries", entries(func(_ *world, e []wire.LogEntry) []wire.LogEntry {
			if len(e) > approvesTwo {
				e[approvesOne], e[approvesTwo] = e[approvesTwo], e[approvesOne]
			}
			return e
		}), bad(approvesOne)),
		corrupt("shows an entry twice", entries(func(_ *world, e []wire.LogEntry) []wire.LogEntry {
			if len(e) > approvesTwo {
				e[approvesTwo] = e[approvesOne]
			}
			return e
		}), bad(approvesTwo)),
		corrupt("changes an entry", entries(func(w *world, e []wire.LogEntry) []wire.LogEntry {
			if len(e) > outcome {
				e[outcome].JWS = strings.Replace(e[outcome].JWS, ".", ".A", 1)
			}
			return e
		}), bad(outcome)),
		corrupt("signs an entry itself", entries(func(w *world, e []wire.LogEntry) []wire.LogEntry {
			if len(e) > outcome {
				e[outcome].JWS = resigned(w, e[outcome].JWS)
			}
			return e
		}), bad(outcome)),
		corrupt("shows the log of another vault", func(w *world) error { lines := foreign(w).lines(); return showing(lines)(w) }, bad(0)),
		corrupt("goes on with the entries of another vault", func(w *world) error {
			lines := append(w.lines()[:1:1], foreign(w).lines()[1:]...)
			return showing(lines)(w)
		}, bad(1)),
		corrupt("shows a note that it signed", noted(func(w *world, c *wire.LogCheckpoint) { c.Note = own(w) }), "part=note"),
		corrupt("shows the note of another vault", func(w *world) error {
			other := foreign(w)
			var note wire.SignerNote
			w.must(other.gateway.call("GET", "/v1/log/checkpoint", nil, &note))
			return noted(func(_ *world, c *wire.LogCheckpoint) { c.Note = note.Note })(w)
		}, "part=note"),
		corrupt("changes the size in the note", noted(func(_ *world, c *wire.LogCheckpoint) { c.Note = strings.Replace(c.Note, "\n10\n", "\n9\n", 1) }), "part=note"),
		differs("says that what was approved was rejected", requests(func(r *wire.Request) { r.State = wire.RequestRejected })),
		differs("says that it was about another amount", requests(func(r *wire.Request) { intenttest.Edit(&r.Intent, func(b *intent.Buy) { b.Fiat.Amount = "2" }) })),
		differs("says that it was governed by another version of the rules", requests(func(r *wire.Request) { r.Rule.Version = 2 })),
		differs("says that it was governed by another rule", requests(func(r *wire.Request) { r.Rule.Name = "transfers" })),
		differs("shows another address to deliver to", requests(func(r *wire.Request) { r.Address.Address = thief })),
		differs("shows another attestation of the address", requests(func(r *wire.Request) { r.Address.Attestation += "A" })),
		differs("hides the address to deliver to", requests(func(r *wire.Request) { r.Address = nil })),
		differs("shows another digest of the intent", requests(func(r *wire.Request) { r.IntentDigest = intent.Digest(nil) })),
		differs("shows an approval as a rejection", requests(func(r *wire.Request) { r.History[0].Type = "rejection" })),
		differs("shows another report of what a change does", shown("/v1/requests", func(_ *world, p *wire.Page[wire.Request]) {
			c := &p.Items[slices.IndexFunc(p.Items, func(r wire.Request) bool { return r.ID == changed })]
			other := *c.Impact
			other.Report, c.Impact = signedlog.Hash(nil), &other
		})),
		differs("shows a change without its report", shown("/v1/requests", func(_ *world, p *wire.Page[wire.Request]) {
			p.Items[slices.IndexFunc(p.Items, func(r wire.Request) bool { return r.ID == changed })].Impact = nil
		})),
		{"says for ever that the log grew", audits, shown("/v1/entity", func(_ *world, e *wire.Entity) { e.Log.Size++ }), auditor, fault.Unavailable, ""},
		differs("hides an approval", requests(func(r *wire.Request) { r.History = r.History[1:] })),
		differs("shows an approval of another request", requests(func(r *wire.Request) { r.History[1].Seq = approvesChange })),
		differs("says that another member asked", requests(func(r *wire.Request) { r.Initiator = &wire.Approver{Member: "mem_carol"} })),
		differs("says that it was asked for at another time", requests(func(r *wire.Request) { r.ExpiresAt = r.ExpiresAt.AddDate(0, 0, 1) })),
		differs("shows a request that nobody made", requests(func(r *wire.Request) { r.ID = wanted })),
		differs("hides a request", shown("/v1/requests", func(_ *world, p *wire.Page[wire.Request]) { p.Items = p.Items[1:] })),
		differs("shows a request twice", shown("/v1/requests", func(_ *world, p *wire.Page[wire.Request]) { p.Items = append(p.Items, p.Items[0]) })),
		differs("hides a member", shown("/v1/entity", func(_ *world, e *wire.Entity) { e.Members = e.Members[1:] })),
		differs("shows a member who there is none of", shown("/v1/entity", func(_ *world, e *wire.Entity) { e.Members = append(e.Members, wire.Member{ID: "mem_mallory"}) })),
		differs("shows another key of a member", shown("/v1/entity", func(_ *world, e *wire.Entity) { e.Members[0].Key = e.Members[1].Key })),
		differs("shows another role of a member", shown("/v1/entity", func(_ *world, e *wire.Entity) { e.Members[0].Role = statement.Auditor })),
		differs("shows another name of the entity", shown("/v1/entity", func(_ *world, e *wire.Entity) { e.Name = "Sandbox GmbH" })),
		differs("shows another head of the log", shown("/v1/entity", func(_ *world, e *wire.Entity) { e.Log.Head = signedlog.Hash(nil) })),
		differs("shows another address of an account", shown("/v1/accounts", func(_ *world, a *wire.Accounts) { a.Accounts[0].Address = thief })),
		differs("shows other rules of an account", shown("/v1/accounts", func(_ *world, a *wire.Accounts) {
			a.Accounts[0].Rules.Rules = slices.Clone(a.Accounts[0].Rules.Rules)
			a.Accounts[0].Rules.Rules[0].Name = "all"
		})),
		rewound("says that the log is shorter", func(w *world) error {
			w.gateway.shows = func(string, any) any {
				return wire.Problem{Error: wire.ProblemError{Body: fault.BodyOf(fault.New(fault.Conflict, "the log has fewer entries than that"), "")}}
			}
			return nil
		}),
		rewound("shows an older note", noted(func(w *world, c *wire.LogCheckpoint) { c.Note = firstNote(w) })),
		rewound("gives no proof that the log goes on", noted(func(_ *world, c *wire.LogCheckpoint) { c.Proof = []string{} })),
		rewound("gives the proof of another log", func(w *world) error {
			lines := foreign(w).lines()
			return noted(func(_ *world, c *wire.LogCheckpoint) { c.Proof = follows(lines, int64(len(lines)-1)) })(w)
		}),
		rewound("has a witness cosign a note that it signed", noted(func(w *world, c *wire.LogCheckpoint) { c.Note = own(w) })),
	}
}

func without(e []wire.LogEntry, i int) []wire.LogEntry {
	if len(e) <= i {
		return e
	}
	return slices.Delete(e, i, i+1)
}

// showing shows other lines.
func showing(lines []string) func(*world) error {
	return entries(func(_ *world, e []wire.LogEntry) []wire.LogEntry {
		for i := range e {
			e[i].JWS = lines[e[i].Seq]
		}
		return e
	})
}

// stored changes a receipt that the gateway keeps.
func stored(changes func(*world, *receipt.File)) func(*world) error {
	return func(w *world) error {
		w.gateway.stores = func(f *receipt.File) { changes(w, f) }
		return nil
	}
}

// receipts is what the gateway does to receipts: of ten entries, a receipt of the purchase has
// the first nine.
func receipts() []row {
	refused := func(does string, how func(*world) error, part string) row {
		return row{does, verifies, how, verifier, fault.SignatureInvalid, "part=" + part}
	}
	entry := func(seq int) string { return fmt.Sprint("entry ", seq) }
	return []row{
		refused("leaves an approval out of a receipt", stored(func(_ *world, f *receipt.File) { f.Lines = slices.Delete(f.Lines, approvesTwo, approvesTwo+1) }), entry(outcome)),
		refused("leaves the outcome out of a receipt", stored(func(_ *world, f *receipt.File) { f.Lines = f.Lines[:outcome] }), "request"),
		refused("leaves the request out of a receipt", stored(func(_ *world, f *receipt.File) { f.Lines = slices.Delete(f.Lines, ask, ask+1) }), entry(approvesOne)),
		refused("leaves the genesis out of a receipt", stored(func(_ *world, f *receipt.File) { f.Lines = f.Lines[1:] }), entry(change)),
		refused("puts an approval of another request into a receipt", stored(func(_ *world, f *receipt.File) { f.Lines[approvesTwo].JWS = f.Lines[againstChange].JWS }), entry(approvesTwo)),
		refused("puts a line into a receipt that the receipt does not rest on", stored(func(w *world, f *receipt.File) { f.Lines = append(f.Lines, w.gateway.line(w.lines(), waits)) }), entry(waits)),
		refused("exchanges two lines of a receipt", stored(func(_ *world, f *receipt.File) {
			f.Lines[approvesOne], f.Lines[approvesTwo] = f.Lines[approvesTwo], f.Lines[approvesOne]
		}), entry(approvesOne)),
		refused("gives the path of another line in a receipt", stored(func(_ *world, f *receipt.File) { f.Lines[ask].Path = f.Lines[approvesOne].Path }), entry(ask)),
		refused("signs the outcome in a receipt itself", stored(func(w *world, f *receipt.File) { f.Lines[outcome].JWS = resigned(w, f.Lines[outcome].JWS) }), entry(outcome)),
		refused("names a receipt after another request", stored(func(_ *world, f *receipt.File) { f.Request = pending }), entry(ask)),
		refused("gives a receipt an older note", stored(func(w *world, f *receipt.File) { f.Note = firstNote(w) }), entry(0)),
		refused("gives a receipt a note that it signed", stored(func(w *world, f *receipt.File) { f.Note = own(w) }), "note"),
		refused("says in a receipt that it was delivered elsewhere", stored(func(_ *world, f *receipt.File) {
			f.LedTo = &receipt.LedTo{Order: "ord_1", State: "completed", Provider: "northpay", Chain: chain, Address: thief, Transactions: []string{}}
		}), "led_to"),
		refused("gives the receipt of another vault", stored(func(w *world, f *receipt.File) {
			other, err := receipt.Decode(foreign(w).gateway.receipt(bought, changed))
			w.must(err)
			*f = other
		}), entry(0)),
		refused("leaves the newest rules out of a receipt", func(w *world) error {
			w.changes(tightened(1, 2))
			const later = "req_ffffffffffffffffffffffffff"
			w.must(w.gateway.request(later, purchase()))
			w.must(w.approve(later, "mem_alice", "mem_bob"))
			_, err := receipt.Verify(w.gateway.receipt(later, changed), w.statementKey().Thumbprint())
			return refuses(verifier, err)
		}, entry(15)),
	}
}
