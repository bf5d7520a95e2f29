// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package document

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// parse reads a document in the extended JSON of the shell.
func parse(t *testing.T, text string) bson.Raw {
	t.Helper()
	var d bson.D
	if err := bson.UnmarshalExtJSON([]byte(text), false, &d); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestMatch(t *testing.T) {
	doc := parse(t, `{"_id": 1, "n": 5, "d": 5.5, "s": "b", "in": {"a": 2}, "yes": true, "none": null}`)
	for filter, want := range map[string]bool{
		`{}`:                               true,
		`{"n": 5}`:                         true,
		`{"n": 5.0}`:                       true,
		`{"n": 6}`:                         false,
		`{"n": "5"}`:                       false,
		`{"d": {"$gt": 5}}`:                true,
		`{"d": {"$gt": 5.5}}`:              false,
		`{"n": {"$gte": 5, "$lt": 6}}`:     true,
		`{"n": {"$lte": 4}}`:               false,
		`{"s": {"$gt": "a"}}`:              true,
		`{"s": {"$gt": 1}}`:                false,
		`{"in.a": 2}`:                      true,
		`{"in.b": 2}`:                      false,
		`{"in": {"a": 2}}`:                 true,
		`{"n": {"$in": [1, 5]}}`:           true,
		`{"n": {"$in": []}}`:               false,
		`{"n": {"$ne": 5}}`:                false,
		`{"missing": null}`:                true,
		`{"none": null}`:                   true,
		`{"missing": {"$exists": false}}`:  true,
		`{"n": {"$exists": false}}`:        false,
		`{"$or": [{"n": 1}, {"s": "b"}]}`:  true,
		`{"$and": [{"n": 5}, {"s": "c"}]}`: false,
		`{"yes": true, "n": 5}`:            true,
	} {
		got, err := Match(doc, parse(t, filter))
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", filter, got, err)
		}
	}
	for _, filter := range []string{`{"n": {"$regex": "x"}}`, `{"$where": "1"}`, `{"$or": 1}`, `{"n": {"$in": 1}}`} {
		if _, err := Match(doc, parse(t, filter)); err == nil {
			t.Errorf("%s is taken", filter)
		}
	}
}

func TestUpdate(t *testing.T) {
	const doc = `{"_id": 1, "n": 5, "in": {"a": 2}}`
	for update, want := range map[string]string{
		`{"$set": {"n": 6, "x.y": 1}}`:               `{"_id": 1, "n": 6, "in": {"a": 2}, "x": {"y": 1}}`,
		`{"$inc": {"n": 1, "in.a": -2, "z": 3}}`:     `{"_id": 1, "n": 6, "in": {"a": 0}, "z": 3}`,
		`{"$inc": {"n": 0.5}}`:                       `{"_id": 1, "n": 5.5, "in": {"a": 2}}`,
		`{"$inc": {"n": 2147483647}}`:                `{"_id": 1, "n": 2147483652, "in": {"a": 2}}`,
		`{"$unset": {"n": 1, "in.a": 1, "none": 1}}`: `{"_id": 1, "in": {}}`,
		`{"$setOnInsert": {"n": 9}}`:                 doc,
		`{"a": 1}`:                                   `{"_id": 1, "a": 1}`,
		`{"_id": 1, "a": 1}`:                         `{"_id": 1, "a": 1}`,
	} {
		got, err := Update(parse(t, doc), parse(t, update), false)
		if err != nil || string(got) != string(parse(t, want)) {
			t.Errorf("%s: %s, %v, want %s", update, got, err, want)
		}
	}
	for _, update := range []string{`{"$push": {"a": 1}}`, `{"$set": {"_id": 2}}`, `{"_id": 2, "a": 1}`, `{"$inc": {"in": 1}}`} {
		if got, err := Update(parse(t, doc), parse(t, update), false); err == nil {
			t.Errorf("%s gives %s", update, got)
		}
	}
}

func TestFromFilter(t *testing.T) {
	got, err := FromFilter(parse(t, `{"_id": 1, "a.b": {"$eq": 2}, "c": {"$gt": 3}}`))
	if err != nil || string(got) != string(parse(t, `{"_id": 1, "a": {"b": 2}}`)) {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestCompareOrdersKindsAndNumbersOfAllTypes(t *testing.T) {
	order := parse(t, `{"v": [null, {"$numberInt": "-1"}, {"$numberDouble": "0.5"}, {"$numberLong": "9007199254740993"},
		"a", "b", {"d": 1}, [1], {"$oid": "000000000000000000000001"}, true, {"$date": {"$numberLong": "1"}}]}`)
	values, err := order.Lookup("v").Array().Values()
	if err != nil {
		t.Fatal(err)
	}
	for i := range values {
		for j := range values {
			if got := Compare(values[i], values[j]); got < 0 != (i < j) || got == 0 != (i == j) {
				t.Errorf("%s against %s is %d", values[i], values[j], got)
			}
		}
	}
}
