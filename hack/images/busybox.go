// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// busyboxImage is a shell with the usual small programs; tests use it to put load on servers and to look into volumes.
// The program is the static one of the distribution, whatever its version.
func busyboxImage() spec {
	return spec{
		name:      "busybox",
		reference: "busybox:1.36",
		config:    v1.Config{Env: []string{searchPath}, Cmd: []string{"sh"}, WorkingDir: "/"},
		keep:      true,
		files: func(ctx context.Context, _ *builder, _ string) (tree, error) {
			files, err := shell(ctx)
			if err != nil {
				return nil, err
			}
			files.accounts()
			return files, nil
		},
	}
}

// shell returns the files of an image that has busybox as its shell.
func shell(ctx context.Context) (tree, error) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("looking for busybox (Debian's busybox-static): %w", err)
	}
	if err := checkStatic(busybox); err != nil {
		return nil, err
	}
	output, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("listing the programs in busybox: %w", err)
	}
	return shellFiles(busybox, strings.Fields(string(output))), nil
}

// shellFiles lays out busybox with a link for each program in it, and the folders that programs expect.
func shellFiles(busybox string, programs []string) tree {
	files := tree{}
	files.program("/bin/busybox", busybox)
	for _, program := range programs {
		if program != "busybox" {
			files.link("/bin/"+program, "busybox")
		}
	}
	files.link("/usr/bin/env", "/bin/busybox")
	files.folder("/tmp", 0o777|fs.ModeSticky, 0, 0)
	files.folder("/root", 0o700, 0, 0)
	for _, folder := range []string{"/usr/local/bin", "/var/tmp", "/home"} {
		files.folder(folder, 0o755, 0, 0)
	}
	// The resolver reads the hosts file before it asks a server.
	files.text("/etc/nsswitch.conf", "hosts: files dns\n", 0o644)
	files.text("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n", 0o644)
	return files
}

// account is a user of an image beside root and nobody, with a group of the same name.
type account struct {
	name     string
	uid, gid int
}

// accounts adds the files that name users and groups.
func (t tree) accounts(extra ...account) {
	users := []account{{name: "root"}}
	users = append(users, extra...)
	users = append(users, account{name: "nobody", uid: 65534, gid: 65534})
	var passwd, group strings.Builder
	for _, user := range users {
		home, login := "/", "/bin/false"
		if user.uid == 0 {
			home, login = "/root", "/bin/sh"
		}
		fmt.Fprintf(&passwd, "%s:x:%d:%d:%s:%s:%s\n", user.name, user.uid, user.gid, user.name, home, login)
		fmt.Fprintf(&group, "%s:x:%d:\n", user.name, user.gid)
	}
	t.text("/etc/passwd", passwd.String(), 0o644)
	t.text("/etc/group", group.String(), 0o644)
}

// checkStatic refuses a program that needs libraries which an image would lack.
func checkStatic(program string) (err error) {
	file, err := elf.Open(program)
	if err != nil {
		return fmt.Errorf("reading %s: %w", program, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	dynamic := slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	if dynamic {
		return fmt.Errorf("%s needs shared libraries: install the static one (Debian's busybox-static)", program)
	}
	return nil
}
