package dashboard

import (
	"strconv"
	"strings"
)

// codings are what files may be compressed with, the smallest result first, and
// how the bundle names the files.
var codings = []struct{ name, ext string }{{"br", ".br"}, {"gzip", ".gz"}}

// coding returns the name of the coding of forms that a client prefers, as its
// Accept-Encoding headers say (RFC 9110 §12.5.3); empty for none. Of equal weights
// the smallest result wins. A client that accepts nothing at all gets the file as
// it is, as the standard advises.
func coding(accept []string, forms map[string][]byte) string {
	weights := weights(accept)
	best, most := "", weights["identity"] // 0 unless it is named: then compressed is preferred
	for _, c := range codings {
		if forms[c.name] == nil {
			continue
		}
		weight, named := weights[c.name]
		if !named {
			weight = weights["*"]
		}
		if weight > most || weight == most && weight > 0 && best == "" {
			best, most = c.name, weight
		}
	}
	return best
}

// weights reads Accept-Encoding: the weight of each coding by its name. What is not
// well-formed is as if it were not there.
func weights(accept []string) map[string]float64 {
	read := map[string]float64{}
	for _, v := range accept {
		for part := range strings.SplitSeq(strings.ToLower(v), ",") {
			name, params, has := strings.Cut(part, ";")
			name, weight := strings.TrimSpace(name), 1.0
			if has {
				value, isWeight := strings.CutPrefix(strings.TrimSpace(params), "q=")
				q, err := strconv.ParseFloat(value, 64)
				if !isWeight || err != nil || !(q >= 0 && q <= 1) {
					continue
				}
				weight = q
			}
			if name == "x-gzip" { // the same (RFC 9110 §8.4.1.3)
				name = "gzip"
			}
			if name != "" {
				read[name] = max(read[name], weight)
			}
		}
	}
	return read
}
