// Command unwinds uses what a Go program reads of its table of functions: it grows
// stacks, collects garbage while they are deep, recovers, and ends in a panic.
package main

import (
	"runtime"
	"strings"
)

func main() {
	done := make(chan int)
	go func() { done <- deep(20_000) }()
	println("depth", <-done)
	println("recovered", recovered())
	println("caller", caller())
	worst(nil)
}

// deep keeps pointers in each of its frames while the stack moves.
func deep(n int) int {
	text := strings.Repeat("x", n%7+1)
	if n == 0 {
		runtime.GC()
		return 0
	}
	if n%1000 == 0 {
		runtime.GC()
	}
	return deep(n-1) + len(text) - n%7
}

func recovered() (text string) {
	defer func() { text = recover().(error).Error() }()
	var m map[string]int
	m["a"] = 1
	return "nothing"
}

func caller() string {
	pc, _, _, _ := runtime.Caller(0)
	return runtime.FuncForPC(pc).Name()
}

//go:noinline
func worst(p *int) { println(*p) }
