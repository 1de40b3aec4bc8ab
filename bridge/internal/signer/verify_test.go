package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// written is a state directory with the rig's log in one segment, and the public file of
// its signer.
func (g *rig) written(t testing.TB) (cfg Config, signerFile string) {
	t.Helper()
	cfg.StateDir, signerFile = t.TempDir(), g.signerFile(t)
	g.writeLog(t, cfg, g.lines())
	return cfg, signerFile
}

func (g *rig) signerFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fileName)
	data, err := json.Marshal(g.service.state.FileOf())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (g *rig) writeLog(t testing.TB, cfg Config, lines []string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(cfg.StateDir, logfile.Name(0)), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestALogIsVerifiedWithoutItsToken(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	for range 8 {
		r := g.request(newRequestID(t))
		approveRequest(t, g, r.Request)
	}
	g.request(newRequestID(t))
	cfg, signerFile := g.written(t)
	var out, errs bytes.Buffer
	if err := VerifyLog(t.Context(), cfg, signerFile, Stdio{Out: &out, Err: &errs}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ent_sandbox: 34 entries verified from the genesis", "1 request is open", g.service.Status().Log.Head} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, out.String())
		}
	}
	lines := g.lines()
	swapped := append([]string{}, lines...)
	swapped[20], swapped[21] = swapped[21], swapped[20]
	flipped := append([]string{}, lines...)
	last := flipped[30][len(flipped[30])-2]
	flipped[30] = flipped[30][:len(flipped[30])-2] + string('A'+(last-'A'+1)%26) + flipped[30][len(flipped[30])-1:]
	for name, c := range map[string]struct {
		lines []string
		entry string
	}{"a changed signature": {flipped, "30"}, "two entries exchanged": {swapped, "20"}, "one removed": {append(append([]string{}, lines[:12]...), lines[13:]...), "12"}} {
		g.writeLog(t, cfg, c.lines)
		err := VerifyLog(t.Context(), cfg, signerFile, Stdio{Out: &out, Err: &errs})
		if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != c.entry {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := VerifyLog(ended, cfg, signerFile, Stdio{Out: &out, Err: &errs}); err == nil {
		t.Error("a verification that was cancelled ended well")
	}
}

// TestAVerificationHoldsEachCheckpointAgainstTheLog: the signer's own signature does not
// make one right.
func TestAVerificationHoldsEachCheckpointAgainstTheLog(t *testing.T) {
	t.Parallel()
	g := newSegmentedRig(t)
	g.stop()
	for _, name := range []string{"log.lines", "log.checkpoint"} { // which it does not need
		g.remove(name)
	}
	var out bytes.Buffer
	if err := VerifyLog(t.Context(), Config{StateDir: g.dir}, g.signerFile(t), Stdio{Out: &out, Err: io.Discard}); err != nil || !strings.Contains(out.String(), "31 entries verified from the genesis") {
		t.Errorf("%v: %s", err, &out)
	}
	for part, change := range map[string]func(*signedlog.CheckpointBody){
		"index": func(b *signedlog.CheckpointBody) { b.Index = signedlog.Hash(nil) }, "state": func(b *signedlog.CheckpointBody) { b.State = signedlog.Hash(nil) },
		"tree": func(b *signedlog.CheckpointBody) { b.Edge[0] = signedlog.Hash(nil) },
	} {
		g := newSegmentedRig(t)
		body, err := g.service.next(g.service.log.Tree())
		if err != nil {
			t.Fatal(err)
		}
		change(&body)
		g.log(signedlog.Checkpoint, body)
		err = VerifyLog(t.Context(), Config{StateDir: g.dir}, g.signerFile(t), Stdio{Out: io.Discard, Err: io.Discard})
		if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != "31" || !strings.Contains(err.Error(), "of another "+part) {
			t.Errorf("a checkpoint of another %s: %v", part, err)
		}
	}
}

// TestAVerificationBesideASignerEndsAtAWholeLine: half of the next line may be there.
func TestAVerificationBesideASignerEndsAtAWholeLine(t *testing.T) {
	t.Parallel()
	g := newSegmentedRig(t)
	g.edit(logfile.Name(27), func(b []byte) []byte { return append(b, "eyJhbGciOi"...) })
	var out bytes.Buffer
	if err := VerifyLog(t.Context(), Config{StateDir: g.dir}, g.signerFile(t), Stdio{Out: &out, Err: io.Discard}); err != nil || !strings.Contains(out.String(), "31 entries verified") {
		t.Errorf("%v: %s", err, &out)
	}
}

// BenchmarkVerify compares what `signer verify` does with a log, on all cores, with the
// bare verifications of the signatures that it holds.
func BenchmarkVerify(b *testing.B) {
	g := newRig(b, twoOfThree())
	alice, bob := mustConnect(b, g, "mem_alice"), mustConnect(b, g, "mem_bob")
	for range 500 {
		name := newRequestID(b)
		g.request(name)
		for _, l := range []*membertest.Line{alice, bob} {
			if _, _, ferr := l.Decide(name, statement.Approve); ferr != nil {
				b.Fatal(ferr)
			}
		}
		g.clock.add(time.Second)
	}
	cfg, signerFile := Config{StateDir: g.dir}, g.signerFile(b)
	tokens := signatures(b, g)
	var ratio, entry []float64
	for b.Loop() {
		began := time.Now()
		verifyAll(b, tokens)
		bare := time.Since(began)
		began = time.Now()
		if err := VerifyLog(b.Context(), cfg, signerFile, Stdio{Out: io.Discard, Err: io.Discard}); err != nil {
			b.Fatal(err)
		}
		whole := time.Since(began)
		ratio, entry = append(ratio, bare.Seconds()/whole.Seconds()), append(entry, whole.Seconds()*1e6/float64(g.service.log.Mark().Size))
	}
	b.ReportMetric(median(ratio), "ratio")
	b.ReportMetric(median(entry), "entry-µs")
}

type signature struct {
	token, typ string
	key        jws.PublicKey
}

// signatures are all that the rig's log holds.
func signatures(b *testing.B, g *rig) (all []signature) {
	b.Helper()
	for _, l := range g.lines() {
		all = append(all, signature{l, statement.TypEntry, g.service.key.PublicKey()})
		payload, err := jws.Payload(l)
		if err != nil {
			b.Fatal(err)
		}
		e, err := signedlog.Decode(payload)
		if err != nil {
			b.Fatal(err)
		}
		switch e.Type {
		case signedlog.Request:
			var body signedlog.RequestBody
			if err := strictjson.Unmarshal(e.Body, &body, signedlog.MaxBody); err != nil {
				b.Fatal(err)
			}
			all = append(all, signature{body.Attestation, statement.TypAddress, g.service.key.PublicKey()})
		case signedlog.Approval:
			var body signedlog.DecisionBody
			if err := strictjson.Unmarshal(e.Body, &body, signedlog.MaxBody); err != nil {
				b.Fatal(err)
			}
			all = append(all, signature{body.JWS, statement.TypApproval, g.people[body.Member].Approval.PublicKey()})
		}
	}
	return all
}

func verifyAll(b *testing.B, tokens []signature) {
	var all sync.WaitGroup
	n := runtime.GOMAXPROCS(0)
	for w := range n {
		all.Go(func() {
			for i := w; i < len(tokens); i += n {
				if _, err := jws.Verify(tokens[i].token, tokens[i].typ, tokens[i].key); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}
