//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/target"
	rendered "github.com/quorate/quorate/internal/resource"
)

// The set of the tutorial, with the server that can be had today: a headless Service
// and a StatefulSet of three without authentication, which a person initiates by short
// names. Beside the tutorial's it meets the restricted Pod Security level, and its
// Service names pods that are not ready, which an adoption asks for.
func tutorialSet(namespace string) []client.Object {
	labels := map[string]string{"app": "db"}
	return []client.Object{
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "db"},
			Spec: corev1.ServiceSpec{
				ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true, Selector: labels, Ports: []corev1.ServicePort{{Port: 27017}},
			},
		},
		&appsv1.StatefulSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "db"},
			Spec: appsv1.StatefulSetSpec{
				Replicas: ptr.To[int32](3), ServiceName: "db", Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: ptr.To[int64](20),
					SecurityContext: &corev1.PodSecurityContext{
						RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](999), RunAsGroup: ptr.To[int64](999), FSGroup: ptr.To[int64](999),
						SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
					},
					Containers: []corev1.Container{{
						Name: "db", Image: "mongo:8.0", Command: []string{"mongod", "--replSet", "rs0", "--bind_ip_all"},
						Ports:        []corev1.ContainerPort{{ContainerPort: 27017}},
						VolumeMounts: []corev1.VolumeMount{{Name: "mongo-data", MountPath: "/data/db"}},
						SecurityContext: &corev1.SecurityContext{
							AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
						},
					}},
				}},
				VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "mongo-data"}, Spec: corev1.PersistentVolumeClaimSpec{
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
					Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse("64Mi")}},
				}}},
			},
		},
	}
}

// The Secrets of a set that was made by hand with authentication, and who may do all in it.
const (
	keyFileSecret       = "mongo-key"
	administratorSecret = "mongo-root"
)

var keyByHand = strings.Repeat("made/by/hand", 30)

var administratorByHand = options.Credential{AuthMechanism: "SCRAM-SHA-256", AuthSource: "admin", Username: "admin", Password: "made by hand", PasswordSet: true}

// closeByHand gives the set a key file from a Secret. A server takes one that nobody else
// can read, and the kubelet gives such a file to the group that a pod asks for: so the
// servers run as root with no group, as most that were made so do. Ours do not.
func closeByHand(set *appsv1.StatefulSet) {
	spec := &set.Spec.Template.Spec
	spec.SecurityContext = nil
	spec.Volumes = []corev1.Volume{{Name: "key", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: keyFileSecret, DefaultMode: ptr.To[int32](0o400)}}}}
	c := &spec.Containers[0]
	c.SecurityContext = nil
	c.Command = append(c.Command, "--keyFile", "/etc/mongo/keyfile")
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "key", MountPath: "/etc/mongo", ReadOnly: true})
}

// secretsByHand are those of such a set, which Datastores may use.
func secretsByHand(namespace, password string) []client.Object {
	secret := func(name string, data map[string]string) client.Object {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{v1alpha1.LabelConsent: v1alpha1.ConsentGiven}}, StringData: data,
		}
	}
	return []client.Object{
		secret(keyFileSecret, map[string]string{"keyfile": keyByHand + "\n"}),
		secret(administratorSecret, map[string]string{corev1.BasicAuthUsernameKey: administratorByHand.Username, corev1.BasicAuthPasswordKey: password}),
	}
}

// byHand is such a set as a client knows it; login is nil where everybody is let in.
type byHand struct {
	namespace string
	login     *options.Credential
}

// direct is a client of one server, which it asks alone: this machine does not know
// the names that the members have for each other.
func (s byHand) direct(ctx context.Context, pod string) (*mongo.Client, error) {
	var p corev1.Pod
	if err := k8s.Get(ctx, types.NamespacedName{Namespace: s.namespace, Name: pod}, &p); err != nil {
		return nil, err
	}
	if p.Status.PodIP == "" {
		return nil, errors.New(pod + " has no address")
	}
	o := options.Client().SetHosts([]string{net.JoinHostPort(p.Status.PodIP, "27017")}).SetDirect(true).
		SetServerSelectionTimeout(time.Second).SetConnectTimeout(time.Second)
	if s.login != nil {
		o.SetAuth(*s.login)
	}
	return mongo.Connect(o)
}

// onPrimary does something on the server that leads.
func (s byHand) onPrimary(ctx context.Context, do func(*mongo.Client) error) error {
	for i := range 3 {
		c, err := s.direct(ctx, fmt.Sprintf("db-%d", i))
		if err != nil {
			continue
		}
		var hello struct {
			Primary bool `bson:"isWritablePrimary"`
		}
		err = c.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
		if err == nil && hello.Primary {
			err = do(c)
			_ = c.Disconnect(context.WithoutCancel(ctx))
			return err
		}
		_ = c.Disconnect(context.WithoutCancel(ctx))
	}
	return errors.New("nobody leads")
}

// mongoWriter writes as fast as it is answered, and notes what a majority acknowledged.
type mongoWriter struct {
	mu     sync.Mutex
	acked  []int
	gap    time.Duration
	told   string // when the longest pause began, and who led before and after
	cancel context.CancelFunc
	ended  chan struct{}
}

func startMongoWriter(ctx context.Context, s byHand) *mongoWriter {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &mongoWriter{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		last, next, led := time.Time{}, 0, ""
		for running.Err() == nil {
			_ = s.onPrimary(running, func(c *mongo.Client) error {
				leads := meOf(running, c)
				for running.Err() == nil {
					next++ // one whose fate is not known is not written again
					err := c.Database("demo").RunCommand(running, bson.D{
						{Key: "insert", Value: "acked"}, {Key: "documents", Value: bson.A{bson.D{{Key: "_id", Value: next}}}},
						{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: 3000}}},
					}).Err()
					if err != nil {
						return err
					}
					w.mu.Lock()
					w.acked = append(w.acked, next)
					// Until the first one is acknowledged there is no pause, but the set's first election.
					if pause := time.Since(last); pause > w.gap && len(w.acked) > 1 {
						w.gap, w.told = pause, fmt.Sprintf("from %s, when %s led, until %s did", last.Format("15:04:05.000"), led, leads)
					}
					w.mu.Unlock()
					last, led = time.Now(), leads
					time.Sleep(20 * time.Millisecond) // the pace of the writer
				}
				return nil
			})
		}
	}()
	return w
}

// meOf is by what name a server knows itself.
func meOf(ctx context.Context, c *mongo.Client) string {
	var hello struct {
		Me string `bson:"me"`
	}
	_ = c.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello) // else it is not known
	return hello.Me
}

// stop ends it and returns what was acknowledged, and the longest pause.
func (w *mongoWriter) stop() ([]int, time.Duration) {
	w.cancel()
	<-w.ended
	return w.acked, w.gap
}

func (w *mongoWriter) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

var _ = Describe("A MongoDB set that was made by hand", Label("mongodb"), func() {
	It("is taken over in place, one member at a time and with no write lost", func(ctx SpecContext) { adoptByHand(ctx, false) }, NodeTimeout(10*time.Minute))

	It("is taken over with its key file and its users, once the right password is there", func(ctx SpecContext) { adoptByHand(ctx, true) }, NodeTimeout(10*time.Minute))
})

// adoptByHand has a set of three adopted under one writer while the operator is killed,
// with or without authentication.
func adoptByHand(ctx SpecContext, closed bool) {
	if cluster.Kind != target.Local {
		Skip("pods are dialled by their addresses here, which only the local cluster lets this machine reach")
	}
	namespace := newNamespace(ctx, "adoption")
	by := byHand{namespace: namespace}
	objects := tutorialSet(namespace)
	if closed {
		var ns corev1.Namespace
		Expect(k8s.Get(ctx, types.NamespacedName{Name: namespace}, &ns)).To(Succeed())
		ns.Labels["pod-security.kubernetes.io/enforce"] = "privileged" // for what was made by hand
		Expect(k8s.Update(ctx, &ns)).To(Succeed())
		closeByHand(objects[1].(*appsv1.StatefulSet))
		objects = append(secretsByHand(namespace, "not that one"), objects...)
		by.login = &options.Credential{AuthMechanism: "SCRAM-SHA-256", AuthSource: "local", Username: "__system", Password: keyByHand, PasswordSet: true}
	}
	for _, o := range objects {
		expectApplied(ctx, o)
	}
	By("initiating it by hand, by the names of the tutorial")
	Eventually(ctx, func() error {
		c, err := by.direct(ctx, "db-0")
		if err != nil {
			return err
		}
		defer func() { _ = c.Disconnect(ctx) }()
		members := bson.A{}
		for i := range 3 {
			members = append(members, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: fmt.Sprintf("db-%d.db:27017", i)}})
		}
		return c.Database("admin").RunCommand(ctx, bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: "rs0"}, {Key: "members", Value: members}}}}).Err()
	}).Should(Succeed())
	if closed {
		// A person does this from localhost, where it is nobody's to ask who they are yet.
		Eventually(ctx, func() error {
			return by.onPrimary(ctx, func(c *mongo.Client) error {
				return c.Database("admin").RunCommand(ctx, bson.D{
					{Key: "createUser", Value: administratorByHand.Username}, {Key: "pwd", Value: administratorByHand.Password}, {Key: "roles", Value: bson.A{"root"}},
				}).Err()
			})
		}).Should(Succeed())
		by.login = &administratorByHand
	}
	w := startMongoWriter(ctx, by)
	defer w.cancel()
	Eventually(ctx, w.count).Should(BeNumerically(">", 20))

	d := &v1alpha1.Datastore{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "db"}, Spec: v1alpha1.DatastoreSpec{
		Engine: v1alpha1.EngineMongoDB, Version: "8.0", Replicas: ptr.To[int32](3),
		Storage: v1alpha1.Storage{Size: apiresource.MustParse("64Mi")},
		Pod:     v1alpha1.PodSpec{Labels: map[string]string{"app": "db"}},
		Adopt:   &v1alpha1.Adopt{ClaimTemplate: "mongo-data", SetName: "rs0", Authentication: v1alpha1.AuthenticationNone},
	}}
	if closed {
		d.Spec.Adopt.Authentication = v1alpha1.AuthenticationKeyFile
		d.Spec.Adopt.KeyFile = &v1alpha1.AdoptedKeyFile{
			SecretRef: v1alpha1.SecretKeyReference{Name: keyFileSecret, Key: "keyfile"}, AdministratorSecretRef: v1alpha1.SecretReference{Name: administratorSecret},
		}
	}
	t := expectAdoptionPlanned(ctx, d)
	t.agree(ctx)
	if closed {
		By("having named a wrong password, and then the right one")
		Eventually(ctx, t.stalled).Should(ContainSubstring("does not let in the administrator whom spec.adopt names"))
		var root corev1.Secret
		Expect(k8s.Get(ctx, types.NamespacedName{Namespace: namespace, Name: administratorSecret}, &root)).To(Succeed())
		root.StringData = map[string]string{corev1.BasicAuthPasswordKey: administratorByHand.Password}
		Expect(k8s.Update(ctx, &root)).To(Succeed())
		t.began = time.Now()
	}
	Expect(t.expectDone(ctx, 5*time.Minute, rendered.PodReady)).To(BeNumerically(">=", 2), "members that were ready at a time")

	By("looking at what there is")
	written := w.count()
	Eventually(ctx, w.count).Should(BeNumerically(">", written+20))
	acked, gap := w.stop()
	AddReportEntry("acknowledged writes", fmt.Sprintf("%d, the longest pause between two %s, %s", len(acked), gap, w.told))
	Expect(by.onPrimary(ctx, func(c *mongo.Client) error {
		cursor, err := c.Database("demo").Collection("acked").Find(ctx, bson.D{}, options.Find().SetBatchSize(100000))
		if err != nil {
			return err
		}
		var found []struct {
			ID int `bson:"_id"`
		}
		if err := cursor.All(ctx, &found); err != nil {
			return err
		}
		there := map[int]bool{}
		for _, f := range found {
			there[f.ID] = true
		}
		for _, n := range acked {
			Expect(there[n]).To(BeTrue(), "the acknowledged write %d is lost", n)
		}
		var config struct {
			Config struct {
				Members []struct {
					Host string `bson:"host"`
				} `bson:"members"`
			} `bson:"config"`
		}
		if err := c.Database("admin").RunCommand(ctx, bson.D{{Key: "replSetGetConfig", Value: 1}}).Decode(&config); err != nil {
			return err
		}
		Expect(config.Config.Members).To(HaveLen(3))
		for i, m := range config.Config.Members {
			Expect(m.Host).To(Equal(fmt.Sprintf("db-%d.db:27017", i)))
		}
		return nil
	})).To(Succeed())
	t.expectSameClaims(ctx)
	Expect(datastore(ctx, t.key).Status.Members).To(HaveLen(3))
	if closed {
		expectOwnUsers(ctx, by)
	}
}

// expectOwnUsers holds that the set has the operator's users beside the one that a person
// made, and that the Secret of the connection opens it.
func expectOwnUsers(ctx context.Context, by byHand) {
	GinkgoHelper()
	var connection corev1.Secret
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: by.namespace, Name: "db-connection"}, &connection)).To(Succeed())
	by.login = &options.Credential{
		AuthMechanism: "SCRAM-SHA-256", AuthSource: "admin", Username: string(connection.Data["username"]), Password: string(connection.Data["password"]), PasswordSet: true,
	}
	Expect(by.onPrimary(ctx, func(c *mongo.Client) error {
		var have struct {
			Users []struct {
				User string `bson:"user"`
			} `bson:"users"`
		}
		if err := c.Database("admin").RunCommand(ctx, bson.D{{Key: "usersInfo", Value: 1}}).Decode(&have); err != nil {
			return err
		}
		var names []string
		for _, u := range have.Users {
			names = append(names, u.User)
		}
		Expect(names).To(ConsistOf("admin", "quorate-admin", "quorate-agent"))
		return nil
	})).To(Succeed())
}
