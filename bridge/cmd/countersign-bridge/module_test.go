package main

import (
	"os"
	"testing"

	"countersign/bridge/internal/device"
)

func TestMain(m *testing.M) {
	if device.Child() { // a test binary runs the modules that it opens, too
		return
	}
	os.Exit(test(m))
}

func test(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "countersign-programs-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(programs) // a folder that stays is not a failure
	return m.Run()
}
