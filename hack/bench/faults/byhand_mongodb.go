// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/bench/manifests"
	"github.com/quorate/quorate/hack/bench/quorum"
)

// byHandMongoDB is the tutorial's replica set, looked after by a person with kubectl
// and MongoDB's shell, in whose place the driver runs the same commands.
type byHandMongoDB struct{}

var _ former = byHandMongoDB{}

func (byHandMongoDB) key() string       { return "tutorial" }
func (byHandMongoDB) title() string     { return "tutorial" }
func (byHandMongoDB) level() string     { return "privileged" }
func (byHandMongoDB) operated() bool    { return false }
func (byHandMongoDB) service() string   { return manifests.NameMongoDB }
func (byHandMongoDB) container() string { return "mongo" }

func (byHandMongoDB) claim(member string) string { return "mongo-data-" + member }

// token is the address as a person writes it for a client: all members' names.
func (byHandMongoDB) token(context.Context, *stage) (string, error) {
	var hosts []string
	for i := range manifests.Size {
		hosts = append(hosts, handHost(i))
	}
	return "mongodb://" + strings.Join(hosts, ",") + "/?replicaSet=rs0", nil
}

// handHost is the name of a member in the tutorial's configuration.
func handHost(ordinal int) string {
	return fmt.Sprintf("%[1]s-%[2]d.%[1]s:27017", manifests.NameMongoDB, ordinal)
}

func (byHandMongoDB) unsettled(context.Context, *stage) string { return "" }

func (byHandMongoDB) objects(scheme *runtime.Scheme, s setup) ([]client.Object, error) {
	return handmade(scheme, manifests.TutorialMongoDB(), s, mongoImage)
}

const mongoImage = "mongo:"

// form is rs.initiate with all members, once their pods run.
func (b byHandMongoDB) form(ctx context.Context, st *stage) error {
	var set appsv1.StatefulSet
	if err := st.K8s.Get(ctx, client.ObjectKey{Namespace: st.namespace, Name: manifests.NameMongoDB}, &set); err != nil {
		return fmt.Errorf("get the set: %w", err)
	}
	var members bson.A
	for i := range int(*set.Spec.Replicas) {
		if err := st.running(ctx, i); err != nil {
			return err
		}
		members = append(members, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: handHost(i)}})
	}
	err := st.command(ctx, handHost(0), nil, bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: "rs0"}, {Key: "members", Value: members}}}})
	if code := new(mongo.CommandError); errors.As(err, code) && code.Code == 23 { // it is initiated
		return nil
	}
	return err
}

// running tells whether the pod of a member runs.
func (st *stage) running(ctx context.Context, ordinal int) error {
	var p corev1.Pod
	if err := st.K8s.Get(ctx, client.ObjectKey{Namespace: st.namespace, Name: st.engine.member(ordinal)}, &p); err != nil {
		return fmt.Errorf("get the pod: %w", err)
	}
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Running != nil {
			return nil
		}
	}
	return fmt.Errorf("%s does not run yet", p.Name)
}

func (byHandMongoDB) rollout(ctx context.Context, st *stage) error {
	return handSet(manifests.NameMongoDB).rollout(ctx, st)
}

func (b byHandMongoDB) upgrade(ctx context.Context, st *stage, version string) error {
	return handSet(manifests.NameMongoDB).run(ctx, st, b.container(), mongoImage+version)
}

// scale adds members when their pods run, and removes them before these go.
func (byHandMongoDB) scale(ctx context.Context, st *stage, size int32) error {
	before := len(st.before.Members)
	for i := before - 1; i >= int(size); i-- {
		if err := st.patiently(ctx, "a member to be removed", func(ctx context.Context) error { return remove(ctx, st, handHost(i)) }); err != nil {
			return err
		}
	}
	if err := handSet(manifests.NameMongoDB).change(ctx, st, object{"replicas": size}); err != nil {
		return err
	}
	for i := before; i < int(size); i++ {
		if err := st.patiently(ctx, "a member to be added", func(ctx context.Context) error {
			if err := st.running(ctx, i); err != nil {
				return err
			}
			return add(ctx, st, handHost(i))
		}); err != nil {
			return err
		}
	}
	return nil
}

// patiently does something again until it succeeds.
func (st *stage) patiently(ctx context.Context, what string, do func(context.Context) error) error {
	var last error
	err := ground.Poll(ctx, what, ground.Patience, func(ctx context.Context) bool {
		last = do(ctx)
		return last == nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

// handConfiguration is the set's document; what is not named here is kept.
type handConfiguration struct {
	Version int64    `bson:"version"`
	Members []bson.D `bson:"members"`
	Rest    bson.M   `bson:",inline"`
}

// add is rs.add, done once: a host that is there is left.
func add(ctx context.Context, st *stage, host string) error {
	return reconfigure(ctx, st, func(members []bson.D) []bson.D {
		next := 0
		for _, m := range members {
			if field(m, "host") == host {
				return members
			}
			if n, err := strconv.Atoi(field(m, "_id")); err == nil {
				next = max(next, n+1)
			}
		}
		return append(members, bson.D{{Key: "_id", Value: next}, {Key: "host", Value: host}})
	})
}

// remove is rs.remove. A primary that is to go steps down first.
func remove(ctx context.Context, st *stage, host string) error {
	var hello struct {
		Primary string `bson:"primary"`
	}
	if err := st.command(ctx, "", &hello, bson.D{{Key: "hello", Value: 1}}); err != nil {
		return err
	}
	if hello.Primary == host {
		if err := stepDown(ctx, st, quorum.Member{}, ""); err != nil {
			return err
		}
		return fmt.Errorf("%s was the primary", host)
	}
	return reconfigure(ctx, st, func(members []bson.D) []bson.D {
		return slices.DeleteFunc(slices.Clone(members), func(m bson.D) bool { return field(m, "host") == host })
	})
}

// reconfigure reads the configuration, changes its members and sends it.
func reconfigure(ctx context.Context, st *stage, change func([]bson.D) []bson.D) error {
	var now struct {
		Config handConfiguration `bson:"config"`
	}
	if err := st.command(ctx, "", &now, bson.D{{Key: "replSetGetConfig", Value: 1}}); err != nil {
		return err
	}
	before := len(now.Config.Members)
	now.Config.Members = change(now.Config.Members)
	if len(now.Config.Members) == before {
		return nil
	}
	now.Config.Version++
	return st.command(ctx, "", nil, bson.D{{Key: "replSetReconfig", Value: now.Config}, {Key: "maxTimeMS", Value: 10000}})
}

// field is a value of a document in words.
func field(document bson.D, name string) string {
	for _, e := range document {
		if e.Key == name {
			return fmt.Sprint(e.Value)
		}
	}
	return ""
}

// errNotMeasured is of what no scenario of MongoDB does.
var errNotMeasured = errors.New("this is not measured of MongoDB")

func (byHandMongoDB) configure(context.Context, *stage, string, any) error { return errNotMeasured }

func (byHandMongoDB) grow(context.Context, *stage, string) error { return errNotMeasured }
