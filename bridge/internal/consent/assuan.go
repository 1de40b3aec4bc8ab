package consent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Assuan is the line protocol of pinentry. A line has at most 1,000 bytes
// before its line feed; the client sends a command, the server answers with
// comments, status lines and data lines, and then OK or ERR. Data and
// parameters escape %, CR and LF as %XX.
const (
	maxAssuanLine  = 1000
	maxAssuanLines = 64 // of one answer
)

// Error codes of libgpg-error, the low 16 bits of an ERR line's number.
const (
	gpgTimeout       = 62
	gpgCanceled      = 99
	gpgNotConfirmed  = 114
	gpgFullyCanceled = 198
	gpgTooSmall      = 301 // of pinentry-curses
	gpgNoPINEntry    = 86
	gpgCodeMask      = 0xffff
)

// assuanError is an ERR answer. The server's text is kept for the log only.
type assuanError struct {
	code int
	text string
}

func (e *assuanError) Error() string {
	return fmt.Sprintf("pinentry error %d: %s", e.code, Line(e.text))
}

// said reports whether the person said no, in one of the ways of the various
// pinentry programs.
func (e *assuanError) said() bool {
	return e.code == gpgCanceled || e.code == gpgNotConfirmed || e.code == gpgFullyCanceled
}

// assuan is the client's side of one connection.
type assuan struct {
	in  *bufio.Reader
	out io.Writer
}

func newAssuan(in io.Reader, out io.Writer) *assuan {
	return &assuan{in: bufio.NewReaderSize(in, maxAssuanLine+1), out: out}
}

// hello reads the server's greeting.
func (a *assuan) hello() error {
	_, err := a.answer()
	return err
}

// call sends one command and returns the data of its answer; the caller wipes
// it. parameter is escaped here.
func (a *assuan) call(command, parameter string) ([]byte, error) {
	line := command
	if parameter != "" {
		line += " " + escape(parameter)
	}
	if len(line) > maxAssuanLine {
		return nil, fmt.Errorf("pinentry: command %s is longer than %d bytes", command, maxAssuanLine)
	}
	if _, err := io.WriteString(a.out, line+"\n"); err != nil {
		return nil, fmt.Errorf("pinentry: send %s: %w", command, err)
	}
	return a.answer()
}

// answer reads lines up to OK or ERR.
func (a *assuan) answer() ([]byte, error) {
	var data []byte
	fail := func(err error) ([]byte, error) {
		clear(data)
		return nil, err
	}
	for range maxAssuanLines {
		line, err := a.in.ReadSlice('\n')
		if err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = fmt.Errorf("a line is longer than %d bytes", maxAssuanLine)
			} else if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fail(fmt.Errorf("pinentry: read the answer: %w", err))
		}
		word, rest := cutWord(line[:len(line)-1])
		switch word {
		case "OK":
			return data, nil
		case "ERR":
			return fail(parseError(rest))
		case "D":
			if data == nil {
				data = make([]byte, 0, maxAssuanLine) // one array, so that it can be wiped
			}
			if len(data)+len(rest) > cap(data) {
				return fail(fmt.Errorf("pinentry: the answer is longer than %d bytes", maxAssuanLine))
			}
			data, err = unescape(data, rest)
			clear(line)
			if err != nil {
				return fail(err)
			}
		case "S", "#":
		case "INQUIRE": // nothing that we send makes a pinentry ask back
			return fail(errors.New("pinentry: it asks for something that was not offered"))
		default:
			if strings.HasPrefix(word, "#") {
				continue
			}
			return fail(errors.New("pinentry: the answer is not Assuan"))
		}
	}
	return fail(fmt.Errorf("pinentry: the answer has more than %d lines", maxAssuanLines))
}

// cutWord splits a line at its first space without copying the rest.
func cutWord(line []byte) (word string, rest []byte) {
	for i, c := range line {
		if c == ' ' {
			return string(line[:i]), line[i+1:]
		}
	}
	return string(line), nil
}

func parseError(rest []byte) error {
	number, text, _ := strings.Cut(string(rest), " ")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n&gpgCodeMask == 0 {
		return errors.New("pinentry: an ERR line has no number")
	}
	return &assuanError{code: int(n & gpgCodeMask), text: text}
}

// escape makes a parameter fit for one line.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c == '%' || c < ' ' || c == 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// unescape appends the decoded data of a D line to dst.
func unescape(dst, s []byte) ([]byte, error) {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			dst = append(dst, s[i])
			continue
		}
		if i+2 >= len(s) {
			return dst, errors.New("pinentry: an escape in the answer is cut off")
		}
		hi, ok1 := unhex(s[i+1])
		lo, ok2 := unhex(s[i+2])
		if !ok1 || !ok2 {
			return dst, errors.New("pinentry: an escape in the answer is not hexadecimal")
		}
		dst = append(dst, hi<<4|lo)
		i += 2
	}
	return dst, nil
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
