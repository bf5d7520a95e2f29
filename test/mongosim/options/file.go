// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"fmt"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// ignored are settings that are taken without an effect; one that ends with a dot stands for all below it.
var ignored = []string{
	"systemLog.", "operationProfiling.", "storage.wiredTiger.", "storage.engine", "storage.directoryPerDB",
	"processManagement.timeZoneInfo", "net.maxIncomingConnections", "net.ipv6", "net.unixDomainSocket.",
	"replication.oplogSizeMB",
}

// readFile reads a configuration file.
func (o *Options) readFile(content []byte) error {
	var tree map[string]any
	if err := yaml.Unmarshal(content, &tree); err != nil {
		return usage("Error parsing YAML config file: %v", err)
	}
	return o.walk("", tree)
}

func (o *Options) walk(above string, tree map[string]any) error {
	for key, value := range tree {
		path := above + key
		inner, ok := value.(map[string]any)
		if !ok {
			if err := o.set(path, value); err != nil {
				return err
			}
			continue
		}
		if err := o.walk(path+".", inner); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) set(path string, value any) error {
	text := fmt.Sprint(value)
	if name, ok := strings.CutPrefix(path, "setParameter."); ok {
		o.Parameters[name] = text
		return nil
	}
	switch path {
	case "net.port":
		port, err := strconv.Atoi(text)
		if err != nil {
			return usage("net.port must be a number, and is %q", text)
		}
		o.Port = port
	case "net.bindIp":
		o.BindIP = text
	case "net.bindIpAll":
		return readBool(path, value, &o.BindIPAll)
	case "security.keyFile":
		o.KeyFile = text
	case "security.authorization":
		if text != "enabled" && text != "disabled" {
			return usage("security.authorization must be enabled or disabled, and is %q", text)
		}
		o.Authorization = text == "enabled"
	case "replication.replSetName", "replication.replSet":
		o.ReplSet = text
	case "storage.dbPath":
		o.DBPath = text
	default:
		return ignore(path)
	}
	return nil
}

func readBool(path string, value any, into *bool) error {
	b, ok := value.(bool)
	if !ok {
		return usage("%s must be true or false", path)
	}
	*into = b
	return nil
}

func ignore(path string) error {
	for _, known := range ignored {
		if path == known || strings.HasSuffix(known, ".") && strings.HasPrefix(path, known) {
			return nil
		}
	}
	return usage("Unrecognized option: %s", path)
}
