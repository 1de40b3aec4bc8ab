package signer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// program is a signer that runs as the command runs it.
type program struct {
	t    testing.TB
	stop context.CancelFunc
	done chan error
	http *http.Client
}

func startProgram(t testing.TB, cfg Config, open OpenVault) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	p := &program{t: t, stop: cancel, done: make(chan error, 1), http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", cfg.Socket)
		},
	}}}
	go func() {
		err := RunWith(ctx, cfg, Stdio{Out: w, Err: io.Discard}, open)
		_ = w.CloseWithError(io.EOF)
		p.done <- err
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || line != "listening on unix:"+cfg.Socket+"\n" {
		cancel()
		t.Fatalf("said %q: %v; %v", line, err, <-p.done)
	}
	return p
}

func (p *program) end() {
	p.t.Helper()
	p.http.CloseIdleConnections()
	p.stop()
	if err := <-p.done; err != nil {
		p.t.Error(err)
	}
}

func (p *program) call(method, path string, in, out any) fault.Code {
	p.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://signer"+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		p.t.Fatal(err)
	}
	return membertest.Answer(p.t, resp.StatusCode, data, out)
}

// story plays init, two approvals on two curves over the socket, and a restart
// in between, on whatever vault open gives.
func story(t *testing.T, cfg Config, open OpenVault) {
	t.Helper()
	g := &rig{t: t, people: map[string]*membertest.Member{}, clock: &clock{}}
	dir := g.initWith(cfg, g.draft(twoOfThree()), open)
	var out bytes.Buffer
	if err := InitWith(t.Context(), cfg, filepath.Join(dir, "draft.json"), dir, Stdio{Out: &out, Err: io.Discard}, open); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second init: %v", err)
	}
	if err := CompleteWith(t.Context(), cfg, dir, g.signedFiles(dir), Stdio{Out: &out, Err: io.Discard}, open); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second completion: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, fileName)); err != nil {
		t.Fatal(err)
	}
	if err := CompleteWith(t.Context(), cfg, dir, g.signedFiles(dir), Stdio{Out: &out, Err: io.Discard}, open); err != nil {
		t.Errorf("a completion that broke off before signer.json: %v", err)
	}
	e := g.readEnrolment(dir)
	p := startProgram(t, cfg, open)
	info, err := os.Stat(cfg.Socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	if err := RunWith(t.Context(), cfg, Stdio{Out: io.Discard, Err: io.Discard}, open); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second signer on the same log: %v", err)
	}
	var status wire.SignerStatus
	if code := p.call("GET", "/v1/status", nil, &status); code != "" || status.StatementKey != e.File.StatementKey || status.Log.Size != 1 {
		t.Fatalf("status %+v %s", status, code)
	}
	in := g.input(testReq)
	in.ExpiresAt = soon()
	var r wire.SignerRequest
	if code := p.call("POST", "/v1/requests", in, &r); code != "" {
		t.Fatal(code)
	}
	key, err := jws.FromJWK(e.File.StatementKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jws.Verify(r.Attestation, statement.TypAddress, key); err != nil {
		t.Error(err)
	}
	alice, code := membertest.Connect(t, p.call, g.people["mem_alice"], e.File)
	if code != "" {
		t.Fatal(code)
	}
	if _, _, err := alice.Decide(testReq, statement.Approve); err != nil {
		t.Fatal(err)
	}
	p.end()
	if _, err := os.Stat(cfg.Socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}

	p = startProgram(t, cfg, open)
	defer p.end()
	bob, code := membertest.Connect(t, p.call, g.people["mem_bob"], e.File)
	if code != "" {
		t.Fatal(code)
	}
	receipt, _, ferr := bob.Decide(testReq, statement.Approve)
	if ferr != nil || receipt.State != "APPROVED" {
		t.Fatalf("second approval %+v %v", receipt, ferr)
	}
	var page wire.SignerLogPage
	if code := p.call("GET", "/v1/log", nil, &page); code != "" {
		t.Fatal(code)
	}
	chain := signedlog.Chain{Key: key}
	for _, l := range page.Entries {
		if _, _, err := chain.Next(l.JWS); err != nil {
			t.Fatal(err)
		}
	}
	if chain.Mark.Head != page.Head || chain.Mark.Size != 5 {
		t.Errorf("the log is at %+v, the page says %s", chain.Mark, page.Head)
	}
}

// soon is an hour ahead, as a request has it.
func soon() time.Time { return time.Now().UTC().Truncate(time.Second).Add(time.Hour) }

// readEnrolment reads what init left, and hands out the certificates.
func (g *rig) readEnrolment(dir string) (e Enrolment) {
	g.t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		g.t.Fatal(err)
	}
	if err := json.Unmarshal(data, &e.File); err != nil {
		g.t.Fatal(err)
	}
	for id, p := range g.people {
		data, err := os.ReadFile(filepath.Join(dir, id+".jws"))
		if err != nil {
			g.t.Fatal(err)
		}
		p.Certificate = strings.TrimSpace(string(data))
	}
	return e
}

func TestTheProgramPlaysTheStory(t *testing.T) {
	t.Parallel()
	v := membertest.NewVault()
	dir := t.TempDir()
	story(t, Config{Socket: filepath.Join(dir, "s.sock"), StateDir: filepath.Join(dir, "state"), SameUser: true}, func(context.Context, Config, *slog.Logger) (Vault, func() error, error) {
		return v, func() error { return nil }, nil
	})
}

func TestTheSignerDoesNotRunWithoutAVault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := Config{Socket: filepath.Join(dir, "s.sock"), StateDir: dir}
	err := RunWith(t.Context(), cfg, Stdio{Out: io.Discard, Err: io.Discard}, func(context.Context, Config, *slog.Logger) (Vault, func() error, error) {
		return membertest.NewVault(), func() error { return nil }, nil
	})
	if fault.CodeOf(err) != fault.EntityUnknown {
		t.Errorf("got %v", err)
	}
}
