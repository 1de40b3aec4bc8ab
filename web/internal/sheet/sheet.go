// Package sheet writes tables as CSV (RFC 4180) for programs of spreadsheets and accounting: a
// header, lines that end with CR LF, and texts that no such program takes for a formula. Spec:
// shared/spec/reports.md. web/internal/extract and web/internal/api are its users.
package sheet

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
)

// Kind is the content type of what [Table.CSV] writes.
const Kind = "text/csv; charset=utf-8; header=present"

// Table is a header and rows of as many cells.
type Table struct {
	Header []string
	Rows   [][]Cell
}

// Cell is a value of a table. The zero value is empty.
type Cell struct{ text string }

// Text is a cell with what a person, or a chain, wrote. One that begins with what a spreadsheet
// takes for a formula (= + - @), or for a character before one (tab, CR, LF), gets an
// apostrophe before it, which the spreadsheet does not show.
func Text(s string) Cell {
	if s != "" && strings.ContainsRune("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20", []rune(s)[0]) {
		return Cell{"'" + s}
	}
	return Cell{s}
}

// Figure is a cell with a number, which may begin with a minus. Anything else is a [Text].
func Figure(s string) Cell {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return Text(s)
	}
	return Cell{s}
}

// Moment is a cell with a time, in UTC to the millisecond; empty where there is none.
func Moment(t time.Time) Cell {
	if t.IsZero() {
		return Cell{}
	}
	return Cell{Timestamp(t)}
}

// Timestamp is a time as tables, and the files beside them, have it.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Number is a cell with a whole number; nil: it is missing.
func Number(n *int64) Cell {
	if n == nil {
		return Cell{}
	}
	return Figure(strconv.FormatInt(*n, 10))
}

// CSV writes the table. It fails when a row has another number of cells than the header.
func (t Table) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write(t.Header); err != nil {
		return nil, err
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = c.text
		}
		if len(cells) != len(t.Header) {
			return nil, csv.ErrFieldCount
		}
		if err := w.Write(cells); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}
