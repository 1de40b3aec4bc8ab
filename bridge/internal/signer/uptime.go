package signer

import (
	"crypto/rand"
	"time"
)

// A process stands for the start of its computer where the system does not tell.
var (
	processID    = rand.Text()
	processStart = time.Now()
)
