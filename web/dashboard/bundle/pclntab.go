package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The table of functions in a Go program, as the linker of Go 1.27 writes it and its
// runtime reads it (runtime/symtab.go pcHeader, runtime/runtime2.go _func,
// internal/abi/symtab.go).
const (
	magic        = 0xfffffff1
	pointer      = 8 // bytes of a pointer in js/wasm
	headerFields = 8 // of pointer size, after eight bytes
	funcSize     = 44
)

// Offsets in a _func.
const (
	funcPCSP     = 16
	funcPCFile   = 20
	funcPCLine   = 24
	funcNPCData  = 28
	funcUnit     = 32 // cuOffset, then startLine
	unsafePoint  = 0  // pcdata that only preemption by signals asks for: js/wasm has none
	argLiveIndex = 3  // pcdata that only the printing of arguments asks for
)

// dropLines blanks, in the memory of a program, what says to which file and line a
// program counter belongs. To the runtime an offset of 0 means that there is no table;
// a traceback then prints the function, and "?" for its file.
func dropLines(memory []byte) error {
	h, err := findHeader(memory)
	if err != nil {
		return err
	}
	field := func(i int) int { return int(binary.LittleEndian.Uint64(memory[h+8+i*pointer:])) }
	functions, units, files, tables, table := field(0), h+field(4), h+field(5), h+field(6), h+field(7)
	if functions <= 0 || !(h < units && units <= files && files <= tables && tables < table && table+8*functions < len(memory)) {
		return errors.New("repack: the table of functions is not one of this Go release")
	}
	kept, dropped := map[uint32]bool{}, map[uint32]bool{}
	for i := range functions {
		f := table + int(binary.LittleEndian.Uint32(memory[table+8*i+4:]))
		if f+funcSize > len(memory) {
			return fmt.Errorf("repack: function %d lies outside the memory", i)
		}
		blank := func(at int) {
			dropped[binary.LittleEndian.Uint32(memory[at:])] = true
			clear(memory[at : at+4])
		}
		kept[binary.LittleEndian.Uint32(memory[f+funcPCSP:])] = true
		blank(f + funcPCFile)
		blank(f + funcPCLine)
		clear(memory[f+funcUnit : f+funcUnit+8])
		n := int(binary.LittleEndian.Uint32(memory[f+funcNPCData:]))
		if n > 8 {
			return fmt.Errorf("repack: function %d has %d tables", i, n)
		}
		for k := range n {
			at := f + funcSize + 4*k
			if k == unsafePoint || k == argLiveIndex {
				blank(at)
			} else {
				kept[binary.LittleEndian.Uint32(memory[at:])] = true
			}
		}
	}
	clear(memory[units:tables]) // names of files
	return blankTables(memory[tables:table], kept, dropped)
}

// findHeader returns where the table of functions begins: the one place with its
// magic number, the size of an instruction and that of a pointer.
func findHeader(memory []byte) (int, error) {
	head := binary.LittleEndian.AppendUint32(nil, magic)
	head = append(head, 0, 0, 1, pointer)
	at := bytes.Index(memory, head)
	switch {
	case at < 0 || at+8+headerFields*pointer > len(memory):
		return 0, errors.New("repack: no table of functions of this Go release")
	case bytes.Contains(memory[at+1:], head):
		return 0, errors.New("repack: more than one table of functions")
	}
	return at, nil
}

// blankTables clears the tables that are dropped and not kept for another use: equal
// tables are there once.
func blankTables(tables []byte, kept, dropped map[uint32]bool) error {
	var starts []uint32
	for _, set := range []map[uint32]bool{kept, dropped} {
		for at := range set {
			if int(at) >= len(tables) {
				return fmt.Errorf("repack: a table at %d of %d", at, len(tables))
			}
			starts = append(starts, at)
		}
	}
	slices.Sort(starts)
	starts = append(slices.Compact(starts), uint32(len(tables)))
	for i, at := range starts[:len(starts)-1] {
		if at != 0 && dropped[at] && !kept[at] {
			clear(tables[at:starts[i+1]])
		}
	}
	return nil
}
