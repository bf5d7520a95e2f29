// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/quorate/quorate/hack/bench/stats"
)

// headings are those of the one table.
var headings = []string{
	"scenario", "by", "longest gap, s", "failed", "acknowledged", "but lost", "all voters back, s", "lowest tolerance", "fewest healthy voters", "verdict",
}

// table is everything in one: a line per scenario and subject.
func (r results) table() string {
	rows := [][]string{headings}
	for _, sc := range r.scenarios {
		for _, sub := range r.subjects {
			rows = append(rows, r.row(sc, sub))
		}
	}
	return markdown(rows)
}

func (r results) row(sc scenario, sub subject) []string {
	outcomes := r.of(sc, sub)
	figures := played(outcomes)
	row := []string{sc.title, sub.title()}
	if len(figures) == 0 {
		why := "not run"
		for _, o := range outcomes {
			if why = "skipped: " + o.skipped; o.skipped == "" {
				why = "not measured"
			}
		}
		row = append(row, why, "", "", "", "", "", "")
	} else {
		row = append(row,
			gapCell(figures),
			count(figures, func(o outcome) int { return o.writes.Failed }),
			count(figures, func(o outcome) int { return o.writes.Acknowledged }),
			lostCell(figures), backCell(figures),
			least(figures, func(o outcome) int { return o.low.Tolerance }),
			least(figures, func(o outcome) int { return o.low.Healthy }))
	}
	return append(row, r.verdict(sc, sub))
}

// verdict is only given on a Datastore.
func (r results) verdict(sc scenario, sub subject) string {
	if !sub.operated() {
		return ""
	}
	misses, judged := judge(sc.target, r.of(sc, sub), r.rival(sc))
	switch {
	case !judged:
		return ""
	case len(misses) == 0:
		return "pass"
	}
	return "FAIL"
}

// markdown aligns the columns, for those who read it as it is.
func markdown(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	line := func(row []string) {
		for i, cell := range row {
			b.WriteString("| " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + " ")
		}
		b.WriteString("|\n")
	}
	line(rows[0])
	for _, w := range widths {
		b.WriteString("|" + strings.Repeat("-", w+2))
	}
	b.WriteString("|\n")
	for _, row := range rows[1:] {
		line(row)
	}
	return b.String()
}

// seconds is one figure, or the median of several with least and most.
func seconds(s stats.Series) string {
	if len(s) == 1 {
		return fmt.Sprintf("%.2f", s.Median().Seconds())
	}
	return s.Spread()
}

func gapCell(of []outcome) string {
	for _, o := range of {
		if o.gap.Open && len(of) == 1 {
			return o.gap.Seconds()
		}
	}
	return seconds(gaps(of))
}

func backCell(of []outcome) string {
	back := backs(of)
	switch {
	case len(back) == 0:
		return "not back"
	case len(back) < len(of):
		return fmt.Sprintf("%s; %d of %d not back", seconds(back), len(of)-len(back), len(of))
	}
	return seconds(back)
}

func lostCell(of []outcome) string {
	lost := 0
	for _, o := range of {
		if !o.read {
			return "not readable"
		}
		lost += len(o.lost)
	}
	return fmt.Sprint(lost)
}

// count is a median, without its spread.
func count(of []outcome, get func(outcome) int) string {
	var s stats.Numbers
	for _, o := range of {
		s = append(s, get(o))
	}
	return fmt.Sprint(s.Median())
}

// least is the lowest over all runs.
func least(of []outcome, get func(outcome) int) string {
	low, known := 0, false
	for _, o := range of {
		if !o.low.Known {
			continue
		}
		if n := get(o); !known || n < low {
			low, known = n, true
		}
	}
	if !known {
		return "–"
	}
	return fmt.Sprint(low)
}
