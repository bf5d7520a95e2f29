// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/quorate/quorate/test/mongosim/await"
	"github.com/quorate/quorate/test/mongosim/code"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, hosts := range map[string][]*host{"alone": {start(t, withSetName(""))}, "set": form(t, 1)} {
		t.Run(name, func(t *testing.T) { exercise(t, hosts[0].client().Database("a")) })
	}
}

func exercise(t *testing.T, db *mongo.Database) {
	c := db.Collection("c")
	ctx := t.Context()
	docs := make([]any, 300)
	for i := range docs {
		docs[i] = bson.D{{Key: "_id", Value: i}, {Key: "n", Value: i % 10}, {Key: "in", Value: bson.D{{Key: "a", Value: i}}}}
	}
	if _, err := c.InsertMany(ctx, docs); err != nil {
		t.Fatal(err)
	}
	count := func(filter bson.D) int64 {
		t.Helper()
		n, err := c.CountDocuments(ctx, filter)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for want, filter := range map[int64]bson.D{
		300: {},
		30:  {{Key: "n", Value: 3}},
		60:  {{Key: "n", Value: bson.D{{Key: "$in", Value: bson.A{1, 2}}}}},
		9:   {{Key: "_id", Value: bson.D{{Key: "$gt", Value: 290}}}},
		5:   {{Key: "in.a", Value: bson.D{{Key: "$gte", Value: 10}, {Key: "$lte", Value: 14}}}},
		0:   {{Key: "n", Value: bson.D{{Key: "$lt", Value: 0}}}},
	} {
		if got := count(filter); got != want {
			t.Errorf("%v: %d documents, want %d", filter, got, want)
		}
	}
	_, err := c.InsertOne(ctx, docs[0])
	wantCode(t, err, code.DuplicateKey)
	cursor, err := c.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: -1}}).SetBatchSize(40).SetLimit(100))
	if err != nil {
		t.Fatal(err)
	}
	var found []struct {
		ID int `bson:"_id"`
	}
	if err := cursor.All(ctx, &found); err != nil || len(found) != 100 || found[0].ID != 299 || found[99].ID != 200 {
		t.Errorf("sorted: %d documents, %v", len(found), err)
	}
	if r, err := c.UpdateMany(ctx, bson.D{{Key: "n", Value: 3}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 100}}}}); err != nil || r.ModifiedCount != 30 {
		t.Errorf("updated %+v, %v", r, err)
	}
	if r, err := c.UpdateOne(ctx, bson.D{{Key: "_id", Value: "new"}}, bson.D{{Key: "$set", Value: bson.D{{Key: "in.b", Value: 1}}}}, options.UpdateOne().SetUpsert(true)); err != nil || r.UpsertedID != "new" {
		t.Errorf("upserted %+v, %v", r, err)
	}
	if r, err := c.ReplaceOne(ctx, bson.D{{Key: "_id", Value: "new"}}, bson.D{{Key: "x", Value: 1}}); err != nil || r.MatchedCount != 1 || count(bson.D{{Key: "x", Value: 1}}) != 1 {
		t.Errorf("replaced %+v, %v", r, err)
	}
	if r, err := c.DeleteMany(ctx, bson.D{{Key: "n", Value: 103}}); err != nil || r.DeletedCount != 30 {
		t.Errorf("deleted %+v, %v", r, err)
	}
	if r, err := c.DeleteOne(ctx, bson.D{{Key: "n", Value: 4}}); err != nil || r.DeletedCount != 1 {
		t.Errorf("deleted %+v, %v", r, err)
	}
	if names, err := db.ListCollectionNames(ctx, bson.D{}); err != nil || !slices.Equal(names, []string{"c"}) {
		t.Errorf("collections are %v, %v", names, err)
	}
	if names, err := db.Client().ListDatabaseNames(ctx, bson.D{}); err != nil || !slices.Contains(names, "a") {
		t.Errorf("databases are %v, %v", names, err)
	}
	// What is not understood is refused, never ignored.
	_, err = c.Find(ctx, bson.D{{Key: "n", Value: bson.D{{Key: "$regex", Value: "x"}}}})
	wantCode(t, err, code.BadValue)
	_, err = db.RunCommand(ctx, bson.D{{Key: "mapReduce", Value: 1}}).Raw()
	wantCode(t, err, code.CommandNotFound)
	if err := c.Drop(ctx); err != nil || count(bson.D{}) != 0 {
		t.Errorf("dropped: %v", err)
	}
}

func TestASecondaryIsReadOnlyWhereAllowedAndNeverWritten(t *testing.T) {
	t.Parallel()
	hosts := form(t, 2)
	primary := settled(t, hosts...)
	secondary := hosts[0]
	if primary == secondary {
		secondary = hosts[1]
	}
	db := secondary.client().Database("a")
	_, err := db.Collection("c").InsertOne(t.Context(), bson.D{{Key: "a", Value: 1}})
	wantCode(t, err, code.NotWritablePrimary)
	// The driver allows reads where it is told to talk to one server only; a bare command does not.
	raw := bson.D{{Key: "find", Value: "c"}, {Key: "$readPreference", Value: bson.D{{Key: "mode", Value: "primary"}}}}
	_, err = rawCommand(t, secondary.address, "a", raw)
	wantCode(t, err, code.NotPrimaryNoSecondaryOk)
	set := connect(t, uri(hosts)).Database("a", options.Database().SetReadPreference(readpref.Secondary()))
	if _, err := set.Collection("c").CountDocuments(t.Context(), bson.D{}); err != nil {
		t.Error(err)
	}
	linear := connect(t, uri(hosts)).Database("a", options.Database().SetReadConcern(readconcern.Linearizable()))
	if err := linear.Collection("c").FindOne(t.Context(), bson.D{}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Error(err)
	}
}

func TestWriteConcern(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	primary := settled(t, hosts...)
	insert := func(concern bson.D) (bson.Raw, error) {
		return primary.client().Database("a").RunCommand(t.Context(), bson.D{{Key: "insert", Value: "c"},
			{Key: "documents", Value: bson.A{bson.D{{Key: "a", Value: 1}}}}, {Key: "writeConcern", Value: concern}}).Raw()
	}
	w := func(w any) bson.D { return bson.D{{Key: "w", Value: w}, {Key: "wtimeout", Value: 500}} }
	for _, of := range []any{1, "majority", 2, 3} {
		if _, err := insert(w(of)); err != nil {
			t.Errorf("w %v: %v", of, err)
		}
	}
	_, err := insert(w(4))
	wantCode(t, err, code.UnsatisfiableWriteConcern)
	_, err = insert(w("others"))
	wantCode(t, err, 79)
	none := primary.client().Database("a").Collection("c", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	if _, err := none.InsertOne(t.Context(), bson.D{{Key: "a", Value: 1}}); err != nil {
		t.Error(err)
	}
	killed := 0
	for _, h := range hosts {
		if h != primary {
			h.kill()
			if killed++; killed == 1 {
				_, err = insert(w(3))
				wantCode(t, err, code.WriteConcernFailed)
			}
		}
	}
	_, err = insert(w("majority"))
	var failed mongo.WriteException
	var coded mongo.ServerError
	if !errors.As(err, &failed) && !errors.As(err, &coded) {
		t.Errorf("without a majority: %v", err)
	}
	// Before long it is no primary any more.
	await.Until(t, func() error {
		hello, err := primary.admin(bson.D{{Key: "hello", Value: 1}})
		if writable, _ := hello.Lookup("isWritablePrimary").BooleanOK(); err != nil || writable {
			return errors.New("still primary without a majority")
		}
		return nil
	})
	_, err = insert(w("majority"))
	wantCode(t, err, code.NotWritablePrimary)
}

// TestAPrimaryThatStepsDownSaysSoToThoseWhoWait for more members than a majority.
func TestAPrimaryThatStepsDownSaysSoToThoseWhoWait(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	primary := settled(t, hosts...)
	for _, h := range hosts {
		if h != primary {
			h.kill()
			break
		}
	}
	answer := make(chan error, 1)
	go func() {
		_, err := rawConcern(t, primary.address, bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{bson.D{{Key: "_id", Value: 1}}}},
			{Key: "writeConcern", Value: bson.D{{Key: "w", Value: 3}}}, {Key: "txnNumber", Value: int64(1)},
			{Key: "lsid", Value: bson.D{{Key: "id", Value: bson.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}}}}})
		answer <- err
	}()
	await.Until(t, func() error {
		found, err := primary.numbers("a", "c")
		if err == nil && len(found) != 1 {
			err = errors.New("not written yet")
		}
		return err
	})
	must(t)(primary.admin(stepDown(5, catchUp(4))))
	err := <-answer
	wantCode(t, err, code.PrimarySteppedDown)
	var labeled mongo.LabeledError
	if !errors.As(err, &labeled) || !labeled.HasErrorLabel("RetryableWriteError") {
		t.Errorf("without the label: %v", err)
	}
}

// rawConcern is rawCommand, and gives the error of the write concern too.
func rawConcern(t *testing.T, address string, command bson.D) (bson.Raw, error) {
	reply, err := rawCommand(t, address, "a", command)
	if failed, ok := reply.Lookup("writeConcernError").DocumentOK(); err == nil && ok {
		var labels []string
		if err := reply.Lookup("errorLabels").Unmarshal(&labels); err != nil {
			return reply, err
		}
		return reply, mongo.CommandError{Code: failed.Lookup("code").Int32(), Labels: labels}
	}
	return reply, err
}

// TestRetryableWritesAreCarriedOutOnce: the same number on the same session is answered from the record, also by the
// next primary.
func TestRetryableWritesAreCarriedOutOnce(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	primary := settled(t, hosts...)
	id := bson.D{{Key: "id", Value: bson.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}}}
	increment := func(number int64) bson.D {
		return bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{bson.D{
			{Key: "q", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "u", Value: bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}}, {Key: "upsert", Value: true},
		}}}, {Key: "lsid", Value: id}, {Key: "txnNumber", Value: number}}
	}
	value := func(h *host) int32 {
		var doc struct{ N int32 }
		if err := h.client().Database("a").Collection("c").FindOne(t.Context(), bson.D{}).Decode(&doc); err != nil {
			t.Fatal(err)
		}
		return doc.N
	}
	must(t)(rawCommand(t, primary.address, "a", increment(1)))
	must(t)(rawCommand(t, primary.address, "a", increment(2)))
	again := must(t)(rawCommand(t, primary.address, "a", increment(2)))
	if n, _ := again.Lookup("n").AsInt64OK(); n != 1 || again.Lookup("retriedStmtIds").Type == 0 {
		t.Errorf("answered again with %s", again)
	}
	_, err := rawCommand(t, primary.address, "a", increment(1))
	wantCode(t, err, code.TransactionTooOld)
	primary.kill()
	var rest []*host
	for _, h := range hosts {
		if h != primary {
			rest = append(rest, h)
		}
	}
	next := settled(t, rest...)
	must(t)(rawCommand(t, next.address, "a", increment(2)))
	if n := value(next); n != 2 {
		t.Errorf("incremented %d times, want 2", n)
	}
	// A refusal carries the label by which drivers try again.
	for _, h := range rest {
		if h != next {
			_, err := rawCommand(t, h.address, "a", increment(3))
			var labeled mongo.LabeledError
			if !errors.As(err, &labeled) || !labeled.HasErrorLabel("RetryableWriteError") {
				t.Errorf("refused with %v", err)
			}
		}
	}
}

// TestADriverLearnsOfAFailoverAtOnce: it waits on hello, and is answered when the primary changes.
func TestADriverLearnsOfAFailoverAtOnce(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	// The driver by itself would look again after a minute.
	slow := options.Client().ApplyURI(uri(hosts)).SetHeartbeatInterval(time.Minute).SetServerSelectionTimeout(10 * time.Second)
	client, err := mongo.Connect(slow)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	c := client.Database("a").Collection("c")
	for range 3 {
		if _, err := c.InsertOne(t.Context(), bson.D{{Key: "a", Value: 1}}); err != nil {
			t.Fatal(err)
		}
		primary := settled(t, hosts...)
		must(t)(primary.admin(stepDown(2, catchUp(1))))
	}
	if _, err := c.InsertOne(t.Context(), bson.D{{Key: "a", Value: 1}}); err != nil {
		t.Fatal(err)
	}
}
