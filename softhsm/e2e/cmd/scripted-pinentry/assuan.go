package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// What libgpg-error calls these, with pinentry as the source.
const (
	errCanceled  = "ERR 83886179 Operation cancelled <Pinentry>"
	errParameter = "ERR 83886360 IPC parameter error <Pinentry>"
	errUnknown   = "ERR 83886355 Unknown IPC command <Pinentry>"
)

// dialog is what was set before a prompt opens.
type dialog struct {
	title, text, prompt string
	earlier             string // pages before this one
}

// serve speaks Assuan until BYE or the end of in. A "hang" ends with in, which
// is when the bridge has gone; the bridge itself kills a prompt that it closes.
func serve(in io.Reader, out io.Writer, script string) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 1001), 1001)
	fmt.Fprintln(out, "OK Pleased to meet you")
	var d dialog
	for lines.Scan() {
		command, value, _ := strings.Cut(lines.Text(), " ")
		value, err := url.PathUnescape(value)
		if err != nil {
			fmt.Fprintln(out, errParameter)
			continue
		}
		reply := "OK"
		switch command {
		case "SETTITLE":
			d.title = value
		case "SETDESC":
			d.text = value
		case "SETPROMPT":
			d.prompt = value
		case "OPTION", "SETOK", "SETCANCEL", "SETNOTOK", "RESET", "NOP":
		case "SETERROR":
			d.text += "\n" + value
		case "GETINFO":
			fmt.Fprintln(out, "D scripted")
		case "CONFIRM", "MESSAGE": // a page before the last: read on
			d.earlier += d.text
		case "GETPIN":
			if reply, err = getpin(out, script, d); err != nil {
				return err
			}
			if reply == "" {
				_, err := io.Copy(io.Discard, in)
				return err
			}
			d.earlier = ""
		case "BYE":
			fmt.Fprintln(out, "OK closing connection")
			return nil
		default:
			reply = errUnknown
		}
		fmt.Fprintln(out, reply)
	}
	return lines.Err()
}

// getpin answers one prompt. It returns the final line, or "" for a prompt that
// hangs.
func getpin(out io.Writer, script string, d dialog) (string, error) {
	answer, err := take(script, d)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(answer, "\r\n") {
		return "", errors.New("an answer in the script has more than one line")
	}
	switch answer {
	case "hang":
		return "", nil
	case "decline", "reject", "":
		return errCanceled, nil
	case "approve":
		if word, ok := strings.CutPrefix(d.prompt, "Type "); ok {
			answer = strings.TrimSuffix(word, ":")
		}
	}
	fmt.Fprintln(out, "D "+strings.ReplaceAll(answer, "%", "%25"))
	return "OK", nil
}
