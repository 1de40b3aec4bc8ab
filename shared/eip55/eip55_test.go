package eip55_test

import (
	"strings"
	"testing"

	"countersign/shared/eip55"
)

// The examples of EIP-55.
var examples = []string{
	"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
	"0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
	"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
	"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
}

func TestAnAddressIsWrittenWithItsCheck(t *testing.T) {
	t.Parallel()
	for _, want := range examples {
		if got := eip55.Address(want[2:]); got != want || !eip55.Valid(want) {
			t.Errorf("%s is written %s", want, got)
		}
	}
}

func TestLettersInOneCaseCarryNoCheck(t *testing.T) {
	t.Parallel()
	for _, a := range examples {
		if !eip55.Valid("0x"+strings.ToLower(a[2:])) || !eip55.Valid("0x"+strings.ToUpper(a[2:])) {
			t.Errorf("%s is refused in one case", a)
		}
	}
}

func TestAChangedCaseOrDigitIsSeen(t *testing.T) {
	t.Parallel()
	const good = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	for i := 2; i < len(good); i++ {
		c := good[i]
		switch {
		case c >= 'a':
			c -= 'a' - 'A'
		case c >= 'A':
			c += 'a' - 'A'
		default:
			c = '0' + (c-'0'+1)%10
		}
		bad := good[:i] + string(c) + good[i+1:]
		if eip55.Valid(bad) {
			t.Errorf("%s passes", bad)
		}
	}
	for _, bad := range []string{"", "0x", good[2:], "0X" + good[2:], good + "0", good[:41], " " + good, "0x" + strings.Repeat("g", 40)} {
		if eip55.Valid(bad) {
			t.Errorf("%q passes", bad)
		}
	}
}
