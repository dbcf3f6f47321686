// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// stacks_cgo SECONDS: Go that calls C that calls Go, which allocates.
package main

// int c_top(int n);
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

var sink [512][]byte

//go:noinline
func burn(n int) int {
	for i := 0; i < 100000; i++ {
		n = n*636413 + 1
	}
	return n
}

//go:noinline
func allocate(n int) int {
	for i := 0; i < 100; i++ {
		sink[(i+n)%len(sink)] = make([]byte, 10000+i)
	}
	return n + 1
}

//export goCallback
//go:noinline
func goCallback(n C.int) C.int { return C.int((allocate(int(n)) + burn(int(n))) & 0xff) }

//go:noinline
func c(n int) int { return int(C.c_top(C.int(n))) + 1 }

//go:noinline
func b(n int) int { return c(n) + 1 }

//go:noinline
func a(n int) int { return b(n) + 1 }

func main() {
	seconds := 1.0
	if len(os.Args) > 1 {
		seconds, _ = strconv.ParseFloat(os.Args[1], 64)
	}
	fmt.Println("ready")
	end := time.Now().Add(time.Duration(seconds * 1e9))
	for n := 0; time.Now().Before(end); n++ {
		a(n & 63)
	}
}
