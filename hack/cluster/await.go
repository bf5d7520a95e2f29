// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quorate/quorate/hack/cluster/daemon"
)

const (
	// pollEvery is between two looks at something that is being waited for.
	pollEvery = 50 * time.Millisecond
	// tailLines is how much of a log goes into an error.
	tailLines = 15
)

// await asks until the answer is nil. It gives up when the context ends, or as soon as one of the processes that the
// answer depends on has ended; the end of a log is then part of the error.
func (c *Cluster) await(ctx context.Context, what string, ask func(context.Context) error, on ...daemon.Record) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		last := ask(ctx)
		if last == nil {
			return nil
		}
		for _, process := range on {
			if !process.Alive() {
				return fmt.Errorf("waiting for %s: process %s has ended (%w)%s",
					what, process.Name, last, c.tail(process.Name))
			}
		}
		select {
		case <-ctx.Done():
			err := fmt.Errorf("waiting for %s: %w", what, errors.Join(ctx.Err(), last))
			if len(on) > 0 {
				err = fmt.Errorf("%w%s", err, c.tail(on[0].Name))
			}
			return err
		case <-ticker.C:
		}
	}
}

// tail is the end of a process's log, ready to follow an error.
func (c *Cluster) tail(process string) string {
	path := c.Paths().Log(process)
	text, err := daemon.Tail(path, tailLines)
	if err != nil {
		return fmt.Sprintf("\n(no log: %v)", err)
	}
	return fmt.Sprintf("\nThe end of %s:\n%s", path, text)
}
