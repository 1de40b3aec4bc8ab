package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/receipt"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
	"countersign/shared/vault/vaulttest"
)

// Who has signer.json of before a rotation takes up the new keys with a receipt, and the root key
// stays the one that was compared.
func TestAMemberFollowsAVaultToItsNewKeysWithAReceipt(t *testing.T) {
	t.Parallel()
	const rotation = "req_rrrrrrrrrrrrrrrrrrrrrrrrrr"
	log := vaulttest.Lived(t)
	dir := t.TempDir()
	pin := func(name string, f vault.SignerFile) string {
		data, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	proof := func(name, request string, about ...string) string {
		f := receipt.File{V: 1, Type: "receipt", Request: request, Note: log.Note()}
		seqs := []int64{0}
		for _, id := range append(about, request) {
			seqs = append(seqs, log.About[id]...)
		}
		slices.Sort(seqs)
		for _, seq := range seqs {
			f.Lines = append(f.Lines, receipt.Line{Seq: seq, JWS: log.Lines[seq], Path: signedlog.HashTexts(log.Included(seq))})
		}
		data, err := receipt.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := pin("signer.json", log.State.FileOf())
	before := proof("before.json", vaulttest.First)
	log.Rotate(rotation)
	follow := func(file, receipt string) (string, error) {
		var out bytes.Buffer
		err := (&vaultFollow{SignerFile: file, Receipt: receipt}).Run(t.Context(), stdio{out: &out, err: &out})
		return out.String(), err
	}
	if said, err := follow(file, before); err != nil || !strings.Contains(said, "has the keys that") {
		t.Errorf("a receipt of before: %v, %s", err, said)
	}
	after := proof("after.json", rotation)
	if said, err := follow(file, after); err != nil || !strings.Contains(said, "has new keys") {
		t.Fatalf("%v, %s", err, said)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	now, err := vault.ReadSigner(data)
	if err != nil || !now.Statement.Equal(vaulttest.NewStatementKey.PublicKey()) || !now.Channels[0].Equal(vaulttest.NewChannelKey.PublicKey()) || !now.Root.Equal(vaulttest.StatementKey.PublicKey()) {
		t.Errorf("%+v, %v", now, err)
	}
	if said, err := follow(file, after); err != nil || !strings.Contains(said, "has the keys that") {
		t.Errorf("again: %v, %s", err, said)
	}
	// One of before does not lead back.
	if _, err := follow(file, before); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a receipt of before the keys in the file: %v", err)
	}
	// A receipt of another vault leads nowhere.
	other := log.State.FileOf()
	stranger := vaulttest.Key(40).PublicKey().JWK()
	other.StatementKey, other.RootKey = stranger, nil
	if _, err := follow(pin("other.json", other), after); fault.CodeOf(err) != fault.SignatureInvalid {
		t.Errorf("with another root key: %v", err)
	}
}
