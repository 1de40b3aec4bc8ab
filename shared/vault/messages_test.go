package vault

import (
	"encoding/base64"
	"strings"
	"testing"

	"countersign/shared/ecrecover"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// saying is a message that is a text, as the vault fills it.
func (w *writer) saying(text string) intent.Intent {
	w.t.Helper()
	draft, err := intent.Draft(intent.Doc(`{"kind":"message","v":1,"account":"` + ruled + `","account_name":"","chain":"","address":"","text":"` + text + `"}`))
	if err != nil {
		w.t.Fatal(err)
	}
	filled, err := draft.Fill(w.s)
	if err != nil {
		w.t.Fatal(err)
	}
	return filled
}

// said is a vault with messages that were asked for, and approved.
func said(t testing.TB, ids ...string) *writer {
	w := enrolled(t)
	for _, id := range ids {
		w.agreed(id, "Sign in as "+id)
	}
	return w
}

// agreed asks for a message and has it approved.
func (w *writer) agreed(id, text string) {
	w.t.Helper()
	w.append(signedlog.Request, w.asking(id, w.saying(text)))
	w.decide(id, "mem_alice", statement.Initiate, aliceKey)
	w.decide(id, "mem_bob", statement.Approve, bobKey)
	w.decide(id, "mem_alice", statement.Approve, aliceKey)
	w.close(id)
}

// signature is that of a message by a key.
func (w *writer) signature(request string, key seed) signedlog.SignedMessageBody {
	w.t.Helper()
	signs := w.s.Message(request).Signs()
	rs, err := key.SignDigest(w.t.Context(), signs.Digest[:])
	if err != nil {
		w.t.Fatal(err)
	}
	address, _ := AddressOn("eip155:31337", key.PublicKey())
	text, err := ecrecover.Message(signs.Digest, rs, address)
	if err != nil {
		w.t.Fatal(err)
	}
	return signedlog.SignedMessageBody{Request: request, Signature: text}
}

// begins is the entry that says that a message is about to be signed.
func (w *writer) begins(request string) signedlog.SigningMessageBody {
	return signedlog.SigningMessageBody{Request: request, Digest: w.s.Message(request).Digest()}
}

func TestAMessageIsSignedOnceByTheAccountsOwnKey(t *testing.T) {
	t.Parallel()
	w := said(t, approved, waiting)
	other := w.s.Message(waiting).Digest()
	refused := func(name, typ string, body any) {
		t.Helper()
		if err := w.try(typ, body); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	refused("a signature before its entry", signedlog.SignedMessage, w.signature(approved, accountKey))
	refused("another digest than was approved", signedlog.SigningMessage, signedlog.SigningMessageBody{Request: approved, Digest: other})
	refused("a message that nobody asked for", signedlog.SigningMessage, signedlog.SigningMessageBody{Request: replace, Digest: other})
	w.append(signedlog.SigningMessage, w.begins(approved))
	refused("a second beginning", signedlog.SigningMessage, w.begins(approved))
	refused("a signature by another key", signedlog.SignedMessage, w.signature(approved, depositKey))
	wrong := w.signature(waiting, accountKey)
	wrong.Request = approved
	refused("the signature of another message", signedlog.SignedMessage, wrong)
	refused("no signature", signedlog.SignedMessage, signedlog.SignedMessageBody{Request: approved, Signature: "0x"})
	signed := w.signature(approved, accountKey)
	w.append(signedlog.SignedMessage, signed)
	if w.s.Message(approved) != nil || w.s.Message(waiting) == nil {
		t.Error("what is kept is not what is to be signed")
	}
	refused("a second signature", signedlog.SignedMessage, signed)
	refused("a second beginning of what is signed", signedlog.SigningMessage, signedlog.SigningMessageBody{Request: approved, Digest: other})
}

func TestAMessageWhoseApprovalEndedIsNotSigned(t *testing.T) {
	t.Parallel()
	w := said(t, approved, waiting)
	w.append(signedlog.SigningMessage, w.begins(waiting))
	body := w.begins(approved)
	w.at = w.s.Message(approved).UseBy
	if err := w.try(signedlog.SigningMessage, body); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("%v", err)
	}
	w.append(signedlog.SignedMessage, w.signature(waiting, accountKey)) // it was begun in time
}

func TestASnapshotHasTheMessagesThatAreToBeSigned(t *testing.T) {
	t.Parallel()
	w := said(t, approved, waiting)
	w.append(signedlog.SigningMessage, w.begins(waiting))
	data, err := w.s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Restore(data, statementKey.PublicKey(), w.s.Past())
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Snapshot()
	if err != nil || string(again) != string(data) {
		t.Errorf("another snapshot: %v", err)
	}
	for _, id := range []string{approved, waiting} {
		got, want := s.Message(id), w.s.Message(id)
		if got == nil || got.Signs() != want.Signs() || got.Begun != want.Begun || got.UseBy != want.UseBy {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
	for name, change := range map[string]func(string) string{
		"a message that is a transfer": func(s string) string {
			return strings.Replace(s, `"kind":"message"`, `"kind":"transfer"`, 1)
		},
		"of an account that is none": func(s string) string {
			return strings.ReplaceAll(s, `"v":1,"account":"`+ruled, `"v":1,"account":"acc_other`)
		},
	} {
		if _, err := Restore([]byte(change(string(data))), statementKey.PublicKey(), nil); err == nil {
			t.Errorf("%s is restored", name)
		}
	}
}

func TestAStatementAboutAMessageSaysWhatIsSigned(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.append(signedlog.Request, w.asking(approved, w.saying("Hello")))
	w.decide(approved, "mem_alice", statement.Initiate, aliceKey)
	typ, body := w.signedAs(approved, "mem_bob", statement.Approve, bobKey, func(a *statement.Approval) {
		a.Effects = base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	})
	if err := w.try(typ, body); err == nil {
		t.Error("an approval of another digest is accepted")
	}
}

func TestAnOpenMessageOfAnAddressOfBeforeIsBlockedWhenTheKeysAreRotated(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.append(signedlog.Request, w.asking(waiting, w.saying("Hello")))
	w.s.Rotations = append(w.s.Rotations, Rotation{Seq: w.s.Mark().Size})
	r := w.s.Request(waiting)
	if d := w.s.Decide(r, r.CreatedAt); d.State != "BLOCKED" {
		t.Errorf("it is %s", d.State)
	}
}
