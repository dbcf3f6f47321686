// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// stacks_go SECONDS [PROFILE]: a goroutine that allocates, and collects garbage, in functions that it
// is known by. PROFILE: what Go's own profiler says.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"time"
)

var sink [512][]byte

//go:noinline
func c(n int) int {
	for i := 0; i < n; i++ {
		sink[i%len(sink)] = make([]byte, 64+i*61%30000)
	}
	return n + 1
}

//go:noinline
func b(n int) int { return c(n) + 1 }

//go:noinline
func a(n int) int { return b(n) + 1 }

//go:noinline
func worker(end time.Time, done chan int) {
	n := 0
	for time.Now().Before(end) {
		n += a(200)
	}
	done <- n
}

func main() {
	seconds := 1.0
	if len(os.Args) > 1 {
		seconds, _ = strconv.ParseFloat(os.Args[1], 64)
	}
	debug.SetGCPercent(50)
	if len(os.Args) > 2 {
		file, err := os.Create(os.Args[2])
		if err != nil || pprof.StartCPUProfile(file) != nil {
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println("ready")
	done := make(chan int)
	go worker(time.Now().Add(time.Duration(seconds*1e9)), done)
	<-done
}
