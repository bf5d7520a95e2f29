// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package portrait

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Addresses are given out by chance, and one may begin like another.
func TestAddressesThatBeginAlikeAreToldApart(t *testing.T) {
	chance := map[string]string{"10.96.1.1": "ADDRESS-db-0", "10.96.1.18": "ADDRESS-db-1"}
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "db-config"}, Data: map[string]string{"addresses": "10.96.1.1 10.96.1.18"}}
	got, err := draw(config, chance)
	if err != nil {
		t.Fatal(err)
	}
	if want := "ADDRESS-db-0 ADDRESS-db-1"; !strings.Contains(got, want) {
		t.Errorf("want %s in %s", want, got)
	}
}
