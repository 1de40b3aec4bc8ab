package main

import (
	"context"
	"errors"
)

type benchCommand struct{}

func (c *benchCommand) Run(context.Context) error { return errors.New("nothing is measured yet") }
