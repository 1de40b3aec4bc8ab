package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
	"countersign/softhsm/modules"
)

// The benchmarks measure this package against its floor: the same calls made
// directly, one session per goroutine and the handle known, on the same token in
// the same run, turn by turn. An operation is one round in each way; what is
// reported are medians of the rounds. `make bench` prints them. This package also
// verifies each signature before it hands it out.

var digest = bytes.Repeat([]byte{1}, 32)

// way is one way of doing an operation, by numbered workers.
type way struct {
	name string
	op   func(worker int) error
}

// timed does n operations with some workers; it returns how long each took, and
// all of them together.
func (w way) timed(b *testing.B, n, workers int) (each []time.Duration, all time.Duration) {
	b.Helper()
	each = make([]time.Duration, n)
	var next atomic.Int64
	var running sync.WaitGroup
	start := time.Now()
	for worker := range workers {
		running.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				began := time.Now()
				if err := w.op(worker); err != nil {
					b.Error(w.name, err)
					return
				}
				each[i] = time.Since(began)
			}
		})
	}
	running.Wait()
	return each, time.Since(start)
}

func quantile(d []time.Duration, q float64) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[max(0, int(math.Ceil(float64(len(d))*q))-1)]
}

func middle(v []float64) float64 { return slices.Sorted(slices.Values(v))[len(v)/2] }

// direct is the floor: bare calls in one session for each worker.
type direct struct {
	ctx      *pkcs11.Ctx
	sessions []pkcs11.SessionHandle
	key      pkcs11.ObjectHandle
}

// openDirect opens sessions of its own in a module that this process may have
// loaded already.
func openDirect(b *testing.B, module, label, pin, object string, workers int) *direct {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	d := &direct{ctx: pkcs11.New(module)}
	if err := d.ctx.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		b.Fatal(err)
	}
	slots, err := d.ctx.GetSlotList(true)
	must(err)
	for _, slot := range slots {
		info, err := d.ctx.GetTokenInfo(slot)
		if err != nil || info.Label != label {
			continue
		}
		for range workers {
			s, err := d.ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
			must(err)
			d.sessions = append(d.sessions, s)
		}
	}
	if len(d.sessions) == 0 {
		b.Fatalf("there is no token %q", label)
	}
	if err := d.ctx.Login(d.sessions[0], pkcs11.CKU_USER, pin); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
		b.Fatal(err)
	}
	must(d.ctx.FindObjectsInit(d.sessions[0], []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, object)}))
	found, _, err := d.ctx.FindObjects(d.sessions[0], 1)
	must(err)
	must(d.ctx.FindObjectsFinal(d.sessions[0]))
	if len(found) == 0 {
		b.Fatalf("there is no key %q", object)
	}
	d.key = found[0]
	return d
}

func (d *direct) sign(worker int) error {
	if err := d.ctx.SignInit(d.sessions[worker], []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, d.key); err != nil {
		return err
	}
	_, err := d.ctx.Sign(d.sessions[worker], digest)
	return err
}

func (d *direct) derive(peer []byte) func(worker int) error {
	return func(worker int) error {
		s := d.sessions[worker]
		o, err := d.ctx.DeriveKey(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDH1_DERIVE, pkcs11.NewECDH1DeriveParams(pkcs11.CKD_NULL, nil, peer))}, d.key,
			[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
				pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, false),
				pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)})
		if err != nil {
			return err
		}
		_, err = d.ctx.GetAttributeValue(s, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)})
		return errors.Join(err, d.ctx.DestroyObject(s, o))
	}
}

func signs(b *testing.B, key keys.Key) func(int) error {
	return func(int) error { _, err := key.SignDigest(b.Context(), digest); return err }
}

func derives(b *testing.B, key keys.Key) func(int) error {
	peer := key.PublicKey().Uncompressed()
	return func(int) error { _, err := key.ECDH(b.Context(), peer); return err }
}

// unlocked opens a module and unlocks the token's key "both".
func unlocked(b *testing.B, module, label, pin string, inProcess bool) keys.Key {
	b.Helper()
	devices := open(b, module, inProcess)
	unlock(b, devices, label, pin)
	key, err := devices.Key(b.Context(), "pkcs11:token="+label+";object=both")
	if err != nil {
		b.Fatal(err)
	}
	return key
}

// BenchmarkIsolation compares signing and ECDH with the module in a process of
// its own, and in this one, with bare calls; those verify each signature, too.
//
//	sign-…-ratio             throughput of some callers ÷ that of as many bare sessions
//	added-µs                 what the process adds to a secp256k1 signature, at the median
func BenchmarkIsolation(b *testing.B) {
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		soft := softhsm.New(b, softhsm.Spec{Label: "bench-" + curve, Keys: []softhsm.Key{both(curve)}})
		b.Run(curve, func(b *testing.B) {
			own := unlocked(b, soft.Module, soft.Label, soft.PIN, false)
			in := unlocked(b, soft.Module, soft.Label, soft.PIN, true)
			floor := openDirect(b, soft.Module, soft.Label, soft.PIN, "both", 16)
			sig, err := own.SignDigest(b.Context(), digest)
			if err != nil {
				b.Fatal(err)
			}
			verified := func(worker int) error {
				if err := floor.sign(worker); err != nil {
					return err
				}
				return own.PublicKey().Verify(digest, sig)
			}
			ratios := map[string][]float64{}
			var isolated, inside []time.Duration
			for b.Loop() {
				for _, n := range []int{1, 2, 4, 8, 16} {
					_, bare := way{"direct", verified}.timed(b, 96, n)
					_, ours := way{"sign", signs(b, own)}.timed(b, 96, n)
					ratios[fmt.Sprintf("sign-%d-ratio", n)] = append(ratios[fmt.Sprintf("sign-%d-ratio", n)], float64(bare)/float64(ours))
					_, bare = way{"direct", floor.derive(own.PublicKey().Uncompressed())}.timed(b, 48, n)
					_, ours = way{"derive", derives(b, own)}.timed(b, 48, n)
					ratios[fmt.Sprintf("ecdh-%d-ratio", n)] = append(ratios[fmt.Sprintf("ecdh-%d-ratio", n)], float64(bare)/float64(ours))
				}
				each, _ := way{"own process", signs(b, own)}.timed(b, 48, 1)
				isolated = append(isolated, each...)
				each, _ = way{"in process", signs(b, in)}.timed(b, 48, 1)
				inside = append(inside, each...)
			}
			for name, v := range ratios {
				b.ReportMetric(middle(v), name)
			}
			b.ReportMetric(float64((quantile(isolated, 0.5)-quantile(inside, 0.5)).Nanoseconds())/1000, "added-µs")
		})
	}
}

// BenchmarkSlowToken is a token that does one thing at a time, as hardware does.
//
//	5ms-ratio, 20ms-ratio  throughput one after the other ÷ that of bare calls
//	p99-ratio              p99 of 4 callers ÷ that of 4 bare sessions
func BenchmarkSlowToken(b *testing.B) {
	for _, slow := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond} {
		b.Run(slow.String(), func(b *testing.B) {
			f := softhsm.NewFaulty(b, softhsm.Spec{Label: "slow-" + slow.String(), Keys: []softhsm.Key{both(jws.P256)}})
			f.Set(faults.Info("manufacturer", "Slow Tokens Ltd"), faults.Serial(slow))
			own := unlocked(b, f.Module, f.Token.Label, f.Token.PIN, false)
			floor := openDirect(b, f.Module, f.Token.Label, f.Token.PIN, "both", 4)
			var ratio, p99 []float64
			for b.Loop() {
				_, bare := way{"direct", floor.sign}.timed(b, 20, 1)
				_, ours := way{"sign", signs(b, own)}.timed(b, 20, 1)
				ratio = append(ratio, float64(bare)/float64(ours))
				raw, _ := way{"direct", floor.sign}.timed(b, 100, 4)
				queued, _ := way{"sign", signs(b, own)}.timed(b, 100, 4)
				p99 = append(p99, float64(quantile(queued, 0.99))/float64(quantile(raw, 0.99)))
			}
			b.ReportMetric(middle(ratio), "ratio")
			b.ReportMetric(middle(p99), "p99-ratio")
		})
	}
}

// BenchmarkRecovery measures how long work stops.
//
//	crash-ms   from the call that crashes the module to the next good signature: with
//	           its end noticed, the new process, the PIN, and the key found again
//	replug-ms  from the return of a pulled token to the next good signature
//	event-ms   from the pull of a token, or its return, to the news of it, at worst
func BenchmarkRecovery(b *testing.B) {
	f := softhsm.NewFaulty(b, softhsm.Spec{Label: "recovery", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	devices, err := Open(Config{Modules: Modules(f.Module)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = devices.Close() })
	news := make(chan bool, 16)
	go func() { _ = devices.Watch(b.Context(), func(_ Identity, present bool) { news <- present }) }()
	heard := func(want bool) time.Duration {
		start := time.Now()
		for {
			select {
			case got := <-news:
				if got == want {
					return time.Since(start)
				}
			case <-time.After(20 * time.Second):
				b.Fatalf("nobody was told that the token is present: %v", want)
			}
		}
	}
	d := unlock(b, devices, "recovery", f.Token.PIN)
	key, err := devices.Key(b.Context(), "pkcs11:object=both")
	if err != nil {
		b.Fatal(err)
	}
	again := func(start time.Time) (took time.Duration) {
		for {
			err := d.Login(b.Context(), []byte(f.Token.PIN), false)
			if err == nil {
				_, err = key.SignDigest(b.Context(), digest)
			}
			if err == nil {
				return time.Since(start)
			}
			if time.Since(start) > 20*time.Second {
				b.Fatal(err)
			}
			select {
			case <-time.After(time.Millisecond):
			case <-b.Context().Done():
			}
		}
	}
	var crash, replug, event []time.Duration
	for b.Loop() {
		if len(crash) > 0 { // as it would be in life: not twice within five seconds
			<-time.After(steady)
		}
		f.Set(faults.Crash("C_Sign").Times(1))
		began := time.Now()
		if _, err := key.SignDigest(b.Context(), digest); fault.CodeOf(err) != fault.ModuleFailed {
			b.Fatal(err)
		}
		crash = append(crash, again(began))
		heard(true) // of the new process
		f.Vanish()
		event = append(event, heard(false))
		f.Return()
		event = append(event, heard(true))
		f.Vanish()
		heard(false)
		f.Return()
		replug = append(replug, again(time.Now()))
	}
	b.ReportMetric(float64(quantile(crash, 0.5).Microseconds())/1000, "crash-ms")
	b.ReportMetric(float64(quantile(event, 1).Microseconds())/1000, "event-ms")
	b.ReportMetric(float64(quantile(replug, 0.5).Microseconds())/1000, "replug-ms")
}

// BenchmarkManyObjects signs on a token with 10 objects, and with 10,000.
func BenchmarkManyObjects(b *testing.B) {
	few := softhsm.New(b, softhsm.Spec{Label: "few", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	many := softhsm.New(b, softhsm.Spec{Label: "many", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	fill(b, few, 10)
	fill(b, many, 10_000)
	devices := open(b, few.Module, false)
	var ways []way
	for _, t := range []*softhsm.Token{few, many} {
		unlock(b, devices, t.Label, t.PIN)
		key, err := devices.Key(context.Background(), "pkcs11:token="+t.Label+";object=both")
		if err != nil {
			b.Fatal(err)
		}
		w := way{t.Label, signs(b, key)}
		w.timed(b, 4, 1)
		ways = append(ways, w)
	}
	var ratio []float64
	for b.Loop() {
		some, _ := ways[0].timed(b, 64, 1)
		all, _ := ways[1].timed(b, 64, 1)
		ratio = append(ratio, float64(quantile(all, 0.5))/float64(quantile(some, 0.5)))
	}
	b.ReportMetric(middle(ratio), "ratio")
}

// fill makes data objects in a token.
func fill(b *testing.B, t *softhsm.Token, n int) {
	b.Helper()
	d := openDirect(b, t.Module, t.Label, t.PIN, "both", 1)
	info, err := d.ctx.GetSessionInfo(d.sessions[0])
	if err != nil {
		b.Fatal(err)
	}
	writer, err := d.ctx.OpenSession(info.SlotID, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, err := d.ctx.CreateObject(writer, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_DATA),
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, fmt.Sprint("object ", i)), pkcs11.NewAttribute(pkcs11.CKA_VALUE, []byte{1})}); err != nil {
			b.Fatal(err)
		}
	}
	if err := d.ctx.Finalize(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPeer runs the same work through p11-kit's remoting (p11-kit server and
// p11-kit-client.so), the usual way to reach a module in another process. It
// refuses ECDH.
//
//	1-ratio, 16-ratio  signatures a second through this package ÷ through p11-kit
func BenchmarkPeer(b *testing.B) {
	soft := softhsm.New(b, softhsm.Spec{Label: "peer", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	remote := modules.Run(b, modules.Remote(soft.Store, soft.Spec))
	own := unlocked(b, soft.Module, soft.Label, soft.PIN, false)
	peer := openDirect(b, remote.Path, remote.Label, remote.PIN, "both", 16)
	ratios := map[int][]float64{}
	for b.Loop() {
		for _, n := range []int{1, 16} {
			_, theirs := way{"p11-kit", peer.sign}.timed(b, 96, n)
			_, ours := way{"sign", signs(b, own)}.timed(b, 96, n)
			ratios[n] = append(ratios[n], float64(theirs)/float64(ours))
		}
	}
	for n, v := range ratios {
		b.ReportMetric(middle(v), fmt.Sprintf("%d-ratio", n))
	}
	if err := peer.ctx.Finalize(); err != nil {
		b.Error(err)
	}
}
