package signer

import (
	"strings"
	"testing"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// long is a log in memory.
type long []string

func (l long) Lines(seq int64, n int) ([]string, error) { return l[seq : seq+int64(n)], nil }

// impacts is how many requests are replayed: a fifth of what is reported.
const impacts = 20_000

// BenchmarkImpact computes what a change does over a log of requests that two members approved,
// from its lines. Their signatures, which nothing looks at, are of other entries.
func BenchmarkImpact(b *testing.B) {
	g := newRig(b, twoOfThree())
	alice, carol := mustConnect(b, g, "mem_alice"), mustConnect(b, g, "mem_carol")
	first := g.request(newRequestID(b)).Request
	for _, l := range []*membertest.Line{alice, carol} {
		if _, _, err := l.Decide(first, statement.Approve); err != nil {
			b.Fatal(err)
		}
	}
	all := repeated(b, g.lines(), first, impacts)
	before := g.service.state.Governance
	wants, err := tightened(1).Fill(g.service.state)
	if err != nil {
		b.Fatal(err)
	}
	after, err := before.After(wants.(intent.Change))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		mark := signedlog.Mark{Size: int64(len(all))}
		r, err := report(before, after, &mark, retell(b.Context(), long(all), before, &mark))
		if err != nil || r.Counts.More != impacts {
			b.Fatal(err, r.Counts)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*100_000/impacts, "s")
}

// repeated is a log with its one request n times, each time under another id.
func repeated(b *testing.B, lines []string, request string, n int) []string {
	b.Helper()
	all := []string{lines[0]}
	for range n {
		id := newRequestID(b)
		for _, line := range lines[1:] {
			payload, err := jws.Payload(line)
			if err != nil {
				b.Fatal(err)
			}
			e, err := signedlog.Decode(payload)
			if err != nil {
				b.Fatal(err)
			}
			var body any
			switch e.Type {
			case signedlog.Approval:
				var d signedlog.DecisionBody
				if err := strictjson.Unmarshal(e.Body, &d, signedlog.MaxBody); err != nil {
					b.Fatal(err)
				}
				said, err := jws.Payload(d.JWS)
				if err != nil {
					b.Fatal(err)
				}
				d.Request, d.JWS = id, with(d.JWS, strings.Replace(string(said), request, id, 1))
				body = d
			default:
				body = strictjson.Raw(strings.Replace(string(e.Body), `"request":"`+request, `"request":"`+id, 1))
			}
			if e.Body, err = strictjson.Canonical(body); err != nil {
				b.Fatal(err)
			}
			e.Seq, e.Prev = int64(len(all)), signedlog.Hash([]byte(all[len(all)-1]))
			if payload, err = signedlog.Encode(e); err != nil {
				b.Fatal(err)
			}
			all = append(all, with(line, string(payload)))
		}
	}
	return all
}

// with is a JWS with another payload, whose signature does not hold.
func with(token, payload string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + b64([]byte(payload)) + "." + parts[2]
}
