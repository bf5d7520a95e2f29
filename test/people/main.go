// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command people is a small API that keeps people in MongoDB, as the applications
// of many tutorials do. It knows the set by the address in the connection Secret
// and nothing else, and is an example of a client: it starts before the set has
// formed, leaves it to the driver to find the primary and to try a write again, and
// says that a person is stored when a majority has it.
//
//	PUT /people/ID   {"name": "Ada Lovelace"}
//	GET /people
//	GET /ready
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const (
	// addressVariable names the set: it is the key uri of the connection Secret.
	addressVariable = "MONGODB_URI"
	listenOn        = ":8080"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := serve(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "people:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context) error {
	client, err := connect(os.Getenv(addressVariable))
	if err != nil {
		return err
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }()
	server := &http.Server{Addr: listenOn, Handler: newAPI(inMongoDB(client)), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		until, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		err = server.Shutdown(until)
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// connect prepares a client; nothing is sent yet.
//
// The driver notices a server that is frozen, or whose node is gone, after
// connectTimeout; its own default is 30 s.
func connect(address string) (*mongo.Client, error) {
	if address == "" {
		return nil, errors.New("the variable " + addressVariable + " is empty: it takes the key uri of the connection Secret")
	}
	client, err := mongo.Connect(options.Client().ApplyURI(address).SetAppName("people").
		SetConnectTimeout(connectTimeout).SetTimeout(requestTimeout))
	if err != nil {
		return nil, fmt.Errorf("make a client of the set: %w", err)
	}
	return client, nil
}

const (
	connectTimeout = 3 * time.Second
	// requestTimeout is for how long the driver may try to bring a request to its
	// end. An election takes about ten seconds where nobody hands over.
	requestTimeout = 20 * time.Second
)
