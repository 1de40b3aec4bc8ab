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
	os.Exit(m.Run())
}
