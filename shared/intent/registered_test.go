package intent

import (
	"testing"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/spec"
)

// The two intents with a registration, as the page has them; shared/ceremony holds them
// against what was signed.
const (
	inviteDoc  = `{"kind":"member.invite","v":1,"member":"mem_erin","name":"Erin","role":"OPERATOR","is":"PERSON","registration":"eyJhbGciOiJFUzI1NksiLCJ0eXAiOiJjb3VudGVyc2lnbi1yZWdpc3RyYXRpb24randzIiwia2lkIjoiMTRyYTc3a0ozMjVwSDRpSURydHdnS2lSVzk0ZnFLWGl3WExoT3VDT0tEVSJ9.eyJ2IjoxLCJ0eXBlIjoicmVnaXN0cmF0aW9uIiwiZW50aXR5IjoiZW50X3NhbmRib3giLCJtZW1iZXIiOiJtZW1fZXJpbiIsIm5hbWUiOiJFcmluIiwiYXBwcm92YWwiOnsia3R5IjoiRUMiLCJjcnYiOiJzZWNwMjU2azEiLCJ4IjoidW5LbTZMcFQ2TGx4clF5WUk1YUs3MDE0em9yeVZhdEQzX2d3QThrQy00MCIsInkiOiJ2TnFxSk5POWN3eUVuamxxTmdfT3JYdnVDUVYtVTBveGwtUC1HSE1BbGpvIn0sImNoYW5uZWwiOnsia3R5IjoiRUMiLCJjcnYiOiJzZWNwMjU2azEiLCJ4IjoiWEU0TjdISVY0bWd6azRjdzVlVUZxbUpRVGFoYnBYRUdwR3RhSkFUOG5ZNCIsInkiOiJDMlk5X1JCR2xobkJ4MjdMRnVENlVoZVlseTFmTDBfLWNWYV8wVmNSMW0wIn0sImNoYW5uZWxfaW4iOiJ0b2tlbiIsImlhdCI6MTc5NTIwODQwMH0.nPLwP0Vz-wsR8Ot_khzeQ20W-SvZZbqm-ev1BKE9fGwHvMJEcIwF-e1F7mTX1Xx_EBtUZsqPDyJqDYe2BJoy5g","keys":{"approval":{"kty":"EC","crv":"secp256k1","x":"unKm6LpT6LlxrQyYI5aK7014zoryVatD3_gwA8kC-40","y":"vNqqJNO9cwyEnjlqNg_OrXvuCQV-U0oxl-P-GHMAljo"},"channel":{"kty":"EC","crv":"secp256k1","x":"XE4N7HIV4mgzk4cw5eUFqmJQTahbpXEGpGtaJAT8nY4","y":"C2Y9_RBGlhnBx27LFuD6UheYly1fL0_-cVa_0VcR1m0"},"channel_in":"token","fingerprint":"TS0hiTTc4PiNny8FN0FE9EbLXUPkeq131Zdt44xJ1xM"}}`
	replaceDoc = `{"kind":"member.replace_keys","v":1,"member":"mem_bob","from_version":1,"name":"Bob","role":"OPERATOR","registration":"eyJhbGciOiJFUzI1NksiLCJ0eXAiOiJjb3VudGVyc2lnbi1yZWdpc3RyYXRpb24randzIiwia2lkIjoiQ3RDNzQ3Z3lYaFZiR0d0NF9tbENtTlhJTFNoVzNPN2o3UXZrUlR0dG1XVSJ9.eyJ2IjoxLCJ0eXBlIjoicmVnaXN0cmF0aW9uIiwiZW50aXR5IjoiZW50X3NhbmRib3giLCJtZW1iZXIiOiJtZW1fYm9iIiwibmFtZSI6IkJvYiIsImFwcHJvdmFsIjp7Imt0eSI6IkVDIiwiY3J2Ijoic2VjcDI1NmsxIiwieCI6IlctWHBSNElKWjBxVzVnOGZBMzloZGxRUDBBSDZIV1JwUjNERmFuY0p4Q3ciLCJ5IjoiQTFxSXc0UTl2NHNRMVN6SEhpYk00WEhocWg0eS1PR1R5ZmFtdlk4SHVMOCJ9LCJjaGFubmVsIjp7Imt0eSI6IkVDIiwiY3J2Ijoic2VjcDI1NmsxIiwieCI6InUxaTFfc3BRWEhUdHdBRFlLQ19GVnVVYUVDVDhqbjEtVnNiNGg4WEkxZkkiLCJ5IjoiQXZkdlVJcFhyQ1NScnhuSTVuNVZFei1PSE5QNTdpTlFCeFNYQ0Y5elZ2ZyJ9LCJjaGFubmVsX2luIjoidG9rZW4iLCJpYXQiOjE3OTUyMDg0MDB9.M1H-AaUhrPLy0uU1RKXw_tysu2zRtcXT3_3MkynS7I4bZmtN3JJTBlApMqhd0tqBr8NG6xHStNYIp8kjE4Wg9Q","keys":{"approval":{"kty":"EC","crv":"secp256k1","x":"W-XpR4IJZ0qW5g8fA39hdlQP0AH6HWRpR3DFancJxCw","y":"A1qIw4Q9v4sQ1SzHHibM4XHhqh4y-OGTyfamvY8HuL8"},"channel":{"kty":"EC","crv":"secp256k1","x":"u1i1_spQXHTtwADYKC_FVuUaECT8jn1-Vsb4h8XI1fI","y":"AvdvUIpXrCSRrxnI5n5VEz-OHNP57iNQBxSXCF9zVvg"},"channel_in":"token","fingerprint":"Uo7I1lX-OeWKk0tvdP59p8bYQkTSgAc7Cyl5D3R2HEc"}}`

	// rotateDoc has the succession that the new statement key signed.
	rotateDoc = `{"kind":"vault.rotate_keys","v":1,"from_version":1,"statement":{"kty":"EC","crv":"secp256k1","x":"VSxjC2S1S_UCEMniU9OL1JSccuIoc1APYoXCvt4xKoQ","y":"48o1oMjAz0xAOY5yA3fh7gnHprD9BWg9X-Atj2gjFGY"},"channel":[{"kty":"EC","crv":"secp256k1","x":"Dw-5okStMaNp7gK3q_u7C_o4ErmjntkzRtA9Z9QS0Xc","y":"eWXDgvVSIqmu1Zy4r_xku1OB8GXque87qlfy8Kxr-uk"}],"accounts":[{"account":"acc_treasury","address":"0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"}],"succession":"eyJhbGciOiJFUzI1NksiLCJ0eXAiOiJjb3VudGVyc2lnbi1zdWNjZXNzaW9uK2p3cyIsImtpZCI6IlRKa0t4SFNiNWpxakl6ajF6SVcydElHYTlvOG1XVVZkZVloczhlLWk2ejAifQ.eyJ2IjoxLCJ0eXBlIjoic3VjY2Vzc2lvbiIsImVudGl0eSI6ImVudF9zYW5kYm94IiwiYmVmb3JlIjoicTNXd0p0emwxdERZQ3dvVDJKS2pYMnlCZkFxODktQ1dqbjN3enlmTkw5SSIsInN0YXRlbWVudCI6eyJrdHkiOiJFQyIsImNydiI6InNlY3AyNTZrMSIsIngiOiJWU3hqQzJTMVNfVUNFTW5pVTlPTDFKU2NjdUlvYzFBUFlvWEN2dDR4S29RIiwieSI6IjQ4bzFvTWpBejB4QU9ZNXlBM2ZoN2duSHByRDlCV2c5WC1BdGoyZ2pGR1kifSwiY2hhbm5lbCI6W3sia3R5IjoiRUMiLCJjcnYiOiJzZWNwMjU2azEiLCJ4IjoiRHctNW9rU3RNYU5wN2dLM3FfdTdDX280RXJtam50a3pSdEE5WjlRUzBYYyIsInkiOiJlV1hEZ3ZWU0lxbXUxWnk0cl94a3UxT0I4R1hxdWU4N3FsZnk4S3hyLXVrIn1dLCJhY2NvdW50cyI6Inhya3FpbEdjbEhxOGhRNm4zbGxHRmhTYjdvM3VlRGpYV1loTHhFZ2dsT1UiLCJpYXQiOjE3OTUyMDg0MDB9.6W1PC9DfONnWD0cY3IkvJr0npr6lp1OBOBhtZKP8jDUejTT1fjv_QF87RCzLsBhe3PDht7745_UcygHqP9L6yw","thumbprint":"TJkKxHSb5jqjIzj1zIW2tIGa9o8mWUVdeYhs8e-i6z0","before":"q3WwJtzl1tDYCwoT2JKjX2yBfAq89-CWjn3wzyfNL9I","purpose":"The token is replaced by one of another maker"}`
)

func opened[T Change](doc string) T {
	i, err := As[T](Doc(doc))
	if err != nil {
		panic(err)
	}
	return i
}

func (vaultOf) Registered(registration string) (Registrant, error) {
	for _, r := range []Registering{opened[MemberInvite](inviteDoc), opened[MemberReplaceKeys](replaceDoc)} {
		if token, says := r.Registered(); token == registration {
			return says, nil
		}
	}
	return Registrant{}, fault.New(fault.SignatureInvalid, "nobody registered so")
}

func TestThePageShowsTheIntentsOfRegistrations(t *testing.T) {
	t.Parallel()
	for kind, doc := range map[string]string{KindMemberInvite: inviteDoc, KindMemberReplaceKeys: replaceDoc} {
		if page := spec.Examples(t, "intent.md", kind+", version 1", "json"); len(page) != 1 || page[0] != doc {
			t.Errorf("the page has another %s", kind)
		}
	}
}

func TestARegistrationFitsTheMemberWhomItIsFor(t *testing.T) {
	t.Parallel()
	invite, replace := opened[MemberInvite](inviteDoc), opened[MemberReplaceKeys](replaceDoc)
	for name, c := range map[string]struct {
		change Change
		code   fault.Code
		field  string
	}{
		"a member who is there":             {MemberInvite{Member: "mem_bob", Registration: replace.Registration}, fault.Conflict, "member"},
		"a member who was there":            {MemberInvite{Member: "mem_dave", Registration: invite.Registration}, fault.Conflict, "member"},
		"the registration of another":       {MemberInvite{Member: "mem_eve", Registration: invite.Registration}, fault.Invalid, "registration"},
		"a forged registration":             {MemberInvite{Member: "mem_erin", Registration: "a.b.c"}, fault.SignatureInvalid, ""},
		"new keys of a stranger":            {MemberReplaceKeys{Member: "mem_eve", FromVersion: 1}, fault.NotFound, "member"},
		"new keys of a member who moved on": {MemberReplaceKeys{Member: "mem_bob", FromVersion: 2}, fault.Conflict, "from_version"},
		"new keys of who is revoked":        {MemberReplaceKeys{Member: "mem_dave", FromVersion: 2}, fault.Conflict, "member"},
		"new keys that another registered":  {MemberReplaceKeys{Member: "mem_alice", FromVersion: 1, Registration: replace.Registration}, fault.Invalid, "registration"},
	} {
		_, err := c.change.Fill(vaultOf{})
		if f, _ := fault.As(err); f == nil || f.Code != c.code || f.Details["field"] != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheFieldsOfARegistrationAreChecked(t *testing.T) {
	t.Parallel()
	invite := func(f func(*MemberInvite)) Change {
		m := opened[MemberInvite](inviteDoc)
		keys := *m.Keys
		m.Keys = &keys
		f(&m)
		return m
	}
	for name, c := range map[string]struct {
		change Change
		field  string
	}{
		"no person and no program":    {invite(func(m *MemberInvite) { m.Is = "ROBOT" }), "is"},
		"another role":                {invite(func(m *MemberInvite) { m.Role = "OWNER" }), "role"},
		"no registration":             {invite(func(m *MemberInvite) { m.Registration = "" }), "registration"},
		"words as a registration":     {invite(func(m *MemberInvite) { m.Registration = "it is me" }), "registration"},
		"no keys":                     {invite(func(m *MemberInvite) { m.Keys = nil }), "keys"},
		"a fingerprint of nothing":    {invite(func(m *MemberInvite) { m.Keys.Fingerprint = "" }), "keys.fingerprint"},
		"a channel key in the air":    {invite(func(m *MemberInvite) { m.Keys.ChannelIn = "air" }), "keys.channel_in"},
		"a key on another curve":      {invite(func(m *MemberInvite) { m.Keys.Approval.Crv = "P-384" }), "keys.approval.crv"},
		"a replacement of no version": {MemberReplaceKeys{Kind: KindMemberReplaceKeys, V: 1, Member: "mem_bob"}, "from_version"},
	} {
		p, _ := c.change.CheckNow().(*field.Problem)
		if p == nil || p.Field != c.field {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func TestWhatADriverSaysIsReadAsItsWord(t *testing.T) {
	t.Parallel()
	all := DriverSays(true, true, true)
	for want, d := range map[string]Driver{
		"Alice's key. Its driver says that both keys were made in it and never left it; nothing proves it":                                                                          {"Alice's key", all, all},
		"Card. Its driver says that the approval key was made in it and never left it, and the channel key may have been made elsewhere; nothing proves it":                         {"Card", all, ""},
		"Card. Its driver says that the approval key was made in it, and no more, and the channel key could never be read and could never leave it, and no more; nothing proves it": {"Card", DriverSays(true, false, false), DriverSays(false, true, true)},
	} {
		if got := d.Line(); got.Value != want {
			t.Errorf("%q, want %q", got.Value, want)
		}
		var c field.Checks
		if d.Check(&c, "driver"); !c.OK() {
			t.Errorf("%+v: %v", d, c.Err())
		}
	}
	for _, d := range []Driver{{"", all, all}, {"Card", "LOCAL LOCAL", all}, {"Card", "local", all}, {"Card", all, "NEVER_EXTRACTABLE LOCAL"}} {
		var c field.Checks
		if d.Check(&c, "driver"); c.OK() {
			t.Errorf("%+v was accepted", d)
		}
	}
}
