package main

import (
	"context"
	"os"

	"countersign/softhsm/e2e/bench"
)

type benchCommand struct {
	Only string `help:"Measure only the lines whose name starts with this." placeholder:"NAME"`
}

func (c *benchCommand) Run(ctx context.Context) error { return bench.Run(ctx, os.Stdout, c.Only) }
