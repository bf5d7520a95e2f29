// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"context"
	"errors"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/wrappers"
)

var samples int

// sample starts a Datastore under a name of its own.
func sample() *wrappers.DatastoreWrapper {
	samples++
	return wrappers.MakeDatastore(fmt.Sprintf("sample-%d-x", samples))
}

// try asks the API server whether it would accept the object, and stores nothing.
func try(ctx context.Context, object client.Object) error {
	return api.Create(ctx, object, client.DryRunAll, client.FieldValidation("Strict"))
}

// stored creates the Datastore for the length of a spec.
func stored(ctx context.Context, w *wrappers.DatastoreWrapper) *v1alpha1.Datastore {
	GinkgoHelper()
	datastore := w.Obj()
	Expect(api.Create(ctx, datastore)).To(Succeed())
	DeferCleanup(func(ctx context.Context) {
		Expect(client.IgnoreNotFound(api.Delete(ctx, datastore))).To(Succeed())
	})
	return datastore
}

// expectRefusal asserts that the API server refused the field (empty for the whole object) with the message.
func expectRefusal(err error, field, message string) {
	GinkgoHelper()
	var status apierrors.APIStatus
	Expect(errors.As(err, &status)).To(BeTrue(), "refused by the API server, got: %v", err)
	Expect(apierrors.IsInvalid(err)).To(BeTrue(), "invalid, got: %v", err)
	for _, cause := range status.Status().Details.Causes {
		if (cause.Field == field || field == "" && cause.Field == "<nil>") && strings.Contains(cause.Message, message) {
			return
		}
	}
	Fail(fmt.Sprintf("no cause has field %q and message %q in: %v", field, message, err))
}
