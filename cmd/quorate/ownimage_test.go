// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
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

func TestAManagerThatWaitsIsAliveAndNotReady(t *testing.T) {
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	stop, err := answerProbes(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s answers %d, want %d", path, answer.StatusCode, want)
		}
	}
	stop()
	again, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatalf("the port is not free for the manager: %v", err)
	}
	_ = again.Close()
	if _, err := answerProbes(t.Context(), "0"); err != nil {
		t.Errorf("a manager without probes: %v", err)
	}
}
