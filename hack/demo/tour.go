// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// readAndWrite does what the tutorial does with curl, against the client
// Service and with the token of the connection Secret.
func (d *demo) readAndWrite(ctx context.Context) error {
	name := d.sample.name
	if err := d.client(ctx); err != nil {
		return err
	}
	token, err := d.connection(ctx, "token")
	if err != nil {
		return err
	}
	wrote, err := d.curl(ctx, token, "-X", "PUT", "-d", "my-data", fmt.Sprintf("http://%s-client:8500/v1/kv/my-key", name))
	if err != nil {
		return err
	}
	if strings.TrimSpace(wrote) != "true" {
		return fmt.Errorf("the write was answered with %q", wrote)
	}
	read, err := d.curl(ctx, token, fmt.Sprintf("http://%s-2.%s:8500/v1/kv/my-key", name, name))
	if err != nil {
		return err
	}
	if !strings.Contains(read, "bXktZGF0YQ==") {
		return fmt.Errorf("the read was answered with %q, without my-data in base64", read)
	}
	if _, err := d.curl(ctx, "", fmt.Sprintf("http://%s-client:8500/v1/kv/my-key", name)); err == nil {
		return errors.New("a client without a token was let in")
	}
	d.say("without the token: refused, as it should be")
	return nil
}

// curl runs curl in the client pod; the token is not shown.
func (d *demo) curl(ctx context.Context, token string, args ...string) (string, error) {
	ns := d.sample.namespace
	run := append([]string{"-n", ns, "exec", "client", "--", "curl", "-sS", "--fail", "--max-time", "10"}, args...)
	if token != "" {
		run = append(run, "-H", "X-Consul-Token: "+token)
		d.say("$ kubectl -n %s exec client -- curl -H \"X-Consul-Token: $TOKEN\" %s", ns, strings.Join(args, " "))
	}
	out, err := d.output(ctx, run...)
	if err != nil {
		return "", err
	}
	if token != "" {
		d.say("%s", strings.TrimSpace(out))
	}
	return out, nil
}

// identity is what must stay and what must change when a pod is deleted.
type identity struct {
	uid, ip, claim string
}

func (d *demo) identity(ctx context.Context, pod string) (identity, error) {
	out, err := d.output(ctx, "-n", d.sample.namespace, "get", "pod", pod, "-o", "jsonpath={.metadata.uid} {.status.podIP}")
	if err != nil {
		return identity{}, err
	}
	claim, err := d.output(ctx, "-n", d.sample.namespace, "get", "pvc", "data-"+pod, "-o", "jsonpath={.metadata.uid}")
	if err != nil {
		return identity{}, err
	}
	fields := append(strings.Fields(out), "", "")
	return identity{uid: fields[0], ip: fields[1], claim: claim}, nil
}

func (d *demo) deletePod(ctx context.Context) error {
	pod := d.sample.name + "-1"
	before, err := d.identity(ctx, pod)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := d.kubectl(ctx, "-n", d.sample.namespace, "delete", "pod", pod); err != nil {
		return err
	}
	if err := d.awaitNewPod(ctx, pod, before.uid); err != nil {
		return err
	}
	if _, err := d.awaitReady(ctx, 3, d.sample.patience); err != nil {
		return err
	}
	after, err := d.identity(ctx, pod)
	if err != nil {
		return err
	}
	d.say("%s: address %s, before %s; claim %s, as before; three voters again %.1f s after the delete was asked for",
		pod, after.ip, before.ip, after.claim, time.Since(begin).Seconds())
	if after.claim != before.claim {
		return fmt.Errorf("the claim changed from %s", before.claim)
	}
	return nil
}

// awaitNewPod waits until another pod of the same name is ready.
func (d *demo) awaitNewPod(ctx context.Context, pod, oldUID string) error {
	ns := d.sample.namespace
	if _, err := d.output(ctx, "-n", ns, "wait", "--for=create", "pod/"+pod, "--timeout=50s"); err != nil {
		return err
	}
	// A command is bounded, and some servers take longer than that to start.
	for begin := time.Now(); ; {
		_, err := d.output(ctx, "-n", ns, "wait", "--for=condition=Ready", "pod/"+pod, "--timeout=50s")
		if err == nil {
			break
		}
		if ctx.Err() != nil || time.Since(begin) > d.sample.patience {
			return err
		}
	}
	now, err := d.identity(ctx, pod)
	if err != nil {
		return err
	}
	if now.uid == oldUID {
		return fmt.Errorf("pod %s was not replaced", pod)
	}
	return nil
}

func (d *demo) scale(ctx context.Context) error {
	for _, size := range d.sample.sizes {
		if err := d.kubectl(ctx, "-n", d.sample.namespace, "scale", "dstore", d.sample.name, fmt.Sprintf("--replicas=%d", size)); err != nil {
			return err
		}
		took, err := d.awaitReady(ctx, size, d.sample.patience)
		if err != nil {
			return err
		}
		d.say("%d voters after %.1f s", size, took.Seconds())
	}
	return d.kubectl(ctx, "-n", d.sample.namespace, "get", "pods,pvc", "-l", "quorate.dev/datastore="+d.sample.name)
}
