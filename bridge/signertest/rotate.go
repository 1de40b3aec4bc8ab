package signertest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// Rotate has alice and bob give the vault new keys, in another memory, and the signer go on there:
// Key is the new statement key, and members have new certificates. File stays what others pinned
// before.
func (s *Signer) Rotate(request string) {
	s.t.Helper()
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	dir, next, quiet := s.t.TempDir(), membertest.NewVault(), signer.Stdio{Out: io.Discard, Err: io.Discard}
	open := func(context.Context, signer.Config, *slog.Logger) (signer.Vault, func() error, error) {
		return next, func() error { return nil }, nil
	}
	pinned, asked := filepath.Join(dir, "signer.json"), filepath.Join(dir, "rotation.json")
	file, err := json.Marshal(s.File)
	must(err)
	must(os.WriteFile(pinned, file, 0o600))
	must(signer.RotateWith(s.t.Context(), signer.Config{StateDir: filepath.Join(dir, "scratch")}, s.dir, pinned, asked, quiet, open))
	data, err := os.ReadFile(asked)
	must(err)
	var body struct {
		Intent intent.Doc `json:"intent"`
	}
	must(strictjson.Unmarshal(data, &body, 1<<20))
	draft, err := intent.Draft(body.Intent)
	must(err)
	s.Request(request, draft)
	s.Decide(request, "mem_alice", statement.Approve)
	s.Decide(request, "mem_bob", statement.Approve)

	must(s.server.Close())
	must(s.log.Close())
	state := filepath.Join(dir, "state")
	must(signer.RestoreWith(s.t.Context(), signer.Config{StateDir: state}, s.dir, pinned, "", quiet, open))
	s.dir = state
	s.log, err = logfile.Open(state)
	must(err)
	s.t.Cleanup(func() { _ = s.log.Close() })
	s.deps.Vault, s.deps.Storage = next, s.log
	s.service, err = signer.Open(s.t.Context(), s.deps)
	must(err)
	for _, k := range next.Keys {
		if k.PublicKey().JWK() == s.service.Status().StatementKey {
			s.Key = k
		}
	}
	for id, m := range s.members {
		c, err := s.service.Certificate(s.t.Context(), id)
		must(err)
		m.Certificate = c.Certificate
	}
	s.serve(s.Socket)
}
