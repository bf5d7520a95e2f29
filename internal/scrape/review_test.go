// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package scrape

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/quorate/quorate/internal/pki"
)

// court is an API server that knows the token of prometheus, who may read, and that
// of mallory, who may not.
type court struct {
	may     map[string]bool
	away    bool
	reviews []string
	now     time.Time
	door    http.Handler
}

func newCourt(t *testing.T) *court {
	t.Helper()
	c := &court{may: map[string]bool{"prometheus": true}, now: time.Unix(0, 0)}
	api := fake.NewClientset()
	api.PrependReactor("create", "tokenreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		review := a.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenReview).DeepCopy()
		c.reviews = append(c.reviews, "who is "+review.Spec.Token)
		if c.away {
			return true, nil, errors.New("away")
		}
		if name := review.Spec.Token; name == "prometheus" || name == "mallory" {
			review.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{
				Username: name, UID: "1", Groups: []string{"readers"}, Extra: map[string]authenticationv1.ExtraValue{"scope": {"all"}},
			}}
		}
		return true, review, nil
	})
	api.PrependReactor("create", "subjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		review := a.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy()
		s := review.Spec
		c.reviews = append(c.reviews, fmt.Sprintf("may %s of %v %v %s %s", s.User, s.Groups, s.Extra, s.NonResourceAttributes.Verb, s.NonResourceAttributes.Path))
		review.Status.Allowed = c.may[s.User]
		return true, review, nil
	})
	door, err := filter(api.AuthenticationV1().TokenReviews(), api.AuthorizationV1().SubjectAccessReviews(), func() time.Time { return c.now })(
		logr.Discard(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if err != nil {
		t.Fatal(err)
	}
	c.door = door
	return c
}

func (c *court) knock(method, authorization string) int {
	req, answer := httptest.NewRequest(method, "/metrics", nil), httptest.NewRecorder()
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	c.door.ServeHTTP(answer, req)
	return answer.Code
}

func TestWhoIsLetIn(t *testing.T) {
	c := newCourt(t)
	for _, tt := range []struct {
		method, authorization string
		want                  int
	}{
		{"GET", "", 401},
		{"GET", "Bearer ", 401},
		{"GET", "Basic cHJvbWV0aGV1cw==", 401},
		{"GET", "Bearer stranger", 401},
		{"GET", "Bearer mallory", 403},
		{"GET", "bearer prometheus", 200},
		{"POST", "Bearer prometheus", 405},
	} {
		if got := c.knock(tt.method, tt.authorization); got != tt.want {
			t.Errorf("%s with %q: %d, want %d", tt.method, tt.authorization, got, tt.want)
		}
	}
	want := []string{
		"who is stranger", "who is mallory", "may mallory of [readers] map[scope:[all]] get /metrics",
		"who is prometheus", "may prometheus of [readers] map[scope:[all]] get /metrics",
	}
	if diff := cmp.Diff(want, c.reviews); diff != "" {
		t.Errorf("reviews (-want +got):\n%s", diff)
	}
}

// The API server is asked once a minute, and a right that was taken back or given is
// found out.
func TestVerdictsAreKeptForAWhile(t *testing.T) {
	c := newCourt(t)
	expect := func(who string, want, reviews int) {
		t.Helper()
		c.reviews = nil
		if got := c.knock("GET", "Bearer "+who); got != want || len(c.reviews) != reviews {
			t.Errorf("%s: %d after the reviews %q, want %d and %d of them", who, got, c.reviews, want, reviews)
		}
	}
	expect("prometheus", 200, 2)
	expect("mallory", 403, 2)
	c.may = map[string]bool{"mallory": true}
	c.now = c.now.Add(refusedFor - time.Nanosecond)
	expect("prometheus", 200, 0)
	expect("mallory", 403, 0)
	c.now = c.now.Add(time.Nanosecond)
	expect("mallory", 200, 2)
	c.now = time.Unix(0, 0).Add(admittedFor)
	expect("prometheus", 403, 2)
}

// Nothing is kept of an API server that is away, nor is anybody let in then.
func TestTheAPIServerIsAway(t *testing.T) {
	c := newCourt(t)
	c.away = true
	if got := c.knock("GET", "Bearer prometheus"); got != 503 {
		t.Errorf("%d while it is away", got)
	}
	c.away = false
	if got := c.knock("GET", "Bearer prometheus"); got != 200 {
		t.Errorf("%d when it is back", got)
	}
}

func TestWhoTriesTokensFillsNoMemory(t *testing.T) {
	c := newCourt(t)
	v := &verdicts{now: func() time.Time { return c.now }}
	for i := range 10 * most {
		v.put(subject(fmt.Sprint(i), "/metrics"), 401)
		if len(v.kept) > most {
			t.Fatalf("%d verdicts are kept", len(v.kept))
		}
	}
}

func TestOptions(t *testing.T) {
	plain, err := Settings{Address: ":1"}.Options()
	if err != nil || plain.SecureServing || plain.FilterProvider != nil || plain.BindAddress != ":1" {
		t.Errorf("plain: %+v, %v", plain, err)
	}
	secure, err := Settings{Address: ":1", Secure: true}.Options()
	if err != nil || !secure.SecureServing || secure.FilterProvider == nil {
		t.Errorf("secure: %+v, %v", secure, err)
	}
	folder := t.TempDir()
	named := Settings{Secure: true, CertFolder: folder}
	if _, err := named.Options(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a certificate that is not there: %v", err)
	}
	for name, text := range certificate(t) {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if o, err := named.Options(); err != nil || o.CertDir != folder {
		t.Errorf("a certificate that is there: %+v, %v", o, err)
	}
}

func certificate(t *testing.T) map[string][]byte {
	t.Helper()
	pair, err := pki.NewAuthority("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"tls.crt": pair.Certificate, "tls.key": pair.Key}
}
