package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// The sections of a WebAssembly module that matter here
// (WebAssembly Core Specification 2.0, 5.5).
const (
	customSection = 0
	dataSection   = 11
)

// mergedGap is how many zeros between two pieces of data are worth leaving out. Go's
// linker leaves out 8 already, which makes 77,000 pieces whose headers compress
// worse than the zeros do: 8 % of what is downloaded.
const mergedGap = 64

// repack returns a module of Go's that does the same and is smaller once it is
// compressed: its memory is written in few pieces, without the tables that only say
// which line of which file a program counter belongs to. What a crash prints still
// names the functions.
func repack(module []byte) ([]byte, error) {
	sections, err := split(module)
	if err != nil {
		return nil, err
	}
	out := append([]byte(nil), module[:preamble]...)
	for _, s := range sections {
		switch s.id {
		case customSection: // names of tools
			continue
		case dataSection:
			memory, err := unpackData(s.body)
			if err != nil {
				return nil, err
			}
			if err := dropLines(memory); err != nil {
				return nil, err
			}
			s.body = packData(memory, mergedGap)
		}
		out = append(out, s.id)
		out = binary.AppendUvarint(out, uint64(len(s.body)))
		out = append(out, s.body...)
	}
	return out, nil
}

// preamble is the length of a module's magic number and version.
const preamble = 8

type section struct {
	id   byte
	body []byte
}

func split(module []byte) ([]section, error) {
	if len(module) < preamble || string(module[:4]) != "\x00asm" {
		return nil, errors.New("repack: this is not a WebAssembly module")
	}
	var list []section
	for r := (reader{module[preamble:]}); len(r.rest) > 0; {
		id, err := r.byte()
		if err != nil {
			return nil, err
		}
		body, err := r.bytes()
		if err != nil {
			return nil, err
		}
		list = append(list, section{id, body})
	}
	return list, nil
}

// maxMemory bounds what a module may fill at its start, in bytes.
const maxMemory = 64 << 20

// unpackData returns the memory that the active segments of a data section fill.
func unpackData(body []byte) ([]byte, error) {
	r := reader{body}
	n, err := r.uint()
	if err != nil {
		return nil, err
	}
	var memory []byte
	for range n {
		at, data, err := r.segment()
		if err != nil {
			return nil, err
		}
		end := at + len(data)
		if at < 0 || end > maxMemory {
			return nil, fmt.Errorf("repack: a segment from %d to %d", at, end)
		}
		if end > len(memory) {
			memory = append(memory, make([]byte, end-len(memory))...)
		}
		copy(memory[at:], data)
	}
	if len(r.rest) > 0 {
		return nil, errors.New("repack: more follows the last segment")
	}
	return memory, nil
}

// packData writes a memory as segments, without runs of at least gap zeros.
func packData(memory []byte, gap int) []byte {
	zeros := make([]byte, gap)
	var body []byte
	n := 0
	for at := 0; ; n++ {
		for at < len(memory) && memory[at] == 0 {
			at++
		}
		if at == len(memory) {
			break
		}
		size := bytes.Index(memory[at:], zeros)
		if size < 0 {
			size = len(bytes.TrimRight(memory[at:], "\x00"))
		}
		body = append(body, 0, i32Const)
		body = appendInt(body, int64(at))
		body = append(body, end)
		body = binary.AppendUvarint(body, uint64(size))
		body = append(body, memory[at:at+size]...)
		at += size
	}
	return append(binary.AppendUvarint(nil, uint64(n)), body...)
}

// Instructions of the expression that says where a segment begins.
const (
	i32Const = 0x41
	end      = 0x0b
)

// reader reads the binary format, 5.2.
type reader struct{ rest []byte }

var errShort = errors.New("repack: the module is cut off")

func (r *reader) byte() (byte, error) {
	if len(r.rest) == 0 {
		return 0, errShort
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b, nil
}

func (r *reader) uint() (uint64, error) {
	v, n := binary.Uvarint(r.rest) // LEB128 without a sign is the same
	if n <= 0 {
		return 0, errShort
	}
	r.rest = r.rest[n:]
	return v, nil
}

func (r *reader) bytes() ([]byte, error) {
	n, err := r.uint()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(r.rest)) {
		return nil, errShort
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, nil
}

// int reads LEB128 with a sign.
func (r *reader) int() (int64, error) {
	var v int64
	for shift := 0; shift < 63; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v, nil
		}
	}
	return 0, errors.New("repack: a number is too long")
}

// segment reads one active segment of memory 0, the only kind that Go makes.
func (r *reader) segment() (at int, data []byte, err error) {
	head := [2]byte{}
	for i := range head {
		if head[i], err = r.byte(); err != nil {
			return 0, nil, err
		}
	}
	if head != [2]byte{0, i32Const} {
		return 0, nil, errors.New("repack: a segment of a kind that Go does not make")
	}
	v, err := r.int()
	if err != nil {
		return 0, nil, err
	}
	if b, err := r.byte(); err != nil || b != end {
		return 0, nil, errors.Join(errors.New("repack: a segment begins at more than a constant"), err)
	}
	data, err = r.bytes()
	return int(v), data, err
}

func appendInt(b []byte, v int64) []byte {
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
