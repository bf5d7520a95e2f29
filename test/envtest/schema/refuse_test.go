// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/wrappers"
)

var _ = Describe("A Datastore that cannot be right", func() {
	entries := make([]any, 0, len(onCreation)+1)
	entries = append(entries, func(ctx context.Context, r refusal) {
		expectRefusal(try(ctx, r.build().Obj()), r.field, r.message)
	})
	for _, r := range onCreation {
		entries = append(entries, Entry(r.input, r))
	}
	DescribeTable("is refused, naming field and remedy", entries...)

	It("cannot have a field that is not in the schema", func(ctx context.Context) {
		object := asUnstructured(sample().Obj())
		Expect(unstructured.SetNestedField(object.Object, true, "spec", "stop")).To(Succeed())
		Expect(try(ctx, object)).To(MatchError(ContainSubstring(`unknown field "spec.stop"`)))
	})

	It("needs engine, version and storage", func(ctx context.Context) {
		object := asUnstructured(sample().Obj())
		object.Object["spec"] = map[string]any{}
		err := try(ctx, object)
		for _, field := range []string{"spec.engine", "spec.version", "spec.storage"} {
			expectRefusal(err, field, "Required value")
		}
	})
})

var _ = Describe("A change of a Datastore", func() {
	entries := make([]any, 0, len(onChange)+1)
	entries = append(entries, func(ctx context.Context, c change) {
		before := sample()
		after := wrappers.MakeDatastore(before.Obj().Name)
		c.from(before)
		c.to(after)
		old := stored(ctx, before)
		changed := after.Obj()
		changed.ResourceVersion = old.ResourceVersion
		expectRefusal(api.Update(ctx, changed), c.field, c.message)
	})
	for _, c := range onChange {
		entries = append(entries, Entry(c.input, c))
	}
	DescribeTable("is refused where it would be ignored or cost data", entries...)

	DescribeTable("is accepted where it can be followed",
		func(ctx context.Context, from, to func(*wrappers.DatastoreWrapper)) {
			before := sample()
			after := wrappers.MakeDatastore(before.Obj().Name)
			from(before)
			to(after)
			old := stored(ctx, before)
			changed := after.Obj()
			changed.ResourceVersion = old.ResourceVersion
			Expect(api.Update(ctx, changed)).To(Succeed())
		},
		Entry("more storage", asItWas, func(w *wrappers.DatastoreWrapper) { w.StorageSize("10Gi") }),
		Entry("the same storage in another unit", asItWas, func(w *wrappers.DatastoreWrapper) { w.StorageSize("1024Mi") }),
		Entry("a little more storage in another unit", func(w *wrappers.DatastoreWrapper) { w.StorageSize("1G") },
			func(w *wrappers.DatastoreWrapper) { w.StorageSize("1000000001") }),
		Entry("the same CPU in another unit", func(w *wrappers.DatastoreWrapper) { w.Request("cpu", "1000m").Limit("cpu", "1") },
			func(w *wrappers.DatastoreWrapper) { w.Request("cpu", "1").Limit("cpu", "1000m") }),
		Entry("the default datacenter written out", asItWas, func(w *wrappers.DatastoreWrapper) { w.Datacenter("dc1") }),
		Entry("the default datacenter left out", func(w *wrappers.DatastoreWrapper) { w.Datacenter("dc1") }, asItWas),
		Entry("the same class", func(w *wrappers.DatastoreWrapper) { w.StorageClass("fast") },
			func(w *wrappers.DatastoreWrapper) { w.StorageClass("fast").Paused(true) }),
		Entry("another version", asItWas, func(w *wrappers.DatastoreWrapper) { w.Version("1.21.5") }),
		Entry("stopped", asItWas, func(w *wrappers.DatastoreWrapper) { w.Stopped(true) }),
		Entry("started again", func(w *wrappers.DatastoreWrapper) { w.Stopped(true) }, asItWas),
		Entry("downtime allowed", asItWas, func(w *wrappers.DatastoreWrapper) { w.Disruption(v1alpha1.DisruptionAllowDowntime) }),
		Entry("downtime no longer allowed", func(w *wrappers.DatastoreWrapper) { w.Disruption(v1alpha1.DisruptionAllowDowntime) }, asItWas),
		Entry("another retention", asItWas, func(w *wrappers.DatastoreWrapper) { w.Retention(deleteAll) }),
		Entry("retention back to nothing deleted", func(w *wrappers.DatastoreWrapper) { w.Retention(deleteAll) }, asItWas),
		Entry("other replicas", asItWas, func(w *wrappers.DatastoreWrapper) { w.Replicas(5) }),
	)

	It("keeps the engine, whatever engines there are", func() {
		// There is one engine only, so that no other can be asked for yet: the rule itself is looked at.
		Expect(rulesAt(definition(), "spec", "engine")).To(ContainElement(HaveField("Rule", "self == oldSelf")))
	})
})

var _ = Describe("The tables above", func() {
	It("trip every rule of the schema", func() {
		const untripped = "engine cannot be changed" // looked at above.
		for path, rules := range allRules(definition()) {
			for _, rule := range rules {
				tripped := strings.Contains(rule.Message, untripped)
				for _, r := range onCreation {
					tripped = tripped || strings.Contains(rule.Message, r.message)
				}
				for _, c := range onChange {
					tripped = tripped || strings.Contains(rule.Message, c.message) ||
						rule.MessageExpression != "" && strings.HasPrefix(c.message, rule.Message[:len("size cannot be lowered")])
				}
				Expect(tripped).To(BeTrue(), "no entry trips the rule of %s: %s", path, rule.Message)
			}
		}
	})
})

func asUnstructured(object *v1alpha1.Datastore) *unstructured.Unstructured {
	GinkgoHelper()
	u := &unstructured.Unstructured{}
	Expect(api.Scheme().Convert(object, u, nil)).To(Succeed())
	return u
}

// many returns n labels.
func many(n int) map[string]string {
	labels := make(map[string]string, n)
	for i := range n {
		labels[fmt.Sprintf("%s/l%d", strings.Repeat("d", 200), i)] = strings.Repeat("v", 60)
	}
	return labels
}
