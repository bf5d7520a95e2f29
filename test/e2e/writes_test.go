//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/hack/target"
	"github.com/quorate/quorate/test/wrappers"
)

var _ = Describe("What the operator writes", Ordered, func() {
	var key types.NamespacedName

	BeforeAll(func(ctx SpecContext) {
		if cluster.Kind != target.Local {
			Skip("only the local cluster keeps an audit log that this test can read")
		}
		key = types.NamespacedName{Namespace: newNamespace(ctx, "writes"), Name: "consul"}
	})

	It("forms three members with few requests", func(ctx SpecContext) {
		expectApplied(ctx, wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).Obj())
		took := expectSettled(ctx, key, 3)
		written := operatorWrites(ctx, key.Namespace)
		AddReportEntry("write requests to form three members", describe(written))
		objects, status := 0, 0
		for what, n := range written {
			switch {
			case strings.Contains(what, "events"):
			case strings.HasSuffix(what, "datastores/status"):
				status += n
			default:
				objects += n
			}
		}
		GinkgoWriter.Printf("%d object writes, %d status writes:\n%s\n", objects, status, describe(written))
		Expect(objects).To(BeNumerically(">=", 10), "the audit log does not show the formation")
		Expect(objects).To(BeNumerically("<=", 24), describe(written))
		// What lasts for three seconds is worth a write, so that a slow machine has more.
		Expect(status).To(BeNumerically("<=", 4+int(took/(3*time.Second))), "in %s: %s", took, describe(written))
	})

	It("writes nothing at rest", func(ctx SpecContext) {
		window := 60 * time.Second
		if os.Getenv("QUORATE_REST") != "" {
			var err error
			window, err = time.ParseDuration(os.Getenv("QUORATE_REST"))
			Expect(err).NotTo(HaveOccurred())
		}
		before := describe(operatorWrites(ctx, key.Namespace))
		Consistently(ctx, func() string { return describe(operatorWrites(ctx, key.Namespace)) }).
			WithTimeout(window).WithPolling(5 * time.Second).Should(Equal(before))
	})
})

// operatorWrites counts the operator's write requests in a namespace, by verb
// and resource, from the audit log.
func operatorWrites(ctx SpecContext, namespace string) map[string]int {
	GinkgoHelper()
	config, err := cluster.Kubeconfig(ctx)
	Expect(err).NotTo(HaveOccurred())
	f, err := os.Open(filepath.Join(filepath.Dir(config), "log", "audit.log"))
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(f.Close()).To(Succeed()) }()
	out := map[string]int{}
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var e struct {
			Verb string
			User struct{ Username string }
			Ref  struct{ Namespace, Resource, Subresource string } `json:"objectRef"`
		}
		if json.Unmarshal(scanner.Bytes(), &e) != nil || e.Ref.Namespace != namespace ||
			e.User.Username != "system:serviceaccount:"+operatorNamespace+":quorate-manager" {
			continue
		}
		what := e.Verb + " " + e.Ref.Resource
		if e.Ref.Subresource != "" {
			what += "/" + e.Ref.Subresource
		}
		out[what]++
	}
	Expect(scanner.Err()).NotTo(HaveOccurred())
	return out
}

// describe lists counts in order.
func describe(counts map[string]int) string {
	var lines []string
	for what, n := range counts {
		lines = append(lines, fmt.Sprintf("%3d %s", n, what))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
