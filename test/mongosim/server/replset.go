// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/replset"
)

func replSetInitiate(ctx context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	if node.Look().Config != nil {
		return nil, code.Errorf(code.AlreadyInitialized, "already initialized")
	}
	raw, ok := r.body.Lookup("replSetInitiate").DocumentOK()
	if !ok || len(raw) <= len(empty) {
		return nil, code.Errorf(code.BadValue, "the double initiates with a configuration only")
	}
	c, err := replset.Parse(raw)
	if err != nil {
		return nil, err
	}
	return nil, node.Initiate(ctx, c)
}

func replSetReconfig(ctx context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	raw, ok := r.body.Lookup("replSetReconfig").DocumentOK()
	if !ok {
		return nil, code.Errorf(code.BadValue, "no configuration specified")
	}
	force, _ := r.body.Lookup("force").BooleanOK()
	// One that cannot be read is refused only after everything about the member.
	c, unreadable := replset.Parse(raw)
	if unreadable != nil && node.Look().Config != nil && (force || node.Look().Writable) {
		return nil, unreadable
	}
	return nil, node.Reconfig(ctx, c, force)
}

func replSetGetConfig(_ context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	look := node.Look()
	if look.Config == nil {
		return nil, code.Errorf(code.NotYetInitialized, "no replset config has been received")
	}
	d := bson.D{{Key: "config", Value: look.Config.Shown()}}
	if asked, _ := r.body.Lookup("commitmentStatus").BooleanOK(); asked {
		if !look.Writable {
			return nil, code.Errorf(code.NotWritablePrimary, "commitmentStatus is only supported on primary.")
		}
		d = append(d, bson.E{Key: "commitmentStatus", Value: node.ConfigCommitted()})
	}
	return d, nil
}

// Defaults of replSetStepDown.
const (
	stepDownPeriod  = 60
	stepDownCatchUp = 10
)

func replSetStepDown(ctx context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	period, err := seconds(r.body, "replSetStepDown")
	if err != nil {
		return nil, err
	}
	force, _ := r.body.Lookup("force").BooleanOK()
	catchUp := int64(stepDownCatchUp)
	if force {
		catchUp = 0
	}
	if r.body.Lookup("secondaryCatchUpPeriodSecs").Type != 0 {
		if catchUp, err = seconds(r.body, "secondaryCatchUpPeriodSecs"); err != nil {
			return nil, err
		}
	}
	if period == 0 {
		period = stepDownPeriod
	}
	if period < catchUp {
		return nil, code.Errorf(code.BadValue, "stepdown period must be longer than secondaryCatchUpPeriodSecs")
	}
	return nil, node.StepDown(ctx, time.Duration(period)*time.Second, time.Duration(catchUp)*time.Second, force)
}

// seconds reads a number of seconds that is not negative; true, which shells send, is 0.
func seconds(body bson.Raw, field string) (int64, error) {
	n, ok := body.Lookup(field).AsInt64OK()
	if _, isBool := body.Lookup(field).BooleanOK(); isBool {
		return 0, nil
	}
	if !ok {
		return 0, code.Errorf(code.BadValue, "%s must be a number", field)
	}
	if n < 0 {
		return 0, code.Errorf(code.BadValue, "%s must be a positive integer", field)
	}
	return n, nil
}

func replSetFreeze(_ context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	period, err := seconds(r.body, "replSetFreeze")
	if err != nil {
		return nil, err
	}
	if node.Look().Config == nil {
		return nil, code.Errorf(code.NotYetInitialized, "no replset config has been received")
	}
	return nil, node.Freeze(time.Duration(period) * time.Second)
}

// shutdown ends the process, after a primary has handed over; without anyone to take over it refuses, unless forced.
func shutdown(ctx context.Context, r *request) (bson.D, error) {
	force, _ := r.body.Lookup("force").BooleanOK()
	limit := int64(15)
	if n, ok := r.body.Lookup("timeoutSecs").AsInt64OK(); ok {
		limit = n
	}
	if node := r.server.node; node != nil && node.Look().Writable {
		wait := time.Duration(limit) * time.Second
		if err := node.StepDown(ctx, wait+time.Minute, wait, force); err != nil {
			return nil, err
		}
	}
	r.server.options.Quit()
	return nil, errHangUp
}
