// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ParseRoutes reads the text of /proc/net/route and returns the destinations, without the default routes (which take
// nothing from anyone) and without the routes over the links that are to be ignored.
func ParseRoutes(text string, ignoreLink func(string) bool) ([]netip.Prefix, error) {
	var routes []netip.Prefix
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		fields := strings.Fields(line)
		if i == 0 || len(fields) < 8 || ignoreLink(fields[0]) {
			continue
		}
		destination, err := routeNumber(fields[1])
		if err != nil {
			return nil, fmt.Errorf("reading the destination of route %q: %w", line, err)
		}
		mask, err := routeNumber(fields[7])
		if err != nil {
			return nil, fmt.Errorf("reading the mask of route %q: %w", line, err)
		}
		if mask != [4]byte{} {
			routes = append(routes, netip.PrefixFrom(netip.AddrFrom4(destination), ones(mask)))
		}
	}
	return routes, nil
}

// routeNumber reads an address as the kernel prints it there: hexadecimal, last byte first.
func routeNumber(hex string) ([4]byte, error) {
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		return [4]byte{}, fmt.Errorf("parsing %q: %w", hex, err)
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], uint32(n))
	return b, nil
}

func ones(mask [4]byte) int {
	n := 0
	for v := binary.BigEndian.Uint32(mask[:]); v&(1<<31) != 0; v <<= 1 {
		n++
	}
	return n
}
