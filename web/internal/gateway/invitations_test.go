package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

// invited makes an invitation and returns its code.
func invited(t *testing.T, w *gatewaytest.World, in wire.InvitationInput) string {
	t.Helper()
	i := must[wire.Invitation](t)(w.Gateway.Invite(t.Context(), gatewaytest.Caller(), in))
	_, code, ok := strings.Cut(i.URL, "/v1/join/")
	if !ok || i.State != wire.InvitationOpen || i.Registration != "" {
		t.Fatalf("%+v", i)
	}
	return code
}

var erin = wire.InvitationInput{Member: "mem_erin", Name: "Erin", Role: "ADMIN", Is: "PERSON"}

func TestAnInvitationLeadsFromRegistrationToCertificate(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	code := invited(t, w, erin)
	v := must[wire.Invited](t)(w.Gateway.Invited(t.Context(), code, client))
	if v.Entity != gatewaytest.Entity || v.EntityName != "Sandbox GmbH" || v.Member != "mem_erin" || v.Name != "Erin" || v.Role != "ADMIN" || v.State != wire.InvitationOpen ||
		v.Genesis != "" || v.Certificate != "" {
		t.Errorf("%+v", v)
	}
	draft := w.Signer.Invite("mem_erin", "Erin")
	in := wire.RegistrationInput{Registration: draft.Registration}
	for range 2 { // the answer to the first may be lost
		if v := must[wire.Invited](t)(w.Gateway.Register(t.Context(), code, in, client)); v.State != wire.InvitationRegistered || v.Certificate != "" {
			t.Errorf("%+v", v)
		}
	}
	other := wire.RegistrationInput{Registration: w.Signer.Invite("mem_erin", "Erin").Registration}
	if _, err := w.Gateway.Register(t.Context(), code, other, client); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second registration: %v", err)
	}
	all := must[wire.Invitations](t)(w.Gateway.Invitations(t.Context(), gatewaytest.Caller())).Invitations
	if len(all) != 1 || all[0].Registration != draft.Registration || all[0].State != wire.InvitationRegistered || all[0].URL != "" {
		t.Errorf("%+v", all)
	}
	r := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{Intent: intenttest.Doc(draft)}, "the-key-of-erin"))
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	if v := must[wire.Invited](t)(w.Gateway.Invited(t.Context(), code, client)); v.State != wire.InvitationJoined || v.Certificate == "" || v.Genesis != w.Signer.Lines()[0] {
		t.Errorf("%+v", v)
	}
	if _, err := w.Gateway.Invite(t.Context(), gatewaytest.Caller(), erin); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("an invitation of a member: %v", err)
	}
	replaced := invited(t, w, wire.InvitationInput{Member: "mem_erin"})
	if v := must[wire.Invited](t)(w.Gateway.Invited(t.Context(), replaced, client)); v.Name != "Erin" || v.Role != "ADMIN" || v.State != wire.InvitationOpen {
		t.Errorf("%+v", v)
	}
	if _, err := w.Gateway.Invited(t.Context(), code, client); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the address of an earlier invitation: %v", err)
	}
}

func TestWhatWasNotRegisteredByWhoWasInvitedIsRefused(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	code := invited(t, w, erin)
	good := w.Signer.Invite("mem_erin", "Erin").Registration
	for name, c := range map[string]struct {
		registration string
		code         fault.Code
	}{
		"another member":      {w.Signer.Invite("mem_eve", "Erin").Registration, fault.Invalid},
		"another name":        {w.Signer.Invite("mem_erin", "Eve").Registration, fault.Invalid},
		"a changed signature": {good[:len(good)-4] + "AAAA", fault.SignatureInvalid},
		"something else":      {"it is me", fault.SignatureInvalid},
	} {
		if _, err := w.Gateway.Register(t.Context(), code, wire.RegistrationInput{Registration: c.registration}, client); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if v := must[wire.Invited](t)(w.Gateway.Invited(t.Context(), code, client)); v.State != wire.InvitationOpen {
		t.Errorf("%+v", v)
	}
	if _, err := w.Gateway.Invite(t.Context(), gatewaytest.Caller(), wire.InvitationInput{Member: "mem_frank"}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("an invitation of nobody by name: %v", err)
	}
}

// client is who asks without a token.
const client = "192.0.2.1"

func TestWhoGuessesCodesOfInvitationsIsSlowedDownAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	code := invited(t, w, erin)
	for i := range gateway.WrongCodes {
		guess := fmt.Sprint("guess", i)
		_, err := w.Gateway.Invited(t.Context(), guess, client)
		if i%2 == 0 {
			_, err = w.Gateway.Register(t.Context(), guess+"again", wire.RegistrationInput{Registration: "a.b.c"}, "192.0.2.2")
		}
		if fault.CodeOf(err) != fault.NotFound {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if _, err := w.Gateway.Register(t.Context(), "guess", wire.RegistrationInput{}, client); fault.CodeOf(err) != fault.Limited {
		t.Errorf("one more: %v", err)
	}
	must[wire.Invited](t)(w.Gateway.Invited(t.Context(), code, client))
	if _, err := w.Gateway.Invited(t.Context(), "mistyped", "192.0.2.3"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("another client: %v", err)
	}
	w.Pass(time.Minute)
	if _, err := w.Gateway.Invited(t.Context(), "mistyped", client); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a minute later: %v", err)
	}
}

func TestAnInvitationEnds(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	code := invited(t, w, erin)
	if left := must[wire.Invitations](t)(w.Gateway.Withdraw(t.Context(), gatewaytest.Caller(), "mem_erin")); len(left.Invitations) != 0 {
		t.Errorf("%+v", left)
	}
	if _, err := w.Gateway.Invited(t.Context(), code, client); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("withdrawn: %v", err)
	}
	if _, err := w.Gateway.Withdraw(t.Context(), gatewaytest.Caller(), "mem_erin"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("withdrawn twice: %v", err)
	}
	code = invited(t, w, erin)
	w.Pass(gateway.InvitationLife - time.Minute)
	must[wire.Invited](t)(w.Gateway.Invited(t.Context(), code, client))
	w.Pass(time.Minute)
	if _, err := w.Gateway.Invited(t.Context(), code, client); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("after a week: %v", err)
	}
	if all := must[wire.Invitations](t)(w.Gateway.Invitations(t.Context(), gatewaytest.Caller())); len(all.Invitations) != 0 {
		t.Errorf("%+v", all)
	}
}
