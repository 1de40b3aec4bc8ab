package api

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/wire"
)

func TestWhoeverIsInvitedNeedsTheAddressAndNoToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const input = `{"member":"mem_erin","name":"Erin","role":"OPERATOR","is":"PERSON"}`
	if c := r.do("POST", "/v1/invitations", input, "Authorization", "").code(t); c != fault.Unauthenticated {
		t.Errorf("an invitation by nobody: %s", c)
	}
	made := get[wire.Invitation](t, r.do("POST", "/v1/invitations", input, "Idempotency-Key", "the-same-key"))
	if !strings.HasPrefix(made.URL, "https://") && !strings.HasPrefix(made.URL, "/v1/join/") {
		t.Errorf("it is at %s", made.URL)
	}
	again := get[wire.Invitation](t, r.do("POST", "/v1/invitations", input, "Idempotency-Key", "the-same-key"))
	if again.URL == made.URL {
		t.Error("the secret of an invitation is kept for whoever asks again")
	}
	path := again.URL[strings.Index(again.URL, "/v1/join/"):]
	stranger := []string{"Authorization", "", "Idempotency-Key", ""}
	in := `{"registration":"` + r.Signer.Invite("mem_erin", "Erin").Registration + `"}`
	if v := get[wire.Invited](t, r.do("GET", path, "", "Authorization", "")); v.Member != "mem_erin" || v.State != wire.InvitationOpen {
		t.Errorf("%+v", v)
	}
	for range 2 {
		if v := get[wire.Invited](t, r.do("POST", path, in, stranger...)); v.State != wire.InvitationRegistered {
			t.Errorf("%+v", v)
		}
	}
	for name, c := range map[string]struct {
		a    answer
		code fault.Code
	}{
		"a code that is not":         {r.do("GET", path+"x", "", "Authorization", ""), fault.NotFound},
		"a code that is long":        {r.do("GET", path+strings.Repeat("x", 64), "", "Authorization", ""), fault.NotFound},
		"another registration":       {r.do("POST", path, `{"registration":"`+r.Signer.Invite("mem_erin", "Erin").Registration+`"}`, stranger...), fault.Conflict},
		"no registration":            {r.do("POST", path, `{"registration":""}`, stranger...), fault.Invalid},
		"a member of another form":   {r.do("POST", "/v1/invitations", `{"member":"erin","name":"Erin","role":"OPERATOR","is":"PERSON"}`), fault.Invalid},
		"a role that there is not":   {r.do("POST", "/v1/invitations", `{"member":"mem_eve","name":"Eve","role":"OWNER","is":"PERSON"}`), fault.Invalid},
		"neither person nor program": {r.do("POST", "/v1/invitations", `{"member":"mem_eve","name":"Eve","role":"ADMIN","is":"CAT"}`), fault.Invalid},
		"certificate of nobody":      {r.do("GET", "/v1/members/mem_erin/certificate", ""), fault.NotFound},
	} {
		if got := c.a.code(t); got != c.code {
			t.Errorf("%s: %s", name, got)
		}
	}
	if all := get[wire.Invitations](t, r.do("GET", "/v1/invitations", "")).Invitations; len(all) != 1 || all[0].State != wire.InvitationRegistered {
		t.Errorf("%+v", all)
	}
	if left := get[wire.Invitations](t, r.do("DELETE", "/v1/invitations/mem_erin", "")).Invitations; len(left) != 0 {
		t.Errorf("%+v", left)
	}
	if c := get[wire.Certificate](t, r.do("GET", "/v1/members/mem_alice/certificate", "")); !strings.HasPrefix(c.Certificate, "ey") {
		t.Errorf("%+v", c)
	}
}
