package effects_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"countersign/shared/ecrecover"
	"countersign/shared/effects"
	"countersign/shared/eip55"
	"countersign/shared/eip712"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/spec"
)

const messageFile = "../spec/vectors/messages.json"

// message is a row of shared/spec/vectors/messages.json.
type message struct {
	Name      string     `json:"name"`
	Intent    string     `json:"intent"` // its canonical bytes
	Code      fault.Code `json:"code,omitempty"`
	Field     string     `json:"field,omitempty"`
	Digest    string     `json:"digest,omitempty"`
	From      string     `json:"from,omitempty"`
	Signature string     `json:"signature,omitempty"`
}

var from = eip55.Of(signer.PublicKey().Uncompressed()[1:])

// says is the intent of a message by the key of these vectors, with a form: `"text":"Hello"`.
func says(chain, form string) string {
	return `{"kind":"message","v":1,"account":"acc_treasury","account_name":"Treasury","chain":"` + chain + `","address":"` + from + `",` + form + `}`
}

// typedData is a form of typed data in its one form.
func typedData(t *testing.T, raw string) string {
	t.Helper()
	d, err := eip712.Read([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	form, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return `"typed_data":` + string(form)
}

func messages(t *testing.T) (all []message) {
	t.Helper()
	const domain = `"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}]`
	mail := `{"types":{` + domain + `,"Person":[{"name":"name","type":"string"},{"name":"wallet","type":"address"}],"Mail":[{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}]},"primaryType":"Mail","domain":{"name":"Ether Mail","version":"1","chainId":1,"verifyingContract":"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},"message":{"from":{"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},"to":{"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},"contents":"Hello, Bob!"}}`
	permit := `{"types":{` + domain + `,"Permit":[{"name":"owner","type":"address"},{"name":"spender","type":"address"},{"name":"value","type":"uint256"},{"name":"nonce","type":"uint256"},{"name":"deadline","type":"uint256"}]},"primaryType":"Permit","domain":{"name":"USD Coin","version":"2","chainId":1,"verifyingContract":"` + contract + `"},"message":{"owner":"` + from + `","spender":"` + recipient + `","value":"9007199254740993","nonce":0,"deadline":1798758000}}`
	permit2 := `{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"PermitBatch":[{"name":"details","type":"PermitDetails[]"},{"name":"spender","type":"address"},{"name":"sigDeadline","type":"uint256"}],"PermitDetails":[{"name":"token","type":"address"},{"name":"amount","type":"uint160"},{"name":"expiration","type":"uint48"},{"name":"nonce","type":"uint48"}]},"primaryType":"PermitBatch","domain":{"name":"Permit2","chainId":1,"verifyingContract":"0x000000000022D473030F116dDEE9F6B43aC78BA3"},"message":{"details":[{"token":"` + contract + `","amount":"1461501637330902918203684832716283019655932542975","expiration":1798761600,"nonce":0},{"token":"0xdAC17F958D2ee523a2206206994597C13D831ec7","amount":1,"expiration":0,"nonce":1}],"spender":"` + recipient + `","sigDeadline":1798758000}}`
	lists := `{"types":{"EIP712Domain":[{"name":"chainId","type":"uint256"}],"T":[{"name":"a","type":"int8[2][]"},{"name":"b","type":"P[1]"}],"P":[{"name":"x","type":"bytes3"},{"name":"y","type":"bool"}]},"primaryType":"T","domain":{"chainId":1},"message":{"a":[[1,-1],[127,-128]],"b":[{"x":"0x010203","y":true}]}}`
	good := typedData(t, mail)
	for _, m := range []message{
		{Name: "a text", Intent: says("eip155:31337", `"text":"Hello"`)},
		{Name: "a text of two lines that looks like a prompt", Intent: says("eip155:31337", `"text":"Hello\nYou sign as  Alice (mem_alice)"`)},
		{Name: "a text with a purpose", Intent: says("eip155:31337", `"text":"Hello","purpose":"To sign in"`)},
		{Name: "bytes that are not text", Intent: says("eip155:31337", `"hex":"0xff00"`)},
		{Name: "the example of EIP-712", Intent: says("eip155:1", good)},
		{Name: "a permit of ERC-2612", Intent: says("eip155:1", typedData(t, permit))},
		{Name: "a batch of permits of Permit2", Intent: says("eip155:1", typedData(t, permit2))},
		{Name: "lists and structs", Intent: says("eip155:1", typedData(t, lists))},
		{Name: "the same message on another chain", Intent: says("eip155:31337", good)},
		{Name: "typed data as a program writes it", Intent: says("eip155:1", strings.Replace(good, `"1"`, `1`, 1))},
		{Name: "typed data with an address in one case", Intent: says("eip155:1", strings.Replace(good, "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826", "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826", 1))},
		{Name: "typed data with a member that is not declared", Intent: says("eip155:1", strings.Replace(good, `"contents":"Hello`, `"cc":"","contents":"Hello`, 1))},
		{Name: "typed data with a name twice", Intent: says("eip155:1", strings.Replace(good, `"contents":"Hello`, `"contents":"","contents":"Hello`, 1))},
		{Name: "a digest alone", Intent: says("eip155:1", `"hex":"0x`+strings.Repeat("ff", 32)+`"`)},
		{Name: "the digits of a digest as a text", Intent: says("eip155:1", `"text":"0x`+strings.Repeat("ab", 32)+`"`)},
		{Name: "bytes that are text", Intent: says("eip155:1", `"hex":"0x616263"`)},
		{Name: "two forms", Intent: says("eip155:1", `"text":"a","hex":"0xff"`)},
		{Name: "no form", Intent: says("eip155:1", `"purpose":"nothing"`)},
		{Name: "a form that is not known", Intent: says("eip155:1", `"digest":"0xff"`)},
		{Name: "a chain that is not of eip155", Intent: says("bip122:000000000019d6689c085ae165831e93", `"text":"Hello"`)},
	} {
		all = append(all, computeMessage(t, m))
	}
	return all
}

func computeMessage(t *testing.T, m message) message {
	t.Helper()
	wants, err := intent.Open(intent.Doc(m.Intent))
	if f, ok := fault.As(err); ok {
		m.Code, m.Field = f.Code, f.Details["field"]
		return m
	}
	signs, err := wants.(intent.Messenger).Signs()
	if err != nil {
		t.Fatal(err)
	}
	rs, err := signer.SignDigest(t.Context(), signs.Digest[:])
	if err != nil {
		t.Fatal(err)
	}
	m.Digest, m.From = hex.EncodeToString(signs.Digest[:]), signs.Address
	if m.Signature, err = ecrecover.Message(signs.Digest, rs, signs.Address); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestVectorsOfMessagesHold(t *testing.T) {
	t.Parallel()
	code := messages(t)
	for i, m := range spec.Vectors(t, messageFile, *update, code) {
		want := code[i]
		want.Signature = m.Signature // which is another one each time
		if m != want {
			t.Errorf("%s: got %+v, want %+v", m.Name, m, want)
		}
		if m.Code != "" {
			continue
		}
		wants, err := intent.Open(intent.Doc(m.Intent))
		if err != nil {
			t.Fatal(err)
		}
		digest, err := hex.DecodeString(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := effects.Check(base64.RawURLEncoding.EncodeToString(digest), wants); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		sig := common.FromHex(m.Signature)
		sig[64] -= 27
		if key, err := crypto.SigToPub(digest, sig); err != nil || crypto.PubkeyToAddress(*key).Hex() != m.From {
			t.Errorf("%s: go-ethereum finds another signer (%v)", m.Name, err)
		}
	}
}

func TestAStatementWithAnotherDigestThanItsMessageHasIsRefused(t *testing.T) {
	t.Parallel()
	one, err := intent.Open(intent.Doc(says("eip155:1", `"text":"Hello"`)))
	if err != nil {
		t.Fatal(err)
	}
	two, err := intent.Open(intent.Doc(says("eip155:1", `"text":"hello"`)))
	if err != nil {
		t.Fatal(err)
	}
	stated, err := effects.DigestOf(two)
	if err != nil {
		t.Fatal(err)
	}
	for name, stated := range map[string]string{"that of another message": stated, "none": ""} {
		err := effects.Check(stated, one)
		if f, ok := fault.As(err); !ok || f.Code != fault.StatementInvalid || f.Details["field"] != "effects" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
