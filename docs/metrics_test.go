// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

const metricsPage = "docs/guide/metrics.md"

var (
	familyForm = regexp.MustCompile(`(?:family\(|Name:\s+)"(quorate_[a-z_]+)"`)
	seriesForm = regexp.MustCompile(`quorate_[a-z_]+`)
)

// TestMetricsAreDescribed also sees to it that alerts are about metrics that
// there are.
func TestMetricsAreDescribed(t *testing.T) {
	var defined, described []string
	for _, m := range familyForm.FindAllStringSubmatch(source(t, "internal/controller"), -1) {
		defined = append(defined, m[1])
	}
	for name := range rows(t, metricsPage, "## What there is") {
		if strings.HasPrefix(name, "quorate_") {
			described = append(described, name)
		}
	}
	sameNames(t, metricsPage, defined, described)
	if len(defined) < 12 {
		t.Errorf("only the metrics %v were found", defined)
	}
	alerts := 0
	_, blocks := split(read(t, metricsPage))
	for _, b := range blocks {
		if !strings.Contains(b.text, "alert:") {
			continue
		}
		for _, name := range seriesForm.FindAllString(b.text, -1) {
			alerts++
			if !slices.Contains(defined, name) {
				t.Errorf("%s has an alert about %s, which nothing defines", metricsPage, name)
			}
		}
	}
	if alerts < 6 {
		t.Errorf("only %d series were found in alerts", alerts)
	}
}
