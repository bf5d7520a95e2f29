// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// commandTimeout bounds every kubectl command; exec and logs can hang for ever
// where a node is gone.
const commandTimeout = 60 * time.Second

// kubectl runs and shows one command.
func (d *demo) kubectl(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	d.say("$ kubectl %s", strings.Join(args, " "))
	return d.Kubectl(ctx, args...)
}

// output runs one command quietly and returns what it printed.
func (d *demo) output(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd, err := d.KubectlCommand(ctx, args...)
	if err != nil {
		return "", err
	}
	var errText strings.Builder
	cmd.Stderr = &errText
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errText.String()))
	}
	return string(out), nil
}

// datastore is what the demo reads of a Datastore.
type datastore struct {
	Spec struct {
		Replicas int `json:"replicas"`
	} `json:"spec"`
	Metadata struct {
		Generation int64 `json:"generation"`
	} `json:"metadata"`
	Status struct {
		ObservedGeneration int64 `json:"observedGeneration"`
		ReadyReplicas      int   `json:"readyReplicas"`
		FaultTolerance     *int  `json:"faultTolerance"`
		Conditions         []struct {
			Type, Status, Reason, Message string
		} `json:"conditions"`
		Members []struct {
			Name, Role, Node, Version string
			Voter, Healthy            bool
		} `json:"members"`
		Plan struct {
			Message string `json:"message"`
		} `json:"plan"`
	} `json:"status"`
}

func (s *datastore) condition(name string) (status, message string) {
	for _, c := range s.Status.Conditions {
		if c.Type == name {
			return c.Status, c.Reason + ": " + c.Message
		}
	}
	return "", "not observed yet"
}

// settled tells whether the set is as the specification says, with so many voters.
func (s *datastore) settled(members int) bool {
	ready, _ := s.condition("Ready")
	reconciling, _ := s.condition("Reconciling")
	voters := 0
	for _, m := range s.Status.Members {
		if m.Voter && m.Healthy {
			voters++
		}
	}
	return ready == "True" && reconciling == "False" && voters == members && len(s.Status.Members) == members &&
		s.Status.ObservedGeneration == s.Metadata.Generation
}

// awaitReady shows the progress of the Datastore, as its status tells it, until
// it has settled, and returns how long that took.
func (d *demo) awaitReady(ctx context.Context, members int, within time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	begin, last := time.Now(), ""
	args := []string{"-n", d.sample.namespace, "get", "dstore", d.sample.name, "-o", "json", "--watch", "--output-watch-events=false"}
	cmd, err := d.KubectlCommand(ctx, args...)
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, fmt.Errorf("watch the datastore: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("watch the datastore: %w", err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it is told to end, so its exit says nothing
	}()
	for dec := json.NewDecoder(stdout); ; {
		var now datastore
		if err := dec.Decode(&now); err != nil {
			return 0, fmt.Errorf("the datastore has not settled within %s; last seen: %s", within, last)
		}
		if line := progress(&now); line != last {
			last = line
			d.say("%6.1f s  %s", time.Since(begin).Seconds(), line)
		}
		if now.settled(members) {
			return time.Since(begin), nil
		}
	}
}

func progress(s *datastore) string {
	status, why := s.condition("Ready")
	roles := make([]string, 0, len(s.Status.Members))
	for _, m := range s.Status.Members {
		role := m.Role
		switch {
		case role == "" && m.Healthy:
			role = "up" // nobody leads
		case role == "":
			role = "starting"
		}
		if role != "starting" && !m.Voter {
			role += ", no vote yet"
		}
		roles = append(roles, m.Name+" ("+role+")")
	}
	line := fmt.Sprintf("Ready=%-7s %s", status, why)
	if len(roles) > 0 {
		line += "\n          " + strings.Join(roles, ", ")
	}
	if plan := s.Status.Plan.Message; plan != "" {
		line += "\n          plan: " + plan
	}
	return line
}

func (d *demo) members(ctx context.Context) error {
	if err := d.kubectl(ctx, "-n", d.sample.namespace, "get", "dstore", d.sample.name, "-o", "wide"); err != nil {
		return err
	}
	text, err := d.output(ctx, "-n", d.sample.namespace, "get", "dstore", d.sample.name, "-o", "json")
	if err != nil {
		return err
	}
	var s datastore
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("read the datastore: %w", err)
	}
	leaders := 0
	for _, m := range s.Status.Members {
		d.say("  %-10s %-9s voter=%-5t healthy=%-5t %s on %s", m.Name, m.Role, m.Voter, m.Healthy, m.Version, m.Node)
		if m.Role == d.sample.leader {
			leaders++
		}
	}
	if d.sample.leader != "" && leaders != 1 {
		return fmt.Errorf("there are %d leaders", leaders)
	}
	return nil
}

// connection reads one key of the connection Secret.
func (d *demo) connection(ctx context.Context, key string) (string, error) {
	text, err := d.output(ctx, "-n", d.sample.namespace, "get", "secret", d.sample.name+"-connection", "-o", "jsonpath={.data."+key+"}")
	if err != nil {
		return "", err
	}
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(value) == 0 {
		return "", fmt.Errorf("the connection Secret holds no %s", key)
	}
	return string(value), nil
}
