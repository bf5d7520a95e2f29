// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"time"

	"github.com/quorate/quorate/hack/bench/quorum"
)

// watch applies the scenario, and looks on until all is well for a while or that
// is given up.
func (p *player) watch(ctx context.Context, sc scenario, st *stage, out *outcome) error {
	applying := make(chan error, 1)
	go func() { applying <- sc.apply(ctx, st) }()
	limit := sc.limit
	if limit == 0 {
		limit = usualLimit
	}
	ticker := time.NewTicker(quorum.Every)
	defer ticker.Stop()
	var applied time.Time
	last := ""
	for {
		select {
		case <-ctx.Done():
			// It ends with ctx, too, and undoes what must not stay.
			return errors.Join(ctx.Err(), <-applying)
		case err := <-applying:
			if err != nil {
				return err
			}
			applied = time.Now()
		case <-ticker.C:
		}
		out.lacks = sc.lacks(st, st.poller.Last())
		if out.lacks != last && out.lacks != unseen {
			last = out.lacks
			st.say("%s", orAll(last))
		}
		if applied.IsZero() {
			continue
		}
		if sc.isOver(st, applied, out) || time.Since(later(applied, st.since())) > limit {
			return nil
		}
	}
}

// unseen is what is missing before the first look.
const unseen = "not looked at yet"

func orAll(lacks string) string {
	if lacks == "" {
		return "all voters"
	}
	return lacks
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// lacks says what is missing in what is seen, besides that it must last.
func (sc scenario) lacks(st *stage, now quorum.Sample) string {
	if now.At.Before(st.since()) {
		return unseen
	}
	if why := now.Lacks(sc.size()); why != "" || sc.over == nil {
		return why
	}
	return sc.over(st, now)
}

// isOver tells whether all has been well for a while, also since the scenario
// was applied to its end, and notes since when.
func (sc scenario) isOver(st *stage, applied time.Time, out *outcome) bool {
	since, whole := quorum.Since(st.poller.Samples(), hold, func(s quorum.Sample) bool { return sc.lacks(st, s) == "" })
	if !whole || time.Since(applied) < hold {
		return false
	}
	out.whole, out.back = true, since.Sub(st.since())
	return true
}
