// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/quorate/quorate/hack/target"
)

// operatorNamespace is where the chart is installed.
const operatorNamespace = "quorate-system"

type demo struct {
	*target.Target
	sample sample
	// server is the one of MongoDB that was asked for; double tells that it turned
	// out to be the double, by its own word.
	server target.Server
	double bool
	begin  time.Time
	step   int
}

// chapter is one part of the demo; its title says what a person sees.
type chapter struct {
	title string
	run   func(context.Context) error
}

func (d *demo) run(ctx context.Context) error {
	chapters := []chapter{
		{"A cluster: control plane and three nodes", d.cluster},
		{"The operator, by its Helm chart", d.install},
		{"One resource: " + d.sample.path(), d.form},
		{"Members, and who leads", d.members},
		d.sample.use,
		{"One pod deleted: same name, same claim, new address, all voters again", d.deletePod},
		{fmt.Sprintf("From three to %d and back, one member at a time", d.sample.sizes[0]), d.scale},
	}
	for _, c := range chapters {
		d.title(c.title)
		if err := c.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(c.title[:1])+c.title[1:], err)
		}
	}
	return d.farewell(ctx)
}

func (d *demo) title(text string) {
	d.step++
	_, _ = fmt.Fprintf(d.Out, "\n=== %d. %s  (%.0f s)\n", d.step, text, time.Since(d.begin).Seconds())
}

func (d *demo) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.Out, format+"\n", args...)
}

func (d *demo) cluster(ctx context.Context) error {
	if err := d.Up(ctx); err != nil {
		return err
	}
	images, err := d.Images()
	if err != nil {
		return err
	}
	further, err := filepath.Glob(filepath.Join(d.Root, d.sample.archives))
	if err != nil {
		return fmt.Errorf("find the images of the sample: %w", err)
	}
	if d.sample.archives == "" {
		further = nil
	}
	if err := d.Load(ctx, append(d.server.Of(images), further...)...); err != nil {
		return err
	}
	return d.kubectl(ctx, "get", "nodes")
}

func (d *demo) install(ctx context.Context) error {
	args := []string{
		"upgrade", "--install", "quorate", "charts/quorate",
		"--namespace", operatorNamespace, "--create-namespace", "--wait", "--timeout", "120s",
	}
	d.say("$ helm %s", strings.Join(args, " "))
	if err := d.Helm(ctx, args...); err != nil {
		return err
	}
	return d.kubectl(ctx, "-n", operatorNamespace, "get", "pods")
}

func (d *demo) form(ctx context.Context) error {
	if err := d.kubectl(ctx, append([]string{"apply"}, d.sample.manifests...)...); err != nil {
		return err
	}
	took, err := d.awaitReady(ctx, 3, d.sample.patience)
	if err != nil {
		return err
	}
	d.say("formed, and usable with access control on, %.1f s after it was applied", took.Seconds())
	return nil
}

func (d *demo) down(ctx context.Context) error {
	if d.Kind != target.Existing {
		if err := d.Down(ctx); err != nil {
			return err
		}
		d.say("everything that the demo made is gone")
		return nil
	}
	for _, args := range [][]string{
		append([]string{"delete", "--ignore-not-found"}, d.sample.manifests...),
		{"-n", d.sample.namespace, "delete", "pvc", "--ignore-not-found", "-l", "quorate.dev/datastore=" + d.sample.name},
	} {
		if err := d.kubectl(ctx, args...); err != nil {
			return err
		}
	}
	return d.Helm(ctx, "uninstall", "quorate", "--namespace", operatorNamespace, "--ignore-not-found")
}

func (d *demo) farewell(ctx context.Context) error {
	config, err := d.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	d.title("What to try next")
	d.say(`  export KUBECONFIG=%s
  kubectl explain datastore.spec
  kubectl -n %[2]s get dstore,pods,pvc,services
  kubectl -n %[2]s delete pod --all          # every pod at once: the data stays, the set comes back
  kubectl -n %[2]s delete pod/%[3]s-0 pvc/data-%[3]s-0   # a lost volume: the member joins afresh
  kubectl -n %[2]s patch dstore %[3]s --type merge -p '{"spec":{"config":%[4]s}}'   # refused, with a reason
  make demo-down

DEMO PASSED in %.0[5]f s%[6]s`, config, d.sample.namespace, d.sample.name, d.sample.refused, time.Since(d.begin).Seconds(), d.sample.verdict(d))
	return nil
}
