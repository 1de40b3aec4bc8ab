package wire

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"countersign/shared/fault"
)

// inputs are all bodies that clients send.
func inputs() map[string]Input {
	return map[string]Input{
		`{"quote_id":"quo_abcd","account_id":"acc_abcd"}`:                            &RequestInput{},
		`{"request_id":"req_abcd"}`:                                                  &OrderInput{},
		`{"language":"de-AT","theme":"dark"}`:                                        &TicketInput{},
		`{"record":"AAAA"}`:                                                          &RecordInput{},
		`{"apiKey":"k","id":"dev_a","userType":"developer"}`:                         &TokenRequest{},
		`{"name":"Acme","developer_id":"d","preferences":{"currency":"EUR"}}`:        &SandboxInput{},
		`{"name":"Back office","scopes":["tokens:entity","read"],"expires_in":3600}`: &KeyInput{},
		`{"legalName":"Branch GmbH","externalId":"b-1","entityType":"LLC"}`:          &EntityInput{},
		`{"token":"eyJ"}`:         &IntrospectInput{},
		`{"entityId":"ent_abcd"}`: &RevokeInput{},
		`{"entityId":"ent_abcd","public_token":"public-sandbox-1"}`: &BankConnectInput{},
		`{"item":"itm_abcd"}`: &BankItemInput{},
		`{"link_token":"link-sandbox-1","username":"user_good","password":"pass_good"}`: &BankLoginInput{},
	}
}

func TestEveryBodyIsReadAndNothingElse(t *testing.T) {
	t.Parallel()
	for good, in := range inputs() {
		if err := Decode([]byte(good), in, MaxBody); err != nil {
			t.Errorf("%s: %v", good, err)
		}
		for _, bad := range []string{good + "{}", strings.Replace(good, "{", `{"unknown":1,`, 1), "null" + good, "[" + good + "]", good[:len(good)-1], strings.ToUpper(good)} {
			fresh := reflect.New(reflect.TypeOf(in).Elem()).Interface().(Input)
			if err := Decode([]byte(bad), fresh, MaxBody); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%T: %s: %v", in, bad, err)
			}
		}
		fresh := reflect.New(reflect.TypeOf(in).Elem()).Interface().(Input)
		if err := Decode([]byte(good+strings.Repeat(" ", MaxBody)), fresh, MaxBody); fault.CodeOf(err) != fault.TooLarge {
			t.Errorf("%T: too long: %v", in, err)
		}
	}
}

func TestARefusalOfATypeNamesNoTypeOfGo(t *testing.T) {
	t.Parallel()
	for good, in := range inputs() {
		bodies := []string{"[]", "1", `"text"`, "true", "[" + good + "]"}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(in).Elem()) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			bodies = append(bodies, `{"`+name+`":[1]}`, `{"`+name+`":1}`)
		}
		for _, body := range bodies {
			fresh := reflect.New(reflect.TypeOf(in).Elem()).Interface().(Input)
			e, ok := fault.As(Decode([]byte(body), fresh, MaxBody))
			field, there := e.Details["field"]
			if !ok || e.Code != fault.Invalid || strings.Contains(e.Message, "wire") || strings.Contains(e.Message, "string") || there && field == "" || there != (body[0] == '{') {
				t.Errorf("%s for %T: %v, details %v", body, in, e, e.Details)
			}
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in    Input
		field string
	}{
		{RequestInput{QuoteID: "quo_ABCD", AccountID: "acc_abcd"}, "quote_id"},
		{RequestInput{QuoteID: "quo_abcd", AccountID: "quo_abcd"}, "account_id"},
		{RequestInput{QuoteID: "quo_abcd", AccountID: "acc_abcd", Purpose: "rent\nYou pay 1 EUR"}, "purpose"},
		{OrderInput{"req_" + strings.Repeat("a", 41)}, "request_id"},
		{TicketInput{Theme: "pink"}, "theme"},
		{TicketInput{Language: "de\n"}, "language"},
		{RecordInput{"A"}, "record"},
		{RecordInput{"AB"}, "record"}, // not the one form of a byte
		{TokenRequest{ID: "a", UserType: "developer"}, "apiKey"},
		{TokenRequest{APIKey: "k", ID: "a"}, "userType"},
		{TokenRequest{APIKey: "k"}, "id"},
		{TokenRequest{APIKey: "k", UserType: "developer", ID: "a", EntityID: "b"}, "id"},
		{TokenRequest{APIKey: "k", UserType: "entity", ID: "a", EntityID: "b"}, "id"},
		{SandboxInput{DeveloperID: "d"}, "name"},
		{SandboxInput{Name: "n"}, "developer_id"},
		{SandboxInput{Name: "n", DeveloperID: "d", Preferences: &SandboxPreferences{Currency: "JPY"}}, "preferences.currency"},
		{KeyInput{Name: "n"}, "scopes"},
		{KeyInput{Name: "n", Scopes: []string{"read", "read"}}, "scopes.1"},
		{KeyInput{Name: "n", Scopes: []string{"read"}, ExpiresIn: -1}, "expires_in"},
		{RotateInput{Overlap: MaxOverlap + 1}, "overlap"},
		{EntityInput{LegalName: "n", EntityType: "llc"}, "entityType"},
		{EntityInput{LegalName: "n", ExternalID: "a\n"}, "externalId"},
		{IntrospectInput{}, "token"},
		{RevokeInput{Token: "t", EntityID: "e"}, "entityId"},
		{BankConnectInput{PublicToken: "p", EntityID: "acc_abcd"}, "entityId"},
		{BankItemInput{Item: "ent_abcd"}, "item"},
	} {
		f, ok := fault.As(tc.in.Validate())
		if !ok || f.Code != fault.Invalid || f.Details["field"] != tc.field {
			t.Errorf("%+v: %v, want field %s", tc.in, f, tc.field)
		}
	}
}

func TestAProblemWithAnUnknownCodeIsInternal(t *testing.T) {
	t.Parallel()
	p := Problem{ProblemError{Code: "NEW_CODE", Message: "m", Details: map[string]string{"a": "b"}}}
	if f := p.Fault(); f.Code != fault.Internal || f.Details["a"] != "b" || f.Message != "m" {
		t.Errorf("fault %+v", f)
	}
}

func FuzzDecode(f *testing.F) {
	for good := range inputs() {
		f.Add([]byte(good))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, in := range inputs() {
			if Decode(data, in, MaxBody) != nil {
				continue
			}
			b, err := json.Marshal(in)
			if err != nil {
				t.Fatal(err)
			}
			again := reflect.New(reflect.TypeOf(in).Elem()).Interface().(Input)
			if err := Decode(b, again, 4*MaxBody); err != nil || !reflect.DeepEqual(in, again) {
				t.Fatalf("%s became %s: %v", data, b, err)
			}
		}
	})
}
