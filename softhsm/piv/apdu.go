package piv

import "errors"

// status is what a card says at the end of each answer, SW1 SW2.
type status uint16

const (
	ok                 status = 0x9000
	moreData           status = 0x6100 // the low byte: how much
	wrongPIN           status = 0x63c0 // the low nibble: tries left
	wrongLength        status = 0x6700
	noChannels         status = 0x6881
	noSecureMessaging  status = 0x6882
	lastOfChainMissing status = 0x6883
	securityStatus     status = 0x6982
	blocked            status = 0x6983
	badData            status = 0x6a80
	notFound           status = 0x6a82
	badParameters      status = 0x6a86
	noReference        status = 0x6a88
	badInstruction     status = 0x6d00
	badClass           status = 0x6e00
)

// command is an APDU as ISO/IEC 7816-4 has it, in its short form.
type command struct {
	cla, ins, p1, p2 byte
	data             []byte
	le               int // how much answer is wanted; 0: none
}

const (
	maxAPDU  = 4 + 1 + 255 + 1
	maxChain = 2048 // bytes of data of a chained command
)

var errLength = errors.New("piv: the lengths of the APDU do not agree")

// parse reads an APDU: a header, then nothing (case 1), Le (2), Lc and data (3),
// or Lc, data and Le (4). The extended form is refused: the card does not say
// that it has it.
func parse(b []byte) (command, error) {
	if len(b) < 4 || len(b) > maxAPDU {
		return command{}, errLength
	}
	c := command{cla: b[0], ins: b[1], p1: b[2], p2: b[3]}
	body := b[4:]
	switch {
	case len(body) == 0:
		return c, nil
	case len(body) == 1:
		c.le = expected(body[0])
		return c, nil
	}
	n := int(body[0])
	if n == 0 || len(body) != 1+n && len(body) != 2+n {
		return command{}, errLength
	}
	c.data = body[1 : 1+n]
	if len(body) == 2+n {
		c.le = expected(body[1+n])
	}
	return c, nil
}

// expected decodes Le: 0 stands for 256.
func expected(b byte) int {
	if b == 0 {
		return 256
	}
	return int(b)
}

func answer(data []byte, s status) []byte {
	return append(append(make([]byte, 0, len(data)+2), data...), byte(s>>8), byte(s))
}
