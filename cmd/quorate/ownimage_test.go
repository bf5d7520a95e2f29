// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
)

// A manager that starts while the API server is away, or before it may ask,
// waits for it instead of ending.
func TestOwnImageWaitsForTheAPIServer(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch w.Header().Set("Content-Type", "application/json"); {
		case r.URL.Path != "/api/v1/namespaces/system/pods/manager-0":
			t.Errorf("asked for %s", r.URL.Path)
		case asked.Add(1) == 1:
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`))
		default:
			_, _ = w.Write([]byte(`{"kind":"Pod","apiVersion":"v1","spec":{"containers":[{"name":"manager","image":"quorate/quorate:mine"}]}}`))
		}
	}))
	defer server.Close()
	t.Setenv("POD_NAMESPACE", "system")
	t.Setenv("POD_NAME", "manager-0")
	image, err := ownImage(t.Context(), &rest.Config{Host: server.URL})
	if err != nil || image != "quorate/quorate:mine" || asked.Load() != 2 {
		t.Errorf("%q, %v, asked %d times", image, err, asked.Load())
	}
}
