package projection_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/projection"
	"countersign/web/internal/signerlink"
	"countersign/web/internal/store"
	"countersign/web/internal/store/sqlstore"
)

// rig follows the log of a world's signer into a store of its own.
type rig struct {
	*testing.T
	*gatewaytest.World
	path string
	db   *sqlstore.Store
	p    *projection.Projection
	said bytes.Buffer // the log
}

func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, World: gatewaytest.New(t), path: filepath.Join(t.TempDir(), "projection.db")}
	var err error
	if r.db, err = sqlstore.Open(t.Context(), r.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.db.Close(); err != nil {
			t.Error(err)
		}
	})
	r.p = r.another()
	return r
}

// another follows the same log into the same store, as another process would.
func (r *rig) another() *projection.Projection {
	return projection.New(gatewaytest.Entity, r.Signer.Key.PublicKey(), r.Signer.Key.PublicKey(), slog.New(slog.NewTextHandler(&r.said, nil)))
}

// lines are those of the signer's log after the first n.
func (r *rig) lines(n int64) (lines []string) {
	r.T.Helper()
	page, err := signerlink.New(r.Signer.Socket).Log(r.T.Context(), n-1, 1000)
	if err != nil {
		r.T.Fatal(err)
	}
	for _, e := range page.Entries {
		lines = append(lines, e.JWS)
	}
	return lines
}

// follow reads what is new.
func (r *rig) follow(p *projection.Projection) error {
	r.T.Helper()
	if err := p.Replay(r.T.Context(), r.db); err != nil {
		return err
	}
	return p.Append(r.T.Context(), r.db, r.lines(p.Mark().Size))
}

func (r *rig) followed() {
	r.T.Helper()
	if err := r.follow(r.p); err != nil {
		r.T.Fatal(err)
	}
}

// restart begins with what the store keeps.
func (r *rig) restart() error {
	r.T.Helper()
	r.p = r.another()
	return r.p.Replay(r.T.Context(), r.db)
}

func (r *rig) request(id string) (row store.Request) {
	r.T.Helper()
	if err := r.db.Read(r.T.Context(), func(tx store.Tx) (err error) { row, err = tx.Request(gatewaytest.Entity, id); return err }); err != nil {
		r.T.Fatal(err)
	}
	return row
}

func (r *rig) mark() (m store.Mark) {
	r.T.Helper()
	if err := r.db.Read(r.T.Context(), func(tx store.Tx) (err error) { m, err = tx.Mark(gatewaytest.Entity); return err }); err != nil {
		r.T.Fatal(err)
	}
	return m
}

// exec changes the database behind the program's back.
func (r *rig) exec(query string, args ...any) {
	r.T.Helper()
	db, err := sql.Open("sqlite", r.path)
	if err != nil {
		r.T.Fatal(err)
	}
	defer db.Close()
	res, err := db.ExecContext(r.T.Context(), query, args...)
	if err != nil {
		r.T.Fatal(err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		r.T.Fatalf("%s: %d rows, %v", query, n, err)
	}
}

// damage changes a stored line.
func (r *rig) damage(seq int64) {
	r.T.Helper()
	r.exec(`UPDATE log_lines SET line = substr(line, 1, length(line) - 4) || 'AAAA' WHERE seq = ?`, seq)
}

// forged is a line that the signer's key signed, after a mark.
func (r *rig) forged(after store.Mark, typ string, body any) string {
	r.T.Helper()
	raw, err := strictjson.Canonical(body)
	if err != nil {
		r.T.Fatal(err)
	}
	payload, err := signedlog.Encode(signedlog.Entry{Seq: after.Size, Prev: after.Head, At: r.World.Now().Unix(), Type: typ, Body: strictjson.Raw(raw)})
	if err != nil {
		r.T.Fatal(err)
	}
	line, err := jws.Sign(r.T.Context(), r.Signer.Key, statement.TypEntry, payload)
	if err != nil {
		r.T.Fatal(err)
	}
	return line
}

// checkpoint has the signer write one, and the projection read it.
func (r *rig) checkpoint() (seq int64) {
	r.T.Helper()
	r.followed()
	seq = r.p.Mark().Size
	r.Signer.Checkpoint()
	r.followed()
	return seq
}

// refused checks that an error is LOG_CORRUPT, and names the entry.
func refused(t *testing.T, err error, entry int64) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != fmt.Sprint(entry) {
		t.Errorf("%v (%+v), want entry %d", err, f, entry)
	}
}

func TestTheRowsSayWhatTheLogSays(t *testing.T) {
	t.Parallel()
	r := start(t)
	open, approved := r.Requested(), r.Approved()
	rejected := r.Requested()
	r.Signer.Decide(rejected.ID, "mem_bob", statement.Reject)
	r.followed()
	if got := r.request(open.ID); got.State != wire.RequestPending || got.Intent != string(open.Intent) || got.Account != gatewaytest.Account || len(got.Decisions) != 0 {
		t.Errorf("open: %+v", got)
	}
	if got := r.request(approved.ID); got.State != wire.RequestApproved || len(got.Decisions) != 2 || got.Decisions[0].Member != "mem_alice" || got.UseBy == 0 || got.CloseSeq != 5 {
		t.Errorf("approved: %+v", got)
	}
	if got := r.request(rejected.ID); got.State != wire.RequestRejected || got.Outcome != "REJECTED" || got.Decisions[0].Decision != statement.Reject {
		t.Errorf("rejected: %+v", got)
	}
	if m := r.mark(); m != r.p.Mark() || m.Size != 9 {
		t.Errorf("mark %+v, projection %+v", m, r.p.Mark())
	}
	err := r.db.Read(t.Context(), func(tx store.Tx) error {
		all, err := tx.Addresses(gatewaytest.ChainID, 0, 100)
		if len(all) != 4 { // the account's own, and one for each request
			t.Errorf("addresses %+v", all)
		}
		g, gerr := projection.Genesis(tx, gatewaytest.Entity)
		if g.EntityName != r.Signer.Genesis.EntityName {
			t.Errorf("genesis %+v", g)
		}
		return errors.Join(err, gerr)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestARestartGoesOnWhereTheLogWas(t *testing.T) {
	t.Parallel()
	for name, checkpoint := range map[string]bool{"without a checkpoint": false, "behind a checkpoint": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			open := r.Requested()
			r.Approved()
			if r.followed(); checkpoint {
				r.checkpoint()
			}
			r.Signer.Decide(open.ID, "mem_alice", statement.Approve)
			r.followed()
			was := r.p.Mark()
			if err := r.restart(); err != nil || r.p.Mark() != was {
				t.Fatalf("%v, at %+v, was %+v", err, r.p.Mark(), was)
			}
			r.Signer.Decide(open.ID, "mem_bob", statement.Approve)
			again := r.Approved()
			r.followed()
			if got := r.request(open.ID); got.State != wire.RequestApproved || len(got.Decisions) != 2 {
				t.Errorf("decided across the restart: %+v", got)
			}
			if got := r.request(again.ID); got.State != wire.RequestApproved {
				t.Errorf("new after the restart: %+v", got)
			}
			if r.said.Len() > 0 {
				t.Errorf("the log: %s", r.said.String())
			}
		})
	}
}

func TestALogThatIsNotTheOneThatWasReadIsRefusedAndNothingOfItKept(t *testing.T) {
	t.Parallel()
	r := start(t)
	request := r.Requested()
	r.followed()
	was := r.p.Mark()
	r.Signer.Decide(request.ID, "mem_alice", statement.Approve)
	r.Signer.Decide(request.ID, "mem_bob", statement.Approve)
	fork := r.forged(store.Mark{Size: was.Size, Head: signedlog.Hash(nil)}, signedlog.Clock, signedlog.ClockBody{Because: "x"})
	stranger := gatewaytest.NewSigner(t, r.World.Now)
	foreign, err := signerlink.New(stranger.Socket).Log(t.Context(), -1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, lines := range map[string][]string{
		"it forks":                       {fork},
		"an entry was removed":           r.lines(was.Size)[1:],
		"entries were exchanged":         {r.lines(was.Size)[1], r.lines(was.Size)[0]},
		"it is read again":               r.lines(was.Size - 1)[:1],
		"another signer signed it":       {foreign.Entries[0].JWS},
		"it is nothing":                  {"x"},
		"it could not follow: twice one": {r.forged(was, signedlog.Request, body(t, r, 1))},
		"it could not follow: unknown":   {r.forged(was, "nonsense", struct{}{})},
	} {
		err := r.p.Append(t.Context(), r.db, lines)
		refused(t, err, was.Size)
		if r.p.Mark() != was || r.mark() != was {
			t.Errorf("%s: at %+v, the store at %+v, was %+v", name, r.p.Mark(), r.mark(), was)
		}
	}
	r.followed() // what does follow is taken all the same
	if got := r.request(request.ID); got.State != wire.RequestApproved {
		t.Errorf("%+v", got)
	}
}

// body is that of a request entry of the log.
func body(t *testing.T, r *rig, seq int64) signedlog.RequestBody {
	t.Helper()
	e, err := signedlog.Read(r.lines(0)[seq], r.Signer.Key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	var b signedlog.RequestBody
	if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOneBadEntryIsNamedAndThoseBeforeItAreKept(t *testing.T) {
	t.Parallel()
	r := start(t)
	request := r.Approved()
	lines := r.lines(0)
	bad := slices.Clone(lines)
	bad[3] = bad[3][:len(bad[3])-4] + "AAAA"
	if err := r.p.Replay(t.Context(), r.db); err != nil {
		t.Fatal(err)
	}
	refused(t, r.p.Append(t.Context(), r.db, bad), 3)
	if m := r.mark(); m.Size != 3 || m != r.p.Mark() {
		t.Errorf("kept %+v", m)
	}
	if got := r.request(request.ID); got.State != wire.RequestPending || len(got.Decisions) != 1 {
		t.Errorf("%+v", got)
	}
	if err := r.restart(); err != nil {
		t.Fatal(err)
	}
	r.followed()
	if got := r.request(request.ID); got.State != wire.RequestApproved {
		t.Errorf("%+v", got)
	}
}

func TestTheGenesisOfAnotherEntityIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := projection.New(gatewaytest.Other, r.Signer.Key.PublicKey(), r.Signer.Key.PublicKey(), slog.New(slog.DiscardHandler))
	refused(t, r.follow(p), 0)
	if p.Mark().Size != 0 {
		t.Errorf("at %+v", p.Mark())
	}
}

func TestALineThatWasChangedInTheStoreIsNamedAtTheNextStart(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.Approved()
	r.followed()
	r.damage(2)
	refused(t, r.restart(), 2)
	refused(t, r.p.Replay(t.Context(), r.db), 2) // and stays so
}

func TestAStartReadsNothingBeforeTheNewestCheckpoint(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.Approved()
	r.checkpoint()
	r.Approved()
	seq := r.checkpoint()
	r.Approved()
	r.followed()
	was := r.p.Mark()
	r.damage(1)
	r.damage(seq - 1)
	if err := r.restart(); err != nil || r.p.Mark() != was {
		t.Fatalf("%v, at %+v, was %+v", err, r.p.Mark(), was)
	}
	r.damage(seq + 1)
	refused(t, r.restart(), seq+1)
}

func TestACheckpointThatDoesNotFitCountsForNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(r *rig, seq int64)
		says  string
	}{
		"a byte of the state was changed": {func(r *rig, _ int64) {
			r.exec(`UPDATE snapshots SET doc = CAST(substr(doc, 1, length(doc) - 1) || ' ' AS BLOB)`)
		}, "its state is not the one that its line says"},
		"it is said to be another line's":              {func(r *rig, _ int64) { r.exec(`UPDATE snapshots SET seq = 2`) }, "its line is another one"},
		"it is said to be of a line that is not there": {func(r *rig, _ int64) { r.exec(`UPDATE snapshots SET seq = 100`) }, "its line is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			r.Approved()
			seq := r.checkpoint()
			was := r.p.Mark()
			c.spoil(r, seq)
			if err := r.restart(); err != nil || r.p.Mark() != was {
				t.Fatalf("%v, at %+v, was %+v", err, r.p.Mark(), was)
			}
			if !strings.Contains(r.said.String(), c.says) {
				t.Errorf("the log: %s", r.said.String())
			}
			r.damage(1)
			r.exec(`UPDATE snapshots SET doc = x'7b7d', seq = ?`, seq)
			refused(t, r.restart(), 1)
		})
	}
}

func TestACheckpointOfAnotherSignerCountsForNothing(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.Approved()
	r.checkpoint()
	stranger := gatewaytest.NewKey(t).PublicKey()
	r.p = projection.New(gatewaytest.Entity, stranger, stranger, slog.New(slog.DiscardHandler))
	refused(t, r.p.Replay(t.Context(), r.db), 0)
}

// What a state does not hold is found in the store: behind a checkpoint the log still
// cannot say something twice.
func TestBehindACheckpointNothingIsTakenThatTheLogSaidBefore(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*rig){
		"as it was kept": func(*rig) {},
		"after what was kept is lost": func(r *rig) {
			r.exec(`DELETE FROM snapshots`)
			r.exec(`DELETE FROM log_names`)
			if err := r.restart(); err != nil { // reads all, and keeps it again
				r.T.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			approved := r.Approved()
			r.checkpoint()
			spoil(r)
			if err := r.restart(); err != nil {
				t.Fatal(err)
			}
			was := r.p.Mark()
			twice := body(t, r, 1)
			err := r.p.Append(t.Context(), r.db, []string{r.forged(was, signedlog.Request, twice)})
			if refused(t, err, was.Size); !strings.Contains(err.Error(), "exists already") {
				t.Errorf("the same request again: %v", err)
			}
			r.Signer.Readdress(r.Signer.Gives(approved.ID))
			q := r.Quoted()
			_, err = r.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{QuoteID: q.ID, AccountID: gatewaytest.Account}, "key-"+q.ID)
			gatewaytest.Refused(t, err, fault.LogCorrupt)
			err = r.follow(r.p)
			if refused(t, err, was.Size); !strings.Contains(err.Error(), "belongs to another request") {
				t.Errorf("an address that was given away: %v", err)
			}
		})
	}
}

func TestTwoProjectionsOnOneStoreKeepEachLineOnce(t *testing.T) {
	t.Parallel()
	r := start(t)
	other := r.another()
	for _, p := range []*projection.Projection{r.p, other} {
		if err := p.Replay(t.Context(), r.db); err != nil {
			t.Fatal(err)
		}
	}
	request := r.Approved()
	lines := r.lines(0)
	for _, p := range []*projection.Projection{r.p, other, r.p} { // the second is behind, and keeps nothing
		if err := p.Append(t.Context(), r.db, lines[p.Mark().Size:]); err != nil {
			t.Fatal(err)
		}
	}
	if other.Mark().Size != 0 || r.mark() != r.p.Mark() {
		t.Errorf("at %+v and %+v, the store at %+v", r.p.Mark(), other.Mark(), r.mark())
	}
	r.checkpoint()
	for range 2 {
		if err := other.Replay(t.Context(), r.db); err != nil || other.Mark() != r.p.Mark() {
			t.Errorf("%v, at %+v, want %+v", err, other.Mark(), r.p.Mark())
		}
	}
	r.Signer.Decide(r.Requested().ID, "mem_alice", statement.Reject)
	if err := r.follow(other); err != nil || other.Mark().Size != 9 {
		t.Errorf("%v, at %+v", err, other.Mark())
	}
	if got := r.request(request.ID); got.State != wire.RequestApproved || len(got.Decisions) != 2 {
		t.Errorf("%+v", got)
	}
}
