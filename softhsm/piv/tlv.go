package piv

import "errors"

var errTLV = errors.New("piv: not a sequence of BER-TLV elements")

// tlv encodes one element with a tag of one or more bytes.
func tlv(tag uint32, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	var b []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if t := byte(tag >> shift); t != 0 || shift == 0 {
			b = append(b, t)
		}
	}
	switch {
	case n < 0x80:
		b = append(b, byte(n))
	case n < 0x100:
		b = append(b, 0x81, byte(n))
	default:
		b = append(b, 0x82, byte(n>>8), byte(n))
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// element is a decoded TLV with a tag of one byte, which is all that commands to
// the card contain.
type element struct {
	tag   byte
	value []byte
}

// elements decodes a sequence, strictly: shortest lengths, nothing left over.
func elements(b []byte) (all []element, err error) {
	for len(b) > 0 {
		if len(b) < 2 || b[0]&0x1f == 0x1f {
			return nil, errTLV
		}
		tag, n, head := b[0], int(b[1]), 2
		switch {
		case n == 0x81 && len(b) > 2 && b[2] >= 0x80:
			n, head = int(b[2]), 3
		case n == 0x82 && len(b) > 3 && b[2] > 0:
			n, head = int(b[2])<<8|int(b[3]), 4
		case n >= 0x80:
			return nil, errTLV
		}
		if len(b) < head+n {
			return nil, errTLV
		}
		all = append(all, element{tag, b[head : head+n]})
		b = b[head+n:]
	}
	return all, nil
}
