// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/quorate/quorate/test/double/wire"
)

// TestExcessesAreNoted sends what a manager may and what it may not, each by the words
// of the API server.
func TestExcessesAreNoted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	for _, tt := range []struct{ method, path, want string }{
		{http.MethodGet, "/api/v1/namespaces/ns/secrets/db-ca", ""},
		{http.MethodPost, "/api/v1/namespaces/ns/secrets", ""},
		{http.MethodGet, "/api/v1/namespaces/ns/pods", ""},
		{http.MethodGet, "/api/v1/pods?watch=true", ""},
		{http.MethodGet, "/api/v1/namespaces/ns/pods/secrets", ""},
		{http.MethodDelete, "/api/v1/namespaces/ns/pods/db-0", ""},
		{http.MethodGet, "/api/v1/namespaces/ns/secrets", "list secrets "},
		{http.MethodGet, "/api/v1/secrets?limit=500", "list secrets "},
		{http.MethodGet, "/api/v1/namespaces/ns/secrets?watch=true", "watch secrets "},
		{http.MethodPost, "/api/v1/namespaces/ns/pods/db-0/exec?command=sh", "create pods/exec db-0"},
		{http.MethodGet, "/api/v1/namespaces/ns/pods/db-0/exec?command=sh", "get pods/exec db-0"},
		{http.MethodGet, "/api/v1/namespaces/ns/pods/db-0/portforward", "get pods/portforward db-0"},
		{http.MethodPatch, "/api/v1/namespaces/ns/pods/db-0/ephemeralcontainers", "patch pods/ephemeralcontainers db-0"},
		{http.MethodDelete, "/api/v1/namespaces/ns/secrets/db-ca", ""},
		{http.MethodDelete, "/api/v1/namespaces/ns/secrets", "deletecollection secrets "},
		{http.MethodDelete, "/api/v1/namespaces/ns/secrets?labelSelector=a%3Db", "deletecollection secrets "},
		{http.MethodGet, "/api/v1/nodes/n1", ""},
		{http.MethodPost, "/api/v1/nodes/n1/proxy/run/ns/db-0/server?cmd=sh", "create nodes/proxy n1"},
		{http.MethodGet, "/api/v1/nodes/n1/proxy/exec/ns/db-0/server", "get nodes/proxy n1"},
		{http.MethodGet, "/api/v1/namespaces/ns/pods/db-0/proxy/v1/agent", "get pods/proxy db-0"},
		{http.MethodGet, "/api/v1/namespaces/ns/services/db/proxy/ui", "get services/proxy db"},
		{http.MethodPost, "/api/v1/namespaces/ns/serviceaccounts/x/token", "create serviceaccounts/token x"},
	} {
		w := &wire.Wire{}
		client, err := rest.HTTPClientFor(w.Config(&rest.Config{Host: server.URL}))
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		if got := w.Excesses(); !slices.Equal(got, want) {
			t.Errorf("%s %s: noted %q, want %q", tt.method, tt.path, got, want)
		}
	}
}
