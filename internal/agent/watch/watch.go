// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package watch waits for what happens in a directory, without polling it.
package watch

import (
	"context"
	"errors"
	"fmt"

	"github.com/fsnotify/fsnotify"
)

// Until returns once done does, which is asked at once and again after every
// change of a name or a file in the directory. A volume that the kubelet keeps
// changes by a swapped symbolic link in its root, which is such a change.
func Until(ctx context.Context, dir string, done func() (bool, error)) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	defer func() { _ = watcher.Close() }()
	if err := watcher.Add(dir); err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	for {
		// Asked after the watch was set, so that no change falls in between.
		ok, err := done()
		if err != nil || ok {
			return err
		}
		if err := next(ctx, watcher); err != nil {
			return fmt.Errorf("watch %s: %w", dir, err)
		}
	}
}

// next returns after one change. Events that were lost in an overflow count as
// one.
func next(ctx context.Context, watcher *fsnotify.Watcher) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("cut off: %w", context.Cause(ctx))
	case <-watcher.Events:
		return nil
	case err := <-watcher.Errors:
		if errors.Is(err, fsnotify.ErrEventOverflow) {
			return nil
		}
		return err
	}
}
