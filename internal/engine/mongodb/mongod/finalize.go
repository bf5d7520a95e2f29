// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
)

// finalizeTimeout bounds the change of the feature compatibility version, which
// goes over all collections. One that was cut off is gone on with by the next.
const finalizeTimeout = 5 * time.Minute

// finalize raises the feature compatibility version.
func (l *local) finalize(ctx context.Context, s engine.Step) error {
	ctx, cancel := context.WithTimeout(ctx, finalizeTimeout)
	defer cancel()
	se, err := l.asAgent(ctx)
	if err != nil {
		return err
	}
	if _, err := planned(ctx, se, s); err != nil {
		return err
	}
	return stale(se.Run(ctx, nil, bson.D{
		{Key: "setFeatureCompatibilityVersion", Value: s.Params[mongodb.ParamFeatures]}, {Key: "confirm", Value: true},
		{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: finalizeTimeout.Milliseconds()}}},
	}))
}
