// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package scrape

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authentication "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const (
	// patience is how long the API server may take for both reviews; who scrapes
	// waits for ten seconds at most by default.
	patience = 5 * time.Second
	// atOnce is how many reviews may be under way, whoever knocks how often.
	atOnce = 4
)

// reviewer asks the API server who somebody is, and what they may.
type reviewer struct {
	tokens authentication.TokenReviewInterface
	access authorization.SubjectAccessReviewInterface
	known  *verdicts
	slots  chan struct{}
}

// Reviewed makes a filter that answers
//
//	405 to whoever does not GET
//	401 to who shows no bearer token, or one that the API server does not know
//	403 to who may not get the path
//	503 while the API server cannot be asked
//
// and lets all others in. It does not accept client certificates, which would need
// the cluster's authority, and lets nobody in on the strength of an old verdict
// alone: one is good for a minute.
func Reviewed(config *rest.Config, c *http.Client) (metricsserver.Filter, error) {
	tokens, err := authentication.NewForConfigAndClient(config, c)
	if err != nil {
		return nil, fmt.Errorf("make a client for token reviews: %w", err)
	}
	access, err := authorization.NewForConfigAndClient(config, c)
	if err != nil {
		return nil, fmt.Errorf("make a client for access reviews: %w", err)
	}
	return filter(tokens.TokenReviews(), access.SubjectAccessReviews(), time.Now), nil
}

func filter(tokens authentication.TokenReviewInterface, access authorization.SubjectAccessReviewInterface, now func() time.Time) metricsserver.Filter {
	r := &reviewer{tokens: tokens, access: access, known: &verdicts{now: now}, slots: make(chan struct{}, atOnce)}
	return func(log logr.Logger, next http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			code, err := r.judge(req)
			if err != nil {
				log.Error(err, "review who reads the metrics")
			}
			if code == http.StatusOK {
				next.ServeHTTP(w, req)
				return
			}
			if code == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			http.Error(w, http.StatusText(code), code)
		}), nil
	}
}

// judge returns what somebody is answered; 200 for whom is let in.
func (r *reviewer) judge(req *http.Request) (int, error) {
	if req.Method != http.MethodGet {
		return http.StatusMethodNotAllowed, nil
	}
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return http.StatusUnauthorized, nil
	}
	subject := subject(token, req.URL.Path)
	if code, known := r.known.get(subject); known {
		return code, nil
	}
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return http.StatusServiceUnavailable, nil
	}
	code, err := r.ask(ctx, token, req.URL.Path)
	if err != nil {
		return http.StatusServiceUnavailable, err
	}
	r.known.put(subject, code)
	return code, nil
}

func (r *reviewer) ask(ctx context.Context, token, path string) (int, error) {
	who, err := r.tokens.Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token},
	}, metav1.CreateOptions{})
	if err != nil {
		return 0, fmt.Errorf("have a token reviewed: %w", err)
	}
	if !who.Status.Authenticated {
		return http.StatusUnauthorized, nil
	}
	user := who.Status.User
	extra := map[string]authorizationv1.ExtraValue{}
	for k, v := range user.Extra {
		extra[k] = authorizationv1.ExtraValue(v)
	}
	may, err := r.access.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: path, Verb: "get"},
	}}, metav1.CreateOptions{})
	if err != nil {
		return 0, fmt.Errorf("have the access of %s reviewed: %w", user.Username, err)
	}
	if !may.Status.Allowed {
		return http.StatusForbidden, nil
	}
	return http.StatusOK, nil
}
