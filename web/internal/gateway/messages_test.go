package gateway_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/receipt"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

// mayMessage has the rule be for messages too.
func mayMessage(r *governance.Rule) {
	r.When = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindBuy, intent.KindMessage}}}}
}

// vote is typed data as a program writes it.
const vote = `{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"chainId","type":"uint256"}],"Vote":[{"name":"proposal","type":"uint256"},{"name":"support","type":"bool"}]},"primaryType":"Vote","domain":{"name":"Council","chainId":31337},"message":{"support":true,"proposal":9007199254740993}}`

func saying(change func(*intent.Message)) wire.RequestInput {
	m := intent.Message{Kind: intent.KindMessage, V: 1, Account: gatewaytest.Account, TypedData: intent.Doc(vote), Purpose: "Proposal 12"}
	change(&m)
	return wire.RequestInput{Intent: intenttest.Doc(m)}
}

func asIs(*intent.Message) {}

// signMessages is a turn of the gateway's.
func signMessages(t *testing.T, w *gatewaytest.World) {
	t.Helper()
	if err := w.Gateway.SignMessages(t.Context(), gatewaytest.Entity); err != nil {
		t.Error(err)
	}
}

func TestAnApprovedMessageIsSignedAndItsSignatureIsShown(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, mayMessage)
	asked := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), saying(asIs), "the-key-of-a-vote"))
	if asked.Sentence != `Sign typed data Vote of "Council" as account Treasury` || asked.Signature != nil || len(asked.Lines) == 0 || asked.Lines[len(asked.Lines)-1].Value != `"Proposal 12"` {
		t.Errorf("%+v", asked)
	}
	again := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), saying(asIs), "the-key-of-a-vote"))
	if again.ID != asked.ID {
		t.Errorf("the same question is another request, %s", again.ID)
	}
	signMessages(t, w) // nothing is approved
	w.Signer.Decide(asked.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(asked.ID, "mem_bob", statement.Approve)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	r := look(t, w, asked.ID)
	own := w.Signer.Genesis.Accounts[0].Address
	if r.State != wire.RequestApproved || r.UseBy == nil || r.Signature == nil || r.Signature.State != wire.SignatureApproved || r.Signature.Address != own || r.Signature.Signature != "" {
		t.Fatalf("%s: %+v", r.State, r.Signature)
	}
	signMessages(t, w)
	signMessages(t, w)
	w.Restart()
	r = look(t, w, asked.ID)
	s := r.Signature
	if r.State != wire.RequestCompleted || r.UseBy != nil || s.State != wire.SignatureSigned || s.SignedAt == nil {
		t.Fatalf("%s: %+v", r.State, s)
	}
	digest, err := base64.RawURLEncoding.DecodeString(s.Digest)
	if err != nil {
		t.Fatal(err)
	}
	raw := common.FromHex(s.Signature)
	raw[64] -= 27
	if key, err := crypto.SigToPub(digest, raw); err != nil || crypto.PubkeyToAddress(*key).Hex() != own {
		t.Errorf("go-ethereum finds another signer: %v", err)
	}
	if last := r.History[len(r.History)-1]; last.Type != "signature" || last.Text != "The vault signed the message" {
		t.Errorf("%+v", r.History)
	}
	proof, err := receipt.Verify(must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), asked.ID)), w.Signer.Key.PublicKey().Thumbprint())
	if err != nil || proof.Signature == nil || proof.Signature.Signature != s.Signature || !strings.Contains(proof.Text(), s.Signature) {
		t.Errorf("%v\n%s", err, proof.Text())
	}
	page := must[wire.Page[wire.Request]](t)(w.Gateway.Requests(t.Context(), gatewaytest.Caller(), wire.RequestCompleted, "", 10))
	if len(page.Items) != 1 || page.Items[0].Signature == nil || page.Items[0].Signature.Signature != s.Signature {
		t.Errorf("%+v", page.Items)
	}
}

func TestAMessageIsDeniedUntilARuleNamesItsKind(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), saying(asIs), "the-key-of-a-vote")
	gatewaytest.Refused(t, err, fault.Denied)
	w = gatewaytest.New(t, func(r *governance.Rule) {
		mayMessage(r)
		r.When = append(r.When, governance.Condition{Amount: &governance.Amount{Currency: "EUR", Max: "1000"}})
	})
	_, err = w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), saying(asIs), "the-key-of-a-vote")
	gatewaytest.Refused(t, err, fault.Denied)
}

func TestAMessageThatIsNotExactIsRefusedWithItsField(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, mayMessage)
	for name, c := range map[string]struct {
		change func(*intent.Message)
		field  string
	}{
		"another chain":        {func(m *intent.Message) { m.TypedData = intent.Doc(strings.Replace(vote, "31337", "1", 1)) }, "typed_data.domain.chainId"},
		"a number with digits": {func(m *intent.Message) { m.TypedData = intent.Doc(strings.Replace(vote, "740993", "740993.5", 1)) }, "typed_data.message.proposal"},
		"a digest alone":       {func(m *intent.Message) { m.TypedData, m.Hex = nil, "0x"+strings.Repeat("ff", 32) }, "hex"},
		"an unknown account":   {func(m *intent.Message) { m.Account = "acc_other" }, "account"},
	} {
		_, err := w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), saying(c.change), "the-key-"+name)
		if f, ok := fault.As(err); !ok || f.Details["field"] != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMessageThatIsNotSignedInTimeLapses(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, mayMessage)
	asked := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), saying(asIs), "the-key-of-a-vote"))
	w.Signer.Decide(asked.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(asked.ID, "mem_bob", statement.Approve)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	w.Signer.Down = func() bool { return true }
	if err := w.Gateway.SignMessages(t.Context(), gatewaytest.Entity); err == nil {
		t.Error("nobody says that the signer does not answer")
	}
	if r := look(t, w, asked.ID); r.Signature.Reason == "" || r.State != wire.RequestApproved {
		t.Errorf("%s: %+v", r.State, r.Signature)
	}
	w.Signer.Down = func() bool { return false }
	w.Pass(25 * time.Hour)
	if err := w.Gateway.SignMessages(t.Context(), gatewaytest.Entity); err == nil {
		t.Error("it is signed after its approval ended")
	}
	if r := look(t, w, asked.ID); r.Signature.State != wire.SignatureLapsed || r.State != wire.RequestLapsed {
		t.Errorf("%s: %+v", r.State, r.Signature)
	}
	signMessages(t, w) // and is not asked for again
}

func TestAMessageThatWasApprovedBeforeARotationIsNotSigned(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, mayMessage)
	asked := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), saying(asIs), "the-key-of-a-vote"))
	open := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), saying(asIs), "the-key-of-another"))
	w.Signer.Decide(asked.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(asked.ID, "mem_bob", statement.Approve)
	w.Signer.Rotate("req_gggggggggggggggggggggggggg")
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	if r := look(t, w, asked.ID); r.State != wire.RequestLapsed || r.Signature.State != wire.SignatureLapsed || !strings.Contains(r.Reasons[0], "rotated") {
		t.Errorf("%s: %+v", r.State, r.Signature)
	}
	if r := look(t, w, open.ID); r.State != wire.RequestBlocked {
		t.Errorf("the open one is %s", r.State)
	}
	signMessages(t, w)
}

func TestManyMessagesThatCannotBeSignedKeepNoOtherBack(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, mayMessage)
	if err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		for i := range 120 { // the signer knows none of them
			m := store.Message{Request: fmt.Sprintf("req_%026d", i), Entity: gatewaytest.Entity, State: store.MessageApproved, Begun: true}
			if err := tx.PutMessage(m); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	asked := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), saying(asIs), "the-key-of-another-vote"))
	w.Signer.Decide(asked.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(asked.ID, "mem_bob", statement.Approve)
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	if err := w.Gateway.SignMessages(t.Context(), gatewaytest.Entity); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("of those that the signer does not know: %v", err)
	}
	if r := look(t, w, asked.ID); r.State != wire.RequestCompleted || r.Signature.Signature == "" {
		t.Errorf("%s: %+v", r.State, r.Signature)
	}
}
