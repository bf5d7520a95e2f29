// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/quorate/quorate/internal/scrape"
)

var _ = Describe("The metrics of the manager", func() {
	It("are for those whom the cluster lets read them, by the rights that the manager is installed with", func(ctx context.Context) {
		kubectl("apply", "-k", configFolder+"/default")
		manager := rest.AnonymousClientConfig(config)
		manager.BearerToken = token(ctx, "quorate-system", "quorate-manager")
		url := serve(ctx, manager)
		reader := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "quorate-system", Name: "prometheus"}}
		Expect(api.Create(ctx, reader)).To(Succeed())
		bearer := token(ctx, reader.Namespace, reader.Name)

		code, body := get(ctx, url, "")
		Expect(code).To(Equal(http.StatusUnauthorized))
		Expect(body).NotTo(ContainSubstring("rest_client_requests_total"))
		code, _ = get(ctx, url, bearer+"x")
		Expect(code).To(Equal(http.StatusUnauthorized))
		code, body = get(ctx, url, bearer)
		Expect(code).To(Equal(http.StatusForbidden))
		Expect(body).NotTo(ContainSubstring("rest_client_requests_total"))

		Expect(api.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "prometheus"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "quorate-metrics-reader"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: reader.Namespace, Name: reader.Name}},
		})).To(Succeed())
		// A refusal is kept for a while, and belongs to the token.
		Eventually(func(g Gomega) {
			code, body := get(ctx, url, token(ctx, reader.Namespace, reader.Name))
			g.Expect(code).To(Equal(http.StatusOK))
			g.Expect(body).To(ContainSubstring("rest_client_requests_total"))
		}).WithTimeout(10 * time.Second).Should(Succeed())
	})
})

// serve serves metrics as the manager does, over TLS, until the spec ends.
func serve(ctx context.Context, as *rest.Config) string {
	GinkgoHelper()
	o, err := scrape.Settings{Address: "127.0.0.1:0", Secure: true}.Options()
	Expect(err).NotTo(HaveOccurred())
	c, err := rest.HTTPClientFor(as)
	Expect(err).NotTo(HaveOccurred())
	server, err := metricsserver.NewServer(o, as, c)
	Expect(err).NotTo(HaveOccurred())
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- server.Start(running) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended).Should(Receive(Succeed()))
	})
	address := server.(interface{ GetBindAddr() string }).GetBindAddr
	Eventually(address).ShouldNot(BeEmpty())
	return "https://" + address() + "/metrics"
}

// token is one of a service account, as the kubelet mounts them.
func token(ctx context.Context, namespace, name string) string {
	GinkgoHelper()
	var request authenticationv1.TokenRequest
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	Expect(api.SubResource("token").Create(ctx, account, &request)).To(Succeed())
	return request.Status.Token
}

// get reads a page with a token, from whoever serves it: that the certificate is the
// manager's own word is what the test's client does not ask about.
func get(ctx context.Context, url, token string) (code int, body string) {
	GinkgoHelper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	Expect(err).NotTo(HaveOccurred())
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	answer, err := c.Do(req)
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer.StatusCode, string(text)
}
