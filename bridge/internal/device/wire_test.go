package device

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/iotest"

	"countersign/bridge/internal/hsm"
	"countersign/shared/fault"
)

func TestAFaultArrivesAsItWas(t *testing.T) {
	t.Parallel()
	sent := fault.Wrap(hsmError{}, fault.DeviceFailed, "the token could not sign").With("ckr", "0x30")
	got, ok := fault.As(failureOf(sent).fault())
	if !ok || got.Code != sent.Code || got.Message != sent.Message || got.Details["ckr"] != "0x30" || got.Unwrap().Error() != "the cause" {
		t.Errorf("%v, want %v", got, sent)
	}
	if err := (failure{Code: "NO_SUCH_CODE"}).fault(); !garbage(err) {
		t.Errorf("an unknown code: %v", err)
	}
}

type hsmError struct{}

func (hsmError) Error() string { return "the cause" }

func TestACallThatIsNotInTheGrammarIsRefused(t *testing.T) {
	t.Parallel()
	s := &server{changed: func(tokenInfo) {}}
	for kind := range byte(saysChange + 2) {
		if kind == opPulse {
			continue
		}
		if _, err := s.do(context.Background(), kind, nil); err == nil {
			t.Errorf("kind %d: an empty body before the start was accepted", kind)
		}
	}
}

func TestMessagesArriveHoweverTheyAreCut(t *testing.T) {
	t.Parallel()
	var all bytes.Buffer
	sizes := []int{0, 1, 64, 4082, 4083, 4084, 0, 4096, 9000, 3}
	for i, n := range sizes {
		if err := writeMessage(&all, uint64(i), opSign, bytes.Repeat([]byte{byte(i + 1)}, n)); err != nil {
			t.Fatal(err)
		}
	}
	for name, from := range map[string]io.Reader{"at once": bytes.NewReader(all.Bytes()), "byte by byte": iotest.OneByteReader(bytes.NewReader(all.Bytes())),
		"in halves": iotest.HalfReader(bytes.NewReader(all.Bytes())), "with its end": iotest.DataErrReader(bytes.NewReader(all.Bytes()))} {
		r := &reader{from: from}
		for i, n := range sizes {
			number, kind, body, err := r.message()
			if err != nil || number != uint64(i) || kind != opSign || !bytes.Equal(body, bytes.Repeat([]byte{byte(i + 1)}, n)) {
				t.Fatalf("%s: message %d is %d of kind %d with %d bytes, %v", name, i, number, kind, len(body), err)
			}
		}
		if _, _, _, err := r.message(); err != io.EOF {
			t.Errorf("%s: %v at the end", name, err)
		}
		if r.buffer != [len(r.buffer)]byte{} {
			t.Errorf("%s: the reader keeps what it has handed out", name)
		}
	}
}

// What a module's process says is outside bytes: its memory may be damaged.
func FuzzMessage(f *testing.F) {
	var m bytes.Buffer
	if err := writeMessage(&m, 7, opSign, signBody(1, pinTyped, []byte("1234"), make([]byte, 32))); err != nil {
		f.Fatal(err)
	}
	f.Add(m.Bytes())
	f.Add([]byte{0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, saysChange})
	f.Fuzz(func(t *testing.T, data []byte) {
		number, kind, body, err := (&reader{from: bytes.NewReader(data)}).message()
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeMessage(&again, number, kind, body); err != nil || !bytes.Equal(again.Bytes(), data[:again.Len()]) {
			t.Fatalf("%x is written %x: %v", data, again.Bytes(), err)
		}
		p := &process{changed: func(tokenInfo) {}, pending: map[uint64]chan answer{1: make(chan answer, 1)}, next: 1}
		_ = p.take(number, kind, body)
		if f, err := decode[failure](body); err == nil {
			_ = f.fault()
		}
		_, _ = decode[hsm.State](body)
		if infos, err := decode[keyList](body); err == nil {
			d, r := &Device{module: &module{}}, reply{from: &inline{}, generation: 1}
			for _, i := range infos.Keys {
				_, _ = d.key(i, r)
			}
		}
	})
}

// What the bridge says is checked as well: one parser, two directions.
func FuzzCall(f *testing.F) {
	f.Add(opSign, signBody(1, pinTyped, []byte("1234"), make([]byte, 32)))
	f.Add(opDerive, deriveBody(1, make([]byte, 65)))
	f.Add(opLogin, loginBody(0, pinPad, nil))
	f.Add(opFind, []byte(`{"token":0,"uri":"pkcs11:object=a"}`))
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		if token, pin, err := parseLogin(body); err == nil && kind == opLogin {
			mode := body[4]
			if again := loginBody(token, mode, pin.Digits); !bytes.Equal(again, body) {
				t.Fatalf("login %x is written %x", body, again)
			}
		}
		if key, pin, digest, err := parseSign(body); err == nil && kind == opSign {
			var digits []byte
			if pin != nil {
				digits = pin.Digits
			}
			if again := signBody(key, body[4], digits, digest); !bytes.Equal(again, body) {
				t.Fatalf("sign %x is written %x", body, again)
			}
		}
		if key, point, err := parseDerive(body); err == nil {
			if again := deriveBody(key, point); !bytes.Equal(again, body) {
				t.Fatalf("derive %x is written %x", body, again)
			}
		}
		if kind != opStart { // which loads a module
			s := &server{changed: func(tokenInfo) {}}
			_, _ = s.do(context.Background(), kind, bytes.Clone(body))
		}
	})
}
