// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"fmt"
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
	se, err := l.session(ctx, l.agent())
	if err != nil {
		return err
	}
	config, _, err := se.Configuration(ctx, true)
	if err != nil {
		return stale(err)
	}
	if s.Term != config.Rank() {
		return fmt.Errorf("%w: the configuration is version %d of term %d", errStale, config.Version, config.Term)
	}
	return stale(se.Run(ctx, nil, bson.D{
		{Key: "setFeatureCompatibilityVersion", Value: s.Params[mongodb.ParamFeatures]}, {Key: "confirm", Value: true},
		{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: finalizeTimeout.Milliseconds()}}},
	}))
}
