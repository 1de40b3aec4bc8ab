package hsm

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/keys"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// The benchmarks measure this package against its floor: the same calls made
// directly, one session per goroutine and the handle known, on the same token in
// the same run. Names: BenchmarkSign/<curve>/<concurrent>/hsm or direct. This
// package also verifies each signature before it hands it out.

func BenchmarkSign(b *testing.B) {
	digest := bytes.Repeat([]byte{1}, 32)
	compare(b, "sign", func(b *testing.B, key keys.Key) error {
		_, err := key.SignDigest(b.Context(), digest)
		return err
	}, func(m *module, session pkcs11.SessionHandle, handle pkcs11.ObjectHandle, _ []byte) error {
		if err := m.ctx.SignInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, handle); err != nil {
			return err
		}
		_, err := m.ctx.Sign(session, digest)
		return err
	})
}

func BenchmarkECDH(b *testing.B) {
	compare(b, "ecdh", func(b *testing.B, key keys.Key) error {
		_, err := key.ECDH(b.Context(), key.PublicKey().Uncompressed())
		return err
	}, func(m *module, session pkcs11.SessionHandle, handle pkcs11.ObjectHandle, peer []byte) error {
		_, err := m.derive(session, handle, peer)
		return err
	})
}

func compare(b *testing.B, name string, layer func(*testing.B, keys.Key) error,
	direct func(m *module, session pkcs11.SessionHandle, handle pkcs11.ObjectHandle, peer []byte) error) {
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		soft := softhsm.New(b, softhsm.Spec{Label: "bench-" + name + "-" + curve, Keys: []softhsm.Key{both(curve)}})
		tokens, err := Open(Config{Modules: []string{soft.Module}})
		if err != nil {
			b.Fatal(err)
		}
		k, err := tokens.Token("pkcs11:token=" + soft.Label)
		if err != nil {
			b.Fatal(err)
		}
		if err := k.Login(b.Context(), []byte(soft.PIN)); err != nil {
			b.Fatal(err)
		}
		key, err := tokens.Key(b.Context(), "pkcs11:token="+soft.Label+";object=both")
		if err != nil {
			b.Fatal(err)
		}
		if err := layer(b, key); err != nil { // finds the private key
			b.Fatal(err)
		}
		handle, peer := key.(*Key).handle, key.PublicKey().Uncompressed()
		for _, n := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d/hsm", curve, n), func(b *testing.B) {
				share(b, n, func() func() error { return func() error { return layer(b, key) } })
			})
			b.Run(fmt.Sprintf("%s/%d/direct", curve, n), func(b *testing.B) {
				share(b, n, func() func() error {
					session, err := k.module.openSession(k.where(), 0)
					if err != nil {
						b.Fatal(err)
					}
					b.Cleanup(func() {
						if err := k.module.ctx.CloseSession(session); err != nil {
							b.Error(err)
						}
					})
					return func() error { return direct(k.module, session, handle, peer) }
				})
			})
		}
		if err := tokens.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// share divides b.N operations among n goroutines, each with what prepare made
// for it.
func share(b *testing.B, n int, prepare func() func() error) {
	ops := make([]func() error, n)
	for i := range ops {
		ops[i] = prepare()
	}
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	var all sync.WaitGroup
	b.ResetTimer()
	for _, op := range ops {
		all.Go(func() {
			for range work {
				if err := op(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
}
