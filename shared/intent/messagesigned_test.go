//go:build !js

package intent

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

func TestWhatIsSignedIsWhatWalletsSign(t *testing.T) {
	t.Parallel()
	var data apitypes.TypedData
	if err := json.Unmarshal([]byte(mail), &data); err != nil {
		t.Fatal(err)
	}
	typed, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		t.Fatal(err)
	}
	text, other := sampleMessage(), sampleMessage()
	text.TypedData, text.Text = nil, "Hello,\nworld \u00e9"
	other.TypedData, other.Hex = nil, "0xff00"
	for _, c := range []struct {
		m    Message
		want []byte
	}{{sampleMessage(), typed}, {text, accounts.TextHash([]byte(text.Text))}, {other, accounts.TextHash([]byte{0xff, 0})}} {
		signs, err := c.m.Signs()
		if err != nil || signs.Address != own || signs.Account != "acc_treasury" || signs.Chain != "eip155:31337" || !bytes.Equal(signs.Digest[:], c.want) {
			t.Errorf("%s: %+v, %v, want %x", c.m.Summary(), signs, err, c.want)
		}
	}
}
